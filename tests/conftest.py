"""Fixtures for the tests of the built book: the build, a local server, and a browser."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import book

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A shell starts background jobs with Ctrl-C ignored; the tests of interrupts need it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def open_figures() -> set[int]:
    """Numbers of the figures that pyplot keeps; none if nobody has imported it."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


@pytest.fixture(autouse=True)
def no_figure_stays_open() -> Iterator[None]:
    """Fail a test that leaves a figure open, and close it before the next test."""
    before = open_figures()
    yield
    left = open_figures() - before
    for number in left:
        sys.modules["matplotlib.pyplot"].close(number)
    if left:
        pytest.fail(f"{len(left)} matplotlib figure(s) left open", pytrace=False)


@pytest.fixture(scope="session")
def build_faults() -> str:
    """Build the book strictly if it is missing or out of date; return what went wrong, or ""."""
    if book.is_current():
        return ""
    done = book.build(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        return ""
    lines = done.stdout.splitlines()
    faults = [line for line in lines if "WARNING: " in line or "ERROR: " in line]
    return "\n".join([*faults, "...", *lines[-40:]])


@pytest.fixture(scope="session")
def built_book(build_faults: str) -> Path:
    """Return the folder of the strictly built book."""
    if build_faults:
        pytest.fail("the book did not build: see test_book_builds_strictly", pytrace=False)
    return book.HTML


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A file server that does not log."""

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site(built_book: Path) -> Iterator[str]:
    """Serve the built book on localhost and return its address, with a closing slash."""
    handler = functools.partial(QuietHandler, directory=str(built_book))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium; skip without one, unless HETEROLIB_REQUIRE_BROWSER=1."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("HETEROLIB_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=BROWSER_FLAGS)
        yield chromium
        chromium.close()
