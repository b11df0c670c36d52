#include "scenario_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "config/parse_toml.h"
#include "config/text_file.h"

namespace holdfast {
namespace {

using engine::Minor;
using engine::Processor;
using namespace net::simulator;

constexpr std::size_t kScenarioBytesMax = 1 << 20;
constexpr unsigned kTimesMax = 100'000;
constexpr unsigned kCopiesMax = 100;
constexpr unsigned kHoldersMax = 1'000;

struct Shipped {
  std::string_view name;
  std::string_view text;
};
constexpr auto kShipped = std::to_array<Shipped>({
#include "shipped_scenarios.inc"
});

template <class Value>
using Word = std::pair<std::string_view, Value>;

constexpr auto kHappenings = std::to_array<Word<Happening>>({{"authorize", Happening::authorize},
                                                             {"increment", Happening::increment},
                                                             {"capture", Happening::capture},
                                                             {"reverse", Happening::reverse},
                                                             {"expire", Happening::expire},
                                                             {"post", Happening::post},
                                                             {"refund", Happening::refund},
                                                             {"reverse_refund", Happening::reverse_refund}});
constexpr auto kExpectations = std::to_array<Word<Expected>>(
    {{"approved", Expected::approved}, {"declined", Expected::declined}, {"refused", Expected::refused}});
constexpr auto kLate = std::to_array<Word<Late>>({{"declines", Late::declines}, {"approves", Late::approves}});
constexpr auto kDeliveries = std::to_array<Word<Delivery>>(
    {{"in order", Delivery::in_order}, {"reversed", Delivery::reversed}, {"shuffled", Delivery::shuffled}});
constexpr auto kKinds = std::to_array<Word<Processor>>({{"native", Processor::native},
                                                        {"stripe", Processor::stripe},
                                                        {"lithic", Processor::lithic},
                                                        {"marqeta", Processor::marqeta}});

// Reads one text, keeping what is wrong with it.
class Reader {
 public:
  explicit Reader(std::string source) : source_(std::move(source)) {}

  Scenario read(const toml::table& root) {
    only(root, {"title", "kinds", "delivery", "currency", "merchant", "budget", "card", "step", "balance"});
    Scenario scenario;
    scenario.title = text(root, "title").value_or("");
    read_kinds(root, scenario);
    scenario.delivery = word<Delivery>(root, "delivery", kDeliveries).value_or(Delivery::in_order);
    currency_ = read_currency(root).value_or(*engine::currency_from_alpha("USD"));
    merchant_ = read_merchant(root, {});
    for_each_table(root, "budget", [&](const toml::table& each) { read_holder(each, true, scenario); });
    for_each_table(root, "card", [&](const toml::table& each) { read_holder(each, false, scenario); });
    if (cards_.empty()) fail(root, "card", "must be there at least once");
    for_each_table(root, "step", [&](const toml::table& each) { read_step(each, scenario); });
    if (scenario.steps.empty()) fail(root, "step", "must be there at least once");
    for_each_table(root, "balance", [&](const toml::table& each) { read_balance(each, scenario); });
    return scenario;
  }

  ScenarioErrors& errors() { return errors_; }

 private:
  void fail(const toml::node& at, std::string_view name, std::string_view what) {
    const toml::source_position place = at.source().begin;
    std::ostringstream error;
    error << source_ << ':' << place.line << ':' << place.column << ": " << name << ' ' << what;
    errors_.push_back(error.str());
  }

  void only(const toml::table& table, std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : table)
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) fail(value, key.str(), "is not known");
  }

  template <class Value>
  std::optional<Value> value(const toml::table& table, std::string_view name, std::string_view type) {
    const toml::node* node = table.get(name);
    if (node == nullptr) return std::nullopt;
    const auto read = node->value_exact<Value>();
    if (!read) fail(*node, name, type);
    return read;
  }
  std::optional<std::string> text(const toml::table& table, std::string_view name) {
    return value<std::string>(table, name, "must be a string");
  }
  std::optional<bool> flag(const toml::table& table, std::string_view name) {
    return value<bool>(table, name, "must be true or false");
  }
  std::optional<std::int64_t> integer(const toml::table& table, std::string_view name, std::int64_t min,
                                      std::int64_t max) {
    const auto read = value<std::int64_t>(table, name, "must be an integer");
    if (read && (*read < min || *read > max))
      fail(*table.get(name), name, "must be from " + std::to_string(min) + " to " + std::to_string(max));
    return read;
  }
  std::optional<unsigned> count(const toml::table& table, std::string_view name, unsigned min, unsigned max) {
    const auto read = integer(table, name, min, max);
    return read ? std::optional(static_cast<unsigned>(*read)) : std::nullopt;
  }
  std::optional<Minor> money(const toml::table& table, std::string_view name, Minor min = 0) {
    constexpr Minor kMost = 1'000'000'000'000;
    return integer(table, name, min, kMost);
  }

