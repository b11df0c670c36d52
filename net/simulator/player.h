// Plays scenarios: makes their cards, sends what happens to their payments, and compares answers and balances with what
// they have to be.
//
// Threads: one at a time; steps that are to happen at once have threads of their own, which end with the step.
// Invariants: every run names its cards and messages anew, so that it can be played again against the same target.
// Errors: Unplayable, Unreachable. A deviation is no error but a row that is not ok.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/simulator/holders.h"
#include "net/simulator/lane.h"
#include "net/simulator/scenario.h"
#include "net/simulator/wire_form.h"

namespace holdfast::net::simulator {

struct PlaySettings {
  engine::Processor kind = engine::Processor::native;
  Url target;
  std::string path;  // of the endpoint; empty with the native interface
  Credentials credentials;
  std::optional<Holders::Access> api;        // makes cards and looks at balances
  std::string endpoint;                      // name of it, that cards are bound to
  std::map<std::string, std::string> cards;  // the processor's ids of cards that are there, by the scenario's names
  Chaos chaos;
  std::uint64_t seed = 1;
  double per_second = 0;
  unsigned connections = 10;
};

struct Row {
  std::string scenario;
  std::string step;
  std::string sent;
  std::string expected;
  std::string got;
  double ms = 0;
  bool ok = false;
};

class Player {
 public:
  explicit Player(PlaySettings settings);

  std::vector<Row> play(const Scenario& scenario);

 private:
  // One thread's way to the target.
  struct Seat {
    Seat(const PlaySettings& settings, std::size_t number, Pace& pace);
    Lane lane;
    WireFormPtr form;
    WireFormPtr forger;  // signs with another secret
  };
  // News that waits to be sent, and the row that says how it went.
  struct News {
    Message message;
    std::size_t row = 0;
    unsigned copies = 1;
  };
  struct Outcome {
    Answer answer;
    double ms = 0;
    std::string problem;
  };

  Seat& seat(unsigned number);
  engine::Instant tick();
  Payment begin_payment(const Step& step, const std::string& card);
  void add_event(Payment& payment, const Step& step, engine::Instant at) const;
  void perform(const Step& step);
  void perform_question(const Step& step, Row& row);
  void perform_news(const Step& step, std::size_t row);
  void perform_forgery(const Step& step, Row& row);
  void perform_many(const Step& step, Row& row);
  void work_through(const Step& step, unsigned number, unsigned seats, std::vector<Payment>& payments,
                    std::vector<Outcome>& outcomes);
  Outcome ask(Seat& seat, const Step& step, Payment& payment) const;
  void judge(const Step& step, const Payment& payment, const Outcome& outcome, Row& row) const;
  void judge_many(const Step& step, const std::vector<Payment>& payments, const std::vector<Outcome>& outcomes,
                  Row& row);
  void queue_news(Seat& seat, const Payment& payment, const Step& step, std::size_t row);
  bool arrives_in_order() const;
  void deliver_news();
  void check_believed(int status) const;
  void replay();
  void look_at_balances(const Scenario& scenario);
  Row& add_row(std::string step, std::string sent, std::string expected);

  PlaySettings settings_;
  Pace pace_;
  std::string run_;
  int scenarios_ = 0;
  std::vector<std::unique_ptr<Seat>> seats_;
  engine::Instant last_tick_{};
  std::mt19937_64 random_;

  // Of the scenario that is played.
  const Scenario* scenario_ = nullptr;
  std::optional<Holders> holders_;
  std::map<std::string, Payment> payments_;
  int payments_begun_ = 0;
  std::vector<News> news_;
  std::vector<Row> rows_;
};

}  // namespace holdfast::net::simulator
