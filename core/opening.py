"""From a request to a model with a run set up on it; nothing of the old one is touched on the way."""

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from core import runs
from core.anatomy import Anatomy
from core.checkpoint import CONFIG, load_model
from core.history import History, Snapshot
from core.hub import Hub, HubModel, is_hub_id
from core.messages import ModelInfo, Open, Reference, SampleText, StepResult, TextInfo, Training
from core.models.gpt2 import Model
from core.sources import FRESH, Book, Folder, Fresh, Source, Tiny, conditions, fresh, info, is_path
from core.text import clean
from core.texts import Texts, TrainingText
from core.tokenizer import require_vocabulary
from core.trainer import Trainer
from core.training import BOOK, TINY
from core.trigram_line import AT_ONCE, trigram_reference

SNAPSHOT_BYTES = 2**30  # of memory for going back


@dataclass(kw_only=True)
class Opened:
    """A model, the run on it, and what is said of both.

    `training` is the configuration the run began with, `results` are the steps known, by step, `samples` the
    texts written at some of them, and `future` the steps of the run that this one went its own way from;
    `anatomy` is of the step that was last taken apart.
    """

    source: Source
    training: Training
    text: TrainingText
    training_ids: NDArray[np.integer]  # (n,) the part of the text that trains
    model: Model
    trainer: Trainer
    model_info: ModelInfo
    text_info: TextInfo
    references: tuple[Reference, ...]
    saved: runs.Saved | None = None
    results: dict[int, StepResult] = field(default_factory=dict)
    samples: dict[int, SampleText] = field(default_factory=dict)
    future: tuple[StepResult, ...] = ()
    anatomy: Anatomy | None = None
    warning: str | None = None

    def record(self) -> runs.RunRecord:
        """What run.json says."""
        return runs.RunRecord(
            start=self.source.record(),
            training=self.training,
            text_sha256=self.text.sha256,
            conditions=conditions(self.trainer.precision),
        )


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a model is opened with: where texts and models come from, who waits, and memory for going back."""

    texts: Texts
    hub: Hub
    between: Callable[[], None]
    snapshot_bytes: int = SNAPSHOT_BYTES


def opened(request: Open, means: Means) -> Opened:
    """What the request names, ready to train. Raises ValueError with a sentence a person can act on.

    A run's name or folder goes on with that run; any other folder, and a hub id, is a model to start a new
    run from.
    """
    run = _run_folder(request.model)
    if run is not None:
        return _resumed(run, means)
    return _set_up(_start(request.model, request.training, means), request.training, means)


def source_named(name: str, training: Training, means: Means) -> tuple[Source, int | None]:
    """A model to look at: of a run the checkpoint it stands at, and that one's step. Raises ValueError.

    A fresh one has the shape and the seed of `training`.
    """
    run = _run_folder(name)
    if run is None:
        return _start(name, training, means), None
    checkpoint = runs.standing_checkpoint(run)
    step = next(step for step, folder in runs.checkpoints(run) if folder == checkpoint)
    return Folder(path=checkpoint.resolve(), name=run.name), step


def _run_folder(name: str) -> Path | None:
    """The folder of the run that a model's name stands for, if it is one."""
    if name in (FRESH, TINY, BOOK):
        return None
    folder = Path(name).expanduser() if is_path(name) else runs.run_path(name)
    return folder if (folder / "run.json").exists() else None


def _start(name: str, training: Training, means: Means) -> Source:
    """What a new run begins from, for a name that is no run's. Raises ValueError."""
    if name == FRESH:
        return fresh(training)
    if name == TINY:
        return Tiny()
    if name == BOOK:
        return Book(seed=training.seed)
    folder = Path(name).expanduser()
    return Folder(path=folder.resolve(), name=folder.name) if is_path(name) else hub_model(name, means.hub)


def hub_model(name: str, hub: Hub) -> HubModel:
    """The model of a hub id, for a name that is nothing else. Raises ValueError."""
    if not is_hub_id(name):
        raise ValueError(
            f"there is no model {name!r}: give {TINY!r}, {FRESH!r}, {BOOK!r}, the name of a run in "
            f"{runs.runs_folder()}, the path of a model folder (starting with ./ or /), or an id of the "
            "Hugging Face hub (owner/name)"
        )
    if (Path(name) / CONFIG).exists():
        raise ValueError(f"{name} is a model folder here: write ./{name} to open it, and elsewhere the hub's")
    return hub.model(name)


