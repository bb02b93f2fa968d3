"""What hostile and broken input is made of: bytes, names, texts, JSON, tables."""

import io
import json
import math
import os
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

#: Examples of each test in the long form; 0 is the short form.
LONG = int(os.environ.get("DNAS_FUZZ", "0"))


def examples(short: int, *, share: int = 1) -> settings:
    """Return settings: ``short`` fixed examples; in the long form random ones, a ``share``th of those asked for."""
    return settings(
        max_examples=max(1, LONG // share) if LONG else short,
        derandomize=not LONG,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],  # a failure is small enough as it is, and to shrink it takes minutes
    )


SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
#: Names that should be none, or that something could take for more than a name.
_PATHS = ["", ".", "..", "../outside", "/outside", "a/b", "a\\b", "..\\a", "~", "~root", "$HOME", "$(touch x)", "`id`"]
_TEXTS = ["-o", "--help", "a\0b", "a\nb", "a\x1b[2J", "\ud800", "é" * 300, "x" * 5000, " ", "con", SCRIPT, "{{ 7*7 }}"]
NAMES = st.sampled_from(_PATHS) | st.sampled_from(_TEXTS) | st.text(max_size=30)
TEXTS = NAMES | st.sampled_from(["x" * 200_000, "(" * 3000, "[" * 3000, "\x00" * 10, "nan", "inf", "1e999", "%s%n"])
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 10**30, 10**400, math.nan, math.inf, -math.inf, 1e308]),
    st.integers(-5, 5000),
    st.floats(width=64),
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw: Any, whole: bytes) -> bytes:
    """Return a file that was cut off, overwritten, doubled, or never was of this kind."""
    place = draw(st.integers(0, len(whole) - 1))
    match draw(st.integers(0, 8)):
        case 0:
            return whole[:place]
        case 1:
            return whole[place:]
        case 2:
            return b""
        case 3:
            return draw(st.binary(max_size=200))
        case 4:
            return whole[:place] + bytes([whole[place] ^ (1 << draw(st.integers(0, 7)))]) + whole[place + 1 :]
        case 5:
            noise = draw(st.binary(min_size=1, max_size=20))
            return whole[:place] + noise + whole[place + len(noise) :]
        case 6:
            return whole[:place] + b"\0" * draw(st.integers(1, 64)) + whole[place:]
        case 7:
            return whole + whole
        case _:
            return whole[:place] + b"\xff\xfe" + whole[place:]


@st.composite
def changed(draw: Any, content: Any) -> Any:
    """Return JSON data with one place, however deep, replaced, removed or added to."""
    if isinstance(content, dict) and content and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(content)))
        if not draw(st.integers(0, 5)):
            return {name: value for name, value in content.items() if name != key}
        return content | {key: draw(changed(content[key]))}
    if isinstance(content, list) and content and draw(st.integers(0, 2)):
        place = draw(st.integers(0, len(content) - 1))
        return [*content[:place], draw(changed(content[place])), *content[place + 1 :]]
    return draw(JSON)


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """Return brackets in brackets."""
    return opening * depth + closing * depth


#: Makers of a column of some rows, of every type that a table can wrongly have.
_COLUMNS: list[Any] = [
    lambda n: pa.nulls(n),
    lambda n: pa.nulls(n, pa.float64()),
    lambda n: pa.nulls(n, pa.string()),
    lambda n: pa.array([math.nan] * n),
    lambda n: pa.array([1e308] * n),
    lambda n: pa.array([-math.inf] * n),
    lambda n: pa.array([2**63 - 1] * n),
    lambda n: pa.array([-1] * n),
    lambda n: pa.array(["x" * 10_000] * n),
    lambda n: pa.array([SCRIPT] * n),
    lambda n: pa.array([""] * n),
    lambda n: pa.array([b"\xff\x00"] * n),
    lambda n: pa.array([b"\xff\x00"] * n).view(pa.string()),  # text that is none
    lambda n: pa.array([True] * n),
    lambda n: pa.array([[]] * n, pa.list_(pa.float64())),
    lambda n: pa.array([[None, math.nan, math.inf]] * n, pa.list_(pa.float64())),
    lambda n: pa.array([None, *[[1.0]] * n][:n], pa.list_(pa.float64())),
    lambda n: pa.array([["a"]] * n),
    lambda n: pa.array([{"a": 1}] * n),
    lambda n: pa.array(["x"] * n).dictionary_encode(),
    lambda n: pa.array([0] * n, pa.timestamp("us")),
    lambda n: pa.array([50.0] * n, pa.float32()),
]


@st.composite
def changed_table(draw: Any, table: pa.Table) -> pa.Table:
    """Return a table with columns dropped, retyped, doubled, renamed or emptied."""
    for _ in range(draw(st.integers(1, 3))):
        names = table.column_names
        if not names:
            break
        place = draw(st.integers(0, len(names) - 1))
        match draw(st.integers(0, 6)):
            case 0:
                table = table.remove_column(place)
            case 1 | 2 | 3:
                column = draw(st.sampled_from(_COLUMNS))(table.num_rows)
                table = table.set_column(place, names[place], column)
            case 4:
                table = table.append_column(names[place], table[place])
            case 5:
                name = draw(st.sampled_from(["mix_x", "extra", "", names[0], SCRIPT]))
                table = table.rename_columns([*names[:place], name, *names[place + 1 :]])
            case _:
                table = table.slice(0, draw(st.integers(0, table.num_rows)))
    return table


def parquet(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a file."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def with_manifest(table: pa.Table, manifest: Any) -> pa.Table:
    """Return a record's table with another manifest: JSON data, or bytes as they are."""
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode(errors="surrogatepass")
    return table.replace_schema_metadata({b"dnas": text})


def tables(table: pa.Table) -> st.SearchStrategy[bytes]:
    """Return files that should be ``table`` and are damaged, of another schema, or full of what no table holds."""
    whole = parquet(table)
    return damaged(whole) | changed_table(table).map(parquet)
