"""Resources that Slurm has allocated to this process, from the environment of its job (sbatch(1), srun(1)).

The allocation is the limit, whether or not Slurm enforces it with control groups.
"""

from __future__ import annotations

from llmcheck.system.host import Host

_MIB = 2**20  # Slurm's unit of memory


def processors(host: Host) -> tuple[int, str] | None:
    """Logical processors allocated to this process, and the variable with their number; None outside a job.

    A task of srun has ``SLURM_CPUS_PER_TASK``. A batch script also sees that variable, but has all processors of the
    job on its node.
    """
    node = _number(host, "SLURM_CPUS_ON_NODE")
    task = _number(host, "SLURM_CPUS_PER_TASK")
    if task and (not node or "SLURM_STEP_ID" in host.environ or "SLURM_STEPID" in host.environ):
        return (task, "Slurm SLURM_CPUS_PER_TASK") if not node or task <= node else (node, "Slurm SLURM_CPUS_ON_NODE")
    return (node, "Slurm SLURM_CPUS_ON_NODE") if node else None


def memory(host: Host) -> tuple[int, str] | None:
    """Bytes allocated to the job on this node, and the variable; None outside a job or for all memory (``--mem=0``)."""
    node = _number(host, "SLURM_MEM_PER_NODE")
    if node:
        return node * _MIB, "Slurm SLURM_MEM_PER_NODE"
    for memory_per, number_of in (
        ("SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"),
        ("SLURM_MEM_PER_GPU", "SLURM_GPUS_ON_NODE"),
    ):
        each, count = _number(host, memory_per), _number(host, number_of)
        if each and count:
            return each * count * _MIB, f"Slurm {memory_per} x {number_of}"
    return None


def _number(host: Host, name: str) -> int | None:
    """A positive integer; None for 0, with which Slurm means "all"."""
    text = host.environ.get(name, "").strip()
    return int(text) or None if text.isascii() and text.isdigit() else None
