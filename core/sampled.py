"""A part of the vocabulary to estimate a cross entropy over: the frequent tokens and a draw of the rest.

The loss of a prediction is log Z - l_y with Z the sum of exp(l_v) over the whole vocabulary, and most of a
small model's training time goes into that sum. Here Z is estimated (Bengio and Senecal 2008)

    Z  ~  sum of exp(l_v) over v in S  +  |rest| / |R| * sum of exp(l_v) over v in R

S holds the most frequent tokens of the training text and all targets of the step's batch; R is drawn without
replacement from the rest. Given the targets the estimate of Z is without bias; its logarithm, and so the
loss, is low by about half the estimate's relative variance. The factor goes into the sum as a bias of
log(|rest| / |R|) on the logits of R.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.randomness import stream

FREQUENT_SHARE = 0.5  # of the sample; the rest of it is drawn


class Sample(NamedTuple):
    """Ids (S + R,) int64, ascending, and what is added to their logits, (S + R,) float32."""

    ids: Tensor
    bias: Tensor

    def places(self, targets: Tensor) -> Tensor:
        """Where in `ids` the targets stand, all of which are among them: (N,) int64 -> (N,) int64."""
        return torch.searchsorted(self.ids, targets)


class SampledVocabulary:
    """Samples of `size` tokens, and the batch's targets beside them; every draw addressed by (seed, step)."""

    def __init__(self, counts: NDArray[np.int64], size: int, seed: int) -> None:
        """counts (V,): how often each token stands in the training text."""
        self._seed = seed
        self._n_vocab = len(counts)
        frequent = int(size * FREQUENT_SHARE)
        self._n_drawn = size - frequent
        self._kept = np.zeros(len(counts), dtype=bool)
        self._kept[np.argsort(-counts, kind="stable")[:frequent]] = True

    def sample(self, step: int, targets: Tensor) -> Sample | None:
        """The sample of a step with these targets; None where it would be the whole vocabulary."""
        taken = self._kept.copy()
        taken[targets.numpy().reshape(-1)] = True
        rest = np.flatnonzero(~taken)
        if len(rest) <= self._n_drawn:
            return None
        drawn = stream(self._seed, "vocabulary", step).choice(rest, self._n_drawn, replace=False)
        bias = np.zeros(self._n_vocab, dtype=np.float32)
        bias[drawn] = math.log(len(rest) / self._n_drawn)
        taken[drawn] = True
        ids = np.flatnonzero(taken)
        return Sample(torch.from_numpy(ids), torch.from_numpy(bias[ids]))
