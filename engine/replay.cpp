#include "engine/replay.h"

#include <algorithm>
#include <utility>

#include "engine/record.h"

namespace holdfast::engine {
namespace {

// So many records before its turn, the memory that a record touches is asked for: waiting for it would be most of a
// replay's time.
constexpr std::size_t kAhead = 16;

}  // namespace

Replay::Replay(Shards& shards) : shards_(shards) {
  for (Batch* batch : {&reading_, &under_way_}) {
    batch->bytes.resize(kBytes);
    batch->entries.reserve(kRecords);
  }
}

std::optional<ReplayFault> Replay::push(Sequence sequence, BytesView bytes) {
  if (reading_.entries.size() == kRecords || bytes.size() > kBytes - reading_.bytes_used) {
    if (auto fault = next_batch()) return fault;
  }
  const auto place = std::span(reading_.bytes).subspan(reading_.bytes_used, bytes.size());
  std::copy(bytes.begin(), bytes.end(), place.begin());
  auto record = decode(place);
  if (!record) {
    if (auto fault = finish()) return fault;
    return shards_.replay(sequence, bytes);
  }
  reading_.bytes_used += bytes.size();
  reading_.entries.push_back({sequence, std::move(*record)});
  return std::nullopt;
}

std::optional<ReplayFault> Replay::finish() {
  if (auto fault = next_batch()) return fault;
  return next_batch();
}

// Waits for the batch under way and starts the one that was read.
std::optional<ReplayFault> Replay::next_batch() {
  if (reapplied_.valid()) {
    remembered_.get();
    if (auto fault = reapplied_.get()) return fault;
  }
  std::swap(reading_, under_way_);
  reading_.bytes_used = 0;
  reading_.entries.clear();
  reapplied_ = std::async(std::launch::async, [this] { return reapply(); });
  remembered_ = std::async(std::launch::async, [this] { remember(); });
  return std::nullopt;
}

std::optional<ReplayFault> Replay::reapply() {
  const auto& entries = under_way_.entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) shards_.expect_slots(entries[i + kAhead].record);
    if (i + kAhead / 2 < entries.size()) shards_.expect_profile(entries[i + kAhead / 2].record);
    if (auto fault = shards_.reapply(entries[i].sequence, entries[i].record)) return fault;
  }
  return std::nullopt;
}

void Replay::remember() {
  const auto& entries = under_way_.entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) shards_.expect_message(entries[i + kAhead].record);
    shards_.remember(entries[i].record);
  }
}

}  // namespace holdfast::engine
