#!/usr/bin/env bash
# Installs llmcheck of this action's commit into an environment of its own, and puts that on the PATH of later steps.
# The project's environment is left alone: llmcheck reads it from outside.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
environment=${RUNNER_TEMP:?}/llmcheck-environment

"${INPUT_PYTHON:-python3}" -m venv "$environment"
bin=$environment/bin
[ -d "$bin" ] || bin=$environment/Scripts # Windows
"$bin/python" -m pip install --quiet --disable-pip-version-check "$root"
printf '%s\n' "$bin" >>"${GITHUB_PATH:?}"