  template <class Value>
  std::optional<Value> word(const toml::table& table, std::string_view name, std::span<const Word<Value>> words) {
    const auto read = text(table, name);
    if (!read) return std::nullopt;
    for (const auto& [known, meaning] : words)
      if (*read == known) return meaning;
    std::string known;
    for (const auto& each : words)
      known.append(known.empty() ? "must be one of " : ", ").append(each.first);
    fail(*table.get(name), name, known);
    return std::nullopt;
  }

  template <class Visit>
  void for_each_table(const toml::table& root, std::string_view name, Visit&& visit) {
    const toml::node* node = root.get(name);
    if (node == nullptr) return;
    if (!node->is_array_of_tables()) return fail(*node, name, "must be written [[" + std::string(name) + "]]");
    for (const toml::node& each : *node->as_array())
      visit(*each.as_table());
  }

  void read_kinds(const toml::table& root, Scenario& scenario) {
    const toml::node* node = root.get("kinds");
    if (node == nullptr) {
      for (const auto& each : kKinds)
        scenario.kinds.push_back(each.second);
      return;
    }
    if (!node->is_array()) return fail(*node, "kinds", "must be a list");
    for (const toml::node& each : *node->as_array()) {
      const auto name = each.value_exact<std::string>();
      const auto* found =
          std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return name == kind.first; });
      if (found == kKinds.end()) {
        fail(each, "kinds", "must name native, stripe, lithic or marqeta");
      } else {
        scenario.kinds.push_back(found->second);
      }
    }
  }

  std::optional<engine::Currency> read_currency(const toml::table& table) {
    const auto name = text(table, "currency");
    if (!name) return std::nullopt;
    const auto currency = engine::currency_from_alpha(*name);
    if (!currency) fail(*table.get("currency"), "currency", "must be a currency of ISO 4217");
    return currency;
  }

  // What a merchant's table does not say is as in `merchant`.
  ScenarioMerchant read_merchant(const toml::table& table, ScenarioMerchant merchant) {
    const toml::node* node = table.get("merchant");
    if (node == nullptr) return merchant;
    if (!node->is_table()) {
      fail(*node, "merchant", "must be a table");
      return merchant;
    }
    const toml::table& given = *node->as_table();
    only(given, {"id", "name", "category", "country"});
    merchant.id = text(given, "id").value_or(merchant.id);
    merchant.name = text(given, "name").value_or(merchant.name);
    if (const auto category = text(given, "category")) {
      const auto code = engine::category_from_digits(*category);
      if (!code) fail(*given.get("category"), "category", "must be four digits");
      merchant.category = code.value_or(merchant.category);
    }
    if (const auto country = text(given, "country")) {
      const auto code = engine::country_from_text(*country);
      if (!code) fail(*given.get("country"), "country", "must be a country of ISO 3166");
      merchant.country = code.value_or(merchant.country);
    }
    return merchant;
  }

  // All that is not for us goes to the native interface as it is.
  void read_holder(const toml::table& table, bool is_budget, Scenario& scenario) {
    Holder holder;
    holder.is_budget = is_budget;
    const auto name = text(table, "name");
    if (!name) fail(table, "name", "must be there");
    holder.parent = text(table, "budget").value_or("");
    if (!holder.parent.empty() && (!names_.contains(holder.parent) || cards_.contains(holder.parent)))
      fail(*table.get("budget"), "budget", "must be the name of a budget above");
    toml::table settings = table;
    for (const std::string_view ours : {"name", "budget", "count"})
      settings.erase(ours);
    std::ostringstream json;
    json << toml::json_formatter{settings};
    holder.settings = json.str();
    const auto alike = count(table, "count", 1, kHoldersMax);
    for (unsigned i = 1; i <= alike.value_or(1); ++i) {
      holder.name = name.value_or("") + (alike ? "-" + std::to_string(i) : "");
      if (!names_.insert(holder.name).second) fail(table, "name", "is there twice");
      if (!is_budget) cards_.insert(holder.name);
      if (!is_budget && first_card_.empty()) first_card_ = holder.name;
      scenario.holders.push_back(holder);
    }
  }

  void read_cards(const toml::table& table, Step& step) {
    if (const auto card = text(table, "card")) step.cards.push_back(*card);
    if (const toml::node* node = table.get("cards")) {
      if (node->is_string() && node->value_exact<std::string>() == "all") {
        step.cards.assign(cards_.begin(), cards_.end());
      } else {
        fail(*node, "cards", "must be \"all\"");
      }
    }
    for (const std::string& card : step.cards)
      if (!cards_.contains(card)) fail(*table.get("card"), "card", "must be the name of a card above");
    if (step.cards.empty()) step.cards.push_back(first_card_);
  }

  void read_expectation(const toml::table& table, Step& step) {
    step.expected = word<Expected>(table, "expect", kExpectations).value_or(Expected::approved);
    step.wrong_signature = step.expected == Expected::refused;
    if (const auto reason = text(table, "reason")) {
      step.reason = engine::reason_from_name(*reason);
      if (!step.reason) fail(*table.get("reason"), "reason", "must be a reason for a decline");
      if (step.expected != Expected::declined && !table.contains("approvals"))
        fail(*table.get("reason"), "reason", "needs expect = \"declined\"");
    }
    step.approved_amount = money(table, "approved_amount");
    step.approvals = count(table, "approvals", 0, kTimesMax);
  }

  void read_step(const toml::table& table, Scenario& scenario) {
    only(table, {"do", "card", "cards", "payment", "amount", "currency", "merchant", "partial_approval", "final",
                 "times", "at_once", "copies", "late", "expect", "reason", "approved_amount", "approvals"});
    Step step;
    if (!table.contains("do")) fail(table, "do", "must be there");
    step.what = word<Happening>(table, "do", kHappenings).value_or(Happening::authorize);
    read_cards(table, step);
    step.payment = text(table, "payment").value_or("payment");
    step.amount = money(table, "amount").value_or(0);
    step.currency = read_currency(table).value_or(currency_);
    step.merchant = read_merchant(table, merchant_);
    step.partial_approval = flag(table, "partial_approval").value_or(false);
    step.final = flag(table, "final").value_or(true);
    step.times = count(table, "times", 1, kTimesMax).value_or(1);
    step.at_once = flag(table, "at_once").value_or(false);
    step.copies = count(table, "copies", 1, kCopiesMax).value_or(1);
    step.late = word<Late>(table, "late", kLate).value_or(Late::no);
    read_expectation(table, step);
    check_step(table, step);
    scenario.steps.push_back(std::move(step));
  }

  void check_step(const toml::table& table, const Step& step) {
    const bool begins = step.what == Happening::authorize || step.what == Happening::post;
    const bool is_question = is_asked(step.what);
    if ((begins || step.what == Happening::increment) && !table.contains("amount"))
      fail(table, "amount", "must be there");
    if (!begins && !begun_.contains(step.payment))
      fail(table, "payment", "\"" + step.payment + "\" must have been authorized above");
    if (!is_question && step.expected == Expected::declined) fail(*table.get("expect"), "expect", "cannot be declined");
    for (const std::string_view name : {"late", "reason", "approved_amount", "approvals"})
      if (!is_question && table.contains(name)) fail(*table.get(name), name, "is for what can be declined");
    for (const std::string_view name : {"times", "at_once", "approvals"})
      if (step.what != Happening::authorize && table.contains(name)) fail(*table.get(name), name, "is for authorize");
    if (begins && !step.wrong_signature) begun_.insert(step.payment);
  }

  void read_balance(const toml::table& table, Scenario& scenario) {
    only(table, {"of", "held", "posted", "remaining", "over_limit"});
    ExpectedBalance balance;
    balance.holder = text(table, "of").value_or(first_card_);
    if (!names_.contains(balance.holder)) fail(*table.get("of"), "of", "must be the name of a card or budget above");
    balance.held = money(table, "held");
    balance.posted = money(table, "posted", -1'000'000'000'000);
    balance.remaining = money(table, "remaining");
    balance.over_limit = flag(table, "over_limit");
    scenario.balances.push_back(std::move(balance));
  }

  std::string source_;
  ScenarioErrors errors_;
  engine::Currency currency_;
  ScenarioMerchant merchant_;
  std::set<std::string> names_;  // of cards and budgets
  std::set<std::string> cards_;
  std::string first_card_;
  std::set<std::string> begun_;  // payments
};

