"""GPT-2: learned positions, pre-norm blocks, tanh GELU; ids in, hidden states out.

B batch, T tokens, D embedding, H heads, Dh = D / H, L layers, C context, V vocabulary, S tokens so far.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core import hf
from core.dropout import ATTENTION_OUTPUT, ATTENTION_WEIGHTS, EMBEDDING, MLP_OUTPUT, Dropout
from core.kv_cache import KVCache
from core.linear import linear
from core.randomness import drop_256ths, stream

_SIZES = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head")  # alike here and in a config.json
INITIAL_STD = 0.02  # of every matrix, Radford et al. 2019


@dataclass(frozen=True, kw_only=True)
class Config:
    """The shape of a GPT-2. Raises ValueError where its numbers do not fit together."""

    vocab_size: int = 50257
    n_positions: int = 64
    n_embd: int = 128
    n_layer: int = 4
    n_head: int = 4
    tie_head: bool = True
    qkv_bias: bool = True
    dropout: float = 0.0
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} does not divide into {self.n_head} heads")
        if not self.layer_norm_epsilon > 0:
            raise ValueError(f"layer_norm_epsilon is {self.layer_norm_epsilon:g}; it must be above 0")
        drop_256ths(self.dropout)

    @classmethod
    def from_hf(cls, record: Mapping[str, object]) -> "Config":
        """The config in a Hugging Face config.json. Raises ValueError for what this model cannot be."""
        hf.require_gpt2(record)
        return cls(
            **{name: hf.number(record, name, int) for name in _SIZES},
            tie_head=bool(record.get("tie_word_embeddings", True)),
            qkv_bias=bool(record.get("qkv_bias", True)),
            dropout=hf.number(record, "resid_pdrop", float, 0.1),
            layer_norm_epsilon=hf.number(record, "layer_norm_epsilon", float, 1e-5),
        )


PRESETS: Mapping[str, Config] = {
    "small": Config(n_embd=128, n_layer=4, n_head=4, n_positions=64),
    "medium": Config(n_embd=192, n_layer=4, n_head=6, n_positions=128),
    "large": Config(n_embd=256, n_layer=6, n_head=8, n_positions=128),
    "124M": Config(n_embd=768, n_layer=12, n_head=12, n_positions=1024),
}


def preset(name: str, context: int | None = None) -> Config:
    """A named size, with its own context or another one. Raises ValueError, naming the choices."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    config = PRESETS[name]
    return config if context is None else dataclasses.replace(config, n_positions=context)


class Linear(nn.Module):
    """x @ weight.T + bias, starting at zero: what it holds is drawn by address or loaded, never left over."""

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)  # (..., n_in) -> (..., n_out)


class Attention(nn.Module):
    """Causal self-attention over H heads."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.n_head = config.n_head
        self.qkv = Linear(config.n_embd, 3 * config.n_embd, bias=config.qkv_bias)
        self.projection = Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor, mask: Tensor, cache: KVCache | None, dropout: Dropout | None) -> Tensor:
        b, t, d = x.shape
        heads = self.qkv(x).view(b, t, 3, self.n_head, d // self.n_head)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # (B, H, T, Dh) each
        if cache is not None:
            keys, values = cache.extend(self.layer, keys, values)  # (B, H, S, Dh)
        # With gradients SDPA's backward takes twice as long on a CPU, and it would drop by masks of its own.
        if torch.is_grad_enabled() or dropout is not None:
            mixed = self._mixed(queries, keys, values, mask, dropout)
        else:
            seen = None if t == 1 else mask  # a single token sees all there is
            mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        y: Tensor = self.projection(mixed.transpose(1, 2).reshape(b, t, d))
        return y if dropout is None else dropout(y, self.layer, ATTENTION_OUTPUT)

    def _mixed(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, dropout: Dropout | None
    ) -> Tensor:
        b, h, t, head_dim = queries.shape
        s = keys.shape[2]
        flat = (queries.reshape(b * h, t, head_dim), keys.reshape(b * h, s, head_dim).transpose(1, 2))
        scores = torch.baddbmm(mask.expand(b * h, t, s), *flat, alpha=head_dim**-0.5)  # (B * H, T, S)
        weights = scores.softmax(-1).view(b, h, t, s)  # (B, H, T, S)
        if dropout is not None:
            weights = dropout(weights, self.layer, ATTENTION_WEIGHTS)
        return weights @ values  # (B, H, T, Dh)


class Block(nn.Module):
    """Attention, then a two-layer perceptron, each on the normalised stream and added to it."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attention = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.expand = Linear(config.n_embd, 4 * config.n_embd)
        self.contract = Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor, mask: Tensor, cache: KVCache | None, dropout: Dropout | None) -> Tensor:
        x = x + self.attention(self.ln_1(x), mask, cache, dropout)  # (B, T, D)
        y = self.contract(functional.gelu(self.expand(self.ln_2(x)), approximate="tanh"))  # (B, T, D)
        return x + (y if dropout is None else dropout(y, self.layer, MLP_OUTPUT))


