"""One archive of everything in a store: records, landscapes, scores, their report, versions, a citation.

An archive is a zip. ``runs/`` holds the store's Parquet files, ``report/`` the page with its figures and tables,
``versions.json`` what made the records and the archive, ``CITATION.bib`` what to cite, ``SHA256SUMS`` a checksum of
each of the others. Checkpoints and images are not in it.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from results.errors import InputError
from results.files import whole
from results.records.record import Record
from results.records.store import Store

NAME = "dnas-bench-records.zip"
_RUNS, _SUMS = "runs", "SHA256SUMS"
_LARGEST = 2**32  # bytes that an archive may expand to
#: What zipfile raises where an archive is damaged, encrypted (RuntimeError), or lacks its checksums.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, ValueError, EOFError, RuntimeError)
_SUITE = """@software{dnas-bench,
  title = {dnas-bench: a benchmark-reproduction suite for differentiable architecture search},
  author = {{The dnas-bench developers}},
  version = {%s}
}"""
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the date of every member: equal content gives equal bytes


def pack(target: Path, store: Store, report: Path, versions: Mapping[str, str]) -> int:
    """Write an archive of a store to ``target`` and return the number of its files.

    Parameters
    ----------
    report : folder of a report on the store; its note of what it wrote stays out.
    versions : of what makes the archive.
    """
    records, damaged = store.records(), {path for path, _ in store.unreadable()}
    files = [path for path in sorted(store.root.rglob("*.parquet")) if path not in damaged]
    members = {f"{_RUNS}/{name}": path for path in files if not (name := _name(path, store.root)).startswith(".")}
    members |= {f"report/{_name(path, report)}": path for path in sorted(report.rglob("*")) if _is_shown(path)}
    texts = {
        "CITATION.bib": citation(records, versions.get("dnas-bench", "")),
        "versions.json": json.dumps(_versions(records, versions), indent=1, sort_keys=True) + "\n",
    }
    sums = {}
    with whole.writing(target) as file, zipfile.ZipFile(file, "w") as archive:
        for name, path in members.items():
            content = path.read_bytes()  # once: another process may replace the file at any time
            sums[name] = _checksum(content)
            archive.writestr(_member(name), content)
        for name, text in texts.items():
            sums[name] = _checksum(text.encode())
            archive.writestr(_member(name), text)
        archive.writestr(_member(_SUMS), "".join(f"{checksum}  {name}\n" for name, checksum in sorted(sums.items())))
    return len(sums) + 1


def is_archive(path: Path) -> bool:
    """Whether a path is a zip file."""
    return path.is_file() and zipfile.is_zipfile(path)


def unpack(path: Path, folder: Path) -> Path:
    """Write the Parquet files of an archive's store into ``folder``, after checking them, and return the store's root.

    Raises
    ------
    InputError
        It is not an archive of this suite, or one of its files is not what its checksum says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sums = dict(line.split("  ", 1)[::-1] for line in archive.read(_SUMS).decode().splitlines())
            members = [member for member in archive.infolist() if _is_of_store(member.filename)]
            if sum(member.file_size for member in members) > _LARGEST:
                raise InputError(f"{path} expands to more than {_LARGEST // 2**30} GiB; unpack it by hand")
            for member in members:
                content = archive.read(member)
                if _checksum(content) != sums.get(member.filename):
                    raise InputError(f"{path} is damaged: {member.filename} is not what {_SUMS} says; copy it again")
                place = folder / member.filename
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
    except _UNREADABLE as error:
        raise InputError(f"{path} is not an archive of 'dnas export', or is damaged: {error}") from None
    return folder / _RUNS


def citation(records: Iterable[Record], version: str) -> str:
    """Return the BibTeX entries of the suite and of every method of the records."""
    entries = dict.fromkeys(record.manifest.method.cite.strip() for record in records)
    return "\n\n".join(filter(None, [_SUITE % version, *entries])) + "\n"


def _versions(records: Iterable[Record], now: Mapping[str, str]) -> dict[str, Any]:
    made = {json.dumps({"versions": r.manifest.versions, "git": r.manifest.git}, sort_keys=True) for r in records}
    return {"archive": dict(now), "records": [json.loads(each) for each in sorted(made)]}


def _is_of_store(name: str) -> bool:
    """Whether the name of a member is that of a Parquet file below ``runs``, and leads nowhere else."""
    parts = PurePosixPath(name).parts
    plain = not any(part.startswith(".") or set(part) & set("\\:") for part in parts)
    return len(parts) > 1 and parts[0] == _RUNS and plain and name.endswith(".parquet")


def _is_shown(path: Path) -> bool:
    return path.is_file() and path.name != "report-files.json"


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EARLIEST)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
