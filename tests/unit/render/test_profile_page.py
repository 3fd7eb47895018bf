"""A page of requirements has what a reader of a profile file would look for."""

from __future__ import annotations

import tomllib

from llmcheck.catalog.profiles import decode_profile
from llmcheck.render import Options, markdown
from llmcheck.schema.profile_tools import ProfilePage

PROFILE = """
id = "full"
title = "Our *node*"
task = "inference"
expires = 2027-06-01
[[sources]]
title = "vLLM's docs"
url = "https://docs.vllm.ai/getting_started/gpu.html"
date = 2026-11-01
[when]
os = ["linux"]
vendor = ["nvidia", "amd"]
container = false
[vars.memory]
type = "size"
default = "24 GB"
min = "16 GB"
why = "of the smallest card"
[[require]]
id = "card"
kind = "gpu"
memory = "${memory}"
why = "weights"
[[require]]
id = "memlock"
kind = "ulimit"
name = "memlock"
soft = "unlimited"
level = "recommended"
"""


def page() -> str:
    profile = decode_profile(tomllib.loads(PROFILE), "full.toml")
    return markdown.render(ProfilePage(names=("./full.toml",), profiles=(profile,)), Options())


def test_it_says_for_what_how_long_and_what_can_be_set() -> None:
    text = page()
    assert text.startswith("# Our \\*node\\*\n")
    assert "llmcheck check ./full.toml" in text
    assert "| For | linux; GPUs of nvidia or amd; outside of a container |" in text
    assert "| Good until | 2027-06-01 |" in text
    assert "| memory | 24 GB | 16 GB |  | of the smallest card |" in text


def test_a_requirement_stands_below_its_level_with_its_kind() -> None:
    required, _, recommended = page().partition("## Recommended")
    assert "| card | gpu: 24 GB | weights |" in required
    assert "| memlock | ulimit: memlock unlimited |" in recommended


def test_an_address_stays_one_that_can_be_followed() -> None:
    assert "- vLLM's docs, https://docs.vllm.ai/getting_started/gpu.html, 2026-11-01" in page()
