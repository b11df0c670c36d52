#include "net/follow_up_routes.h"

#include <array>

#include "engine/codec.h"
#include "engine/identifier.h"
#include "engine/record.h"
#include "net/authorization_json.h"
#include "net/authorization_search.h"
#include "net/native_codec.h"
#include "net/node_names.h"

namespace holdfast::net {
namespace {

using engine::AdviceKind;
using engine::Authorization;
using engine::AuthorizationStatus;
using engine::Command;
using engine::Minor;
using engine::NodeIndex;
using engine::Processor;

const Problem kNotFound{404, "authorization_not_found", "Not found", "there is no authorization with this id"};
const Problem kNotPending{409, "authorization_not_pending", "Conflict",
                          "nothing is held any more: the authorization is over"};

// `path`: what is asked, of which authorization; the message's id is not part of its content.
std::uint64_t content_of(const engine::KeyHasher& hasher, std::string_view path, const native::Step& step) {
  std::array<std::byte, 16> numbers;
  engine::ByteWriter out(numbers);
  out.i64(step.amount.value_or(engine::kAll));
  out.u8(step.final ? 1 : 0);
  return hasher.hash({path, {reinterpret_cast<const char*>(numbers.data()), out.size()}}).lo;
}

std::uint64_t content_of(const engine::KeyHasher& hasher, std::string_view path, const native::Posting& posting) {
  std::array<std::byte, 16> numbers;
  engine::ByteWriter out(numbers);
  out.i64(posting.amount);
  out.u16(posting.currency.numeric);
  out.u16(posting.merchant.category);
  out.u16(posting.merchant.country.numeric);
  const std::string_view fixed(reinterpret_cast<const char*>(numbers.data()), out.size());
  return hasher.hash({path, posting.card, posting.merchant.id, posting.merchant.name, fixed}).lo;
}

// The id of the body, or else of the header; nullopt: a problem has been answered.
std::optional<CallMessage> message_of(const Call& call, JsonDocument& json, std::string_view id) {
  if (!json.ok()) {
    respond_json_error(call.exchange, call.request, json.error());
    return std::nullopt;
  }
  if (id.empty()) id = call.request.header("Idempotency-Key");
  if (native::acceptable_id(id)) return CallMessage{std::string(id), 0, true};
  respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request",
                  "id is missing: give 1 to 64 letters, digits, '_' or '-' in it or in the Idempotency-Key header");
  return std::nullopt;
}

// A message about an authorization that is there: first its card is looked for, then the message goes on its way. Also
// when there is none: what repeats an earlier message gets that one's answer all the same.
class StepRequest : public ChangeRequest {
 public:
  StepRequest(LoopContext& context, const Call& call, CallMessage message, std::optional<Minor> amount)
      : ChangeRequest(context, call, std::move(message)), id_(call.id), amount_(amount) {}

  void start() {
    hold();
    search_authorization({context_, id_,
                          [this](const engine::Ledger&, const Authorization& authorization) { found_ = authorization; },
                          [this] {
                            context_.on_loop(context_.loop, [this] {
                              located();
                              drop();
                            });
                          }});
  }

 protected:
  // On the origin's loop: found_ is what the search gave.
  virtual void located() = 0;

  // On the owner's loop; null, and the problem noted, when it is not there.
  const Authorization* authorization(unsigned loop) {
    const engine::Ledger& ledger = context_.shards[loop].ledger;
    const Authorization* there = found_.card == engine::kNoNode ? nullptr : ledger.find(found_.key, found_.card);
    if (there == nullptr) problem_ = kNotFound;
    return there;
  }
  bool reject(Problem problem) {
    problem_ = std::move(problem);
    return false;
  }

  const std::string id_;  // of the authorization
  const std::optional<Minor> amount_;
  Authorization found_;
};

// Everything but an increment.
class AdviceRequest : public StepRequest {
 public:
  AdviceRequest(LoopContext& context, const Call& call, CallMessage message, std::optional<Minor> amount,
                AdviceKind kind, bool final)
      : StepRequest(context, call, std::move(message), amount), kind_(kind), final_(final) {}

  bool prepare(Command&, unsigned loop) override {
    const Authorization* there = authorization(loop);
    return there != nullptr && makes_sense(*there);
  }

