#include "engine/counters.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/authorization.h"
#include "engine/breaker.h"
#include "engine/node.h"

namespace holdfast::engine {
namespace {

// A counter begins with the instant from which on it counts. What follows is one cell of a fixed window, with the
// instant of its last change, or a ring of cells of a rolling one, with the numbers of their parts.
constexpr std::size_t kCellWords = 4;  // last change or number, held, posted, count
// A window of 60 parts, the part that has just begun, and one more where the length is no multiple of a part.
constexpr std::size_t kRollingCells = 64;
constexpr std::size_t kLockWords = 1 + kMerchantIdBytesMax / sizeof(std::uint64_t);

std::uint64_t word_of(std::int64_t value) {
  return std::bit_cast<std::uint64_t>(value);
}
std::int64_t value_of(std::uint64_t word) {
  return std::bit_cast<std::int64_t>(word);
}

Tally read_tally(ConstWords cell) {
  return {value_of(cell[1]), value_of(cell[2]), value_of(cell[3])};
}
void write_cell(Words cell, std::int64_t which, const Tally& tally) {
  cell[0] = word_of(which);
  cell[1] = word_of(tally.held);
  cell[2] = word_of(tally.posted);
  cell[3] = word_of(tally.count);
}

auto find_same_counter(const std::vector<Limit>& limits, const Limit& wanted) {
  return std::find_if(limits.begin(), limits.end(), [&](const Limit& limit) {
    return limit.has_counter() && limit.window == wanted.window && limit.rolling_seconds == wanted.rolling_seconds &&
           limit.categories == wanted.categories;
  });
}

// Of a fixed window: whether its last change was in the window that counts from `since` on.
bool is_current(ConstWords cell, Instant since) {
  return value_of(cell[0]) >= to_millis(since);
}

// A rolling window in numbers: milliseconds of the whole and of a part. A part counts until all of it is older than the
// window is long, so at most a part too long, against the spender.
struct Rolling {
  std::int64_t length;
  std::int64_t part;

