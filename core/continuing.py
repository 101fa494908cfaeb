"""The sampling controls in a session: a text continued with them, a prediction as they leave it."""

import codecs
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from core import losses
from core.generation import Generation
from core.messages import Continued, Control, Controlled, Generate, Generated, real
from core.models.gpt2 import Model
from core.sampling import controlled
from core.text import clean
from core.tokenizer import Tokenizer


def continuation(
    model: Model,
    tokenizer: Tokenizer,
    request: Generate,
    *,
    grown: Callable[[Continued], None],
    interrupted: Callable[[], bool],
) -> Generated:
    """Continue a text. `grown` is told of every token but the last; once `interrupted`, what there is comes
    back. Raises ValueError where there is nothing to continue.
    """
    ids = tokenizer.encode_read(clean(request.text), first_token=request.first_token)
    if not ids:
        raise ValueError("there is nothing to continue: type a prompt of at least one token")
    generation = Generation(model, ids, request.sampling, request.seed)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may take several tokens
    text = ""
    tokens = 0
    while tokens < request.tokens and not interrupted():
        text += decoder.decode(tokenizer.piece(generation.step().token_id))
        tokens += 1
        if tokens < request.tokens:
            grown(Continued(generated=Generated(text=text, tokens=tokens, done=False)))
    return Generated(text=text + decoder.decode(b"", final=True), tokens=tokens, done=True)


def after_the_controls(logits: Tensor, request: Control) -> Controlled:
    """What the controls leave of one prediction: (V,) -> figures. Raises ValueError for an unknown id."""
    with torch.inference_mode():
        log_q = losses.log_probs(controlled(logits, request.sampling))  # (V,)
        return Controlled(
            left=int((log_q > -torch.inf).sum()),
            entropy=real(losses.entropy(log_q).item()),
            log_probs=tuple(map(real, log_q[_existing(request.token_ids, len(log_q))].tolist())),
        )


def _existing(token_ids: Sequence[int], n_vocab: int) -> Tensor:
    for token_id in token_ids:
        if not 0 <= token_id < n_vocab:
            raise ValueError(f"there is no token {token_id}; ids go from 0 to {n_vocab - 1}")
    return torch.tensor(token_ids, dtype=torch.long)
