#include "engine/shards.h"

#include <algorithm>
#include <future>
#include <utility>

#include "engine/record.h"
#include "engine/row_codec.h"

namespace holdfast::engine {
namespace {

std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view as_text(const Key128& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

// Rows wait here for a while between being read and being entered, so that the memory they will touch is near by then.
template <class Row>
class Lookahead {
 public:
  template <class Enter>
  void push(Row row, Enter&& enter) {
    Row& place = rows_[next_++ % kRows];
    if (next_ > kRows) enter(place);
    place = std::move(row);
  }
  template <class Enter>
  void finish(Enter&& enter) {
    for (std::size_t i = next_ > kRows ? next_ - kRows : 0; i < next_; ++i)
      enter(rows_[i % kRows]);
  }

 private:
  static constexpr std::size_t kRows = 16;
  std::array<Row, kRows> rows_;
  std::size_t next_ = 0;
};

}  // namespace

Shards::Shards(unsigned count, std::array<std::byte, 16> seed, unsigned readers, std::size_t cards_expected)
    : hasher_(seed), epochs_(count + readers), directory_(cards_expected) {
  for (unsigned i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<Shard>(Shard{Ledger(nodes_, zones_, epochs_, i, hasher_), Messages(hasher_)}));
  }
}

Key128 Shards::card_name(Key128 card_id) const {
  return hasher_.hash({"card", as_text(card_id)});
}

Key128 Shards::processor_card_name(std::string_view endpoint, std::string_view card) const {
  return hasher_.hash({"processor", endpoint, card});
}

Key128 Shards::budget_name(Key128 budget_id) const {
  return hasher_.hash({"budget", as_text(budget_id)});
}

unsigned Shards::owner_of(NodeIndex node) const {
  if (count() == 1 || is_budget(node)) return 0;
  const NodeSlot* slot = nodes_.cards.find(node);
  const bool by_number = slot == nullptr || slot->placement.load(std::memory_order_acquire) == Placement::by_number;
  return by_number ? mix(node) % count() : 0;
}

unsigned Shards::keeper_of(NodeIndex card, unsigned asking) const {
  const NodeSlot* slot = nodes_.cards.find(card);
  if (count() == 1 || slot == nullptr) return asking;
  const unsigned by_number = mix(card) % count();
  // acquire: pairs with the stores of Desk, before which the one that gives, or takes, has done so.
  switch (slot->placement.load(std::memory_order_acquire)) {
    case Placement::by_number:
    case Placement::leaving:
      return by_number;
    case Placement::moving:
      return asking == 0 ? by_number : 0;
    case Placement::in_tree:
      break;
  }
  return 0;
}

Shards::Names Shards::names_of(NodeIndex node, const NodeIdentity& identity) const {
  if (is_budget(node)) return {kNoName, kNoName, budget_name(identity.id)};
  Names names{identity.number_hash, kNoName, card_name(identity.id)};
  if (!identity.processor_card.empty()) {
    names[1] = processor_card_name(identity.processor_endpoint, identity.processor_card);
  }
  return names;
}

bool Shards::enter_names(NodeIndex node, const Names& names) {
  return std::all_of(names.begin(), names.end(),
                     [&](Key128 name) { return name == kNoName || directory_.insert(name, node); });
}

// A budget that is there, whose own path leaves room for one more node.
bool Shards::cannot_have_parent(NodeIndex node, NodeIndex parent) const {
  if (parent == kNoNode) return false;
  std::size_t above = 0;
  for (NodeIndex each = parent; each != kNoNode; each = nodes_.profile(each)->settings.parent) {
    if (!is_budget(each) || nodes_.profile(each) == nullptr || ++above > kBudgetDepthMax) return true;
  }
  return is_budget(node) && above == kBudgetDepthMax;
}

// What would abort in the ledger because no living program can have written it.
bool Shards::contradicts(const Record& record) const {
  const auto has_zone = [this](const NodeSettings& settings) {
    return settings.time_zone.empty() || zones_.find(settings.time_zone) != nullptr;
  };
  if (const auto* create = std::get_if<CreateNode>(&record.command)) {
    const NodeIndex number = create->node & ~kBudgetBit;
    return number == 0 || number > NodeTable::kNodesMax || nodes_.profile(create->node) != nullptr ||
           !has_zone(create->settings) || cannot_have_parent(create->node, create->settings.parent);
  }
  if (const auto* change = std::get_if<ChangeNode>(&record.command)) {
    const NodeProfile* node = nodes_.profile(change->node);
    return node == nullptr || !has_zone(change->settings) ||
           cannot_have_parent(change->node, change->settings.parent) ||
           (is_budget(change->node) && node->settings.parent != change->settings.parent);
  }
  if (const auto* status = std::get_if<SetNodeStatus>(&record.command)) {
    const NodeProfile* node = nodes_.profile(status->node);
    return node == nullptr || (node->status == NodeStatus::closed && status->status != NodeStatus::closed);
  }
  if (const auto* authorize = std::get_if<Authorize>(&record.command)) {
    return authorize->request.amount < 0 || is_budget(authorize->card);
  }
  if (const auto* advise = std::get_if<Advise>(&record.command)) {
    return advise->amount < kAll || is_budget(advise->card) || nodes_.profile(advise->card) == nullptr;
  }
  if (const auto* withdraw = std::get_if<Withdraw>(&record.command)) {
    if (!withdraw->decided()) return withdraw->amount != 0;
    const Ledger& ledger = shards_[owner_of(withdraw->card)]->ledger;
    return withdraw->amount < 0 ||
           ledger.find(ledger.authorization_key(withdraw->processor, withdraw->authorization_id), withdraw->card) ==
               nullptr;
  }
  return false;
}

// Of a replay, which has all ledgers to itself; while loops run, they hand the card over themselves.
void Shards::bring_into_tree(const ChangeNode& command) {
  const unsigned owner = owner_of(command.node);
  if (command.settings.parent == kNoNode || owner == 0) return;
  shards_[0]->ledger.take_over(shards_[owner]->ledger.give_away(command.node));
  nodes_.at(command.node).placement.store(Placement::in_tree, std::memory_order_release);
}

Outcome Shards::apply(const Command& command, Instant now) {
  if (const auto* zone = std::get_if<DefineZone>(&command)) zones_.define(zone->rules);
  if (const auto* add = std::get_if<AddKey>(&command)) {
    keys_[add->id] = {add->role, add->label, add->digest, now, add->node};
  }
  if (const auto* remove = std::get_if<RemoveKey>(&command)) keys_.erase(remove->id);
  if (const auto* change = std::get_if<ChangeNode>(&command)) bring_into_tree(*change);
  // A card that is made in a tree is of that tree from the beginning.
  const auto* create = std::get_if<CreateNode>(&command);
  const bool made_in_tree = create != nullptr && create->settings.parent != kNoNode;
  const unsigned owner = made_in_tree ? 0 : owner_of(node_of(command));
  return std::visit(
      [&]<class T>(const T& each) -> Outcome {
        if constexpr (requires { shards_[0]->ledger.apply(each, now); }) {
          return shards_[owner]->ledger.apply(each, now);
        } else {
          return std::monostate{};
        }
      },
      command);
}

void Shards::remember(const Record& record) {
  if (!record.message.present()) return;
  const Key128 key = shards_[0]->messages.key_of(record.message);
  Messages& messages = shards_[home_of(key)]->messages;
  Message* message = messages.find(key);
  const auto* withdraw = std::get_if<Withdraw>(&record.command);
  if (withdraw != nullptr && withdraw->decided()) {
    if (message != nullptr) messages.withdraw(*message, record.now);
    return;
  }
  // A repeat is never journaled: this id had passed the horizon, and the message is another.
  if (message != nullptr) messages.forget(*message);
  std::uint8_t type = std::visit([](const auto& command) { return command.kType; }, record.command);
  Decision decision;
  decision.decided_at = record.now;
  decision.authorized_at = record.now;
  if (withdraw != nullptr) {  // of an authorization that nothing else is known of
    type = Authorize::kType;
    decision = deadline_decision(record.now);
  }
  if (const auto* decided = std::get_if<Decision>(&record.outcome)) decision = *decided;
  messages.finish(messages.begin(key, record.message.content, type), node_of(record.command), decision, record.answer);
}

void Shards::expect_slots(const Record& record) const {
  const auto* authorize = std::get_if<Authorize>(&record.command);
  if (authorize == nullptr) return;
  const Ledger& ledger = shards_[owner_of(authorize->card)]->ledger;
  ledger.expect(ledger.authorization_key(authorize->request.processor, authorize->request.authorization_id));
  nodes_.cards.expect(authorize->card);
}

void Shards::expect_profile(const Record& record) const {
  if (const auto* authorize = std::get_if<Authorize>(&record.command)) nodes_.cards.expect_profile(authorize->card);
}

void Shards::expect_message(const Record& record) const {
  if (!record.message.present()) return;
  const Key128 key = shards_[0]->messages.key_of(record.message);
  shards_[home_of(key)]->messages.expect(key);
}

std::optional<ReplayFault> Shards::replay(Sequence sequence, BytesView bytes) {
  const auto record = decode(bytes);
  if (!record) return ReplayFault{sequence, "the record's bytes are not a record"};
  if (auto fault = reapply(sequence, *record)) return fault;
  remember(*record);
  return std::nullopt;
}

std::optional<ReplayFault> Shards::reapply(Sequence sequence, const Record& record) {
  if (contradicts(record)) return ReplayFault{sequence, "the command names what does not exist, or exists already"};
  const Outcome outcome = apply(record.command, record.now);
  if (outcome != record.outcome) return ReplayFault{sequence, "the recorded outcome is not what the command gives"};
  if (const auto* create = std::get_if<CreateNode>(&record.command)) enter_names(create->node, create->identity);
  newest_ = std::max(newest_, record.now);
  shards_[owner_of(node_of(record.command))]->ledger.note_sequence(record.command, sequence);
  return std::nullopt;
}

bool Shards::find_newest(const RowSource& rows) {
  bool readable = true;
  for (const Table table : {Table::authorizations, Table::messages}) {
    const auto key = rows.last_key(table);
    if (!key) continue;
    const auto at = time_of_row(*key);
    readable = readable && at.has_value();
    newest_ = std::max(newest_, at.value_or(newest_));
  }
  return readable;
}

bool Shards::load_shared(const RowSource& rows) {
  bool readable = true;
  rows.for_each(Table::zones, [&](BytesView, BytesView value) {
    const auto rules = read_zone_row(value);
    if (rules) zones_.define(*rules);
    readable = readable && rules.has_value();
  });
  rows.for_each(Table::keys, [&](BytesView key, BytesView value) {
    const auto row = read_key_row(key, value);
    if (row) keys_[row->id] = row->key;
    readable = readable && row.has_value();
  });
  return readable;
}

bool Shards::load_nodes(const RowSource& rows) {
  bool readable = true;
  struct Named {
    NodeIndex node = kNoNode;
    Names names;
  };
  Lookahead<Named> ahead;
  const auto enter = [&](const Named& named) { enter_names(named.node, named.names); };
  rows.for_each(Table::nodes, [&](BytesView key, BytesView value) {
    const auto row = read_node_row(key, value);
    readable = readable && row.has_value() &&
               (row->profile.settings.time_zone.empty() || zones_.find(row->profile.settings.time_zone) != nullptr);
    if (!readable) return;
    const bool in_tree = is_budget(row->node) || row->profile.settings.parent != kNoNode;
    Ledger& ledger = shards_[in_tree ? 0 : owner_of(row->node)]->ledger;
    ledger.restore(row->node, row->profile, row->balance, row->counters);
    const Names names = names_of(row->node, row->profile.identity);
    for (const Key128 name : names)
      directory_.expect(name);
    ahead.push({row->node, names}, enter);
  });
  ahead.finish(enter);
  return readable;
}

bool Shards::load_authorizations(const RowSource& rows) {
  bool readable = true;
  for (const auto& shard : shards_)
    shard->ledger.expect(rows.rows(Table::authorizations) / shards_.size());
  const auto ledger_of = [&](const AuthorizationRow& row) -> Ledger& {
    return shards_[owner_of(row.authorization.card)]->ledger;
  };
  Lookahead<AuthorizationRow> ahead;
  const auto enter = [&](AuthorizationRow& row) { ledger_of(row).restore(row.authorization, std::move(row.details)); };
  // Rows of one instant stand in the order of their hashes; they are entered in that of the journal, as at first.
  std::vector<AuthorizationRow> instant;
  const auto enter_instant = [&] {
    std::sort(instant.begin(), instant.end(), [](const AuthorizationRow& a, const AuthorizationRow& b) {
      return a.authorization.sequence < b.authorization.sequence;
    });
    for (AuthorizationRow& row : instant) {
      ledger_of(row).expect(row.authorization.key);
      ahead.push(std::move(row), enter);
    }
    instant.clear();
  };
  rows.for_each(Table::authorizations, [&](BytesView key, BytesView value) {
    auto row = read_authorization_row(key, value);
    readable = readable && row.has_value();
    if (!readable) return;
    if (!instant.empty() && instant.back().authorization.decided_at != row->authorization.decided_at) enter_instant();
    instant.push_back(std::move(*row));
  });
  enter_instant();
  ahead.finish(enter);
  return readable;
}

bool Shards::load_messages(const RowSource& rows, Instant oldest) {
  bool readable = true;
  for (const auto& shard : shards_)
    shard->messages.expect(rows.rows(Table::messages) / shards_.size());
  struct Waiting {
    Message message;
    std::string answer;
  };
  Lookahead<Waiting> ahead;
  const auto enter = [&](Waiting& row) {
    Messages& messages = shards_[home_of(row.message.key)]->messages;
    if (Message* older = messages.find(row.message.key)) messages.forget(*older);
    Message& message = messages.begin(row.message.key, row.message.content, row.message.command);
    messages.finish(message, row.message.card, row.message.decision, row.answer);
    message.at = row.message.at;
  };
  rows.for_each(Table::messages, [&](BytesView key, BytesView value) {
    const auto row = read_message_row(key, value);
    readable = readable && row.has_value();
    if (!readable || row->message.at < oldest) return;
    shards_[home_of(row->message.key)]->messages.expect(row->message.key);
    ahead.push({row->message, std::string(row->answer)}, enter);
  });
  ahead.finish(enter);
  return readable;
}

bool Shards::load(const RowSource& rows, Instant now, std::chrono::hours horizon) {
  if (!find_newest(rows) || !load_shared(rows)) return false;
  const Instant oldest = std::min(now, newest_) - horizon;
  // The three touch nothing of each other, but for the loop that owns a card, which its row decides when there are
  // several. An error of the store comes out on this thread, when the others are done.
  auto messages = std::async(std::launch::async, [&] { return load_messages(rows, oldest); });
  const auto policy = count() == 1 ? std::launch::async : std::launch::deferred;
  auto authorizations = std::async(policy, [&] { return load_authorizations(rows); });
  const bool nodes_readable = load_nodes(rows);
  const bool authorizations_readable = authorizations.get();
  if (!messages.get() || !nodes_readable || !authorizations_readable) return false;
  for (const auto& shard : shards_)
    shard->ledger.link_restored();
  return true;
}

Key128 Shards::state_hash(Instant as_of) const {
  Key128 sum{0, 0};
  // Addition: each row counts, in whatever order the shards give them.
  const auto add = [&](BytesView key, BytesView value) {
    const Key128 hash = hasher_.hash({as_text(key), as_text(value)});
    sum.hi += hash.hi;
    sum.lo += hash.lo;
  };
  for (const NodeTable* table : {&nodes_.cards, &nodes_.budgets}) {
    table->for_each([&](NodeIndex node, const NodeSlot& slot) {
      add(node_row_key(node), node_row(*slot.profile.load(std::memory_order_acquire), slot.balance.load()));
    });
  }
  for (const auto& shard : shards_) {
    shard->ledger.for_each([&](const Authorization& authorization) {
      if (forgotten(authorization, as_of)) return;
      const Bytes row = authorization_row(authorization, shard->ledger.details(authorization));
      add(authorization_row_key(authorization.decided_at, authorization.key, authorization.card),
          BytesView(row).subspan(kSequenceBytes));
    });
  }
  return sum;
}

}  // namespace holdfast::engine
