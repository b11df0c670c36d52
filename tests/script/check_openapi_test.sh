#!/usr/bin/env bash
# Holds script/check_openapi to seeing a route or a value that only one side has, whichever side it is.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
check=$repository/script/check_openapi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failures=0

# refuses WHY FILE SED EXPECTED: with the change made to the file, the check fails and its output has this line.
refuses() {
  local output
  cp -r "$repository"/{openapi.yaml,engine,net,config} "$root"
  sed -E -i "$3" "$root/$2"
  if cmp -s "$repository/$2" "$root/$2"; then
    echo "FAILED: nothing to change in $2 for: $1"
    failures=$((failures + 1))
  elif output=$("$check" "$root" 2>&1); then
    echo "FAILED: took $1"
    failures=$((failures + 1))
  elif ! grep -qxF -- "$4" <<<"$output"; then
    echo "FAILED: refused $1 without saying \"$4\": $output"
    failures=$((failures + 1))
  fi
}

refuses "a route that is not documented" net/card_routes.cpp 's|/freeze"|/thaw"|' '> POST /api/v1/cards/{id}/thaw'
refuses "a documented route that is not served" net/card_routes.cpp 's|/freeze"|/thaw"|' '< POST /api/v1/cards/{id}/freeze'
refuses "a budget's route that is not documented" net/budget_routes.cpp 's|/freeze"|/thaw"|' '> POST /api/v1/budgets/{id}/thaw'
refuses "another method" openapi.yaml 's|^    delete:|    put:|' '< PUT /api/v1/keys/{id}'
refuses "an ops path that is not documented" net/ops_routes.cpp 's|"/livez"|"/alive"|' '> GET /alive'
refuses "another path for webhooks" config/load.cpp 's|"/webhooks/"|"/hooks/"|' '> POST /hooks/{endpoint}'
refuses "a reason that is not documented" engine/reason.cpp 's|"card_frozen"|"card_cold"|' '> card_cold'
refuses "reasons in another order" openapi.yaml '/^        - card_closed$/d; s|^        - card_expired$|&\n        - card_closed|' '< card_expired'
refuses "a window that does not exist" openapi.yaml 's|(enum: \[authorization, hour,)|\1 minute,|' '< minute'
refuses "a policy that is not documented" net/card_input.cpp 's|"require_match"|"require"|' '> require'
refuses "a role that is not documented" net/access.cpp 's|"reader"\}|"reader", "guest"}|' '> guest'
refuses "a status that is not documented" engine/lifecycle.cpp 's|return "reversed"|return "voided"|' '> voided'
refuses "sources that it does not understand" net/node_json.cpp 's|kWeekdays\[\]|kDays[]|' \
  'Weekday: nothing was found in the sources; has script/check_openapi to look somewhere else?'

[ "$failures" -eq 0 ]
