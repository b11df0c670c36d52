#include "engine/fold.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/record.h"
#include "engine/row_codec.h"

namespace holdfast::engine {
namespace {

template <class T>
void sort_and_unite(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

Fold::Fold(const RowSource& rows, std::array<std::byte, 16> seed, std::chrono::hours horizon)
    : rows_(rows), seed_(seed), horizon_(horizon) {
  start_anew();
}

// The zones are those of the rows, and those that take_changes() gave back and nobody may have written yet.
void Fold::start_anew() {
  const std::unique_ptr<Shards> before = std::exchange(scratch_, std::make_unique<Shards>(1, seed_, 0, 1024));
  nodes_.clear();
  authorizations_.clear();
  replaced_.clear();
  messages_.clear();
  keys_.clear();
  zones_changed_ = false;
  if (before != nullptr) {
    before->zones().for_each([this](const ZoneRules& rules) { scratch_->zones().define(rules); });
    return;
  }
  rows_.for_each(Table::zones, [&](BytesView, BytesView value) {
    if (const auto rules = read_zone_row(value)) scratch_->zones().define(*rules);
  });
}

// The node and the budgets above it: all of them may change with it.
bool Fold::load_node(NodeIndex node) {
  for (NodeIndex each = node; each != kNoNode; each = parent_of(each)) {
    nodes_.push_back(each);
    if (!load_one(each)) return false;
  }
  return true;
}

bool Fold::load_one(NodeIndex node) {
  if (scratch_->nodes().profile(node) != nullptr) return true;
  const Bytes key = node_row_key(node);
  const auto value = rows_.get(Table::nodes, key);
  if (!value) return true;
  const auto row = read_node_row(key, *value);
  if (!row) return false;
  const std::string& zone = row->profile.settings.time_zone;
  if (!zone.empty() && scratch_->zones().find(zone) == nullptr) return false;
  (*scratch_)[0].ledger.restore(node, row->profile, row->balance, row->counters);
  return true;
}

NodeIndex Fold::parent_of(NodeIndex node) const {
  const NodeProfile* profile = scratch_->nodes().profile(node);
  return profile == nullptr ? kNoNode : profile->settings.parent;
}

// The authorization and the budgets that it was charged to.
bool Fold::load_authorization(Key128 key, Instant decided_at, NodeIndex card) {
  Ledger& ledger = (*scratch_)[0].ledger;
  const TimedKey timed{decided_at, key, card};
  authorizations_.push_back(timed);
  const Authorization* known = ledger.find(key, card);
  if (known != nullptr && known->decided_at != decided_at) {
    replaced_[{known->decided_at, key, card}] = authorization_row(*known, ledger.details(*known));
  }
  if (known == nullptr || known->decided_at != decided_at) {
    const Bytes row_key = authorization_row_key(timed.at, timed.key, timed.card);
    if (const auto value = rows_.get(Table::authorizations, row_key)) {
      auto row = read_authorization_row(row_key, *value);
      if (!row) return false;
      ledger.restore(row->authorization, std::move(row->details));
    }
  }
  const Authorization* authorization = ledger.find(key, card);
  if (authorization == nullptr) return true;
  if (!load_node(authorization->budget)) return false;
  const Details* details = ledger.details(*authorization);
  if (details == nullptr) return true;
  return std::all_of(details->charges.begin(), details->charges.end(),
                     [&](const Charge& charge) { return load_node(charge.budget); }) &&
         std::all_of(details->follow_ups.begin(), details->follow_ups.end(),
                     [&](const FollowUp& event) { return load_node(event.budget); });
}

// Only the withdrawal of a decision finds its message there already.
bool Fold::load_message(const MessageRef& message, Instant at, bool known) {
  if (!message.present()) return true;
  Messages& messages = (*scratch_)[0].messages;
  const TimedKey timed{at, messages.key_of(message), kNoNode};
  messages_.push_back(timed);
  if (!known || messages.find(timed.key) != nullptr) return true;
  const Bytes key = message_row_key(timed.at, timed.key);
  const auto value = rows_.get(Table::messages, key);
  if (!value) return true;
  const auto row = read_message_row(key, *value);
  if (!row) return false;
  Message& entry = messages.begin(timed.key, row->message.content, row->message.command);
  messages.finish(entry, row->message.card, row->message.decision, row->answer);
  entry.at = row->message.at;
  return true;
}

bool Fold::load_touched(const Record& record) {
  bool readable = load_node(node_of(record.command));
  Instant decided_at = record.now;
  const Ledger& ledger = (*scratch_)[0].ledger;
  const auto* withdraw = std::get_if<Withdraw>(&record.command);
  if (const auto* create = std::get_if<CreateNode>(&record.command)) {
    readable = readable && load_node(create->settings.parent);
  } else if (const auto* change = std::get_if<ChangeNode>(&record.command)) {
    readable = readable && load_node(change->settings.parent);
  } else if (const auto* authorize = std::get_if<Authorize>(&record.command)) {
    const auto& decision = std::get<Decision>(record.outcome);
    decided_at = decision.decided_at;
    const Key128 key = ledger.authorization_key(authorize->request.processor, authorize->request.authorization_id);
    readable = readable && load_authorization(key, decision.authorized_at, authorize->card);
  } else if (withdraw != nullptr && withdraw->decided()) {
    decided_at = withdraw->charged_at;
    const Key128 key = ledger.authorization_key(withdraw->processor, withdraw->authorization_id);
    readable = readable && load_authorization(key, withdraw->authorized_at, withdraw->card);
  } else if (const auto* advise = std::get_if<Advise>(&record.command)) {
    const auto& outcome = std::get<AdviceOutcome>(record.outcome);
    readable = readable && load_authorization(advise->authorization, outcome.authorized_at, advise->card);
  } else if (const auto* add = std::get_if<AddKey>(&record.command)) {
    keys_.push_back(add->id);
  } else if (const auto* remove = std::get_if<RemoveKey>(&record.command)) {
    keys_.push_back(remove->id);
  } else if (std::holds_alternative<DefineZone>(record.command)) {
    zones_changed_ = true;
  }
  return readable && load_message(record.message, decided_at, withdraw != nullptr && withdraw->decided());
}

std::optional<ReplayFault> Fold::apply(Sequence sequence, BytesView bytes) {
  const auto record = decode(bytes);
  if (!record) return ReplayFault{sequence, "the record's bytes are not a record"};
  if (!load_touched(*record)) return ReplayFault{sequence, "a row of the checkpoint is not readable"};
  newest_ = std::max(newest_, record->now);
  return scratch_->replay(sequence, bytes);
}

std::size_t Fold::touched_rows() const {
  return nodes_.size() + authorizations_.size() + messages_.size() + keys_.size();
}

// What was touched stays for this time: it may just have changed.
void Fold::remove_old(Instant old_at, std::vector<RowChange>& changes) {
  const Instant margin = std::min(old_at, newest_) - kForgetMargin;
  remove_before(
      authorization_row_key(margin - kForgetAfter, {0, 0}, kNoNode), Table::authorizations, next_authorization_,
      [&](BytesView key, BytesView value) {
        const auto row = read_authorization_row(key, value);
        if (!row || row->authorization.status == AuthorizationStatus::pending) return false;
        const TimedKey timed{row->authorization.decided_at, row->authorization.key, row->authorization.card};
        return !std::binary_search(authorizations_.begin(), authorizations_.end(), timed);
      },
      changes);
  remove_before(
      message_row_key(margin - horizon_, {0, 0}), Table::messages, next_message_,
      [&](BytesView key, BytesView value) {
        const auto row = read_message_row(key, value);
        return row && !std::binary_search(messages_.begin(), messages_.end(),
                                          TimedKey{row->message.at, row->message.key, kNoNode});
      },
      changes);
}

template <class IsOld>
void Fold::remove_before(const Bytes& end, Table table, Bytes& next, IsOld&& is_old, std::vector<RowChange>& changes) {
  constexpr std::size_t kSpare = 256;
  std::size_t left = touched_rows() + kSpare;
  Bytes stopped_at;
  rows_.scan(table, next, [&](BytesView key, BytesView value) {
    Bytes place(key.begin(), key.end());
    if (place >= end) return false;
    if (left-- == 0) {
      stopped_at = std::move(place);
      return false;
    }
    if (is_old(key, value)) changes.push_back({table, std::move(place), std::nullopt});
    return true;
  });
  next = std::move(stopped_at);  // empty at the end: from the first row again
}

std::vector<RowChange> Fold::take_changes(Instant old_at) {
  std::vector<RowChange> changes;
  sort_and_unite(nodes_);
  sort_and_unite(authorizations_);
  sort_and_unite(messages_);
  sort_and_unite(keys_);
  changes.reserve(touched_rows());
  Shards::Shard& shard = (*scratch_)[0];
  for (const NodeIndex node : nodes_) {
    const NodeProfile* profile = scratch_->nodes().profile(node);
    if (profile == nullptr) continue;
    const NodeBalance balance = scratch_->nodes().find(node)->balance.owner_load();
    changes.push_back({Table::nodes, node_row_key(node), node_row(*profile, balance)});
  }
  for (const TimedKey& timed : authorizations_) {
    const Authorization* authorization = shard.ledger.find(timed.key, timed.card);
    if (authorization == nullptr || authorization->decided_at != timed.at) {
      const auto replaced = replaced_.find(timed);
      if (replaced == replaced_.end()) continue;
      changes.push_back(
          {Table::authorizations, authorization_row_key(timed.at, timed.key, timed.card), replaced->second});
      continue;
    }
    changes.push_back({Table::authorizations, authorization_row_key(timed.at, timed.key, timed.card),
                       authorization_row(*authorization, shard.ledger.details(*authorization))});
  }
  for (const TimedKey& timed : messages_) {
    const Message* message = shard.messages.find(timed.key);
    if (message == nullptr || message->at != timed.at) continue;
    changes.push_back({Table::messages, message_row_key(timed.at, timed.key),
                       message_row(*message, shard.messages.answer_of(*message))});
  }
  if (zones_changed_) {
    scratch_->zones().for_each([&](const ZoneRules& rules) {
      changes.push_back({Table::zones, zone_row_key(rules.name), zone_row(rules)});
    });
  }
  for (const Key128 id : keys_) {
    const auto found = scratch_->keys().find(id);
    RowChange change{Table::keys, key_row_key(id), std::nullopt};
    if (found != scratch_->keys().end()) change.value = key_row(found->second);
    changes.push_back(std::move(change));
  }
  remove_old(old_at, changes);
  std::sort(changes.begin(), changes.end(), [](const RowChange& left, const RowChange& right) {
    return std::tie(left.table, left.key) < std::tie(right.table, right.key);
  });
  start_anew();
  return changes;
}

}  // namespace holdfast::engine
