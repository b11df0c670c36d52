#!/usr/bin/env bash
# bench/whole_path.sh [CONNECTIONS [ROUNDS [SECONDS [CARDS]]]]: the whole decision path, durable, next to nginx answering a
# fixed body, in interleaved rounds on one machine. Prints a row a round, then medians and the ratio.
#
# Both servers get the same requests from the same wrk. At the end the store is verified: every balance is recomputed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/daemon.sh
source bench/rounds.sh

connections=${1:-64}
rounds=${2:-5}
seconds=${3:-5}

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-bench.XXXXXX")
nginx=
finish() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  [ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

start_nginx
start_daemon "$work"
make_cards "${4:-1000}"
echo "server requests/s p50_ms p99_ms server_cpu_us_a_request"
for ((round = 0; round < rounds; ++round)); do
  measure_nginx
  measure_holdfast
done
echo "medians of $rounds interleaved rounds, $connections connections:"
tell_medians nginx holdfast
tell_ratio "decisions a request of nginx" holdfast nginx

curl -sS "$ops/metrics" | awk '
  /^holdfast_journal_commit_seconds_sum/ { seconds = $2 } /^holdfast_journal_commit_seconds_count/ { commits = $2 }
  /^holdfast_journal_batch_records_sum/ { records = $2 }
  /^process_resident_memory_bytes/ { memory = $2 }
  END { printf "commits %d, %.0f us and %.1f records each; resident memory %.0f MB\n", commits, seconds / commits * 1e6,
        records / commits, memory / 1e6 }'
stop_daemon "$work"
decided=$(awk '$1 == "approvals" || $1 == "declines" { n += $2 } END { print n }' "$work/verified")
echo "verified: $decided decisions, $(du -sb "$work/data/journal" | awk -v n="$decided" '{ printf "%.0f", $1 / n }') bytes each in the journal's file (preallocation included)"
