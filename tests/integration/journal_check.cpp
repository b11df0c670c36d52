#include "tests/integration/journal_check.h"

#include <stdexcept>

#include "engine/record.h"
#include "storage/journal_reader.h"
#include "tests/model/history.h"

namespace holdfast::integration {
namespace {

using engine::AdviceOutcome;
using engine::Decision;
using engine::NodeOutcome;
using engine::Record;
using Kind = Asked::Kind;

constexpr std::size_t kDifferencesMax = 8;

// One answer, member by member, against the record of its message.
class AnswerCheck {
 public:
  AnswerCheck(const Delivery& delivery, const Record& record) : answer_(delivery.answer), record_(record) {
    if (const auto* decision = std::get_if<Decision>(&record.outcome)) {
      check(*decision);
    } else if (const auto* advised = std::get_if<AdviceOutcome>(&record.outcome)) {
      check(*advised);
      is_as_kept();
    } else if (std::holds_alternative<NodeOutcome>(record.outcome)) {
      integer("/version", std::get<NodeOutcome>(record.outcome).version);
      is_as_kept();
    } else {
      text_ += " its record is of another kind";
    }
  }

  // Empty when all is the same.
  const std::string& difference() const { return text_; }

 private:
  void check(const Decision& decision) {
    flag("/approved", decision.approved());
    integer("/approved_amount", decision.approved_amount);
    integer("/held", decision.held);
    words("/decline_reason", engine::reason_name(decision.reason));
    words("/retryable", decision.approved() ? std::string_view{} : engine::retryable_name(decision.retryable));
    if (!decision.approved()) integer("/would_approve", decision.would_approve);
    if (decision.declined_by.limit >= 0) integer("/declined_by/limit", decision.declined_by.limit);
    const auto& request = std::get<engine::Authorize>(record_.command).request;
    words("/id", request.authorization_id);
  }

  void check(const AdviceOutcome& advised) {
    const auto& command = std::get<engine::Advise>(record_.command);
    words("/id", command.authorization_id);
    words("/type", engine::advice_name(command.kind));
    words("/status", engine::authorization_status_name(advised.status));
    integer("/released", advised.released);
    integer("/posted", advised.posted);
    integer("/held", advised.held);
    integer("/captured", advised.captured);
    integer("/refunded", advised.refunded);
    flag("/forced", (advised.flags & AdviceOutcome::kForced) != 0);
    flag("/over_capture", (advised.flags & AdviceOutcome::kOverCapture) != 0);
    flag("/over_limit", (advised.flags & AdviceOutcome::kOverLimit) != 0);
  }

  void is_as_kept() {
    if (answer_ != record_.answer) text_ += " the journal keeps " + std::string(record_.answer) + " for it;";
  }

  void flag(const char* member, bool expected) {
    compare(
        member, [&] { return json_flag(answer_, member) ? "true" : "false"; }, expected ? "true" : "false");
  }
  void integer(const char* member, std::int64_t expected) {
    compare(
        member, [&] { return std::to_string(json_integer(answer_, member)); }, std::to_string(expected));
  }
  void words(const char* member, std::string_view expected) {
    compare(
        member, [&] { return json_text(answer_, member); }, std::string(expected));
  }
  template <class Read>
  void compare(const char* member, Read read, const std::string& expected) {
    std::string told;
    try {
      told = read();
    } catch (const std::runtime_error&) {
      told = "nothing";
    }
    if (told != expected) text_ += " told " + std::string(member) + " " + told + ", journaled " + expected + ";";
  }

