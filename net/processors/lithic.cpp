#include "net/processors/lithic.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "net/problem.h"
#include "net/rfc3339.h"

namespace holdfast::net::lithic {
namespace {

using engine::AdviceKind;
using engine::AuthorizationRequest;
using engine::Check;
using engine::Minor;
using wire::object_or_empty;
using wire::text_or_empty;

constexpr std::string_view kApprovalRequest = "card_authorization.approval_request";
constexpr std::string_view kTransactionUpdated = "card_transaction.updated";
constexpr std::size_t kCurrencyBytesMax = 16;
constexpr std::size_t kTimeBytesMax = 64;
constexpr std::size_t kHistoryMax = 100'000;
constexpr Minor kMinorMax = std::numeric_limits<Minor>::max();

// ---- Authorization requests -----------------------------------------------------------------------------------------

enum class Status : std::uint8_t { debit = 0, credit, balance };

// A status that is not known spends: it is tested against the limits.
Status status_of(std::string_view text) {
  if (text == "CREDIT_AUTHORIZATION" || text == "FINANCIAL_CREDIT_AUTHORIZATION") return Status::credit;
  if (text == "BALANCE_INQUIRY") return Status::balance;
  return Status::debit;
}

struct Amount {
  Minor minor = 0;
  engine::Currency currency;
};

// One of `amounts`, when it is there. `smallest`: credits are negative.
std::optional<Amount> amount_in(const JsonObject& amounts, std::string_view name, std::string_view currency,
                                Minor smallest) {
  const auto part = amounts.optional_object(name);
  if (!part) return std::nullopt;
  const Minor minor = part->required_int64("amount", smallest, kMinorMax);
  return Amount{minor, wire::currency(part->optional_string("currency", kCurrencyBytesMax).value_or(currency))};
}

Amount asked_amount(const JsonObject& body, Minor smallest) {
  const std::string_view currency =
      body.optional_string("cardholder_currency", kCurrencyBytesMax).value_or(std::string_view{});
  const JsonObject amounts = body.optional_object("amounts").value_or(JsonObject{});
  if (const auto hold = amount_in(amounts, "hold", currency, smallest)) return *hold;
  if (const auto cardholder = amount_in(amounts, "cardholder", currency, smallest)) return *cardholder;
  return {body.required_int64("authorization_amount", smallest, kMinorMax), wire::currency(currency)};
}

engine::Verification verification(const JsonObject& avs) {
  const std::string_view text = text_or_empty(avs, "address_on_file_match");
  engine::Verification verification;
  if (text == "MATCH") verification.address_line = verification.postal_code = Check::match;
  if (text == "MISMATCH") verification.address_line = verification.postal_code = Check::mismatch;
  if (text == "MATCH_ADDRESS_ONLY") {
    verification.address_line = Check::match;
    verification.postal_code = Check::mismatch;
  }
  if (text == "MATCH_ZIP_ONLY") {
    verification.address_line = Check::mismatch;
    verification.postal_code = Check::match;
  }
  return verification;
}

engine::Merchant merchant(const JsonObject& data) {
  engine::Merchant merchant;
  merchant.id = data.optional_string("acceptor_id", engine::kMerchantIdBytesMax).value_or(std::string_view{});
  merchant.name = wire::merchant_name(data, "descriptor");
  merchant.category = wire::category(data, "mcc");
  merchant.country = wire::country(data, "country");
  return merchant;
}

// More cash than amount can only be a mistake of the sender's; taking all of it for cash errs against the spender.
Minor cash_amount(const JsonObject& body, Minor amount) {
  const Minor cash = body.optional_int64("cash_amount", -kMinorMax).value_or(0);
  const Minor back = body.optional_int64("cashback", -kMinorMax).value_or(0);
  return std::clamp<Minor>(std::max(cash, back), 0, amount);
}

Asked asked(const JsonObject& body) {
  Asked asked;
  asked.message_id = body.optional_string("event_token", kMessageIdBytesMax).value_or(std::string_view{});
  AuthorizationRequest& request = asked.request;
  request.processor = engine::Processor::lithic;
  request.authorization_id = body.required_string("token", engine::kIdBytesMax);
  request.card_reference = body.required_object("card").required_string("token", engine::kIdBytesMax);
  const Status status = status_of(body.required_string("status", kEventTypeBytesMax));
  asked.wants_balance = status == Status::balance;
  const Amount amount = asked_amount(body, status == Status::debit ? 0 : -kMinorMax);
  request.amount = status == Status::debit ? amount.minor : 0;
  request.currency = amount.currency;
  request.cash_amount = cash_amount(body, request.amount);
  const JsonObject terminal = object_or_empty(object_or_empty(body, "pos"), "terminal");
  request.partial_approval = terminal.optional_bool("partial_approval_capable").value_or(false);
  request.merchant = merchant(body.optional_object("merchant").value_or(JsonObject{}));
  request.verification = verification(object_or_empty(body, "avs"));
  return asked;
}

// ---- What has happened ----------------------------------------------------------------------------------------------

enum class Kind : std::uint8_t {
  none = 0,
  authorization,
  advice,
  reversal,
  expiry,
  clearing,
  financial_authorization,
  money_back,      // returns, credits that are posted at once, corrections in the cardholder's favour
  money_not_back,  // a return that did not come after all
  correction_debit,
};

constexpr std::array<std::pair<std::string_view, Kind>, 11> kKinds{{
    {"AUTHORIZATION", Kind::authorization},
    {"AUTHORIZATION_ADVICE", Kind::advice},
    {"AUTHORIZATION_REVERSAL", Kind::reversal},
    {"AUTHORIZATION_EXPIRY", Kind::expiry},
    {"CLEARING", Kind::clearing},
    {"FINANCIAL_AUTHORIZATION", Kind::financial_authorization},
    {"RETURN", Kind::money_back},
    {"RETURN_REVERSAL", Kind::money_not_back},
    {"FINANCIAL_CREDIT_AUTHORIZATION", Kind::money_back},
    {"CORRECTION_DEBIT", Kind::correction_debit},
    {"CORRECTION_CREDIT", Kind::money_back},
}};
// Without an effect: BALANCE_INQUIRY, and CREDIT_AUTHORIZATION with its advice, whose money comes with the RETURN.

struct HistoryEvent {
  Kind kind = Kind::none;
  std::string_view token;
  std::string_view type;
  bool approved = false;
  bool credit = false;
  Minor amount = 0;
  engine::Currency currency;
  engine::Instant at;
};

Kind kind_of(std::string_view type) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& row) { return row.first == type; });
  return found == kKinds.end() ? Kind::none : found->second;
}

