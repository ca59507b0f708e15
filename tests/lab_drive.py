"""Drive JupyterLab for real: run a notebook, move a slider, and read the trait in Python.

usage: python tests/lab_drive.py [--notebook chapters/05-two-spines.ipynb] [--screenshot FILE]

Needs jupyterlab, playwright and what heterolib needs in the same Python, and a Chromium. It
installs nothing and writes to a temporary folder only. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
SHOW = 'from heterolib import explore\n\nw = explore.widget("two-spines")\nw'
READ = "print('pulses is', w.pulses); print('summary:', w.summary)"
SET = "w.pulses = 7; print('set')"


def cell(source: str) -> dict:
    return {
        "cell_type": "code",
        "id": f"c{abs(hash(source)) % 10**8}",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def notebook(source: Path | None) -> dict:
    """Our three cells, after those of a chapter if one is given."""
    if source is None:
        found = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    else:
        found = json.loads(source.read_text(encoding="utf-8"))
    found["metadata"]["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    found["cells"] += [cell(SHOW)]
    return found


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def lab(folder: Path):
    """JupyterLab on a free port, without a token, and stopped afterwards."""
    port = free_port()
    state = folder / ".state"
    env = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    log = (folder / ".lab.log").open("wb")
    server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit((folder / ".lab.log").read_text()) from None
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


class Drive:
    """A notebook open in JupyterLab."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".jp-OutputArea [data-explorer='two-spines']").last

    def run_new_cell(self, source: str, awaited: str, timeout: int = 30_000) -> str:
        """Put a cell at the end, run it, and return its output once `awaited` is in it."""
        count = self.page.locator(".jp-Notebook .jp-CodeCell").count()
        self.page.locator(".jp-Notebook .jp-CodeCell").last.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.wait_for_function(
            "(n) => document.querySelectorAll('.jp-Notebook .jp-CodeCell').length > n",
            arg=count,
        )
        last = self.page.locator(".jp-Notebook .jp-CodeCell").last
        last.locator(".cm-content").click()
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")
        output = last.locator(".jp-OutputArea-output").filter(has_text=awaited).first
        output.wait_for(timeout=timeout)
        return output.inner_text()

    def slider(self, name: str):
        return self.root.locator(f"input[name='{name}']")

    def status(self) -> str:
        return self.root.locator("[role=status]").inner_text()

    def wait_for_words(self, words: str, timeout: int = 10_000) -> None:
        self.page.wait_for_function(
            "([e, text]) => e.querySelector('[role=status]').textContent === text",
            arg=[self.root.element_handle(), words],
            timeout=timeout,
        )

    def wait_for_status(self, other_than: str, timeout: int = 10_000) -> float:
        begun = time.perf_counter()
        self.page.wait_for_function(
            "([e, text]) => e.querySelector('[role=status]').textContent !== text",
            arg=[self.root.element_handle(), other_than],
            timeout=timeout,
        )
        return time.perf_counter() - begun


