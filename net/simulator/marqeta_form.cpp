#include <array>
#include <span>

#include "net/processors/marqeta.h"
#include "net/processors/signature.h"
#include "net/simulator/text.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {
namespace {

struct MarqetaWords {
  std::string_view type;
  std::string_view method;
};

// A refund that does not come after all is told as the reversal of a chargeback, the only word that Marqeta has for it.
constexpr MarqetaWords marqeta_words(Happening what) {
  switch (what) {
    case Happening::authorize:
      return {"authorization", "pgfs.authorization"};
    case Happening::increment:
      return {"authorization.incremental", "pgfs.authorization.incremental"};
    case Happening::capture:
      return {"authorization.clearing", "pgfs.authorization.capture"};
    case Happening::reverse:
      return {"authorization.reversal", "pgfs.authorization.reversal"};
    case Happening::expire:
      return {"authorization.reversal.issuerexpiration", "pgfs.authorization.reversal"};
    case Happening::post:
      return {"authorization.clearing", "pgfs.force_capture"};
    case Happening::refund:
      return {"refund", "pgfs.refund"};
    case Happening::reverse_refund:
      return {"authorization.clearing.chargeback.reversal", "pgfs.authorization.capture.chargeback.reversal"};
  }
  return {};
}

class MarqetaForm final : public WireForm {
 public:
  explicit MarqetaForm(const Credentials& credentials)
      : signs_(!credentials.secret.empty()), key_(credentials.secret), authorization_("Authorization: Basic ") {
    const std::string pair = credentials.username + ":" + credentials.password;
    put(authorization_, Base64{std::as_bytes(std::span(pair))}, "\r\nContent-Type: application/json\r\n");
  }

  // Of the gateway, whose messages nobody signs.
  void ask(Message& out, const Payment& payment, engine::Instant) override {
    out.path.clear();
    out.body.clear();
    put_transaction(out.body, payment, payment.last());
    out.headers = authorization_;
  }

  Answer read(const Payment& payment, int status, std::string_view body) override {
    return read_object(status == marqeta::kApproved || status == marqeta::kDeclined, status, body,
                       [&](const JsonObject& object, Answer& answer) {
                         const JsonObject funding = object.required_object("jit_funding");
                         if (funding.required_string("token", 255) != payment.last().id)
                           answer.problem = "the answer is for another funding token";
                         const auto amount =
                             engine::parse_decimal(funding.required_decimal_text("amount"), payment.currency);
                         answer.approved = status == marqeta::kApproved;
                         answer.approved_amount = answer.approved ? amount.value_or(0) : 0;
                         // The memo has our own word, where there is one; Marqeta's own has several meanings.
                         answer.reason = wire::text_or_empty(funding, "memo");
                       });
  }

  void tell(std::vector<Message>& out, const Payment& payment, engine::Instant) override {
    Message& told = out.emplace_back();
    put(told.body, R"({"transactions":[)");
    put_transaction(told.body, payment, payment.last());
    put(told.body, "]}");
    told.headers = authorization_;
    if (signs_) put(told.headers, "X-Marqeta-Signature: ", Hex{key_(told.body)}, "\r\n");
  }

 private:
  static void put_transaction(std::string& out, const Payment& payment, const PaymentEvent& event) {
    const MarqetaWords words = marqeta_words(event.what);
    const bool is_outcome = is_asked(event.what) && event.verdict != Verdict::open;
    const bool declined = is_outcome && !is_approved(event.verdict);
    put(out, R"({"type":")", words.type, R"(","state":")", declined ? "DECLINED" : "PENDING", R"(","token":"t-)",
        event.id, R"(","card_token":)", Quoted{payment.card}, R"(,"created_time":")", Time{event.at}, R"(","amount":)");
    put_amount(out, payment, event.amount);
    put(out, R"(,"currency_code":")", engine::alpha_code(payment.currency), R"(",)");
    put_merchant(out, payment.merchant);
    put(out, R"("pos":{"partial_approval_capable":)", payment.partial_approval, "},");
    if (event.what == Happening::capture) put(out, R"("is_final_clearing":)", event.final, ",");
    if (event.verdict == Verdict::stood_in)
      put(out, R"("subnetwork":"MANAGED_JIT","standin_approved_by":"COMMANDO_AUTO",)");
    if (is_outcome) put(out, R"("response":{"code":")", declined ? "1016" : "0000", R"("},)");
    put(out, event.what == Happening::refund ? R"("gpa_order_unload":{)" : R"("gpa_order":{)");
    if (is_outcome) put_gateway_log(out, event.verdict);
    put(out, R"("currency_code":")", engine::alpha_code(payment.currency), R"(",)");
    put_funding(out, payment, event, words.method);
    put(out, "}}");
  }

  static void put_amount(std::string& out, const Payment& payment, engine::Minor amount) {
    put(out, engine::format_decimal(amount, payment.currency));
  }

  static void put_merchant(std::string& out, const engine::Merchant& merchant) {
    std::array<char, 4> digits;
    put(out, R"("card_acceptor":{"mid":)", Quoted{merchant.id}, R"(,"mcc":")", digits_of(merchant.category, digits),
        R"(","name":)", Quoted{merchant.name}, R"(,"country_code":")", engine::alpha3(merchant.country), "\"},");
  }

  // What came of our answer.
  static void put_gateway_log(std::string& out, Verdict verdict) {
    const bool in_time = verdict == Verdict::approved || verdict == Verdict::declined;
    put(out, R"("funding":{"gateway_log":{"timed_out":)", !in_time, R"(,"response":)");
    if (in_time) {
      put(out, R"({"code":")", verdict == Verdict::approved ? "200" : "402", "\"}");
    } else {
      put(out, "null");
    }
    put(out, "}},");
  }

  // A chain is named by the token of its first message, which the later ones repeat.
  static void put_funding(std::string& out, const Payment& payment, const PaymentEvent& event,
                          std::string_view method) {
    put(out, R"("jit_funding":{"token":")", event.id, R"(","method":")", method,
        R"(","user_token":"usr_simulated","acting_user_token":"usr_simulated","amount":)");
    put_amount(out, payment, event.amount);
    const std::string& chain = payment.events.front().id;
    if (chain != event.id) put(out, R"(,"original_jit_funding_token":")", chain, "\"");
    put(out, "}");
  }

  bool signs_;
  HmacSha256 key_;
  std::string authorization_;
};

}  // namespace

WireFormPtr make_marqeta_form(const Credentials& credentials) {
  return std::make_unique<MarqetaForm>(credentials);
}

}  // namespace holdfast::net::simulator
