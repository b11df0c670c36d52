// The law a second time, as plainly as it can be said: what every command must give, by lists that are summed again for
// each question. The engine is compared with it, command by command.
//
// Threads: one.
// Invariants: nothing that was charged is ever added up beforehand. A node keeps each charge and each posting with its
// instant, and what a window holds is the sum of those that lie in it at the time of the question. Of the engine it
// uses the value types, the windows of a zone and the printed expiry of a card; none of its balances and decisions.
// Units: minor units; instants in milliseconds.
// Errors: commands that the engine may abort on (a node that is not there, say) are the caller's to leave out:
// allows(). Source: semantics; each rule stands with the function that follows it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/command.h"

namespace holdfast::model {

// A rule that the model gets wrong on purpose, to see that the comparison finds it.
enum class Bend : std::uint8_t {
  none = 0,
  equal_declines,         // held + posted + amount < limit
  count_given_back,       // a reversal of all takes its count back
  released_from_oldest,   // a release takes the oldest charge first
  captured_from_newest,   // a capture takes the newest charge first
  refund_restores_all,    // a refund lowers posted on every node
  rolling_is_exact,       // a charge leaves a rolling window after its very length
  breaker_counts_edge,    // the decline exactly `seconds` ago counts
  edit_resets_counter,    // a changed value begins a counter anew
  forced_spares_budgets,  // a forced posting is charged to the card only
  clock_goes_back,        // decided at the time that the clock shows, whatever was before
};
inline constexpr int kBends = 11;
const char* bend_name(Bend bend);

// What a window holds.
struct Sum {
  engine::Minor held = 0;
  engine::Minor posted = 0;
  std::int64_t count = 0;

  engine::Minor used() const { return held + posted; }
  Sum& operator+=(const Sum& other) {
    held += other.held;
    posted += other.posted;
    count += other.count;
    return *this;
  }
  friend bool operator==(const Sum&, const Sum&) = default;
};

// One charge, posting or refund as a node was charged with it. What happens to it later changes it in its place, so it
// stays in the windows that contain its instant.
struct Entry {
  engine::Instant at;
  engine::CategoryCode category = engine::kNoCategory;
  Sum sum;
};

struct Trip {
  engine::Instant at;
  engine::Instant until;
  int cause = 0;  // 0 declines, 1 repeats, 2 half open
  friend bool operator==(const Trip&, const Trip&) = default;
};

struct Breaker {
  struct Request {
    std::string merchant;
    engine::Minor amount = 0;
    engine::Instant at;
  };
  bool tripped = false;
  engine::Instant until;
  std::vector<engine::Instant> declines;
  std::vector<Request> requests;
  std::vector<Trip> trips;  // all of them, oldest first
};

struct Node {
  engine::NodeIdentity identity;
  engine::NodeSettings settings;
  engine::NodeStatus status = engine::NodeStatus::active;
  std::uint32_t version = 1;
  engine::Instant last_change = engine::kNoInstant;
  std::uint64_t approvals = 0;
  std::vector<Entry> entries;
  std::vector<engine::Instant> counted_since;  // of each limit with a counter of its own; else kNoInstant
  std::optional<std::string> locked_to;
  Breaker breaker;
};

// Where a charge stands: nodes and the number of its entry in each.
using Places = std::vector<std::pair<engine::NodeIndex, std::size_t>>;

struct Charge {
  engine::Minor held = 0;
  engine::Instant at;
  Places places;
};

struct Refund {
  engine::Minor rest = 0;
  engine::Instant at;
  std::vector<engine::NodeIndex> path;  // of the first charge
  Places places;                        // of the nodes of it whose posted the refund lowered
};

struct Authorization {
  engine::Instant decided_at;
  engine::Minor approved = 0;
  engine::Minor held = 0;
  engine::Minor captured = 0;
  engine::Minor refunded = 0;
  engine::CategoryCode category = engine::kNoCategory;
  engine::AuthorizationStatus status = engine::AuthorizationStatus::pending;
  engine::Reason reason = engine::Reason::none;
  engine::Instant told = engine::kNoInstant;
  // Oldest first. The first is there from the first request on, or from what the authorization began with instead.
  std::vector<Charge> charges;
  std::vector<Refund> refunds;
  engine::Minor reversed_early = 0;  // of refunds that are still to be heard of
};

// What the limits of a whole path say of an amount.
struct Verdict {
  struct Failure {
    engine::Reason reason = engine::Reason::none;
    engine::DeclinedBy by;
    bool lifetime = false;
    engine::Instant opens = engine::kNoInstant;  // never, by waiting: kNoInstant
  };
  std::vector<Failure> failures;  // card first
  engine::Minor room = 0;         // the most that all amount limits let pass

  bool count_is_used_up() const;
};

// Which authorization: the card, who speaks, and the id.
using Name = std::tuple<engine::NodeIndex, engine::Processor, std::string>;

class Model {
 public:
  explicit Model(Bend bend = Bend::none) : bend_(bend) {}

