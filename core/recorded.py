"""The tables of one text, packed: what they have in common is kept once, and of each step a frame."""

from collections.abc import Callable, Sequence

import numpy as np

from core.frames import Frame, Frames, Head
from core.messages import Candidate, Prediction, Prompt, Table, Token, real
from core.tables import summary


class Recorded:
    """One text's frames. What its tables have in common is kept once."""

    def __init__(self, head: Head, frames: Frames) -> None:
        self.head = head
        self.dtype = head.dtype()
        self.frames = frames

    @property
    def prompt(self) -> Prompt:
        return prompt_of(self.head)

    @property
    def memory(self) -> int:
        return len(self.frames) * self.dtype.itemsize

    def table(self, frame: Frame, step: int, piece: Callable[[int], bytes]) -> Table:
        ids = self.head.token_ids
        targets = (*ids[1:], None)
        columns = zip(targets, *(frame[name].tolist() for name in self.dtype.names or ()), strict=True)

        def candidate(token_id: int, log_prob: float, rank: int) -> Candidate:
            return Candidate(token_id=token_id, piece=piece(token_id), log_prob=real(log_prob), rank=rank)

        def row(
            target: int | None,
            entropy: float,
            log_prob: float,
            rank: int,
            ids: Sequence[int],
            log_probs: Sequence[float],
        ) -> Prediction:
            ranked = [t for t in zip(ids, log_probs, range(1, len(ids) + 1), strict=True) if t[0] >= 0]
            return Prediction(
                entropy=real(entropy),
                top=tuple(candidate(*triple) for triple in ranked),
                target=None if target is None else candidate(target, log_prob, rank),
            )

        predictions = tuple(row(*column) for column in columns)
        tokens = tuple(Token(token_id=i, piece=piece(i)) for i in ids)
        return Table(
            text=self.head.text,
            tokens=tokens,
            predictions=predictions,
            window_starts=self.head.window_starts,
            summary=summary(tokens, predictions, first_token=self.head.first_token),
            step=step,
            first_token=self.head.first_token,
        )


def head_of(table: Table, width: int) -> Head:
    ids = tuple(token.token_id for token in table.tokens)
    return Head(
        text=table.text,
        first_token=table.first_token,
        token_ids=ids,
        window_starts=table.window_starts,
        width=width,
    )


def prompt_of(head: Head) -> Prompt:
    return Prompt(text=head.text, first_token=head.first_token)


def packed(table: Table, dtype: np.dtype) -> Frame:
    frame = np.zeros((), dtype)
    frame["top"] = -1
    for i, prediction in enumerate(table.predictions):
        frame["entropy"][i] = float(prediction.entropy)
        if prediction.target is not None:
            frame["log_prob"][i] = float(prediction.target.log_prob)
            frame["rank"][i] = prediction.target.rank
        n = len(prediction.top)
        frame["top"][i, :n] = [c.token_id for c in prediction.top]
        frame["top_log_prob"][i, :n] = [float(c.log_prob) for c in prediction.top]
    return frame
