"""Which card, port or disk a fact is about, and the words in which it is asked."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.facts import names, paths
from llmcheck.judge.facts.paths import path_of
from llmcheck.schema.machine import (
    Disk,
    Ecc,
    Fabric,
    FabricPort,
    Gpu,
    Machine,
    NvLink,
)
from llmcheck.schema.report import Finding
from tests.unit.judge.test_language import judge, profile


def cards(*values: Any) -> Machine:
    return Machine(gpus=tuple(Gpu(vendor="nvidia", index=at, temperature_c=each) for at, each in enumerate(values)))


def entries(kind: Any) -> set[type[msgspec.Struct]]:
    """All structs that are entries of a list or table somewhere in a type."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return set().union(*(entries(inner) for _, inner in paths.fields_of(kind).values()))
    if typing.get_origin(kind) not in (tuple, dict):
        return set().union(*(entries(each) for each in typing.get_args(kind)))
    found = set().union(*(entries(each) for each in typing.get_args(kind)))
    last = typing.get_args(kind)[0 if typing.get_origin(kind) is tuple else 1]
    return found | ({last} if isinstance(last, type) and issubclass(last, msgspec.Struct) else set())


def test_every_list_of_a_machine_says_how_its_entries_are_called() -> None:
    found = {each.__name__: each for each in entries(Machine)}
    assert set(found) == set(names.ENTRIES)
    for name, entry in names.ENTRIES.items():
        assert {key.partition("}")[0] for key in entry.key.split("{")[1:]} <= set(found[name].__struct_fields__)


def test_a_failing_fact_names_the_cards() -> None:
    found = judge(cards(40, 90, 40, 95), fact="gpus[*].temperature_c", le="85 °C")
    assert found.elements == ("GPU 1", "GPU 3")
    assert found.found == "90 °C (GPU 1), 95 °C (GPU 3), 40 °C (2x)"
    assert found.message == "temperature: 90 °C (GPU 1), 95 °C (GPU 3); needs at most 85 °C"


def test_many_cards_are_named_in_few_words() -> None:
    found = judge(cards(*[90] * 16), fact="gpus[*].temperature_c", le="85 °C")
    assert found.found == "90 °C (GPU 0, 1, 2, 3 and 12 more)"
    assert len(found.elements) == 16


def test_ports_disks_and_links_have_names_of_their_own() -> None:
    where = Machine(
        fabric=Fabric(
            ports=tuple(FabricPort(device=name, port=1, active=name != "mlx5_3") for name in ("mlx5_0", "mlx5_3"))
        ),
        disks=(Disk(role="models", path="/data", read_only=True),),
        gpus=(Gpu(vendor="nvidia", index=3, links=tuple(NvLink(link=at, active=at != 5) for at in (4, 5))),),
    )
    for name, keys in {
        "mlx5_3 port 1": {"fact": "fabric.ports[*].active", "eq": True},
        "/data": {"fact": "disks[*].read_only", "eq": False},
        "GPU 3 link 5": {"fact": "gpus[*].links[*].active", "quantifier": "none", "eq": False},
    }.items():
        found = judge(where, **keys)
        assert (found.status, found.elements) == ("fail", (name,))
        assert name in found.message


def test_the_odd_one_is_named_where_all_have_to_be_the_same() -> None:
    found = judge(cards(40, 40, 41), fact="gpus[*].temperature_c", quantifier="same")
    assert (found.elements, found.found) == (("GPU 2",), "41 °C (GPU 2), 40 °C (2x)")


def test_what_is_missing_of_a_list_is_named() -> None:
    where = Machine(fabric=Fabric(interfaces=("lo", "ib0", "docker0")))
    found = judge(where, fact="fabric.interfaces[*]", quantifier="at-least", n=3, **{"in": ["lo", "ib0", "ib1"]})
    assert (found.status, found.missing, found.found) == ("fail", ("ib1",), "missing: ib1")
    assert "missing: ib1" in found.message


def test_what_is_met_names_nobody() -> None:
    found = judge(cards(40, 40), fact="gpus[*].temperature_c", le="85 °C")
    assert (found.status, found.elements, found.missing) == ("pass", (), ())


