#include "recovery.h"

#include <map>
#include <string>
#include <thread>

#include "engine/record.h"
#include "engine/replay.h"
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

std::string name_of(const engine::MessageRef& message) {
  return std::string(message.endpoint) + '\0' + std::string(message.id);
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
    const std::string key = name_of(record->message);
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

// What the processors were told at their deadlines.
class LateDeclines {
 public:
  explicit LateDeclines(const storage::SharedLateAnswers& noted) : bytes_(noted.left()) {
    for (const engine::Bytes& bytes : bytes_) {
      auto record = engine::decode(bytes);
      if (!record || !std::holds_alternative<engine::Withdraw>(record->command)) continue;
      told_.emplace(name_of(record->message), std::move(*record));
    }
  }
  const engine::Record* find(const engine::MessageRef& message) const {
    const auto found = told_.find(name_of(message));
    return found == told_.end() ? nullptr : &found->second;
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [name, record] : told_)
      visit(record);
  }

 private:
  std::vector<engine::Bytes> bytes_;  // that the records view
  std::map<std::string, engine::Record> told_;
};

// False when the authorization held nothing and is forgotten, so that the checkpoint may lose it before this record.
bool withdraw(engine::Shards& shards, JournalWriter& writer, const engine::MessageRef& message,
              const engine::Withdraw& withdrawal, engine::Instant answered_at) {
  const engine::Ledger& ledger = shards[shards.owner_of(withdrawal.card)].ledger;
  const auto key = ledger.authorization_key(withdrawal.processor, withdrawal.authorization_id);
  const engine::Authorization* found = ledger.find(key, withdrawal.card);
  if (found == nullptr || forgotten(*found, shards.newest())) return false;
  writer.write(shards, message, withdrawal, answered_at);
  return true;
}

// Makes what was told at a deadline the message's answer, unless it is that already, or an approval of the message was
// told to somebody else: unsettled ones have been withdrawn by now.
bool keep_decline(engine::Shards& shards, JournalWriter& writer, const engine::Record& told) {
  const engine::Key128 key = shards[0].messages.key_of(told.message);
  const engine::Message* known = shards[shards.home_of(key)].messages.find(key);
  auto withdrawal = std::get<engine::Withdraw>(told.command);
  if (known == nullptr) {
    writer.write(shards, told.message, withdrawal, told.now);
    return true;
  }
  const engine::Decision& decision = known->decision;
  if (decision.approved() || decision.reason == engine::Reason::deadline_exceeded) return false;
  withdrawal.charged_at = decision.decided_at;
  withdrawal.authorized_at = decision.authorized_at;
  return withdraw(shards, writer, told.message, withdrawal, told.now);
}

std::uint64_t replay_journal(engine::Shards& shards, const storage::StateStore& state,
                             const storage::LmdbJournal& journal) {
  const storage::Folded folded = state.folded();
  const engine::Sequence last = journal.sequence_at_open();
  if (folded.sequence > last) {
    throw StoreError("the checkpoint is ahead of the journal (" + std::to_string(folded.sequence) + " > " +
                     std::to_string(last) + "): journal and state are not of one store");
  }
  engine::Replay replay(shards);
  const auto must = [](const std::optional<engine::ReplayFault>& fault) {
    if (fault) refuse(fault->sequence, fault->what);
  };
  check(journal.reader()->walk(folded.sequence, folded.chain, last, [&](const JournalRecord& record) {
    must(replay.push(record.sequence, record.payload));
    return true;
  }));
  must(replay.finish());
  return last - folded.sequence;
}

}  // namespace

void JournalWriter::write(engine::Shards& shards, const engine::MessageRef& message, const engine::Command& command,
                          engine::Instant now) {
  while (!journal_.has_room(0))
    take_durable();
  std::vector<std::byte> buffer(engine::kRecordBytesMax);
  const engine::Record record{now, message, command, shards.apply(command, now), {}};
  journal_.append(0, engine::encode(record, buffer));
  journal_.submit(0);
  shards.remember(record);
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
                  const storage::SentMarks& marks, storage::SharedLateAnswers& late_answers, JournalWriter& writer,
                  engine::Instant now, std::chrono::hours duplicate_horizon) {
  Recovered recovered;
  if (!shards.load(state, now, duplicate_horizon)) throw StoreError("a row of the checkpoint is not readable");
  recovered.replayed = replay_journal(shards, state, journal);
  recovered.cards = shards.nodes().cards.last();
  const LateDeclines late(late_answers);
  for (Unsettled& unsettled : find_unsettled(journal, marks)) {
    net::UnconfirmedApproval& approval = unsettled.approval;
    const engine::MessageRef message{approval.endpoint, approval.message_id, approval.content};
    const engine::Record* told = late.find(message);
    if (unsettled.knowledge == SentKnowledge::unknown && told == nullptr) {
      recovered.unconfirmed.push_back(std::move(approval));
      continue;
    }
    const engine::Withdraw withdrawal{approval.card,   approval.processor,  approval.authorization_id,
                                      approval.amount, approval.charged_at, approval.authorized_at};
    // The time in the decline that the request was answered with, if it was, before the end came.
    const engine::Instant answered_at = told != nullptr ? told->now : approval.charged_at;
    if (withdraw(shards, writer, message, withdrawal, answered_at)) ++recovered.withdrawn;
  }
  late.for_each([&](const engine::Record& told) {
    if (keep_decline(shards, writer, told)) ++recovered.late;
  });
  writer.flush();
  late_answers.clear_all();
  return recovered;
}

}  // namespace holdfast
