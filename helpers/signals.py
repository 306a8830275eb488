"""Programs that a signal stops: they remove what is unfinished, and say so in one line."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a batch system or `kill`, a closed terminal
SECONDS_TO_NEXT_EXIT = 1.0  # until an exit that was caught on its way out is raised again


@contextlib.contextmanager
def exit_on_signals(name: object) -> Iterator[None]:
    """End the block with SystemExit if a signal stops the process; the error starts with `name`, as it then reads.

    So the block's `finally` clauses run. A signal that the process was started to ignore, as by nohup, stays ignored.
    Libraries catch such an exit: Keras has many a bare `except`, also where it is imported. So the exit is raised again
    every second, unless it is on its way out, and when the block ends in another way.
    """
    stopped: list[SystemExit] = []

    def stop(number: int, frame: FrameType | None) -> None:
        for other in handlers:
            signal.signal(other, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
        why = f"stopped by {signal.Signals(number).name}. Complete files stay: run it again to go on."
        stopped.append(SystemExit(f"error: {name}: {why}"))
        signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_NEXT_EXIT, SECONDS_TO_NEXT_EXIT)
        raise stopped[0]

    def stop_again(number: int, frame: FrameType | None) -> None:
        if not _is_handled(stopped[0]):
            raise stopped[0]

    handlers = {number: signal.getsignal(number) for number in STOPPING}
    handlers = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
    before = signal.signal(signal.SIGALRM, stop_again)
    for number in handlers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in {**handlers, signal.SIGALRM: before}.items():
            signal.signal(number, handler)
        if stopped:
            raise stopped[0] from None


def _is_handled(error: BaseException) -> bool:
    """Return whether an `except` or `finally` clause runs now because of an error, or of one that it led to."""
    handled = sys.exception()
    while handled is not None and handled is not error:
        handled = handled.__context__
    return handled is error
