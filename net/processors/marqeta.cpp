#include "net/processors/marqeta.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <utility>

#include "engine/ascii.h"
#include "net/problem.h"
#include "net/rfc3339.h"

namespace holdfast::net::marqeta {
namespace {

using engine::AdviceKind;
using engine::AuthorizationRequest;
using engine::Check;
using engine::Minor;
using wire::object_or_empty;
using wire::text_or_empty;

constexpr std::size_t kCurrencyBytesMax = 16;
constexpr std::size_t kMethodBytesMax = 128;
constexpr std::size_t kUserTokenBytesMax = 128;
constexpr std::size_t kTransactionsMax = 1000;

// What a funding method is about.
enum class Role : std::uint8_t {
  none = 0,   // informs, and moves nothing that has limits
  hold,       // asks; a clearing follows
  increment,  // asks for more on the same chain
  cash,       // asks as `hold`, all of it in cash
  single,     // asks; what is approved is posted with it
  cash_single,
  verification,  // asks for nothing
  balance,
  credit,  // asks whether money may come in
  stand_in,
  stand_in_single,
  capture,
  force,
  reversal,
  advice,
  refund,
  refund_reversal,
};

struct Method {
  std::string_view name;
  Role role;
};

// Methods that are not listed inform and move nothing that has limits: loads, deposits, fees, adjustments.
constexpr auto kMethods = std::to_array<Method>({
    {"pgfs.authorization", Role::hold},
    {"pgfs.authorization.incremental", Role::increment},
    {"pgfs.authorization.cashback", Role::hold},
    {"pgfs.authorization.quasi.cash", Role::cash},
    {"pgfs.authorization.account_verification", Role::verification},
    {"pgfs.authorization.advice", Role::advice},
    {"pgfs.authorization.capture", Role::capture},
    {"pgfs.authorization.clearing", Role::capture},
    {"pgfs.authorization.clearing.quasi.cash", Role::capture},
    {"pgfs.authorization.reversal", Role::reversal},
    {"pgfs.authorization.standin", Role::stand_in},
    {"pgfs.authorization.capture.chargeback", Role::refund},
    {"pgfs.authorization.capture.chargeback.reversal", Role::refund_reversal},
    {"pgfs.auth_plus_capture", Role::single},
    {"pgfs.auth_plus_capture.standin", Role::stand_in_single},
    {"pgfs.balanceinquiry", Role::balance},
    {"pgfs.force_capture", Role::force},
    {"pgfs.refund", Role::refund},
    {"pgfs.refund.authorization", Role::credit},
    {"pgfs.refund.authorization.clearing", Role::refund},
    {"pgfs.pindebit", Role::single},
    {"pgfs.pindebit.authorization", Role::hold},
    {"pgfs.pindebit.authorization.clearing", Role::capture},
    {"pgfs.pindebit.authorization.reversal", Role::reversal},
    {"pgfs.pindebit.cashback", Role::single},
    {"pgfs.pindebit.refund", Role::refund},
    {"pgfs.pindebit.atm.withdrawal", Role::cash_single},
    {"pgfs.pindebit.balanceinquiry", Role::balance},
    {"pgfs.pindebit.quasi.cash", Role::cash_single},
    {"pgfs.pindebit.chargeback", Role::refund},
    {"pgfs.pindebit.chargeback.reversal", Role::refund_reversal},
    {"pgfs.atm.withdrawal", Role::cash},
    {"pgfs.atm.clearing.withdrawal", Role::capture},
    {"pgfs.network.load", Role::credit},
    {"pgfs.original.credit.authorization", Role::credit},
    {"pgfs.original.credit.auth_plus_capture", Role::credit},
    {"pgfs.billpayment", Role::hold},
    {"pgfs.billpayment.capture", Role::capture},
    {"pgfs.billpayment.reversal", Role::reversal},
});

Role role_of(std::string_view method) {
  const auto found =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& row) { return row.name == method; });
  return found == kMethods.end() ? Role::none : found->role;
}

bool is_asked(Role role) {
  switch (role) {
    case Role::hold:
    case Role::increment:
    case Role::cash:
    case Role::single:
    case Role::cash_single:
    case Role::verification:
    case Role::balance:
    case Role::credit:
      return true;
    default:
      return false;
  }
}

bool asks_for_money(Role role) {
  return is_asked(role) && role != Role::verification && role != Role::balance && role != Role::credit;
}

