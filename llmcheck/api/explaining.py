"""Explains a word of llmcheck's answers, of a profile or of a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from llmcheck import catalog, codec, shell
from llmcheck.catalog import described, described_facts
from llmcheck.catalog import profiles as profile_catalog
from llmcheck.errors import DataError
from llmcheck.judge import requirements
from llmcheck.judge.evaluate import corrections_of
from llmcheck.schema.configuration import Configuration
from llmcheck.schema.explanation import Explanation, Key, Meaning
from llmcheck.schema.profile import Profile, Requirement, source_in_words

_LONGEST = 200
_SHORTFALL = "shortfall"


def explain(word: str, profiles: Sequence[str] = ()) -> Explanation:
    """Every sense of a word. ``profiles``: ids or paths whose requirements are known too, beside the shipped ones.

    Raises DataError for a word without any, with the nearest ones, and for a profile that cannot be read.
    """
    known = [
        *((name, profile_catalog.load(name)) for name in profiles if name not in profile_catalog.ids()),
        *_shipped(),
    ]
    wanted = word.strip()
    found = tuple(_meanings(wanted, known)) if wanted and len(wanted) <= _LONGEST else ()
    found = found or (tuple(described_facts.meanings_of_name(wanted)) if 0 < len(wanted) <= _LONGEST else ())
    if found:
        return Explanation(word=wanted, meanings=found)
    words = {*_words(known)}
    near = codec.nearest(wanted[:_LONGEST].lower(), words)
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise DataError(
        f"nothing is known of '{wanted[:_LONGEST]}'{meant} (ids of requirements and profiles, kinds and keys of "
        "requirements, facts of a machine, codes of problems, statuses, exit codes)"
    )


def explained_words() -> tuple[str, ...]:
    """The words that have a meaning without a profile of one's own, sorted."""
    return tuple(sorted(set(_words(_shipped()))))


def _shipped() -> list[tuple[str, Profile]]:
    return [(each.id, each) for each in profile_catalog.shipped()]


def _meanings(word: str, profiles: Sequence[tuple[str, Profile]]) -> Iterator[Meaning]:
    if word in requirements.kinds():
        yield _of_kind(word)
    for topic in catalog.topics():
        if topic.id in (word, f"package-{word}"):
            yield Meaning(id=topic.id, of=topic.of, means=topic.means, do=topic.do)
    yield from (each for each in _shortfalls() if each.id == word)
    yield from _of_key(word)
    yield from described_facts.meanings(word)
    for name, profile in profiles:
        yield from _of_profile(word, name, profile)


def _shortfalls() -> Iterator[Meaning]:
    """Of the kinds' own codes those that have no words among the topics, as the docstrings of the kinds list them."""
    explained = {topic.id for topic in catalog.topics() if topic.of == _SHORTFALL}
    for kind in requirements.kinds():
        listed = (requirements.module(kind).__doc__ or "").partition("Shortfall code")[2]
        for code, words in re.findall(r"``([a-z0-9-]+)``(?: \(([^)]*)\))?", listed):
            if code not in explained:
                means = f"Of the kind {kind}: {described.summary(words) or 'it is not met'}."
                yield Meaning(id=code, of=_SHORTFALL, means=means)


def _words(profiles: Iterable[tuple[str, Profile]]) -> Iterator[str]:
    for name, profile in profiles:
        yield name
        yield from (each.id for each in profile.require)
    yield from requirements.kinds()
    yield from (topic.id for topic in catalog.topics())
    yield from (each.id for each in _shortfalls())
    yield from described_facts.all_paths()
    yield from (field.encode_name for _, field, _ in _keys())


def _of_profile(word: str, name: str, profile: Profile) -> Iterator[Meaning]:
    quoted = shell.quote(name)
    if word == profile.id or word == name:
        means = f"{profile.title}: {len(profile.require)} requirements."
        yield Meaning(id=word, of="profile", means=means, command=f"llmcheck profiles show {quoted}")
    yield from (_of_requirement(each, profile, quoted) for each in profile.require if each.id == word)


def _of_requirement(each: Requirement, profile: Profile, quoted: str) -> Meaning:
    applied = corrections_of(catalog.corrections(), profile.id)
    wrong = [fix for fix in applied if f"profile:{profile.id}/{each.id}" in fix.applies_to]
    return Meaning(
        id=each.id,
        of=f"{each.level} requirement of {profile.id}",
        means=f"{each.kind}: {requirements.needed(each)}",
        profile=profile.id,
        why=each.why,
        do=each.fix,
        source=None if each.source is None else source_in_words(each.source),
        command=f"llmcheck check {quoted} --only {shell.quote(each.id)}",
        corrections=tuple(f"documented: {fix.documented}; in fact: {fix.fact}" for fix in wrong),
    )


def _of_kind(kind: str) -> Meaning:
    module = requirements.module(kind)
    texts = described.fields(module.Requirement)
    keys = [
        Key(name=field.encode_name, means=texts.get(field.name, ""), needed=field.required)
        for field in sorted(msgspec.structs.fields(module.Requirement), key=lambda each: _is_shared(each.name))
        if field.name not in ("id", "kind")
    ]
    keywords = [f"{name} = {_toml(value)}" for name, value in module.EXAMPLE.keys.items()]
    return Meaning(
        id=kind,
        of="kind of requirement",
        means=_sentence(described.summary((module.__doc__ or "").partition(": ")[2])),
        example=", ".join([f'kind = "{kind}"', *keywords]),
        keys=tuple(keys),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_shared(name: str) -> bool:
    return name in Requirement.__struct_fields__


def _of_key(word: str) -> Iterator[Meaning]:
    for of, field, text in _keys():
        if word in (field.encode_name, field.name):
            yield Meaning(id=field.encode_name, of=of, means=text)


def _keys() -> Iterator[tuple[str, msgspec.structs.FieldInfo, str]]:
    """What each key belongs to, and its description: of profiles, of all requirements, and of each kind."""
    structs: list[tuple[type[Any], str]] = [(Profile, "key of a profile"), (Requirement, "key of every requirement")]
    structs.append((Configuration, "key of llmcheck.toml"))
    structs += [(requirements.module(kind).Requirement, f"key of the kind {kind}") for kind in requirements.kinds()]
    for struct, of in structs:
        texts = described.fields(struct)
        for field in msgspec.structs.fields(struct):
            if struct in (Configuration, Profile, Requirement) or not _is_shared(field.name):
                yield of, field, texts.get(field.name, "")


def _toml(value: object) -> str:
    """A value of an example. The escapes of JSON are those of TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)
