// What a journal says, against the law and against what clients were told.
//
// Threads: one.
// Invariants: the law is the model of tests/model, which is given the journal's commands in the journal's order and has
// no other knowledge of the daemon.
// Errors: std::runtime_error when the journal cannot be read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/command.h"
#include "engine/rows.h"
#include "tests/integration/client_history.h"
#include "tests/model/comparison.h"

namespace holdfast::integration {

// Lines for people, the first few of them.
using Differences = std::vector<std::string>;

class JournalCheck {
 public:
  // Of a store that nobody changes.
  explicit JournalCheck(const std::filesystem::path& store);

  // Outcomes that are not the model's.
  Differences against_law(model::Bend bend = model::Bend::none) const;
  // Answers that are not those of their message's record, or have none; records of messages that nobody sent.
  Differences against(const Deliveries& deliveries) const;

  std::size_t records() const { return journal_.size(); }
  // What the records are about.
  const model::Coverage& coverage() const { return coverage_; }

 private:
  std::vector<engine::Bytes> journal_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_message_;  // places in journal_
  model::Coverage coverage_;
};

}  // namespace holdfast::integration
