"""Tables of a TOML file made into dataclasses, every key and every type checked."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, Literal

from results.errors import InputError, suggest


def build(cls: type, table: Mapping[str, Any], where: str) -> Any:
    """Make a dataclass of a table; raise ``InputError`` for unknown and missing keys and for wrong types."""
    values = checked(cls, table, where)
    missing = [
        f.name
        for f in dataclasses.fields(cls)
        if f.name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"'{where}' lacks the key '{missing[0]}'")
    try:
        return cls(**values)
    except InputError as error:  # of what it asks of its values
        raise InputError(f"{where}.{error}") from None


def checked(cls: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values of a table in the types of a dataclass's fields."""
    kinds = typing.get_type_hints(cls)
    fields = [f.name for f in dataclasses.fields(cls)]
    for key in table:
        if key not in fields:
            raise InputError(f"unknown key '{where}.{key}'{suggest(key, fields)}")
    return {key: _typed(kinds[key], value, f"{where}.{key}") for key, value in table.items()}


def _typed(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        if value in arguments and not isinstance(value, bool):
            return arguments[arguments.index(value)]  # 2, where 2.0 is written
        raise InputError(f"{where} = {value!r} should be one of {', '.join(map(str, arguments))}")
    if origin is tuple and isinstance(value, list) and len(value) == len(arguments):
        return tuple(_typed(k, v, where) for k, v in zip(arguments, value, strict=True))
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    name = getattr(kind, "__name__", str(kind))
    raise InputError(f"{where} = {value!r} should be of type {name}")
