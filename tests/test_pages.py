"""The built book, page by page: first as files, then in a real browser without a network."""

from __future__ import annotations

import contextlib
import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

from tools.book import ROOT

pytestmark = pytest.mark.book

PHONE_WIDTH = 390
WIDE_MS = 10_000  # a page that is still too wide then stays so
# What Sphinx writes where there is no description: a file name or a hash.
NO_ALT = re.compile(r"^\s*$|^(\.\./|_images/|[0-9a-f]{20,})|\.(png|svg|jpe?g|gif)$")

RAW_TEX = re.compile(r"\$[^$]*[\\^_][^$]*\$|\\[a-z]+[_{]")
# Shown tables and equations that are wider than the box they scroll in, by their first words.
WIDE = """selector => [...document.querySelectorAll(selector)].filter(e => {
    let box = e.parentElement;
    while (getComputedStyle(box).overflowX === "visible") box = box.parentElement;
    return e.offsetParent && e.scrollWidth > box.clientWidth + 1;
}).map(e => e.innerText.slice(0, 60))"""


def pages_in_toc() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    return [f"{file}.html" for file in files]


BOOK_PAGES = pages_in_toc()
ALL_PAGES = ["index.html", *BOOK_PAGES, "genindex.html", "search.html"]


@functools.cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    page = parsed(path)
    return frozenset(tag[key] for key in ("id", "name") for tag in page.find_all(attrs={key: True}))


def test_book_builds_strictly(build_faults):
    """Every warning is an error, and every chapter runs."""
    if build_faults:
        pytest.fail(f"the strict build of the book failed:\n{build_faults}", pytrace=False)


# ---- as files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_has_one_title_and_a_language(built_book, name):
    page = parsed(built_book / name)
    assert page.html.get("lang") == "en"
    # The theme keeps a second, hidden title for printing.
    assert len(page.select("h1:not(#jb-print-docs-body h1)")) == 1
    assert page.title.get_text(strip=True)


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_every_image_has_alternative_text(built_book, name):
    images = parsed(built_book / name).main.find_all("img")
    bad = [image.get("src") for image in images if NO_ALT.search(image.get("alt") or "")]
    assert not bad


@pytest.mark.parametrize("name", ALL_PAGES)
def test_internal_links_lead_somewhere(built_book, name):
    page = built_book / name
    base = parsed(page).find("base")
    if base:
        page = (page.parent / base["href"]).resolve()
    dead = []
    for link in parsed(built_book / name).find_all("a", href=True):
        address, anchor = urldefrag(link["href"])
        if urlsplit(address).scheme or urlsplit(address).netloc:
            continue
        path = unquote(urlsplit(address).path)
        target = (page.parent / path).resolve() if path else page
        if target.is_dir():
            target /= "index.html"
        if not target.is_file() or (
            anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target)
        ):
            dead.append(link["href"])
    assert not dead


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_names_no_outside_resource(built_book, name):
    page = parsed(built_book / name)
    used = [tag.get("src") for tag in page.find_all(["script", "img", "iframe", "source"])]
    used += [
        tag["href"]
        for tag in page.find_all("link", href=True)
        if {"stylesheet", "preload", "icon", "preconnect"} & set(tag.get("rel", []))
    ]
    assert not [address for address in used if address and urlsplit(address).netloc]


@pytest.mark.parametrize("name", ["index.html", *BOOK_PAGES])
def test_a_shared_link_shows_a_card(built_book, name):
    page = parsed(built_book / name)
    told = {m["property"]: m["content"] for m in page.find_all("meta", property=True)}
    base = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
    heading = page.select_one("article h1").get_text(" ", strip=True).rstrip("# ")
    assert told["og:title"].split(". ")[-1] in heading and "<" not in told["og:title"]
    assert len(told.get("og:description", "")) <= 203
    assert told["og:url"] == base + (BOOK_PAGES[0] if name == "index.html" else name)
    assert (built_book / told["og:image"].removeprefix(base)).is_file()
    assert [link["href"] for link in page.find_all("link", rel="canonical")] == [told["og:url"]]


def test_the_card_has_the_size_that_is_asked_for():
    from PIL import Image

    with Image.open(ROOT / "_static" / "card.png") as card:
        assert card.size == (1200, 630)


