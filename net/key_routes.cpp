#include "net/key_routes.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>

#include "engine/identifier.h"
#include "net/list_page.h"
#include "net/node_names.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::Command;
using engine::Key128;
using engine::NodeIndex;

// A key never changes, so that it has one version for ever.
constexpr std::uint32_t kKeyVersion = 1;

const Problem kKeyNotFound{404, "key_not_found", "Not found", "there is no key with this id"};

constexpr std::string_view kTextBeforeId = "{\"id\":\"";

void append_key(std::string& out, LoopContext& context, const ApiKey& key) {
  out += kTextBeforeId;
  engine::append_id(out, "key_", key.id);
  out += "\",\"object\":\"key\",\"label\":";
  append_json_string(out, key.label);
  out += ",\"role\":";
  append_json_string(out, role_name(key.role));
  out += ",\"node\":";
  if (key.node == engine::kNoNode) {
    out += "null";
  } else {
    out += '"';
    append_node_id(out, context, key.node);
    out += '"';
  }
  out += ",\"created_at\":\"";
  append_rfc3339(out, key.created_at);
  out += "\"}";
}

// The id in a text of append_key().
std::string_view id_in(std::string_view key) {
  key.remove_prefix(kTextBeforeId.size());
  return key.substr(0, key.find('"'));
}

// A change of the keys: durable first, then in force on every loop, then answered.
class KeyChange : public ChangeRequest {
 public:
  using ChangeRequest::ChangeRequest;

 protected:
  virtual void respond_key(const std::string& stored, bool repeated) = 0;

  // A repeat may come before the first delivery has got this far, so it publishes too.
  void decided(Flight&, const Answer& answer) final {
    publish([this, stored = answer.stored, repeated = answer.repeated] { respond_key(stored, repeated); });
  }
  // Whatever the caller was told, what is durable is in force.
  void decided_late() final {
    publish([] {});
  }

 private:
  void publish(std::function<void()> then) {
    hold();
    context_.on_loop(0, [this, then = std::move(then)] {
      context_.keys.publish(ring_of(context_.shards.keys()));
      context_.on_loop(context_.loop, [this, then] {
        then();
        drop();
      });
    });
  }
};

class AddRequest final : public KeyChange {
 public:
  using KeyChange::KeyChange;

  void start(std::string_view label, Role role, engine::NodeIndex node) {
    std::array<std::byte, 32> random;
    context_.surroundings.random_bytes(random);
    engine::AddKey command;
    command.id = engine::make_ulid(now_, context_.surroundings.random());
    command.role = static_cast<std::uint8_t>(role);
    command.label = label;
    command.node = node;
    token_.emplace(ApiToken::make(command.id, random));
    OPENSSL_cleanse(random.data(), random.size());
    command.digest = context_.tokens(token_->reveal());
    append_key(composed_, context_, {command.id, role, command.label, {}, now_, node});
    launch(std::move(command));
  }

  std::string_view compose(const engine::Outcome&) override { return composed_; }

 private:
  void respond_key(const std::string& stored, bool repeated) override {
    std::string body;
    body.reserve(stored.size() + kMadeTokenBytes + 16);  // so that no copy of the token is left behind by growing
    body = stored;
    body.pop_back();
    body += ",\"key\":";
    // A repeat is about the key of the first delivery, whose token is not known any more.
    repeated ? void(body += "null") : append_json_string(body, token_->reveal());
    body += '}';
    const std::string location = "/api/v1/keys/" + std::string(id_in(stored));
    respond_json(exchange_, 201, body,
                 {{"Location", location}, {"ETag", etag_of(kKeyVersion)}, {"Cache-Control", "no-store"}});
    OPENSSL_cleanse(body.data(), body.size());
  }

  std::string composed_;
  std::optional<ApiToken> token_;
};

class RemoveRequest final : public KeyChange {
 public:
  using KeyChange::KeyChange;

  void start(Key128 id) { launch(engine::RemoveKey{id}); }

  bool prepare(Command& command, unsigned) override {
    const auto& keys = context_.shards.keys();
    const auto found = keys.find(std::get<engine::RemoveKey>(command).id);
    if (found == keys.end()) {
      problem_ = kKeyNotFound;
      return false;
    }
    constexpr auto kAdmin = static_cast<std::uint8_t>(Role::admin);
    const auto admins = std::ranges::count_if(keys, [](const auto& key) { return key.second.role == kAdmin; });
    if (found->second.role == kAdmin && admins == 1) {
      problem_ = {409, "last_admin_key", "Conflict", "this is the last key of role admin: make another one first"};
      return false;
    }
    return true;
  }