engine::Instant instant(const JsonObject& object, std::string_view name) {
  const auto at = parse_rfc3339(object.required_string(name, kTimeBytesMax));
  if (!at) object.fail(name, "must be a time as in RFC 3339");
  return at.value_or(engine::kNoInstant);
}

// Amounts of events are positive whichever way the money goes, which the polarity says.
HistoryEvent history_event(const JsonObject& event, std::string_view currency) {
  HistoryEvent read;
  read.token = event.required_string("token", engine::kIdBytesMax);
  read.type = event.required_string("type", kEventTypeBytesMax);
  read.kind = kind_of(read.type);
  read.approved = text_or_empty(event, "result") == "APPROVED";
  read.credit = text_or_empty(event, "effective_polarity") == "CREDIT";
  read.at = instant(event, "created");
  const JsonObject amounts = event.optional_object("amounts").value_or(JsonObject{});
  const auto cardholder = amount_in(amounts, "cardholder", currency, -kMinorMax);
  read.amount = cardholder ? cardholder->minor : event.required_int64("amount", -kMinorMax, kMinorMax);
  read.amount = read.amount < 0 ? -read.amount : read.amount;
  read.currency = cardholder ? cardholder->currency : wire::currency(currency);
  return read;
}

bool concerns_hold(Kind kind) {
  return kind == Kind::authorization || kind == Kind::advice || kind == Kind::reversal || kind == Kind::expiry ||
         kind == Kind::clearing || kind == Kind::financial_authorization;
}

// A decline says something of the hold when it may have been added to before; see History::read_declined().
bool says_hold(const HistoryEvent& event) {
  const bool counts = event.approved || event.kind == Kind::clearing || event.kind == Kind::authorization;
  return counts && concerns_hold(event.kind);
}

// Goes through a history and says of each event what it means for the card.
class History {
 public:
  // `hold`: what the transaction holds after all of it, when it says so. `common`: what all steps have in common.
  History(std::vector<HistoryEvent> events, std::optional<Minor> hold, ToldStep common)
      : events_(std::move(events)), hold_in_the_end_(hold), common_(std::move(common)) {}

  Told told() {
    Told told;
    for (std::size_t i = 0; i < events_.size(); ++i)
      told.steps.push_back(step(events_[i], next_of_hold(i)));
    for (ToldStep& each : told.steps)
      each.told_again = &each != &told.steps.back();
    return told;
  }

 private:
  // The next event that says something of the hold; null behind the last.
  const HistoryEvent* next_of_hold(std::size_t i) const {
    const auto found = std::find_if(events_.begin() + static_cast<std::ptrdiff_t>(i) + 1, events_.end(), says_hold);
    return found == events_.end() ? nullptr : &*found;
  }

