"""Who trains against whom: the program and its peers, on the same batches, shapes and learning rates.

Each set-up returns work by the step; its record has the `seconds` they took and their `losses`.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable

import msgspec
import torch

from core.data import Corpus
from core.messages import Training
from core.models.gpt2 import Config, preset
from core.texts import Texts
from core.tokenizer import gpt2
from tests.bench import plain
from tests.bench.contest import Record, Work
from tests.bench.ours import fresh_run, prepare_process

NEVER = 10_000_000  # steps between validations, which are no part of a step
SIZES = {
    "d128": Training(preset="small", context=64, batch=8, evaluate_every=NEVER),
    "d192": Training(preset="medium", context=128, batch=8, evaluate_every=NEVER),
    "124M": Training(preset="124M", context=256, batch=2, dropout=0.1, evaluate_every=NEVER),
}
BOOK = "llms_from_scratch"
NO_BOOK = "the book's code is not here: pip install --no-deps llms-from-scratch"


def ours(size: str, dtype: str, warm: str = "2") -> Work:
    """The program, its products in `dtype`."""
    prepare_process()
    training = msgspec.structs.replace(SIZES[size], dtype=dtype)
    trainer = fresh_run(training).trainer
    return by_the_step(lambda: float(trainer.step().loss or 0), warm)


def nanogpt_style(size: str, warm: str = "2") -> Work:
    """Plain code."""
    torch.manual_seed(123)
    model = plain.Model(shape(SIZES[size]))
    return by_the_step(plain.Loop(model, model, corpus(SIZES[size]), SIZES[size]).step, warm)


def hugging_face(size: str, warm: str = "2") -> Work:
    """transformers' GPT-2 in the plain loop, which spares it the shift of its own loss."""
    # Not at the top: it takes seconds and memory that the other contenders are to be spared.
    transformers = importlib.import_module("transformers")
    torch.manual_seed(123)
    training = SIZES[size]
    config = shape(training)
    p = config.dropout
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.n_positions,
            n_embd=config.n_embd,
            n_layer=config.n_layer,
            n_head=config.n_head,
            resid_pdrop=p,
            embd_pdrop=p,
            attn_pdrop=p,
        )
    )
    loop = plain.Loop(model, lambda ids: model(ids, use_cache=False).logits, corpus(training), training)
    return by_the_step(loop.step, warm)


def book(size: str, warm: str = "2") -> Work:
    """The model of "Build a Large Language Model (From Scratch)" in the plain loop, its head tied."""
    torch.manual_seed(123)
    training = SIZES[size]
    config = shape(training)
    model = importlib.import_module(f"{BOOK}.ch04").GPTModel(
        {
            "vocab_size": config.vocab_size,
            "context_length": config.n_positions,
            "emb_dim": config.n_embd,
            "n_heads": config.n_head,
            "n_layers": config.n_layer,
            "drop_rate": config.dropout,
            "qkv_bias": True,
        }
    )
    model.out_head.weight = model.tok_emb.weight
    return by_the_step(plain.Loop(model, model, corpus(training), training).step, warm)


def book_is_here() -> bool:
    return importlib.util.find_spec(BOOK) is not None


def shape(training: Training) -> Config:
    """The model of a preset as the program builds it, with the training's dropout."""
    config = preset(training.preset, context=training.context)
    return Config(
        n_positions=config.n_positions,
        n_embd=config.n_embd,
        n_layer=config.n_layer,
        n_head=config.n_head,
        dropout=training.dropout,
    )


def corpus(training: Training) -> Corpus:
    """The batches the program trains on."""
    ids = Texts(gpt2()).get(training.text).ids
    return Corpus(ids, context=training.context, batch=training.batch, seed=training.seed)


def by_the_step(step: Callable[[], float], warm: str = "0") -> Work:
    """Work that does as many steps as it is asked for, after `warm` that nobody times."""

    def work(steps: float) -> Record:
        began = time.perf_counter()
        losses = [step() for _ in range(int(steps))]
        return {"seconds": time.perf_counter() - began, "losses": losses}

    work(int(warm))
    return work
