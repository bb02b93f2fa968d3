"""TFRecord files without TensorFlow.

A record is its length (8 bytes, little-endian), a checksum of these 8 bytes, the payload, and a checksum of the
payload; the checksums are CRC-32C, rotated by 15 bits and shifted by a constant (tensorflow/core/lib/io/
record_writer.h and lib/hash/crc32c.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from crc32c import crc32c

from results.errors import InputError

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_FIX = "fetch the file again"
#: Far more than any record of these files: a damaged length must not allocate any amount of memory.
_LONGEST = 1 << 20


def masked_crc(data: bytes) -> int:
    """Return the checksum that a TFRecord keeps of ``data``."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the payload of each record of ``file``, which errors call ``name``.

    Raises
    ------
    InputError
        A checksum is wrong, or the file ends within a record; the message says at which byte the record begins.
    """
    start = 0
    while header := file.read(_HEADER.size):
        if len(header) < _HEADER.size:
            raise InputError(f"{name} is cut off in the record at byte {start:,}; {_FIX}")
        length, check = _HEADER.unpack(header)
        if masked_crc(header[:8]) != check or length > _LONGEST:
            raise InputError(f"the length of the record at byte {start:,} of {name} is damaged; {_FIX}")
        body = file.read(length + _FOOTER.size)
        if len(body) < length + _FOOTER.size:
            raise InputError(f"{name} is cut off in the record at byte {start:,}; {_FIX}")
        payload = body[:length]
        if masked_crc(payload) != _FOOTER.unpack_from(body, length)[0]:
            raise InputError(f"the record at byte {start:,} of {name} is damaged; {_FIX}")
        yield payload
        start += len(header) + len(body)
