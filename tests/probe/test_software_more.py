"""Toolkits, NVIDIA's libraries, versions of tools, and what is odd about installed distributions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmcheck.probe import Reading, Request, software
from llmcheck.schema.machine import Software
from llmcheck.system.host import Host
from llmcheck.system.interpreter import BEGIN, END, InterpreterChoice

SITE = "/env/lib/python3.12/site-packages"
SYSTEM = "/usr/lib/python3/dist-packages"
MODULES = ("torch", "transformers", "vllm", "accelerate", "peft", "deepspeed")


def plant(root: Path, files: Mapping[str, str]) -> None:
    """Files with their content; ``->TARGET`` is a link, a name that ends in ``/`` a folder."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content.startswith("->"):
            path.symlink_to(content[2:])
        else:
            path.write_text(content)


def ask(
    root: Path, files: Mapping[str, str], path: tuple[str, ...] = (SITE,), environ: Mapping[str, str] | None = None
) -> Reading:
    plant(root, files)
    fields = (["3.12.4"], ["cpython"], ["/env"], ["/usr"], ["/usr/lib/python3.12"], path)
    said = BEGIN + b"".join("\0".join(values).encode() + b"\n" for values in fields) + END
    request = Request(
        python=InterpreterChoice("/env/bin/python", "named with --python", explicit=True), python_answer=said
    )
    return software.probe(Host(str(root), environ or {}), request)


def found(*arguments: Any, **more: Any) -> Software:
    value = ask(*arguments, **more).software
    assert value is not None
    return value


def sound(name: str, version: str = "1.0", installer: str = "pip", site: str = SITE) -> dict[str, str]:
    """A distribution as an installer leaves it."""
    info = f"{site}/{name}-{version}.dist-info"
    files = {f"{info}/METADATA": "", f"{info}/RECORD": "", f"{info}/INSTALLER": f"{installer}\n"}
    return {**files, f"{site}/{name}/__init__.py": ""}


def odd(value: Software) -> list[tuple[str, str]]:
    return [(each.name, each.kind) for each in value.issues]


def toolkits(value: Software) -> list[tuple[str, str | None]]:
    return [(each.path, each.version) for each in value.cuda_toolkits]


VERSION_JSON = '{"cuda": {"name": "CUDA SDK", "version": "13.0.2"}, "cuda_nvcc": {"version": "13.0.88"}}'


def test_each_toolkit_is_listed_once_under_its_real_path(tmp_path: Path) -> None:
    files = {
        "/usr/local/cuda-13.0/version.json": VERSION_JSON,
        "/usr/local/cuda-10.2/version.txt": "CUDA Version 10.2.89\n",
        "/usr/local/cuda-12.4/bin/nvcc": "",
        "/usr/local/cuda": "->cuda-13.0",
        "/usr/local/cuda-samples/version.json": VERSION_JSON,
        "/usr/local/cuda-11.8/lib64/libcudart.so": "left by an uninstallation",
    }
    value = found(tmp_path, files, environ={"CUDA_HOME": "/usr/local/cuda"})
    assert toolkits(value) == [
        ("/usr/local/cuda-10.2", "10.2.89"),
        ("/usr/local/cuda-12.4", "12.4"),
        ("/usr/local/cuda-13.0", "13.0.2"),
    ]
    assert value.cuda_home == "/usr/local/cuda"


