"""``python -m bench`` is ``dnas``."""

from bench.cli import main

main()
