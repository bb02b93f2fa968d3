"""TOML files of any origin: read, or refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from results.errors import InputError
from results.files import text


def read(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; raise ``InputError`` where it is none."""
    try:
        document = text.decode(path.read_bytes(), "it")
    except InputError as error:
        raise InputError(f"{path}: not a TOML file: {error}") from None
    try:
        return parse(document.replace("\r\n", "\n"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse(document: str) -> dict[str, Any]:
    """Return the content of a TOML document; raise ``InputError`` where it is none."""
    try:
        return tomllib.loads(document)
    except RecursionError:
        raise InputError("not a TOML file: it nests too deeply") from None
    except ValueError as error:  # also of a number with thousands of digits, which is not a TOMLDecodeError
        raise InputError(f"not a TOML file: {error}") from None
