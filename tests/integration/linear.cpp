#include "tests/integration/linear.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_set>

namespace holdfast::integration {
namespace {

using Kind = CardOperation::Kind;

constexpr std::size_t kStatesMax = 2'000'000;

// The card by the sequential law.
class Card {
 public:
  Card(std::int64_t limit, std::size_t authorizations) : limit_(limit), held_(authorizations, 0) {}

  // Whether a card in this state gives just this answer.
  bool gives(const CardOperation& operation) const {
    switch (operation.kind) {
      case Kind::authorize:
        return decides(operation);
      case Kind::increment:
        return operation.refused ? held(operation) == 0 : held(operation) > 0 && decides(operation);
      case Kind::capture:
        if (operation.refused) return operation.amount == kAllOfIt && held(operation) == 0;
        return operation.released == released_by_capture(operation);
      case Kind::reverse:
        if (operation.refused) return held(operation) == 0;
        return held(operation) > 0 && operation.released == part_of_held(operation);
      case Kind::post:
        return true;
    }
    return false;
  }

  static bool changes_nothing(const CardOperation& operation) {
    switch (operation.kind) {
      case Kind::authorize:
      case Kind::increment:
        return operation.approved == 0;
      case Kind::capture:
        return operation.refused;
      case Kind::reverse:
        return operation.released == 0;
      case Kind::post:
        return false;
    }
    return false;
  }

  void apply(const CardOperation& operation) { move(operation, 1); }
  void undo(const CardOperation& operation) { move(operation, -1); }

 private:
  std::int64_t held(const CardOperation& operation) const { return held_[operation.authorization]; }
  std::int64_t part_of_held(const CardOperation& operation) const {
    return operation.amount == kAllOfIt ? held(operation) : std::min(operation.amount, held(operation));
  }
  std::int64_t released_by_capture(const CardOperation& operation) const {
    if (operation.amount == kAllOfIt && held(operation) == 0) return -1;  // it would have been refused
    return operation.final ? held(operation) : part_of_held(operation);
  }
  bool decides(const CardOperation& operation) const {
    const std::int64_t room = std::max<std::int64_t>(limit_ - used_, 0);
    const std::int64_t fits = operation.amount <= room ? operation.amount : operation.partial ? room : 0;
    if (operation.approved != fits) return false;
    return fits > 0 || !operation.room || *operation.room == room;
  }

  // What an operation does follows from its answer: so a state follows from which operations were applied, in whatever
  // order, and each can be taken back.
  void move(const CardOperation& operation, std::int64_t sign) {
    if (operation.refused) return;
    const std::int64_t posted = operation.kind == Kind::post      ? operation.amount
                                : operation.kind == Kind::capture ? posted_by_capture(operation)
                                                                  : 0;
    const std::int64_t change = operation.approved - operation.released;
    held_[operation.authorization] += sign * change;
    used_ += sign * (change + posted);
  }
  static std::int64_t posted_by_capture(const CardOperation& operation) {
    return operation.amount == kAllOfIt ? operation.released : operation.amount;
  }

  const std::int64_t limit_;
  std::int64_t used_ = 0;  // held and posted
  std::vector<std::int64_t> held_;
};

// Depth first: at each step one of those operations comes next that were sent before any other that is left returned.
class Search {
 public:
  explicit Search(const CardHistory& history)
      : operations_(history.operations),
        in_time_(operations_.size()),
        done_(operations_.size(), false),
        card_(history.limit, authorizations_in(history)) {
    std::iota(in_time_.begin(), in_time_.end(), std::size_t{0});
    std::stable_sort(in_time_.begin(), in_time_.end(),
                     [&](std::size_t a, std::size_t b) { return operations_[a].invoked < operations_[b].invoked; });
  }

  Linearity run() {
    steps_.push_back({candidates()});
    while (order_.size() < operations_.size()) {
      if (steps_.empty()) return result(Linearity::Verdict::not_linearizable);
      if (tried_.size() > kStatesMax) return result(Linearity::Verdict::given_up);
      if (!advance()) retreat();
    }
    return result(Linearity::Verdict::linearizable);
  }

 private:
  struct Step {
    std::vector<std::size_t> places;  // in in_time_, of what may come next
    std::size_t next = 0;
  };

  static std::size_t authorizations_in(const CardHistory& history) {
    std::size_t count = 0;
    for (const CardOperation& each : history.operations)
      count = std::max(count, each.authorization + 1);
    return count;
  }

  const CardOperation& at(std::size_t place) const { return operations_[in_time_[place]]; }

  // Those that are legal now. One that changes nothing can as well come at once, so then it is the only one.
  std::vector<std::size_t> candidates() const {
    std::vector<std::size_t> found;
    std::int64_t first_return = std::numeric_limits<std::int64_t>::max();
    for (std::size_t place = first_; place < in_time_.size() && at(place).invoked <= first_return; ++place) {
      if (done_[place]) continue;
      first_return = std::min(first_return, at(place).returned);
    }
    for (std::size_t place = first_; place < in_time_.size() && at(place).invoked <= first_return; ++place) {
      if (done_[place] || !card_.gives(at(place))) continue;
      if (Card::changes_nothing(at(place))) return {place};
      found.push_back(place);
    }
    return found;
  }

  bool advance() {
    Step& step = steps_.back();
    if (step.next == step.places.size()) return false;
    const std::size_t place = step.places[step.next++];
    take(place);
    if (tried_.insert(state()).second) {
      longest_ = std::max(longest_, order_.size());
      steps_.push_back({candidates()});
    } else {
      give_back();
    }
    return true;
  }

  void retreat() {
    steps_.pop_back();
    if (!steps_.empty()) give_back();
  }

  void take(std::size_t place) {
    card_.apply(at(place));
    done_[place] = true;
    order_.push_back(place);
    while (first_ < done_.size() && done_[first_])
      ++first_;
  }
  void give_back() {
    const std::size_t place = order_.back();
    order_.pop_back();
    done_[place] = false;
    first_ = std::min(first_, place);
    card_.undo(at(place));
  }

  // Which operations were applied, and so all of the state: those before first_, and these behind it.
  std::string state() const {
    std::string text = std::to_string(first_) + ':';
    std::size_t left = order_.size() - first_;
    for (std::size_t place = first_; left != 0; ++place) {
      text += done_[place] ? '1' : '0';
      if (done_[place]) --left;
    }
    return text;
  }

  Linearity result(Linearity::Verdict verdict) const {
    Linearity linearity{verdict, {}, longest_, tried_.size()};
    if (verdict != Linearity::Verdict::linearizable) return linearity;
    for (const std::size_t place : order_)
      linearity.order.push_back(in_time_[place]);
    return linearity;
  }

  const std::vector<CardOperation>& operations_;
  std::vector<std::size_t> in_time_;  // numbers of operations, in the order in which they were sent
  std::vector<bool> done_;            // by place in in_time_
  std::size_t first_ = 0;             // place of the first that is not done
  std::vector<std::size_t> order_;    // places, as applied
  std::vector<Step> steps_;
  std::unordered_set<std::string> tried_;
  std::size_t longest_ = 0;
  Card card_;
};

}  // namespace

Linearity check_linearity(const CardHistory& history) {
  return Search(history).run();
}

}  // namespace holdfast::integration