@pytest.mark.parametrize("name", ALL_PAGES)
def test_the_icon_lies_in_the_book(built_book, name):
    page = parsed(built_book / name)
    base = page.find("base")
    place = (built_book / name).parent / (Path(base["href"]).parent if base else "")
    (icon,) = page.select("link[rel~=icon]")
    assert (place / icon["href"]).resolve().is_file()


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_words_are_explained_once_on_a_page(built_book, name):
    page = parsed(built_book / name)
    links = page.select("a.hl-term")
    assert len({link["data-tip"] for link in links}) == len(links)
    terms = {dt["id"] for dt in parsed(built_book / "chapters/glossary.html").select("dt[id]")}
    assert {link["href"].split("#")[1] for link in links} <= terms
    if re.match(r"chapters/\d\d-", name):
        assert links


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_no_formula_is_left_raw(built_book, name):
    """Formulas in text are set by MathJax; in tables made by code they must be HTML."""
    text = [
        str(piece)
        for piece in parsed(built_book / name).main.find_all(string=RAW_TEX)
        if not piece.find_parents(["pre", "code", "script", "style"])
        and not piece.find_parents(class_="math")
    ]
    assert not text


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_cards_name_their_columns(built_book, name):
    for table in parsed(built_book / name).select("table.hl-cards"):
        heads = [
            head.get_text(" ", strip=True) for head in table.select("thead tr:first-child > *")
        ]
        for row in table.select("tbody tr"):
            assert [cell["data-label"] for cell in row.find_all(["th", "td"])] == heads


def test_parameters_become_cards(built_book):
    assert parsed(built_book / "chapters/parameters.html").select("table.hl-cards")


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_no_widget_is_left_without_a_form(built_book, name):
    text = (built_book / name).read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget" not in text


def test_no_failed_cell_is_shown(built_book):
    assert not [n for n in BOOK_PAGES if parsed(built_book / n).select(".output.traceback")]


# ---- in a browser ----------------------------------------------------------------------------


@dataclass
class Visit:
    """What a browser met on a page, at desk width and then at phone width."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    broken_images: list[str] = field(default_factory=list)
    bad_math: int = 0
    wide_tables: list[str] = field(default_factory=list)
    phone_width: int = 0
    wide_on_phone: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def visit(site, browser):
    """Return a function that opens a page once and reports on it."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    @functools.cache
    def open_page(name: str) -> Visit:
        seen = Visit()

        def gate(route):
            if route.request.url.startswith((site, "data:", "blob:")):
                route.continue_()
            else:
                seen.outside.append(route.request.url)
                route.abort()

        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("response", lambda r: seen.failed.append(r.url) if r.status >= 400 else None)
        page.route("**/*", gate)
        page.goto(site + name, wait_until="load")
        page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        seen.bad_math = page.locator("mjx-merror").count()
        seen.broken_images = page.evaluate(
            "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
        )
        seen.wide_tables = page.evaluate(WIDE, "article .cell_output table:not(.u-legend)")
        page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
        with contextlib.suppress(PlaywrightTimeout):  # the page goes on moving for a moment
            page.wait_for_function(
                f"innerWidth === {PHONE_WIDTH}"
                f" && document.documentElement.scrollWidth <= {PHONE_WIDTH}",
                timeout=WIDE_MS,
            )
        seen.phone_width = page.evaluate("document.documentElement.scrollWidth")
        seen.wide_on_phone = page.evaluate(WIDE, "article table.hl-cards, article div.math > *")
        page.close()
        return seen

    return open_page


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_opens_cleanly_without_a_network(visit, name):
    seen = visit(name)
    assert not seen.outside
    assert not seen.failed
    assert not seen.errors
    assert not seen.broken_images


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_math_is_set(visit, name):
    assert visit(name).bad_math == 0


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_fits_a_phone(visit, name):
    assert visit(name).phone_width <= PHONE_WIDTH


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_tables_fit_a_desk(visit, name):
    assert not visit(name).wide_tables


@pytest.mark.parametrize("name", BOOK_PAGES)
def test_cards_and_equations_fit_a_phone(visit, name):
    assert not visit(name).wide_on_phone


def test_theme_switch_makes_the_page_dark(site, browser):
    page = browser.new_page(color_scheme="light")
    page.goto(site + BOOK_PAGES[0])
    shade = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(shade)
    for _ in range(3):  # the switch goes round light, dark, and the system's choice
        page.locator("button.theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_function(f"{shade} !== '{light}'")
    page.close()