  std::string_view compose(const engine::Outcome& outcome) override {
    const auto* profile = context_.shards.nodes().profile(found_.card);  // on its owner's loop: it stays
    const std::string card = engine::format_id("card_", profile->identity.id);
    append_step(composed_, std::get<engine::AdviceOutcome>(outcome),
                {id_, card, profile->identity.currency, engine::advice_name(kind_)});
    return composed_;
  }

 protected:
  void located() override {
    engine::Advise command;
    command.card = found_.card;
    command.kind = kind_;
    command.processor = found_.processor;
    command.authorization_id = id_;
    command.authorization = found_.key;
    command.amount = amount_.value_or(engine::kAll);
    command.final = final_;
    launch(command);
  }

  void decided(Flight&, const Answer& answer) override { respond_json(exchange_, 200, answer.stored); }

 private:
  // What the network says moved is never refused; but "all of it" has to be something, and so does what is released.
  bool makes_sense(const Authorization& there) {
    switch (kind_) {
      case AdviceKind::reverse:
      case AdviceKind::expire:
        return there.status == AuthorizationStatus::pending || reject(kNotPending);
      case AdviceKind::capture:
        return amount_ || there.held > 0 ||
               reject({409, "nothing_to_capture", "Conflict", "nothing is held: give the amount that was captured"});
      case AdviceKind::refund:
        return amount_ || there.captured > there.refunded ||
               reject({409, "nothing_to_refund", "Conflict", "nothing was captured that has not been refunded"});
      case AdviceKind::refund_reversal:
        return there.refunded > 0 || reject({409, "nothing_refunded", "Conflict", "there is no refund to reverse"});
      default:
        return true;
    }
  }

  const AdviceKind kind_;
  const bool final_;
  std::string composed_;
};

// A posting is an authorization of its own, with the message's id.
class PostingRequest final : public AdviceRequest {
 public:
  PostingRequest(LoopContext& context, const Call& call, const CallMessage& message, Minor amount)
      : AdviceRequest(context, call_with_id(call, message.id), message, amount, AdviceKind::post, true) {}

  void start(NodeIndex card, const engine::Merchant& merchant) {
    merchant_id_ = merchant.id;
    merchant_name_ = merchant.name;
    found_.card = card;
    found_.key = context_.shards[context_.loop].ledger.authorization_key(Processor::native, id_);
    engine::Advise command;
    command.card = card;
    command.kind = AdviceKind::post;
    command.processor = Processor::native;
    command.authorization_id = id_;
    command.authorization = found_.key;
    command.amount = *amount_;
    command.final = true;
    command.merchant = {merchant_id_, merchant_name_, merchant.category, merchant.country};
    launch(command);
  }

  bool prepare(Command&, unsigned) override { return true; }

 private:
  static Call call_with_id(Call call, std::string_view id) {
    call.id = id;
    return call;
  }

  std::string merchant_id_;
  std::string merchant_name_;
};

class IncrementRequest final : public StepRequest {
 public:
  IncrementRequest(LoopContext& context, const Call& call, CallMessage message, Minor amount,
                   DecisionCounters& counters)
      : StepRequest(context, call, std::move(message), amount), counters_(counters) {}

  bool prepare(Command&, unsigned loop) override {
    const Authorization* there = authorization(loop);
    return there != nullptr && (there->status == AuthorizationStatus::pending || reject(kNotPending));
  }

  void landed(Flight& flight, const Answer& answer) override {
    if (answer.kind == Answer::Kind::rejected) return rejected_or_repeated();
    counters_.count(answer, first_byte_);
    if (answer.kind == Answer::Kind::conflict) return respond_problem(problem_of(answer));
    const auto& request = std::get<engine::Authorize>(flight.command).request;
    std::string declined_by;
    append_node_id(declined_by, context_, answer.decision.declined_by.node);
    std::string body;
    native::append_answer(body, answer.decision, {id_, card_, declined_by, request.currency, false, true});
    respond_json(exchange_, 200, body);
  }

 protected:
  // The record of the first request has the merchant, of which the ledger keeps the category only.
  void located() override {
    if (found_.card == engine::kNoNode) return launch(command_of({}));
    hold();
    context_.archive.read({found_.sequence}, [this](std::vector<engine::Bytes> records) {
      context_.on_loop(context_.loop, [this, records = std::move(records)]() mutable {
        record_ = std::move(records.front());
        ask();
        drop();
      });
    });
  }

  void decided(Flight&, const Answer&) override {}