bool is_single(Role role) {
  return role == Role::single || role == Role::cash_single || role == Role::stand_in_single;
}

// ---- Parts of a transaction -----------------------------------------------------------------------------------------

// Refunds have their funding in another order than what spends.
JsonObject order_of(const JsonObject& transaction) {
  const auto order = transaction.optional_object("gpa_order");
  if (order) return *order;
  return transaction.optional_object("gpa_order_unload").value_or(JsonObject{});
}

std::string_view currency_text(const JsonObject& transaction, const JsonObject& order) {
  const auto of_order = order.optional_string("currency_code", kCurrencyBytesMax);
  return of_order ? *of_order
                  : transaction.optional_string("currency_code", kCurrencyBytesMax).value_or(std::string_view{});
}

// An amount in a currency that is not listed cannot be read, nor does it have to be: no card has such a currency.
Minor amount_from(const JsonObject& object, std::string_view name, engine::Currency currency) {
  const auto text = object.optional_decimal_text(name);
  if (!text || currency == engine::Currency{}) return 0;
  const auto minor = engine::parse_decimal(*text, currency);
  if (!minor || *minor < 0)
    object.fail(name, "must be a decimal number of 0 or more with no more decimals than the currency has");
  return minor.value_or(0);
}

// The amount as it was sent, fit to be sent back as a JSON number whatever its currency.
std::string_view plain_amount(const JsonObject& funding) {
  const std::string_view text = funding.required_decimal_text("amount");
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const auto decimals = text.substr(std::min(point + 1, text.size()));
  const bool plain = !whole.empty() && (whole.size() == 1 || whole.front() != '0') &&
                     std::all_of(whole.begin(), whole.end(), engine::is_digit) &&
                     std::all_of(decimals.begin(), decimals.end(), engine::is_digit) && !text.ends_with('.');
  if (!plain) funding.fail("amount", "must be a plain decimal number of 0 or more");
  return plain ? text : "0";
}

std::string_view user_token(const JsonObject& funding) {
  return funding.optional_string("user_token", kUserTokenBytesMax).value_or(std::string_view{});
}

// "true", "TRUE", "1" and true: older messages have text where newer ones have booleans.
bool flag(const JsonObject& object, std::string_view name) {
  const auto value = object.find(name);
  if (!value) return false;
  if (const auto text = value->string_if_any()) return *text == "true" || *text == "TRUE" || *text == "1";
  return !value->is_null() && !value->is_number() && !value->is_object() && !value->is_array() && value->boolean();
}

engine::Merchant merchant(const JsonObject& acceptor) {
  engine::Merchant merchant;
  merchant.id = acceptor.optional_string("mid", engine::kMerchantIdBytesMax).value_or(std::string_view{});
  merchant.name = wire::merchant_name(acceptor, "name");
  merchant.category = wire::category(acceptor, "mcc");
  merchant.country = wire::country(acceptor, "country_code");
  if (merchant.country == engine::Country{}) merchant.country = wire::country(acceptor, "country");
  return merchant;
}

constexpr std::string_view kMatch = "0000";

Check check_of_code(const JsonObject& response) {
  const std::string_view code = text_or_empty(response, "code");
  if (code.empty()) return Check::not_provided;
  return code == kMatch ? Check::match : Check::mismatch;
}

// The code says whether all matched. When it does not, each part is compared with what is on file.
Check check_of_part(const JsonObject& address, std::string_view part, Check all) {
  const std::string_view given = text_or_empty(object_or_empty(address, "request"), part);
  if (given.empty()) return Check::not_provided;
  if (all != Check::mismatch) return all;
  const JsonObject on_file = object_or_empty(object_or_empty(address, "issuer"), "on_file");
  return text_or_empty(on_file, part) == given ? Check::match : Check::mismatch;
}

engine::Verification verification(const JsonObject& transaction, const JsonObject& funding) {
  engine::Verification verification;
  const JsonObject code = object_or_empty(transaction, "card_security_code_verification");
  verification.cvc = check_of_code(object_or_empty(code, "response"));
  const JsonObject address = object_or_empty(funding, "address_verification");
  const Check all = check_of_code(object_or_empty(object_or_empty(address, "issuer"), "response"));
  verification.address_line = check_of_part(address, "street_address", all);
  verification.postal_code = check_of_part(address, "postal_code", all);
  return verification;
}

