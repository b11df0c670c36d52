#include <array>

#include "net/processors/signature.h"
#include "net/processors/stripe.h"
#include "net/simulator/text.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {
namespace {

using engine::Minor;

constexpr std::string_view stripe_status(Standing standing) {
  switch (standing) {
    case Standing::pending:
      return "pending";
    case Standing::closed:
    case Standing::declined:
      return "closed";
    case Standing::reversed:
      return "reversed";
    case Standing::expired:
      return "expired";
  }
  return "";
}

constexpr std::string_view stripe_history_reason(Verdict verdict) {
  switch (verdict) {
    case Verdict::open:
    case Verdict::approved:
      return "webhook_approved";
    case Verdict::declined:
      return "webhook_declined";
    case Verdict::timed_out:
    case Verdict::stood_in:
      return "webhook_timeout";
  }
  return "";
}

class StripeForm final : public WireForm {
 public:
  explicit StripeForm(const Credentials& credentials) : key_(credentials.secret) {}

  void ask(Message& out, const Payment& payment, engine::Instant now) override {
    const PaymentEvent& asked = payment.last();
    begin(out, payment, asked.id, asked.at);
    put_authorization(out.body, payment, payment.events.size() - 1, &asked);
    finish(out, "issuing_authorization.request", now);
  }

  Answer read(const Payment& payment, int status, std::string_view body) override {
    return read_object(status == 200, status, body, [&](const JsonObject& object, Answer& answer) {
      answer.approved = object.required_bool("approved");
      const auto amount = object.optional_int64("amount", 1);
      answer.approved_amount = answer.approved ? amount.value_or(payment.last().amount) : 0;
      answer.reason = wire::text_or_empty(wire::object_or_empty(object, "metadata"), "decline_reason");
    });
  }

  // Transactions first, then how the authorization stands.
  void tell(std::vector<Message>& out, const Payment& payment, engine::Instant now) override {
    const PaymentEvent& event = payment.last();
    const bool moves_money = is_transaction(event.what);
    if (moves_money) {
      Message& told = out.emplace_back();
      begin(told, payment, event.id + "-t", event.at);
      put_transaction(told.body, payment, event);
      finish(told, "issuing_transaction.created", now);
    }
    if (event.what == Happening::post) return;
    Message& told = out.emplace_back();
    begin(told, payment, event.id + "-s", event.at);
    put_authorization(told.body, payment, payment.events.size(), nullptr);
    const bool first = event.what == Happening::authorize;
    finish(told, first ? "issuing_authorization.created" : "issuing_authorization.updated", now);
  }

 private:
  static bool is_transaction(Happening what) {
    return what == Happening::capture || what == Happening::post || what == Happening::refund ||
           what == Happening::reverse_refund;
  }

  static void begin(Message& out, const Payment& payment, std::string_view id, engine::Instant at) {
    out.path.clear();
    out.body.clear();
    put(out.body, R"({"id":"evt_)", id, R"(","object":"event","api_version":")", stripe::kFallbackApiVersion,
        R"(","created":)", seconds_of(at), R"(,"data":{"object":{"card":{"id":)", Quoted{payment.card},
        R"(,"object":"issuing.card","currency":")");
    put_currency(out.body, payment.currency);
    out.body.append(R"(","status":"active","type":"virtual"},)");
  }

  // Signed: time, a dot, the body.
  void finish(Message& out, std::string_view type, engine::Instant now) const {
    put(out.body, R"(}},"livemode":false,"pending_webhooks":1,"type":")", type, "\"}");
    out.headers.clear();
    put(out.headers, "Content-Type: application/json; charset=utf-8\r\nStripe-Signature: t=");
    const std::size_t begins = out.headers.size();
    put(out.headers, seconds_of(now));
    const Sha256Digest digest = key_({std::string_view(out.headers).substr(begins), ".", out.body});
    put(out.headers, ",v1=", Hex{digest}, "\r\n");
  }

  static void put_currency(std::string& out, engine::Currency currency) {
    for (const char letter : engine::alpha_code(currency))
      out += static_cast<char>(letter - 'A' + 'a');
  }

