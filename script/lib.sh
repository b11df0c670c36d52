# What the scripts of this folder share. Sourced, never run; leaves the shell in the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# step NAME COMMAND...: runs the command under its name, tells how long it took, ends the script when it fails.
step() {
  local name=$1 started=$SECONDS status=0
  shift
  echo "==> $name"
  "$@" || status=$?
  if [ "$status" -ne 0 ]; then
    die "step \"$name\" failed after $((SECONDS - started)) s (exit status $status)"
  fi
  echo "<== $name: $((SECONDS - started)) s"
}

# Every C++ file of the project, or of the folders given, one a line.
sources() {
  local places=("$@") place
  [ $# -gt 0 ] || places=(engine storage net config bench tests main.cpp)
  for place in "${places[@]}"; do
    if [ -e "$place" ]; then find "$place" -type f \( -name '*.h' -o -name '*.cpp' \); fi
  done | LC_ALL=C sort
}
