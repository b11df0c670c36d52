#!/usr/bin/env bash
# bench/restart.sh [CARDS [DECISIONS [NOT_FOLDED [ROUNDS]]]]: how long a daemon takes from exec to its first 200 of /readyz
# and to its first decision, on a store of so many cards and journaled decisions of which the checkpoint lacks the last
# NOT_FOLDED. A round that is not counted comes first: it reads the files in, and tells a card to decide on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cards=${1:-1000000}
decisions=${2:-10000000}
not_folded=${3:-1000000}
rounds=${4:-3}
export HOLDFAST_ADMIN_KEY=token-of-the-benchmark

work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-restart.XXXXXX")
pid=
finish() {
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

build/release/bench/fill_store "$work/data" "$cards" "$decisions" $((decisions - not_folded))
for part in journal state; do
  # Blocks, not lengths: the end of a file may be a hole. The cards and the journal's preallocation are in it.
  du -sB1 "$work/data/$part" | awk -v part=$part -v n="$decisions" \
    '{ printf "%s_bytes %.0f\n%s_bytes_a_decision %.0f\n", part, $1, part, $1 / n }'
done

cat >"$work/holdfast.toml" <<END
[server]
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
[storage]
path = "$work/data"
checkpoint_interval_seconds = 86400
END

ask() { curl -sSf -H "Authorization: Bearer $HOLDFAST_ADMIN_KEY" -H 'Content-Type: application/json' "$@"; }
since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f", to - from }'; }
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f %.2f", $14 / hz, $15 / hz }' "/proc/$1/stat"; }
megabytes() { awk -v name="$2:" '$1 == name { printf "%.0f", $2 * 1024 / 1e6 }' "/proc/$1/status"; }

card=
for ((round = 0; round <= rounds; ++round)); do
  start=$EPOCHREALTIME
  # Waiting for its line takes no processor time from it, as looking again and again would.
  exec 3< <(exec build/release/holdfast serve --config "$work/holdfast.toml" 2>"$work/log")
  pid=$!
  read -r line <&3 || { cat "$work/log" >&2; exit 1; }
  api=$(grep -o 'webhooks on http://[0-9.:]*' <<<"$line" | grep -o 'http.*')
  ops=$(grep -o 'metrics on http://[0-9.:]*' <<<"$line" | grep -o 'http.*')
  curl -sSf -o "$work/readyz" "$ops/readyz"
  ready=$(since "$start")
  if [ "$round" -eq 0 ]; then
    card=$(ask "$api/api/v1/cards?limit=1" | grep -o 'card_[0-9A-Z]\{26\}' | head -n 1)
    echo "round ready_seconds decision_seconds user_seconds system_seconds peak_megabytes own_megabytes"
  else
    ask "$api/api/v1/authorizations" -o "$work/decision" -d '{"id":"restart-'$round'","card":"'"$card"'","amount":1,
      "currency":"USD","merchant":{"id":"m_1","name":"bench","category":"5734","country":"US"}}'
    decided=$(since "$start")
    grep -q '"approved":true' "$work/decision" || { cat "$work/decision" >&2; exit 1; }
    echo "$round $ready $decided $(cpu_of "$pid") $(megabytes "$pid" VmHWM) $(megabytes "$pid" RssAnon)"
  fi
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  exec 3<&-
done
