"""Plans of the real command for environments that people have: over a stand-in of NVIDIA's library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command


class Site:
    """A virtual environment without pip, whose distributions are planted."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.packages = folder / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
        self.python.parent.mkdir(parents=True)
        self.packages.mkdir(parents=True)
        self.python.symlink_to(sys.executable)
        version = ".".join(map(str, sys.version_info[:3]))
        home = Path(sys.executable).resolve().parent
        (folder / "pyvenv.cfg").write_text(f"home = {home}\nversion = {version}\n")

    def add(self, name: str, version: str) -> None:
        module, info = name.replace("-", "_"), self.packages / f"{name.replace('-', '_')}-{version}.dist-info"
        (self.packages / module).mkdir()
        (self.packages / module / "__init__.py").touch()
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").touch()
        (info / "INSTALLER").write_text("pip\n")

    def add_torch(self, version: str) -> None:
        self.add("torch", version)
        label = version.partition("+")[2]
        cuda = f"'{label[2:-1]}.{label[-1]}'" if label.startswith("cu") else None
        text = f"__version__ = '{version}'\ncuda = {cuda}\nhip = None\n"
        (self.packages / "torch" / "version.py").write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "env")


def toolkit(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "nvcc").write_text("")
    (folder / "bin" / "nvcc").chmod(0o755)
    return folder


def one_line(text: str) -> str:
    """Without the marks of comments, which go on in the next line."""
    return " ".join(text.replace("\n  # ", " ").split())


def test_a_vllm_that_cannot_run_and_would_break_is_named(driver: Callable[..., Command], site: Site) -> None:
    site.add_torch("2.11.0+cu130")
    site.add("vllm", "0.24.0")
    site.add("transformers", "5.20.2")
    said = one_line(driver("v100")("install", "inference-7b", "--python", site.python).out)
    assert "vllm 0.24.0 stops working: it needs torch==2.11.0" in said
    assert "vllm 0.24.0 needs compute capability 7.5, and this machine has 7.0" in said
    assert "llmcheck install inference-7b --venv .venv-2" in said


def test_a_link_as_cuda_home_is_followed_and_the_other_toolkit_named(
    driver: Callable[..., Command], site: Site, tmp_path: Path
) -> None:
    site.add_torch("2.7.1+cu126")
    newer, older = toolkit(tmp_path / "cuda-13.0"), toolkit(tmp_path / "cuda-12.6")
    (tmp_path / "cuda").symlink_to(newer)
    environment = {"CUDA_HOME": str(tmp_path / "cuda"), "PATH": f"{older}/bin:/usr/bin:/bin"}
    command = driver("2x4090")
    said = one_line(command("install", "flash-attn", "--python", site.python, env=environment).out)
    assert "CUDA_HOME leads to CUDA 13.0" in said
    assert f"CUDA_HOME={older}" in said
    alone = {"CUDA_HOME": str(tmp_path / "cuda"), "PATH": f"{newer}/bin:/usr/bin:/bin"}
    refused = one_line(command("install", "flash-attn", "--python", site.python, env=alone).out)
    assert "both need the same major release" in refused


def test_the_way_back_of_a_cpu_build_is_its_index(driver: Callable[..., Command], site: Site) -> None:
    site.add_torch("2.9.1+cpu")
    said = one_line(driver("2x4090")("install", "torch", "--python", site.python).out)
    assert "torch==2.9.1+cpu --index-url https://download.pytorch.org/whl/cpu" in said


@pytest.mark.parametrize(
    ("scenario", "why"), [("v100", "compute capability 7.5 and newer"), ("k80", "older than any that current builds")]
)
def test_cuda_13_compiles_nothing_for_an_older_card(
    driver: Callable[..., Command], site: Site, tmp_path: Path, scenario: str, why: str
) -> None:
    path = f"{toolkit(tmp_path / 'cuda-13.0')}/bin:/usr/bin:/bin"
    done = driver(scenario)("install", "llama-cpp", "--python", site.python, env={"PATH": path})
    assert "CMAKE_ARGS=-DGGML_CUDA" not in done.out
    assert why in one_line(done.out)


def test_settings_of_pip_that_break_the_plan_are_named(driver: Callable[..., Command], site: Site) -> None:
    environment = {"PIP_NO_INDEX": "1", "PIP_INDEX_URL": "https://ann:secret@mirror.local/simple"}
    said = driver("2x4090")("install", "transformers", "--python", site.python, env=environment).out
    assert "unset PIP_NO_INDEX" in one_line(said)
    assert "mirror.local" in said
    assert "secret" not in said
