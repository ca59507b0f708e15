"""What can be taken away from the built book: one PDF, a zip of the site, a table of weights.

python tools/release.py pdf | zip | weights | links | all

Everything goes to _build/release. The PDF is printed from the built pages by a Chromium, so each
explorer is there as its figure. `links` asks the outside addresses that the pages name, and needs
a network; the others ask nobody.
"""

import argparse
import contextlib
import functools
import gzip
import http.server
import io
import re
import shutil
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools import book

OUT = book.BUILD / "release"
NAME = "heterolib"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAPER = {
    "format": "A4",
    "print_background": True,
    "margin": {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": (
        "<div style='width: 100%; font-size: 8px; padding: 0 16mm; color: #444'>"
        "<span class='title'></span>"
        "<span style='float: right'><span class='pageNumber'></span></span></div>"
    ),
}
# Nobody can unfold on paper: hints and solutions are shown, cells of mere code stay folded.
UNFOLD = """
for (const e of document.querySelectorAll(".admonition.toggle-hidden")) {
  e.classList.remove("toggle-hidden");
}
for (const e of document.querySelectorAll(".toggle-button, .toggle-details__summary")) {
  e.style.display = "none";
}
"""
REFUSED = {401, 403, 405, 406, 418, 429, 503}  # what publishers answer to programs


def pages() -> list[str]:
    """Return the pages of the book in the order of its contents."""
    toc = yaml.safe_load((book.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    return [f"{file}.html" for file in files]


def public_address() -> str:
    """Return where the pages are published, with a closing slash."""
    config = yaml.safe_load((book.ROOT / "_config.yml").read_text(encoding="utf-8"))
    return config["html"]["baseurl"].rstrip("/") + "/"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A file server that does not log."""

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def served(html: Path) -> Iterator[str]:
    """Serve a folder on localhost; the address has a closing slash."""
    handler = functools.partial(QuietHandler, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextlib.contextmanager
def browsing():
    """A Chromium of this machine."""
    from playwright.sync_api import sync_playwright

    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        sys.exit("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


def settled(page, address: str) -> None:
    """Open a page and wait until its formulas are set and its explorers stand."""
    page.goto(address, wait_until="load")
    page.evaluate("async () => { await window.MathJax?.startup?.promise }")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-explorer]')]"
        ".every((e) => e.dataset.state !== 'loading')"
    )


# ---- the book as one PDF -----------------------------------------------------------------------


def printed(browser, site: str, name: str) -> tuple[str, bytes]:
    """Return the title of a page, and the page as a PDF."""
    page = browser.new_page(color_scheme="light")
    settled(page, site + name)
    page.emulate_media(media="print", color_scheme="light")
    page.evaluate(UNFOLD)
    title = page.locator("article h1").first.evaluate("(e) => e.firstChild.textContent.trim()")
    number = page.locator("article h1 .section-number")
    if number.count():
        title = page.locator("article h1").first.inner_text().rstrip("#").strip()
    content = page.pdf(**PAPER)
    page.close()
    return title, content


def join(parts: list[tuple[str, str, bytes]], site: str, target: Path) -> int:
    """Join pages (name, title, PDF) in one file; return its number of sheets.

    Links between pages lead to the sheets of this file, those to other files of the site to the
    published site.
    """
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, NameObject, TextStringObject

    writer, first = PdfWriter(), {}
    for name, title, content in parts:
        first[name] = len(writer.pages)
        writer.append(PdfReader(io.BytesIO(content)), outline_item=title, import_outline=False)
    for sheet in writer.pages:
        for mark in sheet.get("/Annots", ArrayObject()):
            link = mark.get_object()
            action = link.get("/A", {})
            address = action.get("/URI", "") if action else ""
            if not address.startswith(site):
                continue
            path = unquote(urlsplit(urldefrag(address)[0]).path).lstrip("/")
            if path in first:
                goal = writer.pages[first[path]].indirect_reference
                del link["/A"]
                link[NameObject("/Dest")] = ArrayObject([goal, NameObject("/Fit")])
            else:
                new = public_address() + address[len(site) :]
                action.get_object()[NameObject("/URI")] = TextStringObject(new)
    writer.add_metadata({"/Title": "Heterolib: calcium, dendrites and learning"})
    writer.compress_identical_objects()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        writer.write(file)
    return len(writer.pages)


def make_pdf(html: Path = book.HTML, names: list[str] | None = None, out: Path = OUT) -> Path:
    """Print the pages in the order of the contents into one PDF."""
    target = out / f"{NAME}.pdf"
    with served(html) as site, browsing() as browser:
        parts = [(name, *printed(browser, site, name)) for name in names or pages()]
        count = join(parts, site, target)
    print(f"{target}: {count} sheets, {target.stat().st_size / 1e6:.1f} MB")
    return target


# ---- the site as one zip -----------------------------------------------------------------------


def make_zip(html: Path = book.HTML, out: Path = OUT) -> Path:
    """Pack the site; the same site gives the same bytes."""
    target = out / f"{NAME}-site.zip"
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(html.rglob("*")):
            if file.is_file() and file.name != ".buildinfo":
                entry = zipfile.ZipInfo(f"{NAME}-site/{file.relative_to(html).as_posix()}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB; unpack, then open index.html")
    return target


# ---- what a page weighs ------------------------------------------------------------------------


@dataclass
class Weight:
    """What a reader's browser gets for one page, in bytes."""

    page: str
    html: int
    html_packed: int
    files: int
    loaded: int


def weigh(browser, site: str, html: Path, names: list[str]) -> list[Weight]:
    """Open pages with an empty cache and add up what they load."""
    found = []
    for name in names:
        sizes: dict[str, int] = {}

        def note(response, sizes=sizes):
            sizes[response.url] = int(response.headers.get("content-length", 0))

        context = browser.new_context()
        page = context.new_page()
        page.on("response", note)
        settled(page, site + name)
        context.close()
        text = (html / name).read_bytes()
        found.append(
            Weight(name, len(text), len(gzip.compress(text)), len(sizes), sum(sizes.values()))
        )
    return found


def make_weights(html: Path = book.HTML, out: Path = OUT) -> Path:
    """Write the table of weights."""
    rows = [
        "| page | html (kB) | packed (kB) | files | all it loads (kB) |",
        "|---|---|---|---|---|",
    ]
    with served(html) as site, browsing() as browser:
        weights = weigh(browser, site, html, pages())
    for w in weights:
        numbers = (w.html / 1e3, w.html_packed / 1e3, w.files, w.loaded / 1e3)
        rows.append(f"| {w.page} | " + " | ".join(f"{n:.0f}" for n in numbers) + " |")
    out.mkdir(parents=True, exist_ok=True)
    target = out / "weights.md"
    target.write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))
    return target


