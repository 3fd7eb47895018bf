"""What starts a machine: valid for the tool, ends by itself, checks the machine first, and runs what was planned."""

from __future__ import annotations

import datetime
import functools
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from ruamel.yaml import YAML

from llmcheck import api, catalog
from llmcheck.catalog import profiles
from llmcheck.cloud import launch
from llmcheck.cloud.launch import _yaml, native, sky
from llmcheck.cloud.selection import Selection
from llmcheck.errors import DataError
from llmcheck.render import Options
from llmcheck.schema.renting import LaunchFile, RankedOffer
from llmcheck.schema.workload import Workload
from llmcheck.tables.offer import Offer
from tests.unit.cloud.test_offers import PLAIN, TODAY

DATA = Path(__file__).parents[2] / "data"
TIERS = [name for name in profiles.tier_ids() if name != "toolkit"]
RENT = api.Rent(today=TODAY)
OFFERS = catalog.offers()


@functools.cache
def started(tier: str, tool: str) -> LaunchFile:
    return api.launch_file(api.offers(tier, RENT), tool, RENT)  # type: ignore[arg-type]  # one of the tools


def parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def without_extensions(schema: Any) -> Any:
    """SkyPilot's own ``case_insensitive_enum`` is no JSON Schema."""
    if isinstance(schema, dict):
        return {key: without_extensions(each) for key, each in schema.items() if key != "case_insensitive_enum"}
    return [without_extensions(each) for each in schema] if isinstance(schema, list) else schema


@functools.cache
def schemas(name: str) -> Any:
    return without_extensions(json.loads((DATA / name).read_text(encoding="utf-8")))


def check_sky(document: Any) -> None:
    jsonschema.validate(document, schemas("sky_schemas.json")["task"])
    jsonschema.validate(document["resources"], schemas("sky_schemas.json")["resources"])
    jsonschema.validate(document["resources"]["autostop"], schemas("sky_schemas.json")["autostop"])


@pytest.mark.parametrize("tier", TIERS)
def test_a_task_of_skypilot_is_valid_and_ends_by_itself(tier: str) -> None:
    document = parsed(started(tier, "sky").text)
    check_sky(document)
    first = started(tier, "sky").offers[0]
    assert document["resources"]["autostop"] == {"idle_minutes": 10, "down": True}
    assert document["num_nodes"] == first.nodes
    limit = document["resources"]["max_hourly_cost"]
    prices = [(each.price_hour or 0) / each.nodes for each in started(tier, "sky").offers]
    assert max(prices) < limit < 2.5 * prices[0]


@pytest.mark.parametrize("tier", TIERS)
def test_a_task_of_dstack_is_valid_and_ends_by_itself(tier: str) -> None:
    document = parsed(started(tier, "dstack").text)
    jsonschema.validate(document, schemas("dstack_schema.json")["schema"])
    assert (document["type"], document["max_duration"], document["idle_duration"]) == ("task", "12h", "10m")
    name, memory, count = document["resources"]["gpu"].split(":")
    first = started(tier, "dstack").offers[0].offer
    assert "-" not in name, "dstack would look for a GPU of that whole name"
    assert (memory, int(count)) == (f"{first.gpu_memory_gb:g}GB", first.gpu_count)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("tool", launch.tools())
def test_the_machine_is_checked_before_anything_is_installed_and_the_model_started_last(tier: str, tool: str) -> None:
    text = started(tier, tool).text
    check, install = text.index(f"llmcheck check {tier} --only hardware"), text.rindex(" -m pip install ")
    assert text.index("pip install llmcheck") < check < install, "only llmcheck itself comes first"
    runs = ("llama-server", "vllm serve", "trl sft", "llama_cpp.server", "transformers serve", "your own command")
    assert any(text.rfind(each) > install for each in runs)


@pytest.mark.parametrize("tier", TIERS)
def test_all_machines_of_one_file_have_the_same_gpus(tier: str) -> None:
    for tool in launch.tools():
        offers = [each.offer for each in started(tier, tool).offers]
        assert len({(each.gpu, each.gpu_count) for each in offers}) == 1
        assert len({each.provider for each in offers}) == len(offers)


