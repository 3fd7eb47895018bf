"""Each proof asks the thing itself, and fails where the version or the GPU is not what was planned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmcheck import catalog
from llmcheck.install.plan import plan_installation
from llmcheck.install.torch_step import _version_tests
from llmcheck.schema.advice import Step
from llmcheck.schema.machine import Machine
from tests.machines_builder import card, machine

TABLES = catalog.tables()


def proofs(where: Machine, *names: str) -> list[Step]:
    made = plan_installation("x", list(names), where, TABLES)
    return [step for each in made.environments for step in each.steps if step.kind == "verify"]


def run(step: Step, folder: Path) -> int:
    """The proof with this Python, which finds the modules in ``folder`` first."""
    source = f"import sys; sys.path.insert(0, {str(folder)!r}); {step.argv[2]}"
    return subprocess.run([sys.executable, "-c", source, *step.argv[3:]], check=False, capture_output=True).returncode


@pytest.mark.parametrize(("offload", "code"), [("True", 0), ("False", 1)])
def test_llama_cpp_is_asked_whether_it_can_use_the_gpu(tmp_path: Path, offload: str, code: int) -> None:
    (step,) = [each for each in proofs(machine(card("RTX 4090")), "llama-cpp") if each.needs_gpu]
    (tmp_path / "llama_cpp.py").write_text(f"llama_supports_gpu_offload = lambda: {offload}\n")
    assert run(step, tmp_path) == code


def test_without_a_gpu_it_is_not_asked() -> None:
    assert not [each for each in proofs(machine(present=["cc"]), "llama-cpp") if each.needs_gpu]


def test_vllm_is_asked_for_its_platform() -> None:
    assert any("is_cuda_alike" in each.command for each in proofs(machine(card("H100")), "vllm"))


@pytest.mark.parametrize(("version", "code"), [("1.15.0", 0), ("2.0", 0), ("1.14.9", 1), ("0.99", 1), (None, 1)])
def test_a_version_that_is_not_as_planned_fails(tmp_path: Path, version: str | None, code: int) -> None:
    """With the pip of this Python, and a distribution that lies on its path."""
    (step,) = [each for each in proofs(machine(), "accelerate") if "--dry-run" in each.argv]
    assert step.argv[1:4] == ("-m", "pip", "install")
    if version is not None:
        info = tmp_path / f"accelerate-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: accelerate\nVersion: {version}\n")
    environment = {"PYTHONPATH": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}
    argv = [sys.executable, *step.argv[1:]]
    assert subprocess.run(argv, check=False, capture_output=True, env=environment).returncode == code


def test_uv_is_asked_in_its_own_way() -> None:
    (step,) = [each for each in proofs(machine(present=["uv"]), "accelerate") if "--dry-run" in each.argv]
    assert step.argv[:3] == ("uv", "pip", "install")
    assert {"--offline", "--no-index"} <= set(step.argv)


@pytest.mark.parametrize(
    ("specifier", "version", "fits"),
    [
        (">=2.14", "2.15.0+cu132", True),
        (">=2.14", "2.13.0", False),
        (">=2.6,<2.15", "2.14.1+cu126", True),
        (">=2.6,<2.15", "2.15.0", False),
        ("==2.14.1", "2.14.1+cu130", True),
        ("==2.14.1", "2.14.0", False),
        ("==2.11.*", "2.11.2", True),
        ("==2.11.*", "2.12.0", False),
        ("", "1.0", True),
    ],
)
def test_torch_compares_its_own_version(specifier: str, version: str, fits: bool) -> None:
    """With a stand-in that compares with tuples as torch's TorchVersion does."""
    from packaging.version import Version

    class Stand(str):
        def _of(self, other: tuple[int, ...]) -> Version:
            return Version(".".join(map(str, other)))

        def __ge__(self, other: tuple[int, ...]) -> bool:  # type: ignore[override]
            return Version(self) >= self._of(other)

        def __gt__(self, other: tuple[int, ...]) -> bool:  # type: ignore[override]
            return Version(self) > self._of(other)

        def __lt__(self, other: tuple[int, ...]) -> bool:  # type: ignore[override]
            return Version(self) < self._of(other)

        def __le__(self, other: tuple[int, ...]) -> bool:  # type: ignore[override]
            return Version(self) <= self._of(other)

    class torch:  # noqa: N801 - the expressions name it so
        __version__ = Stand(version)

    tests = _version_tests(specifier)
    assert all(eval(each, {"torch": torch}) for each in tests) is fits
    assert not any("'" in each or '"' in each for each in tests)
