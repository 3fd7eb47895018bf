#!/bin/sh
# HealthCheckProgram of Slurm: drains a node that is confirmed not to be ready, with the reason that 'sinfo -R' shows,
# and resumes it once it is ready again if nobody else has drained it. In slurm.conf:
#   HealthCheckProgram=/etc/slurm/llmcheck_health.sh  HealthCheckInterval=300  HealthCheckNodeState=IDLE
#
# What is undetermined, and a tool that is broken or slow, changes nothing.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LLMCHECK=/opt/llmcheck/bin/llmcheck
PROFILE=/etc/llmcheck/node.toml # or the id of a shipped one, such as inference-70b
SECONDS_AT_MOST=50              # slurmd ends the program after 60
[ ! -r /etc/default/llmcheck ] || . /etc/default/llmcheck

cd / || exit 0
node=${SLURMD_NODENAME:-$(hostname -s)}
line=$(timeout -k 5 "$SECONDS_AT_MOST" "$LLMCHECK" check --config none --format slurm --only hardware -- "$PROFILE" 2>/dev/null)
code=$?
reason=$(sinfo --noheader --nodes="$node" --format=%E 2>/dev/null | head -n 1)
case $code in
  0)
    case $reason in
      'llmcheck: '*) scontrol update "NodeName=$node" State=RESUME ;;
    esac
    ;;
  1)
    case $reason in
      none | '' | 'llmcheck: '*) scontrol update "NodeName=$node" State=DRAIN "Reason=$line" ;;
    esac # somebody else's reason stays
    ;;
  *) logger -t llmcheck -- "exit code $code: ${line:-no answer}" 2>/dev/null ;;
esac
exit 0
