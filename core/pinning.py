"""A model kept as it is, B, to hold the one at hand against."""

from collections.abc import Callable, Sequence

import torch

from core import losses
from core.looking import most_candidates
from core.messages import Compare, Expected, Pinned, Table, real
from core.models.gpt2 import Model
from core.scoring import Scorer
from core.text import clean
from core.tokenizer import Tokenizer
from core.watching import Watch


class PinnedModel:
    """A model of its own, with its scorer: of one with 124 million parameters that is 500 MB of memory.

    The model must be nobody else's: what was read with its weights is kept as long as the text stays.
    """

    def __init__(self, model: Model, tokenizer: Tokenizer, about: Pinned) -> None:
        self.about = about
        self._tokenizer = tokenizer
        self._scorer = Scorer(model, tokenizer)
        self._watch = Watch()

    def table(self, request: Compare, overtaken: Callable[[], bool]) -> Table:
        """The text as this model sees it; raises Overtaken as soon as `overtaken` says so."""
        text = clean(request.text)
        ids = self._tokenizer.encode_read(text, first_token=request.first_token)
        self._watch = Watch(
            text=text,
            first_token=request.first_token,
            ids=ids,
            top_k=most_candidates(request.top_k, len(ids)),
        )
        return self._watch.table(self._scorer, self.about.step or 0, overtaken=overtaken)

    def expect(self, position: int, token_ids: Sequence[int]) -> Expected:
        """Tokens as seen after token `position` of the text compared last. Raises ValueError."""
        for token_id in token_ids:
            self._tokenizer.piece(token_id)  # refuses one that does not exist
        log_probs = losses.log_probs(self._scorer.logits_at(self._watch.ids, position))  # (V,)
        return Expected(log_probs=tuple(map(real, log_probs[list(token_ids)].tolist())))


def copied(model: Model) -> Model:
    """The same model with weights of its own, as they stand."""
    with torch.no_grad():
        twin = Model.unfilled(model.config).to_empty(device=model.head.device)
        twin.load_state_dict(model.state_dict())
    return twin
