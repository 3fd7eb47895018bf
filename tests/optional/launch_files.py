"""Every launch file, read by SkyPilot and dstack themselves: ``python -m tests.optional.launch_files PYTHON``.

PYTHON is an interpreter that has skypilot and dstack, in an environment of its own: together they bring some hundred
packages. Nothing is started, and neither tool uses the network. The exit code is 1 where a file is refused.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from llmcheck import api
from llmcheck.catalog import profiles
from llmcheck.cloud.selection import Selection

_READERS = {
    "sky": "import sys, sky; task = sky.Task.from_yaml(sys.argv[1]); print(task.num_nodes, task.resources)",
    "dstack": "import sys, yaml; from dstack._internal.core.models.configurations import parse_run_configuration as p; "
    "found = p(yaml.safe_load(open(sys.argv[1]))); print(found.nodes, found.resources.gpu)",
}


def main(python: str) -> int:
    failed = 0
    spot = Selection(spot=True)
    for tier in profiles.ids():
        for rent in (api.Rent(), api.Rent(selection=spot)):
            found = api.offers(tier, rent)
            if not found.offers:
                continue
            for tool, program in _READERS.items():
                with tempfile.TemporaryDirectory() as home:
                    file = Path(home) / "task.yaml"
                    file.write_text(api.launch_file(found, tool, rent).text, encoding="utf-8")  # type: ignore[arg-type]  # one of the tools
                    done = subprocess.run(
                        [python, "-c", program, str(file)],
                        capture_output=True,
                        text=True,
                        env={"HOME": home, "PATH": "/usr/bin:/bin"},
                        timeout=120,
                        check=False,
                    )
                failed += done.returncode != 0
                said = (done.stdout if not done.returncode else done.stderr).strip().splitlines()[-1:]
                print(f"{tier:20}{tool:8}{'ok' if not done.returncode else 'REFUSED':9}{''.join(said)[:160]}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
