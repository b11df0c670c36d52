#include <array>

#include "net/simulator/text.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {
namespace {

constexpr std::string_view native_call(Happening what) {
  switch (what) {
    case Happening::authorize:
      return "/api/v1/authorizations";
    case Happening::post:
      return "/api/v1/postings";
    case Happening::increment:
      return "/increment";
    case Happening::capture:
      return "/capture";
    case Happening::reverse:
      return "/reverse";
    case Happening::expire:
      return "/expire";
    case Happening::refund:
      return "/refund";
    case Happening::reverse_refund:
      return "/reverse_refund";
  }
  return "";
}

// A caller of the native interface, who has no events beside their calls: an answer that comes too late is taken back.
class NativeForm final : public WireForm {
 public:
  explicit NativeForm(const Credentials& credentials)
      : headers_("Authorization: Bearer " + credentials.secret + "\r\nContent-Type: application/json\r\n") {}

  void ask(Message& out, const Payment& payment, engine::Instant) override {
    put_call(out, payment, payment.last().what, payment.last().id);
  }

  Answer read(const Payment&, int status, std::string_view body) override {
    return read_object(status == 200, status, body, [](const JsonObject& object, Answer& answer) {
      answer.approved = object.required_bool("approved");
      answer.approved_amount = object.required_int64("approved_amount", 0);
      answer.reason = wire::text_or_empty(object, "decline_reason");
    });
  }

  void tell(std::vector<Message>& out, const Payment& payment, engine::Instant) override {
    const PaymentEvent& event = payment.last();
    if (!is_asked(event.what)) {
      put_call(out.emplace_back(), payment, event.what, event.id);
    } else if (event.verdict == Verdict::timed_out) {
      put_call(out.emplace_back(), payment, Happening::reverse, event.id + "-late");
    }
  }

 private:
  // The first request of a payment has the payment's id.
  void put_call(Message& out, const Payment& payment, Happening what, std::string_view message) const {
    const PaymentEvent& event = payment.last();
    const bool begins = what == Happening::authorize || what == Happening::post;
    out.headers = headers_;
    out.path.clear();
    if (!begins) put(out.path, native_call(Happening::authorize), "/", payment.id);
    put(out.path, native_call(what));
    out.body.clear();
    put(out.body, R"({"id":")", begins ? std::string_view(payment.id) : message, "\"");
    if (begins) put_purchase(out.body, payment);
    if (what != Happening::expire) put(out.body, R"(,"amount":)", event.amount);
    if (what == Happening::capture) put(out.body, R"(,"final":)", event.final);
    if (what == Happening::authorize) put(out.body, R"(,"partial_approval":)", payment.partial_approval);
    put(out.body, "}");
  }

  static void put_purchase(std::string& out, const Payment& payment) {
    const engine::Merchant& merchant = payment.merchant;
    std::array<char, 4> digits;
    put(out, R"(,"card":)", Quoted{payment.card}, R"(,"currency":")", engine::alpha_code(payment.currency),
        R"(","merchant":{"id":)", Quoted{merchant.id}, R"(,"name":)", Quoted{merchant.name});
    if (merchant.category != engine::kNoCategory)
      put(out, R"(,"category":")", digits_of(merchant.category, digits), "\"");
    if (merchant.country != engine::Country{}) put(out, R"(,"country":")", engine::alpha2(merchant.country), "\"");
    put(out, "}");
  }

  std::string headers_;
};

}  // namespace

WireFormPtr make_native_form(const Credentials& credentials) {
  return std::make_unique<NativeForm>(credentials);
}

}  // namespace holdfast::net::simulator
