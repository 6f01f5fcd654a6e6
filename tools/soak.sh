#!/usr/bin/env bash
# Runs the legs of the soak, several side by side because they mostly wait, and says in the end what each took.
#
#   tools/soak.sh [CARGO_OPTION…] -- [PART_OF_A_NAME]
#
# SOAK_AT_ONCE: how many at the same time (default 4). A leg that failed is run again by its name.
set -euo pipefail
cd "$(dirname "$0")/.."

options=()
while [[ $# -gt 0 && $1 != -- ]]; do options+=("$1"); shift; done
shift || true

log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
REHULL_SOAK_LOG=$log RUST_TEST_THREADS=${SOAK_AT_ONCE:-4} \
    cargo test "${options[@]}" --workspace --test live -- --ignored --skip by_the_real_provider --skip control_plane:: "$@" || code=$?

echo
echo "legs, the longest first:"
sort -rn "$log" | awk -F '\t' '{ printf "  %6d s  %-6s  %s\n", $1, $2, $3; sum += $1 } END { printf "%d legs, %d s of work\n", NR, sum }'
if [[ $code -ne 0 ]]; then
    echo "again, only what failed:"
    awk -F '\t' '$2 != "ok" { print "  make soak LEGS=" $3 }' "$log"
fi
exit "$code"
