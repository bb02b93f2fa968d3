"""The command line in processes of its own."""

import json
import select
import subprocess
import sys

import pytest

from tests.end_to_end.progress import without_progress

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
            raise ValueError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture(scope="session")
def forks(child_environment, tmp_path_factory):
    """The process whose forks run commands."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.end_to_end.forks"],
        cwd=tmp_path_factory.mktemp("forks"),
        env=child_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope="session")
def dnas(forks):
    """Run one command as its users do, in a process of its own."""

    def run(*arguments, cwd, **environment):
        forks.stdin.write(json.dumps([[str(a) for a in arguments], str(cwd), environment]) + "\n")
        forks.stdin.flush()
        ready, _, _ = select.select([forks.stdout], [], [], 300)
        assert ready, f"{arguments} does not end"
        return Answer(*json.loads(forks.stdout.readline()))

    return run


@pytest.fixture(scope="session")
def dnas_each(dnas):
    """Run many commands: ``(arguments, folder, environment)`` each."""
    return lambda commands: [dnas(*arguments, cwd=cwd, **more) for arguments, cwd, more in commands]


@pytest.fixture(scope="session")
def narrow(cut):
    """Options that narrow ``quick`` to seconds; with overrides."""

    def options(*overrides, method="darts"):
        return [*NARROW, "--method", method, *(part for o in (*cut, *overrides) for part in ("-o", o))]

    return options
