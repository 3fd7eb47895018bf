"""How pip and uv are set up: their variables and configuration files, as far as a plan could fail by them.

pip reads its files in the order of its documentation (Configuration), uv of its own (Configuration files); what comes
later wins. Addresses are stored without user name and password. Nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from llmcheck.schema.software import InstallerSetting
from llmcheck.system.host import Host

_PIP = (
    "no-index", "index-url", "extra-index-url", "find-links", "user", "target", "prefix", "root", "require-virtualenv",
    "only-binary", "no-binary", "constraint", "no-build-isolation", "require-hashes", "no-deps", "dry-run",
)  # fmt: skip
_UV = (
    "no-index", "index-url", "default-index", "index", "extra-index-url", "find-links", "offline", "python",
    "python-downloads", "constraint", "override", "no-binary", "no-build", "exclude-newer", "require-hashes",
    "torch-backend", "target", "prefix",
)  # fmt: skip
_LARGEST = 65_536
"""Bytes; a larger file is not read."""
_LONGEST = 200


def settings(host: Host, prefix: str | None) -> tuple[InstallerSetting, ...]:
    """The settings in force, sorted. ``prefix``: the environment's folder, which may have a pip.conf of its own."""
    found: dict[tuple[str, str], InstallerSetting] = {}
    for one in (
        *_pip_files(host, prefix),
        *_variables(host, "pip", _PIP),
        *_uv_files(host),
        *_variables(host, "uv", _UV),
    ):
        found[one.tool, one.option] = one
    return tuple(found[key] for key in sorted(found))


def _variables(host: Host, tool: str, options: tuple[str, ...]) -> Iterator[InstallerSetting]:
    for option in options:
        name = f"{tool.upper()}_{option.upper().replace('-', '_')}"
        value = host.environ.get(name)
        if value:
            yield _setting(tool, option, value, name)


def _setting(tool: str, option: str, value: str, where: str) -> InstallerSetting:
    return InstallerSetting(tool=tool, option=option, value=_without_secrets(value), where=where)


def _without_secrets(value: str) -> str:
    """Addresses without what comes before ``@``, and without queries, which may hold tokens."""
    shown = re.sub(r"(\w+://)\S*@", r"\1", " ".join(value.split()))
    shown = re.sub(r"(\w+://[^\s?#]*)[?#]\S*", r"\1", shown)
    return "".join(letter if letter.isprintable() else "?" for letter in shown)[:_LONGEST]


def _pip_files(host: Host, prefix: str | None) -> Iterator[InstallerSetting]:
    named = host.environ.get("PIP_CONFIG_FILE")
    if named in ("/dev/null", "nul"):
        return
    for path in (*_pip_places(host, prefix), *([named] if named else [])):
        text = _text(host, path)
        if text is not None:
            yield from _of_ini(text, path)


def _pip_places(host: Host, prefix: str | None) -> Iterator[str]:
    home = host.home()
    if host.platform == "windows":
        for variable in ("ProgramData", "APPDATA"):
            if host.environ.get(variable):
                yield f"{host.environ[variable]}/pip/pip.ini"
        yield from [f"{prefix}/pip.ini"] if prefix else []
        return
    shared = host.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    if host.platform == "darwin":
        shared = "/Library/Application Support"
    yield from (f"{folder}/pip/pip.conf" for folder in shared.split(":")[:4])
    yield "/etc/pip.conf"
    if home:
        yield f"{home}/.pip/pip.conf"
        if host.platform == "darwin":
            yield f"{home}/Library/Application Support/pip/pip.conf"
        yield f"{host.environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/pip/pip.conf"
    yield from [f"{prefix}/pip.conf"] if prefix else []


def _text(host: Host, path: str) -> str | None:
    size = host.file_size(path)
    return host.read(path) if size is not None and 0 < size <= _LARGEST else None


def _of_ini(text: str, path: str) -> Iterator[InstallerSetting]:
    import configparser  # only where there is such a file

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for section in ("global", "install"):
        for option, value in parser.items(section) if parser.has_section(section) else ():
            plain = option.replace("_", "-")
            if plain in _PIP and value:
                yield _setting("pip", plain, value, path)


def _uv_files(host: Host) -> Iterator[InstallerSetting]:
    if host.environ.get("UV_NO_CONFIG"):
        return
    named, home = host.environ.get("UV_CONFIG_FILE"), host.home()
    user = host.environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
    if host.platform == "windows":
        user = host.environ.get("APPDATA")
    places = ["/etc/uv/uv.toml", *([f"{user}/uv/uv.toml"] if user else [])]
    folder = host.cwd.rstrip("/")
    own = f"{folder}/uv.toml"
    places.append(named or (own if host.exists(own) else f"{folder}/pyproject.toml"))
    for path in places:
        text = _text(host, path)
        if text is not None and (not path.endswith("/pyproject.toml") or "tool.uv" in text):
            yield from _of_toml(text, path)


def _of_toml(text: str, path: str) -> Iterator[InstallerSetting]:
    import tomllib  # only where there is such a file

    try:
        table: Mapping[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if path.endswith("/pyproject.toml"):
        table = _table(_table(table.get("tool")).get("uv"))
    for section in (table, _table(table.get("pip"))):
        for option, value in section.items():
            shown = _shown(value)
            if option in _UV and shown:
                yield _setting("uv", option, shown, path)


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    """A value of TOML as its variable would have it: lists with spaces, of an index its address."""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, list):
        return " ".join(filter(None, (_shown(each) for each in value[:20])))
    if isinstance(value, dict):
        return _shown(value.get("url", ""))
    return str(value) if isinstance(value, str | int | float) else ""
