"""A plan that the settings of pip or uv would break says so, with the mend."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.install.plan import plan_installation
from llmcheck.install.target import PlanOptions
from llmcheck.schema.machine import Machine
from llmcheck.schema.software import InstallerSetting
from tests.machines_builder import card, machine, python

TABLES = catalog.tables()
SYSTEM = python(executable="/opt/conda/bin/python", prefix="/opt/conda", environment="conda")


def said(
    where: Machine,
    option: str,
    value: str,
    *names: str,
    tool: str = "pip",
    file: str | None = None,
    shell: str = "bash",
) -> str:
    place = file or f"{tool.upper()}_{option.upper().replace('-', '_')}"
    one = InstallerSetting(tool=tool, option=option, value=value, where=place)
    where = replace(where, software=replace(where.software, installer_settings=(one,)))
    options = PlanOptions(shell=shell)  # type: ignore[arg-type]
    return "\n".join(plan_installation("x", list(names), where, TABLES, options).first)


H100 = machine(card("H100"), present=["cc"])
UV = machine(card("H100"), present=["uv", "cc"])


@pytest.mark.parametrize(
    ("where", "option", "value", "name", "tool", "says"),
    [
        (H100, "no-index", "1", "torch", "pip", "nothing of this can be downloaded"),
        (H100, "index-url", "https://mirror.local/simple", "transformers", "pip", "instead of PyPI"),
        (H100, "extra-index-url", "https://mirror.local/simple", "torch", "pip", "another build may be taken"),
        (H100, "user", "true", "torch", "pip", "refuses to install for the user inside a virtual environment"),
        (H100, "target", "/data/lib", "torch", "pip", "/data/lib, not into the environment"),
        (H100, "prefix", "/data", "torch", "pip", "/data, not into the environment"),
        (machine(interpreter=SYSTEM), "require-virtualenv", "1", "wandb", "pip", "only into a virtual environment"),
        (machine(present=["cc"]), "only-binary", ":all:", "flash-attn", "pip", ""),
        (H100, "no-binary", ":all:", "torch", "pip", "PyTorch has no source package"),
        (H100, "constraint", "/etc/c.txt", "torch", "pip", "PIP_CONSTRAINT=/etc/c.txt: versions are held"),
        (UV, "offline", "1", "torch", "uv", "only what is in its cache"),
        (UV, "no-index", "true", "torch", "uv", "nothing of this can be downloaded"),
        (UV, "default-index", "https://mirror.local/simple", "transformers", "uv", "instead of PyPI"),
        (UV, "exclude-newer", "2025-01-01", "torch", "uv", "no release after 2025-01-01"),
        (
            machine(card("H100"), present=["uv"], interpreter=python(version="3.9.19")),
            "python-downloads", "never", "vllm", "uv", "may not download Python",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_breaks_the_plan_is_named(
    where: Machine, option: str, value: str, name: str, tool: str, says: str
) -> None:
    text = said(where, option, value, name, tool=tool)
    assert says in text
    if says:
        assert f"run first: unset {tool.upper()}_{option.upper().replace('-', '_')}" in text


@pytest.mark.parametrize(
    ("where", "option", "value", "tool"),
    [
        (H100, "no-index", "0", "pip"),
        (H100, "index-url", "https://pypi.org/simple/", "pip"),
        (H100, "require-virtualenv", "1", "pip"),
        (H100, "offline", "1", "uv"),
        (UV, "no-index", "1", "pip"),
        (H100, "only-binary", "numpy", "pip"),
    ],
)
def test_what_does_not_matter_is_not_named(where: Machine, option: str, value: str, tool: str) -> None:
    assert said(where, option, value, "transformers", tool=tool) == ""


def test_a_file_is_named_with_what_to_take_out() -> None:
    text = said(H100, "no-index", "yes", "torch", file="/etc/pip.conf")
    assert "'no-index = yes' in /etc/pip.conf" in text
    assert "take 'no-index' out of that file" in text


@pytest.mark.parametrize(
    ("shell", "command"), [("powershell", "Remove-Item Env:PIP_NO_INDEX"), ("fish", "set -e PIP_NO_INDEX")]
)
def test_the_mend_is_in_the_shell_of_the_plan(shell: str, command: str) -> None:
    assert command in said(H100, "no-index", "1", "torch", shell=shell)


def test_nothing_to_install_has_no_obstacle() -> None:
    assert said(machine(), "no-index", "1") == ""


def test_what_breaks_comes_before_what_may_be_meant() -> None:
    settings = tuple(
        InstallerSetting(tool="pip", option=option, value=value, where=f"PIP_{option.upper().replace('-', '_')}")
        for option, value in (("index-url", "https://mirror.local"), ("no-index", "1"))
    )
    where = replace(H100, software=replace(H100.software, installer_settings=settings))
    first, second = plan_installation("x", ["transformers"], where, TABLES).first
    assert (first.startswith("PIP_NO_INDEX"), second.startswith("PIP_INDEX_URL")) == (True, True)
    assert "where that is not wanted" in second


@pytest.mark.parametrize(("value", "named"), [("cpu", True), ("auto", False)])
def test_a_build_of_pytorch_in_uv_s_file_is_named(value: str, named: bool) -> None:
    text = said(UV, "torch-backend", value, "torch", tool="uv", file="/home/ann/.config/uv/uv.toml")
    assert ("uv takes the cpu build of PyTorch" in text) is named
