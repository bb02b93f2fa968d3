"""The plain reference implementations and what is held to them.

Nothing here imports ``spaces``, ``bench`` or ``results`` except the tests that compare them with a reference.
"""