def steps(page, address: str, shown: int, screenshot: str | None, found: dict[str, object]) -> None:
    """What a reader would do; times go to `found`. The explorer is shown `shown` times."""
    from heterolib.explore import EXPLORERS

    e = EXPLORERS["two-spines"]
    begun = time.perf_counter()
    page.goto(address, wait_until="domcontentloaded")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.locator("#jp-bottom-panel, #jp-main-statusbar").get_by_text("| Idle").first.wait_for(
        timeout=60_000
    )
    found["notebook open (s)"] = round(time.perf_counter() - begun, 2)

    begun = time.perf_counter()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    d = Drive(page)
    live = page.locator(".jp-OutputArea [data-explorer='two-spines'][data-state='ready']")
    live.nth(shown - 1).wait_for(timeout=120_000)  # a chapter may show it before our cell does
    found["run all to a live widget (s)"] = round(time.perf_counter() - begun, 2)
    start = e.summary(e.run())
    d.wait_for_words(start)
    assert d.root.locator("canvas").count() == len(e.views)
    assert "Python" in d.root.inner_text(), "the engine is not told"
    border = d.root.evaluate("(x) => getComputedStyle(x).borderTopStyle")
    found["style sheet"] = "loaded" if border == "solid" else "FAULT: missing"
    ink = d.root.evaluate(
        "(x) => x.heterolib.charts.map((c) => c.chart.axes[1].stroke(c.chart, 1))"
    )
    found["ink of the charts"] = ink[0] if all(ink) else "FAULT: none, the axes are faint"

    # a drag of the page's slider, then Python reads the trait
    slider = d.slider("pulses")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x + 8, y)
    page.mouse.down()
    for share in (0.1, 0.15, 0.2, 0.22):
        page.mouse.move(x + share * box["width"], y)
    page.mouse.up()
    found["drag to result in words (s)"] = round(d.wait_for_status(start), 3)
    value = float(slider.input_value())
    assert value in (2.0, 3.0), value
    d.wait_for_words(e.summary(e.run(pulses=value)))
    printed = d.run_new_cell(READ, "pulses is")
    assert f"pulses is {value}" in printed, printed
    assert e.summary(e.run(pulses=value)) in printed, printed
    assert d.status() == e.summary(e.run(pulses=value)), d.status()

    # Python sets the trait, then the page's slider has moved
    begun = time.perf_counter()
    d.run_new_cell(SET, "set")
    page.wait_for_function("(e) => e.value === '7'", arg=slider.element_handle(), timeout=10_000)
    found["cell to slider (s)"] = round(time.perf_counter() - begun, 2)
    d.wait_for_words(e.summary(e.run(pulses=7.0)))
    pressed = d.root.locator("[aria-pressed=true]").all_inner_texts()
    assert pressed == ["cooperation"], pressed

    # a preset, and keys that send many values
    d.root.get_by_role("button", name="delayed pair").click()
    d.wait_for_words(e.summary(e.run(**e.preset("delayed pair"))))
    d.root.get_by_role("button", name="Reset").click()
    d.wait_for_words(start)
    slider = d.slider("distance")
    for keys, what in (
        (["PageUp", "PageDown"] * 10 + ["PageUp"], "21 key presses to the last result (s)"),
        (["ArrowRight"], "arrow key to the result (s)"),
    ):
        before = float(slider.input_value())
        slider.focus()
        begun = time.perf_counter()
        for key in keys:
            slider.press(key)
        value = float(slider.input_value())
        if value == before:
            found[what] = "FAULT: JupyterLab takes the key"
            continue
        d.wait_for_words(e.summary(e.run(distance=value)))
        found[what] = round(time.perf_counter() - begun, 2)
        page.wait_for_timeout(500)
        assert float(slider.input_value()) == value  # late answers do not pull it back
        assert d.status() == e.summary(e.run(distance=value))

    if screenshot:
        d.root.scroll_into_view_if_needed()
        d.root.screenshot(path=screenshot)


def drive(address: str, name: str, shown: int, screenshot: str | None) -> dict[str, object]:
    from playwright.sync_api import sync_playwright

    found: dict[str, object] = {}
    errors: list[str] = []
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route(
            "**/*",
            lambda r: (
                r.continue_()
                if r.request.url.startswith(
                    (address, address.replace("http", "ws"), "data:", "blob:")
                )
                else r.abort()
            ),
        )
        try:
            steps(page, f"{address}/lab/tree/{name}?reset", shown, screenshot, found)
        except Exception:
            page.screenshot(path="lab_drive-failed.png")
            print(found, errors, "see lab_drive-failed.png", sep="\n")
            raise
        browser.close()
    found["page errors"] = errors
    assert not errors, errors
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebook", type=Path)
    parser.add_argument("--screenshot")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    try:
        import jupyterlab
        import playwright  # noqa: F401
    except ImportError as error:
        sys.exit(f"{error.name} is missing: this script wants jupyterlab and playwright")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        content = notebook(arguments.notebook)
        sources = ["".join(c["source"]) for c in content["cells"]]
        shown = sum('show("two-spines")' in s or 'widget("two-spines")' in s for s in sources)
        (folder / "drive.ipynb").write_text(json.dumps(content))
        with lab(folder) as address:
            found = drive(address, "drive.ipynb", shown, arguments.screenshot)
    print(f"JupyterLab {jupyterlab.__version__}")
    for what, value in found.items():
        print(f"  {what}: {value}")
    if any("FAULT" in str(value) for value in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
