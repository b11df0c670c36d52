// Stripe Issuing's wire form: events in, answers to authorization requests out. No I/O.
//
// Threads: pure functions; a JsonDocument belongs to its loop.
// Ownership: what decode() gives views the document and is valid until the document's next parse().
// Units: minor units; Stripe sends amounts so.
// Source: Stripe's issuing.authorization object, events `issuing_authorization.request` and the direct response to
// them. The format is the processor's and grows: members and values that are not known here are passed over, never
// refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/authorization.h"
#include "net/json_document.h"
#include "net/processors/event.h"

namespace holdfast::net::stripe {

inline constexpr std::size_t kApiVersionBytesMax = 64;

// Asked: `issuing_authorization.request`. The amount is what is asked for now, `pending_request.amount` in
// `pending_request.currency`: on an incremental the difference, which is what has to be tested. A currency, category or
// country that no list has becomes "none", so that the decision and not the codec says no. Merchant names are cut at
// kMerchantNameBytesMax; ids that are too long are errors, since a shortened id would be somebody else's.
// repeat[0]: the API version, fit for a header, or empty.
//
// Told: every other event.
// - `issuing_authorization.created` and `.updated` say how the authorization stands: pending holds its amount less what
//   its transactions captured; closed holds nothing; closed without approval disowns what we may have held; reversed
//   and expired release, by the status and not by the amount, which stays what a late capture may take. Before API
//   version 2025-03-31 an expiry is a `reversed` with an amount.
// - `issuing_transaction.created` captures (not as the last: the authorization says when it is closed), posts what has
//   no authorization, and refunds. A transaction's id is its message id, because authorizations list transactions too.
// - Everything else is kept without an effect.
Event decode(std::string_view body, JsonDocument& document);

// Appends the answer to `request`. `amount` is sent only with a partial approval; a decline carries its reason and what
// helps the caller in `metadata`. `declined_by`: id of the node that said no, may be empty.
void append_answer(std::string& out, const engine::Decision& decision, const engine::AuthorizationRequest& request,
                   std::string_view declined_by = {});

// Appends a decline that no decision stands behind (deadline_exceeded, overloaded, storage_unavailable).
void append_decline(std::string& out, engine::Reason reason);

// Value of the `Stripe-Version` header, without which Stripe refuses an answer: the configured one, else the event's,
// else kFallbackApiVersion.
inline constexpr std::string_view kFallbackApiVersion = "2025-03-31.basil";
std::string_view answer_version(std::string_view configured, std::string_view event_version);

}  // namespace holdfast::net::stripe
