// `holdfast inspect`: journal records as text or JSON lines, read-only.
//
// Threads: one. May run while a daemon has the store open.
// Output: one line a record. Nothing secret is in a record, so nothing has to be hidden here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>

namespace holdfast::storage {

struct InspectOptions {
  std::string card;           // public id of a card; empty: all
  std::string authorization;  // id of an authorization; empty: all
  std::uint64_t from = 1;     // first sequence
  bool json = false;
};

// False when the journal is damaged: what could be read has been printed, and a last line says where it ends and why.
// Throws StoreError when there is no store.
bool inspect(const std::filesystem::path& store, const InspectOptions& options, std::ostream& out);

}  // namespace holdfast::storage
