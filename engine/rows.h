// The state as rows in tables: what a checkpoint keeps, and what a restart reads back before it replays the journal.
//
// Threads: a RowSource is used by one thread at a time.
// Invariants: keys sort as bytes; rows of authorizations and messages start with their decision time, so that new rows
// go to the end of their table. The encoding of each row stands in row_codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace holdfast::engine {

enum class Table : std::uint8_t { nodes = 0, authorizations, messages, zones, keys };
inline constexpr int kTables = 5;

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

struct RowChange {
  Table table = Table::nodes;
  Bytes key;
  std::optional<Bytes> value;  // nullopt: the row is removed
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual std::optional<Bytes> get(Table table, BytesView key) const = 0;
  virtual std::uint64_t rows(Table table) const = 0;
  virtual std::optional<Bytes> last_key(Table table) const = 0;
  // The rows from the first key on that is not before `from`, in key order, until the visitor says false; the views are
  // valid during the call only.
  virtual void scan(Table table, BytesView from,
                    const std::function<bool(BytesView key, BytesView value)>& visit) const = 0;
  // Every row of the table in key order; the views are valid during the call only.
  virtual void for_each(Table table, const std::function<void(BytesView key, BytesView value)>& visit) const = 0;
};

}  // namespace holdfast::engine
