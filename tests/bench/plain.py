"""A GPT-2 and its training loop in the plain style of nanoGPT: what most people would write, and run.

Fused attention, full logits, the framework's own cross entropy, clipping and AdamW with their defaults. The
modules are named as those of `core.models.gpt2`, so that a state_dict of one loads into the other.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from core.data import Corpus
from core.messages import Training
from core.models.gpt2 import Config
from core.recipe import learning_rate

BETAS = (0.9, 0.95)


class Attention(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.n_head, self.p = config.n_head, config.dropout
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.projection = nn.Linear(config.n_embd, config.n_embd)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, self.n_head, d // self.n_head).transpose(1, 2)
            for part in self.qkv(x).split(d, dim=2)
        )  # (B, H, T, Dh) each
        p = self.p if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        y: Tensor = self.drop(self.projection(mixed.transpose(1, 2).reshape(b, t, d)))
        return y


class Block(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attention = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.expand = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.gelu = nn.GELU(approximate="tanh")
        self.contract = nn.Linear(4 * config.n_embd, config.n_embd)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.ln_1(x))
        y: Tensor = x + self.drop(self.contract(self.gelu(self.expand(self.ln_2(x)))))
        return y


class Model(nn.Module):
    """model(ids) gives logits: (B, T) -> (B, T, V). The head is the embedding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.drop(self.wte(ids) + self.wpe(torch.arange(ids.shape[1])))  # (B, T, D)
        for block in self.blocks:
            x = block(x)
        return functional.linear(self.ln_f(x), self.wte.weight)


class Loop:
    """The plain loop around any model; `logits(ids)` is (B, T) -> (B, T, V)."""

    def __init__(
        self, model: nn.Module, logits: Callable[[Tensor], Tensor], corpus: Corpus, training: Training
    ) -> None:
        self.model = model.train()
        self.step_count = 0
        self._logits, self._corpus, self._training = logits, corpus, training
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        vectors = [p for p in model.parameters() if p.ndim < 2]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": training.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=training.learning_rate,
            betas=BETAS,
        )

    def step(self) -> float:
        """One update; the loss of its batch before it."""
        inputs, targets = self._corpus.batch(self.step_count)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._training, self.step_count)
        loss = self._loss(inputs, targets)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(self.model.parameters(), self._training.clip)
        self._optimizer.step()
        self.step_count += 1
        return loss.item()

    @torch.no_grad()
    def validate(self) -> float:
        """The mean loss over the corpus's validation windows."""
        self.model.eval()
        batches = list(self._corpus.validation_batches())
        total = sum(self._loss(inputs, targets).item() * len(inputs) for inputs, targets in batches)
        self.model.train()
        return total / sum(len(inputs) for inputs, _ in batches)

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(self._logits(inputs).flatten(0, 1), targets.flatten())
