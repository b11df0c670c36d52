#include "storage/verify.h"

#include <algorithm>
#include <map>

#include "engine/ascii.h"
#include "engine/record.h"
#include "engine/row_codec.h"
#include "engine/shards.h"
#include "storage/journal_reader.h"
#include "storage/state_store.h"
#include "storage/store_directory.h"

namespace holdfast::storage {
namespace {

using engine::Table;

class Verifier {
 public:
  explicit Verifier(const std::filesystem::path& store)
      : reader_(store),
        state_(StateStore::open_read_only(store)),
        folded_(state_->folded()),
        shards_(1, StoreDirectory::read_identity(store).hash_seed, 0) {}

  Verification run() {
    if (folded_.sequence == 0) compare_checkpoint();
    const auto damage = reader_.walk(0, std::nullopt, JournalReader::kAll,
                                     [this](const JournalRecord& record) { return apply(record); });
    if (damage) differ("journal record " + std::to_string(damage->sequence) + ": " + damage->what);
    if (result_.records < folded_.sequence && !damage) differ("the checkpoint is ahead of the journal");
    result_.cards = count_cards();
    result_.authorizations = shards_[0].ledger.authorizations();
    result_.state_hash = shards_.state_hash(last_now_);
    return std::move(result_);
  }

 private:
  void differ(std::string what) {
    if (result_.differences.size() < Verification::kDifferencesMax) result_.differences.push_back(std::move(what));
  }

  bool apply(const JournalRecord& record) {
    if (const auto fault = shards_.replay(record.sequence, record.payload)) {
      differ("journal record " + std::to_string(fault->sequence) + ": " + fault->what);
      return false;  // every later balance would differ for the same reason
    }
    ++result_.records;
    result_.chain = record.chain;
    count(record.payload);
    if (record.sequence == folded_.sequence) compare_checkpoint();
    return true;
  }

  void count(BytesView payload) {
    const auto record = engine::decode(payload);
    last_now_ = std::max(last_now_, record->now);
    if (const auto* decision = std::get_if<engine::Decision>(&record->outcome)) {
      ++(decision->approved() ? result_.approvals : result_.declines);
    }
    if (std::holds_alternative<engine::Withdraw>(record->command)) ++result_.withdrawals;
  }

  std::uint64_t count_nodes() const { return count_cards() + count_nodes_of(shards_.nodes().budgets); }
  std::uint64_t count_cards() const { return count_nodes_of(shards_.nodes().cards); }
  static std::uint64_t count_nodes_of(const engine::NodeTable& table) {
    std::uint64_t nodes = 0;
    table.for_each([&nodes](engine::NodeIndex, const engine::NodeSlot&) { ++nodes; });
    return nodes;
  }

  // The rows against the state recomputed so far, in both directions.
  void compare_checkpoint() {
    if (result_.chain != folded_.chain && folded_.sequence != 0) differ("the checkpoint's chain is not the journal's");
    result_.checkpoint_sequence = folded_.sequence;
    compare_nodes();
    compare_authorizations();
    compare_messages();
    compare_zones_and_keys();
  }

  void compare_nodes() {
    std::uint64_t rows = 0;
    state_->for_each(Table::nodes, [&](BytesView key, BytesView value) {
      ++rows;
      const auto row = engine::read_node_row(key, value);
      const auto* profile = row ? shards_.nodes().profile(row->node) : nullptr;
      if (profile == nullptr ||
          !same(engine::node_row(*profile, shards_.nodes().find(row->node)->balance.load()), value)) {
        differ("checkpoint row of node " + engine::hex(key) + " is not what the journal gives");
      }
    });
    result_.checkpoint_rows += rows;
    if (rows != count_nodes()) differ("the checkpoint does not have every card and budget");
  }

  void compare_authorizations() {
    std::uint64_t rows = 0;
    std::uint64_t kept = 0;
    const engine::Instant removed_before = last_now_ - engine::kForgetMargin;
    state_->for_each(Table::authorizations, [&](BytesView key, BytesView value) {
      ++rows;
      const auto row = engine::read_authorization_row(key, value);
      const engine::Ledger& ledger = shards_[0].ledger;
      const auto* authorization = row ? ledger.find(row->authorization.key, row->authorization.card) : nullptr;
      if (authorization == nullptr || authorization->decided_at != row->authorization.decided_at) {
        if (row && forgotten(row->authorization, last_now_)) return;  // another has taken its id since
        differ("checkpoint row of authorization " + engine::hex(key) + " is not what the journal gives");
      } else if (!same(engine::authorization_row(*authorization, ledger.details(*authorization)), value)) {
        differ("checkpoint row of authorization " + engine::hex(key) + " is not what the journal gives");
      } else if (!forgotten(*authorization, removed_before)) {
        ++kept;
      }
    });
    result_.checkpoint_rows += rows;
    std::uint64_t expected = 0;
    shards_[0].ledger.for_each([&](const engine::Authorization& authorization) {
      if (!forgotten(authorization, removed_before)) ++expected;
    });
    if (kept != expected) differ("the checkpoint does not have every authorization");
  }

  void compare_messages() {
    std::uint64_t rows = 0;
    std::uint64_t kept = 0;
    const engine::Instant removed_before = last_now_ - engine::kHorizonMin - engine::kForgetMargin;
    engine::Messages& messages = shards_[0].messages;
    state_->for_each(Table::messages, [&](BytesView key, BytesView value) {
      ++rows;
      const auto row = engine::read_message_row(key, value);
      const engine::Message* message = row ? messages.find(row->message.key) : nullptr;
      if (message != nullptr && row->message.at < message->at) return;  // its id was used again after the horizon
      if (message == nullptr || !same(engine::message_row(*message, messages.answer_of(*message)), value)) {
        differ("checkpoint row of message " + engine::hex(key) + " is not what the journal gives");
      } else if (message->at >= removed_before) {
        ++kept;
      }
    });
    result_.checkpoint_rows += rows;
    std::uint64_t expected = 0;
    messages.for_each([&](const engine::Message& message) {
      if (message.at >= removed_before) ++expected;
    });
    if (kept != expected) differ("the checkpoint does not have every message");
  }

  void compare_zones_and_keys() {
    std::uint64_t rows = 0;
    state_->for_each(Table::zones, [&](BytesView, BytesView value) {
      ++rows;
      const auto rules = engine::read_zone_row(value);
      const engine::Zone* zone = rules ? shards_.zones().find(rules->name) : nullptr;
      if (zone == nullptr || zone->get() != *rules)
        differ("a time zone of the checkpoint is not what the journal gives");
    });
    std::uint64_t keys = 0;
    state_->for_each(Table::keys, [&](BytesView key, BytesView value) {
      ++keys;
      const auto row = engine::read_key_row(key, value);
      const auto found = row ? shards_.keys().find(row->id) : shards_.keys().end();
      if (found == shards_.keys().end() || !same(engine::key_row(found->second), value)) {
        differ("checkpoint row of API key " + engine::hex(key) + " is not what the journal gives");
      }
    });
    if (keys != shards_.keys().size()) differ("the checkpoint does not have every API key");
    result_.checkpoint_rows += rows + keys;
  }

  static bool same(const engine::Bytes& computed, BytesView stored) {
    return std::equal(computed.begin(), computed.end(), stored.begin(), stored.end());
  }

  JournalReader reader_;
  std::unique_ptr<StateStore> state_;
  Folded folded_;
  engine::Shards shards_;
  engine::Instant last_now_{};
  Verification result_;
};

}  // namespace

Verification verify(const std::filesystem::path& store) {
  return Verifier(store).run();
}

}  // namespace holdfast::storage
