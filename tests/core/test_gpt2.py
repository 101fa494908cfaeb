"""GPT-2 by itself: shapes, cache, dropout, gradients, initial weights, presets."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from core.dropout import AddressedDropout as Dropout
from core.kv_cache import KVCache
from core.losses import cross_entropy
from core.models.gpt2 import PRESETS, Config, Model, preset
from core.randomness import stream

CONFIG = Config(vocab_size=53, n_positions=12, n_embd=16, n_layer=2, n_head=4)
IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2], [6, 5, 3, 5, 8, 9, 7], [9, 3, 2, 3, 8, 4, 6]])


def loud(config: Config = CONFIG, seed: int = 1) -> Model:
    """A model whose every parameter, biases and norms too, is far from its neutral value."""
    model = Model(config)
    model.initialise(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def dropout(rows: range = range(3), step: int = 0, seed: int = 1, p: float = 0.3) -> Dropout:
    return Dropout(seed=seed, step=step, rows=rows, p=p)


def test_shapes() -> None:
    model = loud()
    hidden = model(IDS)
    assert hidden.shape == (3, 7, 16)
    assert model.logits(hidden).shape == (3, 7, 53)
    assert model.head.shape == (53, 16)


def test_a_token_sees_only_what_came_before() -> None:
    model = loud()
    changed = IDS.clone()
    changed[:, 4] += 1
    moved = (model(IDS) - model(changed)).abs().amax(-1)  # (3, 7)
    assert (moved[:, :4] == 0).all()
    assert (moved[:, 4:] > 1e-4).all()


def test_with_and_without_gradients_it_is_the_same_function() -> None:
    model = loud()
    with torch.no_grad():
        scored = model(IDS)
    torch.testing.assert_close(model(IDS).detach(), scored, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pieces", [[7], [1] * 7, [3, 1, 3], [5, 2]])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_in_pieces_over_a_cache_it_is_the_same_function(
    pieces: list[int], mode: type[torch.no_grad] | type[torch.enable_grad]
) -> None:
    model = loud()
    with mode():
        cache = KVCache(CONFIG, batch=3)
        parts = [model(ids, cache=cache).detach() for ids in IDS.split(pieces, dim=1)]
        assert cache.length == 7
        torch.testing.assert_close(torch.cat(parts, 1), model(IDS).detach(), rtol=1e-5, atol=1e-5)


def test_a_truncated_cache_goes_on_from_there() -> None:
    model = loud()
    other = IDS.clone()
    other[:, 3:] += 7
    with torch.no_grad():
        cache = KVCache(CONFIG, batch=3, like=model.head)
        model(other, cache=cache)
        cache.truncate(3)
        rest = model(IDS[:, 3:], cache=cache)
        torch.testing.assert_close(rest, model(IDS)[:, 3:], rtol=1e-5, atol=1e-5)


def test_a_cache_cannot_keep_what_it_does_not_hold() -> None:
    cache = KVCache(CONFIG)
    for n in (-1, 1):
        with pytest.raises(ValueError, match=f"cannot keep {n} tokens of a cache that holds 0"):
            cache.truncate(n)


def test_more_tokens_than_the_context_are_refused_and_the_cache_stays() -> None:
    model = loud()
    with pytest.raises(ValueError, match="13 tokens are more than this model's context of 12"):
        model(torch.zeros(1, 13, dtype=torch.long))
    cache = KVCache(CONFIG)
    with torch.no_grad():
        model(torch.zeros(1, 12, dtype=torch.long), cache=cache)
    with pytest.raises(ValueError, match="13 tokens"):
        model(torch.zeros(1, 1, dtype=torch.long), cache=cache)
    assert cache.length == 12


def test_dropout_at_the_same_address_drops_the_same() -> None:
    model = loud()
    first = model(IDS, dropout=dropout())
    torch.rand(3)
    assert torch.equal(model(IDS, dropout=dropout()), first)


@pytest.mark.parametrize("other", [{"step": 1}, {"seed": 2}, {"rows": range(3, 6)}, {"p": 0.4}])
def test_dropout_at_another_address_drops_otherwise(other: dict[str, Any]) -> None:
    model = loud()
    there, here = model(IDS, dropout=dropout(**other)), model(IDS, dropout=dropout())
    assert ((there - here).abs().amax((1, 2)) > 1e-3).all()  # in every row


def test_every_row_drops_by_a_mask_of_its_own() -> None:
    hidden = loud()(IDS[:1].expand(3, -1), dropout=dropout())
    assert not torch.equal(hidden[0], hidden[1])
    assert not torch.equal(hidden[1], hidden[2])


def test_micro_batches_drop_what_the_whole_batch_drops() -> None:
    model = loud()
    whole = model(IDS, dropout=dropout())
    parts = [model(IDS[:2], dropout=dropout(range(2))), model(IDS[2:], dropout=dropout(range(2, 3)))]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-5, atol=1e-5)


def test_dropout_drops_at_gpt2s_four_sites_of_every_layer() -> None:
    seen: list[tuple[int, int, tuple[int, ...]]] = []

    class Watched(Dropout):
        def __call__(self, x: torch.Tensor, layer: int, site: int) -> torch.Tensor:
            seen.append((layer, site, tuple(x.shape)))
            return super().__call__(x, layer, site)

    loud()(IDS, dropout=Watched(seed=1, step=0, rows=range(3), p=0.1))
    stream_of_d, weights = (3, 7, 16), (3, 4, 7, 7)
    assert seen == [
        (0, 0, stream_of_d),
        (0, 1, weights),
        (0, 2, stream_of_d),
        (0, 3, stream_of_d),
        (1, 1, weights),
        (1, 2, stream_of_d),
        (1, 3, stream_of_d),
    ]


def test_dropout_is_zero_or_scaled_up_and_right_in_the_mean() -> None:
    x = torch.ones(20, 50, 100)
    dropped = dropout(range(20), p=0.25)(x, 0, 0)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)


def test_every_layer_and_site_drops_by_a_mask_of_its_own() -> None:
    x = torch.ones(3, 7, 16)
    masks = [dropout()(x, layer, site) for layer in range(3) for site in range(4)]
    for i, mask in enumerate(masks):
        assert not any(torch.equal(mask, other) for other in masks[:i])


def test_no_dropout_is_the_evaluation() -> None:
    model = loud()
    assert torch.equal(model(IDS, dropout=dropout(p=0.0)), model(IDS))


def test_dropout_needs_a_number_for_every_row() -> None:
    with pytest.raises(ValueError, match="2 row numbers for a batch of 3 rows"):
        loud()(IDS, dropout=dropout(range(2)))


@pytest.mark.parametrize("tie_head", [True, False])
def test_every_parameter_gets_its_gradient(tie_head: bool) -> None:
    model = loud(dataclasses.replace(CONFIG, tie_head=tie_head))
    cross_entropy(model.logits(model(IDS, dropout=dropout())), IDS).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_gradients_are_the_difference_quotients() -> None:
    model = loud().double()
    drop = dropout()

    def loss() -> torch.Tensor:
        return cross_entropy(model.logits(model(IDS, dropout=drop)), IDS)

    loss().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)).double()
        with torch.no_grad():
            parameter.add_(1e-6 * direction)
            above = loss()
            parameter.sub_(2e-6 * direction)
            below = loss()
            parameter.add_(1e-6 * direction)
        slope = (parameter.grad * direction).sum().item()
        assert ((above - below) / 2e-6).item() == pytest.approx(slope, rel=1e-4, abs=1e-7), name


def test_a_model_starts_as_zeros_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    model = Model(CONFIG)
    assert (model.logits(model(IDS)) == 0).all()
    model.initialise(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_a_function_of_the_seed() -> None:
    one, same, other = Model(CONFIG), loud(), Model(CONFIG)
    one.initialise(1)
    same.initialise(1)
    other.initialise(2)
    for (name, a), b, c in zip(one.named_parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name
        assert a.ndim < 2 or not torch.equal(a, c), name


def test_each_weight_is_drawn_from_a_stream_of_its_own_name() -> None:
    model = Model(CONFIG)
    model.initialise(9)
    drawn = stream(9, "initialise blocks.1.expand.weight").standard_normal((64, 16), dtype="float32")
    torch.testing.assert_close(model.get_parameter("blocks.1.expand.weight"), torch.from_numpy(0.02 * drawn))


def test_initial_weights_have_gpt2s_deviations() -> None:
    model = Model(Config(vocab_size=1000, n_positions=64, n_embd=64, n_layer=3, n_head=4, tie_head=False))
    model.initialise(1)
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            assert (parameter == (1 if "ln_" in name and name.endswith("weight") else 0)).all(), name
            continue
        writes = name.endswith(("attention.projection.weight", "contract.weight"))
        assert parameter.std().item() == pytest.approx(0.02 / math.sqrt(6) if writes else 0.02, rel=0.05), (
            name
        )
        assert abs(parameter.mean().item()) < 0.001, name


def test_a_fresh_model_is_about_as_good_as_a_uniform_guess() -> None:
    model = Model(Config(vocab_size=5000, n_positions=12, n_embd=64, n_layer=2, n_head=4))
    model.initialise(1)
    loss = functional.cross_entropy(model.logits(model(IDS)).flatten(0, 1), IDS.roll(-1, 1).flatten())
    assert loss.item() == pytest.approx(math.log(5000), abs=0.2)


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("small", (128, 4, 4, 64), 7_234_432),
        ("medium", (192, 4, 6, 128), 11_453_760),
        ("large", (256, 6, 8, 128), 17_637_632),
        ("124M", (768, 12, 12, 1024), 124_439_808),
    ],
)
def test_presets_are_the_sizes_they_say(name: str, shape: tuple[int, ...], parameters: int) -> None:
    config = preset(name)
    assert (config.n_embd, config.n_layer, config.n_head, config.n_positions) == shape
    assert (config.vocab_size, config.tie_head, config.qkv_bias) == (50257, True, True)
    with torch.device("meta"):
        model = Model(config)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_a_preset_takes_another_context() -> None:
    assert preset("124M", context=256) == dataclasses.replace(PRESETS["124M"], n_positions=256)


def test_an_unknown_preset_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown preset 'huge'; known: small, medium, large, 124M"):
        preset("huge")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n_embd": 10, "n_head": 4}, "n_embd 10 does not divide into 4 heads"),
        ({"n_layer": 0}, "n_layer is 0"),
        ({"vocab_size": -1}, "vocab_size is -1"),
        ({"n_positions": 0}, "n_positions is 0"),
        ({"dropout": 1.0}, "dropout is 1"),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon is 0"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**bad)
