"""Datasets, reading and responsible use, by the real command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .command import Command

MACHINES = Path(__file__).resolve().parents[1] / "machines"
A100 = ("--machine", MACHINES / "a100-80.json")
HARDWARE = ("check", "finetune-7b", *A100, "--skip", "software", "--skip", "storage-ssd")


def findings(done: Any) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in done.document["profiles"][0]["findings"]}


class TestDatasets:
    def test_a_withdrawn_one_is_shown_with_0_and_judged_with_1(self, command: Command) -> None:
        assert command("datasets", "show", "books3").code == 0
        assert command(*HARDWARE).code == 0
        done = command(*HARDWARE, "--dataset", "books3", "--format", "json")
        assert (done.code, done.document["verdict"]) == (1, "not-ready")
        assert findings(done)["dataset-books3"]["found"] == "withdrawn"

    def test_what_fits_is_ready_with_the_time_of_the_fetch(self, command: Command) -> None:
        done = command(*HARDWARE, "--dataset", "c4", "--bandwidth", "1 Gb/s", "--format", "json")
        assert (done.code, done.err) == (0, "")
        storage = findings(done)["storage"]
        assert (storage["status"], storage["needed_bytes"]) == ("pass", 805 * 10**9)
        (use,) = done.document["datasets"]
        assert (use["id"], use["state"], use["added_bytes"]) == ("c4", "open", 305 * 10**9)
        assert (use["fetch_seconds"], use["rate_from"]) == (305 * 8, "given")
        shown = command(*HARDWARE, "--dataset", "c4", "--bandwidth", "1 Gb/s").out
        assert "c4, en: open" in shown
        assert "305 GB to fetch, 41 minutes at 125 MB/s as given" in " ".join(shown.split())

    @pytest.mark.parametrize(("dataset", "code"), [("dolma", 1), ("oscar", 3), ("conceptual-captions", 3), ("dclm", 3)])
    def test_verdict(self, command: Command, dataset: str, code: int) -> None:
        """Too large, gated by hand, links alone, of unknown size."""
        assert command(*HARDWARE, "--dataset", dataset).code == code

    @pytest.mark.parametrize("name", ["ALLENAI/dolma", "Dolma", "dolma"])
    def test_names(self, command: Command, name: str) -> None:
        assert command("datasets", "show", name, "--format", "json").document["dataset"]["id"] == "dolma"

    def test_list(self, command: Command) -> None:
        every = command("datasets", "list", "--format", "json").document["datasets"]
        assert len(every) == 37
        withdrawn = command("datasets", "list", "--state", "withdrawn", "--format", "json").document["datasets"]
        assert [each["id"] for each in withdrawn] == ["books3", "math", "laion-5b"]

    def test_the_measured_rate_of_a_saved_machine(self, command: Command, tmp_path: Path) -> None:
        import json

        machine = json.loads((MACHINES / "a100-80.json").read_text(encoding="utf-8"))
        hub = {"name": "hub", "url": "https://huggingface.co", "reachable": True, "bytes_per_second": 5e7}
        machine["access"] = {"endpoints": [hub]}
        path = tmp_path / "measured.json"
        path.write_text(json.dumps(machine), encoding="utf-8")
        done = command("check", "finetune-7b", "--machine", path, "--dataset", "c4", "--format", "json")
        (use,) = done.document["datasets"]
        assert (use["rate_from"], use["fetch_seconds"]) == ("measured", 6100)


class TestReading:
    def test_filters(self, command: Command) -> None:
        done = command("resources", "--for", "finetune-7b", "--topic", "scaling", "--kind", "paper", "--format", "json")
        ids = [each["id"] for each in done.document["resources"]]
        assert {"lora", "qlora"} <= set(ids)
        assert "attention" not in ids
        assert done.document["papers_listed"] == 43
        must = command("resources", "--must-read", "--format", "json").document["resources"]
        assert len(must) == 4

    def test_the_count_of_the_heading_stands_beside_that_of_the_list(self, command: Command) -> None:
        assert '"100+ Essential Papers" and lists 43' in " ".join(command("resources").out.split())

    def test_a_verbose_check_ends_with_the_two_that_matter(self, command: Command) -> None:
        out = command(*HARDWARE, "-v").out
        last = out[out.index("To read") :]
        assert last.count("https://") == 2
        assert "LoRA" in last
        assert "QLoRA" in last
        assert "To read" not in command(*HARDWARE).out

    def test_a_profile_of_ones_own_gets_that_of_its_task(self, command: Command) -> None:
        (command.cwd / "own.toml").write_text(
            'id = "own"\ntitle = "Own"\ntask = "fine-tuning"\nsources = ["us"]\n'
            '[[require]]\nid = "ram"\nkind = "ram"\ntotal = "1 GB"\n',
            encoding="utf-8",
        )
        done = command("check", "./own.toml", *A100, "-v", "--format", "json")
        assert [each["title"][:5] for each in done.document["reading"]] == ["LoRA:", "QLoRA"]


class TestResponsibleUse:
    def test_from_writing_to_ticking_everything(self, command: Command) -> None:
        written = command("checklist", "finetune-7b", *A100, "--output", "RU.md")
        assert (written.code, written.err) == (0, "llmcheck: wrote RU.md (markdown)\n")
        path = command.cwd / "RU.md"
        text = path.read_text(encoding="utf-8")
        count = text.count("- [ ] ")
        assert count == 24
        check = (*HARDWARE, "--checklist", "RU.md", "--format", "json")
        opened = command(*check)
        assert (opened.code, len(opened.document["checklist"]["open"])) == (0, count)
        assert command(*check, "--fail-on", "warn").code == 4
        path.write_text(text.replace("- [ ] ", "- [x] "), encoding="utf-8")
        done = command(*check)
        assert done.document["checklist"] == {"path": "RU.md", "done": count, "open": [], "removed": []}
        assert findings(done)["checklist"]["status"] == "pass"
        path.write_text("\n".join(line for line in text.splitlines() if "misuse-rate" not in line), encoding="utf-8")
        assert command(*check).document["checklist"]["removed"] == ["Limit the rate of requests of each user."]

    def test_what_stands_in_the_file_is_data(self, command: Command) -> None:
        (command.cwd / "odd.md").write_bytes(b"- [ ] \x1b[31mred\x07 <script>a</script> | `b` \xff\n")
        for format_ in ("text", "markdown", "json", "svg"):
            done = command(*HARDWARE, "--checklist", "odd.md", "--format", format_, "--color", "never")
            assert done.code == 0
            assert b"\x1b" not in done.raw
            assert b"\x07" not in done.raw
            assert b"<script>" not in done.raw or format_ in ("text", "json")

    def test_a_file_that_is_too_large_or_read_and_written(self, command: Command) -> None:
        path = command.cwd / "RU.md"
        path.write_text("- [ ] x\n" * 200_000, encoding="utf-8")
        assert "larger than 1 MiB" in command(*HARDWARE, "--checklist", "RU.md").err
        path.write_text("- [ ] x\n", encoding="utf-8")
        done = command(*HARDWARE, "--checklist", "RU.md", "--output", "RU.md", "--format", "markdown")
        assert (done.code, path.read_text(encoding="utf-8")) == (2, "- [ ] x\n")

    def test_inference_is_not_asked_about_training_data(self, command: Command) -> None:
        items = [
            {item["id"] for area in done.document["areas"] for item in area["items"]}
            for done in (
                command("checklist", name, *A100, "--format", "json") for name in ("inference-7b", "finetune-7b")
            )
        ]
        assert items[0] < items[1]
        assert "privacy-pii" in items[1] - items[0]

    def test_what_is_known_is_filled_in(self, command: Command) -> None:
        words = ("--hours", "40", "--grid", "DEU", "--pue", "gcp", "--dataset", "dolly")
        done = command("checklist", "finetune-7b", *A100, *words, "--format", "json")
        model = done.document["model"]
        assert ["GPU", "NVIDIA A100-SXM4-80GB, 80 GiB"] in model["machine"]
        assert model["packages"]["torch"] == "2.15.0"
        energy = model["footprint"]
        assert energy["kwh"] == pytest.approx(400 / 1000 * 0.85 * 40 * 1.1)
        assert energy["co2_kg"] == pytest.approx(energy["kwh"] * 0.38095, rel=1e-4)
        assert energy["missing"] == []
        text = command("checklist", "finetune-7b", *A100, *words, "--part", "model-card").out
        assert "552 t of training GPT-3" in text
        assert "# Datasheet" not in text
        assert "- [ ]" not in text

    def test_of_a_run_over_many_machines_all_gpus_count(self, command: Command) -> None:
        done = command("checklist", "pretrain", "--machine", MACHINES / "8xh100.json", "--format", "json")
        energy = done.document["model"]["footprint"]
        assert (energy["gpus"], energy["hours_from"]) == (512, "computed")
        assert energy["watts"] == 512 * 700

    def test_old_tables_are_named(self, command: Command) -> None:
        done = command("checklist", "finetune-7b", *A100, "--format", "json")
        assert {"grid_intensities", "pues"} <= {each["name"] for each in done.document["old_tables"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "finetune-7b", "--dataset", "dolmo"), "no dataset 'dolmo' (did you mean 'dolma'?)"),
        (("check", "finetune-7b", "--dataset", "c4", "--bandwidth", "5"), "'5' is not a rate"),
        (("check", "finetune-7b", "--dataset", "c4", "--bandwidth", "0 Gb/s"), "is not a rate"),
        (("check", "finetune-7b", "--bandwidth", "1 Gb/s"), "add --dataset ID"),
        (("check", "finetune-7b", "--checklist", "none.md"), "llmcheck checklist finetune-7b --output FILE"),
        (("check", "finetune-7b", "--checklist", "/dev/zero"), "/dev/zero"),
        (("datasets", "show", "nothing-like-it"), "no dataset 'nothing-like-it'"),
        (("datasets", "list", "--area", "codes"), "did you mean 'code'?"),
        (("datasets", "list", "--state", "gone"), "states: open"),
        (("resources", "--for", "finetune-8b"), "did you mean 'finetune-7b'?"),
        (("resources", "--topic", "x"), "topics: foundations"),
        (("checklist", "finetune-7b", "--grid", "Germoney"), "did you mean 'Germany'?"),
        (("checklist", "finetune-7b", "--pue", "0.5"), "--pue: '0.5' is neither"),
        (("checklist", "finetune-7b", "--hours", "nan"), "is not a number"),
        (("checklist", "nothing"), "nothing"),
    ],
)
def test_bad_input_is_one_line(command: Command, words: tuple[str, ...], said: str) -> None:
    done = command(*words)
    assert (done.code, done.raw) == (2, b"")
    assert len(done.err.splitlines()) == 1
    assert said in done.err


@pytest.mark.parametrize("columns", ["40", "60", "80", "160"])
@pytest.mark.parametrize(
    "words",
    [
        ("datasets", "list"),
        ("datasets", "show", "laion-5b"),
        ("resources",),
        ("tables",),
        ("checklist", "finetune-7b", "--format", "text", *map(str, A100)),
        (*map(str, HARDWARE), "--dataset", "c4", "-v"),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_every_width_and_ascii(command: Command, words: tuple[str, ...], columns: str) -> None:
    done = command(*words, env={"COLUMNS": columns})
    assert done.code in (0, 3)
    assert max(len(line) for line in done.out.splitlines()) <= int(columns)
    plain = command(*words, env={"COLUMNS": columns, "LANG": "C"})
    assert plain.out.isascii()
