"""Chapter 5 of Raschka's "Build a Large Language Model (From Scratch)": its network and its training run.

All its numbers come from one generator, seeded once: first the weights, in the order in which the modules
are made, then whatever the run draws, in the order in which it draws it. So every evaluation moves what
follows, and a run is the book's only with the book's evaluations. Where the book uses PyTorch's global
generator this is one of our own, which draws the same; nothing else in the process can get in between.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.data import unigram_entropy, window_count
from core.dropout import Dropout
from core.messages import Training
from core.models.gpt2 import Config, Linear, Model
from core.recipe import Evaluation, Total
from core.sampled import Sample
from core.tokenizer import Tokenizer

SHAPE = Config(
    n_positions=256, n_embd=768, n_layer=12, n_head=12, tie_head=False, qkv_bias=False, dropout=0.1
)
EVALUATION_BATCHES = 5  # of either part, at most
OVERVIEW_TOKENS = 8192  # of either part, at most, before the first step
TRAINING_SHARE = 0.9  # of the characters

_BETAS = (0.9, 0.999)

Batch = tuple[Tensor, Tensor]


@torch.no_grad()
def initialise(model: Model, generator: torch.Generator) -> None:
    """Draw the weights as PyTorch's modules do by themselves, one after the other.

    Embeddings normal, matrices and biases uniform within 1 / sqrt(inputs).
    """
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=generator)
        elif isinstance(module, nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(module, Linear):
            # The rows of queries, keys and values, one matrix here, are drawn in this order in the book.
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight.shape[1])
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)


class BookDropout:
    """Dropout whose masks come one after the other from a generator, as `nn.Dropout` draws them."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        self._p = p
        self._generator = generator

    def __call__(self, x: Tensor, layer: int, site: int) -> Tensor:
        keep = torch.empty_like(x).bernoulli_(1 - self._p, generator=self._generator)
        return x * keep.div_(1 - self._p)


