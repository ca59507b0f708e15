"""The PDF, the zip and the weights: made from a few built pages, then opened."""

import functools
import http.server
import re
import threading
import zipfile

import pytest

from tools import release
from tools.book import ROOT

NAMES = ["chapters/index.html", "chapters/notation.html", "chapters/06-timing-windows.html"]
EXPLORER = NAMES[2]


def test_pages_are_those_of_the_contents_in_order():
    pages = release.pages()
    assert pages[0] == "chapters/index.html" and pages.index(EXPLORER) > 3
    assert len(set(pages)) == len(pages)
    assert release.public_address().startswith("https://") and release.public_address()[-1] == "/"


# ---- PDF -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book_pdf(built_book, browser, tmp_path_factory):
    from pypdf import PdfReader

    out = tmp_path_factory.mktemp("release")
    target = out / "book.pdf"
    with release.served(built_book) as site:
        parts = [(name, *release.printed(browser, site, name)) for name in NAMES]
        release.join(parts, site, target)
    return PdfReader(target)


@pytest.mark.book
def test_the_pdf_has_every_page_in_its_outline(book_pdf):
    titles = [entry.title for entry in book_pdf.outline]
    assert len(titles) == len(NAMES)
    assert titles[1] == "Notation and conventions" and titles[2].endswith("Timing windows")
    firsts = [book_pdf.get_destination_page_number(entry) for entry in book_pdf.outline]
    assert firsts == sorted(set(firsts)) and firsts[0] == 0
    for entry, first in zip(book_pdf.outline, firsts, strict=True):
        words = " ".join(book_pdf.pages[first].extract_text().split())
        assert entry.title.split(". ")[-1].split()[0] in words


@pytest.mark.book
def test_the_pdf_shows_solutions_and_explorers_as_figures(book_pdf):
    text = "\n".join(page.extract_text() for page in book_pdf.pages)
    assert "First hint" in text and "Solution to Exercise" in text
    assert "Compare the ratios with the two borders" in text  # folded on the page
    assert "Copy link" not in text and "Reset" not in text  # nothing to press
    from heterolib.explore import EXPLORERS

    e = EXPLORERS["timing-window"]
    flat = " ".join(text.split())
    assert e.title in flat
    assert e.summary(e.run()).split(";")[0] in flat  # below the figure


@pytest.mark.book
def test_links_of_the_pdf_lead_into_it_or_to_the_published_site(book_pdf):
    inner, outer = 0, []
    for page in book_pdf.pages:
        for mark in page.get("/Annots", []):
            link = mark.get_object()
            if address := (link.get("/A") or {}).get("/URI"):
                outer.append(address)
            inner += "/Dest" in link
    assert inner > 5
    assert not [a for a in outer if "127.0.0.1" in a or "localhost" in a]
    assert any(a.startswith(release.public_address()) for a in outer)  # chapters not in this PDF


# ---- zip -------------------------------------------------------------------------------------


@pytest.mark.book
def test_the_zip_opens_without_a_server(built_book, browser, tmp_path):
    target = release.make_zip(built_book, tmp_path)
    assert target.read_bytes() == release.make_zip(built_book, tmp_path / "again").read_bytes()
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path)
    root = tmp_path / "heterolib-site"
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else faults.append(r.url),
    )
    for name in ("index.html", EXPLORER):
        page.goto((root / name).as_uri(), wait_until="load")
        page.wait_for_function(
            "[...document.querySelectorAll('[data-explorer]')]"
            ".every((e) => e.dataset.state === 'ready')"
        )
        assert page.locator("[data-explorer]").count() == 1
        page.evaluate("async () => { await window.MathJax?.startup?.promise }")
    assert page.locator("mjx-container").count() > 10
    assert faults == []
    page.close()


# ---- weights ---------------------------------------------------------------------------------


@pytest.mark.book
def test_weights_are_what_is_loaded(built_book, site, browser):
    (found,) = release.weigh(browser, site, built_book, [EXPLORER])
    assert found.html == (built_book / EXPLORER).stat().st_size
    assert 0 < found.html_packed < found.html < found.loaded
    assert found.files > 10
    assert found.loaded < 8e6, "a page has become heavy: see tools/release.py weights"


# ---- outside links ---------------------------------------------------------------------------


@pytest.mark.book
def test_outside_links_are_found_with_their_pages(built_book):
    links = release.outside_links(built_book, ["chapters/references.html", EXPLORER])
    doi = "https://doi.org/10.1038/s42003-026-09719-3"
    assert any("references" in page for page in links[doi])
    assert all(re.match("https?://", address) and "#" not in address for address in links)


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *args):
        pass


def test_dead_links_are_told_and_refusals_are_not():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Answers)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        assert release.answer(f"{here}/200") == ""
        assert release.answer(f"{here}/403") == ""  # publishers refuse programs
        assert release.answer(f"{here}/404") == "HTTP 404"
        assert release.answer(f"{here}/500") == "HTTP 500"
        server.shutdown()
    assert "Error" in release.answer(f"{here}/200")


# ---- what makes them, unasked ----------------------------------------------------------------


def test_the_workflow_builds_every_week_and_publishes_what_was_checked():
    import yaml

    text = (ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8")
    flow = yaml.safe_load(text)
    when = flow[True]  # YAML 1.1 reads the key "on" so
    assert re.fullmatch(r"\d+ \d+ \* \* \d", when["schedule"][0]["cron"])
    runs = [step.get("run", "") for step in flow["jobs"]["check"]["steps"]]
    assert runs.index(".ci/run") < next(i for i, r in enumerate(runs) if "make release" in r)
    assert flow["jobs"]["publish"]["needs"] == "check"
    assert any("release.py links" in s.get("run", "") for s in flow["jobs"]["outside"]["steps"])
