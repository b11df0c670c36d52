#include "storage/status.h"

#include <lmdb.h>

#include <cerrno>

namespace holdfast::storage {

bool Status::out_of_space() const {
  return code_ == MDB_MAP_FULL || code_ == ENOSPC || code_ == EDQUOT;
}

std::string Status::text() const {
  if (ok()) return "ok";
  return std::string(step_) + ": " + mdb_strerror(code_) + " (" + std::to_string(code_) + ")";
}

}  // namespace holdfast::storage
