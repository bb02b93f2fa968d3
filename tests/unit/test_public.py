"""The names that a program uses, and no others."""

from importlib import metadata

import pytest

import bench
import results


@pytest.mark.parametrize("package", [bench, results], ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_another_is_refused(package):
    assert package._PUBLIC
    for name in package._PUBLIC:
        assert callable(getattr(package, name))
        assert name in dir(package)
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'lode'"):
        package.lode  # noqa: B018


def test_the_version_is_that_of_the_distribution_or_of_a_checkout(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: f"{name} 1.2.3")
    assert bench.__version__ == "dnas-bench 1.2.3"

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert bench.__version__ == "0+checkout"
