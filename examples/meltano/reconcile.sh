#!/usr/bin/env bash
# Compares the lake with the workspace, mends what differs, and fails where a second look finds anything.
# Meltano runs it as `reconcile:lake`, and says what settings and selection of the project are.
set -euo pipefail

# The token is in one of these files.
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

meltano invoke --dump=config tap-intercom > "$folder/tap.json"
meltano invoke --dump=catalog tap-intercom > "$folder/catalog.json"
meltano invoke --dump=config target-gcs > "$folder/target.json"

target() {
  target-gcs --config "$folder/target.json" "$@"
}
audit() {
  target --read-keys > "$folder/keys.jsonl"
  tap-intercom --config "$folder/tap.json" --catalog "$folder/catalog.json" \
    --state "$folder/state.json" --audit "$folder/keys.jsonl" "$@"
}

# The state first: the keys are never older than it.
target --read-state > "$folder/state.json"
audit --repair | target > "$folder/states.jsonl"
audit
