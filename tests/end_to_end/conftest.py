"""The command line in processes of its own."""

import json

import pytest

from tests.end_to_end.progress import without_progress

#: Runs commands one after the other, each in a fork of a process that has imported everything already.
FORKS = """
import atexit, gc, json, os, sys, tempfile, traceback
import matplotlib.figure, torch
import bench.reproduce, bench.scoring, bench.cli
from bench.cli import compare, data, inspect, planning, reports, work
import reports.build, results.data.convert, results.data.directory, results.data.fetch

gc.freeze()
commands, answers = json.load(sys.stdin), []
for arguments, cwd, environment in commands:
    ends = [tempfile.TemporaryFile("w+") for _ in range(2)]
    child = os.fork()
    if not child:
        os.chdir(cwd)
        os.environ.update(environment)
        for number, end in enumerate(ends, start=1):
            os.dup2(end.fileno(), number)
        sys.argv = ["dnas", *arguments]
        try:
            bench.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        atexit._run_exitfuncs()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)  # taking the interpreter down properly costs more than most commands
    _, status = os.waitpid(child, 0)
    texts = []
    for end in ends:
        end.seek(0)
        texts.append(end.read())
    answers.append([os.waitstatus_to_exitcode(status), *texts])
print(json.dumps(answers))
"""

#: A search of quick's of a second or two, on one space, with one method.
NARROW = ("--space", "nasbench201", "--seeds", "0", "--workers", "1", "--device", "cpu")


class Answer:
    """How a command ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, without_progress(err)

    @property
    def document(self):
        """The one JSON document on standard output, which must hold nothing that JSON does not know."""

        def refuse(name):
            raise ValueError(f"{name} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture(scope="session")
def dnas(child):
    """Run one command in a fresh process, as ``python -m bench``."""

    def run(*arguments, cwd, **environment):
        done = child(["-m", "bench", *arguments], cwd=cwd, **environment)
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def dnas_each(child_environment, tmp_path_factory):
    """Run many commands, ``(arguments, folder, environment)`` each, for the price of one import."""
    import subprocess
    import sys

    def run(commands):
        asked = [[[str(a) for a in arguments], str(cwd), more] for arguments, cwd, more in commands]
        done = subprocess.run(
            [sys.executable, "-c", FORKS],
            cwd=tmp_path_factory.mktemp("forks"),
            env=child_environment,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=500,
            check=True,
        )
        return [Answer(*answer) for answer in json.loads(done.stdout)]

    return run


@pytest.fixture(scope="session")
def narrow(cut):
    """Options that narrow ``quick`` to seconds; with overrides."""

    def options(*overrides, method="darts"):
        return [*NARROW, "--method", method, *(part for o in (*cut, *overrides) for part in ("-o", o))]

    return options
