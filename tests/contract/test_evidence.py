"""What is recommended and on what grounds: each row of the listed models, evaluations and losses by quantisation."""

from __future__ import annotations

import datetime
import re
from collections import Counter

import pytest

from llmcheck import catalog
from llmcheck.fit.quality import quality_class
from llmcheck.fit.shapes import formats
from llmcheck.tables.evaluation import Scale
from llmcheck.tables.listed_model import ListedModel
from llmcheck.tables.quantisation_loss import QuantisationLoss

LISTED, EVALUATIONS, LOSSES = catalog.listed_models(), catalog.evaluations(), catalog.quantisation_losses()
MODELS = catalog.models()
SCALES = {scale.id: scale for scale in EVALUATIONS.scales}
TASKS = {"chat", "code", "reason", "vision", "embed", "finetune"}
TODAY = datetime.datetime.now(datetime.UTC).date()
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
OTHERS = re.compile(r"gguf|awq|gptq|nvfp4|fp8|[_-]int[48]|exl[23]|mlx|bnb|abliterated|uncensored|merge", re.IGNORECASE)
COPIERS = {"unsloth", "bartowski", "TheBloke", "mlx-community", "RedHatAI", "neuralmagic", "ggml-org", "huggyllama"}


@pytest.mark.parametrize("model", LISTED, ids=lambda each: each.repository)
def test_a_listed_model_is_whole(model: ListedModel) -> None:
    assert REPOSITORY.fullmatch(model.repository)
    assert model.tasks
    assert set(model.tasks) <= TASKS
    assert model.modalities[0] == "text"
    assert set(model.modalities) <= {"text", "image", "audio", "video"}
    assert ("vision" in model.tasks) <= ("image" in model.modalities)
    assert model.tasks == ("embed",) or "embed" not in model.tasks
    assert model.released is None or re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", model.released)
    assert model.source
    assert model.as_of <= TODAY


@pytest.mark.parametrize("model", LISTED, ids=lambda each: each.repository)
def test_what_is_said_of_a_listed_model_has_its_source(model: ListedModel) -> None:
    assert (model.licence is None) == (model.licence_source is None)
    assert (model.gated is None) == (model.gated_source is None)
    assert (model.gguf == ()) == (model.gguf_source is None)
    said = (model.licence_source, model.gated_source, model.gguf_source, model.source)
    assert not any("memory" in each or "unsourced" in each for each in said if each)


@pytest.mark.parametrize("model", LISTED, ids=lambda each: each.repository)
def test_a_listed_model_is_no_copy_of_another(model: ListedModel) -> None:
    maker, _, name = model.repository.partition("/")
    assert maker not in COPIERS
    assert not OTHERS.search(name)


@pytest.mark.parametrize("model", [each for each in LISTED if each.model], ids=lambda each: each.repository)
def test_the_shapes_of_a_listed_model_are_those_of_its_repository(model: ListedModel) -> None:
    shapes = MODELS[model.model or ""]
    assert model.repository in shapes.names
    assert model.ollama is None or model.ollama in shapes.names or model.ollama == "deepseek-r1:8b"


@pytest.mark.parametrize("model", [each for each in LISTED if each.gguf], ids=lambda each: each.repository)
def test_a_gguf_repository_says_which_model_it_holds(model: ListedModel) -> None:
    def letters(text: str) -> str:
        return re.sub(r"[^a-z0-9.]", "", text.rpartition("/")[2].lower())

    own = letters(model.repository).removesuffix("bf16").removeprefix("nvidia")
    assert [each for each in model.gguf if not REPOSITORY.fullmatch(each) or own not in letters(each)] == []


def test_a_listed_model_has_one_row() -> None:
    assert [name for name, rows in Counter(each.repository for each in LISTED).items() if rows > 1] == []


def test_a_tag_of_ollama_means_one_model() -> None:
    tags = Counter(each.ollama for each in LISTED if each.ollama)
    assert [tag for tag, rows in tags.items() if rows > 1] == []
    assert not [tag for tag in tags if tag.endswith(":cloud")]


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_has_models_with_shapes_and_a_scale(task: str) -> None:
    measured = {score.repository for score in EVALUATIONS.scores if SCALES[score.scale].task == task}
    assert [each for each in LISTED if task in each.tasks and each.model and each.repository in measured]


# --- evaluations ---


@pytest.mark.parametrize("scale", EVALUATIONS.scales, ids=lambda each: each.id)
def test_a_scale_is_one_snapshot_of_one_evaluator(scale: Scale) -> None:
    assert scale.task in TASKS
    assert scale.benchmark
    assert scale.terms
    assert re.match(r"[\w.-]+/[\w.-]+@[0-9a-f]{12}:", scale.source)
    assert datetime.date(2024, 1, 1) <= scale.as_of <= TODAY
    # of LMArena and LiveBench the terms were not seen
    assert not re.search("arena|livebench", f"{scale.benchmark} {scale.evaluator}", re.IGNORECASE)


def test_a_scale_has_one_id_and_no_second_snapshot() -> None:
    assert len(SCALES) == len(EVALUATIONS.scales)
    assert max(Counter((each.task, each.benchmark, each.evaluator) for each in EVALUATIONS.scales).values()) == 1


def test_figures_of_artificial_analysis_are_shown_with_attribution() -> None:
    theirs = [scale for scale in EVALUATIONS.scales if scale.evaluator == "Artificial Analysis"]
    assert theirs
    assert all("https://artificialanalysis.ai" in scale.terms for scale in theirs)


def test_scores_are_of_listed_models_on_known_scales() -> None:
    listed = {each.repository for each in LISTED}
    assert [each for each in EVALUATIONS.scores if each.repository not in listed or each.scale not in SCALES] == []
    assert {each.scale for each in EVALUATIONS.scores} == set(SCALES)


def test_scores_are_possible() -> None:
    assert [each for each in EVALUATIONS.scores if not 0 <= each.value <= 100] == []
    # the floor of the index is no measurement
    assert [each for each in EVALUATIONS.scores if each.scale == "aa-index" and each.value <= 1] == []


def test_thinking_on_and_off_are_kept_apart() -> None:
    keys = Counter((each.repository, each.scale, each.setting) for each in EVALUATIONS.scores)
    assert [key for key, rows in keys.items() if rows > 1] == []
    assert [each for each in EVALUATIONS.scores if each.setting and not each.setting.startswith("thinking ")] == []
    settings = {each.setting for each in EVALUATIONS.scores if each.repository == "Qwen/Qwen3-8B"}
    assert {"thinking on", "thinking off"} <= settings


# --- losses by quantisation ---


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda each: each.format)
def test_a_loss_is_whole(loss: QuantisationLoss) -> None:
    assert formats.weights(loss.format).name == loss.format
    assert loss.model
    assert loss.source
    assert datetime.date(2024, 1, 1) <= loss.as_of <= TODAY
    if loss.kind == "divergence":
        assert loss.baseline == 0 < loss.value
    elif loss.kind == "perplexity":
        assert 1 <= loss.baseline <= loss.value
    else:
        assert 0 < loss.value <= loss.baseline <= 1
    assert quality_class(loss.format, LOSSES) is not None


def test_all_formats_of_gguf_are_measured_with_one_instrument() -> None:
    found = {
        (each.model, each.metric, each.baseline, each.source)
        for each in LOSSES.values()
        if formats.weights(each.format).family == "gguf"
    }
    assert len(found) == 1
