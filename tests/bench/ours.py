"""Our side of every contest: the program's own code in a process set up as the engine's is."""

import torch
from torch import Tensor

from core import chunked
from core import messages as m
from core.allocator import keep_freed_memory
from core.hub import Hub
from core.opening import Means, Opened, opened
from core.products import Products, bfloat16_pays, products
from core.texts import Texts
from core.tokenizer import gpt2


def prepare_process() -> None:
    """What the engine sets in its process before it works."""
    keep_freed_memory()


def fresh_run(training: m.Training) -> Opened:
    """A fresh model with a run set up on it, by the way the engine takes."""
    hub = Hub(lambda progress: None, lambda: False)
    return opened(m.Open(training=training), Means(texts=Texts(gpt2()), hub=hub, between=lambda: None))


def loss_and_gradients(hidden: Tensor, head: Tensor, targets: Tensor, precision: Products) -> Tensor:
    """The mean surprisal at the targets; the gradients of `hidden` and `head` are made anew."""
    head.grad = torch.zeros_like(head)
    with products(precision):
        loss, hidden.grad = chunked.loss_and_gradients(
            hidden.detach(), head.detach(), targets, head.grad, precision, total=len(targets)
        )
    return loss


def precisions() -> list[Products]:
    """What this processor has reason to compute in: the program's own choice first."""
    return ["bfloat16", "float32"] if bfloat16_pays() else ["float32"]
