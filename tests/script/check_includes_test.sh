#!/usr/bin/env bash
# Holds script/check_includes to refusing every arrow that does not point at engine, and to nothing beside.
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/script/check_includes
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# A tree with one file of the given content on its second line.
tree_with() {
  rm -rf "${root:?}"/*
  mkdir -p "$root/$(dirname "$1")"
  printf '#pragma once\n%s\n' "$2" >"$root/$1"
}

rejects() {
  tree_with "$1" "$2"
  local output
  if output=$("$check" "$root" 2>&1); then
    fail "took $2 in $1"
  elif ! grep -q "^$1$3: " <<<"$output"; then
    fail "refused $2 in $1 without saying where: $output"
  fi
}

takes() {
  tree_with "$1" "$2"
  local output
  output=$("$check" "$root" 2>&1) || fail "refused $2 in $1: $output"
}

rejects engine/a.h '#include "net/a.h"' :2
rejects engine/a.h '#include "storage/a.h"' :2
rejects engine/a.h '#include "config/a.h"' :2
rejects engine/a.h '#include "tests/a.h"' :2
rejects engine/a.cpp '#include <net/a.h>' :2
rejects engine/a.cpp '#include <boost/asio.hpp>' :2
rejects engine/a.cpp '#include <unistd.h>' :2
rejects engine/a.cpp '#include <sys/mman.h>' :2
rejects engine/large_memory.h '#include <sys/mman.h>' :2
rejects engine/large_memory.cpp '#include <unistd.h>' :2
rejects engine/a.cpp '#include <lmdb.h>' :2
rejects engine/a.cpp '#include <engine/b.h>' :2
rejects engine/a.cpp '#include "b.h"' :2
rejects engine/a.cpp '  #  include   "net/a.h"  // why' :2
rejects storage/a.cpp '#include "net/a.h"' :2
rejects storage/a.cpp '#include "config/options.h"' :2
rejects net/a.cpp '#include "storage/a.h"' :2
rejects net/a.cpp '#include "config/options.h"' :2
rejects net/a.cpp '#include <lmdb.h>' :2
rejects net/processors/a.cpp '#include "storage/a.h"' :2
rejects net/processors/a.cpp '#include "../../storage/a.h"' :2
rejects config/a.cpp '#include "engine/money.h"' :2
rejects config/a.cpp '#include "net/a.h"' :2
rejects main.cpp '#include <lmdb.h>' :2
rejects main.cpp '#include "tests/a.h"' :2
rejects serve.cpp '#include "bench/a.h"' :2
rejects engine/a.cpp '#include "serve.h"' :2
rejects server/a.cpp '#include <vector>' ''

for folder in util engine/util net/common tests/common; do
  tree_with "$folder/a.h" '#include <vector>'
  if "$check" "$root" >/dev/null 2>&1; then fail "took a folder $folder"; fi
done

takes engine/a.h '#include "engine/b.h"'
takes engine/a.h '#include <vector>'
takes engine/a.h '// #include "net/a.h"'
takes storage/a.cpp '#include "engine/a.h"'
takes storage/a.cpp '#include "storage/a.h"'
takes storage/a.cpp '#include <lmdb.h>'
takes net/a.cpp '#include "engine/a.h"'
takes net/processors/a.cpp '#include "net/a.h"'
takes net/a.cpp '#include <boost/asio.hpp>'
takes config/a.cpp '#include "config/b.h"'
takes config/a.cpp '#include <toml++/toml.h>'
takes main.cpp '#include "storage/a.h"'
takes main.cpp '#include "serve.h"'
takes serve.h '#include "net/a.h"'
takes bench/a_bench.cpp '#include "storage/a.h"'
takes tests/storage/a_test.cpp '#include <lmdb.h>'

[ "$failures" -eq 0 ]
