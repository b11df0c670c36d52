#include "net/simulator/wire_form.h"

#include <array>

#include "net/native_codec.h"
#include "net/processors/signature.h"

namespace holdfast::net::simulator {
namespace {

// In the order of engine::Processor.
constexpr std::array<ProcessorTraits, engine::kProcessors> kTraits{{
    {"native", kNativeEndpoint, 10'000},
    {"stripe", "stripe-main", 2'000},
    {"lithic", "lithic-main", 6'000},
    {"marqeta", "marqeta-main", 3'000},
}};

std::string_view problem_of(engine::Processor processor, const Credentials& credentials) {
  switch (processor) {
    case engine::Processor::marqeta:
      return credentials.username.empty() || credentials.password.empty() ? "a user name and a password are needed"
                                                                          : "";
    case engine::Processor::lithic:
      if (StandardSignature::acceptable_secret(credentials.secret)) return "";
      return "the secret must be base64, with or without whsec_ before it";
    case engine::Processor::native:
      return credentials.secret.empty() ? "a key of the native interface is needed" : "";
    case engine::Processor::stripe:
      return credentials.secret.empty() ? "a signing secret is needed" : "";
  }
  return "";
}

}  // namespace

bool WireForm::is_word_for(std::string_view word, engine::Reason reason) const {
  return word == engine::reason_name(reason);
}

const ProcessorTraits& traits_of(engine::Processor processor) {
  return kTraits[static_cast<std::size_t>(processor)];
}

std::optional<engine::Processor> processor_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kTraits.size(); ++i)
    if (kTraits[i].name == name) return static_cast<engine::Processor>(i);
  return std::nullopt;
}

WireFormPtr make_wire_form(engine::Processor processor, const Credentials& credentials, std::string& problem) {
  problem = problem_of(processor, credentials);
  if (!problem.empty()) return nullptr;
  switch (processor) {
    case engine::Processor::stripe:
      return make_stripe_form(credentials);
    case engine::Processor::lithic:
      return make_lithic_form(credentials);
    case engine::Processor::marqeta:
      return make_marqeta_form(credentials);
    case engine::Processor::native:
      return make_native_form(credentials);
  }
  return nullptr;
}

}  // namespace holdfast::net::simulator
