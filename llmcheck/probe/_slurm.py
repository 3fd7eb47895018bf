"""What Slurm has allotted to this process, from the environment that it gives each job (sbatch(1), srun(1)).

Slurm may enforce it with control groups, or trust its users; what is allotted is the limit in either case.
"""

from __future__ import annotations

from llmcheck.system.host import Host

_MIB = 2**20  # Slurm counts memory in these


def processors(host: Host) -> tuple[int, str] | None:
    """Logical processors for this process and the variable that says so; None outside a job.

    A task that srun started has ``SLURM_CPUS_PER_TASK`` of them. A batch script, which sees that variable too, starts
    the tasks and has all that the job was given on its node.
    """
    node = _number(host, "SLURM_CPUS_ON_NODE")
    task = _number(host, "SLURM_CPUS_PER_TASK")
    if task and (not node or "SLURM_STEP_ID" in host.environ or "SLURM_STEPID" in host.environ):
        return (task, "Slurm SLURM_CPUS_PER_TASK") if not node or task <= node else (node, "Slurm SLURM_CPUS_ON_NODE")
    return (node, "Slurm SLURM_CPUS_ON_NODE") if node else None


def memory(host: Host) -> tuple[int, str] | None:
    """Bytes for the job on this node and what says so; None outside a job or where the job has it all (``--mem=0``)."""
    node = _number(host, "SLURM_MEM_PER_NODE")
    if node:
        return node * _MIB, "Slurm SLURM_MEM_PER_NODE"
    for share, units in (("SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"), ("SLURM_MEM_PER_GPU", "SLURM_GPUS_ON_NODE")):
        each, count = _number(host, share), _number(host, units)
        if each and count:
            return each * count * _MIB, f"Slurm {share} x {units}"
    return None


def _number(host: Host, name: str) -> int | None:
    """A whole number above 0; Slurm writes 0 for "all of it"."""
    text = host.environ.get(name, "").strip()
    return int(text) or None if text.isascii() and text.isdigit() else None
