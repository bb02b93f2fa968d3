import pytest

import spaces
from bench import config, method
from bench.deviations import PROTOCOL, deviations

PAIRS = [(space, name) for space in spaces.names() for name in method.names() if method.find(name).levels]


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_every_deviation_is_complete_and_named_once(space, name):
    found = deviations(spaces.find(space), method.find(name))
    assert len({d.id for d in found}) == len(found) > len(PROTOCOL)
    for deviation in found:
        for sentence in (deviation.what, deviation.why, deviation.effect):
            assert sentence.endswith(".")
        assert deviation.source


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_every_switch_of_a_deviation_is_an_override_that_changes_the_protocol(space, name):
    plain = config.load("quick").protocol(space, name)
    for deviation in deviations(spaces.find(space), method.find(name)):
        if deviation.switch:
            assert config.load("quick", [deviation.switch]).protocol(space, name) != plain, deviation.id
