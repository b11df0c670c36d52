// Each reason for a decline, and what each message does to the card and to every budget above it: through the native
// interface, and the same after a kill.
#include "tests/integration/api.h"

namespace holdfast::integration {
namespace {

// What a message is to do to held and posted of the card and its budget; the rest of its answer is the same words.
struct Effect {
  std::string call;  // "authorize", "post", or a step of the authorization
  std::string body;  // members beside the message's id
  std::string outcome;
  std::string figures;  // held and posted of the card, then of the budget
};

struct Story {
  std::string name;
  std::string card;  // members of the card beside those that all have
  std::vector<Effect> effects;
};

// Semantics, "What each message does". A card at 1000, under a budget.
const std::vector<Story> kStories = {
    {"an approval holds", "", {{"authorize", R"("amount":600)", "pending", "600 0 600 0"}}},
    {"a decline changes nothing", "", {{"authorize", R"("amount":1001)", "declined", "0 0 0 0"}}},
    {"a verification holds nothing", "", {{"authorize", R"("amount":0)", "closed", "0 0 0 0"}}},
    {"an increment is checked again",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"increment", R"("amount":401)", "card_limit", "600 0 600 0"},
      {"increment", R"("amount":400)", "pending", "1000 0 1000 0"}}},
    {"a partial approval holds what is left",
     "",
     {{"authorize", R"("amount":1600,"partial_approval":true)", "pending", "1000 0 1000 0"}}},
    {"a reversal gives back",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"reverse", R"("amount":200)", "pending", "400 0 400 0"},
      {"reverse", R"("amount":900)", "reversed", "0 0 0 0"}}},
    {"an expiry releases the rest",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"capture", R"("amount":100,"final":false)", "pending", "500 100 500 100"},
      {"expire", "", "closed", "0 100 0 100"}}},
    {"a final capture releases the rest",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"capture", R"("amount":450)", "closed", "0 450 0 450"}}},
    {"captures that are not final",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"capture", R"("amount":450,"final":false)", "pending", "150 450 150 450"},
      {"capture", R"("amount":200,"final":false)", "closed over_capture", "0 650 0 650"}}},
    {"a capture of more is posted in full",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"capture", R"("amount":1300)", "closed over_capture over_limit", "0 1300 0 1300"},
      {"authorize", R"("amount":1)", "declined", "0 1300 0 1300"}}},
    {"a capture after the end is forced",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"reverse", "", "reversed", "0 0 0 0"},
      {"capture", R"("amount":300)", "closed forced", "0 300 0 300"}}},
    {"a posting needs no authorization",
     "",
     {{"post", R"("amount":1100)", "closed forced over_limit", "0 1100 0 1100"}}},
    {"a refund re-arms nobody",
     "",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"capture", "", "closed", "0 600 0 600"},
      {"refund", R"("amount":250)", "closed", "0 600 0 600"}}},
    {"a refund restores where it may, and its reversal undoes just that",
     R"("refunds_restore":true,)",
     {{"authorize", R"("amount":600)", "pending", "600 0 600 0"},
      {"capture", "", "closed", "0 600 0 600"},
      {"refund", R"("amount":250)", "closed", "0 350 0 600"},
      {"reverse_refund", R"("amount":100)", "closed", "0 450 0 600"},
      {"reverse_refund", "", "closed", "0 600 0 600"}}},
};

std::string make_budget(HttpClient& client, std::string_view members) {
  const HttpAnswer answer = client.post("/api/v1/budgets", R"({"label":"of a test")" + std::string(members) + "}");
  EXPECT_EQ(answer.status, 201) << answer.body;
  return json_text(answer.body, "/id");
}

std::string figures_of(HttpClient& client, const std::string& path) {
  const std::string body = client.get(path).body;
  return std::to_string(json_integer(body, "/limits/0/held")) + ' ' +
         std::to_string(json_integer(body, "/limits/0/posted"));
}

