"""A row's number once more, in a few lines of PyTorch to be run elsewhere."""

import math
from collections.abc import Sequence

from core.messages import Arithmetic, Real

_FROM_WEIGHTS = """\
import torch
from transformers import GPT2LMHeadModel

model = GPT2LMHeadModel.from_pretrained({folder!r}).float()
logits = model(torch.tensor([{ids}])).logits[0, -1].double()
print(torch.nn.functional.cross_entropy(logits, torch.tensor({token_id})).item())  # {result}
"""

_FROM_LOGIT = """\
import torch

logit, logsumexp = torch.tensor([{logit}, {logsumexp}], dtype=torch.float64)  # of {vocab_size} logits
others = logsumexp + torch.log1p(-torch.exp(logit - logsumexp))  # the logsumexp of all but that one
print(torch.nn.functional.cross_entropy(torch.stack([logit, others]), torch.tensor(0)).item())  # {result}
"""


def snippet(made: Arithmetic, ids: Sequence[int]) -> str:
    """Python that prints −log p in nats: from the weights where they lie in a folder, and the ids of the
    prefix in its window, or else from the logit and the logsumexp of all."""
    return (_FROM_LOGIT if made.folder is None else _FROM_WEIGHTS).format(
        folder=made.folder,
        ids=list(ids),
        token_id=made.token.token_id,
        logit=_literal(made.logit),
        logsumexp=_literal(made.logsumexp),
        vocab_size=made.vocab_size,
        result=f"{made.surprisal:.6f} nats for {made.token.piece!r} at step {made.step}",
    )


def _literal(value: Real) -> str:
    number = float(value)
    return repr(number) if math.isfinite(number) else f"float('{number}')"