class Model(nn.Module):
    """model(ids) gives hidden states, model.logits(hidden) what they predict.

    Its weights are zeros at first: follow with `initialise(seed)` or `from_hf(tensors)`. For a large model
    start from `unfilled(config)`, which writes no zeros.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        v, c, d = config.vocab_size, config.n_positions, config.n_embd
        self.wte = nn.Embedding(v, d, _weight=torch.zeros(v, d))
        self.wpe = nn.Embedding(c, d, _weight=torch.zeros(c, d))
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.ln_f = nn.LayerNorm(d, eps=config.layer_norm_epsilon)
        if not config.tie_head:
            self.lm_head = Linear(d, v, bias=False)

    @classmethod
    def unfilled(cls, config: Config) -> "Model":
        """The shapes alone, on torch's meta device; `initialise` or `from_hf` take the memory and fill it."""
        with torch.device("meta"):
            return cls(config)

    @property
    def head(self) -> Tensor:
        """The matrix (V, D) that turns hidden states into logits: the embedding itself where tied."""
        return self.wte.weight if self.config.tie_head else self.lm_head.weight

    def forward(self, ids: Tensor, *, cache: KVCache | None = None, dropout: Dropout | None = None) -> Tensor:
        """Hidden states after the last norm: (B, T) int64 -> (B, T, D).

        With a cache, `ids` go on from what it holds, and it holds them too afterwards. Without `dropout`
        nothing is dropped. Raises ValueError for more tokens than the context has.
        """
        past = 0 if cache is None else cache.length
        end = past + ids.shape[1]
        if end > self.config.n_positions:
            raise ValueError(f"{end} tokens are more than this model's context of {self.config.n_positions}")
        # Into a gradient that is there already only the rows looked up are added, not a matrix of zeros more.
        sparse = self.wte.weight.grad is not None and torch.is_grad_enabled()
        x = functional.embedding(ids, self.wte.weight, sparse=sparse) + self.wpe.weight[past:end]  # (B, T, D)
        if dropout is not None:
            x = dropout(x, 0, EMBEDDING)
        mask = torch.full((end - past, end), -math.inf, device=x.device, dtype=x.dtype).triu(
            past + 1
        )  # (T, S)
        for block in self.blocks:
            x = block(x, mask, cache, dropout)  # (B, T, D)
        if cache is not None:
            cache.length = end
        hidden: Tensor = self.ln_f(x)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return linear(hidden, self.head)

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Draw the weights as GPT-2 does: each from a stream addressed by the parameter's name.

        Normal with deviation 0.02, over sqrt(2 L) where a block writes into the stream; no biases.
        """
        for name, parameter in self._in_memory().items():
            if parameter.ndim < 2:
                parameter.fill_(1.0 if re.search(r"ln_\w\.weight$", name) else 0.0)
                continue
            writes = name.endswith(("projection.weight", "contract.weight"))
            std = INITIAL_STD / math.sqrt(2 * self.config.n_layer) if writes else INITIAL_STD
            draws = stream(seed, f"initialise {name}")
            drawn = parameter.detach().cpu()  # on a CPU the parameter's own memory: no copy of it is made
            draws.standard_normal(out=drawn.numpy(), dtype="float32")
            parameter.copy_(drawn.mul_(std))

    def _in_memory(self) -> dict[str, nn.Parameter]:
        """The parameters by name; of an unfilled model those that take its place, with anything in them."""
        if self.wte.weight.is_meta:
            self.to_empty(device="cpu")
        return dict(self.named_parameters())

    def to_hf(self) -> dict[str, Tensor]:
        """Copies of the weights as `GPT2LMHeadModel` has them on disk; a tied head is not among them."""
        layout = self.hf_layout({name: p.detach() for name, p in self.named_parameters()})
        return {name: t.clone(memory_format=torch.contiguous_format) for name, t in layout.items()}

    def hf_layout(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Such parameters as this model's, by name, under Hugging Face's names and in its shapes; views."""
        return hf.layout(parameters)

    @torch.no_grad()
    def from_hf(self, tensors: Mapping[str, Tensor]) -> "Model":
        """Copy in the weights of a `GPT2LMHeadModel` or `GPT2Model`; returns this model.

        Raises ValueError, before anything is changed, for a tensor missing, unknown or of another shape.
        """
        found = hf.ours(tensors, dict(self.named_parameters()))
        parameters = self._in_memory()  # only now: sizes that fit no tensor of a file take no memory
        for name, tensor in found.items():
            parameters[name].copy_(tensor)
        return self

    def hf_config(self) -> dict[str, object]:
        """The config.json that goes with `to_hf()`. `qkv_bias` is ours; transformers keeps and ignores it."""
        config = self.config
        return {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "activation_function": "gelu_new",
            **{name: getattr(config, name) for name in _SIZES},
            "layer_norm_epsilon": config.layer_norm_epsilon,
            "embd_pdrop": config.dropout,
            "attn_pdrop": config.dropout,
            "resid_pdrop": config.dropout,
            "initializer_range": INITIAL_STD,
            "tie_word_embeddings": config.tie_head,
            "qkv_bias": config.qkv_bias,
        }
