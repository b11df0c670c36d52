// Ten agents at $50 a day under a team at $300 a day, whose 64 connections spend all the time while days end: whatever
// the length of a day is, exactly $300 are approved on it.
#include <array>
#include <chrono>
#include <random>

#include "tests/integration/api.h"
#include "tests/integration/load.h"

namespace holdfast::integration {
namespace {

constexpr std::size_t kAgents = 10;
constexpr std::size_t kBigSpenders = 3;  // of them
constexpr std::int64_t kAgentDay = 5'000;
constexpr std::int64_t kTeamDay = 30'000;
// Fewer requests where a sanitizer slows them. The last divides both limits: all of them can be spent.
constexpr std::int64_t kAmountUnit = HOLDFAST_TESTS_SLOWED ? 50 : 10;
constexpr std::int64_t kAmounts[] = {17 * kAmountUnit, 9 * kAmountUnit, 4 * kAmountUnit, kAmountUnit};
constexpr std::size_t kRequestsMax = 40'000;  // after so many a day will not become full any more
constexpr std::size_t kDeclinesAtTheEnd = 200;
// The clock is set to so long before the end of a day that is spent, and gets over it while requests are under way.
constexpr std::chrono::milliseconds kBeforeMidnight{40};

// Three days by their limits, written down from a calendar: a day is from one to the next. The second is the one that
// the zone is chosen for.
struct Days {
  const char* name;
  const char* zone;
  std::array<const char*, 4> limits;
};
constexpr Days kDays[] = {
    {"Utc",
     "UTC",
     {"2050-06-14T00:00:00.000Z", "2050-06-15T00:00:00.000Z", "2050-06-16T00:00:00.000Z", "2050-06-17T00:00:00.000Z"}},
    {"NewYorkDayOf23Hours",
     "America/New_York",
     {"2050-03-12T05:00:00.000Z", "2050-03-13T05:00:00.000Z", "2050-03-14T04:00:00.000Z", "2050-03-15T04:00:00.000Z"}},
    {"NewYorkDayOf25Hours",
     "America/New_York",
     {"2050-11-05T04:00:00.000Z", "2050-11-06T04:00:00.000Z", "2050-11-07T05:00:00.000Z", "2050-11-08T05:00:00.000Z"}},
};

std::chrono::sys_time<std::chrono::nanoseconds> instant(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t size) { return std::stoi(std::string(text.substr(at, size))); };
  const auto day = std::chrono::year(number(0, 4)) / number(5, 2) / number(8, 2);
  return std::chrono::sys_days(day) + std::chrono::hours(number(11, 2));
}

// The clock of a daemon, seen by the days that it is in.
class Calendar {
 public:
  Calendar(DaemonProcess& daemon, const Days& days) : faults_(daemon.faults()), days_(days) {
    faults_->set_clock(instant(days.limits[0]) + std::chrono::hours(9));
  }
  // By the number of the day, from 0.
  const char* end_of(std::size_t day) const { return days_.limits[day + 1]; }
  void go_to_end_of(std::size_t day) { faults_->set_clock(instant(end_of(day)) - kBeforeMidnight); }

 private:
  const std::shared_ptr<faults::FaultControl> faults_;
  const Days& days_;
};

struct Team {
  Team(HttpClient& client, const Days& days) {
    const std::string zone = days.zone;
    const HttpAnswer made = client.post("/api/v1/budgets", R"({"label":"team","time_zone":")" + zone +
                                                               R"(","limits":[{"amount":30000,"window":"day"}]})");
    if (made.status != 201) throw std::runtime_error("no budget: " + made.body);
    budget = json_text(made.body, "/id");
    for (std::string& agent : agents) {
      agent = json_text(make_card_from(client, R"({"label":"agent","budget":")" + budget +
                                                   R"(","limits":[{"amount":5000,"window":"day"}]})"),
                        "/id");
    }
  }
  std::string budget;
  std::array<std::string, kAgents> agents;
};

// What comes next for one of the 64 connections. When a day is spent the clock goes to its end, and the requests go on.
class Spending {
 public:
  Spending(DaemonProcess& daemon, const Team& team, Calendar& calendar)
      : watcher_(daemon.port(), kAdminKey), team_(team), calendar_(calendar) {}

