"""Continuations, against the model asked for every token anew."""

import pytest
import torch

from core import generation as module
from core import losses
from core.generation import Generation, window_start
from core.models.gpt2 import Config, Model
from core.randomness import stream
from core.sampling import SampleConfig, controlled, sample

CONFIG = Config(vocab_size=31, n_positions=8, n_embd=8, n_layer=2, n_head=2)
PROMPT = [3, 1, 4]


@pytest.fixture(scope="module")
def model() -> Model:
    model = Model(CONFIG)
    model.initialise(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)  # far from uniform, so that the tokens differ
    return model


def fresh_logits(model: Model, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model.logits(model(torch.tensor([ids])))[0, -1]


def run(model: Model, ids: list[int], n: int, config: SampleConfig, seed: int = 0) -> list[int]:
    generation = Generation(model, ids, config, seed)
    return [generation.step().token_id for _ in range(n)]


def test_the_cached_continuation_is_that_of_full_recomputation(model: Model) -> None:
    config = SampleConfig(temperature=0.9, top_k=10, top_p=0.95)
    ids = list(PROMPT)
    for token_id in run(model, PROMPT, 40, config, seed=7):
        logits = fresh_logits(model, ids[window_start(len(ids), 8) :])
        assert token_id == sample(logits, config, stream(7, "sample", len(ids)).random())
        ids.append(token_id)


def test_a_continuation_taken_up_again_goes_on_the_same(model: Model) -> None:
    config = SampleConfig()
    whole = run(model, PROMPT, 30, config)
    for cut in (1, 5, 6, 17):
        assert run(model, PROMPT + whole[:cut], 30 - cut, config) == whole[cut:]


def test_another_seed_draws_another_continuation(model: Model) -> None:
    assert run(model, PROMPT, 20, SampleConfig(), seed=1) != run(model, PROMPT, 20, SampleConfig(), seed=2)


def test_temperature_zero_takes_the_best_whatever_the_seed(model: Model) -> None:
    greedy = SampleConfig(temperature=0)
    ids = list(PROMPT)
    for token_id in run(model, PROMPT, 5, greedy, seed=1):
        assert token_id == fresh_logits(model, ids).argmax()
        ids.append(token_id)
    assert run(model, PROMPT, 20, greedy, seed=1) == run(model, PROMPT, 20, greedy, seed=2)


def test_a_step_tells_its_candidates_before_and_after_the_controls(model: Model) -> None:
    config = SampleConfig(temperature=0.5, top_k=3)
    step = Generation(model, PROMPT, config, 0).step()
    logits = fresh_logits(model, PROMPT)
    before, after = logits.log_softmax(-1), controlled(logits, config).log_softmax(-1)
    assert [c.token_id for c in step.before(5)] == before.argsort(descending=True)[:5].tolist()
    assert [c.log_prob for c in step.before(5)] == pytest.approx(
        before.sort(descending=True).values[:5].tolist()
    )
    assert [c.token_id for c in step.after(5)] == before.argsort(descending=True)[:3].tolist()
    assert [c.log_prob for c in step.after(5)] == pytest.approx(
        after.sort(descending=True).values[:3].tolist()
    )
    assert step.log_prob == pytest.approx(before[step.token_id].item())


@pytest.mark.parametrize("context", [1, 2, 3, 8, 9])
def test_past_the_context_half_of_it_is_kept_and_filled_up_again(context: int) -> None:
    start = 0
    for n in range(1, 6 * context):
        if n - start > context:
            start = n - max(1, context // 2)
        assert window_start(n, context) == start


def test_a_prompt_longer_than_the_context_is_continued(model: Model) -> None:
    prompt = [i % 31 for i in range(50)]
    logits = fresh_logits(model, prompt[window_start(50, 8) :])
    assert run(model, prompt, 1, SampleConfig(temperature=0)) == [int(logits.argmax())]


def test_a_step_computes_no_candidates_that_nobody_asks_for(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noted(log_q: torch.Tensor, k: int) -> losses.TopK:
        asked.append(k)
        return losses.top_k(log_q, k)

    monkeypatch.setattr(module, "top_k", noted)
    generation = Generation(model, PROMPT, SampleConfig(), 0)
    steps = [generation.step() for _ in range(4)]
    assert asked == []
    assert len(steps[0].before(5)) == 5 and asked == [5]


def test_the_global_generator_is_left_alone(model: Model) -> None:
    before = torch.get_rng_state()
    run(model, PROMPT, 3, SampleConfig())
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_cannot_be_continued(model: Model) -> None:
    with pytest.raises(ValueError, match="nothing to continue"):
        Generation(model, [], SampleConfig(), 0)
