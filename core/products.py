"""In which precision matrix products are made: float32, or bfloat16 with float32 sums where that pays."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch

Products = Literal["float32", "bfloat16"]


def bfloat16_pays() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX-512 BF16 or AMX); elsewhere it is slower."""
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def chosen(wish: str) -> Products:
    """The precision for a wish: "auto" goes by the CPU. Raises ValueError, naming the choices."""
    match wish:
        case "auto":
            return "bfloat16" if bfloat16_pays() else "float32"
        case "float32" | "bfloat16":
            return wish
    raise ValueError(f"unknown dtype {wish!r}; known: auto, float32, bfloat16")


def body(precision: Products) -> AbstractContextManager[None]:
    """Within this block the products of a model are made in `precision`, and what they give stays in it.

    Weights, the residual stream and the norms stay float32. Not for the head: its logits are to be float32.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


@contextmanager
def products(precision: Products) -> Iterator[None]:
    """Within this block, float32 matrix products round their inputs to `precision`; weights, sums and
    results stay float32. Outside of it they are exact float32."""
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16" if precision == "bfloat16" else "ieee"
    try:
        yield
    finally:
        matmul.fp32_precision = before


@contextmanager
def exactly() -> Iterator[None]:
    """Without gradients and in float32, also in the middle of a training step that multiplies in bfloat16."""
    with torch.inference_mode(), body("float32"), products("float32"):
        yield
