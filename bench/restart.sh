#!/usr/bin/env bash
# bench/restart.sh [CARDS [DECISIONS [NOT_FOLDED [ROUNDS]]]]: how long a daemon takes from exec to its first 200 of /readyz,
# on a store of so many cards and journaled decisions of which the checkpoint lacks the last NOT_FOLDED.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cards=${1:-1000000}
decisions=${2:-10000000}
not_folded=${3:-1000000}
rounds=${4:-3}

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-restart.XXXXXX")
trap 'rm -rf "$work"' EXIT
build/release/bench/fill_store "$work/data" "$cards" "$decisions" $((decisions - not_folded))
du -sb "$work/data/journal" "$work/data/state" | sed "s|$work/data/||"

cat >"$work/holdfast.toml" <<EOF
[server]
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
[storage]
path = "$work/data"
checkpoint_interval_seconds = 86400
EOF
export HOLDFAST_ADMIN_KEY=token-of-the-benchmark
for ((round = 0; round < rounds; ++round)); do
  : >"$work/out"
  start=$(date +%s%N)
  build/release/holdfast serve --config "$work/holdfast.toml" >"$work/out" 2>"$work/log" &
  daemon=$!
  until grep -q ready "$work/out"; do kill -0 "$daemon"; done
  ops=$(grep -o 'metrics on http://[0-9.:]*' "$work/out" | grep -o 'http.*')
  curl -sf --retry 50 --retry-delay 0 --retry-connrefused "$ops/readyz" >/dev/null
  stop=$(date +%s%N)
  memory=$(curl -s "$ops/metrics" | awk '/^process_resident_memory_bytes/ { print $2 }')
  printf 'ready after %.2f s, resident memory %.0f MB\n' "$(awk "BEGIN { print ($stop - $start) / 1e9 }")" \
    "$(awk "BEGIN { print $memory / 1e6 }")"
  kill -9 "$daemon"
  wait "$daemon" 2>/dev/null || true
done
