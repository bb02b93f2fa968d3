"""Which methods and spaces the tests put together: every method once on each family, each space with some."""

from itertools import cycle

import spaces
from bench.methods import method
from spaces.base import SupernetConfig

#: The methods that train.
TRAINED = [name for name in method.names() if method.find(name).levels]


def families() -> list[list[str]]:
    """Return the spaces of each family."""
    found: dict[str, list[str]] = {}
    for name in spaces.names():
        found.setdefault(spaces.find(name).family, []).append(name)
    return list(found.values())


def makes_sense(name: str, space: str) -> bool:
    """Return whether a method runs on a space."""
    return not method.find(name).spaces(spaces.find(space))


def fitting(name: str) -> tuple[str, ...]:
    """Return what a method needs where tests cut `quick` down: channels to see a part of."""
    if name not in method.names():  # a variant, whose settings the test gives
        return ()
    found = method.find(name)
    space = next(spaces.find(space) for space in spaces.names() if makes_sense(name, space))
    sees_all = found.supernet(SupernetConfig(), space, found.params()).partial == 1
    return () if sees_all else ("supernet.channels=8",)


def pairs() -> list[tuple[str, str]]:
    """Return the pairs ``(space, method)``."""
    found = []
    for family in families():
        turn = cycle(family)
        for name in TRAINED:
            space = next(turn)
            if makes_sense(name, space):
                found.append((space, name))
    return found


#: ``(space, method)``.
PAIRS = pairs()
