"""Compiles what ``llmcheck recommend`` rests on from collected facts: three tables of llmcheck/data.

    python tools/compile_evidence.py --evaluations evaluations.csv --losses quantisation_loss.csv \\
        --licences licences.csv --models models_wanted.csv [--output FOLDER]

tools/listed_models.csv names the models by hand, as no rule tells an original release from a merge: repository, id of
its shapes, tasks, what it reads, GGUF repositories that are known beside those of ``--models``. This program adds what
the facts have of each (release, licence, gate, tag in Ollama's library), and leaves out what they only remember.

Of the evaluations it keeps the scales of ``SCALES``, each in its newest snapshot, and of those only what was measured,
of models that are listed. Left out: values that Artificial Analysis marks as estimated, its index of exactly 1 (its
floor), what vendors say of their own models, several values of one model in one setting (two versions under one
name), LMArena and LiveBench (their terms were not seen), Aider polyglot (no common snapshot), BFCL (no task here),
Vectara (one trait alone). It stops where a scale has two sources or two units.

Of the losses it keeps one for each format, and adds tools/more_losses.csv, whose figures were read by hand. MXFP4 has
none: what is published of it may include quantised activations.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from llmcheck import catalog
from llmcheck.fit.shapes import formats

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(catalog.__file__), os.pardir, "data")
Row = Mapping[str, str]

_AA = "Artificial Analysis"
_AA_TERMS = "shown with attribution, as Artificial Analysis asks: https://artificialanalysis.ai"
_PUBLIC = "published results; no terms on figures were seen"
_APACHE = "results in a repository under Apache-2.0"
_OLL = "Open LLM Leaderboard v2"


class Kept(NamedTuple):
    """A scale to keep: its id, and how the facts name it."""

    id: str
    task: str
    benchmark: str
    evaluator: str
    terms: str
    source_task: str | None = None


SCALES = (
    Kept("ifbench", "chat", "IFBench", _AA, _AA_TERMS),
    Kept("terminal-bench-hard", "code", "Terminal-Bench Hard", _AA, _AA_TERMS),
    Kept("livecodebench", "code", "LiveCodeBench", _AA, _AA_TERMS),
    Kept("scicode", "code", "SciCode", _AA, _AA_TERMS),
    Kept("bigcodebench-hard-instruct", "code", "BigCodeBench Hard instruct", "BigCodeBench", _APACHE),
    Kept("humaneval-plus", "code", "HumanEval+ (EvalPlus)", "EvalPlus", _APACHE),
    Kept("aa-index", "reason", "Artificial Analysis Intelligence Index", _AA, _AA_TERMS),
    Kept("gpqa-diamond", "reason", "GPQA-Diamond", _AA, _AA_TERMS),
    Kept("aa-mmlu-pro", "reason", "MMLU-Pro", _AA, _AA_TERMS),
    Kept("oll-mmlu-pro", "reason", f"{_OLL} MMLU-PRO", _OLL, _PUBLIC, "reason"),
    Kept("mmmu-pro", "vision", "MMMU-Pro", _AA, _AA_TERMS),
    Kept("mteb-eng-v2", "embed", "MTEB(eng, v2) mean of 41 tasks", "MTEB", _APACHE),
    Kept("mteb-eng-v2-retrieval", "embed", "MTEB(eng, v2) mean of 10 retrieval tasks", "MTEB", _APACHE),
    Kept("oll-base-mmlu-pro", "finetune", f"{_OLL} MMLU-PRO", _OLL, _PUBLIC, "finetune"),
    Kept("oll-base-bbh", "finetune", f"{_OLL} BBH", _OLL, _PUBLIC, "finetune"),
    Kept("oll-base-math", "finetune", f"{_OLL} MATH Lvl 5", _OLL, _PUBLIC, "finetune"),
    Kept("oll-base-gpqa", "finetune", f"{_OLL} GPQA", _OLL, _PUBLIC, "finetune"),
)
"""Of each task the preferred scale first: what is newest and covers most of today's models."""