def configured(at: Opened, training: Training, means: Means) -> Opened:
    """A new run from the same source, or from weights drawn for the new configuration."""
    return _set_up(at.source.configured(training), training, means)


def restarted(at: Opened, means: Means) -> Opened:
    """A new run from the same start, with the same configuration on the same text."""
    training = at.trainer.training
    return _set_up(at.source.configured(training), training, means, text=at.text)


def _resumed(folder: Path, means: Means) -> Opened:
    saved = runs.read(folder)
    record = saved.record
    source = _source_of(record, means.hub)
    text = means.texts.recall(record.training.text, record.text_sha256)
    at = _set_up(source, record.training, means, text=text)
    at.saved = saved
    at.results = {result.step: result for result in saved.results}
    at.future = runs.read_future(folder)
    at.samples = {sample.step: sample for sample in saved.samples}
    at.trainer.follow(saved.interventions)
    reached = [(step, path) for step, path in runs.checkpoints(folder) if step <= saved.position]
    if reached:
        step, path = reached[-1]
        parameters = {name: p.detach() for name, p in load_model(path).named_parameters()}
        moments = runs.read_optimizer(path)
        recipe = runs.read_recipe(path)
        at.trainer.restore(Snapshot.of(step, parameters=parameters, moments=moments, recipe=recipe))
    here = conditions(at.trainer.precision)
    differing = [key for key, value in here.items() if record.conditions.get(key) != value]
    if differing:
        at.warning = (
            "this run was made under other conditions ("
            + ", ".join(f"{key} {record.conditions.get(key)}" for key in differing)
            + "): from here on it may differ in the last digits"
        )
    at.model_info = msgspec.structs.replace(at.model_info, name=clean(folder.name))
    return at


def _source_of(record: runs.RunRecord, hub: Hub) -> Source:
    start = record.start
    if start.get("kind") == TINY:
        return _the_same_tiny(start.get("sha256"))
    try:
        if start["kind"] == FRESH:
            return Fresh(preset=str(start["preset"]), context=int(start["context"]), seed=int(start["seed"]))
        if start["kind"] == BOOK:
            return Book(seed=int(start["seed"]))
        if start["kind"] == "hub":
            repo_id, commit = str(start["id"]), str(start["commit"])
        else:
            return Folder(path=Path(str(start["path"])), name=str(start["name"]))
    except (KeyError, ValueError):
        raise runs.RunError(f"run.json names no model the run started from: {start}") from None
    return hub.model(repo_id, commit)


def _the_same_tiny(sha256: object) -> Tiny:
    source = Tiny()
    if source.record()["sha256"] != sha256:
        raise runs.RunError(
            f"this run started from another version of the model {TINY!r} than comes with this neglogp; its "
            "checkpoints are model folders, to look at or to start a new run from"
        )
    return source


def _set_up(source: Source, training: Training, means: Means, *, text: TrainingText | None = None) -> Opened:
    text = text or means.texts.get(training.text)
    model = source.build()
    require_vocabulary(model.config.vocab_size)
    if training.context > model.config.n_positions:
        raise ValueError(
            f"a context of {training.context} tokens is longer than this model's {model.config.n_positions}"
        )
    corpus, recipe = source.recipe(text, training)
    trainer = Trainer(
        model,
        recipe,
        training,
        restart=source.restart,
        history=History(means.snapshot_bytes),
        between=means.between,
    )
    trigrams = trigram_reference(corpus.training, recipe) if len(corpus.training) <= AT_ONCE else None
    # A full collection with torch loaded takes up to 126 ms: what has been built stays, so leave it out.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return Opened(
        source=source,
        training=training,
        text=text,
        training_ids=corpus.training,
        model=model,
        trainer=trainer,
        model_info=info(model, source, trainer.precision),
        text_info=TextInfo(
            name=text.name,
            tokens=corpus.n_tokens,
            train_windows=corpus.train_windows,
            validation_windows=corpus.validation_windows,
        ),
        references=(
            Reference(name="ln V", nats=math.log(model.config.vocab_size)),
            Reference(name="unigram entropy", nats=corpus.unigram_entropy()),
            *([trigrams] if trigrams is not None else []),
        ),
    )
