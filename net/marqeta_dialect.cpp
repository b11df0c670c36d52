#include "net/dialect.h"
#include "net/processors/marqeta.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kSignatureHeader = "X-Marqeta-Signature";

class MarqetaDialect final : public Dialect {
 public:
  explicit MarqetaDialect(const DialectSettings& settings)
      : credentials_(settings.credentials), signature_(settings.webhook_secrets) {}

  engine::Processor processor() const override { return engine::Processor::marqeta; }

  // A signature that is there has to be right, whether or not one is needed.
  SignatureResult verify(const Request& request, engine::Instant) const override {
    const SignatureResult credentials = credentials_.verify(single_header(request, "Authorization"));
    if (credentials != SignatureResult::ok || !signature_.has_secrets() || request.count(kSignatureHeader) == 0) {
      return credentials;
    }
    return signature_.verify(single_header(request, kSignatureHeader), request.body);
  }

  // Messages of the gateway are never signed; of the webhook all are, once it has a secret.
  SignatureResult verify_event(const Request& request, const Event& event) const override {
    const auto* told = std::get_if<Told>(&event);
    const bool of_webhook = std::holds_alternative<Ping>(event) || (told != nullptr && told->answer.empty());
    const bool is_signed = request.count(kSignatureHeader) == 1;
    return of_webhook && signature_.has_secrets() && !is_signed ? SignatureResult::missing : SignatureResult::ok;
  }

  Event decode(std::string_view body, JsonDocument& document) const override { return marqeta::decode(body, document); }

  void answer(Reply& reply, const Asked& asked, const engine::Decision& decision, std::string_view,
              const wire::Balance* balance) const override {
    reply.status = marqeta::append_answer(reply.body, asked, decision, balance);
  }

  void decline(Reply& reply, const Asked& asked, engine::Reason reason) const override {
    reply.status = marqeta::append_decline(reply.body, asked, reason);
  }

  void conflict(Reply& reply, const Asked& asked) const override {
    reply.status = marqeta::append_conflict(reply.body, asked);
  }

 private:
  BasicAuthentication credentials_;
  MarqetaSignature signature_;
};

}  // namespace

DialectPtr make_marqeta_dialect(const DialectSettings& settings) {
  return std::make_shared<const MarqetaDialect>(settings);
}

}  // namespace holdfast::net
