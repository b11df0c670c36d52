#include "net/simulator/player.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <random>
#include <thread>
#include <utility>

#include "net/simulator/text.h"

namespace holdfast::net::simulator {
namespace {

// Times that a processor tells are whole seconds with some, so that events of a payment are that far apart.
constexpr std::chrono::seconds kBetweenEvents{1};
constexpr int kUnauthorized = 401;

engine::Instant clock_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string name_of_run() {
  std::string name;
  for (auto rest = static_cast<std::uint64_t>(engine::to_millis(clock_now())); rest > 0; rest /= 36)
    name += "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
  return name + std::to_string(std::random_device{}() % 1000);
}

// Another secret that has the form of one.
Credentials forged(Credentials credentials) {
  credentials.secret = "whsec_" + std::string(42, 'A') + "A=";
  credentials.password += "-forged";
  return credentials;
}

WireFormPtr form_with(engine::Processor kind, const Credentials& credentials) {
  std::string problem;
  WireFormPtr form = make_wire_form(kind, credentials, problem);
  if (!form) throw Unplayable(problem);
  return form;
}

std::string_view word_of(Happening what) {
  constexpr std::string_view kWords[] = {"authorize", "increment", "capture", "reverse",
                                         "expire",    "post",      "refund",  "reverse_refund"};
  return kWords[static_cast<std::size_t>(what)];
}

std::string expected_text(const Step& step) {
  std::string text;
  if (step.approvals) {
    put(text, *step.approvals, " of ", step.times, " approved");
  } else if (step.expected == Expected::refused) {
    put(text, "refused");
  } else if (step.late != Late::no) {
    put(text, "an answer, too late");
  } else if (step.expected == Expected::declined) {
    put(text, "declined");
    if (step.reason) put(text, " ", engine::reason_name(*step.reason));
  } else {
    put(text, "approved");
    if (step.approved_amount) put(text, " ", *step.approved_amount);
  }
  return text;
}

std::string got_text(const Step& step, const Answer& answer) {
  std::string text;
  if (!answer.problem.empty()) {
    put(text, answer.problem);
  } else if (answer.approved) {
    put(text, "approved");
    if (step.approved_amount || answer.approved_amount != step.amount) put(text, " ", answer.approved_amount);
  } else {
    put(text, "declined ", answer.reason);
  }
  return text;
}

std::string sent_text(const Step& step, engine::Minor amount, engine::Currency currency) {
  std::string text;
  put(text, amount, " ", engine::alpha_code(currency));
  if (step.times > 1) put(text, ", ", step.times, step.at_once ? " at once" : " times");
  if (step.copies > 1) put(text, ", ", step.copies, " copies");
  if (step.wrong_signature) put(text, ", forged");
  return text;
}

// What is meant when a step names no amount.
engine::Minor whole_of(Happening what, const Balance& balance) {
  switch (what) {
    case Happening::capture:
    case Happening::reverse:
    case Happening::expire:
      return balance.held;
    case Happening::refund:
      return balance.captured - balance.refunded;
    case Happening::reverse_refund:
      return balance.refunded;
    default:
      return 0;
  }
}

}  // namespace

Player::Seat::Seat(const PlaySettings& settings, std::size_t number, Pace& pace)
    : lane(settings.target, settings.path, settings.chaos, settings.seed + number, pace),
      form(form_with(settings.kind, settings.credentials)),
      forger(form_with(settings.kind, forged(settings.credentials))) {}

Player::Player(PlaySettings settings)
    : settings_(std::move(settings)), pace_(settings_.per_second), run_(name_of_run()), random_(settings_.seed) {}

// ---- A scenario from its beginning to its end -----------------------------------------------------------------------

std::vector<Row> Player::play(const Scenario& scenario) {
  scenario_ = &scenario;
  ++scenarios_;
  payments_.clear();
  payments_begun_ = 0;
  news_.clear();
  rows_.clear();
  const bool native = settings_.kind == engine::Processor::native;
  holders_.emplace(settings_.api, native ? std::string() : settings_.endpoint, run_ + std::to_string(scenarios_));
  holders_->make(scenario.holders, settings_.cards);
  for (const Step& step : scenario.steps)
    perform(step);
  deliver_news();
  if (settings_.chaos.replay) replay();
  look_at_balances(scenario);
  return std::move(rows_);
}

Row& Player::add_row(std::string step, std::string sent, std::string expected) {
  return rows_.emplace_back(Row{scenario_->name, std::move(step), std::move(sent), std::move(expected), "", 0, true});
}

Player::Seat& Player::seat(unsigned number) {
  while (seats_.size() <= number)
    seats_.push_back(std::make_unique<Seat>(settings_, seats_.size(), pace_));
  return *seats_[number];
}

// Ahead of the clock when there is much to tell; never behind, since decisions have the target's own time.
engine::Instant Player::tick() {
  last_tick_ = std::max(clock_now(), last_tick_ + kBetweenEvents);
  return last_tick_;
}

Payment Player::begin_payment(const Step& step, const std::string& card) {
  Payment payment;
  payment.id = "s" + run_ + "-" + std::to_string(scenarios_) + "-" + std::to_string(++payments_begun_);
  payment.card = holders_->card_reference(card);
  payment.currency = step.currency;
  payment.merchant = step.merchant.view();
  payment.partial_approval = step.partial_approval;
  return payment;
}

void Player::add_event(Payment& payment, const Step& step, engine::Instant at) const {
  PaymentEvent event;
  event.what = step.what;
  event.id = payment.id + "-" + std::to_string(payment.events.size());
  event.amount = step.amount > 0 ? step.amount : whole_of(step.what, balance_of(payment));
  event.final = step.final;
  event.at = at;
  payment.events.push_back(std::move(event));
}

void Player::perform(const Step& step) {
  const bool begins = step.what == Happening::authorize || step.what == Happening::post;
  const std::string number = std::to_string(&step - scenario_->steps.data() + 1);
  const std::string label = number + " " + std::string(word_of(step.what));
  if (is_asked(step.what)) deliver_news();
  if (step.times > 1)
    return perform_many(step, add_row(label, sent_text(step, step.amount, step.currency), expected_text(step)));
  if (begins) payments_[step.payment] = begin_payment(step, step.cards.front());
  Payment& payment = payments_.at(step.payment);
  add_event(payment, step, tick());
  Row& row = add_row(label, sent_text(step, payment.last().amount, payment.currency),
                     is_asked(step.what) ? expected_text(step) : "accepted");
  if (step.wrong_signature) return perform_forgery(step, row);
  if (is_asked(step.what)) return perform_question(step, row);
  perform_news(step, rows_.size() - 1);
}

// ---- Questions ------------------------------------------------------------------------------------------------------

void Player::check_believed(int status) const {
  if (status != kUnauthorized) return;
  throw Unplayable(settings_.target.origin() + settings_.path +
                   " does not believe the signature (401): is the secret that of its endpoint, and its clock right?");
}

Player::Outcome Player::ask(Seat& seat, const Step& step, Payment& payment) const {
  Message message;
  seat.form->ask(message, payment, clock_now());
  const Received received = seat.lane.send(message, step.copies, true);
  check_believed(received.reply.status);
  Outcome outcome{seat.form->read(payment, received.reply.status, received.reply.body), received.ms, received.problem};
  const bool too_late = received.ms > traits_of(settings_.kind).answer_limit_ms;
  if (too_late && step.late == Late::no) outcome.problem = "too late for the processor";
  PaymentEvent& event = payment.events.back();
  if (step.late == Late::approves) {
    event.verdict = Verdict::stood_in;
  } else if (too_late || step.late == Late::declines || !outcome.answer.problem.empty()) {
    event.verdict = Verdict::timed_out;
  } else if (outcome.answer.approved) {
    event.verdict = Verdict::approved;
    event.amount = outcome.answer.approved_amount;
  } else {
    event.verdict = Verdict::declined;
  }
  return outcome;
}

void Player::judge(const Step& step, const Payment& payment, const Outcome& outcome, Row& row) const {
  const Answer& answer = outcome.answer;
  row.ms = std::max(row.ms, outcome.ms);
  row.got = outcome.problem.empty() ? got_text(step, answer) : outcome.problem;
  row.ok = outcome.problem.empty() && answer.problem.empty();
  if (!row.ok || step.late != Late::no) return;
  const bool should_approve = step.expected == Expected::approved;
  const engine::Minor asked = step.amount;
  const bool part = answer.approved && answer.approved_amount != asked;
  row.ok = answer.approved == should_approve &&
           (!part || (payment.partial_approval && answer.approved_amount < asked)) &&
           (!step.approved_amount || answer.approved_amount == *step.approved_amount);
  // Not every target gives a reason.
  if (row.ok && !answer.approved && step.reason && !answer.reason.empty())
    row.ok = seats_.front()->form->is_word_for(answer.reason, *step.reason);
}

void Player::perform_question(const Step& step, Row& row) {
  Payment& payment = payments_.at(step.payment);
  Seat& asking = seat(0);
  const Outcome outcome = ask(asking, step, payment);
  judge(step, payment, outcome, row);
  const std::size_t number = rows_.size() - 1;
  queue_news(asking, payment, step, number);
  if (arrives_in_order()) deliver_news();
}

// What is forged has not happened.
void Player::perform_forgery(const Step& step, Row& row) {
  Payment& payment = payments_.at(step.payment);
  Seat& sending = seat(0);
  std::vector<Message> messages;
  if (is_asked(step.what)) {
    sending.forger->ask(messages.emplace_back(), payment, clock_now());
  } else {
    sending.forger->tell(messages, payment, clock_now());
  }
  payment.events.pop_back();
  row.expected = "refused";
  row.got = "refused";
  for (const Message& message : messages) {
    const Received received = sending.lane.send(message, step.copies, false);
    row.ms = std::max(row.ms, received.ms);
    if (received.reply.status == kUnauthorized) continue;
    row.ok = false;
    row.got = "status " + std::to_string(received.reply.status);
  }
}

// ---- Many payments --------------------------------------------------------------------------------------------------

// Every so-manieth of the payments, with its news.
void Player::work_through(const Step& step, unsigned number, unsigned seats, std::vector<Payment>& payments,
                          std::vector<Outcome>& outcomes) {
  Seat& asking = *seats_[number];
  for (std::size_t i = number; i < payments.size(); i += seats) {
    outcomes[i] = ask(asking, step, payments[i]);
    std::vector<Message> messages;
    asking.form->tell(messages, payments[i], clock_now());
    for (const Message& message : messages) {
      const Received received = asking.lane.send(message, step.copies, false);
      if (received.reply.status != 200)
        outcomes[i].problem = "news is answered with status " + std::to_string(received.reply.status);
    }
  }
}

void Player::perform_many(const Step& step, Row& row) {
  const engine::Instant at = tick();
  std::vector<Payment> payments;
  for (unsigned i = 0; i < step.times; ++i) {
    payments.push_back(begin_payment(step, step.cards[i % step.cards.size()]));
    add_event(payments.back(), step, at);
  }
  std::vector<Outcome> outcomes(step.times);
  const unsigned seats = step.at_once ? std::clamp(settings_.connections, 1U, step.times) : 1;
  seat(seats - 1);
  std::vector<std::exception_ptr> failures(seats);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < seats; ++i) {
      threads.emplace_back([&, i] {
        try {
          work_through(step, i, seats, payments, outcomes);
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  judge_many(step, payments, outcomes, row);
}

// The last payment keeps the step's name, for what follows.
void Player::judge_many(const Step& step, const std::vector<Payment>& payments, const std::vector<Outcome>& outcomes,
                        Row& row) {
  unsigned approved = 0;
  bool sound = true;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    approved += outcome.answer.approved ? 1 : 0;
    Row single = row;
    Step each = step;
    if (step.approvals) each.expected = outcome.answer.approved ? Expected::approved : Expected::declined;
    judge(each, payments[i], outcome, single);
    row.ms = std::max(row.ms, single.ms);
    if (sound && !single.ok) row.got = single.got;
    sound = sound && single.ok;
  }
  const std::string count = std::to_string(approved) + " of " + std::to_string(step.times) + " approved";
  row.ok = sound && (!step.approvals || approved == *step.approvals);
  if (sound) row.got = step.approvals ? count : row.expected;
  if (!sound) row.got = count + ", " + row.got;
  payments_[step.payment] = payments.back();
}

// ---- News -----------------------------------------------------------------------------------------------------------

void Player::queue_news(Seat& seat, const Payment& payment, const Step& step, std::size_t row) {
  std::vector<Message> messages;
  seat.form->tell(messages, payment, clock_now());
  for (Message& message : messages)
    news_.push_back({std::move(message), row, step.copies});
}

// Whoever calls the native interface waits for each answer.
bool Player::arrives_in_order() const {
  const bool calls = settings_.kind == engine::Processor::native;
  return calls || (scenario_->delivery == Delivery::in_order && !settings_.chaos.reorder);
}

void Player::perform_news(const Step& step, std::size_t row) {
  rows_[row].got = "accepted";
  queue_news(seat(0), payments_.at(step.payment), step, row);
  if (arrives_in_order()) deliver_news();
}

void Player::deliver_news() {
  if (scenario_->delivery == Delivery::reversed) std::reverse(news_.begin(), news_.end());
  if (scenario_->delivery == Delivery::shuffled || settings_.chaos.reorder)
    std::shuffle(news_.begin(), news_.end(), random_);
  for (const News& news : std::exchange(news_, {})) {
    const Received received = seat(0).lane.send(news.message, news.copies, false);
    check_believed(received.reply.status);
    Row& row = rows_[news.row];
    row.ms = std::max(row.ms, received.ms);
    if (received.reply.status == 200) continue;
    row.ok = false;
    row.got += ", news is answered with status " + std::to_string(received.reply.status) + " " + received.reply.body;
  }
}

void Player::replay() {
  Row& row = add_row("replay", "all again", "as before");
  row.got = row.expected;
  for (const auto& each : seats_) {
    for (const std::string& problem : each->lane.replay()) {
      row.ok = false;
      row.got = problem;
    }
  }
}

// ---- Balances -------------------------------------------------------------------------------------------------------

void Player::look_at_balances(const Scenario& scenario) {
  for (const ExpectedBalance& expected : scenario.balances) {
    if (!holders_->can_be_read(expected.holder)) continue;
    const ShownBalance shown = holders_->balance(expected.holder);
    Row& row = add_row("balance", expected.holder, "");
    const auto compare = [&row](std::string_view name, const auto& wanted, const auto& got) {
      if (!wanted) return;
      const std::string_view space = row.expected.empty() ? "" : " ";
      put(row.expected, space, name, " ", *wanted);
      put(row.got, space, name, " ", got);
      row.ok = row.ok && *wanted == got;
    };
    compare("held", expected.held, shown.held);
    compare("posted", expected.posted, shown.posted);
    compare("remaining", expected.remaining, shown.remaining);
    compare("over_limit", expected.over_limit, shown.over_limit);
  }
}

}  // namespace holdfast::net::simulator
