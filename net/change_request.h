// A call that changes a card or a key: from its route, through a flight, to its answer.
//
// Threads: lives on the loop that received it. prepare() and compose() run on the loop that owns what changes, while
// nothing else looks at what they write: the origin reads it only after the flight has landed with `decided` or
// `rejected`.
// Invariants: the Exchange is answered exactly once; an answer that says a change was made is sent only after the
// change is durable.
// Ownership: the routes keep their requests in a ChangeRequests list; a request leaves it, and is destroyed, when no
// flight and no hop to another loop needs it any more.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/flight.h"
#include "net/loop_context.h"
#include "net/router.h"

namespace holdfast::net {

class ChangeRequest;
using ChangeRequests = std::list<std::unique_ptr<ChangeRequest>>;

// The message that a call is, so that a repeat of it gets the same answer. Without Idempotency-Key it is none.
struct CallMessage {
  std::string id;             // empty: none
  std::uint64_t content = 0;  // of method, path and body
  // Of the decision API: its messages have one space of ids, whoever sends them, and a conflict is a 409.
  bool of_decisions = false;
};

// From the Idempotency-Key header (1 to 200 visible ASCII characters). nullopt: a problem has been answered.
std::optional<CallMessage> read_message(const Call& call, const engine::KeyHasher& hasher);

// What the If-Match header asks for.
struct VersionCondition {
  std::optional<std::uint32_t> version;  // nullopt: any
  bool holds(std::uint32_t current) const { return !version || *version == current; }
};
// nullopt: a problem has been answered.
std::optional<VersionCondition> read_if_match(const Call& call);

// "\"3\"", for ETag.
std::string etag_of(std::uint32_t version);

// A problem that is found on one loop and answered on another.
struct Problem {
  int status = 0;  // 0: none
  std::string_view code;
  std::string_view title;
  std::string detail;
};

class ChangeRequest : public FlightOwner, public CommandPlan {
 public:
  ChangeRequest(LoopContext& context, const Call& call, CallMessage message);

  void landed(Flight& flight, const Answer& answer) override;
  void released(Flight& flight) final;

  bool prepare(engine::Command&, unsigned) override { return true; }
  std::string_view compose(const engine::Outcome&) override { return {}; }

  // Makes a request that lives in `list`; give it to launch() or abandon() next.
  template <class T, class... Arguments>
  static T& make(ChangeRequests& list, Arguments&&... arguments) {
    auto made = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    T& request = *made;
    request.list_ = &list;
    request.place_ = list.insert(list.end(), std::move(made));
    return request;
  }

 protected:
  // Sends the command on its way; `remembered` with the call's message and with this as its plan. An Authorize has the
  // deadline and the late answers of a decision. Afterwards this may be gone.
  void launch(engine::Command command, bool remembered = true);
  void respond_problem(const Problem& problem);

  // Durable, now or, when answer.repeated, by an earlier delivery of the message.
  virtual void decided(Flight& flight, const Answer& answer) = 0;
  // prepare() said no, and noted why.
  virtual void rejected() { respond_problem(problem_); }
  // It became durable after the call had been answered `deadline_exceeded`.
  virtual void decided_late() {}

  // Keeps this alive through a hop to another loop.
  void hold() { ++holds_; }
  void drop();

  LoopContext& context_;
  Exchange& exchange_;
  const std::string request_id_;
  const engine::Instant now_;  // the one clock read of the call
  const SteadyTime first_byte_;
  Problem problem_;  // of prepare()

  std::string_view message_id() const { return message_.id; }
  Problem problem_of(const Answer& answer) const;

 private:
  const std::string endpoint_;  // of the message
  const CallMessage message_;
  ChangeRequests* list_ = nullptr;
  ChangeRequests::iterator place_;
  unsigned holds_ = 0;
  bool undecided_ = false;  // was answered before it was known whether the change is made
};

}  // namespace holdfast::net
