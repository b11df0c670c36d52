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

# sources FOLDER...: the C++ files of the root and of these folders, one a line.
sources() {
  local folder
  {
    find . -maxdepth 1 -type f \( -name '*.h' -o -name '*.cpp' \)
    for folder in "$@"; do
      if [ -d "$folder" ]; then find "./$folder" -type f \( -name '*.h' -o -name '*.cpp' \); fi
    done
  } | sed 's|^\./||' | LC_ALL=C sort
}
