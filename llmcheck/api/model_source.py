"""Finds the architecture of a model in files, on the hub or in the table of models."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.checkpoint import find, repositories, tags
from llmcheck.codec import nearest
from llmcheck.errors import DataError, UsageError
from llmcheck.fit.shapes import formats, typical
from llmcheck.schema.architecture import Architecture
from llmcheck.system import answering

if TYPE_CHECKING:
    from llmcheck.fit.plans.downloads import Names
    from llmcheck.fit.use import ModelUse
    from llmcheck.schema.profile import Profile
    from llmcheck.schema.workload import Workload

_TOKENS = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)(?:e(\d{1,2}))?\s*([kmbt])?", re.IGNORECASE)
_PATH_LIKE = (os.sep, "." + os.sep, "~")


class ModelSource(Struct, frozen=True, kw_only=True):
    """The name of a model; exactly one field is set."""

    model: str | None = None
    """A path, a known model, a repository in the local cache, or a size."""
    repository: str | None = None
    """On the hub."""
    config: str | None = None
    parameters: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of ``llmcheck fit`` that name it."""
        pairs = (("--model", self.repository), ("--config", self.config), ("--parameters", self.parameters))
        named = tuple(part for option, value in pairs if value for part in (option, value))
        return (self.model,) if self.model else named


def of(named: str | ModelSource) -> ModelSource:
    """What a caller names: a text is MODEL of ``llmcheck fit``."""
    return ModelSource(model=named) if isinstance(named, str) else named


def command_words(model: tuple[str, ...], machine: str | None, *, assume_idle: bool) -> tuple[str, ...]:
    """The arguments of ``llmcheck fit`` that name a model and the memory of a machine.

    ``machine``: as ``--machine`` named it; None: it is this one.
    """
    where = () if machine is None else ("--machine", machine)
    return (*model, *where, *(("--assume-idle",) if assume_idle else ()))


def architecture(source: ModelSource, cache: str) -> Architecture:
    """The architecture of a model. ``cache``: the folder where huggingface_hub stores models.

    Raises DataError and UsageError.
    """
    given = [each for each in (source.model, source.repository, source.config, source.parameters) if each]
    if len(given) != 1:
        problem = "name a model" if not given else "name the model once"
        raise UsageError(f"{problem}: MODEL, --model ORG/NAME, --config FILE or --parameters SIZE")
    if source.parameters:
        _refuse_experts(source.parameters, "--parameters ")
        return typical.architecture(source.parameters)
    if source.config:
        return _read(os.path.expanduser(source.config))
    if source.repository:
        return _from_hub(source.repository, cache)
    return _named(source.model or "", cache)


def use_of(
    source: ModelSource, workload: Workload, cache: str, *, carbon_intensity_g_per_kwh: float | None = None
) -> ModelUse:
    """The model with a workload that was checked. ``cache``: the folder where huggingface_hub stores models.

    Raises DataError and UsageError.
    """
    from llmcheck.fit import validation
    from llmcheck.fit.use import ModelUse

    if workload.weights is None and (tagged := weights(source.model)) is not None:
        workload = replace(workload, weights=tagged)
    workload = validation.validated(workload, carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh)
    found = architecture(source, cache)
    return ModelUse(found, validation.with_matching_runtime(workload, found), _draft(workload.speculative, found))


def _draft(name: str | None, model: Architecture) -> Architecture | None:
    """The second model that proposes tokens; None where a part of the model does. Raises UsageError."""
    from llmcheck.fit.memory.speculative import HEADS

    if name is None or name in HEADS:
        if name == "mtp" and not model.predictor:
            raise UsageError(f"--speculative mtp: {model.name} has no layers that predict further tokens")
        return None
    if typical.is_size(name):
        return typical.architecture(name)
    found = known_model(name)
    if found is None:
        raise UsageError(f"--speculative {name[:40]}: write {', '.join(HEADS)}, a size such as 0.6B, or a known model")
    return found


def found_here_or_on_hub(name: str, cache: str) -> ModelSource:
    """A model by any of its names; a repository that is neither in the table nor in the cache is fetched."""
    path = os.path.expanduser(name)
    elsewhere = "/" in name and find.is_repository(name) and not answering.kind(path)
    if elsewhere and known_model(name) is None and _copy(name) is None and _cached(name, cache) is None:
        return ModelSource(repository=name)
    return ModelSource(model=name)


