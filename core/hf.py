"""GPT-2 as Hugging Face's `transformers` writes it to disk: names, layout and config keys.

There a block's matrices are (in, out), ours (out, in); its names start with `transformer.`, though the
oldest files have them without; a tied head is left out; the qkv bias is always there.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

_MODULES = {
    "attention.qkv": "attn.c_attn",
    "attention.projection": "attn.c_proj",
    "expand": "mlp.c_fc",
    "contract": "mlp.c_proj",
}
_PREFIX = "transformer."
_HEAD = "lm_head.weight"
_BUFFER = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")  # causal masks, which old files carry along
_QKV_BIAS = re.compile(r"h\.\d+\.attn\.c_attn\.bias")

# What a config.json may change without becoming another architecture; the first is what it means by silence.
_FIXED: dict[str, tuple[object, ...]] = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}

# What a weight may be stored as; of others, such as quantised ones, the numbers are not the weights.
_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

N = TypeVar("N", int, float)


def layout(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our parameters under their names and in their shapes on disk. Views of them, not copies."""
    tensors: dict[str, Tensor] = {}
    for ours, tensor in parameters.items():
        name = _name(ours)
        tensors[name if name == _HEAD else _PREFIX + name] = _turned(ours, tensor)
        bias = ours.removesuffix("weight") + "bias"
        if ours.endswith("qkv.weight") and bias not in parameters:
            tensors[_PREFIX + _name(bias)] = torch.zeros_like(tensor[:, 0])
    return tensors


def ours(tensors: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file under the names and in the shapes of our `parameters`. Views, not copies.

    Raises ValueError for the first tensor that is missing, there twice, of another shape or kind of number
    or without a place here, for a head unlike the embedding it is tied to, and for a qkv bias that a model
    without one would lose.
    """
    given: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        bare = name.removeprefix(_PREFIX)
        if bare in given:
            raise ValueError(f"tensor {bare} is there twice, with {_PREFIX!r} in front and without")
        given[bare] = tensor
    found: dict[str, Tensor] = {}
    for our_name, parameter in parameters.items():
        name, wanted = _name(our_name), tuple(_turned(our_name, parameter).shape)
        if name not in given:
            raise ValueError(f"tensor {name} is missing; this model needs it, of shape {wanted}")
        tensor = given.pop(name)
        if tuple(tensor.shape) != wanted:
            raise ValueError(f"tensor {name} has shape {tuple(tensor.shape)}; this model needs {wanted}")
        if tensor.dtype not in _DTYPES:
            kinds = ", ".join(map(_kind, _DTYPES))
            raise ValueError(f"tensor {name} is of {_kind(tensor.dtype)}; only {kinds} can be loaded")
        found[our_name] = _turned(our_name, tensor)
    for name, tensor in given.items():
        if name == _HEAD and not torch.equal(tensor.float(), found["wte.weight"].float()):
            raise ValueError(f"tensor {name} differs from wte.weight, to which this model's head is tied")
        if _QKV_BIAS.fullmatch(name) and tensor.any():
            raise ValueError(f"tensor {name} is not zero, and this model has no qkv bias")
        if name != _HEAD and not _QKV_BIAS.fullmatch(name) and not _BUFFER.fullmatch(name):
            raise ValueError(f"tensor {name} of shape {tuple(tensor.shape)} has no place in this model")
    return found


def require_gpt2(record: Mapping[str, object]) -> None:
    """Raise ValueError where a config.json describes another computation than ours, naming the key."""
    for key, allowed in _FIXED.items():
        value = record.get(key, allowed[0])
        if value not in allowed:
            raise ValueError(f"{key} is {value!r}; only {' or '.join(map(repr, allowed))} can be loaded")
    inner = record.get("n_inner")
    if inner is not None and inner != 4 * number(record, "n_embd", int):
        raise ValueError(f"n_inner is {inner!r}; only 4 times n_embd can be loaded")


def number(record: Mapping[str, object], key: str, kind: type[N], default: N | None = None) -> N:
    """A number of a config.json. Raises ValueError where it is missing or something else."""
    value = record.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | kind):
        raise ValueError(f"{key} is {value!r}; it must be a number" if key in record else f"{key} is missing")
    return kind(value)


def _kind(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _name(ours: str) -> str:
    if not ours.startswith("blocks."):
        return ours
    _, layer, module = ours.split(".", 2)
    module, kind = module.rsplit(".", 1)
    return f"h.{layer}.{_MODULES.get(module, module)}.{kind}"


def _turned(ours: str, tensor: Tensor) -> Tensor:
    return tensor.t() if ours.startswith("blocks.") and tensor.ndim == 2 else tensor
