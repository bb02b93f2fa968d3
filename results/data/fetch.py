"""Download published files: several addresses, checksums, and resumption of what was cut off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from results.data.directory import find, part_of, place
from results.data.progress import Progress, shown
from results.data.sources import SOURCES, Source
from results.errors import InputError, suggest
from results.files import kept, whole

#: Seconds to wait for a connection, and for the next bytes.
TIMEOUT = (10.0, 60.0)
#: How often one address is asked as long as each answer brings a further part of the file.
ATTEMPTS = 5
_CHUNK = 1 << 16


def fetch(
    names: Iterable[str], data_dir: Path, progress: Progress | None = None, *, replace: bool = False
) -> list[Path]:
    """Download the sources ``names`` into ``data_dir`` and return where they are.

    A file that is there with the published checksum, or unpacked, is left alone. A download that was cut off stays as
    ``NAME.part`` and is continued by the next attempt, from whichever address. Nothing takes its name before its
    checksum is right. A file that is not the published one stays, unless ``replace`` says that it may go; even then
    it stays until there is a sound one to take its place.

    Raises
    ------
    InputError
        There is no such source, another file has its name, no address delivers it, there is no space for it, or
        ``DNAS_OFFLINE`` is set.
    """
    wanted = [_source(name) for name in names]
    with shown(progress) as report:
        return [_fetch(source, Path(data_dir), report, replace) for source in wanted]


def _source(name: str) -> Source:
    if name not in SOURCES:
        hint = suggest(name, SOURCES) or f"; known are {', '.join(SOURCES)}"
        raise InputError(f"unknown source '{name}'{hint}")
    return SOURCES[name]


def _fetch(source: Source, data_dir: Path, progress: Progress, replace: bool) -> Path:
    path = place(data_dir, source)
    part = part_of(path)
    try:
        there, state, detail = find(data_dir, source, progress)
        if state.usable:
            return there
        if there.exists():
            other = kept.Kept(there, f"not the file that was published ({detail})")
            kept.refuse([other], replace=replace, otherwise="move it away")
        if os.environ.get("DNAS_OFFLINE", "") not in ("", "0"):
            raise InputError(
                f"{path} is {state} and DNAS_OFFLINE is set; put it there by hand or unset DNAS_OFFLINE."
                f" What works without it: {source.without}"
            )
        whole.check_place(path.parent)
        _require_space(part, source)
        faults = []
        for address in source.addresses:
            fault = _from_address(address, source, path, part, progress)
            if not fault:
                return path
            faults.append(f"{urlsplit(address).hostname}: {fault}")
    except OSError as error:
        part.unlink(missing_ok=True)  # on a full disk, others who write there need the space
        raise InputError(
            f"cannot read or write {path} ({error.strerror}); set DNAS_DATA to a folder with space"
        ) from None
    raise InputError(
        f"no address delivers {path.name} ({'; '.join(faults)}); try again later, or put it at {path} by hand"
    )


def _require_space(part: Path, source: Source) -> None:
    there = part.stat().st_size if part.exists() else 0
    lacking = source.size - there - shutil.disk_usage(part.parent).free
    if lacking > 0:
        raise InputError(
            f"{source.path} needs {lacking / 1e9:.1f} GB more than are free in {part.parent};"
            " free them, or set DNAS_DATA to a folder with space"
        )


def _from_address(address: str, source: Source, path: Path, part: Path, progress: Progress) -> str:
    """Download from one address; return what went wrong in a few words, or nothing."""
    import pooch
    import requests
    import urllib3

    pooch.get_logger().setLevel("WARNING")
    download: Any = _Resuming(part, source.size, progress)  # pooch annotates its downloaders wrongly
    fault = ""
    for _ in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            pooch.retrieve(address, source.checksum, path.name, path.parent, downloader=download)
        except _Refusal as error:
            return str(error)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            fault = _in_short(error)
            if not part.exists() or part.stat().st_size <= before:
                return fault
        except ValueError:  # pooch's word for a wrong checksum; the file is gone
            fault = "wrong checksum"
            if not before:
                return fault
            # What was continued may have been the beginning of another file: once more, from the start.
        else:
            return ""
    return fault


class _Refusal(Exception):
    """An address answers with something that is not the file."""


class _Resuming:
    """A downloader for pooch: it continues ``part``, which gets the requested name when it is complete."""

    def __init__(self, part: Path, size: int, progress: Progress) -> None:
        self.part, self.size, self.progress = part, size, progress

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        done = self.part.stat().st_size if self.part.exists() else 0
        if done < self.size:
            self._receive(url, done)
        self.part.replace(output_file)

    def _receive(self, url: str, done: int) -> None:
        import requests

        # Ranges and checksums are of the file itself, so no encoding on the way.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            if response.status_code != requests.codes.partial:
                done = 0
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise _Refusal("offers a web page")
            length = int(response.headers.get("Content-Length", self.size - done))
            if done + length != self.size:
                raise _Refusal(f"offers {done + length:,} bytes where {self.size:,} were published")
            with self.part.open("ab" if done else "wb") as file:
                for chunk in response.raw.stream(_CHUNK, decode_content=False):
                    done += file.write(chunk)
                    self.progress(f"fetching {self.part.stem}", done, self.size)
        if done != self.size:
            raise requests.exceptions.ChunkedEncodingError("cut off")


def _in_short(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time"
    return "no connection" if isinstance(error, requests.ConnectionError) else "connection broken off"
