// From a request to the function that answers it: by path and method, by the caller's key and by what its role permits.
//
// Threads: one per event loop, used on that loop only.
// Invariants: each request is answered exactly once, here or by its route; a route of the table runs only for a caller
// whose key is in force and whose role permits the route's action; every failure to authenticate gets the same answer.
// Ownership: what a Call points at is valid only while the route runs; copy what must outlive it. The Exchange stays.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/key128.h"
#include "net/access.h"
#include "net/exchange.h"
#include "net/json_document.h"
#include "net/problem.h"

namespace holdfast::net {

struct LoopContext;

// What a route is called with.
struct Call {
  const Request& request;
  Exchange& exchange;
  Role role = Role::reader;     // of the caller; means nothing on an open route
  engine::Key128 key_id{0, 0};  // of the caller; zeros on an open route
  std::string_view id;          // what stands in the path for {id}
  // That the caller's key is bound to. A route that takes agents looks at what it is asked for (agent_scope.h).
  engine::NodeIndex node = engine::kNoNode;
};

class Router final : public RequestHandler {
 public:
  using Route = std::function<void(const Call&)>;

  explicit Router(LoopContext& context) : context_(context) {}

  // `pattern`: a path in which one segment may be "{id}", which stands for any segment that is not empty. The caller
  // needs a key whose role permits `needed`.
  void add(Method method, std::string_view pattern, Action needed, Route route);
  // An exact path without a key: whoever answers authenticates the caller by other means.
  void add_open(Method method, std::string_view path, Route route);

  void on_request(const Request& request, Exchange& exchange) override;

 private:
  struct Entry {
    Method method;
    std::string before;  // the pattern up to {id}, or all of it
    std::string after;
    bool has_id = false;
    Action needed = Action::read_cards;
    Route route;
    // What stands for {id} (empty for a pattern without); nullopt when the path does not match.
    std::optional<std::string_view> match(std::string_view path) const;
  };
  struct Caller {
    Role role = Role::reader;
    engine::Key128 key_id{0, 0};
    engine::NodeIndex node = engine::kNoNode;
    bool known = false;
  };

  bool run_open(const Request& request, Exchange& exchange) const;
  Caller authenticate(const Request& request) const;
  void run(const Entry& entry, std::string_view id, const Request& request, Exchange& exchange) const;
  void refuse_path(const Request& request, Exchange& exchange) const;

  LoopContext& context_;
  std::vector<Entry> entries_;
  std::vector<Entry> open_;
};

// "GET"; "" for other.
std::string_view method_name(Method method);

// Answers with a problem details body; for an answer that is made after the request has gone, its id alone.
void respond_problem(Exchange& exchange, std::string_view request_id, int status, std::string_view code,
                     std::string_view title, std::string_view detail,
                     std::initializer_list<HeaderView> extra_headers = {});
inline void respond_problem(Exchange& exchange, const Request& request, int status, std::string_view code,
                            std::string_view title, std::string_view detail,
                            std::initializer_list<HeaderView> extra_headers = {}) {
  respond_problem(exchange, request.id, status, code, title, detail, extra_headers);
}
// 400 for what a JsonDocument found.
void respond_json_error(Exchange& exchange, const Request& request, const JsonError& error);
void respond_json(Exchange& exchange, int status, std::string_view body,
                  std::initializer_list<HeaderView> extra_headers = {});

}  // namespace holdfast::net
