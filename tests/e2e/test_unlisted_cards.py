"""The cards of a driver against those of the bus: NVIDIA's library and the bus are both played."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.probe.host_trees import tree
from tests.probe.odd_machines import pci

from .command import Command

READ = """
import sys, msgspec
from llmcheck.probe import Request
from llmcheck.probe.gpu import nvidia
from llmcheck.system.host import Host

class Mixed(Host):
    '''Live, with /sys and /dev of a tree.'''

def mixed(name):
    def ask(self, path, *more):
        return getattr(TREE if path.startswith(("/sys", "/dev")) else LIVE, name)(path, *more)
    return ask

for name in ("list", "read", "read_int", "exists", "resolve"):
    setattr(Mixed, name, mixed(name))
TREE, LIVE = Host(sys.argv[1]), Host()
sys.stdout.buffer.write(msgspec.json.encode(list(nvidia.probe(Mixed(), Request()))[-1]))
"""


@pytest.mark.parametrize(("nodes", "codes"), [(7, ["not-listed-by-driver"]), (1, [])])
def test_one_of_seven(driver: Callable[..., Command], tmp_path: Path, nodes: int, codes: list[str]) -> None:
    buses = [f"0000:00:{0x1E - number:02x}.0" for number in range(7)]
    files = {name: text for bus_id in buses for name, text in pci(bus_id, 0x10DE, 0x1EB8, "nvidia").items()}
    files |= {f"/dev/nvidia{number}": "" for number in range(nodes)}
    root = tmp_path / "tree"
    tree(root, files)
    done = driver("t4")("-c", READ, str(root), program=(sys.executable,))
    assert done.err == ""
    assert [problem["code"] for problem in done.document["problems"]] == codes
    assert len(done.document["gpus"]) == 1
