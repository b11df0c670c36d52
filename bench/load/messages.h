// Whole HTTP requests about purchases, in the wire form of one kind of caller, and what their answers mean.
//
// Threads: an object belongs to one worker. Units: minor units of the US dollar.
// Invariants: the ids of a purchase are made of the run and its number, so that the same purchase has the same ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/answer.h"
#include "bench/load/mix.h"
#include "bench/load/money.h"
#include "net/simulator/wire_form.h"

namespace holdfast::load {

struct Purchase {
  std::size_t card = 0;  // its place among the cards of the run
  std::int64_t amount = 0;
  const engine::Merchant* merchant = nullptr;
  std::uint64_t number = 0;  // all different
};

enum class Outcome : std::uint8_t {
  approved,          // or, of news, taken over
  declined,          // for good: a repeat must get the same
  declined_for_now,  // the target had no time or place to remember it
  refused,           // it was not understood: the run is a failure
  unavailable,       // whether anything happened is not known
};
struct Reply {
  Outcome outcome = Outcome::unavailable;
  std::int64_t amount = 0;  // approved
};

// The same for all workers.
struct Speech {
  engine::Processor kind = engine::Processor::native;
  net::simulator::Credentials credentials;
  std::string host;                // for the header
  std::string path;                // of the endpoint, where the form names none
  std::string run;                 // begins every id
  std::vector<std::string> cards;  // as this kind of caller names them
};

class Messages {
 public:
  // The credentials are ones that the form accepts.
  explicit Messages(const Speech& speech);

  // Appends the question whether the purchase may be made.
  void ask(std::string& out, const Purchase& purchase);
  Reply read(const Purchase& purchase, const HttpAnswer& answer);
  // Appends what the caller sends, a request each, when an approved purchase is captured or reversed whole.
  void tell(std::vector<std::string>& out, Movement movement, const Purchase& purchase);

 private:
  void compose(const Purchase& purchase);
  void append(std::string& out, const net::simulator::Message& message) const;

  const Speech& speech_;
  net::simulator::WireFormPtr form_;
  net::simulator::Payment payment_;
  net::simulator::Message message_;
};

// What the status says of news, and of anything whose body does not matter.
Outcome acknowledged(const HttpAnswer& answer);

}  // namespace holdfast::load
