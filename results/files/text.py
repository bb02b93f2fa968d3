"""Text of a file that may come from any program: UTF-8 with or without a byte-order mark, or UTF-16."""

from __future__ import annotations

import codecs
from pathlib import Path

from results.errors import InputError

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEAD = 64  # bytes in which UTF-16 without a mark shows


def read(path: Path) -> str:
    """Return the text of a file; where it is not text, raise an ``InputError`` that says what was found."""
    return decode(path.read_bytes(), str(path))


def decode(data: bytes, name: str) -> str:
    """Return the text of the bytes of the file ``name``, with line ends as they are."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), _without_mark(data))
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        what = encoding.removesuffix("-sig").upper()
        where = f"byte 0x{data[error.start]:02x} at position {error.start:,}"
        raise InputError(f"{name} is not text: {where} is not {what}; save it as UTF-8") from None


def _without_mark(data: bytes) -> str:
    """Return the encoding of bytes without a byte-order mark: every other byte of English in UTF-16 is zero."""
    head = data[: _HEAD - _HEAD % 2]
    even, odd = head[::2], head[1::2]
    if len(head) >= 4 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(head) >= 4 and not any(even) and all(odd) else "utf-8"