  ToldStep step(const HistoryEvent& event, const HistoryEvent* next) {
    ToldStep step = common_;
    step.message_id = "event:";
    step.message_id += event.token;
    step.type = event.type;
    step.object = step.authorization_id;
    step.currency = event.currency;
    step.at = event.at;
    // Money that was moved cannot be declined; everything else is what it says only when it was approved.
    if (event.approved || event.kind == Kind::clearing) {
      read_approved(step, event, next);
    } else {
      read_declined(step, event, next);
    }
    begun_ |= concerns_hold(event.kind);
    return step;
  }

  void read_approved(ToldStep& step, const HistoryEvent& event, const HistoryEvent* next) {
    switch (event.kind) {
      case Kind::authorization:
        return set_hold(step, engine::checked_add(hold_, event.amount).value_or(kMinorMax), next);
      case Kind::advice:
        return set_hold(step, event.amount, next);
      case Kind::reversal:
        return reverse(step, event.amount, next);
      case Kind::expiry:
        hold_ = 0;
        step.kind = AdviceKind::expire;
        return;
      case Kind::clearing:
        return clear(step, event, next);
      case Kind::financial_authorization:
        was_financial_ = true;
        return move(step, AdviceKind::capture, event.amount, true);
      case Kind::money_back:
        return move(step, AdviceKind::refund, event.amount);
      case Kind::money_not_back:
        return move(step, AdviceKind::refund_reversal, event.amount);
      case Kind::correction_debit:
        return move(step, AdviceKind::post, event.amount);
      case Kind::none:
        return;
    }
  }

  // A decline at the beginning takes back what we may have held for it. Later it takes back what we may have added to
  // what was approved before. An advice that says no to what is there already is to be ignored.
  void read_declined(ToldStep& step, const HistoryEvent& event, const HistoryEvent* next) {
    if (!begun_ && (event.kind == Kind::authorization || event.kind == Kind::advice ||
                    event.kind == Kind::financial_authorization)) {
      step.kind = AdviceKind::disown;
    } else if (event.kind == Kind::authorization) {
      set_hold(step, hold_, next);
    }
  }

  // Where the hold changes again before any of it is posted, only the later change takes effect: the hold would be too
  // low in between, while others are decided.
  void set_hold(ToldStep& step, Minor hold, const HistoryEvent* next) {
    hold_ = next == nullptr ? hold_in_the_end_.value_or(hold) : hold;
    if (next != nullptr && next->kind != Kind::clearing) return;
    step.kind = AdviceKind::set_hold;
    step.amount = hold_;
  }

  // Of what was posted at once there is no hold to take back: the money comes back.
  void reverse(ToldStep& step, Minor amount, const HistoryEvent* next) {
    if (was_financial_) return move(step, AdviceKind::refund, amount);
    set_hold(step, hold_ - std::min(hold_, amount), next);
  }

  // The last one is final when nothing is held behind it.
  void clear(ToldStep& step, const HistoryEvent& event, const HistoryEvent* next) {
    if (event.credit) return move(step, AdviceKind::refund, event.amount);
    hold_ -= std::min(hold_, event.amount);
    if (!begun_) return move(step, AdviceKind::post, event.amount);
    move(step, AdviceKind::capture, event.amount, next == nullptr && hold_in_the_end_.value_or(hold_) == 0);
  }

  static void move(ToldStep& step, AdviceKind kind, Minor amount, bool final = false) {
    step.kind = kind;
    step.amount = amount;
    step.final = final;
  }

  std::vector<HistoryEvent> events_;
  std::optional<Minor> hold_in_the_end_;
  ToldStep common_;
  Minor hold_ = 0;      // after the events so far
  bool begun_ = false;  // some event concerned a hold
  bool was_financial_ = false;
};

// Holds are negative; what is positive is a credit to come, which holds nothing.
std::optional<Minor> hold_of(const JsonObject& transaction) {
  const JsonObject amounts = transaction.optional_object("amounts").value_or(JsonObject{});
  const auto hold = amounts.optional_object("hold");
  if (!hold) return std::nullopt;
  return -std::min<Minor>(hold->required_int64("amount", -kMinorMax, kMinorMax), 0);
}

// The currency that amounts without one are in.
std::string_view cardholder_currency(const JsonObject& transaction) {
  const JsonObject cardholder = object_or_empty(object_or_empty(transaction, "amounts"), "cardholder");
  const std::string_view newer = text_or_empty(cardholder, "currency");
  return newer.empty() ? text_or_empty(transaction, "cardholder_currency") : newer;
}

