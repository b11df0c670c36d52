// `holdfast verify`: recomputes a whole store from its journal and compares.
//
// Threads: one. May run while a daemon has the store open: what the daemon commits meanwhile is not looked at.
// Checked: every record's checksum, sequence and chain; every recorded outcome against what its command gives; every
// row of the checkpoint against the state recomputed up to the same record; that none is missing but old ones, which a
// checkpoint removes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/key128.h"
#include "storage/frame.h"

namespace holdfast::storage {

struct Verification {
  std::uint64_t records = 0;
  std::uint64_t approvals = 0;
  std::uint64_t declines = 0;
  std::uint64_t withdrawals = 0;
  std::uint64_t cards = 0;
  std::uint64_t authorizations = 0;
  std::uint64_t checkpoint_rows = 0;  // compared
  std::uint64_t checkpoint_sequence = 0;
  Chain chain{};                         // of the last record
  engine::Key128 state_hash;             // of the state after it
  std::vector<std::string> differences;  // the first kDifferencesMax of them
  static constexpr std::size_t kDifferencesMax = 20;

  bool passed() const { return differences.empty(); }
};

// Throws StoreError when there is no store, or nothing of it can be read.
Verification verify(const std::filesystem::path& store);

}  // namespace holdfast::storage
