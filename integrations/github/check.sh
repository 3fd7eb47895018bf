#!/usr/bin/env bash
# One 'llmcheck check' from the inputs of the action, which come as environment variables. Every input becomes the value
# of an option or stands behind '--', so none of them can be an option itself.
set -euo pipefail
set -f # a '*' of an input is no pattern

options=(--format github --fail-on "${INPUT_FAIL_ON:-unknown}")
[ -z "${INPUT_MACHINE:-}" ] || options+=("--machine=$INPUT_MACHINE")
[ -z "${INPUT_WAIT:-}" ] || options+=("--wait=$INPUT_WAIT")
for each in ${INPUT_ONLY:-}; do options+=("--only=$each"); done
for each in ${INPUT_SKIP:-}; do options+=("--skip=$each"); done
while IFS= read -r each; do
  [ -z "$each" ] || options+=("--report=$each")
done <<<"${INPUT_REPORTS:-}"

profiles=()
for each in ${INPUT_PROFILES:-}; do profiles+=("$each"); done

# The form of the last array works in bash 3.2, which macOS has, where it is empty.
exec llmcheck check "${options[@]}" -- ${profiles[@]+"${profiles[@]}"}