bool takes_less(const JsonObject& transaction) {
  if (flag(object_or_empty(transaction, "pos"), "partial_approval_capable")) return true;
  const JsonObject acceptor = object_or_empty(transaction, "card_acceptor");
  return flag(object_or_empty(acceptor, "poi"), "partial_approval_capable");
}

// The funding token of the first message of the chain.
std::string_view chain_of(const JsonObject& funding) {
  const auto original = funding.optional_string("original_jit_funding_token", engine::kIdBytesMax);
  if (original && !original->empty()) return *original;
  return funding.required_string("token", engine::kIdBytesMax);
}

// ---- The gateway ----------------------------------------------------------------------------------------------------

Asked asked(const JsonObject& transaction, const JsonObject& funding, Role role) {
  Asked asked;
  asked.message_id = funding.required_string("token", kMessageIdBytesMax);
  asked.wants_balance = role == Role::balance;
  asked.repeat = {funding.required_string("method", kMethodBytesMax), user_token(funding), plain_amount(funding)};
  AuthorizationRequest& request = asked.request;
  request.processor = engine::Processor::marqeta;
  request.authorization_id = chain_of(funding);
  request.card_reference = transaction.required_string("card_token", engine::kIdBytesMax);
  request.currency = wire::currency(currency_text(transaction, order_of(transaction)));
  const Minor amount = amount_from(funding, "amount", request.currency);
  request.amount = asks_for_money(role) ? amount : 0;
  request.cash_amount = role == Role::cash || role == Role::cash_single
                            ? request.amount
                            : std::min(request.amount, amount_from(transaction, "cash_back_amount", request.currency));
  request.incremental = role == Role::increment;
  request.partial_approval = takes_less(transaction);
  request.merchant = merchant(object_or_empty(transaction, "card_acceptor"));
  request.verification = verification(transaction, funding);
  return asked;
}

void append_funding_start(std::string& out, std::string_view token, std::string_view method,
                          std::string_view user_token, std::string_view amount) {
  out.append(R"({"jit_funding":{"token":)");
  append_json_string(out, token);
  out.append(R"(,"method":)");
  append_json_string(out, method);
  out.append(R"(,"user_token":)");
  append_json_string(out, user_token);
  out.append(R"(,"amount":)").append(amount);
}

Told kept(std::string_view message_id, std::string_view type, std::string_view object) {
  Told told;
  ToldStep& step = told.steps.emplace_back();
  step.message_id = message_id;
  step.type = type;
  step.object = object;
  return told;
}

Event gateway_event(const JsonObject& transaction) {
  const JsonObject funding = order_of(transaction).required_object("jit_funding");
  const std::string_view method = funding.required_string("method", kMethodBytesMax);
  const Role role = role_of(method);
  if (is_asked(role)) return asked(transaction, funding, role);
  const std::string_view token = funding.required_string("token", kMessageIdBytesMax);
  Told told = kept(token, method, wire::cut(text_or_empty(transaction, "token"), kObjectIdBytesMax));
  append_funding_start(told.answer, token, method, user_token(funding), plain_amount(funding));
  told.answer.append("}}");
  return told;
}

// ---- Webhooks -------------------------------------------------------------------------------------------------------

// How the transaction came out, and who decided.
struct OutcomeOf {
  bool approved = false;
  bool timed_out = false;     // our answer did not come in time
  bool answered_yes = false;  // our answer came, and approved
  bool answered_no = false;   // our answer came, and declined
  bool stood_in = false;      // somebody else approved for us
};

bool is_success(std::string_view code) {
  return code == "0000" || code == "0002" || code == "1830";
}

OutcomeOf outcome_of(const JsonObject& transaction) {
  OutcomeOf outcome;
  const std::string_view state = text_or_empty(transaction, "state");
  const std::string_view code = text_or_empty(object_or_empty(transaction, "response"), "code");
  outcome.approved = state != "DECLINED" && state != "ERROR" && (code.empty() || is_success(code));
  const JsonObject log = object_or_empty(object_or_empty(order_of(transaction), "funding"), "gateway_log");
  outcome.timed_out = flag(log, "timed_out");
  const std::string_view answer = text_or_empty(object_or_empty(log, "response"), "code");
  outcome.answered_yes = !outcome.timed_out && answer == "200";
  outcome.answered_no = !outcome.timed_out && answer == "402";
  outcome.stood_in = text_or_empty(transaction, "subnetwork") == "MANAGED_JIT" ||
                     !text_or_empty(transaction, "standin_approved_by").empty() ||
                     !text_or_empty(transaction, "standin_by").empty();
  return outcome;
}

