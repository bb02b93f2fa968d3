"""The command line that every file of commands adds to, and how a command ends early."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="dnas",
    help="Reproduce differentiable architecture search on NAS-Bench-201, NAS-Bench-1Shot1 and the DARTS cell spaces.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Failed(Exception):
    """A run failed, or a seed diverged in this call."""

    status = 3


class OutOfBudget(Failed):
    """The budget is used up, and work is left."""

    status = 4


class Stopped(SystemExit):
    """A signal asked the command to stop; ``fix`` says how to continue."""

    fix = "the same command continues from the last checkpoint"
