#!/bin/sh
# inference-7b: installation planned by llmcheck
set -eu
# nothing to install
