"""Runs commands one after the other, and prints what each has loaded that it can do without."""

import sys

from bench.cli import main


def loads(*words, without):
    sys.argv = ["dnas", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    found = [name for name in without if name in sys.modules]
    if found:
        print(words[0], "loads", found, file=sys.stderr)


tables = ("torch", "pandas", "scipy", "matplotlib")
loads("--help", without=(*tables, "numpy", "pyarrow"))
loads("info", "nasbench201", without=(*tables, "pyarrow"))
loads(
    "score",
    "nasbench201",
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|",
    without=tables,
)
