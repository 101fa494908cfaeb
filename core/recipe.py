"""What a trainer goes by: batches, dropout, rates, evaluations, and what of them a snapshot has to hold."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from core.data import Corpus
from core.dropout import AddressedDropout, Dropout
from core.messages import Training
from core.models.gpt2 import Model
from core.sampled import Sample, SampledVocabulary

VALIDATION_TOKENS = 8192  # at most, spread evenly over the validation part
FINAL_RATE = 0.1  # of the peak learning rate, at the end of the schedule

WHOLE_SHARE = 0.1  # of the scheduled steps, at the end, in which a sampled vocabulary is the whole one
MOMENTUM = 0.95  # Muon's

_BETAS = (0.9, 0.95)

Total = Callable[[Tensor, Tensor], float]  # the summed surprisal in nats of inputs and targets (b, n)


class Evaluation(NamedTuple):
    """Mean surprisals in nats, without dropout; None where there is nothing of the kind to measure."""

    training: float | None
    validation: float | None


class Recipe(Protocol):
    """How a run is made.

    A trainer asks for every step's batch once, in order, before the step's dropout, or leaves it out.
    """

    def configured(self, training: Training) -> "Recipe":
        """The recipe of the same run where it goes on with another configuration; it draws as this one would.

        Raises ValueError for one that the text is too short for.
        """

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a 0-based step: two of (b, n) int64."""

    def leave_out(self, step: int) -> None:
        """The batch of this step is not asked for: something else takes its place, and nothing is drawn."""

    def rows_at_once(self, tokens: int) -> int:
        """How many rows of a batch go through the model together where `tokens` tokens are wished for."""

    def dropout(self, step: int, first: int, n_rows: int) -> Dropout | None:
        """The masks of `n_rows` rows of a step's batch from `first` on; None where nothing is dropped."""

    def sample(self, step: int, targets: Tensor) -> Sample | None:
        """The part of the vocabulary that a step's loss is estimated over; None for all of it."""

    def groups(self, model: Model) -> list[dict[str, Any]]:
        """The parameters as `Optimizer` takes them: in groups with a weight decay, and betas or momentum."""

    def learning_rate(self, update: int) -> float:
        """The learning rate of the update-th update (0-based)."""

    def evaluation(self, step: int, total: Total) -> Evaluation | None:
        """The evaluation that is due after `step` updates; None where none is."""

    def overview(self, total: Total) -> Evaluation:
        """An evaluation outside of the run, such as before its first step: it moves nothing of the run."""

    def validated(self, total: Total) -> float | None:
        """The mean over the windows that an evaluation validates on; it moves nothing of the run."""

    def state(self) -> dict[str, Tensor]:
        """Copies of what batches and masks depend on beside the step; nothing where that is all."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`. Raises ValueError for a state of another recipe."""


class Addressed:
    """Every draw a function of (seed, step); a warm-up, then a linear fall; decay on matrices only."""

    def __init__(self, corpus: Corpus, training: Training) -> None:
        self.corpus = corpus
        self._training = training
        every = math.ceil(corpus.validation_windows * corpus.context / VALIDATION_TOKENS)
        self._vocabulary: SampledVocabulary | None = None
        if training.vocabulary_sample > 0:
            counts = corpus.counts()
            self._vocabulary = SampledVocabulary(counts, training.vocabulary_sample, training.seed)
        self._validation = list(corpus.validation_batches(max(1, every)))

    def configured(self, training: Training) -> "Addressed":
        return Addressed(self.corpus.in_batches(training.batch), training)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        return self.corpus.batch(step)

    def leave_out(self, step: int) -> None:
        pass  # no other batch depends on it

    def rows_at_once(self, tokens: int) -> int:
        return max(1, tokens // self._training.context)

    def dropout(self, step: int, first: int, n_rows: int) -> Dropout | None:
        training = self._training
        if not training.dropout:
            return None
        row = step * training.batch + first
        return AddressedDropout(
            seed=training.seed, step=step, rows=range(row, row + n_rows), p=training.dropout
        )

    def sample(self, step: int, targets: Tensor) -> Sample | None:
        """As the configuration has it, until the last tenth of the schedule, which goes over all tokens."""
        if self._vocabulary is None or step >= self._training.steps * (1 - WHOLE_SHARE):
            return None
        return self._vocabulary.sample(step, targets)

    def groups(self, model: Model) -> list[dict[str, Any]]:
        """Weight decay on matrices only, as GPT-2's trainings do; Muon for those between the embeddings."""
        every = list(model.parameters())
        muon = self._training.optimizer == "muon"
        hidden = {p for p in model.blocks.parameters() if p.ndim == 2} if muon else set()
        matrices = [p for p in every if p.ndim >= 2 and p not in hidden]
        decay = {"weight_decay": self._training.weight_decay}
        groups: list[dict[str, Any]] = [
            {"params": matrices, "betas": _BETAS, **decay},
            {"params": [p for p in every if p.ndim < 2], "betas": _BETAS, "weight_decay": 0.0},
        ]
        if hidden:
            groups.append({"params": [p for p in every if p in hidden], "momentum": MOMENTUM, **decay})
        return groups

    def learning_rate(self, update: int) -> float:
        return learning_rate(self._training, update)

    def evaluation(self, step: int, total: Total) -> Evaluation | None:
        return None if step % self._training.evaluate_every else self.overview(total)

    def overview(self, total: Total) -> Evaluation:
        """The same validation windows at every step."""
        return Evaluation(training=None, validation=self.validated(total))

    def validated(self, total: Total) -> float | None:
        count = sum(targets.numel() for _, targets in self._validation)
        summed = sum(total(inputs, targets) for inputs, targets in self._validation)
        return summed / count if count else None

    def state(self) -> dict[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        if state:
            raise ValueError(f"a run of addressed draws keeps no {', '.join(state)}")


def learning_rate(training: Training, update: int) -> float:
    """The learning rate of the update-th update (0-based): a linear warm-up, then linear to a tenth.

    After the scheduled steps it stays as it is, so that extending a run changes nothing in its past.
    """
    update = min(update, training.steps - 1)
    warmup = min(training.warmup, training.steps)
    if update < warmup:
        return training.learning_rate * (update + 1) / warmup
    done = (update - warmup + 1) / (training.steps - warmup)  # 1 at the last scheduled update
    return training.learning_rate * (1 - (1 - FINAL_RATE) * done)
