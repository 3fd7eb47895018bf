"""The project's Python without importing any of it, and what wraps the operating system."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import Request, software, system
from llmcheck.schema.machine import Os, Software
from llmcheck.system.host import Host
from llmcheck.system.interpreter import BEGIN, END, InterpreterChoice
from tests.probe.host_trees import ask, tree

SITE = "/env/lib/python3.12/site-packages"


def answer(*path: str, prefix: str = "/env", base: str = "/usr", version: str = "3.12.4") -> bytes:
    """What an interpreter says of itself: a line a field, values separated by NUL."""
    fields = [[version], ["cpython"], [prefix], [base], ["/usr/lib/python3.12"], list(path)]
    return BEGIN + b"".join("\0".join(values).encode() + b"\n" for values in fields) + END


def read(where: Host, said: bytes | None = None) -> Software:
    request = Request(
        python=InterpreterChoice("/env/bin/python", "named with --python", explicit=True),
        python_answer=said or answer(SITE),
    )
    found = ask(software, where, request).software
    assert found is not None
    return found


def packages(root: Path, *entries: str) -> dict[str, str]:
    where = tree(root, {f"{SITE}/{entry}": "" for entry in entries})
    return {package.name: package.version for package in read(where).packages or ()}


@pytest.mark.parametrize(
    ("entry", "name", "version"),
    [
        ("transformers-5.23.0.dist-info/METADATA", "transformers", "5.23.0"),
        ("huggingface_hub-2.4.0.dist-info/METADATA", "huggingface-hub", "2.4.0"),
        ("Jinja2-3.1.6.dist-info/METADATA", "jinja2", "3.1.6"),
        ("ruamel.yaml-0.18.6.dist-info/METADATA", "ruamel-yaml", "0.18.6"),
        ("torch-2.14.1+cu126.dist-info/METADATA", "torch", "2.14.1+cu126"),
        ("vllm-0.33.0rc1.dev5.dist-info/METADATA", "vllm", "0.33.0rc1.dev5"),
        ("PyYAML-6.0.1.egg-info/PKG-INFO", "pyyaml", "6.0.1"),
        ("PyYAML-6.0.1-py3.12.egg-info", "pyyaml", "6.0.1"),
    ],
)
def test_a_distribution_is_known_from_the_name_of_its_metadata(
    tmp_path: Path, entry: str, name: str, version: str
) -> None:
    assert packages(tmp_path, entry) == {name: version}


def test_what_is_no_metadata_is_no_distribution(tmp_path: Path) -> None:
    entries = ("torch/__init__.py", "README.txt", "foo.dist-info/METADATA", "a-1.0.data/x", "__pycache__/x-1.0.pyc")
    assert packages(tmp_path, *entries) == {}


def test_the_first_of_two_on_the_path_is_the_one_that_counts(tmp_path: Path) -> None:
    files = {f"{SITE}/torch-2.14.1.dist-info/METADATA": "", "/usr/lib/site-packages/torch-1.0.dist-info/METADATA": ""}
    where = tree(tmp_path, files)
    for path, version in (((SITE, "/usr/lib/site-packages"), "2.14.1"), (("/usr/lib/site-packages", SITE), "1.0")):
        found = {each.name: each.version for each in read(where, answer(*path)).packages or ()}
        assert found == {"torch": version}


def test_an_empty_environment_has_no_packages_and_that_is_known(tmp_path: Path) -> None:
    assert read(tree(tmp_path, {}), answer()).packages == ()
    assert read(tree(tmp_path, {}), answer(SITE)).packages == ()


@pytest.mark.parametrize(
    ("text", "version", "build"),
    [
        (
            "__version__ = '2.15.0+cu132'\ncuda: Optional[str] = '13.2'\nhip: Optional[str] = None\n",
            "2.15.0+cu132",
            "cu132",
        ),
        ("__version__ = '2.10.0'\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "2.10.0", "cu128"),
        ("__version__ = '2.15.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", "2.15.0+cpu", "cpu"),
        ("__version__ = '2.15.0'\ncuda = None\nhip = None\n", "2.15.0", "cpu"),
        (
            "__version__ = '2.13.0+rocm7.2'\ncuda: Optional[str] = None\nhip: Optional[str] = '7.2.53150-dd7f95766'\n",
            "2.13.0+rocm7.2",
            "rocm7.2",
        ),
        (
            "__version__ = '2.9.1a0+gitabc'\ncuda: Optional[str] = None\nhip: Optional[str] = '7.1.52802-26aae437f6'\n",
            "2.9.1a0+gitabc",
            "rocm7.1",
        ),
        ("__version__ = '2.4.0'\ncuda: Optional[str] = '11.8'\n", "2.4.0", "cu118"),
        ("nothing useful\n", None, None),
    ],
    ids=["cu132", "cu128 without local part", "cpu", "plain", "rocm", "rocm built from source", "cu118", "damaged"],
)
def test_the_build_of_torch_is_read_from_its_version_file(
    tmp_path: Path, text: str, version: str | None, build: str | None
) -> None:
    found = read(tree(tmp_path, {f"{SITE}/torch/version.py": text})).torch
    assert found is not None
    assert (found.version, found.build) == (version, build)


def test_nothing_of_the_environment_is_imported_or_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\nraise SystemExit('imported')\n"
    files = {
        f"{SITE}/torch/__init__.py": trap,
        f"{SITE}/torch/version.py": trap + "__version__ = '2.14.1+cpu'\n",
        f"{SITE}/sitecustomize.py": trap,
        f"{SITE}/torch-2.14.1.dist-info/METADATA": "",
    }
    found = read(tree(tmp_path, files))
    assert found.torch is not None
    assert found.torch.version == "2.14.1+cpu"
    assert not (tmp_path / "sprung").exists()


def test_torch_without_a_version_file_is_known_by_its_metadata_alone(tmp_path: Path) -> None:
    found = read(tree(tmp_path, {f"{SITE}/torch-2.14.1.dist-info/METADATA": ""})).torch
    assert found is not None
    assert (found.version, found.build) == ("2.14.1", None)


def test_no_torch_is_none(tmp_path: Path) -> None:
    assert read(tree(tmp_path, {})).torch is None


@pytest.mark.parametrize(
    ("files", "prefix", "base", "environment", "managed"),
    [
        ({}, "/env", "/usr", "venv", False),
        ({}, "/usr", "/usr", "system", False),
        ({"/usr/lib/python3.12/EXTERNALLY-MANAGED": ""}, "/usr", "/usr", "system", True),
        ({"/usr/lib/python3.12/EXTERNALLY-MANAGED": ""}, "/env", "/usr", "venv", False),
        ({"/opt/conda/conda-meta/history": ""}, "/opt/conda", "/opt/conda", "conda", False),
    ],
)
def test_the_kind_of_environment_is_told(
    tmp_path: Path, files: dict[str, str], prefix: str, base: str, environment: str, managed: bool
) -> None:
    found = read(tree(tmp_path, files), answer(SITE, prefix=prefix, base=base)).python
    assert found is not None
    assert (found.environment, bool(found.externally_managed)) == (environment, managed)


def test_a_tool_is_found_on_path_and_a_missing_one_is_known_to_be_missing(tmp_path: Path) -> None:
    where = tree(tmp_path, {"/opt/bin/git": "", "/usr/local/cuda/bin/nvcc": ""}, environ={"PATH": "/none:/opt/bin"})
    found = {tool.name: tool.path for tool in read(where).tools or ()}
    assert found["git"] == "/opt/bin/git"
    assert found["nvcc"] == "/usr/local/cuda/bin/nvcc"
    assert found["docker"] is None


def test_without_an_interpreter_the_tools_are_still_told(tmp_path: Path) -> None:
    reading = ask(software, tree(tmp_path, {"/bin/git": ""}, environ={"PATH": "/bin"}))
    assert reading.software is not None
    assert (reading.software.python, reading.software.packages) == (None, None)
    assert [problem.code for problem in reading.problems] == ["no-python"]
    assert {tool.name: tool.path for tool in reading.software.tools or ()}["git"] == "/bin/git"


def os_of(root: Path, files: dict[str, str], environ: dict[str, str] | None = None) -> Os:
    found = ask(system, tree(root, files, environ=environ)).os
    assert found is not None
    return found


OVERLAY = "1 0 0:50 / / rw - overlay overlay rw,lowerdir=/l\n"
EXT4 = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize(
    ("files", "environ", "container"),
    [
        ({}, {}, None),
        ({"/.dockerenv": "", "/proc/self/mountinfo": OVERLAY}, {}, "docker"),
        ({"/.dockerenv": "", "/proc/self/mountinfo": EXT4}, {}, None),
        ({"/proc/1/cgroup": "12:memory:/docker/0123\n"}, {}, "docker"),
        ({"/proc/1/cgroup": "1:name=systemd:/lxc/box\n"}, {}, "lxc"),
        ({"/proc/1/cgroup": "0::/init.scope\n", "/proc/self/mountinfo": EXT4}, {}, None),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, {}, "systemd-nspawn"),
        ({}, {"container": "lxc"}, "lxc"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer"),
        ({}, {"SINGULARITY_CONTAINER": "/x.sif"}, "apptainer"),
    ],
)
def test_a_container_is_known_by_what_its_runtime_leaves(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str], container: str | None
) -> None:
    assert os_of(tmp_path, files, environ).container == container


@pytest.mark.parametrize(
    ("release", "wsl"),
    [
        ("5.15.153.1-microsoft-standard-WSL2\n", 2),
        ("6.6.36.3-microsoft-standard-WSL2+\n", 2),
        ("4.4.0-19041-Microsoft\n", 1),
        ("6.8.0-48-generic\n", None),
    ],
)
def test_the_windows_subsystem_is_told_from_a_real_linux(tmp_path: Path, release: str, wsl: int | None) -> None:
    found = os_of(tmp_path, {"/proc/sys/kernel/osrelease": release})
    assert (found.wsl, found.version) == (wsl, release.strip())


@pytest.mark.parametrize(
    ("environ", "notebook"),
    [
        ({"COLAB_RELEASE_TAG": "release-colab"}, "colab"),
        ({"COLAB_GPU": "1"}, "colab"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, "kaggle"),
        ({}, None),
    ],
)
def test_a_hosted_notebook_is_known_by_its_variables(
    tmp_path: Path, environ: dict[str, str], notebook: str | None
) -> None:
    assert os_of(tmp_path, {}, environ).notebook == notebook


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n', "Ubuntu 24.04.1 LTS"),
        ("NAME='Alpine Linux'\n", "Alpine Linux"),
        ("rubbish", None),
    ],
)
def test_the_distribution_is_read_from_its_own_file(tmp_path: Path, text: str, name: str | None) -> None:
    assert os_of(tmp_path, {"/etc/os-release": text}).distribution == name


def test_musl_is_told_from_glibc(tmp_path: Path) -> None:
    assert os_of(tmp_path, {"/lib/ld-musl-x86_64.so.1": ""}).libc == "musl"


def test_the_host_of_a_tree_is_named_as_the_tree_says(tmp_path: Path) -> None:
    assert ask(system, tree(tmp_path, {"/etc/hostname": "node17\n"})).hostname == "node17"