def of_profile(profile: Profile) -> dict[str, Architecture]:
    """The architecture of the known model that a profile's workload names, by that name; {} where it names none."""
    name = profile.workload.model if profile.workload is not None else None
    found = None if name is None else known_model(name)
    return {} if name is None or found is None else {name: found}


def _read(path: str) -> Architecture:
    return answering.apart(lambda: find.read(path), [("", path)])


def _cached(name: str, cache: str) -> Architecture | None:
    if not find.is_repository(name):
        return None
    return answering.apart(lambda: find.cached(name, cache), [("the cache of models", cache)])


def _named(name: str, cache: str) -> Architecture:
    path = os.path.expanduser(name)
    if answering.kind(path):
        return _read(path)
    is_file = name.lower().endswith((".gguf", ".safetensors", ".json"))
    if name.startswith(_PATH_LIKE) or (is_file and (os.sep in name or _copy(name) is None)):
        raise DataError(f"{name}: no such file or folder")
    known = known_model(name)
    if known is not None:
        return known
    cached = _cached(name, cache)
    if cached is not None:
        return cached
    tag = tags.parse(name)
    tagged = None if tag is None else _tagged(tag, cache)
    if tagged is not None:
        return tagged
    copy = _copy(name)
    if copy is not None:
        return copy
    if typical.is_size(name):
        return typical.architecture(name)
    _refuse_experts(name)
    if name in profiles.ids():
        raise DataError(f"'{name}' is a tier, not a model: 'llmcheck check {name}' judges this machine for it")
    family = tags.newest(name.partition(":")[0], catalog.models())[:3]
    close = family or nearest(name.lower().rpartition("/")[2], catalog.models())
    near = f"; {'the newest of that name' if family else 'nearest'}: {', '.join(close)}" if close else ""
    hint = f"; --model {name} fetches it from the hub" if "/" in name and find.is_repository(name) else ""
    raise DataError(
        f"'{name[:100]}' is not a file, known model, repository in the local cache ({cache}) or size{near}{hint}; "
        "see 'llmcheck models list'"
    )


def weights(name: str | None) -> str | None:
    """The format that a tag of Ollama, or the name of a file or a quantised copy, implies; None where it implies none.

    It is q4_k_m for ``qwen2.5:7b-instruct-q4_K_M`` and ``Qwen3-8B-Q4_K_M.gguf``, and awq for ``Qwen/Qwen3-8B-AWQ``.
    """
    if not name or answering.kind(name):
        return None
    tag = tags.parse(name)
    if tag is not None and tag.weights is not None:
        return tag.weights
    if known_model(name) is not None:
        return None
    found = repositories.parse(name)
    model = _of_reading(found)
    if found is None or model is None:
        return None
    if found.is_gguf:
        return None if found.several and _is_small(model.dtype) else found.weights
    return _canonical(found.weights)


def _canonical(name: str | None) -> str | None:
    """The name of a format as it is kept; None for one that is not known."""
    try:
        return None if name is None else formats.weights(name).name
    except formats.UnknownFormatError:
        return None


def _is_small(dtype: str | None) -> bool:
    """Whether a model is published in few bits, so that the usual GGUF type is no smaller."""
    return dtype is not None and dtype.startswith("mxfp4")


def _of_reading(found: repositories.Reading | None) -> Architecture | None:
    """The model of the table that one of these names means."""
    if found is None:
        return None
    return next((model for name in found.names if (model := known_model(name)) is not None), None)


def _copy(name: str) -> Architecture | None:
    """The model of the table of which ``name`` is a copy, in the format that the name says; None where it is none."""
    found = repositories.parse(name)
    model = _of_reading(found)
    if found is None or model is None:
        return None
    note = f"{name} is read as {model.name}"
    if found.weights is None or found.is_gguf:
        form = weights(name)
        if form is not None:
            note += f", in {form}" + (", which most load: the name says no format" if found.several else "")
        return replace(model, notes=(*model.notes, note))
    published = _canonical(found.weights)
    if published is None:
        return replace(model, notes=(*model.notes, note))
    # what its own file keeps in 16 bits is not known from a name
    return replace(model, name=name, dtype=published, kept=None, notes=(*model.notes, f"{note}, in {published}"))