# ---- outside links -----------------------------------------------------------------------------


def outside_links(html: Path, names: list[str]) -> dict[str, list[str]]:
    """Return every outside address that a text of ours links to, and the pages that do."""
    from bs4 import BeautifulSoup

    found: dict[str, list[str]] = {}
    for name in names:
        article = BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser").article
        for link in article.find_all("a", href=re.compile("^https?://")):
            users = found.setdefault(urldefrag(link["href"])[0], [])
            if name not in users:
                users.append(name)
    return found


def answer(address: str, timeout_s: float = 30.0) -> str:
    """Return "" if an address answers or refuses programs only, else what is wrong."""
    asked = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        with urllib.request.urlopen(asked, timeout=timeout_s):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in REFUSED else f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def check_links(html: Path = book.HTML) -> int:
    """Ask every outside address once; print the dead ones and return how many there are."""
    dead = 0
    links = outside_links(html, pages())
    for address, users in sorted(links.items()):
        if fault := answer(address):
            dead += 1
            print(f"{address}: {fault} (on {', '.join(users)})")
    print(f"{len(links)} outside links, {dead} dead")
    return dead


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["pdf", "zip", "weights", "links", "all"])
    action = parser.parse_args().action
    if not (book.HTML / "index.html").is_file():
        print("There is no built book: make book", file=sys.stderr)
        return 1
    if action == "links":
        return int(check_links() > 0)
    for name, make in (("zip", make_zip), ("weights", make_weights), ("pdf", make_pdf)):
        if action in (name, "all"):
            make()
    return 0


if __name__ == "__main__":
    sys.exit(main())
