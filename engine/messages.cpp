#include "engine/messages.h"

namespace holdfast::engine {
namespace {

std::uint32_t hash_of(Key128 key) {
  return static_cast<std::uint32_t>(key.lo);
}

}  // namespace

Decision deadline_decision(Instant now) {
  Decision decision;
  decision.reason = Reason::deadline_exceeded;
  decision.retryable = Retryable::after;
  decision.decided_at = now;
  decision.authorized_at = now;
  return decision;
}

Messages::Messages(const KeyHasher& hasher) : hasher_(hasher) {}

Key128 Messages::key_of(const MessageRef& message) const {
  return hasher_.hash({"message", message.endpoint, message.id});
}

std::uint32_t Messages::slot_of(Key128 key) const {
  return index_.find(hash_of(key), [&](std::uint32_t slot) { return messages_[slot].key == key; });
}

Message* Messages::find(Key128 key) {
  const std::uint32_t slot = slot_of(key);
  return slot == HashIndex::kNone ? nullptr : &messages_[slot];
}

Message& Messages::begin(Key128 key, std::uint64_t content, std::uint8_t command) {
  const std::uint32_t slot = messages_.allocate();
  Message& message = messages_[slot];
  message.key = key;
  message.content = content;
  message.command = command;
  message.pending = true;
  index_.insert(hash_of(key), slot);
  if (newest_ == HashIndex::kNone) {
    oldest_ = slot;
  } else {
    messages_[newest_].newer = slot;
  }
  newest_ = slot;
  return message;
}

void Messages::finish(Message& message, NodeIndex card, const Decision& decision, std::string_view answer) {
  message.card = card;
  message.decision = decision;
  message.at = decision.decided_at;
  message.pending = false;
  message.under_way = nullptr;
  if (answer.empty()) return;
  message.has_answer = true;
  answers_[slot_of(message.key)] = answer;
}

// The slot stays in the list, nameless, until expire() comes by.
void Messages::forget(Message& message) {
  index_.erase(hash_of(message.key), slot_of(message.key));
  message.key = Key128{0, 0};
  message.pending = false;
  message.under_way = nullptr;
  message.at = kNoInstant;
}

void Messages::withdraw(Message& message, Instant answered_at) {
  message.decision = deadline_decision(answered_at);
}

std::string_view Messages::answer_of(const Message& message) const {
  if (!message.has_answer) return {};
  return answers_.at(slot_of(message.key));
}

std::size_t Messages::expire(Instant cutoff, std::size_t most) {
  std::size_t expired = 0;
  while (expired < most && oldest_ != HashIndex::kNone) {
    const std::uint32_t slot = oldest_;
    const Message& message = messages_[slot];
    if (message.pending || message.at >= cutoff) break;
    if (message.has_answer) answers_.erase(slot);
    if (message.key != Key128{0, 0}) index_.erase(hash_of(message.key), slot);
    oldest_ = message.newer;
    if (oldest_ == HashIndex::kNone) newest_ = HashIndex::kNone;
    messages_.release(slot);
    ++expired;
  }
  return expired;
}

}  // namespace holdfast::engine
