"""Signals in processes that tests start."""

import signal


def obey():
    """Take signals as a command in a terminal does: one in the background of a shell script ignores SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
