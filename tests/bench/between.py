"""A model between two of one shape: `python -m tests.bench.between FIRST SECOND SHARE NEW`.

Each weight is (1 - SHARE) of the first model's and SHARE of the second's. It is of use where the second went
on from the first a little way; far apart, the middle of two models is worse than either.
"""

import shutil
from pathlib import Path

from safetensors.torch import save_file

from core.shards import WEIGHTS, tensors_of
from tests.bench.contest import options


def main() -> None:
    words = options(__doc__)
    words.add_argument("first", type=Path)
    words.add_argument("second", type=Path)
    words.add_argument("share", type=float)
    words.add_argument("new", type=Path)
    given = words.parse_args()
    first, second = tensors_of(given.first), tensors_of(given.second)
    given.new.mkdir(parents=True)
    between = {name: tensor.lerp(second[name], given.share) for name, tensor in first.items()}
    save_file(between, given.new / WEIGHTS, metadata={"format": "pt"})
    shutil.copy(given.first / "config.json", given.new)


if __name__ == "__main__":
    main()
