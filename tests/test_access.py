"""The built book for everybody: rules of axe-core in both themes, keys alone, contrast, grey."""

from __future__ import annotations

import itertools
import re

import pytest
import yaml

from heterolib import plots
from heterolib.explore import EXPLORERS, notebook
from tools.book import ROOT

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [
    f"{file}.html"
    for file in [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]
]
THEMES = ("light", "dark")
GRAVE = {"serious", "critical"}
READABLE, VISIBLE = 4.5, 3.0  # least contrast of text, and of what a figure draws (WCAG 2.1 AA)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb after WCAG 2.1."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return sum(k * c for k, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: str, b: str) -> float:
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


# ---- axe-core ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(site, browser):
    """Return a function that opens a page in a theme, its scripts done; pages close at the end."""
    contexts = {}

    def open_page(name, theme="light"):
        if theme not in contexts:
            contexts[theme] = browser.new_context(
                viewport={"width": 1280, "height": 900}, color_scheme=theme, reduced_motion="reduce"
            )
            contexts[theme].add_init_script(
                f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
            )
        page = contexts[theme].new_page()
        page.goto(site + name, wait_until="load")
        page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        page.wait_for_function(
            "[...document.querySelectorAll('[data-explorer]')]"
            ".every((e) => e.dataset.state !== 'loading')"
        )
        return page

    yield open_page
    for context in contexts.values():
        context.close()


def grave(page) -> list[str]:
    """What axe-core calls serious or critical on a page, with the first places."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response
    assert found["testEngine"]["name"] == "axe-core"
    return [
        f"{v['id']}: {node['html'][:120]} {(node.get('failureSummary') or '')[:200]}"
        for v in found["violations"]
        if v["impact"] in GRAVE
        for node in v["nodes"][:5]
    ]


@pytest.mark.book
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", [*PAGES, "index.html", "search.html", "genindex.html"])
def test_no_grave_fault_on_any_page(opened, name, theme):
    page = opened(name, theme)
    assert not grave(page)
    page.close()


@pytest.mark.book
@pytest.mark.parametrize("theme", THEMES)
def test_no_grave_fault_in_what_opens(opened, theme):
    """Hints and solutions unfolded, a preset pressed, the code of the explorer shown."""
    page = opened("chapters/05-two-spines.html", theme)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    for fold in page.locator(".toggle-button").all():
        if fold.get_attribute("aria-expanded") != "true":
            fold.click()
    page.locator("[data-explorer] .hl-buttons button").nth(1).click()
    page.wait_for_timeout(300)
    assert not grave(page)
    page.close()


@pytest.mark.book
def test_axe_would_see_a_fault(opened):
    page = opened("chapters/notation.html")
    page.evaluate(
        "const p = document.createElement('p'); p.textContent = 'faint';"
        "p.style.cssText = 'color: #bbb; background: #fff';"
        "document.querySelector('article').append(p)"
    )
    assert any(fault.startswith("color-contrast") for fault in grave(page))
    page.close()


# ---- keys alone --------------------------------------------------------------------------

FOCUS = """(() => { const e = document.activeElement, s = getComputedStyle(e);
  return { name: e.name || e.textContent.trim(), tag: e.tagName.toLowerCase(),
           inside: !!e.closest('[data-explorer]'), type: e.type || '',
           seen: s.outlineStyle !== 'none' || s.boxShadow !== 'none' }; })()"""


@pytest.mark.book
def test_an_explorer_is_used_with_keys_alone(opened):
    """From the top of the page, without a pointer: skip to the text, find the explorer, choose a
    preset, move a slider to its end and back, make a choice, and reset."""
    e = EXPLORERS["two-spines"]
    page = opened("chapters/05-two-spines.html")
    press, words = page.keyboard.press, page.locator("[data-explorer] [role=status]").first

    def now():
        return page.evaluate(FOCUS)

    def tab_to(name, most=120):
        for _ in range(most):
            press("Tab")
            where = now()
            if where["inside"] and where["name"] == name:
                assert where["seen"], f"no sign of the focus on {name}"
                return
        pytest.fail(f"{most} tabs did not reach {name}")

    def said(**values):
        page.wait_for_function(
            "(text) => document.querySelector('[data-explorer] [role=status]')"
            ".textContent === text",
            arg=e.summary(e.run(**values)),
        )

    press("Tab")
    assert "main content" in now()["name"]
    press("Enter")
    tab_to("cooperation")
    press("Enter")
    said(**e.preset("cooperation"))
    tab_to("Reset")
    press("Space")
    said()
    tab_to("pulses")
    press("End")
    said(pulses=10.0)
    press("ArrowLeft")
    said(pulses=9.0)
    tab_to("active")
    assert now()["tag"] == "select"
    press("ArrowDown")
    said(pulses=9.0, active=1.0)
    # nothing holds the focus: it leaves the explorer at its end
    for _ in range(60):
        press("Tab")
        if not now()["inside"]:
            break
    assert not now()["inside"]
    assert words.inner_text() == e.summary(e.run(pulses=9.0, active=1.0))
    page.close()


@pytest.mark.book
def test_a_word_is_explained_to_keys_and_to_the_pointer(opened):
    page = opened("chapters/01-calcium-decides.html")
    link, tip = page.locator("a.hl-term").first, page.get_by_role("tooltip")
    words = link.get_attribute("data-tip")
    assert len(words.split()) > 3 and tip.count() == 0
    link.focus()
    assert tip.inner_text() == words
    assert link.get_attribute("aria-describedby") == tip.get_attribute("id")
    page.keyboard.press("Escape")
    assert tip.count() == 0 and link.get_attribute("aria-describedby") is None
    link.hover()
    assert tip.inner_text() == words
    box = tip.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
    link.click()
    page.wait_for_url("**/glossary.html#*")
    assert page.locator(":target").count() == 1
    page.close()


# ---- colours -----------------------------------------------------------------------------


def strokes() -> dict[str, list[str]]:
    """The colours of the charts' curves, as the script of the pages holds them."""
    script = notebook.asset("explorer.js")
    return {
        t: re.findall(r"#[0-9A-F]{6}", script.split(f"{t}: [")[1].split("]")[0]) for t in THEMES
    }


