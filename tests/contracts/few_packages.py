"""Run ``dnas`` without every package that a search must do without, on images in the layout of CIFAR-10.

The first argument is the checksum of the images; the others are the command's. It runs twice, into the stores ``first``
and ``again``, the second time without a data directory: images that were decoded once are in the cache.
"""

import os
import sys
from importlib.abc import MetaPathFinder

ABSENT = {
    *("scipy", "sklearn", "matplotlib", "jinja2", "pooch", "platformdirs", "tqdm", "networkx", "nasbench_pytorch"),
    *("nas_201_api", "crc32c", "ray", "hypothesis", "pytest", "requests", "tensorflow"),
}


class Without(MetaPathFinder):
    """Finds none of the absent packages, whether they are installed or not."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"a search asked for {name}", name=name)


if __name__ == "__main__":
    sys.meta_path.insert(0, Without())
    from bench import cli
    from bench.images.sets import cifar_10

    cifar_10.TRAIN, cifar_10.SHA256 = 16, sys.argv.pop(1)
    command = sys.argv[1:]
    for runs in ("first", "again"):
        sys.argv = ["dnas", *command, "--runs", runs]
        try:
            cli.main()
        except SystemExit as end:
            if end.code:
                raise
        os.environ.pop("DNAS_DATA", None)
