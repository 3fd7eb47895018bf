"""Screens are written anew one after the other, and before the documents that show them."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("LLMCHECK_UPDATE_GOLDEN"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group("golden"))
