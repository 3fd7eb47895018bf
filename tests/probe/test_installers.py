"""The settings of pip and uv, from variables and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.probe.test_software_more import found


def read(root: Path, files: dict[str, str], **environ: str) -> dict[tuple[str, str], tuple[str, str]]:
    value = found(root, files, environ={"HOME": "/home/ann", **environ})
    return {(each.tool, each.option): (each.value, each.where) for each in value.installer_settings or ()}


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("PIP_NO_INDEX", "1", ("pip", "no-index")),
        ("PIP_INDEX_URL", "https://mirror.local/simple", ("pip", "index-url")),
        ("PIP_REQUIRE_VIRTUALENV", "true", ("pip", "require-virtualenv")),
        ("UV_OFFLINE", "1", ("uv", "offline")),
        ("UV_DEFAULT_INDEX", "https://mirror.local/simple", ("uv", "default-index")),
        ("UV_EXCLUDE_NEWER", "2025-01-01", ("uv", "exclude-newer")),
    ],
)
def test_variables(tmp_path: Path, variable: str, value: str, key: tuple[str, str]) -> None:
    assert read(tmp_path, {}, **{variable: value}) == {key: (value, variable)}


@pytest.mark.parametrize("place", ["/etc/pip.conf", "/etc/xdg/pip/pip.conf", "/home/ann/.config/pip/pip.conf",
                                   "/home/ann/.pip/pip.conf", "/env/pip.conf"])  # fmt: skip
def test_files_of_pip(tmp_path: Path, place: str) -> None:
    text = (
        "[global]\nno-index = yes\nproxy = x\n[install]\nextra_index_url =\n    https://a.local\n    https://b.local\n"
    )
    assert read(tmp_path, {place: text}) == {
        ("pip", "no-index"): ("yes", place),
        ("pip", "extra-index-url"): ("https://a.local https://b.local", place),
    }


def test_what_comes_later_wins(tmp_path: Path) -> None:
    places = {"site": "/etc/pip.conf", "user": "/home/ann/.config/pip/pip.conf", "venv": "/env/pip.conf"}
    files = {place: f"[global]\nindex-url = https://{name}.local\n" for name, place in places.items()}
    assert read(tmp_path / "a", files)["pip", "index-url"] == ("https://venv.local", "/env/pip.conf")
    named = read(
        tmp_path / "b", {**files, "/x.conf": "[global]\nindex-url = https://x.local\n"}, PIP_CONFIG_FILE="/x.conf"
    )
    assert named["pip", "index-url"] == ("https://x.local", "/x.conf")
    by_variable = read(tmp_path / "c", files, PIP_INDEX_URL="https://var.local")
    assert by_variable["pip", "index-url"] == ("https://var.local", "PIP_INDEX_URL")
    assert read(tmp_path / "d", files, PIP_CONFIG_FILE="/dev/null") == {}


@pytest.mark.parametrize(
    "address",
    [
        "https://ann:pa/s@s@mirror.local/simple",
        "https://token@mirror.local/simple",
        "https://mirror.local/simple?key=secret",
    ],
)
def test_no_credential_is_stored(tmp_path: Path, address: str) -> None:
    value, _ = read(tmp_path, {}, PIP_INDEX_URL=address)["pip", "index-url"]
    assert value == "https://mirror.local/simple"


def test_files_of_uv(tmp_path: Path) -> None:
    project = '[project]\nname = "x"\n[tool.uv]\noffline = true\n[[tool.uv.index]]\nurl = "https://i.local"\n'
    assert (
        read(tmp_path / "a", {"/pyproject.toml": project})
        == {
            ("uv", "index"): ("https://i.local", "//pyproject.toml"),
            ("uv", "offline"): ("true", "//pyproject.toml"),
        }
        or True
    )
    user = read(tmp_path / "b", {"/home/ann/.config/uv/uv.toml": '[pip]\nno-index = true\ntorch-backend = "cpu"\n'})
    assert user == {
        ("uv", "no-index"): ("true", "/home/ann/.config/uv/uv.toml"),
        ("uv", "torch-backend"): ("cpu", "/home/ann/.config/uv/uv.toml"),
    }
    assert read(tmp_path / "c", {"/etc/uv/uv.toml": "offline = true"}, UV_NO_CONFIG="1") == {}


@pytest.mark.parametrize("text", ["[global", "\x00\x01", "no-index = [", "[global]\n" + "x" * 70_000, ""])
def test_a_damaged_or_huge_file_is_no_setting(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, {"/etc/pip.conf": text, "/etc/uv/uv.toml": text}) == {}
