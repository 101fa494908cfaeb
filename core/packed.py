"""Weights in 8 bits: what a model's matrices are shipped as, and how they are read.

In a packed model.safetensors a matrix (r, c) is an int8 tensor of that name and shape and a float32 tensor
`<name>.scale` of (r, 1): the weight is their product, and the scale of a row is its largest magnitude / 127.
Vectors, the gains and biases, stay float32. That is 1 byte a weight and, rounding within 1/254 of a row's
largest, next to no loss; what it costs a model is measured where the model is described.

`python -m core.packed FOLDER NEW` packs a model folder, such as a checkpoint, into a new one.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

SCALE = ".scale"
_LARGEST = 127


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by name as they are shipped."""
    made: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2:
            made[name] = tensor.float().contiguous()
            continue
        scale = tensor.float().abs().amax(1, keepdim=True).clamp(min=1e-12) / _LARGEST  # (r, 1)
        made[name] = (tensor / scale).round().to(torch.int8).contiguous()  # (r, c)
        made[name + SCALE] = scale.contiguous()
    return made


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse, up to rounding; tensors that are not packed come back as they are.

    Raises ValueError for a scale that does not fit its matrix.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE) and name.removesuffix(SCALE) in tensors:
            continue
        scale = tensors.get(name + SCALE)
        if scale is None:
            found[name] = tensor
            continue
        if tensor.dtype != torch.int8 or scale.dtype != torch.float32 or scale.shape != (len(tensor), 1):
            raise ValueError(
                f"tensor {name} of {tensor.dtype} and shape {tuple(tensor.shape)} does not go with a scale "
                f"of {scale.dtype} and shape {tuple(scale.shape)}"
            )
        found[name] = tensor * scale
    return found


def main() -> None:
    """Pack the model folder of the first argument into a new folder, the second."""
    from core.shards import WEIGHTS, tensors_of  # which knows this module

    source, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True)
    save_file(packed(unpacked(tensors_of(source))), target / WEIGHTS, metadata={"format": "pt"})
    shutil.copy(source / "config.json", target)


if __name__ == "__main__":
    main()
