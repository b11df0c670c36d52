#include "recovery.h"

#include <map>
#include <string>
#include <thread>

#include "engine/record.h"
#include "storage/journal_reader.h"

namespace holdfast {
namespace {

using storage::JournalRecord;
using storage::SentKnowledge;
using storage::StoreError;

[[noreturn]] void refuse(engine::Sequence sequence, const std::string& what) {
  throw StoreError("journal record " + std::to_string(sequence) + ": " + what);
}

void check(const std::optional<storage::JournalDamage>& damage) {
  if (damage) refuse(damage->sequence, damage->what);
}

struct Unsettled {
  net::UnconfirmedApproval approval;
  SentKnowledge knowledge = SentKnowledge::unknown;
};

// Approvals among the last records, which no answer and no withdrawal is known of.
class UnsettledApprovals {
 public:
  UnsettledApprovals(const storage::SentMarks& marks, engine::Sequence settled) : marks_(marks), settled_(settled) {}

  void look_at(const JournalRecord& journaled) {
    const auto record = engine::decode(journaled.payload);
    if (!record || !record->message.present()) return;
    const std::string key = std::string(record->message.endpoint) + '\0' + std::string(record->message.id);
    if (std::holds_alternative<engine::Withdraw>(record->command)) {
      found_.erase(key);
      return;
    }
    const auto* authorize = std::get_if<engine::Authorize>(&record->command);
    if (authorize == nullptr) return;
    const auto& decision = std::get<engine::Decision>(record->outcome);
    const SentKnowledge knowledge = marks_.knowledge(journaled.sequence, settled_);
    if (!decision.approved() || knowledge == SentKnowledge::settled || knowledge == SentKnowledge::maybe_sent) return;
    found_[key] = {{std::string(record->message.endpoint),
                    std::string(record->message.id),
                    record->message.content,
                    authorize->card,
                    authorize->request.processor,
                    std::string(authorize->request.authorization_id),
                    decision.approved_amount,
                    decision.decided_at,
                    decision.authorized_at,
                    journaled.sequence,
                    {}},
                   knowledge};
  }

  std::vector<Unsettled> take() {
    std::vector<Unsettled> all;
    for (auto& [key, unsettled] : found_)
      all.push_back(std::move(unsettled));
    return all;
  }

 private:
  const storage::SentMarks& marks_;
  engine::Sequence settled_;
  std::map<std::string, Unsettled> found_;
};

std::vector<Unsettled> find_unsettled(const storage::LmdbJournal& journal, const storage::SentMarks& marks) {
  const engine::Sequence last = journal.sequence_at_open();
  const engine::Sequence from = last > marks.capacity() ? last - marks.capacity() : 0;
  UnsettledApprovals unsettled(marks, journal.settled_at_open());
  check(journal.reader()->walk(from, std::nullopt, last, [&](const JournalRecord& record) {
    unsettled.look_at(record);
    return true;
  }));
  return unsettled.take();
}

std::uint64_t replay(engine::Shards& shards, const storage::StateStore& state, const storage::LmdbJournal& journal) {
  const storage::Folded folded = state.folded();
  const engine::Sequence last = journal.sequence_at_open();
  if (folded.sequence > last) {
    throw StoreError("the checkpoint is ahead of the journal (" + std::to_string(folded.sequence) + " > " +
                     std::to_string(last) + "): journal and state are not of one store");
  }
  std::uint64_t replayed = 0;
  check(journal.reader()->walk(folded.sequence, folded.chain, last, [&](const JournalRecord& record) {
    if (const auto fault = shards.replay(record.sequence, record.payload)) refuse(fault->sequence, fault->what);
    ++replayed;
    return true;
  }));
  return replayed;
}

}  // namespace

void JournalWriter::write(engine::Shards& shards, const engine::MessageRef& message, const engine::Command& command,
                          engine::Instant now) {
  while (!journal_.has_room(0))
    take_durable();
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  journal_.append(0, engine::encode({now, message, command, shards.apply(command, now), {}}, buffer));
  journal_.submit(0);
  ++appended_;
}

void JournalWriter::flush() {
  while (durable_ < appended_)
    take_durable();
}

// A start-up has nothing else to do than to wait for its few records; for space it does not wait long, since nobody
// could tell from outside what it waits for.
void JournalWriter::take_durable() {
  const auto give_up = std::chrono::steady_clock::now() + kSpaceWait;
  while (true) {
    if (const auto run = journal_.next_durable(0)) {
      durable_ += run->count;
      journal_.settle(0, run->first_sequence + run->count - 1);
      return;
    }
    const engine::JournalHealth health = journal_.health();
    const bool waited = std::chrono::steady_clock::now() > give_up;
    if (health == engine::JournalHealth::failed || (health == engine::JournalHealth::out_of_space && waited)) {
      throw StoreError(journal_.failure());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

Recovered recover(engine::Shards& shards, const storage::StateStore& state, storage::LmdbJournal& journal,
                  const storage::SentMarks& marks, JournalWriter& writer, engine::Instant now,
                  std::chrono::hours duplicate_horizon) {
  Recovered recovered;
  if (!shards.load(state, now, duplicate_horizon)) throw StoreError("a row of the checkpoint is not readable");
  recovered.replayed = replay(shards, state, journal);
  recovered.cards = shards.cards().last();
  for (Unsettled& unsettled : find_unsettled(journal, marks)) {
    net::UnconfirmedApproval& approval = unsettled.approval;
    if (unsettled.knowledge == SentKnowledge::unknown) {
      recovered.unconfirmed.push_back(std::move(approval));
      continue;
    }
    const engine::Ledger& ledger = shards[shards.owner_of(approval.card)].ledger;
    const auto key = ledger.authorization_key(approval.processor, approval.authorization_id);
    if (ledger.find(key, approval.card) == nullptr) continue;  // held nothing, and is forgotten
    const engine::MessageRef message{approval.endpoint, approval.message_id, approval.content};
    engine::Messages& messages = shards[shards.home_of(shards[0].messages.key_of(message))].messages;
    // The time in the decline that the request may have been answered with before the end came.
    const engine::Instant answered_at = approval.charged_at;
    if (engine::Message* entry = messages.find(messages.key_of(message))) messages.withdraw(*entry, answered_at);
    writer.write(shards, message,
                 engine::Withdraw{approval.card, approval.processor, approval.authorization_id, approval.amount,
                                  approval.charged_at, approval.authorized_at},
                 answered_at);
    ++recovered.withdrawn;
  }
  writer.flush();
  return recovered;
}

}  // namespace holdfast