class BookCorpus:
    """A text cut at 90 % of its characters, either part in windows side by side from its first token on."""

    def __init__(self, token_ids: NDArray[np.integer], training: Training, tokenizer: Tokenizer) -> None:
        """token_ids (n,). Raises ValueError for a text without a whole batch to train on."""
        self.n_tokens = len(token_ids)
        text = tokenizer.decode(token_ids.tolist()).decode()
        border = int(TRAINING_SHARE * len(text))
        self._context, self._batch = training.context, training.batch
        self._train, self._validation = (
            torch.from_numpy(tokenizer.encode_array(part).astype(np.int64))
            for part in (text[:border], text[border:])
        )
        self.train_windows = window_count(len(self._train), self._context)
        self.validation_windows = window_count(len(self._validation), self._context)
        if not self.train_batches:
            raise ValueError(
                f"the text has {len(self._train)} tokens to train on, and a batch of {self._batch} windows "
                f"of {self._context} needs {self._batch * self._context + 1}"
            )

    def in_batches(self, batch: int) -> "BookCorpus":
        """The same windows in batches of another size. Raises ValueError where there is no whole one."""
        if batch > self.train_windows:
            raise ValueError(
                f"the text has {self.train_windows} windows to train on, and a batch is to have {batch}"
            )
        other = copy.copy(self)
        other._batch = batch
        return other

    @property
    def train_batches(self) -> int:
        """A short one at the end is left out."""
        return self.train_windows // self._batch

    @property
    def training(self) -> NDArray[np.integer]:
        """The tokens that train (n,)."""
        return self._train.numpy()

    def unigram_entropy(self) -> float:
        """The entropy in nats of the training part's token frequencies: the loss of knowing only those."""
        return unigram_entropy(self.training)

    def training_batch(self, index: int, order: Sequence[int]) -> Batch:
        """A batch of the training windows in this order: two of (b, n) int64."""
        return self._inputs_and_targets(self._train, order[index * self._batch : (index + 1) * self._batch])

    def validation_batch(self, index: int) -> Batch:
        """A batch of the validation windows in the text's order; the last one may be shorter."""
        first = index * self._batch
        last = min(first + self._batch, self.validation_windows)
        return self._inputs_and_targets(self._validation, range(first, last))

    @property
    def validation_batches(self) -> int:
        return -(-self.validation_windows // self._batch)

    def _inputs_and_targets(self, ids: Tensor, windows: Sequence[int]) -> Batch:
        starts = [window * self._context for window in windows]
        rows = torch.stack([ids[start : start + self._context + 1] for start in starts])  # (b, n + 1)
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


class BookRecipe:
    """The book's run. `generator` stands where drawing the weights has left it, and belongs to the run."""

    def __init__(self, corpus: BookCorpus, training: Training, generator: torch.Generator) -> None:
        self.corpus = corpus
        self._training = training
        self._generator = generator
        self._order = torch.empty(0, dtype=torch.int64)  # of the windows in the present epoch

    def configured(self, training: Training) -> "BookRecipe":
        other = BookRecipe(self.corpus.in_batches(training.batch), training, self._generator)
        other._order = self._order
        return other

    def batch(self, step: int) -> Batch:
        place = step % self.corpus.train_batches
        if place == 0 or not len(self._order):
            self._order = self._shuffled()
        return self.corpus.training_batch(place, self._order.tolist())

    def leave_out(self, step: int) -> None:
        if step % self.corpus.train_batches == 0:
            self._order = self._order[:0]  # the epoch's is drawn with its next batch

    def rows_at_once(self, tokens: int) -> int:
        return self._training.batch  # a mask is drawn for the whole batch

    def dropout(self, step: int, first: int, n_rows: int) -> Dropout | None:
        return BookDropout(self._training.dropout, self._generator) if self._training.dropout else None

    def sample(self, step: int, targets: Tensor) -> Sample | None:
        return None

    def groups(self, model: Model) -> list[dict[str, Any]]:
        """Weight decay on everything, and the optimizer as it comes."""
        decay = self._training.weight_decay
        return [{"params": list(model.parameters()), "weight_decay": decay, "betas": _BETAS}]

    def learning_rate(self, update: int) -> float:
        """The same all the time, after a warm-up if one was asked for."""
        return self._training.learning_rate * min(1.0, (update + 1) / max(1, self._training.warmup))

    def evaluation(self, step: int, total: Total) -> Evaluation | None:
        """After the first step and every so many steps from there: the first batches of a new shuffle."""
        if (step - 1) % self._training.evaluate_every:
            return None
        order = self._shuffled().tolist()
        if self.corpus.validation_batches:
            self._draw()  # the iterator over the validation windows makes itself a seed, too
        training = min(EVALUATION_BATCHES, self.corpus.train_batches)
        return Evaluation(
            _mean([self.corpus.training_batch(i, order) for i in range(training)], total),
            self.validated(total),
        )

    def validated(self, total: Total) -> float | None:
        """The mean of an evaluation's batches; the overview before the first step goes over more of them."""
        validation = min(EVALUATION_BATCHES, self.corpus.validation_batches)
        return _mean([self.corpus.validation_batch(i) for i in range(validation)], total)

    def overview(self, total: Total) -> Evaluation:
        """Over all batches in the text's order, or, of a long text, over some spread evenly."""
        windows = range(self.corpus.train_windows)
        tokens = self._training.batch * self._training.context
        training = _spread(self.corpus.train_batches, tokens)
        validation = _spread(self.corpus.validation_batches, tokens)
        return Evaluation(
            _mean([self.corpus.training_batch(i, windows) for i in training], total),
            _mean([self.corpus.validation_batch(i) for i in validation], total),
        )

    def state(self) -> dict[str, Tensor]:
        return {"generator": self._generator.get_state(), "order": self._order.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        if state.keys() != {"generator", "order"}:
            raise ValueError("the state of the generator is missing, without which this run cannot go on")
        self._generator.set_state(state["generator"].clone())
        self._order = state["order"].clone()

    def _shuffled(self) -> Tensor:
        """An order of the training windows as a new iterator of a shuffling `DataLoader` draws it."""
        self._draw()  # a seed for workers, of which there are none
        shuffle = torch.Generator().manual_seed(self._draw())
        return torch.randperm(self.corpus.train_windows, generator=shuffle)

    def _draw(self) -> int:
        return int(torch.empty((), dtype=torch.int64).random_(generator=self._generator))


def _spread(batches: int, tokens: int) -> range:
    """The indices of so many batches that they have OVERVIEW_TOKENS at most, at `tokens` each."""
    return range(0, batches, max(1, math.ceil(batches * tokens / OVERVIEW_TOKENS)))


def _mean(batches: Sequence[Batch], total: Total) -> float | None:
    """The mean of the batches' means, a shorter one counting as much, as the book has it."""
    means = [total(inputs, targets) / targets.numel() for inputs, targets in batches]
    return sum(means) / len(means) if means else None