def test_the_header_tells_the_version_where_no_file_does(tmp_path: Path) -> None:
    files = {"/opt/cuda/bin/nvcc": "", "/opt/cuda/include/cuda.h": "\n#define CUDA_VERSION 12060\n"}
    assert toolkits(found(tmp_path, files)) == [("/opt/cuda", "12.6")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cuda": 3}', '{"cuda": {}}', "\x00"])
def test_a_damaged_version_file_is_no_version(tmp_path: Path, text: str) -> None:
    files = {"/opt/cuda/bin/nvcc": "", "/opt/cuda/version.json": text}
    assert toolkits(found(tmp_path, files)) == [("/opt/cuda", None)]


def test_condas_toolkit_is_one(tmp_path: Path) -> None:
    files = {"/env/conda-meta/cuda-nvcc-12.4.131-0.json": "", "/env/conda-meta/cuda-version-12.4-h1_3.json": ""}
    assert toolkits(found(tmp_path, files)) == [("/env", "12.4")]


def test_no_toolkit_is_none(tmp_path: Path) -> None:
    value = found(tmp_path, {"/usr/local/bin/nvcc": ""})
    assert (value.cuda_toolkits, value.cuda_home, value.cudnn, value.nccl) == ((), None, None, None)


def test_cuda_home_that_does_not_exist_is_told(tmp_path: Path) -> None:
    (problem,) = ask(tmp_path, {}, environ={"CUDA_PATH": "/opt/gone"}).problems
    assert (problem.code, "/opt/gone" in problem.message, bool(problem.remedy)) == ("cuda-home-missing", True, True)


CUDNN_H = "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 20\n#define CUDNN_PATCHLEVEL 1\n"
NCCL_H = "#define NCCL_MAJOR 2\n#define NCCL_MINOR 28\n#define NCCL_PATCH 3\n#define NCCL_SUFFIX\n"


@pytest.mark.parametrize(
    ("files", "cudnn", "nccl", "said"),
    [
        (sound("nvidia_cudnn_cu13", "9.20.0.48"), "9.20.0.48", None, "nvidia-cudnn-cu13"),
        (sound("nvidia_nccl_cu12", "2.27.5"), None, "2.27.5", "nvidia-nccl-cu12"),
        ({"/usr/include/cudnn_version.h": CUDNN_H}, "9.20.1", None, "/usr/include/cudnn_version.h"),
        ({"/usr/include/x86_64-linux-gnu/nccl.h": NCCL_H}, None, "2.28.3", "nccl.h"),
        ({"/opt/cuda/bin/nvcc": "", "/opt/cuda/include/nccl.h": NCCL_H}, None, "2.28.3", "/opt/cuda/include/nccl.h"),
        ({"/usr/lib64/libnccl.so.2": "", "/usr/lib64/libnccl.so.2.21.5": ""}, None, "2.21.5", "libnccl.so.2.21.5"),
        ({"/usr/lib/aarch64-linux-gnu/libcudnn.so.8": ""}, "8", None, "libcudnn.so.8"),
        ({"/env/conda-meta/nccl-2.24.3.1-hb_0.json": ""}, None, "2.24.3.1", "conda package nccl"),
        ({"/usr/include/cudnn_version.h": "#define CUDNN_MAJOR 9\n"}, None, None, None),
    ],
)
def test_cudnn_and_nccl(
    tmp_path: Path, files: dict[str, str], cudnn: str | None, nccl: str | None, said: str | None
) -> None:
    reading = ask(tmp_path, files)
    assert reading.software is not None
    assert (reading.software.cudnn, reading.software.nccl) == (cudnn, nccl)
    sources = [reading.sources.get(f"software.{name}") for name in ("cudnn", "nccl")]
    assert [source for source in sources if source] == [
        source for source in sources if said and source and said in source
    ]
    assert bool(said) == any(sources)


def test_of_wheels_for_two_cudas_those_of_torchs_own_are_meant(tmp_path: Path) -> None:
    files = {
        **sound("nvidia_cudnn_cu12", "9.10.2.21"),
        **sound("nvidia_cudnn_cu13", "9.20.0.48"),
        **sound("torch", "2.15.0"),
        f"{SITE}/torch/version.py": "__version__ = '2.15.0+cu132'\ncuda = '13.2'\n",
    }
    assert found(tmp_path, files).cudnn == "9.20.0.48"


def test_versions_of_tools_come_from_files(tmp_path: Path) -> None:
    files = {
        "/usr/local/cuda-13.0/version.json": VERSION_JSON,
        "/usr/local/cuda-13.0/bin/nvcc": "",
        "/usr/local/cuda": "->cuda-13.0",
        "/opt/conda/bin/conda": "",
        "/opt/conda/conda-meta/conda-libmamba-solver-24.1.0-pyh_0.json": "",
        "/opt/conda/conda-meta/conda-25.9.1-py312h_0.json": "",
        "/usr/bin/git": "",
    }
    tools = found(tmp_path, files, environ={"PATH": "/usr/local/cuda/bin:/opt/conda/bin:/usr/bin"}).tools or ()
    versions = {tool.name: tool.version for tool in tools if tool.path}
    assert versions == {"nvcc": "13.0.88", "conda": "25.9.1", "git": None}


def test_sound_distributions_are_nothing_to_tell(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for name in MODULES:
        files |= sound(name)
    value = found(tmp_path, files)
    assert (odd(value), value.conda_and_pip) == ([], False)
    assert {package.name for package in value.packages or ()} == set(MODULES)


def without(files: dict[str, str], name: str) -> dict[str, str]:
    return {path: text for path, text in files.items() if not path.endswith(name)}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (without(sound("torch"), "METADATA"), [("torch", "no-metadata")]),
        (without(sound("torch"), "RECORD"), [("torch", "no-record")]),
        (without(without(sound("torch"), "RECORD"), "INSTALLER"), [("torch", "no-record")]),
        (without(sound("torch", installer="conda"), "RECORD"), []),
        (without(sound("torch", installer="debian"), "RECORD"), []),
        (without(sound("vllm"), "__init__.py"), [("vllm", "files-missing")]),
        (without(sound("requests"), "__init__.py"), []),
        ({f"{SITE}/~orch/x.so": "", f"{SITE}/~orch-2.15.0.dist-info/METADATA": ""}, [("~orch", "half-removed")]),
        ({f"{SITE}/foo.egg-link": "/src", "/src/": ""}, [("foo", "editable")]),
        ({**sound("foo"), f"{SITE}/__editable__.foo-1.0.pth": "/src", "/src/": ""}, [("foo", "editable")]),
        ({**sound("foo_bar"), f"{SITE}/foo_bar.pth": "/src"}, []),
    ],
)
def test_what_is_odd(tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert odd(found(tmp_path, files)) == expected


@pytest.mark.parametrize("pth", ["_editable_impl_foo_bar.pth", "_foo_bar.pth", "foo_bar.pth", "foo-bar-editable.pth"])
def test_other_builders_editables_are_known_from_their_direct_url(tmp_path: Path, pth: str) -> None:
    files = {**sound("foo_bar"), f"{SITE}/{pth}": "/src", "/src/": ""}
    files[f"{SITE}/foo_bar-1.0.dist-info/direct_url.json"] = '{"dir_info": {"editable": true}, "url": "file:///src"}'
    assert odd(found(tmp_path, files)) == [("foo-bar", "editable")]


def test_an_editable_needs_no_folder_of_its_own(tmp_path: Path) -> None:
    files = without(sound("vllm"), "__init__.py")
    files[f"{SITE}/vllm-1.0.dist-info/direct_url.json"] = '{"dir_info":{"editable":true}}'
    assert odd(found(tmp_path, files)) == [("vllm", "editable")]


def test_what_was_left_behind_is_no_package(tmp_path: Path) -> None:
    assert found(tmp_path, {f"{SITE}/~orch-2.15.0.dist-info/METADATA": ""}).packages == ()


def test_of_a_distribution_on_two_places_of_the_path_the_first_wins(tmp_path: Path) -> None:
    files = {**sound("torch", "2.15.0"), **sound("torch", "2.4.0", "debian", SYSTEM)}
    for path, version in (((SITE, SYSTEM), "2.15.0"), ((SYSTEM, SITE), "2.4.0")):
        root = tmp_path / version
        value = found(root, files, path)
        (issue,) = value.issues
        assert (issue.name, issue.kind) == ("torch", "duplicate")
        assert issue.where.startswith(f"{path[0]}/torch-{version}.dist-info wins over {path[1]}/")
        assert [package.version for package in value.packages or ()] == [version]


def test_of_two_in_one_folder_the_one_with_content_is_taken(tmp_path: Path) -> None:
    files = {**sound("numpy", "2.0"), f"{SITE}/numpy-1.0.dist-info/": ""}
    value = found(tmp_path, files)
    assert [package.version for package in value.packages or ()] == ["2.0"]
    assert odd(value) == [("numpy", "duplicate")]


def test_a_folder_that_is_reached_twice_has_no_duplicates(tmp_path: Path) -> None:
    files = {**sound("torch"), "/env/lib64": "->lib"}
    value = found(tmp_path, files, (SITE, SITE.replace("/lib/", "/lib64/"), SITE))
    assert odd(value) == []


def test_debians_folder_and_the_users_are_read_and_not_complained_of(tmp_path: Path) -> None:
    user = "/home/me/.local/lib/python3.12/site-packages"
    files = {
        f"{SYSTEM}/torch-2.6.0.dist-info/METADATA": "",
        f"{SYSTEM}/torch/__init__.py": "",
        f"{SYSTEM}/PyYAML-6.0.egg-info/PKG-INFO": "",
        **sound("peft", "0.21.2", site=user),
        "/usr/lib/python3.12/decoy-1.0.dist-info/METADATA": "",
    }
    value = found(tmp_path, files, ("/usr/lib/python3.12", "/usr/lib/python3.12/lib-dynload", user, SYSTEM))
    assert {package.name for package in value.packages or ()} == {"torch", "pyyaml", "peft"}
    assert odd(value) == []


@pytest.mark.parametrize(
    ("conda", "files", "mixed"),
    [
        (("pytorch-2.10.0-py312_0", "python-3.12.4-h_0"), sound("transformers"), True),
        (("pytorch-2.10.0-py312_0",), sound("transformers", installer="uv"), True),
        (("pytorch-2.10.0-py312_0",), sound("transformers", installer="conda"), False),
        (("pytorch-2.10.0-py312_0",), sound("requests"), False),
        (("python-3.12.4-h_0", "numpy-2.4.0-py312_0"), sound("torch"), False),
        ((), sound("torch"), False),
    ],
)
def test_conda_and_pip(tmp_path: Path, conda: tuple[str, ...], files: dict[str, str], mixed: bool) -> None:
    for name in conda:
        files = {**files, f"/env/conda-meta/{name}.json": ""}
    value = found(tmp_path, files)
    assert value.conda_and_pip is mixed
    assert value.python is not None
    assert value.python.environment == ("conda" if conda else "venv")


@pytest.mark.parametrize(("mode", "writable"), [(0o755, True), (0o555, False)])
def test_an_environment_of_somebody_else_is_told(tmp_path: Path, mode: int, writable: bool) -> None:
    plant(tmp_path, sound("transformers"))
    (tmp_path / SITE.lstrip("/")).chmod(mode)
    reading = ask(tmp_path, {})
    assert reading.software is not None
    assert reading.software.python is not None
    assert reading.software.python.writable is writable
    told = [each.remedy or "" for each in reading.problems if each.code == "environment-not-writable"]
    assert [("-m venv" in remedy) for remedy in told] == ([] if writable else [True])


def test_without_an_answer_nothing_of_the_environment_is_claimed(tmp_path: Path) -> None:
    plant(tmp_path, {"/opt/cuda/version.json": VERSION_JSON, **sound("torch")})
    reading = software.probe(
        Host(str(tmp_path), {}), Request(python=InterpreterChoice("/env/bin/python", "named", explicit=True))
    )
    value = reading.software
    assert value is not None
    assert (value.packages, value.torch, value.conda_and_pip, value.issues) == (None, None, None, ())
    assert toolkits(value) == [("/opt/cuda", "13.0.2")]
    assert "software.packages" not in reading.sources


def test_what_is_not_opened_costs_nothing(tmp_path: Path) -> None:
    """Of a thousand distributions only the folder is listed: their own folders may even be unreadable files."""
    files = {f"{SITE}/package{number}-1.{number}.dist-info": "" for number in range(1000)}
    value = found(tmp_path, files)
    assert len(value.packages or ()) == 1000
    assert value.issues == ()


def looked_for(root: Path, files: Mapping[str, str], *modules: str) -> tuple[str, ...] | None:
    plant(root, files)
    fields = (["3.12.4"], ["cpython"], ["/env"], ["/usr"], ["/usr/lib/python3.12"], [SITE])
    said = BEGIN + b"".join("\0".join(values).encode() + b"\n" for values in fields) + END
    asked = (lambda: modules) if modules else None
    request = Request(
        python=InterpreterChoice("/env/bin/python", "named with --python", explicit=True),
        python_answer=said,
        modules=asked,
    )
    value = software.probe(Host(str(root), {}), request).software
    assert value is not None
    return value.importable


def test_modules_are_looked_for_as_files(tmp_path: Path) -> None:
    files = {
        f"{SITE}/package/__init__.py": "",
        f"{SITE}/single.py": "",
        f"{SITE}/compiled.cpython-312-x86_64-linux-gnu.so": "",
        f"{SITE}/space/inner/__init__.py": "",
        f"{SITE}/mlx/core.cpython-312-x86_64-linux-gnu.so": "",
        f"{SITE}/gone-1.0.dist-info/METADATA": "",
    }
    asked = ("package", "single", "compiled", "space.inner", "space.other", "mlx.core", "gone", "pack")
    assert looked_for(tmp_path, files, *asked) == ("package", "single", "compiled", "space.inner", "mlx.core")


def test_no_module_is_looked_for_unasked(tmp_path: Path) -> None:
    assert looked_for(tmp_path, {f"{SITE}/package/__init__.py": ""}) is None
