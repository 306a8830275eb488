"""Programs that a signal stops: they remove what is unfinished, and say so in one line."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a batch system or `kill`, a closed terminal


@contextlib.contextmanager
def exit_on_signals(name: object) -> Iterator[None]:
    """End the block with SystemExit if a signal stops the process; the error starts with `name`, as it then reads.

    So the block's `finally` clauses run. A signal that the process was started to ignore, as by nohup, stays ignored.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for other in handlers:
            signal.signal(other, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
        sys.exit(
            f"error: {name}: stopped by {signal.Signals(number).name}. Complete files stay: run it again to go on."
        )

    handlers = {number: signal.getsignal(number) for number in STOPPING}
    handlers = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in handlers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
