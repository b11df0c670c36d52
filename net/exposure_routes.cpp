#include "net/exposure_routes.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>

#include "engine/exposure.h"
#include "engine/identifier.h"
#include "net/agent_scope.h"
#include "net/node_input.h"
#include "net/node_json.h"
#include "net/node_names.h"
#include "net/rfc3339.h"

namespace holdfast::net {
namespace {

using engine::ExposureNode;
using engine::Instant;
using engine::NodeExposure;
using engine::NodeIndex;
using engine::NodeProfile;

// Cards that are only thought of.
struct WhatIf {
  std::string parent;
  std::vector<engine::Limit> limits;
  std::uint32_t count = 1;
};

struct Question {
  std::string budget;
  std::string card;
  std::string until;  // empty: the end of the day
  std::vector<WhatIf> what_if;
};

// "%3A" and the like; nullopt when it is malformed. A plus is a plus: it stands in times.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    if (text.front() != '%') {
      decoded += text.front();
      text.remove_prefix(1);
      continue;
    }
    unsigned char byte = 0;
    const char* const end = text.data() + 3;
    if (text.size() < 3 || std::from_chars(text.data() + 1, end, byte, 16).ptr != end) return std::nullopt;
    decoded += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  return decoded;
}

// nullopt when the query has something else, or something twice.
std::optional<Question> read_query(std::string_view query) {
  Question question;
  const std::pair<std::string_view, std::string*> members[] = {
      {"budget=", &question.budget}, {"card=", &question.card}, {"until=", &question.until}};
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const auto* member = std::find_if(std::begin(members), std::end(members),
                                      [pair](const auto& each) { return pair.starts_with(each.first); });
    if (member == std::end(members) || !member->second->empty()) return std::nullopt;
    const auto value = percent_decoded(pair.substr(member->first.size()));
    if (!value || value->empty()) return std::nullopt;
    *member->second = *value;
  }
  return question;
}

WhatIf read_what_if(const JsonObject& object) {
  reject_unknown_members(object, {"parent", "limits", "count"});
  WhatIf read;
  read.parent = object.required_string("parent", engine::kIdBytesMax);
  if (const auto limits = object.find("limits")) read.limits = read_limits(*limits);
  read.count = static_cast<std::uint32_t>(object.optional_int64("count", 1, kWhatIfCountMax).value_or(1));
  return read;
}

Question read_body(const JsonObject& body) {
  constexpr std::size_t kTimeBytesMax = 64;
  reject_unknown_members(body, {"budget", "card", "until", "what_if"});
  Question question;
  question.budget = body.optional_string("budget", engine::kIdBytesMax).value_or(std::string_view{});
  question.card = body.optional_string("card", engine::kIdBytesMax).value_or(std::string_view{});
  question.until = body.optional_string("until", kTimeBytesMax).value_or(std::string_view{});
  if (const auto cards = body.optional_array("what_if", kWhatIfMax)) {
    cards->for_each([&](const JsonValue& each) { question.what_if.push_back(read_what_if(each.object())); });
  }
  return question;
}

// ---- The tree

// A question on its way to the loop that owns the tree, and back.
struct Inquiry {
  LoopContext& context;
  Exchange& exchange;
  std::string request_id;
  NodeIndex root = engine::kNoNode;
  Instant now;
  std::optional<Instant> until;
  std::vector<WhatIf> what_if{};
  // What cards that are only thought of would be.
  std::deque<NodeProfile> profiles{};
  std::deque<std::vector<std::uint64_t>> counters{};
  std::vector<ExposureNode> tree{};  // the budgets above the root, from the top; the root; what is below; what_if
  std::size_t above = 0;
  Problem problem{};
  std::string body{};
};
using InquiryPtr = std::shared_ptr<Inquiry>;

Problem bad_request(std::string detail) {
  return {400, "invalid_value", "Bad request", std::move(detail)};
}

