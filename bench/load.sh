#!/usr/bin/env bash
# bench/load.sh [ARGUMENT...]: holdfast-load on a daemon of its own, with what is given (build/release/holdfast-load --help).
# Every kind is configured. The store is verified at the end; the exit status is the load's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/daemon.sh

export LOAD_SECRET=whsec_dGhlIDMyIGJ5dGVzIG9mIGEgc2lnbmluZyBzZWNyZXQ= LOAD_NAME=load LOAD_PASSWORD=of-the-benchmark
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-load.XXXXXX")
finish() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

start_daemon "$work" '
[[endpoint]]
name = "stripe-main"
kind = "stripe"
secrets = ["env:LOAD_SECRET"]
[[endpoint]]
name = "lithic-main"
kind = "lithic"
secrets = ["env:LOAD_SECRET"]
[[endpoint]]
name = "marqeta-main"
kind = "marqeta"
username = ["env:LOAD_NAME"]
password = ["env:LOAD_PASSWORD"]
webhook_secrets = ["env:LOAD_SECRET"]'

status=0
build/release/holdfast-load --target "$api" --pid "$daemon" --secret env:LOAD_SECRET --username env:LOAD_NAME \
  --password env:LOAD_PASSWORD "$@" || status=$?
stop_daemon "$work"
tail -n 1 "$work/verified" | sed 's/^/the store: /'
exit "$status"
