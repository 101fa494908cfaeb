"""`neglogp engine`: a Session behind JSON lines on stdin and stdout."""

import os
import signal
import sys
import threading
import traceback
from importlib import metadata
from typing import BinaryIO

from core import messages as m
from core.allocator import keep_freed_memory
from core.inbox import SUPERSEDED, Inbox
from core.outbox import Outbox
from core.recorder import Recorder
from core.runs import RunError
from core.session import Session
from core.session.base import Stopped
from core.texts import MissingText
from core.watching import Overtaken

_NO_MEMORY = "there is not enough memory for that: try a smaller size or batch"
SWITCH_SECONDS = 5e-4  # from thread to thread
CLOSING_SECONDS = 30  # to save in, once nobody listens any more


def version() -> str:
    """The version of the installed program."""
    try:
        return metadata.version("neglogp")
    except metadata.PackageNotFoundError:
        return "0+unknown"


class Engine:
    """Serves one screen. The main thread alone touches the session."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._outbox = Outbox(replies)
        self._inbox = Inbox(self._outbox.send, self._greeted, self._answer)
        self._requests = requests
        self._session = Session(
            emit=self._outbox.event,
            between=self._serve_small,
            interrupted=self._inbox.interrupted,
            overtaken=self._inbox.overtaken,
            wake=self._inbox.wake,
            recorder=Recorder(),
        )

    def serve(self) -> None:
        """Answer until the other side closes, then save the run."""
        self._outbox.send(m.Hello(protocol=m.PROTOCOL, version=version()))
        threading.Thread(target=self._inbox.read, args=(self._requests,), name="inbox", daemon=True).start()
        while not (self._inbox.closed or self._outbox.broken):
            self._session.tend()
            call = self._inbox.take() if self._session.running else self._inbox.wait()
            if call is not None:
                self._answer(call)
            elif self._session.running:
                self._advance()
        threading.Timer(CLOSING_SECONDS, os._exit, args=(1,)).start()
        self._session.close()
        self._outbox.close()

    def close(self) -> None:
        """End after the present step."""
        self._inbox.close()

    def _advance(self) -> None:
        try:
            self._session.advance()
        except MemoryError:
            self._session.halt(_NO_MEMORY)
        except Exception as error:
            traceback.print_exc()
            self._session.halt(f"training stopped: {type(error).__name__}: {error}")

    def _greeted(self, hello: m.Hello) -> None:
        if hello.protocol != m.PROTOCOL:
            self._outbox.send(
                m.Failure(
                    id=None,
                    kind="bad_request",
                    message=f"the screen speaks protocol {hello.protocol} (neglogp {hello.version}), "
                    f"this engine {m.PROTOCOL} (neglogp {version()}): install the same version on both sides",
                )
            )

    def _serve_small(self) -> None:
        while (call := self._inbox.take_small()) is not None:
            self._answer(call)

    def _answer(self, call: m.Call) -> None:
        """Exactly one reply, whatever happens."""
        handler = getattr(self._session, str(type(call.request).__struct_config__.tag))
        try:
            self._outbox.send(m.Answer(id=call.id, result=handler(call.request)))
        except Overtaken:
            self._fail(call, "superseded", SUPERSEDED)
        except Stopped as error:
            self._fail(call, "stopped", str(error))
        except (RunError, OSError) as error:
            self._fail(call, "storage", str(error))
        except MissingText as error:
            self._fail(call, "missing", str(error))
        except ValueError as error:
            self._fail(call, "bad_request", str(error))
        except MemoryError:
            self._fail(call, "internal", _NO_MEMORY)
        except Exception as error:
            # Whatever it is, the session before the request is still there: say it and go on.
            traceback.print_exc()
            self._fail(call, "internal", f"{type(error).__name__}: {error}")

    def _fail(self, call: m.Call, kind: m.FailureKind, message: str) -> None:
        self._outbox.send(m.Failure(id=call.id, kind=kind, message=message))


def _close_on_signals(engine: Engine) -> None:
    """End after the present step on SIGTERM and SIGHUP; ctrl+c is the screen's."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    # A handler runs in the main thread only, which does not look at it if it was just about to wait; the
    # byte that is written here is read at once, whatever that thread does.
    signal.set_wakeup_fd(told)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        os.read(heard, 1)
        engine.close()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def main() -> None:
    """Serve the pipe this process was started with."""
    keep_freed_memory()
    # The reader answers a look back by itself; each time it takes turns with the training thread it
    # would wait for 5 ms, which is Python's own measure.
    sys.setswitchinterval(SWITCH_SECONDS)
    # A stray print must not land among the protocol's lines: keep the real stdout, point fd 1 at stderr.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    engine = Engine(requests, replies)
    _close_on_signals(engine)
    engine.serve()
    sys.stdout.flush()
    os._exit(0)  # torch's threads take up to a second to end, and everything is written


if __name__ == "__main__":
    main()
