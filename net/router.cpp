#include "net/router.h"

#include <algorithm>
#include <cassert>

#include "net/loop_context.h"

namespace holdfast::net {
namespace {

constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kIdSegment = "{id}";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The media type without its parameters is this one, in any case (RFC 9110 section 8.3.1).
bool is_media_type(std::string_view value, std::string_view wanted) {
  value = value.substr(0, value.find(';'));
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
    value.remove_suffix(1);
  return std::equal(value.begin(), value.end(), wanted.begin(), wanted.end(),
                    [](char given, char expected) { return lower(given) == expected; });
}

bool has_json_type(const Request& request) {
  if (request.count("Content-Type") != 1) return false;
  const std::string_view type = request.header("Content-Type");
  return is_media_type(type, kJson) || (request.method == Method::patch && is_media_type(type, kMergePatch));
}

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::other:
      return "";
  }
  return "";
}

void Router::add(Method method, std::string_view pattern, Action needed, Route route) {
  assert(method != Method::other);
  Entry entry{method, std::string(pattern), {}, false, needed, std::move(route)};
  const std::size_t at = pattern.find(kIdSegment);
  if (at != std::string_view::npos) {
    entry.before = pattern.substr(0, at);
    entry.after = pattern.substr(at + kIdSegment.size());
    entry.has_id = true;
  }
  entries_.push_back(std::move(entry));
}

void Router::add_open(Method method, std::string_view path, Route route) {
  assert(method != Method::other);
  open_.push_back({method, std::string(path), {}, false, Action::read_cards, std::move(route)});
}

std::optional<std::string_view> Router::Entry::match(std::string_view path) const {
  if (!has_id) return path == before ? std::optional(std::string_view{}) : std::nullopt;
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  const std::string_view id = path.substr(before.size(), path.size() - before.size() - after.size());
  return id.find('/') == std::string_view::npos ? std::optional(id) : std::nullopt;
}

void Router::on_request(const Request& request, Exchange& exchange) {
  if (run_open(request, exchange)) return;
  if (request.path.find('%') != std::string_view::npos) {
    return respond_problem(exchange, request, 400, "invalid_path", "Bad request",
                           "percent-encoding is not supported in paths; no path of this interface needs it");
  }
  for (const Entry& entry : entries_) {
    if (entry.method != request.method) continue;
    if (const auto id = entry.match(request.path)) return run(entry, *id, request, exchange);
  }
  refuse_path(request, exchange);
}

bool Router::run_open(const Request& request, Exchange& exchange) const {
  for (const Entry& entry : open_) {
    if (entry.method != request.method || entry.before != request.path) continue;
    entry.route(Call{request, exchange, Role::reader, {0, 0}, {}});
    return true;
  }
  return false;
}

Router::Caller Router::authenticate(const Request& request) const {
  if (request.count("Authorization") != 1) return {};
  const auto token = bearer_token(request.header("Authorization"));
  if (!token) return {};
  const Sha256Digest digest = context_.tokens(*token);
  return context_.keys.with(context_.loop, [&](const KeyRing& ring) {
    const ApiKey* key = ring.find(digest);
    return key == nullptr ? Caller{} : Caller{key->role, key->id, key->node, true};
  });
}

void Router::run(const Entry& entry, std::string_view id, const Request& request, Exchange& exchange) const {
  const Caller caller = authenticate(request);
  if (!caller.known) {
    return respond_problem(exchange, request, 401, "unauthorized", "Unauthorized",
                           "a valid key is needed: Authorization: Bearer <key>",
                           {{"WWW-Authenticate", "Bearer realm=\"holdfast\""}});
  }
  // An agent that is bound to nothing may do nothing.
  const bool unbound = caller.role == Role::agent && caller.node == engine::kNoNode;
  if (unbound || !permits(caller.role, entry.needed)) {
    std::string detail = "a key of role ";
    detail += role_name(caller.role);
    detail += " may not do this";
    return respond_problem(exchange, request, 403, "forbidden", "Forbidden", detail);
  }
  if (!request.body.empty() && !has_json_type(request)) {
    return respond_problem(exchange, request, 415, "unsupported_media_type", "Unsupported media type",
                           "the body must be JSON and say so: Content-Type: application/json");
  }
  entry.route(Call{request, exchange, caller.role, caller.key_id, id, caller.node});
}

// 405 when the path is right and the method is not, otherwise 404.
void Router::refuse_path(const Request& request, Exchange& exchange) const {
  std::string allow;
  const auto note = [&](const Entry& entry) {
    if (!entry.match(request.path)) return;
    if (!allow.empty()) allow += ", ";
    allow += method_name(entry.method);
  };
  std::for_each(entries_.begin(), entries_.end(), note);
  std::for_each(open_.begin(), open_.end(), note);
  if (allow.empty()) {
    return respond_problem(exchange, request, 404, "not_found", "Not found", "there is nothing at this path");
  }
  respond_problem(exchange, request, 405, "method_not_allowed", "Method not allowed",
                  "this path takes other methods; Allow names them", {{"Allow", allow}});
}

void respond_problem(Exchange& exchange, std::string_view request_id, int status, std::string_view code,
                     std::string_view title, std::string_view detail, std::initializer_list<HeaderView> extra_headers) {
  exchange.respond(status, kProblemContentType, problem_json(status, code, title, detail, request_id), extra_headers);
}

void respond_json_error(Exchange& exchange, const Request& request, const JsonError& error) {
  respond_problem(exchange, request, 400, json_error_name(error.code), "Bad request", error.detail);
}

void respond_json(Exchange& exchange, int status, std::string_view body,
                  std::initializer_list<HeaderView> extra_headers) {
  exchange.respond(status, kJson, body, extra_headers);
}

}  // namespace holdfast::net
