"""Environments whose packages break each other: never ready, and what breaks them is named with its mend."""

from __future__ import annotations

import json
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .command import Command, Done

UNDER_CARDS = "2x4090"


@dataclass(frozen=True)
class Site:
    """An environment that is made by hand: what an installer leaves behind, and no code."""

    root: Path

    @property
    def python(self) -> Path:
        return self.root / "bin" / "python"

    @property
    def folder(self) -> Path:
        (site,) = self.root.glob("lib/python3*/site-packages")
        return site

    def info(self, name: str, version: str) -> Path:
        return self.folder / f"{name.replace('-', '_')}-{version}.dist-info"

    def add(self, name: str, version: str, *requires: str, module: str | None = None, record: str = "") -> Site:
        module = module or name.replace("-", "_")
        self.write(f"{module}/__init__.py", "")
        info = self.info(name, version)
        info.mkdir(exist_ok=True)
        lines = "".join(f"Requires-Dist: {each}\n" for each in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}\nText.\n")
        (info / "RECORD").write_text(record)
        (info / "INSTALLER").write_text("pip\n")
        return self

    def torch(self, version: str, *requires: str) -> Site:
        tag = version.partition("+cu")[2]
        cuda = f"'{tag[:-1]}.{tag[-1]}'" if tag else "None"
        self.add("torch", version, *requires)
        return self.write("torch/version.py", f"__version__ = '{version}'\ncuda = {cuda}\nhip = None\n")

    def write(self, name: str, text: str = "") -> Site:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def remove(self, name: str) -> Site:
        import shutil

        path = self.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return self


@pytest.fixture
def site(tmp_path: Path) -> Site:
    venv.create(tmp_path / "env", symlinks=True)
    return Site(tmp_path / "env")


def sound(site: Site) -> Site:
    """What runs a 7B model on an NVIDIA GPU."""
    site.torch("2.14.0+cu130", "numpy; extra == 'test'", "triton==3.8.0; platform_system == 'Linux'")
    site.add("triton", "3.8.0")
    site.add("transformers", "5.20.2", "huggingface-hub<2.0,>=1.5.0", "tokenizers<0.24.0,>=0.23.1", "numpy>=1.17")
    site.add("huggingface-hub", "1.9.0").add("tokenizers", "0.23.3").add("numpy", "2.4.6")
    return site.add("vllm", "0.33.0", "torch==2.14.0", "transformers<5.21.0,>=5.16.1", "numpy")


def check(command: Command, site: Site, profile: str = "inference-7b", *more: str) -> Done:
    return command("check", profile, "--skip", "hardware", "--python", site.python, "--format", "json", *more)


def findings(done: Done) -> dict[str, dict[str, object]]:
    return {each["id"]: each for each in done.document["profiles"][0]["findings"]}


def test_a_sound_environment_is_ready_and_has_no_problem_of_packages(command: Command, site: Site) -> None:
    done = check(command, sound(site))
    assert done.code == 0, done.out
    assert [each for each in done.document["machine"]["problems"] if each["code"].startswith("package-")] == []


def test_a_library_over_another_torch_is_not_ready_without_any_metadata(
    driver: Callable[..., Command], site: Site
) -> None:
    """The first of the field cases: only the table knows what this vLLM was compiled for."""
    site.torch("2.15.0+cu132").add("vllm", "0.33.0").add("transformers", "5.20.2")
    command = driver(UNDER_CARDS)
    done = command("check", "inference-7b", "--python", site.python, "--format", "json")
    engine = findings(done)["engine"]
    assert (done.code, engine["status"]) == (1, "fail")
    assert "vLLM 0.33.0 is built for torch 2.14.0, and 2.15.0+cu132 is installed" in str(engine["message"])
    assert "vllm==0.33.0 torch==2.14.0" in str(engine["remedy"])
    screen = command("check", "inference-7b", "--python", site.python, env={"COLUMNS": "200"})
    assert "vLLM 0.33.0 is built for torch 2.14.0" in screen.out


