"""The command line: ``dnas COMMAND``. One file holds the commands of one kind."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType

from results.errors import InputError, printable

from .application import Failed, Stopped, app


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(128 + number)


def main() -> None:
    """Run a command and exit: 0; 1 a claim is worse than published; 2 bad input; 3 a run failed; 130/143 stopped."""
    from . import bench, compare, data, importing, inspect, reports, work  # noqa: F401 - they add their commands

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    for end in (sys.stdout, sys.stderr):
        if isinstance(end, io.TextIOWrapper):
            end.reconfigure(errors="backslashreplace")  # names of files need not be text
    try:
        app()
    except (InputError, Failed) as error:
        print(f"dnas: {printable(error)}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 3)
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        line = f"dnas: cannot use{where}: {error.strerror or error}; choose another folder or free it"
        print(printable(line), file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print(f"dnas: stopped; {stopped.mend}", file=sys.stderr)
        raise
