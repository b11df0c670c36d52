# A daemon for a benchmark, on a new store and free ports. Sourced from the root of the repository, with errexit set.
#
# start_daemon FOLDER [CONFIGURATION]: its store, output and log are in the folder; more configuration may follow the
# ports' and the store's. Leaves $daemon (its process id), $api and $ops (where it answers).
# stop_daemon FOLDER: drains it, and verifies the store, whose counts are in FOLDER/verified then.
holdfast=build/release/holdfast
export HOLDFAST_ADMIN_KEY=token-of-the-benchmark
daemon= api= ops=

start_daemon() {
  cat >"$1/holdfast.toml" <<END
[server]
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
[storage]
path = "$1/data"
${2:-}
END
  : >"$1/out"
  "$holdfast" serve --config "$1/holdfast.toml" >"$1/out" 2>"$1/log" &
  daemon=$!
  until grep -q ready "$1/out"; do
    kill -0 "$daemon" || { cat "$1/log" >&2; exit 1; }
  done
  api=$(grep -o 'webhooks on http://[0-9.:]*' "$1/out" | grep -o 'http.*')
  ops=$(grep -o 'metrics on http://[0-9.:]*' "$1/out" | grep -o 'http.*')
}

stop_daemon() {
  kill "$daemon"
  wait "$daemon"
  daemon=
  "$holdfast" verify "$1/data" >"$1/verified"
}