def test_files_that_are_gone_have_one_answer_everywhere(driver: Callable[..., Command], site: Site) -> None:
    command = driver(UNDER_CARDS)
    site.torch("2.14.0+cu130").add("vllm", "0.33.0").add("transformers", "5.20.2").remove("vllm")
    done = check(command, site)
    assert (done.code, findings(done)["engine"]["status"]) == (1, "fail")
    assert "its files are missing" in str(findings(done)["engine"]["message"])
    (state,) = command("libraries", "check", "vllm", "--python", site.python, "--format", "json").document["libraries"]
    assert state["state"] == "broken"
    machine = command("machine", "--python", site.python, "--format", "json").document
    assert ("package-files-missing", "vllm") in [(each["code"], each["package"]) for each in machine["problems"]]
    plan = command("install", "vllm", "--python", site.python, "--format", "json").document
    commands = " ".join(step["command"] for each in plan["environments"] for step in each["steps"])
    assert "--force-reinstall --no-deps vllm==0.33.0" in commands


def test_a_binding_without_a_gpu_backend_is_not_ready_under_a_gpu(driver: Callable[..., Command], site: Site) -> None:
    site.torch("2.15.0+cu132").add("transformers", "5.23.0").add("llama-cpp-python", "0.3.36", module="llama_cpp")
    site.write("llama_cpp/lib/libggml-cpu.so")
    command = driver(UNDER_CARDS)
    done = command("check", "inference-7b", "--python", site.python, "--format", "json")
    assert (done.code, findings(done)["engine"]["status"]) == (1, "fail")
    assert "without a GPU backend" in str(findings(done)["engine"]["message"])
    site.write("llama_cpp/lib/libggml-cuda.so")
    assert command("check", "inference-7b", "--python", site.python).code == 0


@dataclass(frozen=True)
class Broken:
    """A change to the sound environment, what is said of it, and the command in the remedy."""

    change: Callable[[Site], object]
    code: str
    package: str
    message: str
    remedy: str
    decides: bool = True
    """The tier needs that package."""
    env: Callable[[Site], dict[str, str]] = lambda _: {}


def _rerecord(site: Site, name: str, version: str, text: str) -> int:
    return (site.info(name, version) / "RECORD").write_text(text)


def _nccl(site: Site, size_in_place: int) -> Site:
    site.add("nvidia-nccl-cu12", "2.27.5", module="nvidia/nccl", record="nvidia/nccl/lib/libnccl.so.2,sha256=a,12\n")
    site.add("nvidia-nccl-cu13", "2.30.7", module="nvidia/nccl", record="nvidia/nccl/lib/libnccl.so.2,sha256=b,13\n")
    site.torch("2.14.0+cu130", "nvidia-nccl-cu13==2.30.7; platform_system == 'Linux'")
    return site.write("nvidia/nccl/lib/libnccl.so.2", "x" * size_in_place)


def _gone_editable(site: Site) -> None:
    site.remove("vllm")
    origin = {"dir_info": {"editable": True}, "url": "file:///gone/my%20vllm"}
    (site.info("vllm", "0.33.0") / "direct_url.json").write_text(json.dumps(origin))


def _gone_by_finder(site: Site) -> None:
    site.remove("vllm")
    site.write("__editable__.vllm-0.33.0.pth", "import __editable___vllm_0_33_0_finder; f.install()\n")
    site.write("__editable___vllm_0_33_0_finder.py", "MAPPING: dict[str, str] = {'vllm': '/gone/vllm'}\n")


def _other_site(site: Site, name: str, version: str) -> Path:
    other = Site(site.root.parent / "other")
    (other.root / "lib" / "python3x" / "site-packages").mkdir(parents=True)
    other.add(name, version)
    return other.folder


