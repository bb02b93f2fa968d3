"""The lines that long work prints on standard error where there is no terminal: one per epoch."""

import re

_EPOCH = re.compile(r"^\S+: epoch \d+ of \d+\b[^\n]*\n", re.MULTILINE)


def without_progress(text):
    """Return what else stands on standard error."""
    return _EPOCH.sub("", text)