  static void put_merchant(std::string& out, const engine::Merchant& merchant) {
    std::array<char, 4> digits;
    put(out, R"("merchant_data":{"category_code":")", digits_of(merchant.category, digits), R"(","country":")",
        engine::alpha2(merchant.country), R"(","name":)", Quoted{merchant.name}, R"(,"network_id":)",
        Quoted{merchant.id}, "},");
  }

  // As it stands after so many events. `asked`: the request that is under way; null: none.
  static void put_authorization(std::string& out, const Payment& payment, std::size_t events,
                                const PaymentEvent* asked) {
    const Balance balance = balance_after(payment, events);
    put(out, R"("id":"iauth_)", payment.id, R"(","object":"issuing.authorization","amount":)", balance.authorized,
        R"(,"approved":)", events > 0 && balance.standing != Standing::declined, R"(,"authorization_method":"online")",
        R"(,"created":)", seconds_of(payment.events.front().at), R"(,"currency":")");
    put_currency(out, payment.currency);
    out.append("\",");
    put_merchant(out, payment.merchant);
    if (asked != nullptr) put_pending_request(out, payment, *asked);
    put_history(out, payment, events);
    put_transactions(out, payment, events);
    const Standing standing = asked != nullptr ? Standing::pending : balance.standing;
    put(out, R"("status":")", stripe_status(standing),
        R"(","verification_data":{"cvc_check":"match","expiry_check":"match"})");
  }

  static void put_pending_request(std::string& out, const Payment& payment, const PaymentEvent& asked) {
    put(out, R"("pending_request":{"amount":)", asked.amount, R"(,"amount_details":null,"currency":")");
    put_currency(out, payment.currency);
    put(out, R"(","is_amount_controllable":)", payment.partial_approval, R"(,"merchant_amount":)", asked.amount,
        R"(,"merchant_currency":")");
    put_currency(out, payment.currency);
    out.append("\"},");
  }

  static void put_history(std::string& out, const Payment& payment, std::size_t events) {
    out.append(R"("request_history":[)");
    bool first = true;
    for (std::size_t i = 0; i < events; ++i) {
      const PaymentEvent& event = payment.events[i];
      if (!is_asked(event.what)) continue;
      put(out, first ? "" : ",", R"({"amount":)", event.amount, R"(,"approved":)", is_approved(event.verdict),
          R"(,"created":)", seconds_of(event.at), R"(,"reason":")", stripe_history_reason(event.verdict), "\"}");
      first = false;
    }
    out.append("],");
  }

  static void put_transactions(std::string& out, const Payment& payment, std::size_t events) {
    out.append(R"("transactions":[)");
    bool first = true;
    for (std::size_t i = 0; i < events; ++i) {
      if (!is_transaction(payment.events[i].what)) continue;
      put(out, first ? "{" : ",{", R"("card":)", Quoted{payment.card}, ",");
      put_transaction(out, payment, payment.events[i]);
      out += '}';
      first = false;
    }
    out.append("],");
  }

  // Captures are negative, refunds positive, and what undoes them the other way round.
  static void put_transaction(std::string& out, const Payment& payment, const PaymentEvent& event) {
    const bool of_refund = event.what == Happening::refund || event.what == Happening::reverse_refund;
    const Minor amount = event.what == Happening::refund ? event.amount : -event.amount;
    put(out, R"("id":"ipi_)", event.id, R"(","object":"issuing.transaction","amount":)", amount,
        R"(,"authorization":)");
    if (event.what == Happening::post) {
      out.append("null");
    } else {
      put(out, R"("iauth_)", payment.id, "\"");
    }
    put(out, R"(,"created":)", seconds_of(event.at), R"(,"currency":")");
    put_currency(out, payment.currency);
    out.append("\",");
    put_merchant(out, payment.merchant);
    put(out, R"("type":")", of_refund ? "refund" : "capture", "\"");
  }

  HmacSha256 key_;
};

}  // namespace

WireFormPtr make_stripe_form(const Credentials& credentials) {
  return std::make_unique<StripeForm>(credentials);
}

}  // namespace holdfast::net::simulator
