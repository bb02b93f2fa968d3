"""Makes dataclasses of tables from anywhere: checks every key, type and bound, and reports the first fault in one line.

A dataclass states its fields' types, and their bounds as ``annotated_types``; pydantic checks them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from results.errors import InputError, suggest

T = TypeVar("T")
_MOST_SHOWN = 60  # characters of a wrong value


def build(kind: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """Return the dataclass that a table of TOML holds.

    Parameters
    ----------
    where : what stands before a key in a message, as ``"training."`` or ``"paper.toml, group 1: "``.

    Raises
    ------
    InputError
        A key is unknown (the message names the nearest), missing, of another type, or out of its bounds.
    """
    check_keys(kind, table, where)
    try:
        text = json.dumps(table, default=str)  # JSON has lists and no tuples, as TOML does; all else is strict
    except (ValueError, RecursionError):
        raise InputError(f"{where.rstrip('.: ') or 'the file'} holds a value that cannot be used") from None
    try:
        return _adapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(_line(error, where)) from None


def check_keys(kind: type, table: Mapping[str, Any], where: str = "") -> None:
    """Raise ``InputError`` if a dataclass, or one that it holds, has no field of a key's name; ``where`` as above."""
    names = [field.name for field in dataclasses.fields(kind)]
    for key in table:
        if key not in names:
            known = suggest(key, names) if names else f"; '{where.rstrip('.')}' has no keys"
            raise InputError(f"unknown key '{where}{key}'{known}")
    for name, inner, named in _tables(kind):
        if isinstance(found := table.get(name), Mapping):
            parts = {f"{name}.{key}": value for key, value in found.items()} if named else {name: found}
            for key, part in parts.items():
                if isinstance(part, Mapping):
                    check_keys(inner, part, f"{where}{key}.")


@lru_cache(maxsize=64)
def _tables(kind: type) -> tuple[tuple[str, type, bool], ...]:
    """Return the fields that are dataclasses themselves, each with its class, and whether it holds several by name."""

    def found() -> Iterator[tuple[str, type, bool]]:
        for name, hint in get_type_hints(kind).items():
            for option in (hint, *get_args(hint)):
                if isinstance(option, type) and dataclasses.is_dataclass(option):
                    yield name, option, get_origin(hint) is dict

    return tuple(found())


@lru_cache(maxsize=64)
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def _line(error: ValidationError, where: str) -> str:
    """Return the first fault in one line."""
    fault = error.errors(include_url=False)[0]
    key = where + ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"the key '{key}' is missing"
    if isinstance(
        cause := fault.get("ctx", {}).get("error"), ValueError
    ):  # what a dataclass asks of its values together
        return f"{key}{cause}" if key.endswith((".", ": ")) else f"{key}.{cause}" if key else str(cause)
    shown = repr(fault["input"])
    shown = shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "..."
    return f"{key} = {shown} is not allowed: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
