"""Searches of other codes as CSV: imported, or refused in a line."""

from hypothesis import given
from hypothesis import strategies as st

from results.records.store import Store

from .strategies import NAMES, TEXTS, damaged, examples

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
SOUND = "epoch,arch\n" + "".join(f"{epoch},{SKIP}\n" for epoch in range(4))
FIELDS = TEXTS | st.sampled_from([SKIP, "0", "1", '"', '"' * 3, ",", ",,,", "\n", "=cmd|' /C calc'!A0"])


def test_what_is_changed_is_sound(feed, work):
    assert not merge(feed, work(), SOUND.encode(), "others/nasbench201/x/0").refused


def merge(feed, folder, data, name):
    (folder / "own.csv").write_bytes(data)
    runs = folder / "runs"
    answer = feed("merge", "--from-csv", "own.csv", "--as", name, "--runs", "runs", cwd=folder)
    assert len(Store(runs).records()) == (not answer.refused)
    assert {path.name for path in folder.iterdir()} <= {"own.csv", "runs"}
    return answer


@examples(20)
@given(data=damaged(SOUND.encode()))
def test_damaged_files(feed, work, data):
    merge(feed, work(), data, "others/nasbench201/x/0")


@examples(20)
@given(rows=st.lists(st.lists(FIELDS, max_size=4), max_size=3), before=st.integers(0, 5))
def test_rows_of_anything(feed, work, rows, before):
    text = "".join(",".join(row) + "\n" for row in rows)
    merge(
        feed,
        work(),
        ("".join(SOUND.splitlines(keepends=True)[:before]) + text).encode(errors="surrogatepass"),
        "others/nasbench201/x/0",
    )


@examples(20)
@given(
    parts=st.lists(NAMES | st.sampled_from(["a", "b c", "é"]), min_size=3, max_size=5),
    seed=st.sampled_from(["0", "-1", "٣", "²", "9" * 30, "1.0", ""]),
)
def test_names_of_anything(feed, work, parts, seed):
    for space in (parts[1], "nasbench201"):
        name = "/".join([parts[0], space, *parts[2:], seed]).replace("\0", "\1")
        merge(feed, work(), SOUND.encode(), name)
