// Lithic's wire form: authorization requests (Auth Stream Access) in, answers out, and the events of transactions.
// No I/O.
//
// Threads: pure functions; a JsonDocument belongs to its loop.
// Ownership: what decode() gives views the document and is valid until the document's next parse().
// Units: minor units; Lithic sends amounts so.
// Source: Lithic's card authorization object, its response schema, and the events `card_authorization.approval_request`
// and `card_transaction.updated`. The format is the processor's and grows: members and values that are not known here
// are passed over, never refused.
#pragma once

#include <string>
#include <string_view>

#include "engine/authorization.h"
#include "net/json_document.h"
#include "net/processors/event.h"
#include "net/processors/wire.h"

namespace holdfast::net::lithic {

// Asked: an authorization request, with or without an event type. What is asked for is the hold, which the network may
// have raised above the purchase (fuel, tips), else the amount in the cardholder's currency, else the older member that
// includes the fee. Credits ask for nothing that could be spent, so they are verifications of the card. The message id
// is the event token, which not every program gets.
//
// Told: `card_transaction.updated` with all that ever happened to the transaction. One step for each event, with the
// event's token as message id (behind "event:", because the question may have had the same token), so that hearing the
// history again changes nothing. What changes a hold says how much is held afterwards: by the transaction itself for
// the last of them, and added up from the history for those before. The step of an event may therefore read differently
// in a longer history; its first hearing counts. Every other event is kept without an effect, and has no message id of
// its own.
Event decode(std::string_view body, JsonDocument& document);

// Appends the answer to `asked`, whose HTTP status is always 200. An amount is sent only with a partial approval: its
// presence means one. `balance`: for a question that wants it.
void append_answer(std::string& out, const Asked& asked, const engine::Decision& decision,
                   const wire::Balance* balance = nullptr);

// Appends a decline that no decision stands behind.
void append_decline(std::string& out, const Asked& asked, engine::Reason reason);

// The same of a message whose id was used before with other content.
void append_conflict(std::string& out, const Asked& asked);

// The word that Lithic has for a reason. Its other words are for judgements that Holdfast does not make: fraud, drivers
// and vehicles of fleets, challenges.
std::string_view result_name(engine::Reason reason, bool lifetime_limit);

}  // namespace holdfast::net::lithic
