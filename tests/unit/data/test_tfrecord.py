"""Framing and checksums of TFRecord files."""

import io

import pytest

from results.data.tfrecord import masked_crc, read_records
from results.errors import InputError

from .synthetic101 import record

PAYLOADS = [b"first", b"", b"third" * 50]
FILE = b"".join(map(record, PAYLOADS))


def test_the_checksum_is_the_one_of_the_format():
    # CRC-32C of 32 zero bytes is 0x8A9136AA (RFC 3720, B.4); masked as in tensorflow/core/lib/hash/crc32c.h.
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def test_reads_each_payload():
    assert list(read_records(io.BytesIO(FILE), "f")) == PAYLOADS
    assert list(read_records(io.BytesIO(), "f")) == []


def test_notices_every_flipped_byte():
    for position in range(len(FILE)):
        damaged = bytearray(FILE)
        damaged[position] ^= 0x10
        with pytest.raises(InputError, match=r"damaged; fetch|cut off"):
            list(read_records(io.BytesIO(bytes(damaged)), "f"))


def test_notices_where_the_file_is_cut_off():
    ends = {len(b"".join(map(record, PAYLOADS[:n]))) for n in range(4)}
    for length in set(range(len(FILE))) - ends:
        with pytest.raises(InputError, match="cut off in the record at byte"):
            list(read_records(io.BytesIO(FILE[:length]), "f"))


def test_refuses_a_length_that_no_writer_meant():
    absurd = (2**40).to_bytes(8, "little")
    with pytest.raises(InputError, match="length of the record at byte 0"):
        list(read_records(io.BytesIO(absurd + masked_crc(absurd).to_bytes(4, "little")), "f"))
