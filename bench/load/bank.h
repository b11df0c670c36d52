// The target's native API, as far as a run needs it: makes the cards, and reads what they have spent.
//
// Threads: one at a time; it blocks. Units: minor units.
// Errors: std::runtime_error that says what the target answered, or that it was lost.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/answer.h"
#include "bench/load/money.h"

namespace holdfast::load {

class Bank {
 public:
  Bank(const boost::asio::ip::tcp::endpoint& target, std::string host, std::string_view key);

  // Cards with one lifetime limit, in decimal dollars; their ids. With an endpoint each is bound to it under a
  // reference of `run` and its place.
  std::vector<std::string> make_cards(std::size_t count, std::string_view limit_usd, std::string_view run,
                                      std::string_view endpoint);
  static std::string reference(std::string_view run, std::size_t place);

  std::vector<Balance> balances(const std::vector<std::string>& cards);

 private:
  // As many calls as `count`, some under way at a time; `request` gives the text of each, `answered` has its answer.
  void call(std::size_t count, const std::function<std::string(std::size_t)>& request, int expected_status,
            const std::function<void(std::size_t, std::string_view)>& answered);
  void read_next(int expected_status, const std::function<void(std::string_view)>& answered);

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
  std::string host_;
  std::string headers_;
  std::string received_;
};

}  // namespace holdfast::load