// One story on a card of its own.
class Telling {
 public:
  Telling(HttpClient& client, const Story& story, std::size_t number) : story_(story), number_(std::to_string(number)) {
    budget_ = make_budget(client, R"(,"limits":[{"amount":5000,"window":"lifetime"}])");
    card_ = json_text(make_card_from(client, R"({"label":"of a test",)" + story.card + R"("budget":")" + budget_ +
                                                 R"(","limits":[{"amount":1000,"window":"lifetime"}]})"),
                      "/id");
  }

  void tell(HttpClient& client) {
    for (std::size_t i = 0; i < story_.effects.size(); ++i) {
      const Effect& effect = story_.effects[i];
      const HttpAnswer answer = send(client, i);
      EXPECT_EQ(answer.status, 200) << answer.body;
      EXPECT_EQ(outcome_of(effect, answer.body), effect.outcome) << story_.name << ", message " << i;
      EXPECT_EQ(figures(client), effect.figures) << story_.name << ", message " << i;
      answers_.push_back(answer.body);
    }
  }
  // Everything is as the story left it, and each message is answered as before.
  void expect_kept(HttpClient& client) const {
    EXPECT_EQ(figures(client), story_.effects.back().figures) << story_.name;
    for (std::size_t i = 0; i < answers_.size(); ++i)
      EXPECT_EQ(send(client, i).body, answers_[i]) << story_.name << ", message " << i;
    EXPECT_EQ(figures(client), story_.effects.back().figures) << story_.name;
  }

 private:
  std::string figures(HttpClient& client) const {
    return figures_of(client, "/api/v1/cards/" + card_) + ' ' + figures_of(client, "/api/v1/budgets/" + budget_);
  }
  // The first message of the story names the authorization.
  std::string authorization() const { return "story-" + number_ + "-0"; }
  HttpAnswer send(HttpClient& client, std::size_t i) const {
    const Effect& effect = story_.effects[i];
    std::string body = R"({"id":"story-)" + number_ + '-' + std::to_string(i) + '"';
    if (effect.call == "authorize" || effect.call == "post") {
      body += R"(,"card":")" + card_ + R"(","currency":"USD","merchant":{"id":"m_77","category":"5734"})";
    }
    if (!effect.body.empty()) body += ',' + effect.body;
    body += '}';
    if (effect.call == "authorize") return client.post("/api/v1/authorizations", body);
    if (effect.call == "post") return client.post("/api/v1/postings", body);
    return client.post("/api/v1/authorizations/" + authorization() + '/' + effect.call, body);
  }
  static std::string outcome_of(const Effect& effect, const std::string& answer) {
    if (effect.call == "increment" && !json_flag(answer, "/approved")) return json_text(answer, "/decline_reason");
    std::string outcome = json_text(answer, "/status");
    if (effect.call == "authorize" || effect.call == "increment") return outcome;
    for (const std::string flag : {"forced", "over_capture", "over_limit"})
      if (json_flag(answer, "/" + flag)) outcome += ' ' + flag;
    return outcome;
  }

  const Story& story_;
  const std::string number_;
  std::string budget_;
  std::string card_;
  std::vector<std::string> answers_;
};

TEST(Effects, AreThoseOfTheTableAndOutliveAKill) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", "2"}});
  std::vector<Telling> tellings;
  {
    HttpClient client(daemon->port(), kAdminKey);
    for (const Story& story : kStories) {
      tellings.emplace_back(client, story, tellings.size());
      tellings.back().tell(client);
    }
  }
  daemon->kill();
  EXPECT_EQ(sandbox.verify(), "");
  daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", "3"}});
  HttpClient client(daemon->port(), kAdminKey);
  for (const Telling& telling : tellings)
    telling.expect_kept(client);
}

// ---- Reasons

struct Declined {
  std::string reason;
  std::string card;    // its members, beside the label
  std::string status;  // "freeze" or "close", when the card is to be so
  std::string asked;   // members of the request that are not the usual ones
  int approvals = 0;   // of 10 before, which leave room for nothing more
};

// In the order of the checks; of each the only cause is its own.
const std::vector<Declined> kDeclined = {
    {"card_closed", R"("limit_usd":10)", "close", "", 0},
    {"card_expired", R"("limit_usd":10,"expires_at":"2026-01-01T00:00:00Z")", "", "", 0},
    {"card_frozen", R"("limit_usd":10)", "freeze", "", 0},
    {"currency_mismatch", R"("limit_usd":10)", "", R"("currency":"EUR")", 0},
    {"merchant_not_allowed", R"("controls":{"blocked_merchants":["m_77"]})", "", "", 0},
    {"category_not_allowed", R"("controls":{"allowed_categories":["4111"]})", "", "", 0},
    {"country_not_allowed", R"("controls":{"blocked_countries":["US"]})", "", "", 0},
    {"authorization_limit", R"("limits":[{"amount":9,"window":"authorization"}])", "", "", 0},
    {"count_limit", R"("limits":[{"count":2,"window":"lifetime"}])", "", "", 2},
    {"card_limit", R"("limits":[{"amount":25,"window":"lifetime"}])", "", "", 2},
};

HttpAnswer ask(HttpClient& client, const std::string& id, const std::string& card, const std::string& other) {
  std::string body = R"({"id":")" + id + R"(","card":")" + card + R"(","amount":10,)";
  body += other.empty() ? R"("currency":"USD")" : other;
  return client.post("/api/v1/authorizations",
                     body + R"(,"merchant":{"id":"m_77","name":"OpenAI","category":"5734","country":"US"}})");
}