void set(ToldStep& step, AdviceKind kind, Minor amount, bool final = false) {
  step.kind = kind;
  step.amount = amount;
  step.final = final;
}

// What we were asked for, or would have been. Where our answer is the outcome there is nothing to do.
//
// Of an increment only the increment is at stake. When it was declined although we approved it, it is taken back. When
// it timed out, our answer is not known here: nothing is taken back, so that the hold is rather too high than too low.
void read_request(ToldStep& step, Role role, const OutcomeOf& outcome) {
  const bool increment = role == Role::increment;
  const bool ours = outcome.answered_yes && !outcome.stood_in;
  if (outcome.approved && is_single(role)) {
    set(step, AdviceKind::capture, step.amount, true);
  } else if (outcome.approved && !ours) {
    set(step, increment ? AdviceKind::adopt : AdviceKind::set_hold, step.amount);
  } else if (!outcome.approved && !increment) {
    set(step, AdviceKind::disown, 0);
  } else if (!outcome.approved && outcome.answered_yes) {
    set(step, AdviceKind::reverse, step.amount);
  }
}

// A clearing is the last unless it says that others follow.
bool is_final(const JsonObject& transaction) {
  if (transaction.has("is_final_clearing") && !transaction.is_null("is_final_clearing")) {
    return flag(transaction, "is_final_clearing");
  }
  const auto number = transaction.optional_int64("multi_clearing_sequence_number");
  const auto count = transaction.optional_int64("multi_clearing_sequence_count");
  return !number || (count && *number >= *count);
}

void read_follow_up(ToldStep& step, Role role, const JsonObject& transaction) {
  switch (role) {
    case Role::capture:
      return set(step, AdviceKind::capture, step.amount, is_final(transaction));
    case Role::force:
      return set(step, AdviceKind::post, step.amount);
    case Role::reversal:
      if (step.type.ends_with(".issuerexpiration")) return set(step, AdviceKind::expire, 0);
      return set(step, AdviceKind::reverse, step.amount);
    case Role::advice:
      return set(step, AdviceKind::set_hold, amount_from(transaction, "amount", step.currency));
    case Role::refund:
      return set(step, AdviceKind::refund, step.amount);
    case Role::refund_reversal:
      return set(step, AdviceKind::refund_reversal, step.amount);
    default:
      return;
  }
}

engine::Instant created(const JsonObject& transaction) {
  return parse_rfc3339(text_or_empty(transaction, "created_time")).value_or(engine::kNoInstant);
}

ToldStep transaction_step(const JsonObject& transaction) {
  ToldStep step;
  step.message_id = "transaction:";
  step.message_id += transaction.required_string("token", engine::kIdBytesMax);
  step.type = transaction.required_string("type", kEventTypeBytesMax);
  step.object = transaction.required_string("token", engine::kIdBytesMax);
  step.at = created(transaction);
  const auto funding = order_of(transaction).optional_object("jit_funding");
  if (!funding) return step;  // of a program without the gateway, or about no money
  step.authorization_id = chain_of(*funding);
  step.card_reference = transaction.required_string("card_token", engine::kIdBytesMax);
  step.currency = wire::currency(currency_text(transaction, order_of(transaction)));
  plain_amount(*funding);
  step.amount = amount_from(*funding, "amount", step.currency);
  step.merchant = merchant(object_or_empty(transaction, "card_acceptor"));
  const Role role = role_of(funding->required_string("method", kMethodBytesMax));
  const OutcomeOf outcome = outcome_of(transaction);
  if (asks_for_money(role) || role == Role::stand_in || role == Role::stand_in_single) {
    read_request(step, role, outcome);
  } else if (outcome.approved) {
    read_follow_up(step, role, transaction);
  }
  return step;
}

