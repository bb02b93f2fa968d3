"""How it is searched: experiments, methods, the loop, and what runs them.

The names below are what a program or a notebook needs; the command line calls the same functions. Each is imported
where it is first used.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

_PUBLIC = {
    "check": "bench.checking.check",  # hold records against what was published
    "load_experiment": "bench.experiments.reading.load",
    "plan": "bench.reproduce.groups",  # say what an experiment still has to run
    "run": "bench.reproduce.run",  # run it, and yield the records as the runs end
    "score": "bench.architectures.score",  # say what is known of architectures, as a table
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    module, _, attribute = _PUBLIC.get(name, "").rpartition(".")
    if not module:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return [*globals(), "__version__", *_PUBLIC]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("dnas-bench")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0+checkout"


def _refuse_shadows() -> None:
    """Fail clearly where another distribution's package stands before one of ours."""
    from importlib.util import find_spec

    here = Path(__file__).resolve().parent.parent
    for name in ("spaces", "results", "reports"):
        spec = find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != here:
            raise ImportError(
                f"the package '{name}' of dnas-bench is shadowed by {origin or 'nothing at all'};"
                f" uninstall the distribution that owns it or run from {here}"
            )


_refuse_shadows()