std::string name_in(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.rfind(".toml"));
}

}  // namespace

ScenarioResult parse_scenario(std::string_view text, const std::string& source) {
  auto parsed = config::parse_toml(text, source);
  if (const auto* error = std::get_if<config::ParseError>(&parsed)) {
    std::ostringstream message;
    message << source << ':' << error->position.line << ':' << error->position.column << ": " << error->message;
    return ScenarioErrors{message.str()};
  }
  Reader reader(source);
  Scenario scenario = reader.read(std::get<toml::table>(parsed));
  scenario.name = name_in(source);
  if (!reader.errors().empty()) return std::move(reader.errors());
  return scenario;
}

ScenarioResult load_scenario(const std::string& name_or_path) {
  for (const Shipped& each : kShipped)
    if (each.name == name_or_path) return parse_scenario(each.text, std::string(each.name));
  std::string text;
  if (const std::error_code error = config::read_text_file(name_or_path, kScenarioBytesMax, text)) {
    return ScenarioErrors{name_or_path + ": " + error.message() + ", and no scenario of that name comes with holdfast"};
  }
  return parse_scenario(text, name_or_path);
}

std::vector<std::string_view> shipped_scenarios() {
  std::vector<std::string_view> names;
  for (const Shipped& each : kShipped)
    names.push_back(each.name);
  return names;
}

}  // namespace holdfast