BROKEN = {
    "transformers-over-old-hub": Broken(
        lambda site: (site.remove("huggingface_hub-1.9.0.dist-info"), site.add("huggingface-hub", "0.36.0")),
        "requires", "transformers", "needs huggingface-hub", "huggingface-hub<2.0,>=1.5.0",
    ),
    "tokenizers-too-new": Broken(
        lambda site: (site.remove("tokenizers-0.23.3.dist-info"), site.add("tokenizers", "0.24.0")),
        "requires", "transformers", "needs tokenizers", "tokenizers<0.24.0,>=0.23.1",
    ),
    "requirement-missing": Broken(
        lambda site: (site.remove("numpy"), site.remove("numpy-2.4.6.dist-info")),
        "missing", "transformers", "needs numpy >=1.17, which is not installed", "numpy>=1.17",
    ),
    "torch-without-triton": Broken(
        lambda site: (site.remove("triton"), site.remove("triton-3.8.0.dist-info")),
        "missing", "torch", "needs triton", "triton==3.8.0",
    ),
    "torch-replaced": Broken(
        lambda site: (site.remove("torch-2.14.0+cu130.dist-info"), site.torch("2.15.0+cu132")),
        "built-for", "vllm", "is built for torch 2.14.0, and 2.15.0+cu132", "torch==2.14.0",
    ),
    "torch-that-transformers-disables": Broken(
        lambda site: (
            site.remove("torch-2.14.0+cu130.dist-info"), site.torch("2.3.1+cu121"), site.remove("vllm"),
            site.remove("vllm-0.33.0.dist-info"), site.remove("transformers-5.20.2.dist-info"),
            site.add("transformers", "5.20.2", 'torch>=2.5; extra == "torch"', 'torch>=9; extra == "dev"'),
        ),
        "disabled", "transformers", "does not use the installed 2.3.1+cu121", "torch>=2.5",
    ),
    "numpy-2-under-an-old-torch": Broken(
        lambda site: (site.remove("torch-2.14.0+cu130.dist-info"), site.torch("2.2.2+cu121")),
        "numpy", "torch", "is built for NumPy 1", "numpy<2",
    ),
    "files-missing": Broken(
        lambda site: site.remove("transformers"), "files-missing", "transformers", "its files are missing",
        "--force-reinstall --no-deps transformers==5.20.2",
    ),
    "init-missing": Broken(
        lambda site: (site.remove("torch/__init__.py"), site.write("torch/lib/x.so")),
        "files-missing", "torch", "torch/__init__.py", "torch==2.14.0",
    ),
    "a-recorded-file-missing": Broken(
        lambda site: _rerecord(site, "transformers", "5.20.2", "transformers/models/llama.py,sha256=a,1\nx,,\n"),
        "files-missing", "transformers", "transformers/models/llama.py", "transformers==5.20.2",
    ),
    "metadata-missing": Broken(
        lambda site: (site.info("torch", "2.14.0+cu130") / "METADATA").unlink(),
        "no-metadata", "torch", "has no metadata", "--ignore-installed",
    ),
    "editable-gone": Broken(
        _gone_editable, "editable-gone", "vllm", "/gone/my vllm", "vllm==0.33.0",
    ),
    "editable-gone-by-finder": Broken(_gone_by_finder, "editable-gone", "vllm", "/gone/vllm", "vllm==0.33.0"),
    "two-versions-in-one-folder": Broken(
        lambda site: site.add("transformers", "4.57.6"),
        "mixed", "transformers", "files of both are mixed", "--force-reinstall",
    ),
    "shadowed-by-a-folder-of-pythonpath": Broken(
        lambda site: _other_site(site, "transformers", "9"),
        "shadowed", "transformers", "PYTHONPATH hides", "unset PYTHONPATH",
        env=lambda site: {"PYTHONPATH": str(site.root.parent / "source")},
    ),
    "two-nccl-the-wrong-one-in-place": Broken(
        lambda site: _nccl(site, 12), "same-files", "torch", "write the same files", "nvidia-nccl-cu13==2.30.7",
    ),
    "two-nccl-and-nothing-says-which": Broken(
        lambda site: (_nccl(site, 5), _rerecord(site, "nvidia-nccl-cu13", "2.30.7", ""),
                      _rerecord(site, "nvidia-nccl-cu12", "2.27.5", "")),
        "same-files", "torch", "write the same files", "nvidia-nccl-cu13==2.30.7",
    ),
    "torchvision-of-another-torch": Broken(
        lambda site: site.add("torchvision", "0.24.1"),
        "built-for", "torchvision", "TorchVision 0.24.1 is built for torch 2.9", "torchvision==0.29.*",
    ),
    "torchvision-of-another-cuda": Broken(
        lambda site: (site.add("torchvision", "0.29.2"),
                      site.write("torchvision/version.py", "__version__ = '0.29.2+cu126'\n")),
        "build", "torchvision", "is built for cu126", "torchvision==0.29.2",
    ),
    "torchaudio-under-torch-2.15": Broken(
        lambda site: (site.remove("torch-2.14.0+cu130.dist-info"), site.torch("2.15.0+cu132"),
                      site.add("torchaudio", "2.11.0")),
        "built-for", "torchaudio", "TorchAudio 2.11.0 is built for torch", "--venv torchaudio-env",
    ),
    "flash-attn-by-its-version": Broken(
        lambda site: site.add("flash-attn", "2.8.3+cu12torch2.8cxx11abiTRUE"),
        "built-for", "flash-attn", "is built for torch 2.8", "--no-build-isolation", decides=False,
    ),
    "flash-attn-by-its-origin": Broken(
        lambda site: (site.add("flash-attn", "2.8.3"), site.write("flash_attn-2.8.3.dist-info/direct_url.json",
            '{"url": "https://example.org/flash_attn-2.8.3%2Bcu13torch2.9cxx11abiTRUE-cp311-cp311-linux_x86_64.whl"}')),
        "built-for", "flash-attn", "is built for torch 2.9", "flash-attn==2.8.3", decides=False,
    ),
    "xformers": Broken(
        lambda site: (site.add("xformers", "0.0.35"), site.write(
            "xformers/cpp_lib.json", '{"version": {"cuda": 1208, "torch": "2.10.0+cu128"}}')),
        "extension", "xformers", "its compiled part does not load", "uninstall -y xformers", decides=False,
    ),
    "xformers-by-the-table": Broken(
        lambda site: site.add("xformers", "0.0.35"),
        "extension", "xformers", "2.10.0", "uninstall -y xformers", decides=False,
    ),
    "bitsandbytes-without-that-cuda": Broken(
        lambda site: (site.add("bitsandbytes", "0.49.2"), site.write("bitsandbytes/libbitsandbytes_cuda126.so")),
        "build", "bitsandbytes", "is built for cu126", "bitsandbytes>=0.50", decides=False,
    ),
    "sglang-beside-vllm": Broken(
        lambda site: site.add("sglang", "0.5.23", "torch==2.14.1", "transformers==5.19.0"),
        "requires", "sglang", "needs torch ==2.14.1", "--venv sglang-env", decides=False,
    ),
    "extra-that-another-asks-for": Broken(
        lambda site: (site.add("ray", "2.60.0", 'numpy>=9; extra == "cgraph"', 'numpy<1; extra == "other"'),
                      site.add("trl", "1.0.0", "ray[cgraph]>=2.0")),
        "requires", "ray", "needs numpy >=9", "numpy>=9", decides=False,
    ),
    "onnxruntime-twice": Broken(
        lambda site: (site.add("onnxruntime", "1.25.0"), site.add("onnxruntime-gpu", "1.25.0", module="onnxruntime")),
        "same-files", "onnxruntime-gpu", "write the same files", "onnxruntime-gpu==1.25.0", decides=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_with_its_mend_and_never_ready(command: Command, site: Site, name: str) -> None:
    case = BROKEN[name]
    sound(site)
    case.change(site)
    env = case.env(site)
    if name == "shadowed-by-a-folder-of-pythonpath":
        source = site.root.parent / "source" / "transformers"
        source.mkdir(parents=True)
        (source / "__init__.py").write_text("")
    done = command("check", "inference-7b", "--skip", "hardware", "--python", site.python, "--format", "json", env=env)
    problems = [each for each in done.document["machine"]["problems"] if each["package"] == case.package]
    found = [each for each in problems if each["code"] == f"package-{case.code}"]
    assert found, done.document["machine"]["problems"]
    assert any(case.message in each["message"] for each in found), found
    assert any(case.remedy in each["remedy"] for each in found), found
    assert done.code == (1 if case.decides else 0), findings(done)


def conda(folder: Path) -> Site:
    """An environment as conda lays it out: unlike a virtual one it also takes the user's own packages, and first."""
    for name in ("bin/python", "conda-meta/python-3.11.7-h_0.json", "lib/python3.11/os.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (folder / "lib" / "python3.11" / "site-packages").mkdir()
    return Site(folder)


def test_the_users_own_packages_are_named_as_the_cause(command: Command, tmp_path: Path) -> None:
    site = sound(conda(tmp_path / "conda"))
    (command.home / ".local" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    Site(command.home / ".local").torch("2.4.0+cu121")
    done = check(command, site)
    engine = findings(done)["engine"]
    assert (done.code, engine["status"]) == (1, "fail")
    assert "~/.local" in str(engine["message"])
    assert "PYTHONNOUSERSITE=1" in str(engine["remedy"])
    assert (
        command(
            "check", "inference-7b", "--skip", "hardware", "--python", site.python, env={"PYTHONNOUSERSITE": "1"}
        ).code
        == 0
    )


def test_conda_and_pip_in_one_environment_are_named(command: Command, tmp_path: Path) -> None:
    site = sound(conda(tmp_path / "conda"))
    (site.root / "conda-meta" / "pytorch-2.14.0-py311_0.json").write_text("{}")
    done = check(command, site)
    codes = [each["code"] for each in done.document["machine"]["problems"]]
    assert (done.code, "package-conda-and-pip" in codes) == (0, True)


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_a_machine_without_names_is_judged_the_same(command: Command, site: Site, tmp_path: Path, level: str) -> None:
    sound(site).add("transformers", "4.57.6")
    (site.info("torch", "2.14.0+cu130") / "RECORD").unlink()
    saved = tmp_path / "machine.json"
    command("machine", "--python", site.python, "--redact", level, "--save", saved)
    live = findings(check(command, site))
    redacted = command("check", "inference-7b", "--skip", "hardware", "--machine", saved, "--format", "json")
    assert {name: each["status"] for name, each in findings(redacted).items()} == {
        name: each["status"] for name, each in live.items()
    }
    assert redacted.code == 1


def test_pythonpath_that_hides_a_version_is_named_in_the_line_that_fails(command: Command, site: Site) -> None:
    sound(site)
    old = _other_site(site, "transformers", "4.30.0")
    env = {"PYTHONPATH": str(old)}
    done = command("check", "inference-7b", "--skip", "hardware", "--python", site.python, "--format", "json", env=env)
    line = findings(done)["transformers"]
    assert (done.code, line["status"]) == (1, "fail")
    assert "PYTHONPATH" in str(line["message"])
    assert "PYTHONPATH" in str(line["remedy"])


@pytest.mark.parametrize("entry", ["torch.py", "transformers/__init__.py"])
def test_a_module_in_the_working_directory_is_not_ready(command: Command, site: Site, entry: str) -> None:
    sound(site)
    path = command.cwd / entry
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    done = check(command, site)
    assert done.code == 1
    messages = [each["message"] for each in done.document["machine"]["problems"]]
    assert any(f"{path} is imported instead of" in each for each in messages), messages


def test_a_plain_folder_of_that_name_in_the_working_directory_hides_nothing(command: Command, site: Site) -> None:
    (command.cwd / "transformers").mkdir()
    assert check(command, sound(site)).code == 0


def test_a_library_of_another_name_in_its_place_is_the_right_one(command: Command, site: Site) -> None:
    """Of two NCCL the one that torch needs was installed last."""
    sound(site)
    _nccl(site, 13)
    done = check(command, site)
    assert done.code == 0, [each["message"] for each in done.document["machine"]["problems"]]


def test_a_pip_that_was_interrupted_leaves_a_folder_and_no_fault(command: Command, site: Site) -> None:
    sound(site).write("~orch/x.so")
    done = check(command, site)
    codes = [each["code"] for each in done.document["machine"]["problems"]]
    assert (done.code, "package-half-removed" in codes) == (0, True)


def test_without_a_record_pip_cannot_remove_it_and_it_still_works(command: Command, site: Site) -> None:
    sound(site)
    (site.info("torch", "2.14.0+cu130") / "RECORD").unlink()
    done = check(command, site)
    codes = [each["code"] for each in done.document["machine"]["problems"]]
    assert (done.code, "package-no-record" in codes) == (0, True)


def test_the_first_screen_says_that_torch_is_broken(command: Command, site: Site) -> None:
    sound(site).remove("torch/__init__.py")
    done = command("--python", site.python, "--format", "json")
    fault = done.document["next"]["fault"]
    assert fault["kind"] == "package"
    assert "its files are missing" in fault["message"]


def test_a_runtime_that_is_broken_is_not_installed_for_the_fit(driver: Callable[..., Command], site: Site) -> None:
    command = driver(UNDER_CARDS)
    arguments = ("fit", "llama-3.1-8b", "--runtime", "vllm", "--python", site.python, "--format", "json")
    sound(site)
    assert '"installed":true' in json.dumps(command(*arguments).document).replace(" ", "")
    site.remove("vllm")
    assert '"installed":true' not in json.dumps(command(*arguments).document).replace(" ", "")