// Everything real, at one time: that of the last change, should the clock have gone back since.
void collect(Inquiry& inquiry, const engine::Ledger& ledger) {
  const auto path = ledger.path_of(inquiry.root, inquiry.now);
  inquiry.now = path.now;
  inquiry.tree.clear();
  inquiry.above = path.length - 1;
  for (std::size_t i = path.length; i-- != 0;)
    inquiry.tree.push_back({inquiry.tree.empty() ? ExposureNode::kRoot : inquiry.tree.size() - 1, path.nodes[i], 1});
  for (std::size_t i = inquiry.above; i < inquiry.tree.size(); ++i) {
    const NodeIndex node = inquiry.tree[i].node.index;
    if (!engine::is_budget(node)) continue;
    for (const NodeIndex child : ledger.children_of(node)) {
      const auto below = ledger.path_of(child, inquiry.now);
      if (below.now > inquiry.now) {
        inquiry.now = below.now;
        return collect(inquiry, ledger);
      }
      inquiry.tree.push_back({i, below.nodes[0], 1});
    }
  }
}

void add_what_if(Inquiry& inquiry, const WhatIf& card, std::size_t parent) {
  const engine::PathNode& budget = inquiry.tree[parent].node;
  NodeProfile& profile = inquiry.profiles.emplace_back();
  profile.identity.currency = budget.profile->identity.currency;
  profile.settings.limits = card.limits;
  profile.layout = engine::layout_of(profile.settings);
  auto& words = inquiry.counters.emplace_back(profile.layout.words);
  for (std::size_t i = 0; i < card.limits.size(); ++i) {
    if (!card.limits[i].has_counter()) continue;
    const std::size_t size = engine::counter_words(card.limits[i]);
    engine::start_counter(engine::Words(words).subspan(profile.layout.limits[i], size), inquiry.now);
  }
  ExposureNode added{parent, {}, card.count};
  added.node.profile = &profile;
  added.node.zone = budget.zone;
  added.node.usage.roll(inquiry.now, *added.node.zone, added.node.week_start());
  added.node.counters = words;
  inquiry.tree.push_back(added);
}

// False: the problem is noted.
bool add_what_ifs(Inquiry& inquiry) {
  std::unordered_map<std::string, std::size_t> budgets;
  for (std::size_t i = inquiry.above; i < inquiry.tree.size(); ++i) {
    const engine::PathNode& node = inquiry.tree[i].node;
    if (engine::is_budget(node.index)) budgets[engine::format_id(kBudgetIdPrefix, node.profile->identity.id)] = i;
  }
  for (std::size_t i = 0; i < inquiry.what_if.size(); ++i) {
    const auto parent = budgets.find(inquiry.what_if[i].parent);
    if (parent == budgets.end()) {
      inquiry.problem = bad_request("what_if[" + std::to_string(i) + "].parent is not the budget or one below it");
      return false;
    }
    add_what_if(inquiry, inquiry.what_if[i], parent->second);
  }
  return true;
}

// The end of the root's day when nothing was asked for. False: the problem is noted.
bool set_until(Inquiry& inquiry) {
  const engine::PathNode& root = inquiry.tree[inquiry.above].node;
  if (!inquiry.until) {
    inquiry.until = engine::window_at(engine::WindowKind::day, inquiry.now, *root.zone, root.week_start()).end;
  }
  if (*inquiry.until > inquiry.now && *inquiry.until - inquiry.now <= engine::kExposureSpanMax) return true;
  inquiry.problem = bad_request("until must be in the future, by 400 days at the most");
  return false;
}

// ---- The answer

void append_amount(std::string& out, std::string_view name, std::optional<engine::Minor> amount) {
  append_name(out, name);
  amount ? append_integer(out, *amount) : void(out += "null");
}

void append_id_of(std::string& out, const engine::PathNode& node) {
  out += '"';
  engine::append_id(out, engine::is_budget(node.index) ? kBudgetIdPrefix : kCardIdPrefix, node.profile->identity.id);
  out += '"';
}

void append_figures(std::string& out, const NodeExposure& found) {
  append_amount(out, "exposure", found.most);
  append_amount(out, "own", found.own);
  append_amount(out, "held", found.held);
  append_amount(out, "posted", found.posted);
  out += '}';
}

void append_entry(std::string& out, const Inquiry& inquiry, std::size_t place, const NodeExposure& found) {
  const ExposureNode& entry = inquiry.tree[place];
  const bool real = entry.node.index != engine::kNoNode;
  out += "{\"node\":";
  real ? append_id_of(out, entry.node) : void(out += "null");
  append_name(out, "parent");
  if (entry.parent == ExposureNode::kRoot) {
    out += "null";
  } else {
    append_id_of(out, inquiry.tree[entry.parent].node);
  }
  append_name(out, "label");
  real ? append_json_string(out, entry.node.profile->settings.label) : void(out += "null");
  append_name(out, "status");
  append_json_string(out, engine::node_status_name(entry.node.profile->status));
  append_name(out, "count");
  append_integer(out, entry.copies);
  append_figures(out, found);
}

