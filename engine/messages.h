// One request, one answer: every message that was decided within the duplicate horizon, with its final answer.
//
// Threads: one loop owns a part of the key space (its home; see Shards) and only it calls these.
// Invariants: a message is begun once; while it is pending its answer is not durable yet; once finished, its decision
// changes only by withdraw(), which turns it into the decline that was sent in its place.
// Units: the horizon counts from the message's decision.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "engine/command.h"
#include "engine/hash_index.h"
#include "engine/key128.h"
#include "engine/slots.h"

namespace holdfast::engine {

// The shortest horizon that can be configured: younger messages are in every checkpoint.
inline constexpr std::chrono::hours kHorizonMin{24};

struct Message {
  Key128 key{0, 0};
  std::uint64_t content = 0;
  Decision decision;  // the final answer to an authorization; otherwise only decided_at counts
  Instant at;         // of the decision that the record holds: its place in the order of the horizon
  NodeIndex card = kNoNode;
  std::uint8_t command = 0;  // kType of the command it carried
  bool pending = false;
  void* under_way = nullptr;               // whoever decides a pending message keeps its own note here
  bool has_answer = false;                 // answer_of() has text
  bool repeated = false;                   // another delivery was given its answer too
  std::uint32_t newer = HashIndex::kNone;  // next in order of begin()
};

class Messages {
 public:
  explicit Messages(const KeyHasher& hasher);

  Key128 key_of(const MessageRef& message) const;

  // So many messages are about to be entered, and soon this one.
  void expect(std::size_t messages) { index_.reserve(messages); }
  void expect(Key128 key) const { index_.prefetch(static_cast<std::uint32_t>(key.lo)); }

  Message* find(Key128 key);
  // Enters a pending message; `key` must not be present.
  Message& begin(Key128 key, std::uint64_t content, std::uint8_t command);
  // The decision is durable (or came from the journal).
  void finish(Message& message, NodeIndex card, const Decision& decision, std::string_view answer);
  // The message was not accepted: as if it had never come.
  void forget(Message& message);
  // Its final answer is `deadline_exceeded` instead, sent with this time in it.
  void withdraw(Message& message, Instant answered_at);
  std::string_view answer_of(const Message& message) const;
  // Drops what was decided before `cutoff`; at most `most` messages, so that a loop is not held up.
  std::size_t expire(Instant cutoff, std::size_t most);
  std::size_t size() const { return messages_.in_use(); }
  // In the order of begin().
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::uint32_t slot = oldest_; slot != HashIndex::kNone; slot = messages_[slot].newer) {
      if (messages_[slot].key != Key128{0, 0}) visit(messages_[slot]);
    }
  }

 private:
  std::uint32_t slot_of(Key128 key) const;

  const KeyHasher& hasher_;
  Slots<Message> messages_;
  HashIndex index_;
  std::unordered_map<std::uint32_t, std::string> answers_;
  std::uint32_t oldest_ = HashIndex::kNone;
  std::uint32_t newest_ = HashIndex::kNone;
};

// The decision that a late answer stands for.
Decision deadline_decision(Instant now);

}  // namespace holdfast::engine
