#!/bin/sh
# inference-7b: installation planned by llmcheck
set -eu

main() {
    # nothing to install
    :
}

main "$@" </dev/null
