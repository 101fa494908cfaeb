"""One prediction of any text, with its logits."""

import torch

from core import losses
from core.candidates import candidates
from core.messages import Predict, Predicted, Token, real
from core.models.gpt2 import Model
from core.products import exactly
from core.scoring import Scorer
from core.text import clean
from core.tokenizer import Tokenizer


def predicted(model: Model, tokenizer: Tokenizer, request: Predict, step: int) -> Predicted:
    """What the model of a step says. Raises ValueError for no text and for a position it does not have."""
    ids = tokenizer.encode_read(clean(request.text), first_token=request.first_token)
    if not ids:
        raise ValueError("there is nothing to predict from: type a prompt of at least one token")
    position = len(ids) - 1 if request.position is None else request.position
    # A reading of its own: the scored text is read further with the next key.
    logits = Scorer(model, tokenizer).logits_at(ids, position)  # (V,)
    with exactly():
        top = logits.topk(min(request.top_k, len(logits))).indices  # (k,)
        left = logits.double()
        left[top] = -torch.inf
        return Predicted(
            step=step,
            prefix=tuple(Token(token_id=i, piece=tokenizer.piece(i)) for i in ids[: position + 1]),
            entropy=real(losses.entropy(logits).item()),
            top=tuple(candidates(logits, top, tokenizer)),
            logits=tuple(map(real, logits[top].tolist())),
            others=real(left.logsumexp(-1).item()),
            n_others=len(logits) - len(top),
        )
