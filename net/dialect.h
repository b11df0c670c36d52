// How one processor speaks: who may send its messages, what they say, and how it wants to be answered. A route does the
// rest in the same way for all of them (processor_route.h).
//
// Threads: immutable after construction; shared by all loops.
// Invariants: after verify() gave anything but ok nothing of the body is read; every question has an answer in the
// processor's own form, whatever went wrong inside.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/exchange.h"
#include "net/processors/event.h"
#include "net/processors/signature.h"
#include "net/processors/wire.h"

namespace holdfast::net {

// An answer under construction. Reused, so that an answer allocates nothing.
struct Reply {
  int status = 200;
  std::string body;
  HeaderView header;  // one more; no name: none. Its text outlives the answer

  void clear() {
    status = 200;
    body.clear();
    header = {};
  }
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual engine::Processor processor() const = 0;

  // Who sent it: headers, and the raw bytes of the body.
  virtual SignatureResult verify(const Request& request, engine::Instant now) const = 0;
  // Whether what verify() let pass may say this: some senders sign only a part of their messages.
  virtual SignatureResult verify_event(const Request&, const Event&) const { return SignatureResult::ok; }

  virtual Event decode(std::string_view body, JsonDocument& document) const = 0;

  // `declined_by`: id of the node that said no, may be empty. `balance`: for a question that wants it; may be null.
  virtual void answer(Reply& reply, const Asked& asked, const engine::Decision& decision, std::string_view declined_by,
                      const wire::Balance* balance) const = 0;
  // A decline that no decision stands behind.
  virtual void decline(Reply& reply, const Asked& asked, engine::Reason reason) const = 0;
  // The message's id was used before with other content.
  virtual void conflict(Reply& reply, const Asked& asked) const = 0;
};

// The value of the one header of this name; empty when there is none, or more than one, which nobody could have signed.
inline std::string_view single_header(const Request& request, std::string_view name) {
  return request.count(name) == 1 ? request.header(name) : std::string_view{};
}

// What a configured endpoint gives its dialect; a kind takes what it needs. Views are not kept.
struct DialectSettings {
  std::span<const std::string_view> secrets{};          // of signatures
  std::span<const std::string_view> webhook_secrets{};  // likewise, where news is signed and questions are not
  std::span<const BasicAuthentication::Credentials> credentials{};
  std::string_view stripe_version{};
};
using DialectPtr = std::shared_ptr<const Dialect>;
using DialectMaker = DialectPtr (*)(const DialectSettings&);

DialectPtr make_stripe_dialect(const DialectSettings& settings);
// Without secrets everything verifies: Lithic does not sign before its program asks for it.
DialectPtr make_lithic_dialect(const DialectSettings& settings);
// Without webhook secrets the credentials are enough for news, too.
DialectPtr make_marqeta_dialect(const DialectSettings& settings);

}  // namespace holdfast::net
