"""What texts looked like at the steps of a run, packed: ten thousand steps of a prompt fit into memory."""

from collections.abc import Callable, Sequence

import numpy as np

from core.messages import Candidate, Prediction, Table, real
from core.tables import summary
from core.tokenizer import Tokenizer

EVERY_STEP = 32  # tokens at most of a text that is recorded at every step; a longer one when it is shown
TEXTS = 16  # at most: every edit of a prompt makes another
BUDGET = 64 * 2**20  # bytes; of a row with 20 candidates 172 go into it

Frame = np.ndarray  # of one step: _dtype(...), ()
_Key = tuple[str, bool]  # a text, and whether its first token is scored as well


class Recordings:
    """The tables of a run's texts by step, of the latest TEXTS of them.

    One thread records and another may read: what is read was whole before it could be found. Over the budget,
    of the text with the most frames every second one is dropped, never its first or its latest.
    """

    def __init__(self, tokenizer: Tokenizer, *, budget: int = BUDGET) -> None:
        self._tokenizer = tokenizer
        self._budget = budget
        self._texts: dict[_Key, _Text] = {}

    def put(self, table: Table) -> None:
        """Keep a table of a text of one token or more; one of the same step is replaced."""
        width = max((len(prediction.top) for prediction in table.predictions), default=0)
        key = table.text, table.first_token
        known = self._texts.get(key)
        if known is None or known.width < width:
            known = _Text(table, width)  # a frame holds as many candidates as the widest: no narrower ones
        others = [each for each in self._texts.items() if each[0] != key]
        self._texts = dict([*others[1 - TEXTS :], (key, known)])
        known.frames[table.step] = _packed(table, known.dtype)
        while sum(len(text.frames) * text.dtype.itemsize for text in self._texts.values()) > self._budget:
            largest = max(self._texts.values(), key=lambda text: len(text.frames) * text.dtype.itemsize)
            if not largest.thin():
                break

    def at(self, text: str, step: int, *, first_token: bool = False) -> Table | None:
        """The table of a text at the latest recorded step up to `step`, or else the first recorded one.

        None where nothing of that text, with its first token scored or without, is recorded.
        """
        known = self._texts.get((text, first_token))
        steps = list(known.frames) if known else []
        if known is None or not steps:
            return None
        found = max((s for s in steps if s <= step), default=min(steps))
        frame = known.frames.get(found)
        return None if frame is None else known.table(frame, found, self._piece)

    def drop_after(self, step: int) -> None:
        """Forget later steps: they are of another future."""
        for text in self._texts.values():
            text.frames = {at: frame for at, frame in text.frames.items() if at <= step}

    def clear(self) -> None:
        """Another run begins."""
        self._texts = {}

    def _piece(self, token_id: int) -> bytes:
        return self._tokenizer.piece(token_id)


class _Text:
    """One text's frames. What its tables have in common is kept once."""

    def __init__(self, table: Table, width: int) -> None:
        self.width = width
        self.dtype = np.dtype(
            [
                ("entropy", "<f4", (len(table.predictions),)),
                ("log_prob", "<f4", (len(table.predictions),)),  # of the targets; the open row's is not read
                ("rank", "<i4", (len(table.predictions),)),
                ("top", "<i4", (len(table.predictions), width)),  # -1 where a row has fewer
                ("top_log_prob", "<f4", (len(table.predictions), width)),
            ]
        )
        self.frames: dict[int, Frame] = {}
        self._tokens, self._window_starts = table.tokens, table.window_starts
        self._text, self._first_token = table.text, table.first_token
        self._targets = [p.target.token_id if p.target else None for p in table.predictions]

    def thin(self) -> bool:
        """Drop every second frame but the first and the latest; whether there was one to drop."""
        steps = sorted(self.frames)
        for step in steps[1:-1:2]:
            del self.frames[step]
        return len(steps) > 2

    def table(self, frame: Frame, step: int, piece: Callable[[int], bytes]) -> Table:
        columns = zip(self._targets, *(frame[name].tolist() for name in self.dtype.names or ()), strict=True)

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
        return Table(
            text=self._text,
            tokens=self._tokens,
            predictions=predictions,
            window_starts=self._window_starts,
            summary=summary(self._tokens, predictions, first_token=self._first_token),
            step=step,
            first_token=self._first_token,
        )


def _packed(table: Table, dtype: np.dtype) -> Frame:
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
