"""A process that has imported everything, and runs each command that it is sent in a fork of itself.

A line of JSON on standard input is a command: its arguments, its working folder, more environment. A line of JSON on
standard output is how it ended: its status, standard output and standard error.
"""

import atexit
import gc
import json
import os
import sys
import tempfile
import traceback
from importlib import import_module

#: What commands import when they are used.
USED = [
    *("matplotlib.figure", "torch", "bench.reproduce", "bench.scoring", "reports.build"),
    *("results.data.convert", "results.data.directory", "results.data.fetch"),
    *(f"bench.cli.{name}" for name in ("compare", "data", "inspect", "planning", "reports", "work")),
]


def end(arguments, folder, environment):
    """Run a command in this process and end with its status."""
    from bench import cli

    os.chdir(folder)
    os.environ.update(environment)
    sys.argv = ["dnas", *arguments]
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a proper end of the interpreter costs more than most commands


def answer(command):
    """Return the status, standard output and standard error of a command that a fork runs."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            end(*command)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


if __name__ == "__main__":
    for name in USED:
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
