#include "net/dialect.h"
#include "net/processors/stripe.h"

namespace holdfast::net {
namespace {

class StripeDialect final : public Dialect {
 public:
  explicit StripeDialect(const DialectSettings& settings)
      : signature_(settings.secrets), version_(settings.stripe_version) {}

  engine::Processor processor() const override { return engine::Processor::stripe; }

  SignatureResult verify(const Request& request, engine::Instant now) const override {
    return signature_.verify(single_header(request, "Stripe-Signature"), request.body, now);
  }

  Event decode(std::string_view body, JsonDocument& document) const override { return stripe::decode(body, document); }

  // Always 200: any other status would leave the decision to the account's time-out setting.
  void answer(Reply& reply, const Asked& asked, const engine::Decision& decision, std::string_view declined_by,
              const wire::Balance*) const override {
    stripe::append_answer(reply.body, decision, asked.request, declined_by);
    add_version(reply, asked);
  }

  void decline(Reply& reply, const Asked& asked, engine::Reason reason) const override {
    stripe::append_decline(reply.body, reason);
    add_version(reply, asked);
  }

  // ISO 8583 DE39 94: a duplicate that is none.
  void conflict(Reply& reply, const Asked& asked) const override {
    reply.body = R"({"approved":false,"metadata":{"decline_reason":"idempotency_conflict","response_code":"94"}})";
    add_version(reply, asked);
  }

 private:
  void add_version(Reply& reply, const Asked& asked) const {
    reply.header = {"Stripe-Version", stripe::answer_version(version_, asked.repeat[0])};
  }

  StripeSignature signature_;
  std::string version_;  // empty: the event's own
};

}  // namespace

DialectPtr make_stripe_dialect(const DialectSettings& settings) {
  return std::make_shared<const StripeDialect>(settings);
}

}  // namespace holdfast::net
