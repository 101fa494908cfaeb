"""What the contract does not show of a session: what is written down, what is refused, what goes wrong."""

import json
import math
import shutil
import threading
import weakref
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch

from core import indexing, looking, run_list, runs, watching
from core import messages as m
from core import recorder as recording
from core.checkpoint import load_model, save_model
from core.messages import Training
from core.recorder import CHECKPOINT_SECONDS
from core.runs import RunError
from core.scoring import Scorer
from core.session import Session
from core.suffix_array import Interrupted, suffix_array
from core.tokenizer import gpt2
from core.trainer import Diverged
from core.watching import Overtaken
from tests.core import tiny
from tests.core.sessions import (
    TEXT,
    TRAINING,
    Stage,
    folder_of,
    parameters,
    train,
    train_and_wait,
    waited,
)


def test_nothing_is_written_before_the_first_step(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    session.close()
    assert not (stage.folder / "runs").exists()


def test_each_step_is_on_file_before_it_is_told(stage: Stage) -> None:
    session = stage.session()
    on_file: list[tuple[int, int]] = []

    def emit(event: m.AnyEvent) -> None:
        if isinstance(event, m.Stepped):
            on_file.append((event.results[-1].step, runs.read(folder_of(session)).position))

    session._emit = emit
    session.open(m.Open(model=str(stage.model), training=TRAINING))
    train(session, 3)
    assert on_file == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_a_run_that_goes_on_after_its_session_equals_one_never_interrupted(stage: Stage) -> None:
    whole = stage.opened()
    train(whole, 9)
    session = stage.opened()
    train(session, 4)
    name = session.status().run
    assert name is not None
    session.close()
    resumed = stage.session()
    state = resumed.open(m.Open(model=name))
    assert (state.step, state.run, state.warning) == (4, name, None)
    train(resumed, 5)
    assert resumed.status().warning is None
    assert tiny.same(tiny.state(resumed.at.trainer), tiny.state(whole.at.trainer))
    mine, theirs = (s.history(m.History()).results for s in (resumed, whole))
    assert [(r.step, r.loss, r.validation) for r in mine] == [(r.step, r.loss, r.validation) for r in theirs]


def test_a_run_without_a_checkpoint_is_replayed_from_its_lines(stage: Stage) -> None:
    session = stage.opened()
    train(session, 4)
    before, name = parameters(session), session.status().run
    assert name is not None and runs.checkpoints(folder_of(session)) == []
    waited(session)
    session._recorder._run.close()  # type: ignore[union-attr]  # as a kill would: nothing is saved
    session._recorder._run = None
    shutil.rmtree(runs.run_path(name) / "snapshots", ignore_errors=True)
    resumed = stage.session()
    assert resumed.open(m.Open(model=name)).step == 4
    assert tiny.same(parameters(resumed), before)
    assert stage.told(m.Progress)[-1].done == 3


def test_a_rewound_run_is_opened_where_it_stood(stage: Stage) -> None:
    session = stage.opened()
    train(session, 6)
    session.rewind(m.Rewind(step=2))
    before, folder = parameters(session), folder_of(session)
    session.close()
    assert [step for step, _ in runs.checkpoints(folder)] == [2]
    resumed = stage.session()
    assert resumed.open(m.Open(model=folder.name)).step == 2
    assert tiny.same(parameters(resumed), before)
    assert resumed.rewind(m.Rewind(step=6)).step == 6  # which was once reached
    assert resumed.status().warning is None


def test_a_run_elsewhere_is_called_by_its_path(stage: Stage) -> None:
    session = stage.opened(folder=stage.folder / "elsewhere")
    train(session, 1)
    name = session.status().run
    assert name == str(stage.folder / "elsewhere")
    session.close()
    assert stage.session().open(m.Open(model=name)).step == 1


def test_closing_saves_the_present_step_of_every_run(stage: Stage) -> None:
    session = stage.opened()
    train(session, 3)
    first = folder_of(session)
    session.reset(m.Reset())
    train(session, 3)  # ends at the same step as the run before
    second = folder_of(session)
    session.close()
    saved = []
    for folder in (first, second):
        assert [step for step, _ in runs.checkpoints(folder)] == [3]
        parameters = load_model(folder / "checkpoint-3").named_parameters()
        saved.append({name: p.detach() for name, p in parameters})
    assert tiny.same(*saved)


def test_a_checkpoint_is_written_every_so_often(stage: Stage) -> None:
    session = stage.opened(folder=stage.folder / "named")
    train(session, 2)
    stage.clock.now += CHECKPOINT_SECONDS - 1
    train(session, 1)
    session._recorder._run.wait()  # type: ignore[union-attr]
    assert runs.checkpoints(stage.folder / "named") == []
    stage.clock.now += 1
    train(session, 1)
    session._recorder._run.wait()  # type: ignore[union-attr]
    assert [step for step, _ in runs.checkpoints(stage.folder / "named")] == [4]


def test_run_json_says_what_the_run_is_a_function_of(stage: Stage) -> None:
    session = stage.opened()
    train(session, 1)
    record = json.loads((folder_of(session) / "run.json").read_text())
    assert record["start"] == {"kind": "folder", "path": str(stage.model), "name": "tiny"}
    assert msgspec.convert(record["training"], Training) == TRAINING
    assert record["text_sha256"] == session.at.text.sha256
    assert record["conditions"]["torch"] == torch.__version__


def test_runs_that_cannot_be_written_go_on_and_say_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (stage.folder / "file").write_text("")
    monkeypatch.setenv("NEGLOGP_RUNS", str(stage.folder / "file"))
    state = train(stage.opened(), 2)
    assert (state.step, state.run) == (2, None)
    assert state.warning is not None and "not written down" in state.warning


def test_a_disk_that_fills_up_stops_the_writing_and_not_the_training(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: runs.Run, result: m.StepResult) -> None:
        raise RunError(f"step {result.step} could not be written: No space left on device")

    session = stage.opened()
    train(session, 1)
    with monkeypatch.context() as patch:
        patch.setattr(runs.Run, "append", full)
        state = train(session, 1)
    assert state.step == 2 and "No space left" in (state.warning or "")
    assert train(session, 1).step == 3


def test_where_the_folder_is_the_point_a_failure_is_raised(stage: Stage) -> None:
    train(stage.opened(folder=stage.folder / "named"), 1)
    session = stage.opened(folder=stage.folder / "named", strict=True)
    with pytest.raises(RunError, match="already"):
        train(session, 1)


def test_a_run_that_another_process_writes_can_be_looked_at_and_is_left_alone(stage: Stage) -> None:
    writer = stage.opened()
    train(writer, 2)
    folder = folder_of(writer)
    lines = (folder / "metrics.jsonl").read_bytes()
    other = stage.session()
    state = other.open(m.Open(model=folder.name))
    assert state.step == 2 and "another process" in (state.warning or "")
    train(other, 2)
    assert "not written down" in (other.status().warning or "")
    assert (folder / "metrics.jsonl").read_bytes() == lines
    assert [f.name for f in (stage.folder / "runs").iterdir()] == [folder.name]


def test_a_run_made_under_other_conditions_says_so(stage: Stage) -> None:
    session = stage.opened()
    train(session, 1)
    folder = folder_of(session)
    session.close()
    record = json.loads((folder / "run.json").read_text())
    record["conditions"]["threads"] = 77
    (folder / "run.json").write_text(json.dumps(record))
    assert "threads 77" in (stage.session().open(m.Open(model=folder.name)).warning or "")


def test_a_run_that_leaves_its_own_curve_says_so(stage: Stage) -> None:
    session = stage.opened()
    train(session, 3)
    session.at.results[2] = msgspec.structs.replace(session.at.results[2], loss=1.5)
    session.rewind(m.Rewind(step=1))
    assert session.status().warning is None
    assert "step 2" in (train(session, 2).warning or "")
    assert [r.step for r in session.history(m.History()).results] == [0, 1, 2, 3]


def test_a_run_that_diverges_pauses_and_says_why(stage: Stage) -> None:
    session = stage.opened()
    train(session, 1)
    with torch.no_grad():
        session.at.model.ln_f.weight[0] = math.nan
    stage.events.clear()
    state = train(session, 5)
    assert (state.step, state.running) == (1, False)
    assert "loss of step 2 is nan" in (state.warning or "")
    start = session.history(m.History()).results[0]
    assert state.diverged == m.Divergence(step=2, best=0, nats=start.validation)
    assert stage.told(m.Changed)[-1].state == state
    assert not stage.told(m.Stepped)
    assert session.rewind(m.Rewind(step=0)).diverged is None
    assert session.status().warning is None
    assert train(session, 3).step == 3, "the way back is a way out"


def test_of_the_steps_that_were_validated_the_lowest_is_offered(stage: Stage) -> None:
    session = stage.opened(msgspec.structs.replace(TRAINING, evaluate_every=1))
    train(session, 4)
    for step, nats in ((0, 9.0), (1, 5.0), (2, 4.0), (3, "nan"), (4, "inf")):
        known = session.at.results[step]
        session.at.results[step] = msgspec.structs.replace(known, validation=nats)
    session.at.results[9] = m.StepResult(step=9, validation=1.0)  # of before it went back
    with torch.no_grad():
        session.at.model.ln_f.weight[0] = math.nan
    assert train(session, 5).diverged == m.Divergence(step=5, best=2, nats=4.0)
    session.reset(m.Reset())
    assert session.status().diverged is None


def test_going_back_over_a_step_that_now_diverges_stays_before_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = stage.opened()
    train(session, 4)
    real = session.at.trainer.step

    def step() -> m.StepResult:
        if session.at.trainer.step_count == 2:
            raise Diverged("loss", 3, math.inf)
        return real()

    monkeypatch.setattr(session.at.trainer, "step", step)
    session.at.trainer.history = type(session.at.trainer.history)(0)
    state = session.rewind(m.Rewind(step=3))
    assert state.step == 2 and "step 3" in (state.warning or "")
    assert state.diverged is not None and state.diverged.step == 3


def test_a_stop_leaves_a_rewind_at_a_valid_step(stage: Stage) -> None:
    session = stage.opened()
    train(session, 6)
    session.at.trainer.history = type(session.at.trainer.history)(0)  # so that it replays from the start

    def after_two() -> None:
        stage.interrupted = session.at.trainer.step_count == 2

    stage.between = after_two
    state = session.rewind(m.Rewind(step=5))
    stage.interrupted = False
    stage.between = lambda: None
    assert state.step == 2 and runs.read(folder_of(session)).position == 2
    known = {r.step: r.loss for r in session.history(m.History()).results}
    assert train(session, 4).warning is None
    assert {r.step: r.loss for r in session.history(m.History()).results} == known


def test_whatever_is_wrong_with_a_request_leaves_the_session_as_it_was(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    before, opened = train(session, 2), session.at
    requests: list[tuple[Callable[[Any], Any], m.AnyRequest, str]] = [
        (session.configure, m.Configure(training=Training(context=9)), "context of 9"),
        (session.configure, m.Configure(training=Training(context=8, text="nowhere")), "nowhere"),
        (session.open, m.Open(model="./nowhere"), "nowhere"),
        (session.open, m.Open(model="no name"), "no name"),
        (session.open, m.Open(training=Training(preset="huge")), "huge"),
        (session.rewind, m.Rewind(step=3), "step 3"),
        (session.find, m.Find(position=7, query="a"), "position 7"),
        (session.control, m.Control(position=7, sampling=m.SampleConfig()), "position 7"),
        (session.generate, m.Generate(text=""), "nothing to continue"),
        (session.run, m.Run(steps=0), "steps"),
        (session.score, m.Score(text="a", top_k=0), "top k is 0"),
        (session.find, m.Find(position=0, query="", limit=10**6), "limit is 1000000"),
    ]
    for method, request, word in requests:
        with pytest.raises(ValueError, match=word):
            method(request)
    assert session.at is opened and session.status() == before


def test_a_model_with_another_vocabulary_is_refused(stage: Stage) -> None:
    model = tiny.model()
    folder = stage.folder / "other"
    folder.mkdir()
    save_model(model, model.to_hf(), folder)
    with pytest.raises(ValueError, match="61 tokens"):
        stage.session().open(m.Open(model=str(folder), training=TRAINING))


def test_before_a_model_is_open_everything_is_refused_clearly(stage: Stage) -> None:
    session = stage.session()
    looking = (m.Score(text="a"), m.Find(position=0, query="a"), m.Generate(text="a"))
    for request in (m.Status(), m.History(), m.Run(), m.Reset(), *looking):
        method = getattr(session, str(type(request).__struct_config__.tag))
        with pytest.raises(ValueError, match="no model is open"):
            method(request)


def test_steps_asked_for_one_by_one_add_up_and_end_a_run_to_the_goal(stage: Stage) -> None:
    session = stage.opened()
    for _ in range(3):
        session.run(m.Run(steps=1))
    while session.running:
        session.advance()
    assert session.status().step == 3
    session.run(m.Run())
    session.advance()
    session.run(m.Run(steps=1))
    while session.running:
        session.advance()
    assert (session.status().step, session.status().goal) == (5, 20)


def test_a_new_run_begins_with_an_empty_curve_of_the_text(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    train(session, 2)
    session.reset(m.Reset())
    assert stage.told(m.Rescored)[-1].table.moved_from is None
    train(session, 1)
    prompts = [result.prompt for result in session.history(m.History()).results]
    assert len(prompts) == 2 and None not in prompts


def test_reset_trains_on_the_very_text_of_the_run(stage: Stage) -> None:
    session = stage.opened()
    session.upload(m.Upload(name="a.txt", text="one two three " * 40, first=True, last=True))
    session.configure(m.Configure(training=Training(text="a.txt", batch=1, context=8)))
    session.upload(m.Upload(name="a.txt", text="other words " * 40, first=True, last=True))
    before = session.at.text
    session.reset(m.Reset())
    assert session.at.text is before


def test_a_long_text_has_fewer_candidates_a_row(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "CANDIDATES", 12)
    session = stage.opened()
    assert {len(p.top) for p in session.score(m.Score(text="The fat cat", top_k=20)).predictions} == {4}
    assert {len(p.top) for p in session.score(m.Score(text=" a" * 40, top_k=20)).predictions} == {1}


def test_a_run_of_any_length_fits_the_text_into_one_line(stage: Stage) -> None:
    session = stage.opened()
    table = session.score(m.Score(text=" cat" * 2000, top_k=1000))
    assert len(table.predictions) == 2000
    assert len(m.encode(m.Answer(id=1, result=table))) < m.LINE_LIMIT


def test_looking_takes_no_more_than_its_share_of_a_runs_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MEASURE_SHARE", 0.0)
    monkeypatch.setattr(looking, "EVERY_STEP", 0)  # any text is a long one
    monkeypatch.setattr(watching, "SHOW_SECONDS", 3600.0)
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    train(session, 6)
    measured = [r.step for r in session.history(m.History()).results if r.prompt is not None]
    assert measured == [0, 1, 6]  # the first and the last step of a run are always looked at
    assert [event.table.step for event in stage.told(m.Rescored)] == [1, 6]


def test_small_requests_are_served_while_a_text_is_continued(stage: Stage) -> None:
    session = stage.opened()
    tables = []
    stage.between = lambda: tables.append(session.score(m.Score(text="The dog")))
    generated = session.generate(m.Generate(text=TEXT, tokens=4, seed=1))
    assert len(tables) == 3
    stage.between = lambda: None
    assert session.generate(m.Generate(text=TEXT, tokens=4, seed=1)) == generated


def test_a_text_that_is_no_longer_wanted_is_not_scored_to_its_end(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    stage.overtaken = True
    with pytest.raises(Overtaken):
        session.score(m.Score(text=TEXT * 3))
    stage.events.clear()
    train(session, 1)
    assert not stage.told(m.Rescored)  # the newer text will be scored instead, at once
    stage.overtaken = False
    fresh = stage.opened()
    train(fresh, 1)
    expected = fresh.score(m.Score(text=TEXT * 2))
    table = session.score(m.Score(text=TEXT * 2))
    assert float(table.summary.mean or 0) == pytest.approx(float(expected.summary.mean or 0), rel=1e-5)
    assert table.moved_from is None


def test_a_text_scored_in_the_middle_of_a_step_is_that_of_the_weights_before_it(stage: Stage) -> None:
    # Two micro-batches, so that there is a middle.
    session = stage.opened(msgspec.structs.replace(TRAINING, batch=128, dropout=0.0, evaluate_every=1000))
    before = session.score(m.Score(text=TEXT)).summary
    tables: list[m.Table] = []
    stage.between = lambda: tables.append(session.score(m.Score(text=TEXT)))
    session.run(m.Run(steps=1))
    session.advance()
    stage.between = lambda: None
    (shown,) = [event.table for event in stage.told(m.Rescored)]
    seen = {(table.step, table.summary) for table in tables}
    # the weights after it are looked at, too, while the snapshot of them is made
    assert (0, before) in seen and seen <= {(0, before), (1, shown.summary)}
    after = Scorer(session.at.model, gpt2()).table(TEXT, gpt2().encode(TEXT), top_k=20, step=1)
    assert float(shown.summary.mean or 0) == pytest.approx(float(after.summary.mean or 0), rel=1e-6)
    assert shown.summary != before


def losses_of(session: Session) -> torch.Tensor:
    """Each row's cross entropy with the weights the session has now: (n - 1,) float64."""
    ids = torch.tensor(gpt2().encode(TEXT))
    with torch.no_grad():
        logits = session.at.model.logits(session.at.model(ids.unsqueeze(0)))[0, :-1]
    return torch.nn.functional.cross_entropy(logits.double(), ids[1:], reduction="none")


def test_an_audit_is_of_the_present_weights_though_the_text_was_not_measured_with_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MEASURE_SHARE", -1.0)
    monkeypatch.setattr(watching, "SHOW_SECONDS", 3600.0)
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    session.run(m.Run(steps=9))
    for step in (1, 2):
        session.advance()
        made, losses = session.audit(m.Audit(position=1)), losses_of(session)
        assert made.step == step
        assert made.surprisal == pytest.approx(losses[1].item(), rel=1e-5)
        assert made.mean == pytest.approx(losses.mean().item(), rel=1e-5)


def test_an_audit_in_the_middle_of_a_step_is_that_of_the_weights_before_it(stage: Stage) -> None:
    # Two micro-batches, so that there is a middle.
    session = stage.opened(msgspec.structs.replace(TRAINING, batch=128, dropout=0.0, evaluate_every=1000))
    session.score(m.Score(text=TEXT))
    before = session.audit(m.Audit(position=3))
    seen: list[m.Arithmetic] = []
    stage.between = lambda: seen.append(session.audit(m.Audit(position=3)))
    session.run(m.Run(steps=1))
    session.advance()
    stage.between = lambda: None
    after = session.audit(m.Audit(position=3))
    # the weights after it are looked at, too, while the snapshot of them is made
    assert before in seen and all(made in (before, after) for made in seen) and after != before


def test_a_target_is_weighed_in_the_middle_of_a_step_with_the_weights_before_it(stage: Stage) -> None:
    session = stage.opened(msgspec.structs.replace(TRAINING, batch=128, dropout=0.0, evaluate_every=1000))
    session.score(m.Score(text=TEXT))
    request = m.Weigh(position=2, mix=(m.Share(token_id=5, share=0.5), m.Share(token_id=6, share=0.5)))
    before = session.weigh(request)
    seen: list[m.Weighed] = []
    stage.between = lambda: seen.append(session.weigh(request))
    train(session, 1)
    stage.between = lambda: None
    after = session.weigh(request)
    assert before in seen and all(made in (before, after) for made in seen) and after != before


def test_an_audit_names_the_folder_that_has_the_very_weights(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    assert session.audit(m.Audit(position=0)).folder == str(stage.model)
    train(session, 3)
    assert session.audit(m.Audit(position=0)).folder is None, "these weights are on no disk"
    name = session.status().run
    session.close()
    resumed = stage.session()
    resumed.open(m.Open(model=str(name)))
    resumed.score(m.Score(text=TEXT))
    folder = resumed.audit(m.Audit(position=0)).folder
    assert folder is not None and folder.endswith("checkpoint-3")
    saved = dict(load_model(Path(folder)).named_parameters())
    assert tiny.same(parameters(resumed), {key: p.detach() for key, p in saved.items()})
    train(resumed, 1)
    assert resumed.audit(m.Audit(position=0)).folder is None


def test_every_way_to_other_weights_makes_another_table(stage: Stage) -> None:
    session = stage.opened()

    def agrees() -> None:
        table = session.score(m.Score(text=TEXT))
        anew = Scorer(session.at.model, gpt2()).table(TEXT, gpt2().encode(TEXT), top_k=20, step=0)
        assert [(p.entropy, p.top) for p in table.predictions] == [
            (p.entropy, p.top) for p in anew.predictions
        ]

    agrees()
    for _ in range(3):
        train(session, 1)
        agrees()
    for step in (1, 3, 0, 2):
        session.rewind(m.Rewind(step=step))
        agrees()
    session.reset(m.Reset())
    agrees()
    session.open(m.Open(training=Training(context=8, batch=2, preset="small")))
    agrees()


def test_a_continuation_ends_after_the_present_token_once_interrupted(stage: Stage) -> None:
    session = stage.opened()

    def after_three() -> None:
        stage.interrupted = stage.told(m.Continued)[-1].generated.tokens == 3

    stage.between = after_three
    generated = session.generate(m.Generate(text=TEXT, tokens=50, seed=1))
    assert (generated.tokens, generated.done) == (3, True)
    assert generated.text == stage.told(m.Continued)[-1].generated.text


def test_a_continuation_never_tells_half_a_character(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    session = stage.opened()
    ids = session._tokenizer.encode("é 👩‍👧 ☃ x")
    assert len(ids) > 9, "these characters take several tokens"
    steps = iter([*ids, session._tokenizer.encode("é")[0], session._tokenizer.encode("👩")[0]])
    monkeypatch.setattr("core.generation.Generation.step", lambda self: SimpleNamespace(token_id=next(steps)))
    whole = session.generate(m.Generate(text="a", tokens=len(ids) + 2)).text
    told = [event.generated.text for event in stage.told(m.Continued)]
    assert "\ufffd" not in "".join(told[: len(ids)])
    assert all(after.startswith(before) for before, after in pairwise([*told, whole]))
    assert told[len(ids) - 1] == "é 👩‍👧 ☃ x" and whole.startswith("é 👩‍👧 ☃ xé") and whole.endswith("\ufffd")


def test_what_was_open_is_let_go(stage: Stage) -> None:
    session = stage.opened()
    train(session, 2)
    gone = weakref.ref(session.at.model), weakref.ref(session.at.trainer.recipe)
    session.reset(m.Reset())
    session.reset(m.Reset())
    assert [what() for what in gone] == [None, None]


def test_the_recorder_keeps_one_checkpoint_of_a_run_nobody_named(stage: Stage) -> None:
    assert recording.Recorder._keep(runs.automatic_name()) == 1
    assert recording.Recorder._keep("named") == 2


def test_a_run_from_the_model_that_comes_along_goes_on_with_that_version_only(stage: Stage) -> None:
    first = stage.session()
    first.open(m.Open(model=m.TINY, training=Training(batch=1, context=8, steps=4)))
    assert first.status().model.name == "tiny" and not first.status().model.fresh
    train(first, 2)
    run = folder_of(first)
    expected = parameters(first)
    first.close()
    again = stage.session()
    assert again.open(m.Open(model=str(run))).step == 2
    assert tiny.same(parameters(again), expected)
    again.rewind(m.Rewind(step=0))
    again.close()
    record = json.loads((run / "run.json").read_text())
    record["start"]["sha256"] = "0" * 64
    (run / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="another version of the model 'tiny'"):
        stage.session().open(m.Open(model=str(run)))


def test_a_short_text_is_measured_at_every_step_whatever_its_share(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MEASURE_SHARE", 0.0)
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    train(session, 6)
    assert [session.recall(m.Recall(text=TEXT, step=step)).step for step in range(7)] == list(range(7))


def test_what_is_recalled_is_what_going_there_shows(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    train(session, 5)
    recalled = [session.recall(m.Recall(text=TEXT, step=step)) for step in range(6)]
    for step in (4, 2, 0):
        session.rewind(m.Rewind(step=step))
        there = session.score(m.Score(text=TEXT))
        assert there.summary == recalled[step].summary
        for one, other in zip(there.predictions, recalled[step].predictions, strict=True):
            assert (one.entropy, one.top, one.target) == (other.entropy, other.top, other.target)


@pytest.mark.parametrize(("scale", "said"), [(1.0, False), (60.0, True)])
def test_an_untrained_model_that_is_far_from_uniform_is_told_of(
    stage: Stage, scale: float, said: bool
) -> None:
    session = stage.session()
    session.open(m.Open(training=Training(batch=1, context=8, steps=4)))
    with torch.no_grad():
        session.at.model.wte.weight.mul_(scale)
    session.run(m.Run(steps=1))
    session.advance()
    warning = session.status().warning or ""
    assert ("should be at ln V = 10.82 nats" in warning) == said


def test_a_training_text_is_put_in_order_once_for_all_runs_on_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(ids: Any, **steered: Any) -> Any:
        made.append(len(ids))
        return suffix_array(ids, **steered)

    monkeypatch.setattr(indexing, "suffix_array", counted)
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    assert made == [], "nobody has asked yet"
    before = session.world(m.World(position=3))
    session.world(m.World(position=4))
    session.reset(m.Reset())
    session.configure(m.Configure(training=msgspec.structs.replace(TRAINING, seed=4)))
    assert session.world(m.World(position=3)).counts == before.counts
    assert len(made) == 1
    session.configure(m.Configure(training=msgspec.structs.replace(TRAINING, held_out=0.5)))
    assert session.world(m.World(position=3)).counts[0] < before.counts[0], "what is held out does not count"
    assert len(made) == 2


def test_another_text_breaks_off_the_one_that_is_being_put_in_order(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "AT_ONCE", 1)
    asked, on = threading.Event(), threading.Event()
    interrupted: list[bool] = []

    def waits(ids: Any, *, tell: Any, interrupted: Callable[[], bool], seen: Any = interrupted) -> Any:
        asked.set()
        on.wait(30)
        seen.append(interrupted())
        raise Interrupted

    monkeypatch.setattr(indexing, "suffix_array", waits)
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    assert session.world(m.World(position=3)).missing == "the text story is being indexed"
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "indexing")
    assert asked.wait(30)
    session.configure(m.Configure(training=msgspec.structs.replace(TRAINING, held_out=0.5)))
    on.set()
    thread.join(30)
    assert interrupted == [True] and stage.told(m.Indexed) == []


def test_a_run_that_is_opened_again_goes_back_by_the_snapshots_on_its_disk(stage: Stage, often: None) -> None:
    session = stage.opened()
    states = {0: parameters(session)}
    for step in range(1, 9):
        train_and_wait(session, 1)
        states[step] = parameters(session)
    name, folder = session.status().run, folder_of(session)
    assert name is not None
    assert waited(session) == list(range(1, 9))
    session.close()
    size = sum(file.stat().st_size for file in (folder / "snapshots").iterdir())
    listed = run_list.summary(runs.read(folder))
    assert listed.bytes > size > 8 * 3 * sum(p.nbytes for p in states[0].values())
    resumed = stage.session()
    resumed.open(m.Open(model=name))
    for step in (5, 2, 7):
        stage.events.clear()
        assert resumed.rewind(m.Rewind(step=step)).step == step
        assert tiny.same(parameters(resumed), states[step])
        assert not stage.told(m.Progress), "nothing has to be replayed"
    resumed.allow(m.Allow(snapshot_gb=0))
    assert resumed.status().snapshot_gb == 0 and not list((folder / "snapshots").iterdir())


def test_snapshots_of_steps_that_have_no_line_are_not_used(stage: Stage, often: None) -> None:
    session = stage.opened()
    train_and_wait(session, 4)
    name, folder = session.status().run, folder_of(session)
    assert name is not None
    session._recorder._run.close()  # type: ignore[union-attr]  # as a power loss would
    session._recorder._run = None
    lines = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_bytes(b"".join(lines[:3]))  # steps 0, 1 and 2
    resumed = stage.session()
    assert resumed.open(m.Open(model=name)).step == 2
    assert waited(resumed) == [1, 2]


def test_a_new_run_nobody_named_takes_the_place_of_the_last_ones_snapshots(stage: Stage, often: None) -> None:
    session = stage.opened()
    train_and_wait(session, 2)
    first = folder_of(session)
    assert (first / "snapshots").exists()
    session.reset(m.Reset())
    train_and_wait(session, 1)
    assert not (first / "snapshots").exists() and (first / "metrics.jsonl").exists()
    assert list((folder_of(session) / "snapshots").iterdir())


def test_a_run_that_nobody_goes_back_in_writes_no_snapshots(stage: Stage, often: None) -> None:
    session = Session(
        emit=stage.events.append,
        between=lambda: None,
        interrupted=lambda: False,
        recorder=recording.Recorder(),
        snapshot_bytes=0,
    )
    stage.sessions.append(session)
    session.open(m.Open(model=str(stage.model), training=TRAINING))
    train(session, 3)
    assert not (folder_of(session) / "snapshots").exists()


def test_snapshots_that_cannot_be_written_are_told_of_once_and_the_run_goes_on(
    stage: Stage, often: None
) -> None:
    session = stage.opened()
    train(session, 1)
    session._recorder._snapshots.wait()  # type: ignore[union-attr]
    shutil.rmtree(folder_of(session) / "snapshots")
    (folder_of(session) / "snapshots").write_text("in the way")
    train(session, 1)
    session._recorder._snapshots.wait()  # type: ignore[union-attr]
    assert train(session, 2).step == 4
    assert "the snapshot of step 2 could not be written" in str(session.status().warning)


def test_a_run_that_is_opened_again_still_knows_every_step_of_its_prompts(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text="The fat cat sat"))
    session.keep(m.Keep(text="on the mat"))
    train(session, 5)
    tables = {
        (text, step): session.recall(m.Recall(text=text, step=step))
        for text in ("The fat cat sat", "on the mat")
        for step in range(6)
    }
    assert {table.step for table in tables.values()} == set(range(6))
    name = session.status().run
    assert name is not None
    session.close()
    assert session.status().kept == (m.Prompt(text="on the mat"),)
    resumed = stage.session()
    assert resumed.open(m.Open(model=name)).kept == (m.Prompt(text="on the mat"),)
    for (text, step), table in tables.items():
        found = resumed.recall(m.Recall(text=text, step=step))
        assert (found.step, found.tokens, found.summary) == (step, table.tokens, table.summary)
        assert [p.target for p in found.predictions] == [p.target for p in table.predictions]
        assert [p.top for p in found.predictions] == [p.top for p in table.predictions]
    train(resumed, 2)
    assert resumed.recall(m.Recall(text="on the mat", step=7)).step == 7
    resumed.release(m.Release(text="on the mat"))
    train(resumed, 1)
    assert resumed.recall(m.Recall(text="on the mat", step=8)).step == 7


def test_what_a_rewound_run_records_again_is_what_stands_there(stage: Stage) -> None:
    session = stage.opened()
    session.score(m.Score(text=TEXT))
    train(session, 6)
    before = [session.recall(m.Recall(text=TEXT, step=step)).predictions for step in range(6)]
    (file,) = folder_of(session).glob("recording.*.frames")
    size = file.stat().st_size
    session.rewind(m.Rewind(step=2))
    train(session, 4)
    assert file.stat().st_size == size
    again = [session.recall(m.Recall(text=TEXT, step=step)).predictions for step in range(6)]
    assert [[p.target for p in rows] for rows in again] == [[p.target for p in rows] for rows in before]


def test_a_prompt_longer_than_the_context_cannot_be_kept(stage: Stage) -> None:
    session = stage.opened()
    with pytest.raises(ValueError, match="it takes 1 to 8"):
        session.keep(m.Keep(text=TEXT + TEXT))
    with pytest.raises(ValueError, match="0 tokens cannot be kept"):
        session.keep(m.Keep(text=""))
    assert session.status().kept == ()


def test_a_prompt_for_which_a_run_that_is_opened_keeps_too_many_others_is_not_recorded(stage: Stage) -> None:
    first = stage.opened()
    others = tuple(m.Prompt(text=text) for text in "abcd")
    for prompt in others:
        first.keep(m.Keep(text=prompt.text))
    train(first, 1)
    name = first.status().run
    assert name is not None
    first.close()
    session = stage.opened()
    session.keep(m.Keep(text="one more"))
    assert session.open(m.Open(model=name)).kept == others
    train(session, 2)
    assert session.recall(m.Recall(text="a", step=3)).step == 3
    with pytest.raises(ValueError, match="nothing of this prompt"):
        session.recall(m.Recall(text="one more", step=3))
