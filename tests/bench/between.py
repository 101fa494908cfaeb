"""A model between two of one shape: `python -m tests.bench.between FIRST SECOND SHARE NEW`.

Each weight is (1 - SHARE) of the first model's and SHARE of the second's. It is of use where the second went
on from the first a little way; far apart, the middle of two models is worse than either.
"""

from pathlib import Path

from core.checkpoint import load_model, save_model
from tests.bench.contest import options


def main() -> None:
    words = options(__doc__)
    words.add_argument("first", type=Path)
    words.add_argument("second", type=Path)
    words.add_argument("share", type=float)
    words.add_argument("new", type=Path)
    given = words.parse_args()
    first, second = load_model(given.first), load_model(given.second).to_hf()
    given.new.mkdir(parents=True)
    between = {name: tensor.lerp(second[name], given.share) for name, tensor in first.to_hf().items()}
    save_model(first, between, given.new)


if __name__ == "__main__":
    main()
