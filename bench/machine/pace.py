"""When a running search writes a checkpoint, and when it stops: decided between two steps."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from types import FrameType
from typing import Any

#: The next step is expected to take as long as these last ones: a first one that compiles soon drops out.
RECENT = 20

_STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class OutOfTime(Exception):
    """The time budget is used up; the group continues from its checkpoint."""


class Held:
    """A context in which a signal that asks to stop waits until it is obeyed, or until it comes again.

    Signals outside the main thread, and ignored ones, are left alone.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Held:
        if threading.current_thread() is threading.main_thread():
            for number in _STOPPING:
                before = signal.getsignal(number)
                if before not in (None, signal.SIG_IGN):
                    self._handlers[number] = before
                    signal.signal(number, self._wait)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._handlers.items():
            signal.signal(number, before)
        self.obey()

    def obey(self) -> None:
        """Let a signal that has waited do its work."""
        number, self.asked = self.asked, None
        if number is None:
            return
        before = self._handlers[number]
        if callable(before):
            before(number, None)  # not sent again: a process may block what it is to hear of
        else:
            signal.signal(number, before)
            signal.raise_signal(number)

    def _wait(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked is not None, number
        if again:  # whoever asks twice does not want to wait
            self.obey()


class Pace:
    """The clock and the signals of a running search; a context, within which a signal waits for the step to end.

    Parameters
    ----------
    deadline : of ``time.monotonic``; the search stops before a step that would end after it.
    every : seconds from one checkpoint to the next inside an epoch.
    at_ends : seconds from one checkpoint to the next at the end of an epoch, at least.
    """

    def __init__(self, deadline: float, every: float, at_ends: float = 0.0) -> None:
        self.deadline, self.every, self.at_ends = deadline, every, at_ends
        self.began = self.kept = time.monotonic()
        self._recent: deque[float] = deque(maxlen=RECENT)  # seconds of a step
        self.held = Held()

    def __enter__(self) -> Pace:
        self.held.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.held.__exit__()

    def step(self) -> None:
        """Note that a step has ended."""
        now = time.monotonic()
        self._recent.append(now - self.began)
        self.began = now

    def begin(self) -> None:
        """Note that the next step begins: what was measured since the last one is not part of it."""
        self.began = time.monotonic()

    def keep(self) -> None:
        """Note that a checkpoint was written; the next step begins."""
        self.began = self.kept = time.monotonic()

    @property
    def out_of_time(self) -> bool:
        """Whether the next step would end after the deadline."""
        return time.monotonic() + max(self._recent, default=0.0) > self.deadline

    @property
    def due(self) -> bool:
        """Whether a checkpoint is wanted inside an epoch: the last one is old, or the search is about to stop."""
        return self._due(self.every)

    @property
    def due_at_end(self) -> bool:
        """Whether a checkpoint is wanted at the end of an epoch."""
        return self._due(self.at_ends)

    def _due(self, every: float) -> bool:
        return self.held.asked is not None or self.out_of_time or time.monotonic() - self.kept >= every

    def stop(self) -> None:
        """Let a signal that has waited do its work; raise ``OutOfTime`` where the time is up."""
        self.held.obey()
        if self.out_of_time:
            raise OutOfTime