Event webhook_event(const JsonObject& body) {
  Told told;
  const auto transactions = body.optional_array("transactions", kTransactionsMax);
  if (transactions) {
    transactions->for_each([&](const JsonValue& each) { told.steps.push_back(transaction_step(each.object())); });
  }
  if (!told.steps.empty()) return told;
  if (body.has("pings")) return Ping{};
  // Transitions of cards and users and whatever else there may be, each a list in a member of its own.
  std::string_view list;
  body.for_each([&](std::string_view name, const JsonValue& value) {
    if (list.empty() && value.is_array()) list = wire::cut(name, kEventTypeBytesMax);
  });
  if (list.empty()) body.required_array("transactions", kTransactionsMax);
  return kept({}, list, {});
}

// ---- Encoding -------------------------------------------------------------------------------------------------------

void append_balance(std::string& out, const wire::Balance& balance) {
  const std::string_view currency = engine::alpha_code(balance.currency);
  out.append(R"(,"balances":{")").append(currency);
  out.append(R"(":{"currency_code":")").append(currency);
  out.append(R"(","ledger_balance":)").append(engine::format_decimal(balance.settled, balance.currency));
  out.append(R"(,"available_balance":)").append(engine::format_decimal(balance.available, balance.currency));
  out.append("}}");
}

int append_declined(std::string& out, const Asked& asked, std::string_view reason, std::string_view memo) {
  append_funding_start(out, asked.message_id, asked.repeat[0], asked.repeat[1], asked.repeat[2]);
  out.append(R"(,"decline_reason":")").append(reason);
  out.append(R"(","memo":")").append(memo).append("\"}}");
  return kDeclined;
}

}  // namespace

Event decode(std::string_view body, JsonDocument& document) {
  if (!document.parse(body)) return document.error();
  const JsonObject object = document.object();
  const bool is_gateway = object.has("gpa_order") || object.has("gpa_order_unload");
  Event result = is_gateway ? gateway_event(object) : webhook_event(object);
  if (!document.ok()) return document.error();
  return result;
}

std::string_view decline_reason(engine::Reason reason, bool lifetime_limit) {
  switch (reason) {
    case engine::Reason::none:
      return "";
    case engine::Reason::card_not_found:
      return "INVALID_CARD";
    case engine::Reason::card_closed:
      return "CLOSED_ACCOUNT";
    case engine::Reason::card_expired:
      return "EXPIRED_CARD";
    case engine::Reason::card_frozen:
      return "CARD_NOT_ACTIVE";
    case engine::Reason::merchant_not_allowed:
      return "INVALID_MERCHANT";
    case engine::Reason::currency_mismatch:
    case engine::Reason::verification_failed:
    case engine::Reason::category_not_allowed:
    case engine::Reason::country_not_allowed:
    case engine::Reason::deadline_exceeded:
    case engine::Reason::overloaded:
    case engine::Reason::storage_unavailable:
      return "TRANSACTION_NOT_PERMITTED";
    case engine::Reason::loop_breaker:
    case engine::Reason::count_limit:
      return "TRANSACTION_COUNT_LIMIT_EXCEEDED";
    case engine::Reason::authorization_limit:
      return "AMOUNT_LIMIT_EXCEEDED";
    case engine::Reason::card_limit:
    case engine::Reason::budget_limit:
      return lifetime_limit ? "INSUFFICIENT_FUNDS" : "AMOUNT_LIMIT_EXCEEDED";
  }
  return "TRANSACTION_NOT_PERMITTED";
}

int append_answer(std::string& out, const Asked& asked, const engine::Decision& decision,
                  const wire::Balance* balance) {
  if (!decision.approved()) {
    return append_declined(out, asked, decline_reason(decision.reason, decision.lifetime_limit),
                           engine::reason_name(decision.reason));
  }
  const bool in_full = decision.approved_amount == asked.request.amount;
  assert(in_full || (asked.request.partial_approval && decision.approved_amount > 0 &&
                     decision.approved_amount < asked.request.amount));
  const std::string part =
      in_full ? std::string() : engine::format_decimal(decision.approved_amount, asked.request.currency);
  append_funding_start(out, asked.message_id, asked.repeat[0], asked.repeat[1], in_full ? asked.repeat[2] : part);
  if (balance != nullptr) append_balance(out, *balance);
  out.append("}}");
  return kApproved;
}

int append_decline(std::string& out, const Asked& asked, engine::Reason reason) {
  return append_declined(out, asked, decline_reason(reason, false), engine::reason_name(reason));
}

int append_conflict(std::string& out, const Asked& asked) {
  return append_declined(out, asked, "DUPLICATE_TRANSACTION", "idempotency_conflict");
}

}  // namespace holdfast::net::marqeta
