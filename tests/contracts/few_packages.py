"""Run ``dnas`` without every package that a search must do without, on images in the layout of CIFAR-10.

The first argument is the checksum of the images; the others are the command's.
"""

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
    from bench.cli import main
    from bench.images.sets import cifar_10

    cifar_10.TRAIN, cifar_10.SHA256 = 16, sys.argv.pop(1)
    main()