 private:
  void respond_key(const std::string&, bool) override { exchange_.respond(204, {}, {}); }
};

}  // namespace

KeyRing ring_of(const std::map<Key128, engine::StoredKey>& keys) {
  std::vector<ApiKey> ring;
  ring.reserve(keys.size());
  for (const auto& [id, stored] : keys) {
    const auto role = role_from_number(stored.role);
    if (role) ring.push_back({id, *role, stored.label, stored.digest, stored.created_at, stored.node});
  }
  return KeyRing(std::move(ring));
}

void KeyRoutes::add_to(Router& router) {
  router.add(Method::post, "/api/v1/keys", Action::manage_keys, [this](const Call& call) { create(call); });
  router.add(Method::get, "/api/v1/keys", Action::manage_keys, [this](const Call& call) { list(call); });
  router.add(Method::get, "/api/v1/keys/{id}", Action::manage_keys, [this](const Call& call) { show(call); });
  router.add(Method::del, "/api/v1/keys/{id}", Action::manage_keys, [this](const Call& call) { remove(call); });
}

void KeyRoutes::create(const Call& call) {
  constexpr std::pair<std::string_view, Role> kRoleNames[] = {{"admin", Role::admin},
                                                              {"issuer", Role::issuer},
                                                              {"processor", Role::processor},
                                                              {"agent", Role::agent},
                                                              {"reader", Role::reader}};
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  std::string_view label;
  Role role = Role::reader;
  NodeIndex node = engine::kNoNode;
  if (context_.json.parse(call.request.body)) {
    const JsonObject body = context_.json.object();
    reject_unknown_members(body, {"label", "role", "node"});
    label = body.required_string("label", kKeyLabelBytesMax);
    role = body.required_enumerated<Role>("role", kRoleNames);
    node = read_node(body, role);
  }
  if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  ChangeRequest::make<AddRequest>(under_way_, context_, call, std::move(*message)).start(label, role, node);
}

// Of an agent's key, which has to have one; the others' have none.
engine::NodeIndex KeyRoutes::read_node(const JsonObject& body, Role role) {
  if (role != Role::agent) {
    if (body.has("node") && !body.is_null("node")) body.fail("node", "is for keys of role agent only");
    return engine::kNoNode;
  }
  const auto node = find_node(context_, body.required_string("node", engine::kIdBytesMax));
  if (!node) body.fail("node", "is not the id of a card or budget that is here");
  return node.value_or(engine::kNoNode);
}

void KeyRoutes::list(const Call& call) {
  const auto page = read_list_page(call.request.query);
  if (!page) {
    return respond_problem(call.exchange, call.request, 400, "invalid_value", "Bad request", kListPageRule);
  }
  std::string body = "{\"data\":[";
  context_.keys.with(context_.loop, [&](const KeyRing& ring) {
    const auto keys = ring.list();
    auto next = keys.begin();
    if (page->after) next = std::ranges::find_if(keys, [&](const ApiKey& key) { return key.id < *page->after; });
    std::size_t listed = 0;
    for (; next != keys.end() && listed != page->limit; ++next, ++listed) {
      if (listed != 0) body += ',';
      append_key(body, context_, *next);
    }
    append_list_end(body, next == keys.end() ? std::nullopt : std::optional(std::prev(next)->id));
  });
  respond_json(call.exchange, 200, body);
}

void KeyRoutes::show(const Call& call) {
  std::string body;
  const auto id = engine::parse_id("key_", call.id);
  context_.keys.with(context_.loop, [&](const KeyRing& ring) {
    const ApiKey* key = id ? ring.find(*id) : nullptr;
    if (key != nullptr) append_key(body, context_, *key);
  });
  if (!body.empty()) return respond_json(call.exchange, 200, body, {{"ETag", etag_of(kKeyVersion)}});
  respond_problem(call.exchange, call.request, kKeyNotFound.status, kKeyNotFound.code, kKeyNotFound.title,
                  kKeyNotFound.detail);
}

void KeyRoutes::remove(const Call& call) {
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  const auto condition = read_if_match(call);
  if (!condition) return;
  const auto id = engine::parse_id("key_", call.id);
  if (!id) {
    return respond_problem(call.exchange, call.request, kKeyNotFound.status, kKeyNotFound.code, kKeyNotFound.title,
                           kKeyNotFound.detail);
  }
  if (!condition->holds(kKeyVersion)) {
    return respond_problem(call.exchange, call.request, 412, "version_mismatch", "Precondition failed",
                           "the key has another version than If-Match asks for");
  }
  ChangeRequest::make<RemoveRequest>(under_way_, context_, call, std::move(*message)).start(*id);
}

}  // namespace holdfast::net