_SNAPSHOT = re.compile(r" \(snapshot \d{4}-\d{2}-\d{2}\)$")
_LLAMA_TABLE = "examples/perplexity/README.md"
_PERPLEXITY = "perplexity Wikitext-2 (llama.cpp)"
_FOUR_TASKS = ("ARC-Challenge 25-shot", "HellaSwag 10-shot", "TruthfulQA mc2", "Winogrande 5-shot")
_ONE_RUN = "DerekLiu35/huggingface-quantization-benchmarking-code"
_FOUR_TASK_FORMATS = {
    "fp8": "FP8 (fbgemm)",
    "int8": "bitsandbytes INT8",
    "nf4": "bitsandbytes NF4",
    "awq": "AWQ INT4",
    "gptq-4bit": "GPTQ INT4",
}
_EXL3 = (
    ("exl3-2.0", "Gemma-3-27B fine-tune (R1984)", "EXL3 2.0 bpw", "KL divergence to the 6.0 bpw quant, mean"),
    ("exl3-3.0", "Gemma-3-27B fine-tune (R1984)", "EXL3 3.0 bpw", "KL divergence to the 6.0 bpw quant, mean"),
    ("exl3-4.0", "Gemma-3-27B fine-tune (R1984)", "EXL3 4.0 bpw", "KL divergence to the 6.0 bpw quant, mean"),
    ("exl3-5.0", "Gemma-3-27B fine-tune (R1984)", "EXL3 5.0 bpw", "KL divergence to the 6.0 bpw quant, mean"),
    ("exl3-6.0", "Qwen3.8-27B", "EXL3 online K5/K6", "KL divergence to bf16, mean"),
)


class FactsError(Exception):
    """What does not hold in the facts."""


def read(path: str) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        written = list(rows)
        table.writerows(written)
    return len(written)


# --- evaluations ---


def kept_rows(scale: Kept, facts: Iterable[Row], repositories: set[str]) -> list[Row]:
    """The measured rows of a scale, of its newest snapshot."""
    every = [
        each
        for each in facts
        if each["evaluator"] == "independent"
        and _SNAPSHOT.sub("", each["benchmark"]) == scale.benchmark
        and scale.source_task in (None, each["task"])
    ]
    if not every:
        raise FactsError(f"no evaluation is called {scale.benchmark}")
    newest = max(each["source_date"] for each in every)
    snapshot = [each for each in every if each["source_date"] == newest]
    if len({_whole(each["source_url"]) for each in snapshot}) != 1 or len({each["unit"] for each in snapshot}) != 1:
        raise FactsError(f"{scale.benchmark}: more than one source or unit in the snapshot of {newest}")
    measured = [each for each in snapshot if each["repository"] in repositories and not _estimated(each)]
    times = Counter((each["repository"], _setting(each)) for each in measured)
    return [each for each in measured if times[each["repository"], _setting(each)] == 1]


def _whole(source: str) -> str:
    """The source of a whole snapshot: the folder, where each model has one of its own in it."""
    return re.sub(r"(:results)/.+", r"\1", source)


def _estimated(row: Row) -> bool:
    floor = "Intelligence Index" in row["benchmark"] and float(row["value"]) == 1
    return "ESTIMATED" in row["notes"].upper() or floor


def _setting(row: Row) -> str:
    """Only what tells two runs of one model apart; what holds for a whole scale is no setting of a model."""
    return row["setting"] if row["setting"].startswith("thinking") else ""


