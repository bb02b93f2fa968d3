"""The command line: ``dnas COMMAND``. One file holds the commands of one kind."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pkgutil import iter_modules
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

import typer

from results.errors import InputError, printable, suggest

from .application import Failed, Stopped, app


class PipeClosed(SystemExit):
    """The reader of our output has closed the pipe."""


#: What the parser raises at words that it cannot read; Typer has no public name for it.
_Unreadable: Any = typer.BadParameter.__base__

#: Signals that ask a command to stop: Ctrl-C, ``kill``, and a terminal that was closed.
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

#: Seconds in which a second signal is the same request: a terminal and what started the command may both send one.
_ONE_REQUEST = 1.0


class _Stop:
    """Stops the command at a first signal, and ends the process at one that comes while it is stopping."""

    def __init__(self) -> None:
        self._asked: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = monotonic()
        if self._asked is None:
            self._asked = now
            raise Stopped(128 + number)
        if now - self._asked >= _ONE_REQUEST:
            with suppress(OSError):  # not print: the signal may have interrupted one
                os.write(2, b"dnas: stopped at once; a search continues from its last checkpoint\n")
            os._exit(128 + number)  # without the clean-up that the signal has interrupted


class _Output(io.TextIOWrapper):
    """Standard output that ends the command when its reader is gone, whatever a library would do instead."""

    def write(self, text: str, /) -> int:
        """Write text; raise ``PipeClosed`` where nobody reads it."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._close()

    def flush(self) -> None:
        """Write what is left; raise ``PipeClosed`` where nobody reads it."""
        try:
            super().flush()
        except BrokenPipeError:
            self._close()

    def _close(self) -> NoReturn:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # the interpreter writes what is left at its end
        raise PipeClosed(141) from None


@contextmanager
def _output() -> Iterator[None]:
    """Print through ``_Output`` within the block, and flush it at the end."""
    before = sys.stdout
    if not isinstance(before, io.TextIOWrapper):
        yield
        return
    output = _Output(before.buffer, before.encoding, "backslashreplace", line_buffering=before.line_buffering)
    sys.stdout = output
    try:
        yield
    finally:
        try:
            output.flush()
        finally:
            output.detach()  # the stream below stays open
            sys.stdout = before


def commands() -> typer.Typer:
    """Return the application with every command; a module of this package adds those that it holds."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return app


def main() -> None:
    """Run a command and exit with one of these statuses.

    0 done; 1 a claim is worse than published, or ``compare`` found differences; 2 bad input; 3 a run failed or a seed
    diverged; 4 out of budget with work left; 129, 130, 143 stopped; 141 the reader closed the pipe.
    """
    stop = _Stop()
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, stop)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")  # names of files need not be text
    try:
        with _output():
            sys.exit(commands()(prog_name="dnas", standalone_mode=False))
    except _Unreadable as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # no words at all
            error.show()
            sys.exit(error.exit_code)
        _end(error.exit_code, _about(error))
    except (InputError, Failed) as error:
        _end(2 if isinstance(error, InputError) else error.status, str(error))
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _end(2, f"cannot use{where}: {error.strerror or error}; choose another folder or free it")
    except Stopped as stopped:
        _end(int(str(stopped.code)), f"stopped; {stopped.fix}")


def _about(error: Any) -> str:
    """Say in one line what the parser cannot read, and how to fix it."""
    command = error.ctx and error.ctx.command
    if command and hasattr(error, "possibilities"):  # an option that is none
        own = [name for each in command.params for name in (*each.opts, *each.secondary_opts)]
        line = error.message + suggest(error.option_name, own)
    else:
        line = " ".join(error.format_message().split()).removesuffix(".")
    line = line[:1].lower() + line[1:]
    return line if line.endswith("?") or not command else f"{line}; see {error.ctx.command_path} -h"


def _end(status: int, line: str) -> NoReturn:
    with suppress(OSError):  # a terminal that was closed
        print(f"dnas: {printable(line)}", file=sys.stderr, flush=True)
    sys.exit(status)
