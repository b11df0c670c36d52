#include "net/budget_routes.h"

#include "net/budget_input.h"

namespace holdfast::net {
namespace {

using engine::Command;
using engine::NodeIndex;

class BudgetCreationRequest final : public NodeCreation {
 public:
  using NodeCreation::NodeCreation;

  void start(BudgetCreation creation) {
    launch_behind(creation.zone,
                  engine::CreateNode{node_, new_identity(creation.currency), std::move(creation.settings)});
  }

  bool prepare(Command& command, unsigned) override {
    const auto& creation = std::get<engine::CreateNode>(command);
    if (!is_open(creation.settings.parent)) return false;
    if (context_.shards.enter_names(node_, creation.identity)) return true;
    return reject({503, "id_taken", "Id taken", "the id that was made for the budget is taken; ask again"});
  }
};

class BudgetPatchRequest final : public NodeUpdate {
 public:
  using NodeUpdate::NodeUpdate;

  void start(BudgetPatch patch) {
    patch_ = std::move(patch);
    launch_behind(patch_.node.zone, engine::ChangeNode{node_, {}});
  }

  bool prepare(Command& command, unsigned loop) override {
    if (!is_in_scope(loop) || !has_version()) return false;
    if (profile().status == engine::NodeStatus::closed) return reject_closed();
    engine::NodeSettings& settings = std::get<engine::ChangeNode>(command).settings;
    settings = profile().settings;
    const auto fault = apply(patch_, profile().identity, settings);
    return fault ? reject_fault(fault->member, fault->detail) : may_become(settings);
  }

 private:
  BudgetPatch patch_;
};

}  // namespace

BudgetRoutes::BudgetRoutes(LoopContext& context)
    : NodeRoutes(context, context.shards.nodes().budgets, kind_of(engine::kBudgetBit)) {}

void BudgetRoutes::add_to(Router& router) {
  const auto status = [this](engine::NodeStatus wanted) {
    return [this, wanted](const Call& call) { set_status(call, wanted); };
  };
  router.add(Method::post, "/api/v1/budgets", Action::create_cards, [this](const Call& call) { create(call); });
  router.add(Method::get, "/api/v1/budgets", Action::read_cards, [this](const Call& call) { list(call); });
  router.add(Method::get, "/api/v1/budgets/{id}", Action::read_cards, [this](const Call& call) { show(call); });
  router.add(Method::patch, "/api/v1/budgets/{id}", Action::tighten_cards, [this](const Call& call) { patch(call); });
  router.add(Method::post, "/api/v1/budgets/{id}/freeze", Action::tighten_cards, status(engine::NodeStatus::frozen));
  router.add(Method::post, "/api/v1/budgets/{id}/unfreeze", Action::change_cards, status(engine::NodeStatus::active));
  router.add(Method::post, "/api/v1/budgets/{id}/close", Action::change_cards, status(engine::NodeStatus::closed));
}

void BudgetRoutes::create(const Call& call) {
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  BudgetCreation creation;
  if (context_.json.parse(call.request.body)) creation = read_budget_creation(context_.json, lookups_);
  if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  const NodeIndex budget = allocate(call);
  if (budget == engine::kNoNode) return;
  ChangeRequest::make<BudgetCreationRequest>(under_way_, context_, call, std::move(*message), budget, durable_zones_)
      .start(std::move(creation));
}

void BudgetRoutes::patch(const Call& call) {
  const NodeIndex budget = find(call);
  if (budget == engine::kNoNode) return;
  auto message = read_message(call, context_.shards.hasher());
  if (!message) return;
  const auto condition = read_if_match(call);
  if (!condition) return;
  BudgetPatch patch;
  if (context_.json.parse(call.request.body)) patch = read_budget_patch(context_.json, lookups_);
  if (!context_.json.ok()) return respond_json_error(call.exchange, call.request, context_.json.error());
  if (!may_patch(call)) return;
  ChangeRequest::make<BudgetPatchRequest>(under_way_, context_, call, std::move(*message), budget, durable_zones_,
                                          *condition)
      .start(std::move(patch));
}

}  // namespace holdfast::net