def names(source: ModelSource, architecture: Architecture) -> Names | None:
    """Where a listed model is published beside its own repository; None for another model.

    For the id of shapes it may be another release of its maker with these shapes: the one that follows instructions
    where the named one is the base.
    """
    from llmcheck.fit.plans.downloads import Names

    listed = catalog.listed_models()
    name = architecture.name.lower()
    own = next((each for each in listed if each.repository.lower() == name), None)
    shapes, owner = (source.model or "").strip().lower(), name.partition("/")[0]
    releases = (each for each in listed if each.model == shapes and each.repository.lower().partition("/")[0] == owner)
    found = own if own is not None and own.gguf else next((each for each in releases if each.gguf), own)
    return None if found is None else Names(gguf=found.gguf, ollama=found.ollama)


def is_known(name: str) -> bool:
    """Whether a word names a model of the table, a size, or the beginning of such names."""
    models = catalog.models()
    return bool(typical.is_size(name) or known_model(name) or tags.parse(name) or tags.newest(name, models))


def _tagged(tag: tags.Tag, cache: str) -> Architecture | None:
    """The model that a tag of Ollama means: in the table, or a repository of the hub that is there."""
    if "/" in tag.name:
        known = known_model(tag.name.rpartition("/")[2])
        if known is None:
            return _cached(tag.name, cache)
        return replace(known, notes=(*known.notes, f"{tag.name} of the hub is read as {known.name}"))
    for each in tags.matching(tag, catalog.models()):
        found = known_model(each)
        if found is not None:
            note = f"{tag.name}:{tag.size} of Ollama is read as {each}" if tag.size else f"{tag.name} is read as {each}"
            if tag.weights is None:
                note += "; what Ollama downloads for it is mostly q4_k_m: --weights q4_k_m"
            return replace(found, notes=(*found.notes, note))
    return None


def _refuse_experts(size: str, option: str = "") -> None:
    """Raises UsageError for a size with experts, such as 8x7B, which does not determine the shapes."""
    if not typical.has_experts(size):
        return
    key = size.strip().lower()
    matches = [each for each in catalog.models() if each.endswith(f"-{key}")]
    near = f"name the model: {' or '.join(matches)}" if matches else "name the model or its config.json"
    raise UsageError(f"{option}{size.strip()[:40]} has experts, which have no typical shapes; {near}")


def known_model(name: str) -> Architecture | None:
    """A model of the table, by id or by repository, with or without owner, in any case; None if there is none."""
    from llmcheck.checkpoint import config  # 10 ms, not needed for a file on disk

    key = name.strip().lower()
    for each in catalog.models().values():
        matches = [other for other in each.names if key in (other.lower(), other.lower().rpartition("/")[2])]
        if matches or key == each.id:
            source = f"{each.source} ({each.as_of})"
            # a tag of Ollama is no repository, so the model keeps the name of its own
            named = next((other for other in (*matches, *each.names) if "/" in other), each.names[0])
            return config.architecture(each.config, f"table of models, {each.id}", named, source)
    return None


def _from_hub(name: str, cache: str) -> Architecture:
    """From the hub; if that fails, from the local cache or the table."""
    from llmcheck.checkpoint import hub

    repository, _, tag = name.partition(":")
    if not find.is_repository(repository) or not (tag == "" or find.is_repository(tag)):
        raise UsageError(f"--model {name[:100]}: expected a repository such as Qwen/Qwen3-8B")
    try:
        return answering.apart(lambda: hub.read(name), [("the cache of models", cache)], limited=False)
    except hub.HubError as error:
        found = _cached(repository, cache) or known_model(repository) or _copy(name)
        if found is None:
            raise DataError(f"--model {name}: {error}; and it is neither in the local cache nor in the table") from None
        return replace(found, notes=(*found.notes, f"{error}; taken from {found.source}"))


def tokens(text: str) -> float:
    """The number of tokens in ``2T``, ``300B`` or ``1.5e12``. Raises UsageError."""
    match = _TOKENS.fullmatch(text.strip())
    factor = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
    value = float(match[1]) * 10.0 ** int(match[2] or 0) * factor[(match[3] or "").lower()] if match else 0.0
    if not 1 <= value <= 1e18:
        raise UsageError(f"--tokens {text[:40]}: expected a count such as 2T or 300B")
    return value
