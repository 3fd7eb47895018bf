"""Settings of pip and uv by which a plan would fail, or install something else, with what mends each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from llmcheck.schema.advice import Environment, Shell, Step
from llmcheck.schema.machine import Machine
from llmcheck.schema.software import InstallerSetting

_OFF = ("0", "false", "no", "off", "")
_PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")
_ALL = ":all:"
_CHOICES = ("index-url", "default-index", "extra-index-url", "index", "find-links", "constraint", "override")
"""Settings that people make on purpose, and with which a plan may well work."""


class _Case(Struct, frozen=True):
    """One setting, and an environment that its installer fills."""

    setting: InstallerSetting
    environment: Environment
    machine: Machine


_Rule = Callable[[_Case], str | None]


def obstacles(environments: Sequence[Environment], machine: Machine, shell: Shell) -> Iterator[str]:
    """One sentence for each setting that counts: what sets it, what it does to this plan, how to undo it."""
    settings = machine.software.installer_settings or ()
    for setting in sorted(settings, key=lambda each: each.option in _CHOICES):
        rule = _RULES.get(setting.option)
        using = [each for each in environments if _uses(each, setting.tool)]
        found = (rule(_Case(setting, each, machine)) for each in using) if rule is not None else iter(())
        why = next(filter(None, found), None)
        if why is not None:
            yield f"{_as_it_is_set(setting)}: {why}; {_mend(setting, shell)}"


def _as_it_is_set(setting: InstallerSetting) -> str:
    if _is_variable(setting):
        return f"{setting.where}={setting.value}"
    return f"'{setting.option} = {setting.value}' in {setting.where}"


def _uses(environment: Environment, tool: str) -> bool:
    if tool == "pip":
        return any(_is_install(step) and step.argv[1:3] == ("-m", "pip") for step in environment.steps)
    return any("uv" in step.argv[:3] for step in environment.steps)


def _is_install(step: Step) -> bool:
    return step.kind == "install"


def _is_variable(setting: InstallerSetting) -> bool:
    return setting.where.isupper() and "/" not in setting.where


def _mend(setting: InstallerSetting, shell: Shell) -> str:
    return f"{'where that is not wanted, ' if setting.option in _CHOICES else ''}{_undone(setting, shell)}"


def _undone(setting: InstallerSetting, shell: Shell) -> str:
    if not _is_variable(setting):
        return f"take '{setting.option}' out of that file before you run these commands"
    name = setting.where
    command = {"powershell": f"Remove-Item Env:{name}", "cmd": f"set {name}=", "fish": f"set -e {name}"}
    return f"run first: {command.get(shell, f'unset {name}')}"


def _is_on(setting: InstallerSetting) -> bool:
    return setting.value.strip().lower() not in _OFF


def _no_index(case: _Case) -> str | None:
    return (
        f"{case.setting.tool} asks no package index, so nothing of this can be downloaded"
        if _is_on(case.setting)
        else None
    )


def _offline(case: _Case) -> str | None:
    return "uv takes only what is in its cache" if _is_on(case.setting) else None


def _index(case: _Case) -> str | None:
    address = case.setting.value.strip().rstrip("/")
    if address in _PYPI or all(step.index_url for step in case.environment.steps if _is_install(step)):
        return None
    return f"packages come from {address} instead of PyPI: what it lacks, or has in another build, is not as planned"


def _extra_index(case: _Case) -> str | None:
    if case.setting.value.strip().rstrip("/") in _PYPI and not any(step.index_url for step in case.environment.steps):
        return None
    return "packages may come from there too, whatever index a command names: another build may be taken"


def _user(case: _Case) -> str | None:
    if not _is_on(case.setting):
        return None
    if _is_venv(case):
        return "pip refuses to install for the user inside a virtual environment"
    return "packages go into ~/.local, which other environments see too"


def _elsewhere(case: _Case) -> str | None:
    return f"packages go into {case.setting.value}, not into the environment"


def _virtualenv(case: _Case) -> str | None:
    if not _is_on(case.setting) or _is_venv(case):
        return None
    return "pip installs only into a virtual environment, and this is none"


def _only_binary(case: _Case) -> str | None:
    names = case.setting.value.replace(",", " ").split()
    # An option of the command itself comes after that of a variable or a file.
    built = [step for step in case.environment.steps if _is_built(step) and not _says(step, "--no-binary")]
    hit = [step.requirements[0] for step in built if _ALL in names or step.requirements[0].split(">")[0] in names]
    if case.setting.option == "no-build":
        hit = [step.requirements[0] for step in built] if _is_on(case.setting) else []
    return f"{hit[0]} has to be compiled here, and that is forbidden" if hit else None


def _no_binary(case: _Case) -> str | None:
    names = case.setting.value.replace(",", " ").split()
    torch = any(each.startswith("torch") for step in case.environment.steps for each in step.requirements)
    if _ALL in names or case.setting.value.lower() in ("1", "true"):
        return "everything would be compiled from source, and PyTorch has no source package"
    return "PyTorch has no source package" if torch and "torch" in names else None


def _constraint(_: _Case) -> str | None:
    return "versions are held to those of that file: where it names another one, a command fails"


def _hashes(case: _Case) -> str | None:
    return "every requirement needs a hash, and these have none" if _is_on(case.setting) else None


def _newer(case: _Case) -> str | None:
    return f"uv takes no release after {case.setting.value}: newer ones that this plan asks for are not found"


def _downloads(case: _Case) -> str | None:
    makes = case.environment.steps[0].argv if case.environment.steps else ()
    version = makes[makes.index("--python") + 1] if makes[:2] == ("uv", "venv") and "--python" in makes else ""
    if case.setting.value.lower() not in ("never", "manual", "0", "false") or not version[:1].isdigit():
        return None
    return f"uv may not download Python {version}, which this plan needs"


def _torch_backend(case: _Case) -> str | None:
    """That of the variable counts where the build is chosen."""
    installs = [step for step in case.environment.steps if any(each.startswith("torch") for each in step.requirements)]
    same = all((step.index_url or "").endswith(f"/{case.setting.value}") for step in installs)
    if not installs or same or _is_variable(case.setting) or case.setting.value == "auto":
        return None
    return f"uv takes the {case.setting.value} build of PyTorch, whatever index a command names"


def _no_isolation(case: _Case) -> str | None:
    built = any(_is_built(step) and "--no-build-isolation" not in step.options for step in case.environment.steps)
    return "what is compiled lacks its build requirements" if built and _is_on(case.setting) else None


def _no_deps(case: _Case) -> str | None:
    return "what the packages need is not installed with them" if _is_on(case.setting) else None


def _dry_run(case: _Case) -> str | None:
    return "pip installs nothing" if _is_on(case.setting) else None


def _is_venv(case: _Case) -> bool:
    python = case.machine.software.python
    new = case.environment.folder is not None and "conda" not in case.environment.steps[0].argv[:1]
    return new or (case.environment.folder is None and python is not None and python.environment == "venv")


def _is_built(step: Step) -> bool:
    return _is_install(step) and ("CMAKE_ARGS" in step.variables or "MAX_JOBS" in step.variables)


def _says(step: Step, option: str) -> bool:
    return any(each.startswith(option) for each in step.options)


_RULES: Mapping[str, _Rule] = {
    "no-index": _no_index,
    "offline": _offline,
    "index-url": _index,
    "default-index": _index,
    "extra-index-url": _extra_index,
    "index": _extra_index,
    "find-links": _extra_index,
    "user": _user,
    "target": _elsewhere,
    "prefix": _elsewhere,
    "root": _elsewhere,
    "require-virtualenv": _virtualenv,
    "only-binary": _only_binary,
    "no-build": _only_binary,
    "no-binary": _no_binary,
    "constraint": _constraint,
    "override": _constraint,
    "require-hashes": _hashes,
    "exclude-newer": _newer,
    "python-downloads": _downloads,
    "torch-backend": _torch_backend,
    "no-build-isolation": _no_isolation,
    "no-deps": _no_deps,
    "dry-run": _dry_run,
}
