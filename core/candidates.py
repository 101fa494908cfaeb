"""Chosen tokens of one prediction, as they are shown."""

from torch import Tensor

from core import losses
from core.records import Candidate
from core.tokenizer import Tokenizer
from core.wire import real


def candidates(logits: Tensor, token_ids: Tensor, tokenizer: Tokenizer) -> list[Candidate]:
    """The tokens (k,) int64 with their log_probs and ranks in a prediction of logits (V,)."""
    log_probs = losses.log_probs(logits)
    ranks = losses.target_rank(log_probs.expand(len(token_ids), -1), token_ids)
    triples = zip(token_ids.tolist(), log_probs[token_ids].tolist(), ranks.tolist(), strict=True)
    return [
        Candidate(token_id=token_id, piece=tokenizer.piece(token_id), log_prob=real(log_prob), rank=rank)
        for token_id, log_prob, rank in triples
    ]
