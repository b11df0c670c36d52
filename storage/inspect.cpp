#include "storage/inspect.h"

#include <ctime>
#include <map>
#include <ostream>
#include <utility>
#include <vector>

#include "engine/identifier.h"
#include "engine/record.h"
#include "storage/journal_reader.h"

namespace holdfast::storage {
namespace {

std::string time_text(engine::Instant at) {
  const std::int64_t millis = engine::to_millis(at);
  const std::int64_t seconds = millis >= 0 ? millis / 1000 : (millis - 999) / 1000;
  const std::time_t whole = seconds;
  std::tm utc{};
  gmtime_r(&whole, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::string fraction = std::to_string(millis - seconds * 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::string(text, size) + "." + fraction + "Z";
}

std::string json_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Name and value, the value as JSON.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

class RecordFields {
 public:
  // Cards and budgets are known by number in records; their ids come with their creation.
  Fields of(const JournalRecord& journaled, const engine::Record& record) {
    fields_.clear();
    authorization_ = {};
    add("sequence", std::to_string(journaled.sequence));
    add("at", json_text(time_text(record.now)));
    node_ = engine::node_of(record.command);
    std::visit([&](const auto& command) { command_fields(command); }, record.command);
    if (node_ != engine::kNoNode) add(engine::is_budget(node_) ? "budget" : "card", json_text(node_id(node_)));
    if (record.message.present()) {
      add("endpoint", json_text(record.message.endpoint));
      add("message", json_text(record.message.id));
    }
    std::visit([&](const auto& outcome) { outcome_fields(outcome); }, record.outcome);
    return fields_;
  }
  std::string card() const { return node_ == engine::kNoNode ? std::string() : node_id(node_); }
  std::string_view authorization() const { return authorization_; }

 private:
  void add(std::string_view name, std::string value) { fields_.emplace_back(name, std::move(value)); }
  std::string node_id(engine::NodeIndex node) const {
    const auto found = ids_.find(node);
    return found == ids_.end() ? "#" + std::to_string(node & ~engine::kBudgetBit) : found->second;
  }
  void add_type(std::string_view what, engine::NodeIndex node) {
    add("type", json_text(std::string(what).append(engine::is_budget(node) ? "budget" : "card")));
  }

  void command_fields(const engine::CreateNode& command) {
    add_type("create_", command.node);
    ids_[command.node] = engine::format_id(engine::is_budget(command.node) ? "bud_" : "card_", command.identity.id);
    if (command.settings.parent != engine::kNoNode) add("parent", json_text(node_id(command.settings.parent)));
    add("label", json_text(command.settings.label));
  }
  void command_fields(const engine::ChangeNode& command) {
    add_type("change_", command.node);
    if (command.settings.parent != engine::kNoNode) add("parent", json_text(node_id(command.settings.parent)));
  }
  void command_fields(const engine::SetNodeStatus& command) {
    add("type", json_text(engine::is_budget(command.node) ? "set_budget_status" : "set_card_status"));
    add("status", json_text(engine::node_status_name(command.status)));
  }
  void command_fields(const engine::Authorize& command) {
    const engine::AuthorizationRequest& request = command.request;
    add("type", json_text("authorize"));
    add("authorization", json_text(request.authorization_id));
    add("amount", std::to_string(request.amount));
    add("currency", json_text(engine::alpha_code(request.currency)));
    add("merchant", json_text(request.merchant.id));
    add("incremental", request.incremental ? "true" : "false");
    authorization_ = request.authorization_id;
  }
  void command_fields(const engine::Withdraw& command) {
    add("type", json_text("withdraw"));
    add("authorization", json_text(command.authorization_id));
    add("amount", std::to_string(command.amount));
    authorization_ = command.authorization_id;
  }
  void command_fields(const engine::Advise& command) {
    add("type", json_text(engine::advice_name(command.kind)));
    add("authorization", json_text(command.authorization_id));
    add("amount", command.amount == engine::kAll ? json_text("all") : std::to_string(command.amount));
    authorization_ = command.authorization_id;
  }
  void command_fields(const engine::NoteEvent& command) {
    add("type", json_text("note_event"));
    add("event", json_text(command.type));
    add("object", json_text(command.object));
  }
  void command_fields(const engine::DefineZone& command) {
    add("type", json_text("define_zone"));
    add("zone", json_text(command.rules.name));
  }
  void command_fields(const engine::AddKey& command) {
    add("type", json_text("add_key"));
    add("key", json_text(engine::format_id("key_", command.id)));
    add("label", json_text(command.label));
  }
  void command_fields(const engine::RemoveKey& command) {
    add("type", json_text("remove_key"));
    add("key", json_text(engine::format_id("key_", command.id)));
  }

  void outcome_fields(std::monostate) {}
  void outcome_fields(const engine::NodeOutcome& outcome) { add("version", std::to_string(outcome.version)); }
  void outcome_fields(const engine::Decision& decision) {
    add("approved", decision.approved() ? "true" : "false");
    add("approved_amount", std::to_string(decision.approved_amount));
    add("held", std::to_string(decision.held));
    if (!decision.approved()) add("reason", json_text(engine::reason_name(decision.reason)));
  }
  void outcome_fields(const engine::WithdrawOutcome& outcome) { add("released", std::to_string(outcome.released)); }
  void outcome_fields(const engine::AdviceOutcome& outcome) {
    add("status", json_text(engine::authorization_status_name(outcome.status)));
    add("released", std::to_string(outcome.released));
    add("posted", std::to_string(outcome.posted));
    add("held", std::to_string(outcome.held));
    add("captured", std::to_string(outcome.captured));
    add("refunded", std::to_string(outcome.refunded));
    add("flags", std::to_string(outcome.flags));
  }

  Fields fields_;
  engine::NodeIndex node_ = engine::kNoNode;
  std::string_view authorization_;
  std::map<engine::NodeIndex, std::string> ids_;
};

void print(std::ostream& out, const Fields& fields, bool json) {
  char separator = json ? '{' : '\0';
  for (const auto& [name, value] : fields) {
    if (separator != '\0') out << separator;
    separator = json ? ',' : ' ';
    json ? out << '"' << name << "\":" << value : out << name << '=' << value;
  }
  out << (json ? "}\n" : "\n");
}

}  // namespace

bool inspect(const std::filesystem::path& store, const InspectOptions& options, std::ostream& out) {
  const JournalReader reader(store);
  RecordFields fields;
  // From the first record on, whatever `from` is: the ids of cards stand in their creation.
  const auto damage = reader.walk(0, std::nullopt, JournalReader::kAll, [&](const JournalRecord& journaled) {
    const auto record = engine::decode(journaled.payload);
    if (!record) {
      out << "record " << journaled.sequence << " cannot be decoded\n";
      return true;
    }
    const Fields shown = fields.of(journaled, *record);
    if (journaled.sequence < options.from) return true;
    if (!options.card.empty() && fields.card() != options.card) return true;
    if (!options.authorization.empty() && fields.authorization() != options.authorization) return true;
    print(out, shown, options.json);
    return true;
  });
  if (damage) out << "the journal ends here: record " << damage->sequence << ": " << damage->what << '\n';
  return !damage;
}

}  // namespace holdfast::storage