// The history of the authorization says why, too.
void expect_declined(HttpClient& client, const std::string& id, const HttpAnswer& answer, const std::string& reason) {
  EXPECT_EQ(decline_reason(answer), reason);
  const std::string shown = client.get("/api/v1/authorizations/" + id).body;
  EXPECT_EQ(json_text(shown, "/status"), "declined") << reason;
  EXPECT_EQ(json_text(shown, "/history/0/decline_reason"), reason);
}

TEST(Reasons, AreGivenEachForItsOwnCauseAndAgainAfterAKill) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox);
  std::vector<std::pair<std::string, std::string>> asked;  // card and answer
  {
    HttpClient client(daemon->port(), kAdminKey);
    for (const Declined& each : kDeclined) {
      const std::string card = json_text(make_card_from(client, R"({"label":"x",)" + each.card + "}"), "/id");
      for (int i = 0; i < each.approvals; ++i)
        EXPECT_TRUE(approved(ask(client, each.reason + "-before-" + std::to_string(i), card, "")));
      if (!each.status.empty()) {
        EXPECT_EQ(client.post("/api/v1/cards/" + card + '/' + each.status, "").status, 200);
      }
      const HttpAnswer answer = ask(client, each.reason, card, each.asked);
      expect_declined(client, each.reason, answer, each.reason);
      asked.emplace_back(card, answer.body);
    }
  }
  daemon->kill();
  EXPECT_EQ(sandbox.verify(), "");
  daemon = start_daemon(sandbox);
  HttpClient client(daemon->port(), kAdminKey);
  for (std::size_t i = 0; i < kDeclined.size(); ++i) {
    const Declined& each = kDeclined[i];
    EXPECT_EQ(ask(client, each.reason, asked[i].first, each.asked).body, asked[i].second) << each.reason;
    expect_declined(client, each.reason + "-again", ask(client, each.reason + "-again", asked[i].first, each.asked),
                    each.reason);
  }
}

TEST(Reasons, OfACardThatIsNotThereAndOfWhatTheCardholderGave) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox);
  HttpClient client(daemon->port(), kAdminKey);
  EXPECT_EQ(decline_reason(ask(client, "nobody", "card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C", "")), "card_not_found");
  const std::string made = make_card_from(client, R"({"label":"x","limit_usd":10})");
  const std::string cvv = json_text(made, "/cvv") == "123" ? "124" : "123";
  const HttpAnswer wrong =
      client.post("/api/v1/authorizations", R"({"id":"wrong-cvv","number":")" + json_text(made, "/number") +
                                                R"(","cvv":")" + cvv + R"(","amount":10,"currency":"USD"})");
  EXPECT_EQ(decline_reason(wrong), "verification_failed");
}

TEST(Reasons, OfABudgetNameIt) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox);
  HttpClient client(daemon->port(), kAdminKey);
  const std::string budget = make_budget(client, R"(,"limits":[{"amount":15,"window":"lifetime"}])");
  const std::string card =
      json_text(make_card_from(client, R"({"label":"x","limits":[],"budget":")" + budget + "\"}"), "/id");
  EXPECT_TRUE(approved(ask(client, "first", card, "")));
  const HttpAnswer second = ask(client, "second", card, "");
  EXPECT_EQ(decline_reason(second), "budget_limit");
  EXPECT_EQ(json_text(second.body, "/declined_by/node"), budget);
  EXPECT_EQ(json_integer(second.body, "/would_approve"), 5);
}

TEST(Reasons, OfALoopBreakerSayUntilWhen) {
  Sandbox sandbox;
  auto daemon = start_daemon(sandbox);
  std::string card;
  {
    HttpClient client(daemon->port(), kAdminKey);
    card = json_text(
        make_card_from(client, R"({"label":"x","limits":[{"amount":9,"window":"authorization"}],)"
                               R"("controls":{"loop_breaker":{"declines":2,"seconds":3600,"cooldown_seconds":3600}}})"),
        "/id");
    EXPECT_EQ(decline_reason(ask(client, "first", card, "")), "authorization_limit");
    EXPECT_EQ(decline_reason(ask(client, "second", card, "")), "authorization_limit");
    EXPECT_EQ(decline_reason(ask(client, "third", card, "")), "loop_breaker");
  }
  daemon->kill();
  daemon = start_daemon(sandbox);
  HttpClient client(daemon->port(), kAdminKey);
  const HttpAnswer fourth = ask(client, "fourth", card, "");
  EXPECT_EQ(decline_reason(fourth), "loop_breaker") << "it stays tripped";
  EXPECT_NE(json_text(fourth.body, "/retry_after"), "");
}

}  // namespace
}  // namespace holdfast::integration
