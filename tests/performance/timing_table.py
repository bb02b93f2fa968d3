"""Draws tables: ``python -m tests.performance.timing_table PAGE.md FILE.json ...``.

Files are those of pytest-benchmark, and those of ``tests.performance.traffic`` and ``darts_steps``, which count. A page
marks a table by the file that it is of; what stands between the marks is renewed. For any other file the table is
printed.
"""

import json
import re
import sys
from pathlib import Path

MARKED = re.compile(r"(<!-- table of (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def renewed(page, folder):
    """Return a page with each marked table made anew; files are relative to ``folder``."""
    return MARKED.sub(lambda m: f"{m[1]}\n{table(json.loads((folder / m[2]).read_text()))}\n{m[3]}", page)


def table(measured):
    """Return device and measurements, of steps at the sizes of ``paper`` and of parts of steps; or what was counted."""
    if "traffic" in measured:
        return _traffic(measured)
    if "pairs" in measured:
        return _markdown([[cell(pair) for cell in _PAIRS.values()] for pair in measured["pairs"]], _PAIRS)
    machine, benchmarks = measured["machine_info"], measured["benchmarks"]
    steps, parts, device = ([b for b in benchmarks if key in b["extra_info"]] for key in ("method", "work", "device"))
    parts.sort(key=lambda b: [b["extra_info"][key] for key in ("space", "work", "threads", "seeds")])
    rounds = sorted({b["stats"]["rounds"] for b in benchmarks})
    versions = machine["versions"]
    head = f"{machine['device']['name']}, PyTorch {versions['torch']}, Python {versions['python']};"
    lines = [f"{head} medians of {' or '.join(map(str, rounds))} rounds, least and most in brackets.\n"]
    reached = {b["extra_info"]["device"]: b["extra_info"]["per_second"] for b in device}
    if reached:
        products = ", ".join(f"{rate / 1e12:.1f} TFLOP/s in {n}" for n, rate in reached.items() if n != "copy")
        lines.append(f"The device copies {reached['copy'] / 1e9:,.0f} GB/s and multiplies matrices at {products}.\n")
    for found, columns in ((steps, _STEPS), (parts, _PARTS)):
        if found:
            lines.append(
                _markdown([[cell(b["extra_info"], b["stats"]) for cell in columns.values()] for b in found], columns)
            )
    return "\n".join(lines)


def _traffic(counted):
    """Return the bytes of steps at the sizes of ``paper``, before and now, in all and by operation."""
    steps = [step for step in counted["traffic"] if not step["overrides"]]
    rows = [(step["before"], step["now"]) for step in steps]
    moved = [[sum(side["bytes"].values()) for side in row] for row in rows]
    head = ["space", "method", f"GB at {counted['before']}", "GB now", "change", "launches then", "launches now"]
    whole = [
        [step["space"], step["method"], f"{a / 1e9:.1f}", f"{b / 1e9:.1f}", f"{100 * (b - a) / a:+.0f} %"]
        + [f"{side['launches']:,}" for side in row]
        for step, row, (a, b) in zip(steps, rows, moved, strict=True)
    ]
    spent = [[{n: b / 1e9 for n, b in side["bytes"].items()} for side in row] for row in rows]
    names = {name for row in spent for side in row for name, moved in side.items() if moved >= 1}
    order = sorted(names - {"others"}, key=lambda name: -max(side.get(name, 0) for row in spent for side in row))
    parts = [[name, *(" → ".join(f"{side.get(name, 0):.1f}" for side in row) for row in spent)] for name in order]
    left = [" → ".join(f"{sum(b for n, b in side.items() if n not in order):.1f}" for side in row) for row in spent]
    operations = ["operation, GB", *(f"{step['space']} {step['method']}" for step in steps)]
    return "\n".join([_markdown(whole, head), _markdown([*parts, ["others", *left]], operations)])


def _way(extra, _):
    return (
        ", ".join(word for key, word in (("compiled", "compiled"), ("replayed", "captured")) if extra[key]) or "plain"
    )


def _step(extra, stats):
    median, least, most = (f"{1e3 * stats[key] / extra['steps']:.2f}" for key in ("median", "min", "max"))
    return f"{median} ({least}, {most})"


def _speed_up(extra, _):
    low, high = extra["speed_up_per_seed_range"]
    return f"{extra['speed_up_per_seed_median']:.2f} ({low:.2f}, {high:.2f})"


def _peak(extra, _):
    return f"{extra['peak_bytes'] / extra['seeds'] / 2**20:,.0f}" if "peak_bytes" in extra else ""


def _of_floor(what, unit):
    return lambda e, _: f"{e[key] / unit:,.2f}" if (key := f"floor_{what}_per_second") in e else ""


_STEPS = {
    **{name: lambda e, _, name=name: str(e[name]) for name in ("space", "method", "seeds", "precision", "form")},
    "step": _way,
    "ms a step": _step,
    "s an epoch and seed": lambda e, _: f"{e['seconds_per_seed_epoch']:.2f}",
    "times the plain form, a seed": _speed_up,
    "GB/s of the floor's bytes": _of_floor("bytes", 1e9),
    "TFLOP/s": _of_floor("flops", 1e12),
    "peak MiB a seed": _peak,
}
_PARTS = {
    **{name: lambda e, _, name=name: str(e[name]) for name in ("space", "work", "seeds")},
    "threads, clock": lambda e, _: f"{e['threads']}, {e['clock']}",
    "ms a seed": lambda e, stats: f"{1e3 * stats['median'] / e['seeds']:.0f}",
    "times the plain form, a seed": _speed_up,
    "kernel launches": lambda e, _: f"{e['launches']:,}",
    "peak MiB a seed": _peak,
}


def _gib(size):
    return f"{size / 2**30:.2f}"


#: What ``darts_steps`` counted: launches of all seeds together, memory of one of them.
_PAIRS = {
    "space": lambda pair: f"`{pair['space']}`",
    "launches, S = 1": lambda pair: f"{pair['suite']['1']['launches']:,}",
    "S = 4": lambda pair: f"{pair['suite']['4']['launches']:,}",
    "plain form": lambda pair: f"{pair['plain']['launches']:,}",
    "authors' code": lambda pair: f"{pair['authors']['launches']:,}",
    "GiB a seed, S = 1": lambda pair: _gib(pair["suite"]["1"]["peak_bytes"]),
    "at S = 4": lambda pair: _gib(pair["suite"]["4"]["peak_bytes"] / 4),
    "of the plain form": lambda pair: _gib(pair["plain"]["peak_bytes"]),
    "authors' maps": lambda pair: _gib(pair["authors"]["maps_bytes"]),
}


def _markdown(rows, columns):
    """Return a table without the columns that are empty."""
    shown = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    lines = [list(columns), ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line[index] for index in shown)} |\n" for line in lines)


def main(paths):
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            path.write_text(renewed(text, path.parent), encoding="utf-8")
        else:
            print(table(json.loads(text)))


if __name__ == "__main__":
    main(sys.argv[1:])
