"""Which methods and spaces the tests put together: every method once on each family, each space with some."""

from itertools import cycle

import spaces
from bench.methods import method
from spaces.base import SupernetConfig

#: Channels that operations see a part of; where a test takes fewer, it takes these for methods that see a part.
CHANNELS = 8

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


def channels(name: str, count: int) -> int:
    """Return ``count`` channels, or those that a method needs whose operations see a part of them."""
    found = method.find(name)
    space = next(spaces.find(space) for space in spaces.names() if makes_sense(name, space))
    sees_all = found.supernet(SupernetConfig(), space, found.params()).partial == 1
    return count if sees_all else max(count, CHANNELS)


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