  const std::string& answer_;
  const Record& record_;
  std::string text_;
};

// Whether a request may be answered like that without anything being journaled.
bool may_be_refused(const Delivery& delivery, bool is_repeated) {
  if (delivery.status != 409) return false;
  const std::string code = json_text(delivery.answer, "/code");
  switch (delivery.asked->kind) {
    case Kind::increment:
    case Kind::reverse:
    case Kind::expire:
      if (code == "authorization_not_pending") return true;
      break;
    case Kind::capture:
      if (code == "nothing_to_capture") return delivery.asked->amount < 0;
      break;
    case Kind::refund:
      if (code == "nothing_to_refund") return delivery.asked->amount < 0;
      break;
    case Kind::reverse_refund:
      if (code == "nothing_refunded") return true;
      break;
    default:
      break;
  }
  return is_repeated && code == "idempotency_in_progress";
}

std::map<const Asked*, std::size_t> times_asked(const Deliveries& deliveries) {
  std::map<const Asked*, std::size_t> times;
  for (const Delivery& each : deliveries)
    ++times[each.asked.get()];
  return times;
}

std::string named(const Delivery& delivery, const std::string& what) {
  return delivery.asked->message + " (" + delivery.asked->path + "): " + what + " [" + std::to_string(delivery.status) +
         " " + delivery.answer + "]";
}

}  // namespace

JournalCheck::JournalCheck(const std::filesystem::path& store) {
  const storage::JournalReader reader(store);
  const auto damage =
      reader.walk(0, std::nullopt, storage::JournalReader::kAll, [&](const storage::JournalRecord& journaled) {
        journal_.emplace_back(journaled.payload.begin(), journaled.payload.end());
        return true;
      });
  if (damage) throw std::runtime_error("record " + std::to_string(damage->sequence) + ": " + damage->what);
  for (std::size_t place = 0; place < journal_.size(); ++place) {
    const auto record = engine::decode(journal_[place]);
    if (!record) throw std::runtime_error("record " + std::to_string(place + 1) + " cannot be decoded");
    coverage_.add(record->command, record->outcome);
    if (record->message.present()) by_message_[std::string(record->message.id)].push_back(place);
  }
}

Differences JournalCheck::against_law(model::Bend bend) const {
  model::Model model(bend);
  Differences differences;
  for (std::size_t place = 0; place < journal_.size() && differences.size() < kDifferencesMax; ++place) {
    const auto record = engine::decode(journal_[place]);
    const auto what = [&] { return "record " + std::to_string(place + 1) + ": " + model::describe(record->command); };
    if (!model.allows(record->command, record->now)) {
      differences.push_back(what() + " is none that could be given");
      break;
    }
    const engine::Outcome expected = model.apply(record->command, record->now);
    if (record->outcome == expected) continue;
    differences.push_back(what() + "\n  journaled: " + model::describe(record->outcome) +
                          "\n  the law:   " + model::describe(expected));
  }
  return differences;
}

Differences JournalCheck::against(const Deliveries& deliveries) const {
  Differences differences;
  const auto differ = [&](std::string what) {
    if (differences.size() < kDifferencesMax) differences.push_back(std::move(what));
  };
  const auto times = times_asked(deliveries);
  std::map<std::string, std::string, std::less<>> sent;  // messages, with what they were answered
  for (const Delivery& delivery : deliveries) {
    std::string& answer = sent[delivery.asked->message];
    if (delivery.status != 200) {
      if (!may_be_refused(delivery, times.at(delivery.asked.get()) > 1))
        differ(named(delivery, "no such answer is due"));
      continue;
    }
    const auto found = by_message_.find(delivery.asked->message);
    if (found == by_message_.end()) {
      differ(named(delivery, "answered, and not in the journal"));
      continue;
    }
    if (found->second.size() != 1) differ(named(delivery, "has several records"));
    const auto record = engine::decode(journal_[found->second.front()]);
    const AnswerCheck check(delivery, *record);
    if (!check.difference().empty()) differ(named(delivery, check.difference()));
    if (answer.empty()) answer = delivery.answer;
    if (answer != delivery.answer) differ(named(delivery, "another delivery of it was told " + answer));
  }
  for (const auto& [message, places] : by_message_) {
    if (!sent.contains(message)) differ(message + " is in the journal, and nobody sent it");
  }
  return differences;
}

}  // namespace holdfast::integration
