"""How it is searched: experiments, methods, the loop, and what runs them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

try:
    __version__ = version("dnas-bench")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+checkout"


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