def evaluations(facts: Sequence[Row], repositories: set[str]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Scales, and scores sorted by repository."""
    scales, scores = [], []
    for scale in SCALES:
        rows = kept_rows(scale, facts, repositories)
        if not rows:
            raise FactsError(f"{scale.benchmark}: no listed model has it")
        first = rows[0]
        scales.append(
            {
                "id": scale.id,
                "task": scale.task,
                "benchmark": scale.benchmark,
                "unit": first["unit"],
                "evaluator": scale.evaluator,
                "terms": scale.terms,
                "source": _whole(first["source_url"]),
                "as_of": first["source_date"],
            }
        )
        scores += [
            {"repository": each["repository"], "scale": scale.id, "value": each["value"], "setting": _setting(each)}
            for each in rows
        ]
    return scales, sorted(scores, key=lambda each: (each["repository"], each["scale"], each["setting"]))


# --- listed models ---


def listed(
    chosen: Iterable[Row], wanted: Iterable[Row], licences: Iterable[Row], facts: Iterable[Row]
) -> list[dict[str, str]]:
    """The chosen models with what the facts have of each."""
    by_name = {each["repository"]: each for each in wanted}
    licence_of = {each["repository"]: each for each in licences}
    known = catalog.models()
    released: dict[str, str] = {}
    sources = defaultdict(set)
    for each in facts:
        if each["evaluator"] != "independent":
            continue
        if each["released"]:
            released.setdefault(each["repository"], each["released"][:7])
        sources[each["repository"]].add(_whole(each["source_url"]))
    rows = []
    for choice in chosen:
        name = choice["repository"]
        if choice["model"] and name not in known[choice["model"]].names:
            raise FactsError(f"{name} is no name of the model {choice['model']}")
        rows.append(_listed(choice, by_name.get(name, {}), licence_of.get(name, {}), released.get(name, ""), sources))
    return rows


def _listed(choice: Row, wanted: Row, licence: Row, released: str, sources: Mapping[str, set[str]]) -> dict[str, str]:
    name = choice["repository"]
    if not released and _sourced(wanted.get("released_source", "")):
        released = wanted["released"]
    said = [choice["gguf"], *re.split(r";\s*", wanted.get("gguf_repos", ""))]
    gguf = [each for each in dict.fromkeys(said) if each and holds(each, name)]
    tag = wanted.get("ollama_tag", "")
    local = tag if tag and "(m)" not in tag and not tag.endswith(":cloud") else ""
    licence_name, licence_source = _licence(wanted, licence)
    gated, gated_source = _gate(name, licence)
    measured, counted = min(sources.get(name, ()), default=""), wanted.get("published_source", "")
    source = measured or (counted if _sourced(counted) and counted != "name" else f"https://huggingface.co/{name}")
    return {
        "repository": name,
        "model": choice["model"],
        "tasks": choice["tasks"],
        "modalities": choice["modalities"],
        "released": released,
        "licence": licence_name,
        "licence_source": licence_source,
        "gated": gated,
        "gated_source": gated_source,
        "ollama": local,
        "gguf": ";".join(gguf),
        "gguf_source": (choice["gguf_source"] or f"https://huggingface.co/{gguf[0]}") if gguf else "",
        "source": _short(source),
        "as_of": wanted.get("read") or "2026-11-27",
    }


def holds(gguf: str, repository: str) -> bool:
    """Whether a repository of GGUF files is called after this very model, and not after its successor."""
    theirs, own = (re.sub(r"[^a-z0-9.]", "", each.rpartition("/")[2].lower()) for each in (gguf, repository))
    return own.removesuffix("bf16").removeprefix("nvidia") in theirs


def _licence(wanted: Row, licence: Row) -> tuple[str, str]:
    if licence.get("licence") and _sourced(licence["source"]):
        return licence["licence"], _short(licence["source"])
    source = wanted.get("licence_source", "")
    if source and _sourced(source) and not source.startswith("licences.csv"):
        return wanted["licence"], source
    return "", ""


_SEEN_OF_ONE = re.compile(r"(.*?([\w.-]+) reports gated .*?); the other ([\w.-]+) repositories: memory")
"""A gate that was seen at one repository of a maker."""


def _gate(name: str, licence: Row) -> tuple[str, str]:
    """Whether a repository is gated, and by which source; an analogy is called one, as with licences."""
    said = "no" if licence.get("gate") == "none" else "yes"
    source = licence.get("gate_source", "")
    if found := _SEEN_OF_ONE.fullmatch(source):
        own = name == f"{found[3]}/{found[2]}"
        return said, _short(found[1]) if own else f"by analogy with {found[3]}/{found[2]}"
    if licence.get("gate") in (None, "", "unknown") or not _sourced(source):
        return "", ""
    return said, _short(source)


def _sourced(source: str) -> bool:
    return bool(source) and "memory" not in source and "unsourced" not in source


def _short(source: str) -> str:
    """A source without the words that explain it."""
    return re.sub(r"\s+", " ", source).split("; ")[0][:160]


# --- losses by quantisation ---


def losses(facts: Sequence[Row]) -> list[dict[str, str]]:
    """One row a format: GGUF by llama.cpp's table, then formats of one run of four tasks, then EXL3."""
    rows = []
    for name in formats.GGUF_BASE:
        if name in formats.LARGE:
            continue
        found = [
            each
            for each in facts
            if each["model"] == "LLaMA-3-8B"
            and each["format"].lower() == f"gguf {name}"
            and each["metric"] == _PERPLEXITY
            and each["source"].endswith(_LLAMA_TABLE)
        ]
        # without an importance matrix a file is as bad as it gets; some formats have none without
        plain = [each for each in found if "imatrix: None" in each["notes"]]
        largest = [each for each in found if "imatrix: WT 10m" in each["notes"]]
        if plain or largest:
            rows.append(_loss(name, (plain or largest)[0], "perplexity"))
    for name, said in _FOUR_TASK_FORMATS.items():
        rows.append(_mean_of_tasks(name, said, facts))
    for name, model, said, metric in _EXL3:
        found = [each for each in facts if (each["model"], each["format"], each["metric"]) == (model, said, metric)]
        if len(found) != 1:
            raise FactsError(f"{len(found)} rows of {said} of {model}")
        rows.append(_loss(name, found[0], "divergence"))
    return rows


def _loss(name: str, row: Row, kind: str) -> dict[str, str]:
    return {
        "format": name,
        "model": row["model"],
        "kind": kind,
        "metric": row["metric"],
        "baseline": row["baseline"],
        "value": row["value"],
        "source": _short(row["source"]),
        "as_of": row["date"].removeprefix("read "),
    }


def _mean_of_tasks(name: str, said: str, facts: Sequence[Row]) -> dict[str, str]:
    """The mean of four tasks of one run; the newest run of a format that was run twice."""
    found = []
    for task in _FOUR_TASKS:
        rows = [
            each
            for each in facts
            if each["model"] == "Llama-3.1-8B-Instruct"
            and (each["format"], each["metric"]) == (said, task)
            and each["source"].startswith(_ONE_RUN)
        ]
        if not rows:
            raise FactsError(f"{said}: no {task}")
        found.append(max(rows, key=lambda each: each["date"]))
    mean = {key: sum(float(each[key]) for each in found) / len(found) for key in ("baseline", "value")}
    return {
        "format": name,
        "model": found[0]["model"],
        "kind": "score",
        "metric": "mean of ARC-Challenge, HellaSwag, TruthfulQA and Winogrande",
        "baseline": f"{mean['baseline']:.5f}",
        "value": f"{mean['value']:.5f}",
        "source": found[0]["source"].partition(":")[0] + ":results (mean computed here)",
        "as_of": found[0]["date"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("evaluations", "losses", "licences", "models"):
        parser.add_argument(f"--{name}", required=True, metavar="FILE.csv")
    parser.add_argument("--chosen", default=os.path.join(HERE, "listed_models.csv"), metavar="FILE.csv")
    parser.add_argument("--more-losses", default=os.path.join(HERE, "more_losses.csv"), metavar="FILE.csv")
    parser.add_argument("--output", default=DATA, metavar="FOLDER")
    given = parser.parse_args()
    facts, chosen = read(given.evaluations), read(given.chosen)
    try:
        models = listed(chosen, read(given.models), read(given.licences), facts)
        scales, scores = evaluations(facts, {each["repository"] for each in chosen})
        tables: dict[str, list[dict[str, str]]] = {
            "listed_models.csv": models,
            "evaluation_scales.csv": scales,
            "evaluations.csv": scores,
            "quantisation_loss.csv": losses(read(given.losses)) + read(given.more_losses),
        }
    except FactsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, rows in tables.items():
        count = write(os.path.join(given.output, name), list(rows[0]), rows)
        print(f"{name}: {count} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
