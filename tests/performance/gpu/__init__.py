"""What to do with a few minutes on a GPU, a command each: ``python -m tests.performance.gpu --help``.

Needs no more than a search does, but for ``speed``, which is pytest's. Everything also runs on a CPU.
"""