Told transaction_told(const JsonObject& transaction) {
  ToldStep common;
  common.authorization_id = transaction.required_string("token", engine::kIdBytesMax);
  common.card_reference = transaction.required_string("card_token", engine::kIdBytesMax);
  common.merchant = merchant(transaction.optional_object("merchant").value_or(JsonObject{}));
  const std::string_view currency = cardholder_currency(transaction);
  std::vector<HistoryEvent> events;
  transaction.required_array("events", kHistoryMax).for_each([&](const JsonValue& each) {
    events.push_back(history_event(each.object(), currency));
  });
  if (events.empty()) transaction.fail("events", "must not be empty");
  return History(std::move(events), hold_of(transaction), std::move(common)).told();
}

Told other_told(const JsonObject& body, std::string_view type) {
  Told told;
  ToldStep& step = told.steps.emplace_back();
  step.type = type;
  step.object = wire::cut(text_or_empty(body, "token"), kObjectIdBytesMax);
  return told;
}

// ---- Encoding -------------------------------------------------------------------------------------------------------

void append_start(std::string& out, std::string_view result, const Asked& asked) {
  out.append(R"({"result":")").append(result).append(R"(","token":)");
  append_json_string(out, asked.request.authorization_id);
}

// Without this member Lithic says "validated" of an approval, whatever the address was.
void append_avs_result(std::string& out, const engine::Verification& verification) {
  const bool address = verification.address_line == Check::match;
  const bool zip = verification.postal_code == Check::match;
  if (verification.address_line == Check::not_provided && verification.postal_code == Check::not_provided) return;
  const std::string_view result = address && zip ? "MATCH"
                                  : address      ? "MATCH_ADDRESS_ONLY"
                                  : zip          ? "MATCH_ZIP_ONLY"
                                                 : "FAIL";
  out.append(R"(,"avs_result":")").append(result).append("\"");
}

}  // namespace

Event decode(std::string_view body, JsonDocument& document) {
  if (!document.parse(body)) return document.error();
  const JsonObject object = document.object();
  const std::string_view type = object.optional_string("event_type", kEventTypeBytesMax).value_or(std::string_view{});
  Event result;
  if (type == kTransactionUpdated || (type.empty() && object.has("card_token"))) {
    result = transaction_told(object);
  } else if (type.empty() || type == kApprovalRequest) {
    result = asked(object);
  } else {
    result = other_told(object, type);
  }
  if (!document.ok()) return document.error();
  return result;
}

std::string_view result_name(engine::Reason reason, bool lifetime_limit) {
  switch (reason) {
    case engine::Reason::none:
      return "APPROVED";
    case engine::Reason::card_not_found:
    case engine::Reason::card_closed:
    case engine::Reason::card_expired:
    case engine::Reason::card_frozen:
      return "CARD_PAUSED";
    case engine::Reason::verification_failed:
      return "AVS_INVALID";
    case engine::Reason::currency_mismatch:
    case engine::Reason::merchant_not_allowed:
    case engine::Reason::category_not_allowed:
    case engine::Reason::country_not_allowed:
      return "UNAUTHORIZED_MERCHANT";
    case engine::Reason::card_limit:
    case engine::Reason::budget_limit:
      return lifetime_limit ? "INSUFFICIENT_FUNDS" : "VELOCITY_EXCEEDED";
    // Of the declines that a later try may pass, the one that says so.
    case engine::Reason::loop_breaker:
    case engine::Reason::authorization_limit:
    case engine::Reason::count_limit:
    case engine::Reason::deadline_exceeded:
    case engine::Reason::overloaded:
    case engine::Reason::storage_unavailable:
      return "VELOCITY_EXCEEDED";
  }
  return "VELOCITY_EXCEEDED";
}

void append_answer(std::string& out, const Asked& asked, const engine::Decision& decision,
                   const wire::Balance* balance) {
  append_start(out, result_name(decision.reason, decision.lifetime_limit), asked);
  if (decision.approved()) {
    if (decision.approved_amount != asked.request.amount) {
      // Where the terminal cannot take less, Lithic declines what carries an amount, and the hold would stay.
      assert(asked.request.partial_approval && decision.approved_amount > 0 &&
             decision.approved_amount < asked.request.amount);
      out.append(R"(,"approved_amount":)");
      wire::append_integer(out, decision.approved_amount);
    }
    append_avs_result(out, asked.request.verification);
    if (balance != nullptr) {
      out.append(R"(,"balance":{"amount":)");
      wire::append_integer(out, balance->settled);
      out.append(R"(,"available":)");
      wire::append_integer(out, balance->available);
      out += '}';
    }
  }
  out += '}';
}

void append_decline(std::string& out, const Asked& asked, engine::Reason reason) {
  append_start(out, result_name(reason, false), asked);
  out += '}';
}

// Any word but its own declines, and is shown to the program as it is.
void append_conflict(std::string& out, const Asked& asked) {
  append_start(out, "IDEMPOTENCY_CONFLICT", asked);
  out += '}';
}

}  // namespace holdfast::net::lithic
