// Marqeta's wire form: funding requests of the just-in-time gateway in, answers out, and webhooks with transactions.
// No I/O.
//
// Threads: pure functions; a JsonDocument belongs to its loop.
// Ownership: what decode() gives views the document and is valid until the document's next parse().
// Units: minor units here; decimal numbers of major units on the wire, which are read as text, exactly.
// Source: Marqeta's gateway JIT funding messages, transaction object and event types. The format is the processor's and
// grows: members and values that are not known here are passed over, never refused.
//
// An authorization is named by the funding token of the first message of its chain, which every later one repeats.
#pragma once

#include <string>
#include <string_view>

#include "engine/authorization.h"
#include "net/json_document.h"
#include "net/processors/event.h"
#include "net/processors/wire.h"

namespace holdfast::net::marqeta {

// A transaction by itself is a message of the gateway; inside `transactions` it is news.
//
// Asked: what can be declined. The amount is what has to be funded, on an incremental the difference; what brings money
// asks for nothing, and is a verification of the card. Message id: the funding token. repeat: method, user token, and
// the amount as it was sent.
//
// Told: what the gateway only informs of is kept without an effect, since the webhook says it too; the answer repeats
// it. Of a webhook's transactions each is one step, named by the transaction's token:
// - what was asked for: nothing where the outcome is our answer; what Marqeta or the network approved for us is
//   adopted; what was declined, or timed out, is disowned. Single messages are captured at once.
// - clearings capture, as the last unless they say that others follow; forced ones post.
// - reversals release. An advice that lowers comes as a reversal: its funding amount is what is released, while its own
//   amount is the new total. An advice that comes as such says the new total.
// - refunds and chargebacks give back; their reversals do not.
// Other kinds of webhooks are kept without an effect; those bring no message id.
Event decode(std::string_view body, JsonDocument& document);

inline constexpr int kApproved = 200;
inline constexpr int kDeclined = 402;

// Appends the answer to `asked` and gives its HTTP status, which is the decision; the body has to agree.
int append_answer(std::string& out, const Asked& asked, const engine::Decision& decision,
                  const wire::Balance* balance = nullptr);
// The same of a decline that no decision stands behind.
int append_decline(std::string& out, const Asked& asked, engine::Reason reason);

// The same of a message whose id was used before with other content.
int append_conflict(std::string& out, const Asked& asked);

// The word that Marqeta has for a reason.
std::string_view decline_reason(engine::Reason reason, bool lifetime_limit);

}  // namespace holdfast::net::marqeta