void compose(Inquiry& inquiry) {
  const auto found = engine::exposure_of(inquiry.tree, inquiry.now, *inquiry.until);
  const engine::PathNode& root = inquiry.tree[inquiry.above].node;
  std::string& out = inquiry.body;
  out = "{\"object\":\"exposure\",\"node\":";
  append_id_of(out, root);
  append_name(out, "from");
  append_time(out, inquiry.now);
  append_name(out, "until");
  append_time(out, *inquiry.until);
  append_name(out, "currency");
  append_json_string(out, engine::alpha_code(root.profile->identity.currency));
  append_name(out, "nodes_total");
  append_integer(out, static_cast<std::int64_t>(inquiry.tree.size() - inquiry.above));
  append_name(out, "nodes");
  out += '[';
  for (std::size_t i = inquiry.above; i < inquiry.tree.size(); ++i) {
    const bool real = inquiry.tree[i].node.index != engine::kNoNode;
    if (real && i - inquiry.above >= kExposureNodesMax) continue;
    if (out.back() != '[') out += ',';
    append_entry(out, inquiry, i, found[i]);
  }
  out += ']';
  // Nothing passes the root that the budgets above it do not let pass.
  NodeExposure whole = found[inquiry.above];
  whole.most = found[0].most;
  append_figures(out, whole);
}

void respond(Inquiry& inquiry) {
  const Problem& problem = inquiry.problem;
  if (problem.status == 0) return respond_json(inquiry.exchange, 200, inquiry.body);
  respond_problem(inquiry.exchange, inquiry.request_id, problem.status, problem.code, problem.title, problem.detail);
}

void ask(const InquiryPtr& inquiry) {
  LoopContext& context = inquiry->context;
  const unsigned owner = context.shards.owner_of(inquiry->root);
  context.on_loop(owner, [inquiry, owner, &context] {
    if (context.shards.owner_of(inquiry->root) != owner) return ask(inquiry);  // it has joined a tree
    collect(*inquiry, context.shards[owner].ledger);
    if (set_until(*inquiry) && add_what_ifs(*inquiry)) compose(*inquiry);
    context.on_loop(context.loop, [inquiry] { respond(*inquiry); });
  });
}

void begin(LoopContext& context, const Call& call, Question question) {
  const auto refuse = [&](std::string detail) { respond_problem(call, bad_request(std::move(detail))); };
  if (question.budget.empty() == question.card.empty()) return refuse("give one of budget and card");
  const std::optional<Instant> until = parse_rfc3339(question.until);
  if (!until && !question.until.empty()) return refuse("until must be a time as 2026-11-23T15:00:00Z");
  const bool is_card = question.budget.empty();
  const auto root = find_node(context, is_card ? question.card : question.budget);
  if (!root || engine::is_budget(*root) == is_card) {
    return respond_problem(call, {404, is_card ? "card_not_found" : "budget_not_found", "Not found",
                                  is_card ? "there is no card with this id" : "there is no budget with this id"});
  }
  if (!AgentScope(call).covers(context.shards, context.loop, *root)) return respond_problem(call, outside_scope());
  ask(std::make_shared<Inquiry>(Inquiry{context, call.exchange, std::string(call.request.id), *root,
                                        context.surroundings.now(), until, std::move(question.what_if)}));
}

}  // namespace

void ExposureRoutes::add_to(Router& router) {
  router.add(Method::get, "/api/v1/exposure", Action::read_cards, [this](const Call& call) { get(call); });
  router.add(Method::post, "/api/v1/exposure", Action::read_cards, [this](const Call& call) { post(call); });
}

void ExposureRoutes::get(const Call& call) {
  auto question = read_query(call.request.query);
  if (!question) {
    return respond_problem(call, bad_request("budget or card, and until, each once, are the only parameters"));
  }
  begin(context_, call, std::move(*question));
}

void ExposureRoutes::post(const Call& call) {
  Question question;
  if (context_.json.parse(call.request.body)) question = read_body(context_.json.object());
  if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  begin(context_, call, std::move(question));
}

}  // namespace holdfast::net
