"""A card that is known by its memory alone can be written as answers name it."""

from __future__ import annotations

import pytest

from llmcheck import api


@pytest.mark.parametrize("words", ["2x 24 GB card", "2 x 24 GB card", "2x 24GB cards", "2x 24GB"])
def test_the_name_of_a_generic_card_makes_the_same_machine(words: str) -> None:
    assert api.hypothetical_machine(words).machine == api.hypothetical_machine("2x 24GB").machine
