"""The page for instructors: its table is sound, its links set the presets, and projector mode."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup

from heterolib.explore import EXPLORERS
from tools.book import ROOT

CHAPTERS = ROOT / "chapters"
ROWS = json.loads((CHAPTERS / "data" / "teaching.json").read_text(encoding="utf-8"))
IDEAS = [(row["chapter"], idea) for row in ROWS for idea in row["misconceptions"]]
NAMES = [f"{chapter}-{k}" for k, (chapter, _) in enumerate(IDEAS)]
FIRST = "chapters/01-calcium-decides.html"
HANG_MS = 60_000


def source(chapter):
    notebook = nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4)
    return "\n".join(cell.source for cell in notebook.cells)


# -- the table ---------------------------------------------------------------------------------


def test_every_row_names_a_chapter_and_earlier_ones_it_needs():
    names = [row["chapter"] for row in ROWS]
    assert names == sorted(set(names)) and len(names) >= 10
    for row in ROWS:
        assert (CHAPTERS / f"{row['chapter']}.ipynb").is_file()
        for needed in row["needs"]:
            assert (CHAPTERS / f"{needed}.ipynb").is_file() and needed < row["chapter"]
        assert row["misconceptions"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["chapter"])
def test_a_row_needs_the_chapters_that_the_page_itself_names(row):
    notebook = nbformat.read(CHAPTERS / f"{row['chapter']}.ipynb", as_version=4)
    opening = next(c.source for c in notebook.cells if c.cell_type == "markdown")
    named = re.findall(r"\]\((\d\d-[\w-]+)\.ipynb", re.split(r"[Yy]ou need", opening)[1])
    assert row["needs"] == sorted(named)


@pytest.mark.parametrize(("chapter", "idea"), IDEAS, ids=NAMES)
def test_the_preset_that_exposes_a_wrong_idea_is_in_its_chapter(chapter, idea):
    assert f'explore.show("{idea["explorer"]}")' in source(chapter)
    assert idea["preset"] in [p.name for p in EXPLORERS[idea["explorer"]].presets]
    assert idea["thought"].endswith(".") and idea["instead"].endswith(".")


# -- on the built pages ------------------------------------------------------------------------


@pytest.mark.book
def test_each_link_sets_its_preset(built_book):
    page = BeautifulSoup(
        (built_book / "chapters/instructor.html").read_text(encoding="utf-8"), "html.parser"
    )
    links = [a for a in page.main.find_all("a", href=True) if "?projector" in a["href"]]
    found = [(urlsplit(a["href"]).path, a.get_text()) for a in links]
    assert found == [(f"{chapter}.html", idea["preset"]) for chapter, idea in IDEAS]
    for a, (chapter, idea) in zip(links, IDEAS, strict=True):
        model = EXPLORERS[idea["explorer"]]
        parts = parse_qs(urlsplit(a["href"]).query, keep_blank_values=True)
        text = parts.get(idea["explorer"], [""])[0]
        given = {n: float(v) for n, v in (x.split(":") for x in text.split(",") if x)}
        assert {**model.defaults, **given} == pytest.approx(
            {**model.defaults, **model.preset(idea["preset"])}
        )
        target = (built_book / f"chapters/{chapter}.html").read_text(encoding="utf-8")
        assert f'id="{urlsplit(a["href"]).fragment}"' in target


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(HANG_MS)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert not page.faults


def is_on(page):
    return page.evaluate("document.documentElement.classList.contains('hl-projector')")


def look(page):
    """What a class would see: size of type, code, side bars, and width."""
    return page.evaluate(
        """() => {
            const shown = (e) => !!e && e.getClientRects().length > 0;
            const size = (s) => parseFloat(getComputedStyle(document.querySelector(s)).fontSize);
            const ctx = document.createElement("canvas").getContext("2d");
            ctx.font = "10px sans-serif";
            return {
              text: size(".bd-article p"),
              chart: parseFloat(ctx.font),
              code: [...document.querySelectorAll(".bd-article .cell_input")].filter(shown).length,
              bars: [...document.querySelectorAll(".bd-sidebar-primary, .bd-sidebar-secondary")]
                .filter(shown).length,
              wide: document.documentElement.scrollWidth > innerWidth + 1,
            };
        }"""
    )


def ready(page, name="calcium-decides"):
    page.wait_for_selector(f"[data-explorer='{name}'][data-state='ready']", state="attached")
    explorer = page.locator(f"[data-explorer='{name}']")
    explorer.locator("[data-preset]").first.scroll_into_view_if_needed()
    return explorer


def pressed(explorer):
    return explorer.locator("[data-preset][aria-pressed=true]").all_inner_texts()


@pytest.mark.book
def test_projector_mode_shows_large_type_and_no_code(page, site):
    page.goto(f"{site}{FIRST}")
    plain = look(page)
    assert not is_on(page) and plain["code"] > 0 and plain["bars"] > 0 and plain["chart"] == 10
    page.goto(f"{site}{FIRST}?projector")
    large = look(page)
    assert is_on(page)
    assert large["text"] >= 1.3 * plain["text"] and large["chart"] >= 13
    assert large["code"] == 0 and large["bars"] == 0 and not large["wide"]


@pytest.mark.book
def test_projector_mode_lasts_until_it_is_left(page, site):
    page.goto(f"{site}{FIRST}")
    button = page.locator(".hl-projector-button")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    page.wait_for_url("**?projector")
    page.wait_for_selector("html.hl-projector", state="attached")
    page.goto(f"{site}chapters/notation.html")  # another page, without the word in its address
    assert is_on(page)
    with page.expect_navigation():
        page.locator(".hl-projector-button").press("Enter")
    assert not is_on(page) and "projector" not in page.url
    page.goto(f"{site}{FIRST}")
    assert not is_on(page)


@pytest.mark.book
def test_number_keys_press_presets_in_projector_mode_only(page, site):
    model = EXPLORERS["calcium-decides"]
    names = [p.name for p in model.presets]
    page.goto(f"{site}{FIRST}")
    explorer = ready(page)
    before = pressed(explorer)
    page.keyboard.press("1")
    assert pressed(explorer) == before

    page.goto(f"{site}{FIRST}?projector")
    explorer = ready(page)
    seen = set()
    for k, name in enumerate(names[:3], 1):
        page.keyboard.press(str(k))
        assert pressed(explorer) == [name]
        page.wait_for_function(
            "([root, old]) => !old.includes(root.querySelector('[role=status]').innerText)",
            arg=[explorer.element_handle(), sorted(seen)],
        )
        seen.add(explorer.locator("[role=status]").inner_text())
    assert len(seen) == 3
    # presets and charts come first, the sliders below them
    tops = [explorer.locator(s).first.bounding_box()["y"] for s in (".hl-charts", ".hl-controls")]
    assert tops[0] < tops[1]
    # a key that a control wants is left to it
    explorer.locator("input[type=range]").first.focus()
    page.keyboard.press("1")
    assert pressed(explorer) == [names[2]]
    # the address keeps both the mode and the setting
    page.wait_for_function("location.search.includes('projector')")


@pytest.mark.book
@pytest.mark.parametrize(("chapter", "idea"), IDEAS[:3], ids=NAMES[:3])
def test_a_link_opens_the_explorer_at_its_preset(page, site, chapter, idea):
    model = EXPLORERS[idea["explorer"]]
    changed = {n: v for n, v in model.preset(idea["preset"]).items() if v != model.defaults[n]}
    at = ",".join(f"{n}:{v:.9g}" for n, v in changed.items())
    query = f"&{idea['explorer']}={at}" if at else ""
    page.goto(f"{site}chapters/{chapter}.html?projector{query}#explore")
    explorer = ready(page, idea["explorer"])
    assert re.sub(r"^\d ", "", pressed(explorer)[0]) == idea["preset"]
