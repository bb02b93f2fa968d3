"""Unpickling of untrusted files: plain data and numpy scalars, and nothing that runs code."""

from __future__ import annotations

import io
import pickle  # nosec B403 # its Unpickler, held to a list of four names
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

#: What numpy writes into a pickle to make a scalar; its module changed its name with numpy 2.
numpy_scalar = np.float64(0).__reduce__()[0]

_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "scalar"): numpy_scalar,
    ("numpy._core.multiarray", "scalar"): numpy_scalar,
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no table of results needs") from None


def inflates(file: Path | BinaryIO) -> bool:
    """Whether a file of torch's holds compressed parts, which torch never writes and which may expand to any size."""
    if not zipfile.is_zipfile(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(member.file_size > member.compress_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False  # torch will say what is wrong with it


def unpickle(data: bytes) -> Any:
    """Return the object that ``data`` describes.

    Raises
    ------
    ValueError
        It needs a class or function other than the few allowed, none of which is then imported or called, or it is
        damaged. The message is short and says which.
    """
    try:
        return _Plain(io.BytesIO(data)).load()
    except pickle.UnpicklingError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # damaged opcodes end in any of a dozen ways
        raise ValueError(f"it is not a whole pickle ({type(error).__name__})") from None