def paper(theme: str) -> str:
    script = notebook.asset("explorer.js")
    dark, light = re.search(r'paper: mode === "dark" \? "(#\w{6})" : "(#\w{6})"', script).groups()
    return dark if theme == "dark" else light


@pytest.mark.parametrize("theme", THEMES)
def test_curves_stand_out_from_the_paper(theme):
    colours = strokes()[theme]
    assert len(colours) == len(set(colours)) == 6
    assert not {
        c: contrast(c, paper(theme)) for c in colours if contrast(c, paper(theme)) < VISIBLE
    }


def test_curves_of_printed_figures_stand_out_from_the_paper():
    # from the fifth spine on they are paler, and told apart by dashes and markers
    assert not [c for c in plots.COLOURS[:4] if contrast(c, "#ffffff") < VISIBLE]


def test_spines_are_told_apart_in_grey():
    """By shade or by dashes and markers: no two spines share both."""
    shades = [luminance(c) for c in plots.COLOURS]
    assert shades == sorted(shades)  # each paler than the one before
    assert min(b - a for a, b in itertools.pairwise(shades)) > 0.005
    assert len(set(plots.STYLES)) == len(set(plots.MARKERS)) == len(plots.COLOURS)


def test_maps_rise_and_fall_in_grey():
    amount = [luminance(c) for c in plots.AMOUNT]
    assert amount == sorted(amount, reverse=True)
    change = [luminance(c) for c in plots.CHANGE]
    middle = len(change) // 2
    assert change[: middle + 1] == sorted(change[: middle + 1])
    assert change[middle:] == sorted(change[middle:], reverse=True)


def test_links_are_readable_on_the_grey_of_boxes():
    style = (ROOT / "_static" / "book.css").read_text(encoding="utf-8")
    boxes = {"light": "#f3f4f5", "dark": "#29313d"}  # --pst-color-surface of the theme
    for theme, box in boxes.items():
        rule = style.split(f'html[data-theme="{theme}"] {{')[1].split("}")[0]
        link = re.search(r"--pst-color-link: (#\w{6})", rule)[1]
        assert contrast(link, box) >= READABLE
