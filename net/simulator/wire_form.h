// How each processor says what happens to a payment, and how it reads the answers: the sending side of net/processors,
// for the simulator and for load.
//
// Threads: one at a time; a connection has its own.
// Invariants: what ask() and tell() make is what the processor would send, signed for `now`; the same payment and the
// same `now` give the same bytes. In the steady state ask() allocates nothing: it appends to the message's strings,
// which are used again, and the keys of signatures are prepared once.
// Errors: an answer that the processor could not use has `problem` set, in words for people.
// Source: that of the codecs in net/processors; the native form is openapi.yaml.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/authorization.h"
#include "net/json_document.h"
#include "net/simulator/payment.h"

namespace holdfast::net::simulator {

// A request by POST.
struct Message {
  std::string path;     // of the native interface; empty: that of the endpoint
  std::string headers;  // lines that end with CRLF, without those that belong to the connection and the length
  std::string body;
};

struct Answer {
  std::string problem;  // why it is no answer; empty: it is one
  bool approved = false;
  engine::Minor approved_amount = 0;
  std::string reason;  // the target's word for a decline; may be empty
};

// What the target takes the sender for.
struct Credentials {
  std::string secret;    // signs: Stripe, Lithic ("whsec_..."), the webhook of Marqeta (may be empty); native: the key
  std::string username;  // Marqeta
  std::string password;
};

class WireForm {
 public:
  virtual ~WireForm() = default;

  // The question that the payment's last event is. `out` is overwritten.
  virtual void ask(Message& out, const Payment& payment, engine::Instant now) = 0;
  // What came back for it.
  virtual Answer read(const Payment& payment, int status, std::string_view body) = 0;
  // Whether the word stands for the reason. Some processors have one word for several.
  virtual bool is_word_for(std::string_view word, engine::Reason reason) const;

  // Appends the news of the last event, in the order in which the processor sends it; nothing when it has none.
  virtual void tell(std::vector<Message>& out, const Payment& payment, engine::Instant now) = 0;

 protected:
  // Reads an answer that has a status of one, and gives its object to `read`; says what is wrong with it otherwise.
  template <class Read>
  Answer read_object(bool has_status, int status, std::string_view body, Read&& read) {
    Answer answer;
    if (!has_status) {
      answer.problem = "status " + std::to_string(status);
    } else if (!document_.parse(body)) {
      answer.problem = "the answer is not JSON";
    } else {
      read(document_.object(), answer);
      if (!document_.ok()) answer.problem = document_.error().detail;
    }
    return answer;
  }

 private:
  JsonDocument document_;
};

using WireFormPtr = std::unique_ptr<WireForm>;

struct ProcessorTraits {
  std::string_view name;              // "stripe"
  std::string_view default_endpoint;  // "stripe-main"
  int answer_limit_ms = 0;            // then the processor decides by itself
};
const ProcessorTraits& traits_of(engine::Processor processor);
std::optional<engine::Processor> processor_from_name(std::string_view name);

// Null when the credentials cannot be used; `problem` says why.
WireFormPtr make_wire_form(engine::Processor processor, const Credentials& credentials, std::string& problem);

WireFormPtr make_stripe_form(const Credentials& credentials);
WireFormPtr make_lithic_form(const Credentials& credentials);
WireFormPtr make_marqeta_form(const Credentials& credentials);
WireFormPtr make_native_form(const Credentials& credentials);

}  // namespace holdfast::net::simulator