  std::optional<Order> next() {
    if (turn_ == kRequestsMax || left_ == 0) return std::nullopt;
    if (is_over()) --left_;
    if (day_ < 3 && turn_ % 64 == 63 && is_spent()) end_day();
    ++turn_;
    // Some spend more than others, so that both kinds of limits are reached.
    const std::size_t among = random_() % 2 == 0 ? kBigSpenders : kAgents;
    const std::string& agent = team_.agents[random_() % among];
    const std::int64_t amount = kAmounts[random_() % std::size(kAmounts)];
    std::string id = ids_.next();
    std::string text = authorization_request(id, agent, amount);
    agents_[id] = &agent;
    return Order{std::move(id), amount, std::move(text)};
  }
  bool is_over() const { return day_ == 3; }
  const std::string& agent_of(const std::string& id) const { return *agents_.at(id); }

 private:
  bool is_spent() {
    const std::string shown = watcher_.get("/api/v1/budgets/" + team_.budget).body;
    return json_text(shown, "/limits/0/resets_at") == calendar_.end_of(day_) &&
           json_integer(shown, "/limits/0/remaining") == 0;
  }
  void end_day() {
    if (++day_ < 3) calendar_.go_to_end_of(day_ - 1);
  }

  HttpClient watcher_;
  const Team& team_;
  Calendar& calendar_;
  std::minstd_rand random_;
  Ids ids_{"spend-"};
  std::map<std::string, const std::string*> agents_;
  std::size_t turn_ = 0;
  std::size_t day_ = 0;
  std::size_t left_ = kDeclinesAtTheEnd;
};

// By the day's end: what all were approved, and each agent.
struct Spent {
  std::int64_t team = 0;
  std::map<std::string, std::int64_t> agents;
  std::map<std::string, std::size_t> declines;  // by their reason
};

class Midnight : public testing::TestWithParam<Days> {
 protected:
  // The day on which an answer says that it was decided.
  static std::size_t day_of(const std::string& answer) {
    const std::string at = json_text(answer, "/decided_at");
    for (std::size_t day = 0; day < 3; ++day) {
      if (at >= GetParam().limits[day] && at < GetParam().limits[day + 1]) return day;
    }
    ADD_FAILURE() << "decided on none of the days: " << answer;
    return 0;
  }

  static std::array<Spent, 3> by_day(const LoadLog& log, const Spending& spending) {
    std::array<Spent, 3> days;
    for (const Sent& sent : log.sent) {
      if (sent.status != 200) {
        ADD_FAILURE() << sent.id << " " << sent.answer;
        continue;
      }
      Spent& day = days[day_of(sent.answer)];
      const std::int64_t amount = approved_amount(sent.answer);
      day.team += amount;
      day.agents[spending.agent_of(sent.id)] += amount;
      if (amount == 0) ++day.declines[json_text(sent.answer, "/decline_reason")];
    }
    return days;
  }
};

TEST_P(Midnight, GivesEachDayExactlyWhatTheTeamMaySpendInADay) {
  Sandbox sandbox;
  const auto daemon = start_daemon(sandbox, {{"HOLDFAST_SERVER_THREADS", "2"}}, DaemonProcess::Faults::shim);
  Calendar calendar(*daemon, GetParam());
  HttpClient client(daemon->port(), kAdminKey);
  const Team team(client, GetParam());
  Spending spending(*daemon, team, calendar);
  LoadPlan plan;
  plan.port = daemon->port();
  plan.connections = 64;
  plan.next = [&] { return spending.next(); };
  const LoadLog log = Load(std::move(plan)).finish();

  ASSERT_TRUE(spending.is_over()) << "a day did not become full in " << log.sent.size() << " requests";
  for (const Spent& day : by_day(log, spending)) {
    EXPECT_EQ(day.team, kTeamDay);
    EXPECT_EQ(day.declines.size(), 2U) << "by limits of agents and by the team's";
    EXPECT_GT(day.declines.at("budget_limit"), 0U);
    for (const auto& [agent, spent] : day.agents)
      EXPECT_LE(spent, kAgentDay);
  }
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_EQ(sandbox.verify(), "");
}

INSTANTIATE_TEST_SUITE_P(Days, Midnight, testing::ValuesIn(kDays),
                         [](const testing::TestParamInfo<Days>& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace holdfast::integration
