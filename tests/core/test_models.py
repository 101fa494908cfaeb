"""The registry of model families."""

import pytest

from core.models import build, families
from core.models.gpt2 import Config, Model


def test_the_families_are_the_files() -> None:
    assert families() == ("gpt2",)


def test_a_config_builds_its_familys_model() -> None:
    config = Config(vocab_size=11, n_positions=4, n_embd=4, n_layer=1, n_head=1)
    model = build(config)
    assert type(model) is Model
    assert model.config == config


def test_what_is_no_config_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="'gpt2' is the config of no model family; known: gpt2"):
        build("gpt2")  # type: ignore[arg-type]