def test_an_unknown_fact_names_the_cards_and_has_no_advice_of_a_failure() -> None:
    found = judge(cards(40, None), fact="gpus[*].temperature_c", le="85 °C", fix="replace the fans")
    assert (found.status, found.elements, found.found) == ("unknown", ("GPU 1",), "unknown (GPU 1), 40 °C")
    assert "could not be read" in found.message
    assert "fans" not in (found.remedy or "")
    assert judge(cards(None), fact="gpus[*].temperature_c", le="85 °C").found is None


def test_the_fix_of_a_failure_is_not_shown_where_a_profile_takes_unknown_for_a_warning() -> None:
    keys = {"fact": "gpus[*].xids[*]", "quantifier": "none", "eq": 79, "fix": "reset it", "on_unknown": "warn"}
    found = evaluate(profile({"id": "a", "kind": "fact", **keys}), cards(40)).findings[0]
    assert found.status == "warn"
    assert "as root" in (found.remedy or "")
    assert "reset" not in (found.remedy or "")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"fact": "gpus[*].memory_total", "ge": "24 GB"}, "each GPU: memory total at least 24 GB"),
        (
            {"fact": "gpus[*].ecc.mode", "where": {"vendor": "nvidia", "parent": {"absent": True}}, "eq": True},
            "each NVIDIA GPU: ECC mode is yes",
        ),
        ({"fact": "fabric.ports[*].device", "quantifier": "count", "eq": 8}, "number of ports is 8"),
        ({"fact": "ram.total", "ge": "1 TB"}, "RAM total at least 1 TB"),
        ({"fact": "drivers.nvidia.version", "version": ">=550"}, "NVIDIA driver version >=550"),
        ({"fact": "gpus[*].vbios", "quantifier": "same"}, "the same VBIOS of all GPUs"),
        ({"fact": "gpus[*].links[*].active", "quantifier": "none", "eq": False}, "no NVLink where active is no"),
        (
            {"fact": "gpus[*].xids[*]", "quantifier": "none", "in": [1, 2, 3, 4, 5]},
            "no Xid is one of 1, 2, 3 and 2 more",
        ),
        (
            {"fact": "fabric.ports[*].rate_gbps", "quantifier": "at-least", "n": 8, "ge": "400 Gb/s"},
            "at least 8 ports with rate at least 400 Gb/s",
        ),
    ],
)
def test_a_requirement_is_short_in_words_and_complete_beside_them(keys: dict[str, Any], words: str) -> None:
    found = judge(Machine(), **keys)
    assert found.needed == words
    assert keys["fact"] in (found.needed_in_full or "")


def test_what_nobody_can_state_of_a_machine_in_words_is_not_stated() -> None:
    where = msgspec.structs.replace(cards(None), hypothetical=True)
    ecc: Finding = judge(where, fact="gpus[*].ecc.mode", eq=True)
    assert (ecc.status, ecc.skipped) == ("skipped", "not-stated")
    assert judge(where, fact="ram.total", ge="1 GB").status == "unknown"  # which words could say
    alone = evaluate(profile({"id": "a", "kind": "fact", "fact": "gpus[*].ecc.mode", "eq": True}), where)
    assert alone.verdict is None


def test_a_fact_that_is_known_of_a_machine_in_words_is_judged() -> None:
    where = Machine(
        hypothetical=True, gpus=(Gpu(vendor="nvidia", index=0, name="A", memory_total=8, ecc=Ecc(mode=True)),)
    )
    assert judge(where, fact="gpus[*].ecc.mode", eq=True).status == "pass"
    assert judge(where, fact="gpus[*].memory_total", ge="24 GB").status == "fail"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_no_name_is_lost_but_counted(numbers: list[int]) -> None:
    different = len(set(numbers))
    words = names.joined([f"GPU {each}" for each in numbers])
    shown, _, more = words.partition(" more")[0].rpartition(" and ") if words.endswith("more") else (words, "", "0")
    assert shown.replace(" and ", ", ").count(",") + 1 + int(more) == different
    assert words.count("GPU") == 1


def test_names_follow_the_elements_of_nested_lists() -> None:
    path = path_of("gpus[*].links[*].active")
    where = Machine(gpus=(Gpu(vendor="nvidia", index=1), Gpu(vendor="nvidia", links=(NvLink(link=0, active=True),))))
    assert names.of_elements(path, where) == ("GPU at place 2 link 0",)
    assert len(names.of_elements(path, where)) == len(paths.elements(path, where).known)