def test_names_are_those_of_each_tool() -> None:
    ready = request()
    by_id = {each.id: each for each in OFFERS}
    h100 = by_id["runpod-nvidia-h100-80gb-hbm3-8x-secure"]
    assert sky.accelerator(h100, ready) == "H100-SXM"
    assert sky.accelerator(by_id["lambda-gpu-8x-h100-sxm-80gb"], ready) == "H100"
    a100 = by_id["azure-standard-nc24ads-a100-v4-eastus"]
    assert sky.accelerator(a100, ready) == "A100-80GB"
    from llmcheck.cloud.launch import dstack

    assert dstack.accelerator(a100, ready) == "A100:80GB:1"
    assert dstack.accelerator(h100, ready) == "H100:80GB:8"
    assert sky.accelerator(by_id["coreweave-hgx-h100"], ready) is None


def request(*offers: Offer, **changes: Any) -> launch.Request:
    given: dict[str, Any] = {
        "name": "llmcheck-test",
        "offers": tuple(map(ranked, offers)),
        "providers": catalog.providers(),
        "gpu_names": catalog.gpu_names(),
        "setup": ("echo setup",),
        "run": ("echo run",),
        "ram_gib": 64,
        "disk_gb": 200,
        "hours": 12.0,
        "now": datetime.datetime(2026, 11, 28, 6, 0, tzinfo=datetime.UTC),
    }
    return launch.Request(**{**given, **changes})


def ranked(offer: Offer, **changes: Any) -> RankedOffer:
    found = RankedOffer(
        offer=offer,
        passes=True,
        fits=True,
        fits_by_arithmetic=True,
        nodes=1,
        price_hour=offer.price_hour,
        price_date=offer.price_date,
        unknown=(),
        warnings=(),
    )
    return replace(found, **changes)


def at(provider: str, instance: str, **changes: Any) -> Offer:
    return replace(
        next(each for each in OFFERS if (each.provider, each.instance_type) == (provider, instance)), **changes
    )


