#include <array>

#include "net/processors/lithic.h"
#include "net/processors/signature.h"
#include "net/simulator/text.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {
namespace {

constexpr std::string_view lithic_event_type(Happening what) {
  switch (what) {
    case Happening::authorize:
    case Happening::increment:
      return "AUTHORIZATION";
    case Happening::capture:
    case Happening::post:
      return "CLEARING";
    case Happening::reverse:
      return "AUTHORIZATION_REVERSAL";
    case Happening::expire:
      return "AUTHORIZATION_EXPIRY";
    case Happening::refund:
      return "RETURN";
    case Happening::reverse_refund:
      return "RETURN_REVERSAL";
  }
  return "";
}

constexpr std::string_view lithic_status(Standing standing) {
  switch (standing) {
    case Standing::pending:
      return "PENDING";
    case Standing::closed:
      return "SETTLED";
    case Standing::reversed:
      return "VOIDED";
    case Standing::expired:
      return "EXPIRED";
    case Standing::declined:
      return "DECLINED";
  }
  return "";
}

constexpr std::string_view lithic_result(const PaymentEvent& event) {
  if (!is_asked(event.what) || event.verdict == Verdict::approved) return "APPROVED";
  return event.verdict == Verdict::declined ? "DECLINED" : "UNKNOWN_HOST_TIMEOUT";
}

class LithicForm final : public WireForm {
 public:
  explicit LithicForm(const Credentials& credentials) : key_(*standard_key(credentials.secret)) {}

  void ask(Message& out, const Payment& payment, engine::Instant now) override {
    const PaymentEvent& asked = payment.last();
    out.body.clear();
    put(out.body, R"({"token":)", Quoted{payment.id}, R"(,"event_type":"card_authorization.approval_request",)",
        R"("event_token":)", Quoted{asked.id}, R"(,"status":"AUTHORIZATION","transaction_initiator":"CARDHOLDER",)",
        R"("created":")", Time{asked.at}, R"(","amount":)", asked.amount, R"(,"authorization_amount":)", asked.amount,
        R"(,"acquirer_fee":0,"cash_amount":0,"cashback":0,"settled_amount":0,"cardholder_currency":")",
        engine::alpha_code(payment.currency), R"(","amounts":{"cardholder":)");
    put_amount(out.body, payment, asked.amount, R"("conversion_rate":"1.000000",)");
    put(out.body, R"(,"hold":)");
    put_amount(out.body, payment, asked.amount);
    put(out.body, R"(,"merchant":)");
    put_amount(out.body, payment, asked.amount);
    put(out.body, R"(,"settlement":null},"card":{"token":)", Quoted{payment.card},
        R"(,"state":"OPEN","type":"VIRTUAL"},)");
    put_merchant(out.body, payment.merchant);
    put(out.body, R"("pos":{"terminal":{"partial_approval_capable":)", payment.partial_approval, R"(}},"events":[]})");
    sign(out, asked.id, "ask", now);
  }

  Answer read(const Payment& payment, int status, std::string_view body) override {
    return read_object(status == 200, status, body, [&](const JsonObject& object, Answer& answer) {
      const std::string_view result = object.required_string("result", 255);
      answer.approved = result == "APPROVED";
      const auto amount = object.optional_int64("approved_amount", 1);
      answer.approved_amount = answer.approved ? amount.value_or(payment.last().amount) : 0;
      if (!answer.approved) answer.reason = result;
      if (const auto token = object.optional_string("token", 255); token && *token != payment.id)
        answer.problem = "the answer is for another token";
    });
  }

  bool is_word_for(std::string_view word, engine::Reason reason) const override {
    return word == lithic::result_name(reason, true) || word == lithic::result_name(reason, false);
  }

  // The whole history, each time.
  void tell(std::vector<Message>& out, const Payment& payment, engine::Instant now) override {
    const Balance balance = balance_of(payment);
    Message& told = out.emplace_back();
    std::string& body = told.body;
    put(body, R"({"event_type":"card_transaction.updated","token":)", Quoted{payment.id}, R"(,"card_token":)",
        Quoted{payment.card}, R"(,"created":")", Time{payment.events.front().at}, R"(","updated":")",
        Time{payment.last().at}, R"(","status":")", lithic_status(balance.standing), R"(","amounts":{"cardholder":)");
    put_amount(body, payment, -balance.authorized, R"("conversion_rate":"1.000000",)");
    put(body, R"(,"hold":)");
    put_amount(body, payment, -balance.held);
    put(body, R"(,"settlement":)");
    put_amount(body, payment, balance.refunded - balance.captured);
    put(body, "},");
    put_merchant(body, payment.merchant);
    put_events(body, payment);
    put(body, "}");
    sign(told, payment.last().id, "told", now);
  }

 private:
  static void put_amount(std::string& out, const Payment& payment, engine::Minor amount, std::string_view more = {}) {
    put(out, "{", more, R"("amount":)", amount, R"(,"currency":")", engine::alpha_code(payment.currency), "\"}");
  }

  static void put_merchant(std::string& out, const engine::Merchant& merchant) {
    std::array<char, 4> digits;
    put(out, R"("merchant":{"acceptor_id":)", Quoted{merchant.id}, R"(,"country":")", engine::alpha3(merchant.country),
        R"(","descriptor":)", Quoted{merchant.name}, R"(,"mcc":")", digits_of(merchant.category, digits), "\"},");
  }

  static void put_events(std::string& out, const Payment& payment) {
    put(out, R"("events":[)");
    for (std::size_t i = 0; i < payment.events.size(); ++i) {
      const PaymentEvent& event = payment.events[i];
      if (i > 0) out += ',';
      put_event(out, payment, event, "", lithic_event_type(event.what), lithic_result(event));
      if (event.verdict == Verdict::stood_in) {
        out += ',';
        put_event(out, payment, event, "-stand-in", "AUTHORIZATION_ADVICE", "APPROVED");
      }
    }
    put(out, "]");
  }

  static void put_event(std::string& out, const Payment& payment, const PaymentEvent& event, std::string_view suffix,
                        std::string_view type, std::string_view result) {
    put(out, R"({"token":")", event.id, suffix, R"(","type":")", type, R"(","result":")", result, R"(","created":")",
        Time{event.at}, R"(","amount":)", event.amount, R"(,"amounts":{"cardholder":)");
    put_amount(out, payment, event.amount, R"("conversion_rate":"1.000000",)");
    const bool credit = event.what == Happening::refund || event.what == Happening::reverse;
    put(out, R"(},"effective_polarity":")", credit ? "CREDIT" : "DEBIT", "\"}");
  }

  // Signed: id, time and body with a dot between.
  void sign(Message& out, std::string_view event, std::string_view suffix, engine::Instant now) const {
    out.path.clear();
    std::string& headers = out.headers;
    headers.clear();
    put(headers, "Content-Type: application/json\r\nwebhook-id: ");
    const std::size_t id = headers.size();
    put(headers, "msg_", event, "-", suffix);
    const std::size_t id_end = headers.size();
    put(headers, "\r\nwebhook-timestamp: ");
    const std::size_t time = headers.size();
    put(headers, seconds_of(now));
    const std::string_view text = headers;
    const Sha256Digest digest = key_({text.substr(id, id_end - id), ".", text.substr(time), ".", out.body});
    put(headers, "\r\nwebhook-signature: v1,", Base64{digest}, "\r\n");
  }

  HmacSha256 key_;
};

}  // namespace

WireFormPtr make_lithic_form(const Credentials& credentials) {
  return std::make_unique<LithicForm>(credentials);
}

}  // namespace holdfast::net::simulator
