#include "engine/exposure_windows.h"

namespace holdfast::engine {
namespace {

using std::chrono::milliseconds;

Minor subtract(Minor a, Minor b) {
  return checked_subtract(a, b).value_or(b < 0 ? kUnlimited : std::numeric_limits<Minor>::min());
}

}  // namespace

Minor saturating_times(Minor amount, Minor count) {
  Minor product = 0;
  return __builtin_mul_overflow(amount, count, &product) ? kUnlimited : product;
}

WindowsAhead::WindowsAhead(WindowKind kind, const ZoneRules& zone, Weekday week_start, Instant now, Instant until) {
  for (Instant next = now; next < until; next = window_at(kind, next, zone, week_start).end)
    begins_.push_back(next);
}

Minor WindowsAhead::meeting(Instant from, Instant to) const {
  const auto number = [this](Instant at) { return std::upper_bound(begins_.begin(), begins_.end(), at); };
  return number(to - milliseconds(1)) - number(from) + 1;
}

RollingSpender::RollingSpender(const Limit& limit, const std::vector<RollingPart>& parts, Instant from)
    : value_(limit.value),
      length_(std::chrono::seconds(limit.rolling_seconds)),
      part_(length_.count() / kRollingParts) {
  for (const RollingPart& part : parts) {
    if (part.drops_out_at <= from) continue;
    const Minor amount = limit.form == Limit::Form::count ? part.tally.count : part.tally.used();
    used_ = saturating_add(used_, amount);
    drops_.push({part.drops_out_at, amount, false});
    ++foreign_;
  }
  spend(from);
}

Minor RollingSpender::spent_before(Instant to) {
  while (foreign_ != 0 && drops_.top().at < to)
    drop_next();
  // From here on all that is in the window was spent here, and each part of it is spent again when it drops out, which
  // it does in the same time ever after.
  for (; foreign_ == 0 && !drops_.empty() && drops_.top().at < to; drops_.pop()) {
    const Minor again = (to - milliseconds(1) - drops_.top().at) / milliseconds((kRollingParts + 1) * part_) + 1;
    spent_ = saturating_add(spent_, saturating_times(drops_.top().amount, again));
  }
  return spent_;
}

void RollingSpender::spend(Instant at) {
  const Minor room = room_under(value_, used_);
  if (room == 0) return;
  used_ = saturating_add(used_, room);
  spent_ = saturating_add(spent_, room);
  drops_.push({from_millis((to_millis(at) / part_ + 1) * part_) + length_, room, true});
}

void RollingSpender::drop_next() {
  const Instant at = drops_.top().at;
  while (!drops_.empty() && drops_.top().at == at) {
    used_ = subtract(used_, drops_.top().amount);
    if (!drops_.top().own) --foreign_;
    drops_.pop();
  }
  spend(at);
}

}  // namespace holdfast::engine
