#include "net/dialect.h"
#include "net/processors/lithic.h"

namespace holdfast::net {
namespace {

class LithicDialect final : public Dialect {
 public:
  explicit LithicDialect(const DialectSettings& settings)
      : signature_(settings.secrets), is_unsigned_(settings.secrets.empty()) {}

  engine::Processor processor() const override { return engine::Processor::lithic; }

  SignatureResult verify(const Request& request, engine::Instant now) const override {
    if (is_unsigned_) return SignatureResult::ok;
    return signature_.verify(single_header(request, "webhook-id"), single_header(request, "webhook-timestamp"),
                             single_header(request, "webhook-signature"), request.body, now);
  }

  Event decode(std::string_view body, JsonDocument& document) const override { return lithic::decode(body, document); }

  // Always 200: after a 5xx Lithic asks again at once, after anything else it declines without a reason.
  void answer(Reply& reply, const Asked& asked, const engine::Decision& decision, std::string_view,
              const wire::Balance* balance) const override {
    lithic::append_answer(reply.body, asked, decision, balance);
  }

  void decline(Reply& reply, const Asked& asked, engine::Reason reason) const override {
    lithic::append_decline(reply.body, asked, reason);
  }

  void conflict(Reply& reply, const Asked& asked) const override { lithic::append_conflict(reply.body, asked); }

 private:
  StandardSignature signature_;
  bool is_unsigned_;
};

}  // namespace

DialectPtr make_lithic_dialect(const DialectSettings& settings) {
  return std::make_shared<const LithicDialect>(settings);
}

}  // namespace holdfast::net
