"""The picture shows what the text shows, at the same places, and loads nothing."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from rich.cells import cell_len

from llmcheck.render import Options, svg, text
from llmcheck.schema.machine import Identity, Machine
from tests.machines_builder import card, machine
from tests.unit.strategies import wild_machines

from .test_render import HOSTILE, SHOWN

SPACE = "{http://www.w3.org/2000/svg}"


def drawn(value: object, options: Options) -> list[str]:
    """The lines of a picture, put together from where each text stands, in cells of 8.4 by 19 pixels."""
    lines: dict[int, str] = {}
    for each in ElementTree.fromstring(svg.render(value, options)).iter(f"{SPACE}text"):
        row, column = (int(each.attrib["y"]) - 30) // 19, round((float(each.attrib["x"]) - 16) / 8.4)
        before = lines.get(row, "")
        assert each.text
        assert float(each.attrib["textLength"]) == pytest.approx(cell_len(each.text) * 8.4, abs=0.06)
        lines[row] = before + " " * (column - cell_len(before)) + each.text
    return [lines.get(row, "") for row in range(max(lines) + 1)]


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("name", SHOWN)
def test_the_picture_is_the_text(name: str, width: int) -> None:
    options = Options(width=width, verbose=1)
    assert drawn(SHOWN[name], options) == text.render(SHOWN[name], options).splitlines()


def test_the_picture_is_in_colour_and_not_in_ascii_signs_whatever_the_terminal_shows() -> None:
    shown = SHOWN["overview"]
    picture = svg.render(shown, Options())
    assert svg.render(shown, Options(color=True, ascii=True)) == picture
    assert {"#56d364", "#ff7b72", "#9198a1"} & set(re.findall(r'<text[^>]* fill="(.*?)"', picture))
    assert 'font-weight="bold"' in picture


def test_no_text_leaves_the_picture() -> None:
    for name, value in SHOWN.items():
        root = ElementTree.fromstring(svg.render(value, Options(width=60)))
        assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
        for each in root.iter(f"{SPACE}text"):
            assert float(each.attrib["x"]) + float(each.attrib["textLength"]) < float(root.attrib["width"]), name
            assert float(each.attrib["y"]) < float(root.attrib["height"]), name


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_loads_nothing_and_runs_nothing(name: str) -> None:
    picture = svg.render(SHOWN[name], Options())
    assert picture.isascii()
    markup = re.sub(r">[^<]*<", "><", picture)
    assert markup.count("http") == markup.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert not re.search(r"url\(|href|@import|<style|<script|<image|<foreignObject| on\w+=", markup)


@pytest.mark.parametrize(
    "name", [HOSTILE, "</text><script>alert(1)</script>", "&amp;<image href='x'/>", "a\ufffeb\uffffc\x0cd"]
)
def test_a_hostile_name_is_text(name: str) -> None:
    value: Machine = machine(card("H100", name=name), identity=Identity(hostname=name))
    picture = svg.render(value, Options(width=160))
    tags = {each.tag.removeprefix(SPACE) for each in ElementTree.fromstring(picture).iter()}
    assert tags == {"svg", "title", "rect", "g", "text"}
    expected = text.render(value, Options(width=160)).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert drawn(value, Options(width=160)) == expected.splitlines()


@settings(deadline=None, max_examples=40)
@given(wild_machines)
def test_every_machine_is_a_document_that_parses(value: Machine) -> None:
    assert ElementTree.fromstring(svg.render(value, Options(width=60, verbose=2))).tag == f"{SPACE}svg"