  explicit Rolling(const Limit& limit)
      : length(std::int64_t{limit.rolling_seconds} * 1000), part(std::max<std::int64_t>(length / kRollingParts, 1)) {}
  std::int64_t part_of(Instant at) const {
    const std::int64_t millis = to_millis(at);
    return millis / part - (millis % part < 0 ? 1 : 0);
  }
  Instant drops_out(std::int64_t number) const { return from_millis((number + 1) * part + length); }
};

std::size_t cell_of_part(std::int64_t number) {
  return 1 + static_cast<std::size_t>(static_cast<std::uint64_t>(number) % kRollingCells) * kCellWords;
}

// The parts that still count and hold something, in order of time, until visit(part) says false.
template <class Visit>
void for_each_part(const Limit& limit, ConstWords counter, Instant now, Visit&& visit) {
  const Rolling rolling(limit);
  const std::int64_t last = rolling.part_of(now);
  for (std::int64_t number = last - static_cast<std::int64_t>(kRollingCells) + 1; number <= last; ++number) {
    const ConstWords cell = counter.subspan(cell_of_part(number), kCellWords);
    if (value_of(cell[0]) != number || now >= rolling.drops_out(number)) continue;
    const Tally tally = read_tally(cell);
    if (tally != Tally{} && !visit(RollingPart{rolling.drops_out(number), tally})) return;
  }
}

Tally sum_of_parts(const Limit& limit, ConstWords counter, Instant now) {
  Tally sum;
  for_each_part(limit, counter, now, [&sum](const RollingPart& part) {
    add(sum, part.tally);
    return true;
  });
  return sum;
}

}  // namespace

Minor saturating_add(Minor a, Minor b) {
  if (const auto sum = checked_add(a, b)) return *sum;
  return b < 0 ? std::numeric_limits<Minor>::min() : std::numeric_limits<Minor>::max();
}

Minor Tally::used() const {
  return saturating_add(held, posted);
}

void add(Tally& to, const Tally& change) {
  to.held = saturating_add(to.held, change.held);
  to.posted = saturating_add(to.posted, change.posted);
  to.count += change.count;
}

std::size_t counter_words(const Limit& limit) {
  if (!limit.has_counter()) return 0;
  return 1 + kCellWords * (limit.window == WindowKind::rolling ? kRollingCells : 1);
}

CounterLayout layout_of(const NodeSettings& settings) {
  CounterLayout layout;
  layout.limits.fill(CounterLayout::kNone);
  std::size_t used = 0;
  const auto place = [&used](std::size_t words) {
    const auto at = static_cast<std::uint16_t>(used);
    used += words;
    return at;
  };
  for (std::size_t i = 0; i < settings.limits.size(); ++i) {
    if (settings.limits[i].has_counter()) layout.limits[i] = place(counter_words(settings.limits[i]));
  }
  if (settings.controls.merchant_lock) layout.merchant_lock = place(kLockWords);
  if (settings.loop_breaker.present()) layout.breaker = place(breaker_words());
  layout.words = static_cast<std::uint16_t>(used);
  return layout;
}

bool begins_counter(const NodeSettings& before, const NodeSettings& after) {
  return std::any_of(after.limits.begin(), after.limits.end(), [&](const Limit& limit) {
    return limit.has_counter() && find_same_counter(before.limits, limit) == before.limits.end();
  });
}

void carry_over(const NodeSettings& before, ConstWords from, const NodeSettings& after, Words to, Instant since) {
  const CounterLayout old = layout_of(before);
  const CounterLayout layout = layout_of(after);
  const auto copy = [&](std::uint16_t source, std::uint16_t target, std::size_t words) {
    if (source == CounterLayout::kNone || target == CounterLayout::kNone) return;
    std::copy_n(from.begin() + source, words, to.begin() + target);
  };
  for (std::size_t i = 0; i < after.limits.size(); ++i) {
    const Limit& limit = after.limits[i];
    if (!limit.has_counter()) continue;
    start_counter(to.subspan(layout.limits[i], counter_words(limit)), since);
    const auto same = find_same_counter(before.limits, limit);
    if (same == before.limits.end()) continue;
    copy(old.limits[static_cast<std::size_t>(same - before.limits.begin())], layout.limits[i], counter_words(limit));
  }
  copy(old.merchant_lock, layout.merchant_lock, kLockWords);
  copy(old.breaker, layout.breaker, breaker_words());
}

void start_counter(Words counter, Instant since) {
  counter[0] = word_of(to_millis(since));
  // Nothing changed since then, and no part has this number.
  const std::int64_t nothing = std::numeric_limits<std::int64_t>::min();
  const std::size_t cells = counter.size() / kCellWords;
  for (std::size_t i = 0; i < cells; ++i)
    write_cell(counter.subspan(1 + i * kCellWords, kCellWords), nothing, {});
}

Tally tally(const Limit& limit, ConstWords counter, Instant now, Instant since) {
  if (limit.window != WindowKind::rolling) {
    const ConstWords cell = counter.subspan(1, kCellWords);
    return is_current(cell, since) ? read_tally(cell) : Tally{};
  }
  return sum_of_parts(limit, counter, now);
}

void add(const Limit& limit, Words counter, const Tally& change, Instant charged_at, Instant now, Instant since) {
  if (charged_at < from_millis(value_of(counter[0]))) return;
  if (limit.window != WindowKind::rolling) {
    if (charged_at < since) return;
    const Words cell = counter.subspan(1, kCellWords);
    Tally sum = is_current(cell, since) ? read_tally(cell) : Tally{};
    add(sum, change);
    return write_cell(cell, to_millis(now), sum);
  }
  const Rolling rolling(limit);
  const std::int64_t number = rolling.part_of(charged_at);
  if (now >= rolling.drops_out(number)) return;
  const Words cell = counter.subspan(cell_of_part(number), kCellWords);
  Tally sum = value_of(cell[0]) == number ? read_tally(cell) : Tally{};
  add(sum, change);
  write_cell(cell, number, sum);
}

std::vector<RollingPart> rolling_parts(const Limit& limit, ConstWords counter, Instant now) {
  std::vector<RollingPart> parts;
  for_each_part(limit, counter, now, [&parts](const RollingPart& part) {
    parts.push_back(part);
    return true;
  });
  return parts;
}

Instant opens_at(const Limit& limit, ConstWords counter, Instant now, std::int64_t most) {
  Tally left = sum_of_parts(limit, counter, now);
  const auto fits = [&] { return (limit.form == Limit::Form::count ? left.count : left.used()) <= most; };
  if (fits()) return now;
  Instant opens = kNoInstant;
  for_each_part(limit, counter, now, [&](const RollingPart& part) {
    left.held -= part.tally.held;
    left.posted -= part.tally.posted;
    left.count -= part.tally.count;
    if (fits()) opens = part.drops_out_at;
    return opens == kNoInstant;
  });
  return opens;
}

Instant next_drop(const Limit& limit, ConstWords counter, Instant now) {
  Instant next = kNoInstant;
  for_each_part(limit, counter, now, [&next](const RollingPart& part) {
    next = part.drops_out_at;
    return false;
  });
  return next;
}

bool is_locked(ConstWords lock) {
  return lock[0] != 0;
}

std::string_view locked_merchant(ConstWords lock) {
  if (!is_locked(lock)) return {};
  return {reinterpret_cast<const char*>(lock.data() + 1), static_cast<std::size_t>(lock[0] - 1)};
}

void lock_to(Words lock, std::string_view merchant) {
  lock[0] = 1 + merchant.size();
  std::copy(merchant.begin(), merchant.end(), reinterpret_cast<char*>(lock.data() + 1));
}

}  // namespace holdfast::engine
