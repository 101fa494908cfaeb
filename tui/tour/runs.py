"""The person's run and the tour's own: only one of them is on, and each is opened again where it stood."""

from core.messages import Open, State


class Runs:
    """What is to be opened so that one or the other is on; `opening` is what the present one came from."""

    def __init__(self) -> None:
        self._theirs: Open | None = None
        self._ours: Open | None = None

    def is_ours(self, opening: Open) -> bool:
        """Whether the tour's own run is on."""
        return opening is self._ours

    def ours(self, opening: Open, state: State) -> Open | None:
        """What puts the tour's own run on, an untrained model at first; None where it is on."""
        if self.is_ours(opening):
            return None
        self._theirs = _again(opening, state)
        self._ours = self._ours or Open()
        return self._ours

    def theirs(self, opening: Open, state: State) -> Open | None:
        """What puts the person's run on again; None where it is on, or where they opened another one."""
        if not self.is_ours(opening):
            return None
        self._ours = _again(opening, state)
        return self._theirs


def _again(opening: Open, state: State) -> Open:
    """A run by its name, once a step has given it one; before that, what it was to start from."""
    return Open(model=state.run or opening.model, training=state.training)