@pytest.mark.parametrize(
    ("offer", "spot", "expected"),
    [
        (at("aws", "p4de.24xlarge"), False, ["--instance-type p4de.24xlarge", "shutdown -h +720", "terminate"]),
        (at("aws", "g6.xlarge"), True, ["--instance-market-options MarketType=spot", "shutdown -h +720"]),
        (at("gcp", "a2-ultragpu-1g"), False, ["--max-run-duration 720m", "--instance-termination-action DELETE"]),
        (at("gcp", "a2-ultragpu-1g"), True, ["--provisioning-model SPOT"]),
        (at("azure", "Standard_NC24ads_A100_v4"), False, ["az vm auto-shutdown", "--time 1800"]),
        (at("runpod", "NVIDIA A100 80GB PCIe"), False, ["--terminate-after 2026-11-28T18:00:00Z", "--gpu-count 1"]),
    ],
)
def test_a_native_command_has_an_end(offer: Offer, spot: bool, expected: list[str]) -> None:
    ready = request(offer)
    ready = replace(ready, offers=(replace(ready.offers[0], is_spot=spot),))
    assert native.can(offer, ready)
    made = native.text(ready)
    assert [each for each in expected if each not in made.text] == []
    assert made.ends
    done = subprocess.run(["sh", "-n"], input=made.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    commands = [line for line in made.text.splitlines() if line and not line.startswith("#") and line != "set -eu"]
    assert shlex.split("\n".join(commands))[: len(made.start)] == list(made.start)


@pytest.mark.parametrize(
    ("offer", "hours"),
    [
        (at("lambda", "gpu_1x_a100_sxm_40gb"), 12.0),  # runs until somebody ends it
        (at("azure", "Standard_NC24ads_A100_v4"), 30.0),  # a time of day is sooner
        (at("gcp", "n1-highmem-8+v100"), 12.0),  # no machine type
        (replace(PLAIN), 12.0),  # unknown provider
    ],
)
def test_a_machine_that_would_not_end_has_no_native_command(offer: Offer, hours: float) -> None:
    ready = request(offer, hours=hours)
    assert not native.can(offer, ready)
    with pytest.raises(DataError, match="ends the machine by itself"):
        launch.chosen("native", ready)


def test_the_second_choice_is_not_twice_as_dear_and_joined_in_the_same_way() -> None:
    first = at("lambda", "gpu_8x_h100_sxm_80gb", price_hour=10.0)
    near = at("nebius", "hgx-h100", gpu_count=8, price_hour=19.0, fabric="infiniband")
    dear = replace(near, provider="verda", price_hour=21.0)
    loose = replace(near, provider="oci", fabric=None)
    ready = request(first)
    one = ranked(first)
    found = launch.same_elsewhere("sky", ready, one, [near, dear, loose], Selection())
    assert [each.offer.provider for each in found] == ["lambda", "nebius", "oci"]
    two = ranked(first, nodes=2, price_hour=20.0)
    found = launch.same_elsewhere("sky", ready, two, [near, dear, loose], Selection())
    assert [(each.offer.provider, each.price_hour) for each in found] == [("lambda", 20.0), ("nebius", 38.0)]


@pytest.mark.parametrize(
    ("model", "work", "expected"),
    [
        ("qwen3-8b", {"weights": "q4_k_m"}, ["llama_cpp.server", "Qwen/Qwen3-8B-GGUF", "Q4_K_M", "--n_ctx 8192"]),
        ("qwen2.5-7b", {"method": "qlora"}, ["trl sft", "Qwen/Qwen2.5-7B", "--load_in_4bit"]),
        ("olmo-3-7b", {}, ["Olmo-3"]),  # its first plan is a format that nobody publishes
    ],
)
def test_a_model_is_started_with_what_was_installed(model: str, work: dict[str, Any], expected: list[str]) -> None:
    found = api.offers(None, RENT, model=model, workload=Workload(**{"method": "inference", **work}))
    made = api.launch_file(found, "sky", RENT)
    document = parsed(made.text)
    check_sky(document)
    assert [each for each in expected if each not in document["run"]] == []
    assert f".venv/bin/llmcheck fit {model}" in document["setup"]


def test_names_from_a_list_are_quoted_in_commands_and_in_files() -> None:
    evil = at("aws", "g6.xlarge", instance_type="a; touch /tmp/x $(id) '", region='us-east-1": {x: 1}')
    made = native.text(request(evil))
    assert shlex.split(made.text.split("set -eu\n")[1].split("\n\n#")[0])[6] == evil.instance_type
    document = parsed(sky.text(request(evil)).text)
    assert document["resources"]["any_of"][0]["infra"] == f"aws/{evil.region}"
    check_sky(document)


def test_the_tools_are_those_of_the_option() -> None:
    from llmcheck.cli.commands import cloud

    assert set(cloud._TOOLS) == set(launch.tools())


def test_spot_is_asked_for() -> None:
    rent = api.Rent(today=TODAY, selection=Selection(spot=True))
    found = api.offers("inference-70b", rent)
    assert parsed(api.launch_file(found, "sky", rent).text)["resources"]["use_spot"] is True
    assert parsed(api.launch_file(found, "dstack", rent).text)["spot_policy"] == "spot"


def test_where_nothing_fits_nothing_is_started() -> None:
    rent = api.Rent(today=TODAY, selection=Selection(max_price=0.01))
    with pytest.raises(DataError, match="nothing to start"):
        api.launch_file(api.offers("inference-70b", rent), "sky", rent)


def test_text_is_the_file_and_json_and_markdown_contain_it() -> None:
    made = started("inference-70b", "sky")
    assert api.render(made, "text", Options(width=40)) == made.text
    assert json.loads(api.render(made, "json", Options()))["text"] == made.text
    assert "sky launch" in api.render(made, "markdown", Options())


SCALARS = st.one_of(st.text(max_size=30), st.integers(-1000, 1000), st.booleans())


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(
            lambda key: key not in ("y", "n", "on", "off", "no", "yes", "null", "true", "false")
        ),
        SCALARS,
        max_size=5,
    )
)
def test_what_is_written_is_read_again(values: dict[str, Any]) -> None:
    """But for characters that nobody can see, which are escaped for the terminal."""
    from llmcheck.printable import printable

    expected = {key: printable(each) if isinstance(each, str) else each for key, each in values.items()}
    assert (parsed(_yaml.document(("a comment",), {**values, "last": "x"}))) == {**expected, "last": "x"}
    nested = _yaml.document((), {"some": [values], "more": dict(values), "last": "x"})
    assert parsed(nested)["some"] == ([expected] if values else [{}])


@given(
    st.lists(
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=40).filter(str.strip),
        min_size=1,
        max_size=4,
    )
)
def test_lines_of_shell_are_kept(lines: list[str]) -> None:
    stripped = [each.strip() for each in lines]
    document = _yaml.document((), {"run": _yaml.Lines(("set -e", *stripped)), "last": "x"})
    assert parsed(document)["run"] == "\n".join(("set -e", *stripped)) + "\n"