 private:
  // A repeat that waited for a first delivery hears that it was rejected, but not why; nor is that remembered.
  void rejected_or_repeated() {
    Answer waited;
    waited.kind = Answer::Kind::in_progress;
    respond_problem(problem_.status == 0 ? problem_of(waited) : problem_);
  }

  void ask() {
    engine::AuthorizationRequest request;
    const auto record = engine::decode(record_);  // its texts are views of record_
    if (const auto* first = record ? std::get_if<engine::Authorize>(&record->command) : nullptr) {
      request.merchant = first->request.merchant;
      request.verification = first->request.verification;
    } else {
      request.merchant.category = found_.category;
    }
    launch(command_of(request));
  }

  engine::Authorize command_of(engine::AuthorizationRequest request) {
    request.processor = found_.processor;
    request.authorization_id = id_;
    request.amount = *amount_;
    request.incremental = true;
    append_node_id(card_, context_, found_.card);
    request.card_reference = card_;
    const auto guard = context_.shards.epochs().pin(context_.loop);
    const auto* profile = context_.shards.nodes().profile(found_.card);
    if (profile != nullptr) request.currency = profile->identity.currency;
    return {found_.card, request};
  }

  DecisionCounters& counters_;
  engine::Bytes record_;
  std::string card_;  // its id
};

}  // namespace

void FollowUpRoutes::add_to(Router& router) {
  const auto advice = [this](AdviceKind kind) { return [this, kind](const Call& call) { advise(call, kind); }; };
  router.add(Method::post, "/api/v1/authorizations/{id}/increment", Action::authorize,
             [this](const Call& call) { increment(call); });
  router.add(Method::post, "/api/v1/authorizations/{id}/capture", Action::authorize, advice(AdviceKind::capture));
  router.add(Method::post, "/api/v1/authorizations/{id}/reverse", Action::authorize, advice(AdviceKind::reverse));
  router.add(Method::post, "/api/v1/authorizations/{id}/refund", Action::authorize, advice(AdviceKind::refund));
  router.add(Method::post, "/api/v1/authorizations/{id}/reverse_refund", Action::authorize,
             advice(AdviceKind::refund_reversal));
  router.add(Method::post, "/api/v1/authorizations/{id}/expire", Action::authorize, advice(AdviceKind::expire));
  router.add(Method::post, "/api/v1/postings", Action::authorize, [this](const Call& call) { post(call); });
}

void FollowUpRoutes::increment(const Call& call) {
  native::Step step;
  if (context_.json.parse(call.request.body)) step = native::decode_step(context_.json.object(), {true, true, false});
  auto message = message_of(call, context_.json, step.id);
  if (!message) return counters_.malformed.add();
  message->content = content_of(context_.shards.hasher(), call.request.path, step);
  ChangeRequest::make<IncrementRequest>(under_way_, context_, call, std::move(*message), *step.amount, counters_)
      .start();
}

void FollowUpRoutes::advise(const Call& call, AdviceKind kind) {
  const native::StepMembers members{kind != AdviceKind::expire, false, kind == AdviceKind::capture};
  native::Step step;
  if (context_.json.parse(call.request.body)) step = native::decode_step(context_.json.object(), members);
  auto message = message_of(call, context_.json, step.id);
  if (!message) return;
  message->content = content_of(context_.shards.hasher(), call.request.path, step);
  ChangeRequest::make<AdviceRequest>(under_way_, context_, call, std::move(*message), step.amount, kind, step.final)
      .start();
}

void FollowUpRoutes::post(const Call& call) {
  native::Posting posting;
  if (context_.json.parse(call.request.body)) posting = native::decode_posting(context_.json.object());
  auto message = message_of(call, context_.json, posting.id);
  if (!message) return;
  message->content = content_of(context_.shards.hasher(), call.request.path, posting);
  const auto card = find_card(context_, posting.card);
  if (!card) {
    return respond_problem(call.exchange, call.request, 404, "card_not_found", "Not found",
                           "there is no card with this id");
  }
  engine::Currency currency;
  {
    const auto guard = context_.shards.epochs().pin(context_.loop);
    currency = context_.shards.nodes().profile(*card)->identity.currency;
  }
  if (currency != posting.currency) {
    return respond_problem(call.exchange, call.request, 400, "currency_mismatch", "Bad request",
                           "currency is not that of the card");
  }
  ChangeRequest::make<PostingRequest>(under_way_, context_, call, std::move(*message), posting.amount)
      .start(*card, posting.merchant);
}

}  // namespace holdfast::net
