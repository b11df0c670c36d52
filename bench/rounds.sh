# What benchmarks share that compare servers in interleaved rounds. Sourced after bench/daemon.sh, with errexit set; $work
# is a folder of the benchmark's own, $connections and $seconds are set. Each server has a file of its name in it, with a
# row a round: requests/s, p50 and p99 in milliseconds, processor time a request in microseconds.
#
# Absolute figures mean nothing on a machine that others share; the ratio of rounds that stand next to each other does.

# A port where nobody listens now.
free_port() {
  local port
  while port=$((20000 + RANDOM % 20000)) && (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

# nginx with a fixed answer, as large as a decision's. Leaves $nginx (its process id) and $nginx_port.
start_nginx() {
  nginx_port=$(free_port)
  cat >"$work/nginx.conf" <<END
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
    location / { default_type application/json; return 200 "$(printf '%500s' '' | tr ' ' 'x')"; }
  }
}
END
  "$(command -v nginx || echo /usr/sbin/nginx)" -c "$work/nginx.conf" -p "$work" &
  nginx=$!
}

# make_cards COUNT: cards of the daemon, an id a line in the file cards.
make_cards() {
  local i
  echo "making $1 cards" >&2
  for ((i = 0; i < $1; ++i)); do
    [ "$i" -eq 0 ] || echo next
    printf 'silent\nurl = "%s/api/v1/cards"\ndata = "{\\"label\\":\\"bench %d\\",\\"limit_usd\\":10000000}"\n' "$api" "$i"
    printf 'header = "Authorization: Bearer %s"\nheader = "Content-Type: application/json"\noutput = "-"\n' \
      "$HOLDFAST_ADMIN_KEY"
  done | curl -sS -K - | grep -o 'card_[0-9A-Z]\{26\}' | sort -u >"$work/cards"
  [ "$(wc -l <"$work/cards")" -eq "$1" ]
}

# Ticks of a process, of its children, and of those of them that have ended.
cpu_of() {
  local pid
  for pid in "$1" $(pgrep -P "$1"); do cat "/proc/$pid/stat" 2>/dev/null; done |
    sed 's/.*) //' | awk '{ n += $12 + $13 + $14 + $15 } END { print n }'
}

# measure NAME PID COMMAND...: a round of the server with this process id. The command prints "RESULT requests/s p50_ms
# p99_ms wrong failed [requests]", as the scripts for wrk do; without the last it ran for $seconds.
measure() {
  local name=$1 pid=$2 before after result
  shift 2
  before=$(cpu_of "$pid")
  result=$("$@" | grep '^RESULT')
  after=$(cpu_of "$pid")
  awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" '{
    if ($5 != 0 || $6 != 0) { print "answers failed: " $0 > "/dev/stderr"; exit 1 }
    printf "%d %.3f %.3f %.2f\n", $2, $3, $4, ticks / hz * 1e6 / (NF > 6 ? $7 : $2 * seconds) }' <<<"$result" >>"$work/$name"
  echo "$name $(tail -n 1 "$work/$name")"
}

# measure_http NAME PID SCRIPT URL [ARGUMENT...]: by wrk.
measure_http() {
  local name=$1 pid=$2 script=$3 url=$4
  shift 4
  measure "$name" "$pid" wrk -t1 -c"$connections" -d"${seconds}s" -s "$script" "$url" -- "$@"
}
measure_nginx() { measure_http nginx "$nginx" bench/fixed.lua "http://127.0.0.1:$nginx_port"; }
measure_holdfast() { measure_http holdfast "$daemon" bench/decisions.lua "$api" "$work/cards" "$HOLDFAST_ADMIN_KEY"; }

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
column() { cut -d' ' -f"$2" "$work/$1" | median; }
tell_medians() {
  local name
  for name in "$@"; do
    echo "  $name: $(column "$name" 1)/s, p50 $(column "$name" 2) ms, p99 $(column "$name" 3) ms, CPU $(column "$name" 4) us"
  done
}

# tell_ratio WHAT NAME OTHER: requests/s of one to the other's, round by round: the median, the least and the greatest.
tell_ratio() {
  paste -d' ' "$work/$2" "$work/$3" | awk '{ print $1 / $5 }' | sort -n |
    awk -v what="$1" '{ v[NR] = $1 } END { printf "%s: %.2f (%.2f to %.2f)\n", what, v[int((NR + 1) / 2)], v[1], v[NR] }'
}
