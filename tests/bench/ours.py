"""Our side of every contest: the program's own code in a process set up as the engine's is."""

import importlib
from collections.abc import Callable

from torch import Tensor

from core import messages as m
from core.chunked import linear_cross_entropy
from core.opening import Opened, opened
from core.products import Products, bfloat16_pays, products
from core.texts import Texts
from core.tokenizer import gpt2

PROCESS_SETTINGS = (("core.engine", "prepare_process"), ("core.allocator", "tune"))  # the first there is


def prepare_process() -> None:
    """Whatever the engine sets in its process before it works; nothing where it sets nothing."""
    for module, name in PROCESS_SETTINGS:
        try:
            prepare: Callable[[], object] | None = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError:
            continue
        if prepare is not None:
            prepare()
            return


def fresh_run(training: m.Training) -> Opened:
    """A fresh model with a run set up on it, by the way the engine takes."""
    return opened(m.Open(training=training), Texts(gpt2()), lambda: None)


def loss_and_gradients(hidden: Tensor, head: Tensor, targets: Tensor, precision: Products) -> Tensor:
    """The mean surprisal at the targets; its gradients are added to those of `hidden` and `head`."""
    with products(precision):
        loss = linear_cross_entropy(hidden, head, targets, precision)
        loss.backward()
    return loss.detach()


def precisions() -> list[Products]:
    """What this processor has reason to compute in: the program's own choice first."""
    return ["bfloat16", "float32"] if bfloat16_pays() else ["float32"]
