#include "tests/integration/client_history.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

namespace holdfast::integration {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = Asked::Kind;
using Random = std::mt19937_64;

// What clients choose from lies so far back at the most: of it much is under way, or holds something still.
constexpr std::size_t kRecent = 96;

constexpr std::string_view kMerchants[] = {
    R"({"id":"m_77","name":"OpenAI","category":"5734","country":"US"})",
    R"({"id":"m_12","name":"Hotel Polder","category":"7011","country":"NL"})",
    R"({"id":"m_31","name":"Teller","category":"6011","country":"US"})",
};

constexpr std::string_view kLimitsOfCards[] = {
    R"("limits":[{"amount":30000,"window":"lifetime"},{"count":40,"window":"hour"}])",
    R"("limits":[{"amount":1200,"window":"authorization"},{"amount":25000,"window":"day"}])",
    R"("limits":[{"amount":9000,"rolling":60},{"amount":40000,"window":"month"}])",
    R"("limits":[{"amount":6000,"window":"lifetime","categories":["7011"]},{"count":30,"rolling":120}])",
    R"("controls":{"blocked_categories":["6011"],"partial_approval":false})",
    R"("controls":{"merchant_lock":"first_use"})",
    R"("controls":{"loop_breaker":{"declines":5,"seconds":2,"cooldown_seconds":1}})",
    R"("controls":null)",
};

constexpr std::string_view kLimitsOfBudgets[] = {
    R"("limits":[{"amount":20000,"window":"day"}])",
    R"("limits":[{"amount":15000,"window":"lifetime"},{"count":100,"window":"hour"}])",
    R"("limits":[{"amount":9000,"rolling":60},{"amount":30000,"window":"year"}])",
    R"("refunds_restore":true)",
    R"("refunds_restore":false)",
};

template <class Range>
const auto& any_of(const Range& range, Random& random) {
  return range[random() % std::size(range)];
}

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::string make_budget(HttpClient& client, const std::string& members) {
  const HttpAnswer answer = client.post("/api/v1/budgets", R"({"label":"of a history",)" + members + "}");
  if (answer.status != 201) throw std::runtime_error("no budget: " + answer.body);
  return json_text(answer.body, "/id");
}

std::string make_card_with(HttpClient& client, const std::string& members) {
  return json_text(make_card_from(client, R"({"label":"of a history",)" + members + "}"), "/id");
}

struct Approved {
  std::string authorization;
  std::string card;
};

// What all clients know.
class Knowledge {
 public:
  void add(std::shared_ptr<const Asked> asked) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(asked));
  }
  void add(Approved approved) {
    const std::lock_guard lock(mutex_);
    approved_.push_back(std::move(approved));
  }
  std::shared_ptr<const Asked> any_asked(Random& random) {
    const std::lock_guard lock(mutex_);
    return asked_.empty() ? nullptr : recent(asked_, random);
  }
  std::optional<Approved> any_approved(Random& random) {
    const std::lock_guard lock(mutex_);
    return approved_.empty() ? std::nullopt : std::optional(recent(approved_, random));
  }

 private:
  template <class T>
  static const T& recent(const std::vector<T>& all, Random& random) {
    return all[all.size() - 1 - random() % std::min(all.size(), kRecent)];
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<const Asked>> asked_;
  std::vector<Approved> approved_;
};