  // Whether the command is one that a caller may give now.
  bool allows(const engine::Command& command, engine::Instant now) const;
  engine::Outcome apply(const engine::Command& command, engine::Instant now);
  // The decision alone; changes nothing.
  engine::Decision decide(engine::NodeIndex card, const engine::AuthorizationRequest& request,
                          engine::Instant now) const;

  const std::map<engine::NodeIndex, Node>& nodes() const { return nodes_; }
  const std::map<Name, Authorization>& authorizations() const { return authorizations_; }
  // As a question at `now` meets it; null when it is not known or forgotten.
  const Authorization* find(const Name& name, engine::Instant now) const;
  // The path of a node from itself to the root, and the time at which a question of `now` about it is answered.
  std::vector<engine::NodeIndex> path_of(engine::NodeIndex node) const;
  engine::Instant time_of(const std::vector<engine::NodeIndex>& path, engine::Instant now) const;
  // What a window, or the window of a limit, holds at `now`.
  Sum window_of(engine::NodeIndex node, engine::WindowKind window, engine::Instant now) const;
  Sum limit_of(engine::NodeIndex node, std::size_t limit, engine::Instant now) const;

 private:
  using Minor = engine::Minor;
  using Instant = engine::Instant;
  using NodeIndex = engine::NodeIndex;

  // Nodes.
  engine::NodeOutcome create(const engine::CreateNode& command);
  engine::NodeOutcome change(const engine::ChangeNode& command, Instant now);
  engine::NodeOutcome set_status(const engine::SetNodeStatus& command);
  void begin_counters(const Node& old, Node& node, Instant now) const;
  const engine::ZoneRules& zone_of(NodeIndex node) const;
  Instant window_start(NodeIndex node, engine::WindowKind window, Instant now) const;
  Instant drops_out_at(const engine::Limit& limit, Instant at) const;
  std::vector<const Entry*> counted_by(NodeIndex node, std::size_t limit, Instant now) const;
  void touch(const std::vector<NodeIndex>& path, Instant at);

  // Decisions.
  bool refuses(engine::Reason reason, NodeIndex node, bool is_card, const engine::AuthorizationRequest& request,
               Instant now) const;
  bool declined_by_control(const std::vector<NodeIndex>& path, const engine::AuthorizationRequest& request,
                           engine::Decision& decision) const;
  Verdict verdict_of(const std::vector<NodeIndex>& path, const engine::AuthorizationRequest& request,
                     Instant now) const;
  void ask_limit(NodeIndex node, std::size_t limit, bool is_card, const engine::AuthorizationRequest& request,
                 Instant now, Verdict& verdict) const;
  bool fits(const engine::Limit& limit, const Sum& sum, Minor amount) const;
  Instant opens_at(NodeIndex node, std::size_t limit, Minor amount, Instant now) const;
  engine::Decision authorize(const engine::Authorize& command, Instant now);
  void enter_decision(const engine::Authorize& command, const std::vector<NodeIndex>& path, engine::Decision& decision);
  void count_approval(NodeIndex card, const engine::AuthorizationRequest& request);
  bool tell_breaker(NodeIndex card, const engine::AuthorizationRequest& request, engine::Decision& decision);
  engine::WithdrawOutcome withdraw(const engine::Withdraw& command, Instant now);

  // Advice: what happens to one authorization, planned first, because all of it has one instant, which is not before
  // the last change of any node that it changes.
  struct Advised {
    const engine::Advise& command;
    Authorization& authorization;
    engine::AdviceOutcome outcome{};
    std::vector<NodeIndex> changed{};
    Instant not_before = engine::kNoInstant;  // when what is changed was charged
    std::vector<std::function<void(Instant)>> changes{};
  };
  engine::AdviceOutcome advise(const engine::Advise& command, Instant now);
  void carry_out(Advised& advised);
  void capture(Advised& advised);
  void release(Advised& advised, Minor amount, engine::AuthorizationStatus when_empty);
  void disown(Advised& advised);
  void set_hold(Advised& advised, Minor amount);
  void adopt(Advised& advised, Minor amount);
  void post(Advised& advised, Minor amount);
  void refund(Advised& advised, Minor amount);
  void undo_refunds(Advised& advised, Minor amount);
  void take(Advised& advised, Minor amount, bool oldest_first, bool to_posted);
  void plan_charge_now(Advised& advised, const Sum& sum, bool is_charge);
  void plan_change(Advised& advised, const Charge& charge, Minor held, Minor posted);
  bool is_over_limit(NodeIndex card, Instant now) const;

  // Enters a charge of `sum` on every node of the path.
  Charge charge(const std::vector<NodeIndex>& path, Instant at, engine::CategoryCode category, const Sum& sum);
  void change_charge(const Charge& charge, Minor held, Minor posted);

  const Bend bend_;
  std::map<NodeIndex, Node> nodes_;
  std::map<std::string, engine::ZoneRules> zones_;
  std::map<Name, Authorization> authorizations_;
};

}  // namespace holdfast::model
