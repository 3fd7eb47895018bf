"""Lists of what llmcheck knows, as values that every format can write."""

from __future__ import annotations

from msgspec import Struct

from llmcheck.correction import Correction
from llmcheck.library import Library
from llmcheck.profile import Profile


class ProfileList(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.profiles/1"
    profiles: tuple[Profile, ...]


class ShownProfile(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.profile/1"
    profile: Profile
    corrections: tuple[Correction, ...]


class LibraryList(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.libraries/1"
    libraries: tuple[Library, ...]


class ShownLibrary(Struct, frozen=True, kw_only=True):
    schema: str = "llmcheck.library/1"
    library: Library
    corrections: tuple[Correction, ...]
