"""A web server on this machine that delivers well, badly or not at all."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Gets the file and the byte that was asked for first, and says what the answer is.
Behaviour = Callable[["Handler", bytes, int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the path: /NAME is answered by the behaviour of that name."""

    protocol_version = "HTTP/1.1"
    content: bytes
    behaviours: dict[str, Behaviour]
    log: list[tuple[str, int]]
    released: threading.Event

    def do_GET(self) -> None:
        name = self.path.strip("/").split("?")[0]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        self.log.append((name, start))
        self.close_connection = True
        self.behaviours[name](self, self.content, start)

    def answer(self, code: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        """Send ``body``, having announced ``length`` bytes."""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def good(handler: Handler, content: bytes, start: int) -> None:
    """Deliver, from where it was asked for."""
    partial(handler, content, start, content[start:])


def partial(handler: Handler, content: bytes, start: int, body: bytes) -> None:
    """Announce the rest of the file, and send ``body``."""
    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
    headers = {"Content_Range": span} if start else {}
    handler.answer(206 if start else 200, body, len(content) - start, **headers)


def cut_off(size: int) -> Behaviour:
    """Break the connection off after ``size`` bytes of each answer."""
    return lambda handler, content, start: partial(handler, content, start, content[start : start + size])


def cut_off_without_ranges(size: int) -> Behaviour:
    """Break off after ``size`` bytes, and begin anew each time."""
    return lambda handler, content, start: handler.answer(200, content[:size], len(content))


def without_ranges(handler: Handler, content: bytes, start: int) -> None:
    """Deliver from the beginning, whatever was asked for."""
    handler.answer(200, content)


def corrupt(handler: Handler, content: bytes, start: int) -> None:
    """Deliver the right number of bytes, with one changed near the end."""
    spoiled = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    good(handler, spoiled, start)


def missing(handler: Handler, content: bytes, start: int) -> None:
    """Say that there is no such file."""
    handler.answer(404)


def another_size(handler: Handler, content: bytes, start: int) -> None:
    """Deliver another file."""
    handler.answer(200, content + b"more")


def web_page(handler: Handler, content: bytes, start: int) -> None:
    """Deliver what tells a person about a quota."""
    handler.answer(200, b"<html>Too many users</html>", Content_Type="text/html; charset=utf-8")


def unannounced(handler: Handler, content: bytes, start: int) -> None:
    """Send other bytes without saying how many."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"no such file")


def slow(handler: Handler, content: bytes, start: int) -> None:
    """Deliver in small parts."""
    partial(handler, content, start, b"")
    for place in range(start, len(content), 1 << 17):
        handler.wfile.write(content[place : place + (1 << 17)])
        time.sleep(0.01)


def stalled(handler: Handler, content: bytes, start: int) -> None:
    """Begin, and then send nothing more."""
    partial(handler, content, start, content[start : start + (1 << 17)])
    handler.released.wait(10)


@contextmanager
def serving(content: bytes, **behaviours: Behaviour) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Serve ``content``; yield the server's address and the list of requests: (name, first byte)."""
    log: list[tuple[str, int]] = []
    released = threading.Event()
    state = {"content": content, "behaviours": behaviours, "log": log, "released": released}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), state))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", log
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
