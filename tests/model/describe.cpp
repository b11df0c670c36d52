// Steps and outcomes as text, for whoever reads a difference.
#include <chrono>
#include <ctime>
#include <iomanip>
#include <sstream>

#include "tests/model/history.h"

namespace holdfast::model {
namespace {

class Line {
 public:
  template <class T>
  Line& operator()(const char* name, const T& value) {
    out_ << ' ' << name << '=' << value;
    return *this;
  }
  Line& operator()(const char* name, engine::Instant at) { return (*this)(name, describe(at)); }
  Line& word(std::string_view word) {
    out_ << ' ' << word;
    return *this;
  }
  std::string text() const { return out_.str().substr(1); }

 private:
  std::ostringstream out_;
};

void add_settings(Line& line, const engine::NodeSettings& settings) {
  line("parent", settings.parent)("zone", settings.time_zone)("week", static_cast<int>(settings.week_start));
  for (const engine::Limit& limit : settings.limits) {
    line("limit", limit.value)
        .word(limit.form == engine::Limit::Form::count ? "times" : "minor units")
        .word(window_name(limit.window));
    if (limit.rolling_seconds != 0) line("seconds", limit.rolling_seconds);
    for (const auto range : limit.categories)
      line("from", range.first)("to", range.last);
  }
  if (settings.refunds_restore) line.word("refunds_restore");
  if (settings.controls.merchant_lock) line.word("merchant_lock");
  if (settings.expires_at) line("expires", *settings.expires_at);
  if (settings.max_authorizations != 0) line("most", settings.max_authorizations);
  const engine::LoopBreaker& breaker = settings.loop_breaker;
  if (breaker.present()) {
    line("declines", breaker.declines)("repeats", breaker.repeats)("seconds", breaker.seconds)(
        "cooldown", breaker.cooldown_seconds);
  }
}

struct CommandText {
  std::string operator()(const engine::CreateNode& each) const {
    Line line;
    line.word("create")("node", each.node);
    add_settings(line, each.settings);
    return line.text();
  }
  std::string operator()(const engine::ChangeNode& each) const {
    Line line;
    line.word("change")("node", each.node);
    add_settings(line, each.settings);
    return line.text();
  }
  std::string operator()(const engine::SetNodeStatus& each) const {
    return Line().word(node_status_name(each.status))("node", each.node).text();
  }
  std::string operator()(const engine::Authorize& each) const {
    const auto& request = each.request;
    Line line;
    line.word("authorize")("card", each.card)("id", request.authorization_id)("of",
                                                                              static_cast<int>(request.processor));
    line("amount", request.amount)("currency", request.currency.numeric)("merchant", request.merchant.id);
    line("category", request.merchant.category)("country", request.merchant.country.numeric);
    if (request.cash_amount != 0) line("cash", request.cash_amount);
    if (request.incremental) line.word("incremental");
    if (request.partial_approval) line.word("partial");
    return line.text();
  }
  std::string operator()(const engine::Withdraw& each) const {
    return Line()
        .word("withdraw")("card", each.card)("id", each.authorization_id)("amount", each.amount)(
            "charged", each.charged_at)("authorized", each.authorized_at)
        .text();
  }
  std::string operator()(const engine::Advise& each) const {
    Line line;
    line.word(advice_name(each.kind))("card", each.card)("id", each.authorization_id)(
        "of", static_cast<int>(each.processor))("amount", each.amount)("told", each.told);
    if (each.final) line.word("final");
    return line("category", each.merchant.category).text();
  }
  template <class Other>
  std::string operator()(const Other& each) const {
    return "command of type " + std::to_string(each.kType);
  }
};

struct OutcomeText {
  std::string operator()(std::monostate) const { return "nothing"; }
  std::string operator()(const engine::NodeOutcome& each) const { return Line()("version", each.version).text(); }
  std::string operator()(const engine::WithdrawOutcome& each) const {
    return Line()("released", each.released)("decided", each.decided_at).text();
  }
  std::string operator()(const engine::Decision& each) const {
    Line line;
    line.word(each.approved() ? "approved" : reason_name(each.reason)).word(retryable_name(each.retryable));
    line("lifetime", each.lifetime_limit)("tripped", each.tripped)("node", each.declined_by.node);
    line("limit", static_cast<int>(each.declined_by.limit))("approved", each.approved_amount);
    line("would", each.would_approve)("retry_after", each.retry_after)("decided", each.decided_at);
    return line("authorized", each.authorized_at)("held", each.held).text();
  }
  std::string operator()(const engine::AdviceOutcome& each) const {
    Line line;
    line.word(authorization_status_name(each.status))("flags", static_cast<int>(each.flags))("released", each.released);
    line("posted", each.posted)("held", each.held)("captured", each.captured)("refunded", each.refunded);
    return line("decided", each.decided_at)("authorized", each.authorized_at).text();
  }
};

}  // namespace

std::string describe(const engine::Command& command) {
  return std::visit(CommandText{}, command);
}

std::string describe(const engine::Outcome& outcome) {
  return std::visit(OutcomeText{}, outcome);
}

std::string describe(engine::Instant at) {
  if (at == engine::kNoInstant) return "never";
  const auto second = std::chrono::floor<std::chrono::seconds>(at);
  const std::time_t time = second.time_since_epoch().count();
  std::tm fields{};
  gmtime_r(&time, &fields);
  std::ostringstream out;
  out << std::put_time(&fields, "%FT%T") << '.' << std::setw(3) << std::setfill('0') << (at - second).count();
  return out.str();
}

}  // namespace holdfast::model
