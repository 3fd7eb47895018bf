#!/bin/sh
# Feature of a dev container: llmcheck in an environment of its own, so that the project's packages stay as they are.
# "postStartCommand": "llmcheck check" then judges the container by the project's llmcheck.toml.
set -eu

PACKAGE=${PACKAGE:-llmcheck}
PREFIX=${PREFIX:-/opt/llmcheck}
BIN=${BIN:-/usr/local/bin}

command -v python3 >/dev/null || {
  echo "llmcheck needs Python 3.11 or newer: add the feature ghcr.io/devcontainers/features/python before it" >&2
  exit 1
}
python3 -m venv "$PREFIX"
"$PREFIX/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check -- "$PACKAGE"
ln -sf "$PREFIX/bin/llmcheck" "$BIN/llmcheck"
