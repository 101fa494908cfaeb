"""The model that comes along: what it costs to ship and to load, and what a newcomer sees of it."""

import math
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from core import messages as m
from core.chunked import surprisals
from core.data import Corpus
from core.losses import entropy
from core.models.gpt2 import Model
from core.sources import Tiny
from core.texts import STORY, Texts
from core.tokenizer import gpt2
from tests.expected_words import ENOUGH, EXPECTED, expected_among

FOLDER = Tiny().path
RUBBISH = ("Armed heNetflix", "zx qpl 77 ]]", "Gl0b %% of whom purple seventeen")
SURE = ("Once upon a", "I beg your", "the United")

# What `python -m tests.bench.trigram` prints of these prompts, after the same text: the bar to be above.
TRIGRAM = {
    "The fat cat sat on the": "other table floor ground subject part whole top edge back",
    "Once upon a": "time day summer certain night Sunday great moon given hot",
}


@pytest.fixture(scope="module")
def model() -> Model:
    return Tiny().build()


@torch.inference_mode()
def prediction(model: Model, prompt: str) -> torch.Tensor:
    """The logits of what follows a prompt: (V,)."""
    ids = torch.tensor([gpt2().encode(prompt)])
    return model.logits(model(ids))[0, -1]


def first_ten(model: Model, prompt: str) -> list[str]:
    best = prediction(model, prompt).topk(10).indices.tolist()
    return [gpt2().piece(token_id).decode(errors="replace") for token_id in best]


def test_it_is_small_and_its_matrices_are_8_bits() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 20_000_000
    with safe_open(FOLDER / "model.safetensors", framework="pt") as weights:
        kinds = {name: weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118
    assert kinds["transformer.wte.weight"] == "I8" and set(kinds.values()) == {"I8", "F32"}


def test_it_has_gpt2s_vocabulary_tied_and_a_context_of_128_or_more(model: Model) -> None:
    config = model.config
    assert config.vocab_size == 50257 and config.tie_head and config.n_positions >= 128
    assert 10_000_000 <= sum(p.numel() for p in model.parameters()) <= 18_000_000


@pytest.mark.parametrize("prompt", EXPECTED)
def test_what_follows_a_prompt_is_english(model: Model, prompt: str) -> None:
    found = first_ten(model, prompt)
    assert len(expected_among(prompt, found)) >= ENOUGH, found


def test_the_trigram_model_would_not_do() -> None:
    passed = {
        prompt: len(expected_among(prompt, words.split())) >= ENOUGH for prompt, words in TRIGRAM.items()
    }
    # What stands in its last two words it knows by heart; what a cat sits on, five words on, it cannot.
    assert passed == {"The fat cat sat on the": False, "Once upon a": True}


def test_it_is_surer_of_english_than_of_rubbish(model: Model) -> None:
    def nats(prompts: Sequence[str]) -> list[float]:
        return [float(entropy(prediction(model, prompt))) for prompt in prompts]

    assert max(nats(SURE)) + 2 <= min(nats(RUBBISH)), (nats(SURE), nats(RUBBISH))


def test_the_story_is_easier_for_it_than_a_guess_by_far(model: Model) -> None:
    ids = Texts(gpt2()).get(STORY).ids
    corpus = Corpus(ids, context=128, batch=8, seed=0, validation_fraction=0)
    with torch.inference_mode():
        found = [
            surprisals(model(inputs).flatten(0, 1), model.head, targets.flatten())
            for inputs, targets in map(corpus.batch, range(4))
        ]
    assert float(torch.cat(found).mean()) < math.log(50257) - 5


def test_training_it_on_the_story_brings_the_validation_loss_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.recorder import Recorder
    from core.session import Session

    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path))
    events: list[m.AnyEvent] = []
    session = Session(
        emit=events.append, between=lambda: None, interrupted=lambda: False, recorder=Recorder()
    )
    training = m.Training.for_model(m.TINY)
    session.open(m.Open(model=m.TINY, training=training))
    session.run(m.Run(steps=training.evaluate_every))
    while session.running:
        session.advance()
    session.close()
    losses = [r.validation for r in session.history(m.History()).results if r.validation is not None]
    assert len(losses) == 2
    assert float(losses[1]) < float(losses[0]) - 0.05, losses


def test_the_wheel_takes_it_along() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert "core" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert (FOLDER / "MODEL.md").is_file()
