#!/usr/bin/env bash
# bench/whole_path.sh [CONNECTIONS [ROUNDS [SECONDS [CARDS]]]]: the whole decision path, durable, next to nginx answering a
# fixed body, in interleaved rounds on one machine. Prints a row a round, then medians and the ratio.
#
# Absolute figures mean nothing on a machine that others share; the ratio of rounds that stand next to each other does.
# Both servers get the same requests from the same wrk. At the end the store is verified: every balance is recomputed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/daemon.sh

connections=${1:-64}
rounds=${2:-5}
seconds=${3:-5}
card_count=${4:-1000}

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-bench.XXXXXX")
nginx=
finish() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  [ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# ---- nginx with a fixed answer, as large as a decision's ----
nginx_port=$((20000 + RANDOM % 20000))
answer=$(printf '%500s' '' | tr ' ' 'x')
cat >"$work/nginx.conf" <<EOF
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
  server {
    listen 127.0.0.1:$nginx_port;
    location / { default_type application/json; return 200 "$answer"; }
  }
}
EOF
"$(command -v nginx || echo /usr/sbin/nginx)" -c "$work/nginx.conf" -p "$work" &
nginx=$!

start_daemon "$work"
echo "making $card_count cards" >&2
for ((i = 0; i < card_count; ++i)); do
  [ "$i" -eq 0 ] || echo next
  printf 'silent\nurl = "%s/api/v1/cards"\ndata = "{\\"label\\":\\"bench %d\\",\\"limit_usd\\":10000000}"\n' "$api" "$i"
  printf 'header = "Authorization: Bearer %s"\nheader = "Content-Type: application/json"\noutput = "-"\n' \
    "$HOLDFAST_ADMIN_KEY"
done | curl -sS -K - | grep -o 'card_[0-9A-Z]\{26\}' | sort -u >"$work/cards"
[ "$(wc -l <"$work/cards")" -eq "$card_count" ]

cpu_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # in ticks

# measure NAME PID SCRIPT URL [ARGUMENT...]: appends "rate p50 p99 cpu_us" to the file NAME.
measure() {
  local name=$1 pid=$2 script=$3 url=$4 before after result
  shift 4
  before=$(cpu_of "$pid")
  result=$(wrk -t1 -c"$connections" -d"${seconds}s" -s "$script" "$url" -- "$@" | grep '^RESULT')
  after=$(cpu_of "$pid")
  awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" '{
    if ($5 != 0 || $6 != 0) { print "answers failed: " $0 > "/dev/stderr"; exit 1 }
    printf "%d %.3f %.3f %.2f\n", $2, $3, $4, ticks / hz * 1e6 / ($2 * seconds) }' <<<"$result" >>"$work/$name"
  echo "$name $(tail -n 1 "$work/$name")"
}

echo "server requests/s p50_ms p99_ms server_cpu_us_a_request"
for ((round = 0; round < rounds; ++round)); do
  measure nginx "$(cat "$work/nginx.pid" | xargs -I{} pgrep -P {} | head -n 1)" bench/fixed.lua \
    "http://127.0.0.1:$nginx_port"
  measure holdfast "$daemon" bench/decisions.lua "$api" "$work/cards" "$HOLDFAST_ADMIN_KEY"
done

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
column() { cut -d' ' -f"$2" "$work/$1" | median; }
echo "medians of $rounds interleaved rounds, $connections connections:"
for name in nginx holdfast; do
  echo "  $name: $(column $name 1)/s, p50 $(column $name 2) ms, p99 $(column $name 3) ms, CPU $(column $name 4) us"
done
paste -d' ' "$work/holdfast" "$work/nginx" | awk '{ print $1 / $5 }' | sort -n |
  awk '{ v[NR] = $1 } END { printf "decisions a request of nginx: %.2f (%.2f to %.2f)\n", v[int((NR + 1) / 2)], v[1], v[NR] }'

curl -sS "$ops/metrics" | awk '
  /^holdfast_journal_commit_seconds_sum/ { seconds = $2 } /^holdfast_journal_commit_seconds_count/ { commits = $2 }
  /^holdfast_journal_batch_records_sum/ { records = $2 }
  /^process_resident_memory_bytes/ { memory = $2 }
  END { printf "commits %d, %.0f us and %.1f records each; resident memory %.0f MB\n", commits, seconds / commits * 1e6,
        records / commits, memory / 1e6 }'
stop_daemon "$work"
decided=$(awk '$1 == "approvals" || $1 == "declines" { n += $2 } END { print n }' "$work/verified")
echo "verified: $decided decisions, $(du -sb "$work/data/journal" | awk -v n="$decided" '{ printf "%.0f", $1 / n }') bytes each in the journal's file (preallocation included)"
