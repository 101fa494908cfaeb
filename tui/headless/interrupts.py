"""Ctrl-C and its relatives as a wish that is granted once the present step is over."""

import signal
from types import FrameType, TracebackType


class Interrupts:
    """While this is entered, a signal to end sets `asked`; a second ctrl-C ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before = {sig: signal.getsignal(sig) for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def __enter__(self) -> "Interrupts":
        for sig, before in self._before.items():
            if before != signal.SIG_IGN:  # as nohup asks for
                signal.signal(sig, self._ask)
        return self

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self.asked = True
        if signum == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sig, before in self._before.items():
            signal.signal(sig, before)
