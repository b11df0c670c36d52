// A daemon's configuration with an endpoint of every processor, and the secrets that it names.
#pragma once

#include <string_view>

#include "tests/integration/daemon_process.h"

namespace holdfast::integration {

inline constexpr std::string_view kEveryEndpoint = R"(
[[endpoint]]
name = "stripe-main"
kind = "stripe"
secrets = ["env:SIGNING_SECRET"]
[[endpoint]]
name = "lithic-main"
kind = "lithic"
secrets = ["env:SIGNING_SECRET"]
[[endpoint]]
name = "marqeta-main"
kind = "marqeta"
username = ["env:USER_NAME"]
password = ["env:PASSWORD"]
webhook_secrets = ["env:SIGNING_SECRET"]
)";
inline const Settings kEndpointSecrets = {{"SIGNING_SECRET", "whsec_dGhlIDMyIGJ5dGVzIG9mIGEgc2lnbmluZyBzZWNyZXQ="},
                                          {"USER_NAME", "holdfast"},
                                          {"PASSWORD", "Correct-horse-77"}};

}  // namespace holdfast::integration
