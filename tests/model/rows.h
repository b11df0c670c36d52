// A checkpoint in memory.
//
// Threads: readers side by side; apply() alone.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "engine/rows.h"

namespace holdfast::model {

class MemoryRows final : public engine::RowSource {
 public:
  using Table = engine::Table;
  using Bytes = engine::Bytes;
  using BytesView = engine::BytesView;

  std::optional<Bytes> get(Table table, BytesView key) const override {
    const auto found = of(table).find(Bytes(key.begin(), key.end()));
    return found == of(table).end() ? std::nullopt : std::optional(found->second);
  }
  std::uint64_t rows(Table table) const override { return of(table).size(); }
  std::optional<Bytes> last_key(Table table) const override {
    return of(table).empty() ? std::nullopt : std::optional(of(table).rbegin()->first);
  }
  void scan(Table table, BytesView from, const std::function<bool(BytesView, BytesView)>& visit) const override {
    for (auto row = of(table).lower_bound(Bytes(from.begin(), from.end())); row != of(table).end(); ++row) {
      if (!visit(row->first, row->second)) return;
    }
  }
  void for_each(Table table, const std::function<void(BytesView, BytesView)>& visit) const override {
    for (const auto& [key, value] : of(table))
      visit(key, value);
  }
  void apply(const std::vector<engine::RowChange>& changes) {
    for (const engine::RowChange& change : changes) {
      auto& rows = tables_[static_cast<std::size_t>(change.table)];
      if (change.value) {
        rows[change.key] = *change.value;
      } else {
        rows.erase(change.key);
      }
    }
  }

 private:
  const std::map<Bytes, Bytes>& of(Table table) const { return tables_[static_cast<std::size_t>(table)]; }

  std::array<std::map<Bytes, Bytes>, engine::kTables> tables_;
};

}  // namespace holdfast::model