class Client {
 public:
  Client(const ClientPlan& plan, unsigned number, const Cards& cards, Knowledge& knowledge)
      : plan_(plan), name_("c" + std::to_string(number) + "-"), cards_(cards), knowledge_(knowledge) {
    random_.seed(plan.seed * 1'000 + number);
  }

  void run() {
    try {
      HttpClient http(plan_.port, kAdminKey);
      for (unsigned i = 0; i < plan_.requests; ++i)
        deliver(http, next());
    } catch (const ConnectionLost&) {
      // The request that was under way is in the deliveries, without an answer.
    }
  }

  Deliveries take() { return std::move(deliveries_); }

 private:
  void deliver(HttpClient& http, const std::shared_ptr<const Asked>& asked) {
    Headers headers;
    if (asked->kind == Kind::change) headers.push_back({"Idempotency-Key", asked->message});
    deliveries_.push_back({asked, Clock::now(), {}, 0, {}});
    Delivery& delivery = deliveries_.back();
    HttpAnswer answer = http.call(asked->method, asked->path, asked->body, headers);
    delivery.answered_at = Clock::now();
    delivery.status = answer.status;
    delivery.answer = std::move(answer.body);
    if (asked->kind == Kind::authorize && delivery.status == 200 && json_flag(delivery.answer, "/approved")) {
      knowledge_.add({asked->authorization, asked->card});
    }
  }

  std::shared_ptr<const Asked> next() {
    const auto dice = random_() % 100;
    if (dice >= 95) {
      if (auto again = knowledge_.any_asked(random_)) return again;
    }
    auto asked = std::make_shared<const Asked>(fresh(dice));
    knowledge_.add(asked);
    return asked;
  }

  Asked fresh(std::uint64_t dice) {
    constexpr std::pair<std::uint64_t, Kind> kSteps[] = {{8, Kind::increment}, {20, Kind::capture},
                                                         {31, Kind::reverse},  {33, Kind::expire},
                                                         {38, Kind::refund},   {40, Kind::reverse_refund}};
    if (dice < 6) return change();
    if (dice < 8) return posting();
    for (const auto& [below, kind] : kSteps) {
      const auto about = dice - 8 < below ? knowledge_.any_approved(random_) : std::nullopt;
      if (about) return step(kind, *about);
    }
    return authorization();
  }

  std::string new_id() { return name_ + std::to_string(++asked_); }
  std::int64_t amount(std::int64_t most) {
    return static_cast<std::int64_t>(1 + random_() % static_cast<std::uint64_t>(most));
  }
  const std::string& any_card() {
    const auto dice = random_() % 10;
    return any_of(dice < 4 ? cards_.steady : dice < 8 ? cards_.moving : cards_.changing, random_);
  }

  std::string money_members(const Asked& asked) {
    return R"({"id":)" + in_quotes(asked.message) + R"(,"card":)" + in_quotes(asked.card) + R"(,"amount":)" +
           std::to_string(asked.amount) + R"(,"currency":"USD","merchant":)" + std::string(any_of(kMerchants, random_));
  }

  Asked authorization() {
    Asked asked;
    asked.message = asked.authorization = new_id();
    asked.path = "/api/v1/authorizations";
    asked.card = any_card();
    asked.amount = amount(1'500);
    asked.partial = random_() % 4 == 0;
    asked.body = money_members(asked) + (asked.partial ? R"(,"partial_approval":true})" : "}");
    return asked;
  }

  Asked posting() {
    Asked asked;
    asked.kind = Kind::post;
    asked.message = asked.authorization = new_id();
    asked.path = "/api/v1/postings";
    asked.card = any_card();
    asked.amount = amount(300);
    asked.body = money_members(asked) + "}";
    return asked;
  }

  Asked step(Kind kind, const Approved& about) {
    Asked asked;
    asked.kind = kind;
    asked.message = new_id();
    asked.card = about.card;
    asked.authorization = about.authorization;
    asked.path = "/api/v1/authorizations/" + about.authorization + "/" + std::string(step_name(kind));
    asked.body = R"({"id":)" + in_quotes(asked.message);
    const bool all = kind == Kind::expire || (kind != Kind::increment && random_() % 2 == 0);
    if (!all) asked.amount = amount(800);
    if (!all) asked.body += R"(,"amount":)" + std::to_string(asked.amount);
    asked.final_capture = kind != Kind::capture || random_() % 2 == 0;
    if (!asked.final_capture) asked.body += R"(,"final":false)";
    asked.body += '}';
    return asked;
  }

  static std::string_view step_name(Kind kind) {
    switch (kind) {
      case Kind::increment:
        return "increment";
      case Kind::capture:
        return "capture";
      case Kind::reverse:
        return "reverse";
      case Kind::refund:
        return "refund";
      case Kind::reverse_refund:
        return "reverse_refund";
      default:
        return "expire";
    }
  }

  // For each that is told to freeze three are told to unfreeze, so that most can be spent with.
  Asked change() {
    Asked asked;
    asked.kind = Kind::change;
    asked.message = new_id();
    asked.method = "PATCH";
    const auto dice = random_() % 12;
    if (dice < 5) {
      const auto to = random_() % (cards_.budgets.size() + 1);
      asked.path = "/api/v1/cards/" + any_of(cards_.moving, random_);
      asked.body = R"({"budget":)" + (to == cards_.budgets.size() ? "null" : in_quotes(cards_.budgets[to])) + "}";
    } else if (dice < 7) {
      asked.path = "/api/v1/cards/" + any_of(cards_.changing, random_);
      asked.body = "{" + std::string(any_of(kLimitsOfCards, random_)) + "}";
    } else if (dice < 8) {
      asked.path = "/api/v1/budgets/" + any_of(cards_.budgets, random_);
      asked.body = "{" + std::string(any_of(kLimitsOfBudgets, random_)) + "}";
    } else {
      asked.method = "POST";
      asked.path = random_() % 4 == 0
                       ? "/api/v1/budgets/" + any_of(cards_.budgets, random_)
                       : "/api/v1/cards/" + any_of(random_() % 2 == 0 ? cards_.moving : cards_.changing, random_);
      asked.path += dice == 8 ? "/freeze" : "/unfreeze";
    }
    return asked;
  }

  const ClientPlan& plan_;
  const std::string name_;
  const Cards& cards_;
  Knowledge& knowledge_;
  Random random_;
  unsigned asked_ = 0;
  Deliveries deliveries_;
};

}  // namespace

Cards::Cards(HttpClient& client) {
  const auto budget = [&](const std::string& members) {
    budgets.push_back(make_budget(client, members));
    return budgets.back();
  };
  const std::string company = budget(R"("time_zone":"America/New_York","limits":[{"amount":16000,"window":"day"}])");
  const std::string team =
      budget(R"("parent":)" + in_quotes(company) + R"(,"limits":[{"amount":10000,"window":"week"}])");
  budget(R"("parent":)" + in_quotes(team) + R"(,"refunds_restore":true,"limits":[{"amount":6000,"rolling":3600}])");
  budget(R"("limits":[{"count":150,"window":"lifetime"},{"amount":7000,"window":"lifetime","categories":["5734"]}])");
  for (const std::string& each : budgets)
    moving.push_back(
        make_card_with(client, R"("budget":)" + in_quotes(each) + R"(,"limits":[{"amount":25000,"window":"day"}])"));
  moving.push_back(make_card_with(client, R"("refunds_restore":true,"limits":[{"amount":12000,"window":"lifetime"}])"));
  moving.push_back(
      make_card_with(client, R"("time_zone":"Asia/Kolkata","limits":[{"amount":12000,"window":"month"}])"));
  for (const std::size_t number : {0U, 1U, 3U})
    changing.push_back(make_card_with(client, std::string(kLimitsOfCards[number])));
  for (int i = 0; i < 6; ++i)
    steady.push_back(make_card(client, kSteadyLimit));
}

Deliveries run_clients(const ClientPlan& plan, const Cards& cards) {
  Knowledge knowledge;
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned number = 0; number < plan.clients; ++number)
    clients.push_back(std::make_unique<Client>(plan, number, cards, knowledge));
  std::vector<std::thread> threads;
  threads.reserve(clients.size());
  for (const auto& client : clients)
    threads.emplace_back([&each = *client] { each.run(); });
  for (std::thread& thread : threads)
    thread.join();
  Deliveries all;
  for (const auto& client : clients) {
    Deliveries some = client->take();
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace holdfast::integration
