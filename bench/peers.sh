#!/usr/bin/env bash
# bench/peers.sh [CONNECTIONS [ROUNDS [SECONDS [CARDS]]]]: the same durable decision (a card's lifetime limit, an id that is
# decided once) by Holdfast, by PostgreSQL (one prepared function, synchronous_commit on) and by Redis (a script,
# appendfsync always), and nginx answering a fixed body, in interleaved rounds on one machine. The databases are driven by
# their own load programs: without HTTP, JSON or a key to check. Each has its own folder and port, and is gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/daemon.sh
source bench/rounds.sh

connections=${1:-64}
rounds=${2:-3}
seconds=${3:-5}
cards=${4:-1000}

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-peers.XXXXXX")
nginx= redis= postgres=
finish() {
  local pid
  for pid in $daemon $nginx $redis $postgres; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# ---- PostgreSQL, which refuses to be root ----
as_postgres=()
[ "$(id -u)" -ne 0 ] || as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)

start_postgres() {
  local bin
  bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
  pg_folder=$work/postgres.data
  pg_port=$(free_port)
  chmod 755 "$work"
  mkdir "$pg_folder"
  [ "$(id -u)" -ne 0 ] || chown postgres "$pg_folder"
  "${as_postgres[@]}" "$bin/initdb" -D "$pg_folder/data" -U bench -A trust --no-sync >"$work/initdb.log"
  "${as_postgres[@]}" "$bin/postgres" -D "$pg_folder/data" -p "$pg_port" -k "$pg_folder" -c listen_addresses=127.0.0.1 \
    -c max_connections=$((connections + 20)) -c synchronous_commit=on -c shared_buffers=512MB -c max_wal_size=8GB >"$work/postgres.log" 2>&1 &
  postgres=$!
  until "$bin/pg_isready" -q -h 127.0.0.1 -p "$pg_port"; do
    kill -0 "$postgres" || { cat "$work/postgres.log" >&2; exit 1; }
  done
  sql() { psql -q -h 127.0.0.1 -p "$pg_port" -U bench -d postgres -v ON_ERROR_STOP=1 "$@"; }
  sql -f bench/peers/decide.sql
  sql -c "INSERT INTO cards (id, limit_minor) SELECT n, 1000000000 FROM generate_series(1, $cards) n" -c "VACUUM ANALYZE"
}

# Its log has the number of a client's transaction and its microseconds in the second and third column. Connecting is not in
# the rate, and each client's first transaction, which plans, not in the latency; both are in the processor time.
run_postgres() {
  rm -f "$work"/pgbench_log.*
  (cd "$work" && pgbench -h 127.0.0.1 -p "$pg_port" -U bench -n -M prepared -c "$connections" -j 1 -T "$seconds" -l \
    -D cards="$cards" -f "$OLDPWD/bench/peers/decide.pgbench" postgres >pgbench.out 2>&1) || { cat "$work/pgbench.out" >&2; return 1; }
  local rate requests
  rate=$(awk '/^tps/ { print $3 }' "$work/pgbench.out")
  requests=$(awk '/actually processed/ { print $NF }' "$work/pgbench.out")
  cat "$work"/pgbench_log.* | awk '$2 > 1 { print $3 }' | sort -n | awk -v rate="$rate" -v n="$requests" '{ v[NR] = $1 }
    END { printf "RESULT %.0f %.3f %.3f 0 0 %d\n", rate, v[int((NR + 1) / 2)] / 1e3, v[int(NR * 0.99)] / 1e3, n }'
}

# ---- Redis ----
start_redis() {
  redis_port=$(free_port)
  mkdir "$work/redis.data"
  redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$work/redis.data" --save '' --appendonly yes --appendfsync always \
    --daemonize no >"$work/redis.log" 2>&1 &
  redis=$!
  until redis-cli -p "$redis_port" ping 2>/dev/null | grep -q PONG; do
    kill -0 "$redis" || { cat "$work/redis.log" >&2; exit 1; }
  done
  redis_script=$(redis-cli -p "$redis_port" script load "$(cat bench/peers/decide.lua)")
}

# It takes a number of requests, not a time: as many as the round before would have taken for it.
run_redis() {
  local requests=20000
  [ ! -s "$work/redis" ] || requests=$(tail -n 1 "$work/redis" | awk -v seconds="$seconds" '{ print int($1 * seconds) }')
  redis-benchmark -p "$redis_port" -c "$connections" -n "$requests" -r "$cards" --csv EVALSHA "$redis_script" 2 \
    "a-__rand_int__-__rand_int__-__rand_int__-__rand_int__" c-__rand_int__ 2500 2>/dev/null |
    tail -n 1 | tr -d '"' | awk -F, -v n="$requests" '{ printf "RESULT %.0f %.3f %.3f 0 0 %d\n", $(NF - 6), $(NF - 3), $(NF - 1), n }'
}

start_nginx
start_postgres
start_redis
start_daemon "$work"
make_cards "$cards"
echo "server requests/s p50_ms p99_ms server_cpu_us_a_request"
for ((round = 0; round < rounds; ++round)); do
  measure_nginx
  measure_holdfast
  measure postgres "$postgres" run_postgres
  measure redis "$redis" run_redis
done
echo "medians of $rounds interleaved rounds, $connections connections, $cards cards:"
tell_medians nginx holdfast postgres redis
tell_ratio "decisions of holdfast for one of postgres" holdfast postgres
tell_ratio "decisions of holdfast for one of redis" holdfast redis
tell_ratio "decisions of holdfast for an answer of nginx" holdfast nginx
stop_daemon "$work"
sed -n '$s/^/the store: /p' "$work/verified"
