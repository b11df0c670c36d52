#include "net/change_request.h"

#include <algorithm>
#include <charconv>

#include "engine/ascii.h"
#include "engine/identifier.h"
#include "net/native_codec.h"

namespace holdfast::net {
namespace {

// The ids of these messages stand apart from those of authorizations, and each caller's from those of others: a key
// that two callers happen to choose must not show one the other's card.
constexpr std::string_view kEndpoint = "api/changes/";
constexpr std::size_t kIdempotencyKeyBytesMax = 200;

}  // namespace

std::optional<CallMessage> read_message(const Call& call, const engine::KeyHasher& hasher) {
  const Request& request = call.request;
  const int count = request.count("Idempotency-Key");
  if (count == 0) return CallMessage{};
  const std::string_view id = request.header("Idempotency-Key");
  if (count != 1 || id.empty() || id.size() > kIdempotencyKeyBytesMax ||
      !std::all_of(id.begin(), id.end(), engine::is_visible)) {
    respond_problem(call.exchange, request, 400, "invalid_idempotency_key", "Bad request",
                    "Idempotency-Key must be given once, with 1 to 200 visible ASCII characters");
    return std::nullopt;
  }
  return CallMessage{std::string(id), hasher.hash({method_name(request.method), request.path, request.body}).lo};
}

std::optional<VersionCondition> read_if_match(const Call& call) {
  const int count = call.request.count("If-Match");
  if (count == 0) return VersionCondition{};
  const std::string_view value = call.request.header("If-Match");
  if (count == 1 && value == "*") return VersionCondition{};
  if (count == 1 && value.size() > 2 && value.front() == '"' && value.back() == '"') {
    const std::string_view digits = value.substr(1, value.size() - 2);
    std::uint32_t version = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), version);
    if (end.ec == std::errc{} && end.ptr == digits.data() + digits.size()) return VersionCondition{version};
  }
  respond_problem(call.exchange, call.request, 400, "invalid_if_match", "Bad request",
                  "If-Match must be given once, as the ETag of an answer: \"<version>\"");
  return std::nullopt;
}

std::string etag_of(std::uint32_t version) {
  return '"' + std::to_string(version) + '"';
}

ChangeRequest::ChangeRequest(LoopContext& context, const Call& call, CallMessage message)
    : context_(context),
      exchange_(call.exchange),
      request_id_(call.request.id),
      now_(context.surroundings.now()),
      first_byte_(call.request.first_byte),
      endpoint_(message.of_decisions ? std::string(kNativeEndpoint) : engine::format_id(kEndpoint, call.key_id)),
      message_(std::move(message)) {}

Problem ChangeRequest::problem_of(const Answer& answer) const {
  switch (answer.kind) {
    case Answer::Kind::conflict:
      if (message_.of_decisions) {
        return {409, "idempotency_conflict", "Conflict", "this id was used before for a request with other content"};
      }
      return {422, "idempotency_conflict", "Unprocessable content",
              "this Idempotency-Key was used before for something else"};
    case Answer::Kind::in_progress:
      return {409, "idempotency_in_progress", "Conflict",
              "the first request with this id or Idempotency-Key is still under way; ask again soon"};
    case Answer::Kind::late:
      return {
          504, "deadline_exceeded", "Deadline exceeded",
          "the change was not on disk in time and may still be made; ask again with the same id or Idempotency-Key"};
    default:
      break;
  }
  if (answer.decision.reason == engine::Reason::storage_unavailable) {
    return {503, "storage_unavailable", "Storage unavailable", "nothing can be stored at the moment"};
  }
  return {503, "overloaded", "Overloaded", "the change could not have been on disk in time; nothing was changed"};
}

void ChangeRequest::launch(engine::Command command, bool remembered) {
  hold();
  Flight* flight = context_.desk.take();
  if (flight == nullptr) {
    respond_problem({503, "overloaded", "Overloaded", "too many requests are under way"});
    return drop();
  }
  flight->owner = this;
  flight->exchange = &exchange_;
  flight->first_byte = first_byte_;
  flight->is_authorization = std::holds_alternative<engine::Authorize>(command);
  flight->deadline = answer_by(first_byte_, flight->is_authorization ? context_.settings.authorization_deadline
                                                                     : context_.settings.command_deadline);
  flight->now = now_;
  flight->command = std::move(command);
  if (remembered) {
    flight->plan = this;
    if (!message_.id.empty()) flight->message = {endpoint_, message_.id, message_.content};
  }
  context_.desk.launch(*flight);
}

void ChangeRequest::landed(Flight& flight, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::decided:
      return decided(flight, answer);
    case Answer::Kind::rejected:
      return rejected();
    default:
      undecided_ = true;
      return respond_problem(problem_of(answer));
  }
}

void ChangeRequest::released(Flight& flight) {
  if (undecided_ && flight.sequence != 0) decided_late();
  drop();
}

void ChangeRequest::respond_problem(const Problem& problem) {
  if (problem.status == 503) {
    return net::respond_problem(exchange_, request_id_, problem.status, problem.code, problem.title, problem.detail,
                                {{"Retry-After", "1"}});
  }
  net::respond_problem(exchange_, request_id_, problem.status, problem.code, problem.title, problem.detail);
}

void ChangeRequest::drop() {
  if (--holds_ == 0) list_->erase(place_);
}

}  // namespace holdfast::net
