"""The versions of compilers, from what lies beside them; none of them is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.schema.machine import Software
from tests.probe.test_software_more import VERSION_JSON, found, plant


def with_programs(root: Path, files: dict[str, str], *programs: str) -> Software:
    """The software of a tree with these files, of which ``programs`` may run and lie on PATH."""
    plant(root, files)
    for program in programs:
        (root / program.lstrip("/")).chmod(0o755)
    return found(root, {}, environ={"PATH": programs[0].rpartition("/")[0]})


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"/usr/local/cuda-12.6/bin/nvcc": "", "/usr/local/cuda-12.6/version.json": VERSION_JSON}, "13.0.88"),
        ({"/usr/local/cuda-12.6/bin/nvcc": ""}, "12.6"),
        ({"/usr/local/cuda-12.6/bin/nvcc": "", "/usr/local/cuda": "->cuda-12.6"}, "12.6"),
        ({"/opt/x/bin/nvcc": "", "/opt/x/include/cuda.h": "#define CUDA_VERSION 13010\n"}, "13.1"),
        ({"/opt/x/bin/nvcc": "", "/opt/x/include/cuda_runtime_api.h": "#define CUDART_VERSION 12080\n"}, "12.8"),
        ({"/opt/x/bin/nvcc": "", "/opt/x/version.txt": "CUDA Version 10.2.89\n"}, "10.2.89"),
        ({"/opt/nvidia/hpc_sdk/Linux_x86_64/25.3/cuda/12.8/bin/nvcc": ""}, "12.8"),
        ({"/apps/CUDA/12.4.1/bin/nvcc": ""}, "12.4.1"),
        ({"/opt/cuda_12.6.2/bin/nvcc": ""}, "12.6.2"),
        ({"/opt/gcc/12.4/bin/nvcc": ""}, None),
        ({"/conda/bin/nvcc": "", "/conda/conda-meta/cuda-nvcc-12.6.85-hcdd1206_0.json": ""}, "12.6.85"),
        (
            {
                "/v/lib/python3.12/site-packages/nvidia/cu13/bin/nvcc": "",
                "/v/lib/python3.12/site-packages/nvidia_cuda_nvcc-13.0.88.dist-info/METADATA": "",
            },
            "13.0.88",
        ),
        (
            {
                "/opt/wrap/bin/nvcc": '#!/bin/sh\nexec /usr/local/cuda/bin/nvcc "$@"\n',
                "/usr/local/cuda": "->cuda-13.0",
                "/usr/local/cuda-13.0/version.json": VERSION_JSON,
            },
            "13.0.88",
        ),
        ({"/opt/wrap/bin/nvcc": "#!/bin/sh\nexec ccache nvcc\n"}, None),
        ({"/usr/bin/nvcc": "", "/usr/include/cuda.h": "#define CUDA_VERSION 12020\n"}, "12.2"),
    ],
)
def test_nvcc_without_a_version_file(tmp_path: Path, files: dict[str, str], version: str | None) -> None:
    (nvcc,) = (path for path in files if path.endswith("/nvcc"))
    value = with_programs(tmp_path, files, nvcc)
    (tool,) = (each for each in value.tools or () if each.name == "nvcc")
    assert (tool.path, tool.version) == (nvcc, version)


def test_cuda_home_is_known_by_its_real_path_too(tmp_path: Path) -> None:
    files = {"/usr/local/cuda-13.0/version.json": VERSION_JSON, "/home/ann/cuda": "->../../usr/local/cuda-13.0"}
    value = found(tmp_path, files, environ={"CUDA_HOME": "/home/ann/cuda"})
    assert (value.cuda_home, value.cuda_home_real) == ("/home/ann/cuda", "/usr/local/cuda-13.0")


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"/usr/bin/cc": "->gcc-14", "/usr/bin/gcc-14": ""}, "14"),
        (
            {
                "/usr/bin/cc": "->gcc",
                "/usr/bin/gcc": "->x86_64-linux-gnu-gcc-12",
                "/usr/bin/x86_64-linux-gnu-gcc-12": "",
            },
            "12",
        ),
        ({"/usr/bin/cc": "->gcc", "/usr/bin/gcc": "", "/usr/lib/gcc/x86_64-redhat-linux/15/cc1": ""}, "15"),
        ({"/usr/bin/cc": "->clang-19", "/usr/bin/clang-19": "", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1": ""}, None),
        ({"/usr/bin/cc": ""}, None),
    ],
)
def test_the_release_of_gcc(tmp_path: Path, files: dict[str, str], version: str | None) -> None:
    value = with_programs(tmp_path, files, *(path for path in files if path.startswith("/usr/bin/")))
    assert next(each.version for each in value.tools or () if each.name == "cc") == version


@pytest.mark.parametrize(("files", "there"), [({"/usr/include/python3.12/Python.h": ""}, True), ({}, False)])
def test_whether_the_headers_of_python_are_there(tmp_path: Path, files: dict[str, str], there: bool) -> None:
    value = found(tmp_path, files)
    assert value.python is not None
    assert value.python.headers is there
