"""What to do with a few minutes on a GPU, a command each: ``python -m tests.performance.gpu --help``.

Needs no more than a search does, so neither pytest nor the table packages. Everything also runs on a CPU.
"""
