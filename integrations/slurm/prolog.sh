#!/bin/sh
# Prolog of Slurm: a job does not start on a node that is confirmed not to be ready; Slurm then drains the node.
# In slurm.conf:  Prolog=/etc/slurm/prolog.d/50-llmcheck.sh  PrologFlags=Alloc
#
# slurmd runs it as root with an almost empty environment, so everything is named by its full path. A tool that is
# broken or slow must not drain a cluster: every exit code but 1 becomes 0 and is logged.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LLMCHECK=/opt/llmcheck/bin/llmcheck
PROFILE=/etc/llmcheck/node.toml # or the id of a shipped one, such as inference-70b
SECONDS_AT_MOST=60              # less than PrologEpilogTimeout
[ ! -r /etc/default/llmcheck ] || . /etc/default/llmcheck

cd / || exit 0
line=$(timeout -k 5 "$SECONDS_AT_MOST" "$LLMCHECK" check --config none --preset prolog --only hardware -- "$PROFILE" 2>&1)
code=$?
[ -z "$line" ] || logger -t llmcheck -- "job ${SLURM_JOB_ID:-?}: $line" 2>/dev/null
[ "$code" -eq 1 ] || exit 0
printf '%s\n' "$line" >&2
exit 1
