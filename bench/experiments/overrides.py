"""Reads ``key=value`` from the command line, writes it in one form, and makes tables of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

from results.errors import InputError, suggest
from results.files import toml

Overrides = Mapping[str, Any]  # dotted key -> value


def read(texts: Sequence[str]) -> Overrides:
    """Return the last value of each key, in an order that is not the caller's: those of a single space at the end.

    A value is TOML, or else a string.
    """
    last: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        parts = [part.strip() for part in key.split(".")]
        if not equals or not all(parts):
            raise InputError(f"'{text}' is not an override; write key=value, as in training.epochs=2")
        parsed = _parsed(value, key)
        last[".".join(parts)] = str(parsed) if parts == ["seeds"] else parsed  # a single seed reads as a number
    return {key: last[key] for key in sorted(last, key=lambda key: (key.startswith("space."), key))}


def _parsed(text: str, key: str) -> Any:
    try:
        text.encode()
        try:
            value = toml.parse(f"value = {text}")["value"]
        except InputError:
            value = text
        str(value)
        return _plain(value)
    except ValueError:  # bytes that are not text, or a number of more digits than Python prints
        raise InputError(f"the value of '{key}' cannot be written down; give another") from None


def _plain(value: Any) -> Any:
    """Return a value in which a float without a fraction is an integer, which reads as one where floats are wanted."""
    if isinstance(value, float) and repr(value).endswith(".0"):
        return int(value)
    if isinstance(value, list):
        return list(map(_plain, value))
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def written(overrides: Overrides) -> tuple[str, ...]:
    """Return the one text of each override, whatever way it was typed in; ``read`` gives the same overrides again.

    Experiments are named by these texts: they change no more than a protocol's hash does.
    """
    return tuple(f"{key}={_toml(value)}" for key, value in overrides.items())


def _toml(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(inner)}" for key, inner in sorted(value.items())) + "}"
    return str(value)


def nested(overrides: Overrides, known: Collection[str]) -> dict[str, Any]:
    """Return overrides as the tables of an experiment.

    Parameters
    ----------
    known : the names of tables.
    """
    tables: dict[str, Any] = {}
    for key, value in overrides.items():
        parts = key.split(".")
        table = tables
        for part in parts[:-1]:
            if part not in table and len(parts) == 2 and part not in known:
                raise InputError(f"unknown key '{key}'{suggest(part, known)}")
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise InputError(f"'{key}' cannot be set: '{part}' is not a table")
        table[parts[-1]] = deepcopy(value)
    return tables
