"""The explorers and predictions of the built pages, in a real browser without a network."""

from __future__ import annotations

import base64
import html
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import yaml

from heterolib.explore import EXPLORERS, notebook, vendor, wasm
from heterolib.explore.model import direction
from heterolib.explore.page import declaration
from tests.data.explore.samples import CHAPTERS, settings
from tools.book import HTML, ROOT

pytestmark = pytest.mark.book

NAMES = list(EXPLORERS)
each = pytest.mark.parametrize("name", NAMES)
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HANG_MS = 60_000  # a page that has not answered by then hangs; how fast it is, no test judges


def pages_of_book() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    return ["index.html", *(f"{file}.html" for file in files)]


PAGES = pages_of_book()


def explorers_on(page: str) -> list[str]:
    text = (HTML / page).read_text(encoding="utf-8")
    return re.findall(r"<section[^>]*data-explorer=['\"]([\w-]+)['\"]", text)


# -- looking at pages ------------------------------------------------------------------------


@dataclass
class Sight:
    """A page and what went wrong on it."""

    page: object
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def root(self, name):
        return self.page.locator(f"[data-explorer='{name}']")

    def run(self, name, script, argument=None):
        """Evaluate the body of an async function of (root, e, argument)."""
        return self.page.evaluate(
            "async ([name, argument]) => {"
            " const root = document.querySelector(`[data-explorer='${name}']`);"
            " const e = root.heterolib;"
            " const settle = () => new Promise((done) => requestAnimationFrame(() =>"
            "   requestAnimationFrame(done)));" + script + "}",
            [name, argument],
        )

    def wait(self, name, state="ready"):
        self.page.wait_for_function(
            "([name, state]) => document.querySelector(`[data-explorer='${name}']`)"
            ".dataset.state === state",
            arg=[name, state],
            timeout=HANG_MS,
        )

    def settle(self):
        self.page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def saved(self, name):
        """Wait until the address holds the state, which it does once the reader pauses."""
        self.page.wait_for_function(
            "(name) => location.href === "
            "document.querySelector(`[data-explorer='${name}']`).heterolib.link()",
            arg=name,
        )

    def values(self, name):
        return self.run(name, "return e.state.values")

    def found(self, name):
        """What is on screen, every output of the kernel."""
        got = self.run(
            name,
            "return Object.fromEntries(Object.entries(e.state.found)"
            ".map(([k, v]) => [k, Array.from(v)]))",
        )
        return {k: np.array(v) for k, v in got.items()}

    def status(self, name):
        return self.root(name).locator("[role=status]").inner_text()

    def clean(self):
        assert not self.errors
        assert not self.outside


# Notes when the last explorer of a page has become ready, in ms since the navigation began.
CLOCK = """
  new MutationObserver(() => {
    const all = [...document.querySelectorAll("[data-explorer]")];
    if (all.length && all.every((e) => e.dataset.state === "ready")) {
      globalThis.readyAt ??= performance.now();
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
"""


# What an explorer does not need; the tests of readiness load it all the same.
HEAVY = re.compile(r"/_static/(mathjax/|vendor/fontawesome|scripts/fontawesome)|/_images/")


def open_in(context, site, address, before=None, light=False):
    page = context.new_page()
    page.set_default_timeout(HANG_MS)
    sight = Sight(page)
    page.on("console", lambda m: sight.errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: sight.errors.append(str(error)))
    page.on("request", lambda r: sight.asked.append(r.url))

    def refuse(route):
        sight.outside.append(route.request.url)
        route.abort()

    page.add_init_script(CLOCK)
    page.route(re.compile(f"^(?!{re.escape(site)}|data:|blob:)"), refuse)
    if light:
        page.route(HEAVY, lambda route: route.fulfill(body=""))
    if before:
        before(page)
    page.goto(site + address, wait_until="load")
    return sight


@pytest.fixture
def look(site, browser):
    """Return a function that opens an address in a browser of its own (no storage, no cache)."""
    contexts = []

    def open_page(address, before=None, **options):
        contexts.append(browser.new_context(**{"viewport": DESK, **options}))
        return open_in(contexts[-1], site, address, before, light=True)

    yield open_page
    for context in contexts:
        context.close()


HOME = {name: f"chapters/{chapter}.html" for chapter, name in reversed(CHAPTERS.items())}


@pytest.fixture(scope="module")
def places(built_book):
    """The page of each explorer: its chapter if it is there, else any page that shows it."""
    found = {}
    for page in PAGES:
        for name in explorers_on(page):
            if name not in found or page == HOME.get(name):
                found[name] = page
    return found


@pytest.fixture
def place(places):
    def of(name):
        if name not in places:
            pytest.skip("on no page; see test_every_explorer_stands_in_its_chapter")
        return places[name]

    return of


@pytest.fixture(scope="module")
def live_pages(site, browser):
    """Pages that several tests share; each test starts from the defaults."""
    opened = {}

    def get(name, address):
        if name not in opened:
            opened[name] = open_in(browser.new_context(viewport=DESK), site, address)
        sight = opened[name]
        sight.errors.clear()
        sight.page.bring_to_front()  # a page in the background is drawn once a second
        sight.wait(name)
        sight.run(name, "if (e.guessing) e.toggleGuess(); e.set(e.defaults); await settle();")
        return sight

    yield get
    for sight in opened.values():
        sight.page.context.close()


@pytest.fixture
def live(live_pages, place):
    return lambda name: live_pages(name, place(name))


def test_every_explorer_stands_in_its_chapter(places):
    assert places == HOME
    for chapter, name in CHAPTERS.items():
        assert explorers_on(f"chapters/{chapter}.html") == [name]


def test_an_explorer_is_shown_at_most_once_on_a_page(built_book):
    """Its name is in ids and in the link."""
    for page in PAGES:
        found = explorers_on(page)
        assert len(found) == len(set(found)), page


# -- alive -----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", PAGES)
def test_explorers_become_ready(site, browser, built_book, address, record_property):
    names = explorers_on(address)
    if not names:
        pytest.skip("no explorer here")
    seconds = []
    for _ in range(5):
        context = browser.new_context(viewport=DESK)  # with an empty cache
        sight = open_in(context, site, address)
        for name in names:
            sight.wait(name)
        ready, loaded = sight.page.evaluate(
            "[readyAt, performance.getEntriesByType('navigation')[0].loadEventEnd]"
        )
        seconds.append((ready / 1000, (ready - loaded) / 1000))
        assert sight.page.locator("[data-explorer]").count() == len(names)
        for name in names:
            assert sight.root(name).locator(".hl-live").is_visible()
            assert not sight.root(name).locator(".hl-static").is_visible()
            assert sight.root(name).locator("canvas").count() == len(EXPLORERS[name].views)
        sight.clean()
        context.close()
    begun, loaded = (statistics.median(s) for s in zip(*seconds, strict=True))
    record_property("ready_s", (begun, loaded))
    print(
        f"{address}: ready {begun:.2f} s after the start of the navigation, "
        f"{loaded:+.2f} s after its load event (medians of 5); worst {max(seconds)[0]:.2f} s"
    )


def test_every_page_is_shown_as_it_is_in_the_catalogue(live):
    for name in NAMES:
        sight = live(name)
        assert sight.status(name) == EXPLORERS[name].summary(EXPLORERS[name].run())
        text = sight.root(name).inner_text()
        assert EXPLORERS[name].title in text and EXPLORERS[name].note in text
        assert "WebAssembly" in text  # the engine is told


# Settings in which a control counts that does nothing at the defaults: spine 2 is silent, and
# a single pulse has no interval.
COUNTS_WITH = {
    ("two-spines", "delay"): {"active": 1.0},
    ("spikes-to-calcium", "interval"): {"pulses": 2.0},
    ("how-the-weight-moves", "interval"): {"pulses": 2.0},
}
# The snapshot moves the curve of the shaft only, and the threshold of weakening, where calcium
# is above both, the map only: none of the numbers in words.
NOT_IN_WORDS = {("calcium-travels", "snapshot"), ("calcium-decides", "theta_d")}

MOVE = """
  const input = root.querySelector(`[name='${argument.control}']`);
  e.set({...e.defaults, ...argument.before});
  await settle();
  const picture = () => JSON.stringify(Object.values(e.state.found).map((v) => Array.from(v)));
  const words = () => root.querySelector("[role=status]").textContent;
  const code = () => root.querySelector("pre").textContent;
  const start = input.value;
  const was = [picture(), words(), code()];
  const seen = [];
  for (const value of [input.min ?? 0, input.max ?? 0, ...argument.values]) {
    if (value === undefined || value === "") continue;
    input.value = value;
    if (input.value === start) continue;
    input.dispatchEvent(new Event(input.tagName === "SELECT" ? "change" : "input"));
    await settle();
    const now = [picture(), words(), code()];
    seen.push([...now.map((x, i) => x !== was[i]), e.state.values[argument.control]]);
  }
  return seen;
"""


def move(sight, name, control, before):
    values = list(range(len(control.options)))
    return sight.run(name, MOVE, {"control": control.name, "before": before, "values": values})


@each
def test_every_control_changes_the_numbers(live, name):
    e, sight = EXPLORERS[name], live(name)
    for c in e.controls:
        before = COUNTS_WITH.get((name, c.name), {})
        if before:  # the exception is one
            assert not any(numbers for numbers, *_ in move(sight, name, c, {}))
        moved = move(sight, name, c, before)
        assert moved, c.name
        assert {round(m[3], 9) for m in moved} <= {c.low, c.high, *range(len(c.options))}
        assert any(numbers for numbers, *_ in moved), c.name
        assert any(words for _, words, *_ in moved) != ((name, c.name) in NOT_IN_WORDS), c.name
        assert all(code for *_, code, _ in moved) == (c.name != "snapshot"), c.name
    sight.clean()


REDRAW = """
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const rows = [];
  const sliders = [...root.querySelectorAll("input[type=range]")];
  for (let k = 0; k < 40; k++) {
    const input = sliders[k % sliders.length];
    const steps = Math.round((input.max - input.min) / input.step);
    await frame();
    delete root.dataset.ms;
    delete root.dataset.drawMs;  // a redraw sets both anew
    input.value = +input.min + ((7 * k + 3) % (steps + 1)) * input.step;
    const moved = performance.now();
    let begun;
    requestAnimationFrame(() => { begun = performance.now(); });
    input.dispatchEvent(new Event("input"));
    await frame();  // after the explorer's own, painting included
    const end = performance.now();
    rows.push([end - moved, end - begun, +root.dataset.ms, +root.dataset.drawMs]);
  }
  return rows;
"""


@each
def test_a_slider_redraws_by_the_next_frame(live, name, record_property):
    rows = np.array(live(name).run(name, REDRAW), dtype=float)
    assert np.isfinite(rows).all()  # every move was computed and drawn by the next frame
    whole, work, model, drawing = np.median(rows, axis=0)
    record_property("redraw_ms", (whole, work, model, drawing))
    print(
        f"{name}: slider to redraw {whole:.1f} ms (median of 40) with the wait for a frame, "
        f"{work:.1f} ms without; model {model:.1f} ms, drawing {drawing:.1f} ms"
    )


# -- the same numbers as in Python -----------------------------------------------------------


@each
def test_numbers_words_and_code_are_those_of_python(live, name, record_property):
    e, sight = EXPLORERS[name], live(name)
    worst = 0.0
    for changes in settings(e, 200, 21)[::10]:
        got = sight.run(
            name,
            "e.set({...e.defaults, ...argument}); return {"
            " words: root.querySelector('[role=status]').textContent,"
            " code: root.querySelector('pre').textContent,"
            " label: root.querySelector('.hl-charts').getAttribute('aria-label'),"
            " found: Object.fromEntries(Object.entries(e.state.found)"
            "   .map(([k, v]) => [k, Array.from(v)]))}",
            changes,
        )
        wanted = e.run(**changes)
        assert list(got["found"]) == list(wanted)
        for output, b in wanted.items():
            scale = np.maximum(np.abs(b), 1e-3 * np.abs(b).max())
            scale = np.where(scale > 1e-6, scale, 1.0)  # a change of weight is a difference
            worst = max(worst, float((np.abs(got["found"][output] - b) / scale).max()))
        assert got["words"] == e.summary(wanted)
        assert got["label"] == f"{e.title}: {got['words']}"
        assert got["code"] == e.call(**changes)
    record_property("largest relative difference", worst)
    print(f"{name}: largest relative difference between browser and numba: {worst:.2g}")
    assert worst <= 1e-9
    sight.clean()


FUZZ = """
  const bad = [];
  const live = root.querySelector(".hl-live");
  for (const changes of argument) {
    try { e.set({...e.defaults, ...changes}); }
    catch (error) { bad.push([changes, String(error)]); }
    await Promise.resolve();  // uPlot paints after this
    const found = live.textContent.match(/NaN|undefined|Infinity|\\[object|null/);
    if (found) bad.push([changes, found[0]]);
    if (root.dataset.state !== "ready") { bad.push([changes, root.dataset.state]); break; }
    const drawn = root.querySelectorAll("canvas").length;
    if (drawn !== e.spec.views.length) bad.push([changes, `${drawn} charts`]);
  }
  await settle();
  return bad;
"""


@each
def test_500_settings_leave_no_nonsense_on_screen(live, name):
    sight = live(name)
    assert sight.run(name, FUZZ, settings(EXPLORERS[name], 500, 31)) == []
    assert sight.root(name).get_attribute("data-state") == "ready"
    sight.clean()


def test_no_threshold_stops_the_page(live):
    """A logarithmic axis may start anywhere; uPlot loops for ever on some feet of the axis."""
    name = "two-spines"
    sight = live(name)
    sight.run(
        name,
        """
        let k = 0;
        const next = () => {
          root.dataset.tried = ++k;
          e.set({...e.defaults, theta_d: k / 10, theta_p: 100});
          if (k < 100) setTimeout(next);
        };
        setTimeout(next);
        """,
    )
    sight.page.wait_for_function(
        "(name) => document.querySelector(`[data-explorer='${name}']`).dataset.tried === '100'",
        arg=name,
        timeout=HANG_MS,
    )
    sight.settle()
    assert sight.values(name)["theta_d"] == 10.0
    sight.clean()


def test_the_pointer_over_a_chart_reads_values(live):
    sight, name = live("two-spines"), "two-spines"
    sight.root(name).locator(".u-over").first.scroll_into_view_if_needed()
    sight.root(name).locator(".u-over").first.hover()
    legend = sight.root(name).locator(".u-legend").first
    sight.page.wait_for_function(
        "[...document.querySelectorAll('.u-legend .u-value')]"
        ".some((v) => /[0-9]/.test(v.textContent))"
    )
    assert "spine 1" in legend.inner_text() and "spine 2" in legend.inner_text()
    assert "NaN" not in legend.inner_text()
    sight.clean()


def test_points_are_drawn_where_there_is_one(live):
    """Each spine of chapter 7 is in one of three groups; in the others it has no value."""
    name = "three-experiments"
    e, sight = EXPLORERS[name], live(name)
    view = e.views[0]
    for changes in ({}, {"arrangement": 9.0, "interval": 6.0}):
        rows, low, high, styles = sight.run(
            name,
            "e.set({...e.defaults, ...argument}); await settle();"
            "const u = e.charts[0].chart;"
            "return [u.data.map((row) => Array.from(row)), u.scales.y.min, u.scales.y.max,"
            " u.series.slice(1).map((s, i) => [s.width, s.points.size, s.points.fill(u, i + 1)])]",
            changes,
        )
        found = e.run(**changes)
        assert rows[0] == pytest.approx(found["x"].tolist())
        for line, row in zip(view.lines, rows[1:], strict=True):
            wanted = [None if y == view.missing else y for y in found[line.y].tolist()]
            assert [y is None for y in row] == [y is None for y in wanted]
            shown = [y for y in wanted if y is not None]
            assert [y for y in row if y is not None] == pytest.approx(shown, abs=1e-12)
            assert shown and low < min(shown) and max(shown) < high
        assert low > -1.0  # not drawn down to the value that means "none"
        assert all(width == 0 for width, *_ in styles)  # no curve between the spines
        assert len({(size, fill) for _, size, fill in styles}) == 3
    sight.clean()


UNUSUAL = """
  const section = root.cloneNode(true);
  section.dataset.explorer = "unusual";
  section.dataset.state = "loading";
  section.querySelector(".hl-live").replaceChildren();
  section.querySelector("script.hl-spec").textContent = JSON.stringify(argument.spec);
  document.querySelector("main").prepend(section);
  await globalThis.heterolib.mount(section);
  const w = section.heterolib;
  const rows = [];
  if (section.dataset.state === "ready") {
    for (const p of argument.samples) {
      w.set(Object.fromEntries(p.map((v, i) => [`p${i}`, v])));
      rows.push(Array.from(w.state.found.all));
    }
  }
  const result = [section.dataset.state, section.querySelector(".hl-why").textContent, rows];
  section.remove();
  return result;
"""


@pytest.mark.slow
def test_unusual_kernels_run_in_the_browser(live):
    """The kernels of tests/data/explore/legal.py, through the page's own engine."""
    sight, name = live("calcium-decides"), "calcium-decides"
    folder = ROOT / "tests" / "data" / "explore"
    done = subprocess.run(
        [sys.executable, str(folder / "build_all.py"), "legal"],
        env={
            **os.environ,
            **wasm.ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    import_spec = importlib.util.spec_from_file_location("legal_kernels", folder / "legal.py")
    legal = importlib.util.module_from_spec(import_spec)
    sys.modules["legal_kernels"] = legal  # numba looks recursive functions up there
    import_spec.loader.exec_module(legal)
    samples = np.random.default_rng(5).integers(2, 60, (5, 8)) / 20.0
    control = {"label": "p", "unit": "", "low": 0.1, "high": 3.0, "step": 0.05, "value": 1.0}
    control |= {"scale": 1.0, "options": []}
    tried = 0
    for line in done.stdout.splitlines():
        found = json.loads(line)
        if "code" not in found:
            continue
        tried += 1
        module = wasm.Module(base64.b64decode(found["code"]), found["data_end"])
        view = {"x_label": "x", "y_label": "y", "bands": None, "bands_along_x": False}
        view |= {"log_y": False, "zero_line": False, "markers": [], "x_range": None}
        view["lines"] = [{"x": "all", "y": "all", "label": "", "style": 0}]
        spec = {
            "name": "unusual", "title": found["name"], "note": "", "code": "", "constants": [],
            "controls": [{**control, "name": f"p{i}"} for i in range(8)],
            "outputs": [{"name": "all", "size": 24, "scale": 1.0}], "work": 64, "views": [view],
            "readouts": [], "presets": [], "ordered": [], **module.packed(),
        }  # fmt: skip
        state, why, rows = sight.run(
            name, UNUSUAL, {"spec": spec, "samples": samples.round(2).tolist()}
        )
        assert state == "ready", (found["name"], why)
        for p, row in zip(samples.round(2), rows, strict=True):
            out = np.zeros(24)
            getattr(legal, found["name"])(p.copy(), out, np.zeros(64))
            np.testing.assert_allclose(row, out, rtol=1e-9, err_msg=found["name"])
    assert tried >= 15
    sight.clean()


# -- by keyboard and screen reader -----------------------------------------------------------


@each
def test_controls_have_labels(live, name):
    e, sight = EXPLORERS[name], live(name)
    root = sight.root(name)
    for c in e.controls:
        role = "combobox" if c.options else "slider"
        found = root.get_by_role(role, name=c.label, exact=True)
        assert found.count() == 1, c.name
        assert found.get_attribute("name") == c.name
        assert sight.page.locator(f"[id='{found.get_attribute('id')}']").count() == 1
        if not c.options:
            spoken = found.get_attribute("aria-valuetext")
            assert spoken == f"{c.show(c.value)}{' ' + c.unit if c.unit else ''}"
            read = root.locator(f"output[for='{found.get_attribute('id')}']")
            assert read.inner_text() == spoken
    assert root.locator("[role=status]").count() == 1
    assert root.get_by_role("img").count() == 1  # the charts, as one picture in words
    assert sight.page.get_by_role("region", name=e.title).count() == 1
    assert root.get_by_role("group", name="Presets").count() == 1


def active(sight):
    return sight.page.evaluate(
        "(document.activeElement.name || document.activeElement.textContent || '').trim()"
    )


@each
def test_tab_leads_through_presets_and_controls_in_order(live, name):
    e, sight = EXPLORERS[name], live(name)
    sight.root(name).get_by_role("button", name=e.presets[0].name, exact=True).focus()
    met = [active(sight)]
    for _ in range(len(e.presets) + len(e.controls)):
        sight.page.keyboard.press("Tab")
        met.append(active(sight))
    assert met == [*(p.name for p in e.presets), "Reset", *(c.name for c in e.controls)]
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert sight.page.evaluate(outline) != "none"  # one sees where one is


@each
def test_arrows_move_a_slider(live, name):
    e, sight = EXPLORERS[name], live(name)
    start = e.run()

    def matters(c):  # an interval, say, is idle while there is only one pulse
        return any((v != start[k]).any() for k, v in e.run(**{c.name: c.high}).items())

    c = next(c for c in e.controls if not c.options and c.low < c.value < c.high and matters(c))
    before = sight.found(name)
    slider = sight.root(name).locator(f"input[name='{c.name}']")
    slider.focus()
    for key, value in (
        ("ArrowRight", c.value + c.step),
        ("ArrowLeft", c.value),
        ("End", c.high),
        ("Home", c.low),
    ):
        slider.press(key)
        sight.settle()
        assert sight.values(name)[c.name] == pytest.approx(value)
        assert sight.status(name) == e.summary(e.run(**{c.name: value}))
        if key == "End":
            assert any((v != before[k]).any() for k, v in sight.found(name).items())
    assert sight.page.evaluate("document.activeElement.name") == c.name  # focus stays


def test_a_choice_is_made_by_keyboard(live):
    name = "two-spines"
    sight = live(name)
    sight.root(name).locator("select[name='active']").focus()
    sight.page.keyboard.press("ArrowDown")
    sight.settle()
    assert sight.values(name)["active"] == 1
    assert sight.status(name) == EXPLORERS[name].summary(EXPLORERS[name].run(active=1.0))


@each
@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_presets_by_keyboard(live, name, key):
    e, sight = EXPLORERS[name], live(name)
    preset = e.presets[-1]
    button = sight.root(name).get_by_role("button", name=preset.name, exact=True)
    button.focus()
    sight.page.keyboard.press(key)
    sight.settle()
    assert sight.values(name) == pytest.approx(e.preset(preset.name))
    assert button.get_attribute("aria-pressed") == "true"
    assert preset.says in sight.root(name).inner_text()


@each
def test_every_preset_and_reset(live, name):
    e, sight = EXPLORERS[name], live(name)
    root = sight.root(name)
    root.locator("summary").click()  # the code
    for p in [*e.presets, *e.presets[::-1]]:
        root.get_by_role("button", name=p.name, exact=True).click()
        sight.settle()
        wanted = e.preset(p.name)
        assert sight.values(name) == pytest.approx(wanted)
        assert sight.status(name) == e.summary(e.run(**wanted))
        assert p.says in root.inner_text()
        pressed = root.locator("[aria-pressed=true]").all_inner_texts()
        assert pressed == [p.name]
        assert root.locator("pre").inner_text().strip() == e.call(**wanted)
    root.get_by_role("button", name="Reset").click()
    sight.settle()
    assert sight.values(name) == pytest.approx(e.defaults)
    assert not any(p.says in root.inner_text() for p in e.presets)
    slider = next(c for c in e.controls if not c.options)
    root.get_by_role("button", name=e.presets[-1].name, exact=True).click()
    root.locator(f"input[name='{slider.name}']").press("ArrowRight")
    sight.settle()
    assert e.presets[-1].says not in root.inner_text()  # no longer what is on screen
    root.locator("summary").click()


def test_code_is_copied(look, place):
    name = "two-spines"
    sight = look(place(name), permissions=["clipboard-read", "clipboard-write"])
    sight.wait(name)
    root = sight.root(name)
    root.get_by_role("button", name="cooperation").click()
    root.get_by_role("button", name="Copy as code").click()
    sight.page.wait_for_function("document.querySelector('.hl-told').textContent !== ''")
    copied = sight.page.evaluate("navigator.clipboard.readText()")
    assert copied == EXPLORERS[name].call(pulses=7.0)
    assert "copied" in root.locator(".hl-told").inner_text()
    root.get_by_role("button", name="Copy link").click()
    sight.page.wait_for_function("document.querySelector('.hl-told').textContent.includes('Link')")
    link = sight.page.evaluate("navigator.clipboard.readText()")
    assert parse_qs(urlsplit(link).query) == {name: ["pulses:7"]}
    sight.clean()


def test_without_a_clipboard_the_text_is_shown(look, place):
    name = "calcium-decides"
    deny = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
    sight = look(place(name), before=lambda page: page.add_init_script(deny))
    sight.wait(name)
    sight.root(name).get_by_role("button", name="Copy as code").click()
    sight.page.wait_for_function("document.querySelector('.hl-told').textContent !== ''")
    assert "rule.after(" in sight.root(name).locator(".hl-told").inner_text()
    sight.clean()


# -- state in the address --------------------------------------------------------------------


@each
def test_state_survives_a_reload(look, place, name):
    e, sight = EXPLORERS[name], look(place(name))
    sight.wait(name)
    root = sight.root(name)
    slider = next(c for c in e.controls if not c.options and c.value < c.high - 3 * c.step)
    for _ in range(3):
        root.locator(f"input[name='{slider.name}']").press("ArrowRight")
    choice = next((c for c in e.controls if c.options), None)
    if choice:
        last = len(choice.options) - 1
        root.locator(f"select[name='{choice.name}']").select_option(str(last))
    sight.saved(name)
    assert urlsplit(sight.page.url).query
    values, found, words = sight.values(name), sight.found(name), sight.status(name)
    assert values[slider.name] == pytest.approx(slider.value + 3 * slider.step)
    assert not choice or values[choice.name] == last
    sight.page.reload(wait_until="load")
    sight.wait(name)
    assert sight.values(name) == pytest.approx(values)
    for k, v in sight.found(name).items():
        np.testing.assert_array_equal(v, found[k])
    assert sight.status(name) == words
    root.get_by_role("button", name="Reset").click()
    sight.page.wait_for_function("location.search === ''")
    sight.clean()


def test_state_in_the_address_of_the_landing_page(look, built_book):
    """Its base is another folder; the address must stay its own, hash and other parts too."""
    names = explorers_on("index.html")
    if not names:
        pytest.skip("no explorer here")
    name = names[0]
    preset = EXPLORERS[name].presets[1]
    sight = look("index.html?other=1#top")
    sight.wait(name)
    sight.root(name).get_by_role("button", name=preset.name, exact=True).click()
    sight.page.wait_for_function("(name) => location.search.includes(name)", arg=name)
    url = urlsplit(sight.page.url)
    assert url.path == "/index.html" and url.fragment == "top"
    assert parse_qs(url.query)["other"] == ["1"] and name in parse_qs(url.query)
    sight.page.reload()
    sight.wait(name)
    assert sight.values(name) == pytest.approx(EXPLORERS[name].preset(preset.name))
    sight.clean()


@each
def test_any_setting_fits_into_a_link(live, name):
    e, sight = EXPLORERS[name], live(name)
    for changes in settings(e, 120, 41)[-25:]:
        values, back = sight.run(
            name,
            "e.set({...e.defaults, ...argument}); const url = e.link();"
            " history.replaceState(null, '', url); const back = {...e.defaults, ...e.fromLink()};"
            " return [e.state.values, back]",
            changes,
        )
        assert back == pytest.approx(values, abs=1e-9)


BAD_LINKS = [
    "pulses:abc",
    "pulses:",
    "pulses",
    ":",
    ",,,",
    "pulses:NaN",
    "pulses:Infinity",
    "pulses:1e999",
    "pulses:999",
    "pulses:-7",
    "pulses:3:4",
    "pulses:3.4",
    "pulses:0x3",
    "neck:0.5",
    "neck:7",
    "active:yes",
    "unknown:3",
    "__proto__:1",
    "constructor:2,toString:3",
    "theta_d:100,theta_p:0.1",
    "pulses:<script>alert(1)</script>",
    "pulses:%00",
    "\u2028:1,\u00e9:2",
    "delay:-60,delay:60",
    "x" * 4000,
]


def check_survived(e, values, bad):
    assert set(values) == set(e.defaults), bad
    for c in e.controls:
        steps = (values[c.name] - c.low) / c.step
        assert c.low <= values[c.name] <= c.high, (bad, c.name)
        assert abs(steps - round(steps)) < 1e-6, (bad, c.name)
    if not re.search(r"pulses:(999|-7|3\.4|3:4|0x3)|neck|theta|delay", bad):
        assert values == e.defaults, bad


def test_bad_links_are_survived(live):
    """What a start would make of them."""
    name = "two-spines"
    e, sight = EXPLORERS[name], live(name)
    for bad in BAD_LINKS:
        values, words, state = sight.run(
            name,
            """
            history.replaceState(null, "", `?${e.spec.name}=${encodeURIComponent(argument)}`);
            const values = {...e.defaults, ...e.fromLink()};
            e.set(values);
            history.replaceState(null, "", location.pathname);
            return [values, root.querySelector("[role=status]").textContent, root.dataset.state];
            """,
            bad,
        )
        check_survived(e, values, bad)
        assert (words, state) == (e.summary(e.run(**values)), "ready"), bad
    sight.clean()


@pytest.mark.parametrize(
    "bad", ["two-spines=pulses:abc,neck:0.5", "two-spines=%E0%A4%A&two-spines=pulses:3", "=&&==,:"]
)
def test_a_page_opens_from_a_bad_link(look, place, bad):
    name = "two-spines"
    sight = look(f"{place(name)}?{bad}")
    sight.wait(name)
    check_survived(EXPLORERS[name], sight.values(name), "neck")
    sight.clean()


# -- predict, then run -----------------------------------------------------------------------

CHANGES = {
    "calcium-decides": {"calcium": 3.0},
    "spikes-to-calcium": {"pulses": 4.0},
    "how-the-weight-moves": {"weight": 0.8},
    "calcium-travels": {"distance": 3.0},
    "two-spines": {"pulses": 7.0},
    "timing-window": {"delay": 0.0},
    "three-experiments": {"interval": 6.0},
    "voltage-cable-soma": {"place": 40.0},
    "order-learning": {"delay": 13.0},
    "neighbourhood-learner": {"distance": 3.0},
    "slice-to-brain": {"calcium_out": 1.2},
    "place-on-the-tree": {"distance": 120.0},
    "mystery-synapse": {"weight": 0.9},
    "neocortical-synapse": {"frequency": 40.0},
    "frequency-curve": {"calcium_out": 1.2},
    "two-rules": {"frequency": 10.0},
}


def truth(e, before, now):
    """What the reader should have said, one word a read-out."""
    words = []
    for r in e.readouts:
        a, b = float(before[r.output][0]), float(now[r.output][0])
        if r.signed:
            words.append(direction(b))
        else:
            same = abs(b - a) <= 1e-6 * max(abs(a), abs(b))
            words.append("the same" if same else "higher" if b > a else "lower")
    return words


def guess(sight, name, words):
    for fieldset, word in zip(
        sight.root(name).locator(".hl-guess fieldset").all(), words, strict=True
    ):
        fieldset.get_by_label(word, exact=True).check()


@each
def test_predict_first(look, place, name):
    e, sight = EXPLORERS[name], look(place(name))
    sight.wait(name)
    root = sight.root(name)
    told = root.locator(".hl-told")
    button = root.get_by_role("button", name="Predict first")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert root.locator(".hl-guess").is_visible() and not root.locator("canvas").first.is_visible()
    sight.run(name, "e.set({...e.defaults, ...argument}); await settle();", CHANGES[name])
    words = truth(e, e.run(), e.run(**CHANGES[name]))
    assert len(set(words) - {"the same"}) >= 1

    # nothing is told before the reader commits, and not before each row is answered
    summary = e.summary(e.run(**CHANGES[name]))
    assert summary not in root.inner_text() and "hidden" in sight.status(name)
    root.get_by_role("button", name="Commit and run").click()
    assert "each row" in told.inner_text() and "hidden" in sight.status(name)

    asked = len(sight.asked)
    guess(sight, name, words)
    root.get_by_role("button", name="Commit and run").click()
    sight.settle()
    n = len(words)
    assert f"{n} of {n} right." in told.inner_text()
    assert f"{n} of {n}." in told.inner_text().split("so far")[1]
    assert sight.status(name) == summary
    assert root.locator("canvas").first.is_visible() and not root.locator(".hl-guess").is_visible()
    assert button.get_attribute("aria-pressed") == "false"

    # a second round, all wrong; the comparison is with what was seen last
    button.click()
    wrong = []
    for r, word in zip(e.readouts, truth(e, e.run(**CHANGES[name]), e.run()), strict=True):
        others = ("strengthens", "weakens") if r.signed else ("higher", "lower")
        wrong.append(next(o for o in others if o != word))
    sight.run(name, "e.set(e.defaults); await settle();")
    guess(sight, name, wrong)
    root.get_by_role("button", name="Commit and run").click()
    sight.settle()
    assert f"0 of {n} right." in told.inner_text()
    for r, word, said in zip(
        e.readouts, truth(e, e.run(**CHANGES[name]), e.run()), wrong, strict=True
    ):
        assert f"{r.label}: {word}, not {said}" in told.inner_text()
    path = urlsplit(sight.page.url).path
    kept = json.loads(sight.page.evaluate("(key) => localStorage.getItem(key)", f"hl-score:{path}"))
    assert kept == {"right": n, "asked": 2 * n}
    assert [a for a in sight.asked[asked:] if "favicon" not in a] == []  # the score goes nowhere
    sight.page.reload()
    sight.wait(name)
    assert kept == json.loads(
        sight.page.evaluate("(key) => localStorage.getItem(key)", f"hl-score:{path}")
    )
    sight.clean()


def test_nothing_tells_the_answer_while_guessing(look, place):
    """Neither the sentence of a preset, nor what a screen reader meets."""
    name = "two-spines"
    e, sight = EXPLORERS[name], look(place(name))
    sight.wait(name)
    root = sight.root(name)
    root.get_by_role("button", name="Predict first").click()
    root.get_by_role("button", name="cooperation").click()
    sight.settle()
    found = e.run(pulses=7.0)
    assert sight.run(name, "return e.state.values.pulses") == 7
    assert e.summary(found) not in root.inner_html()
    assert next(p.says for p in e.presets if p.name == "cooperation") not in root.inner_text()


def test_changing_ones_mind_shows_the_result(live):
    name = "two-spines"
    sight = live(name)
    button = sight.root(name).get_by_role("button", name="Predict first")
    button.click()
    sight.run(name, "e.set({...e.defaults, pulses: 7}); await settle();")
    button.click()
    sight.settle()
    assert sight.status(name) == EXPLORERS[name].summary(EXPLORERS[name].run(pulses=7.0))
    assert sight.root(name).locator("canvas").first.is_visible()
    width, room = sight.run(name, "return [e.charts[0].chart.width, e.panel.clientWidth]")
    assert width == room


@pytest.mark.parametrize("kept", ["rubbish", "null", "[]", '{"right": "a"}'])
def test_a_damaged_score_does_no_harm(look, place, kept):
    name = "calcium-decides"
    path = "/" + place(name)
    script = f"localStorage.setItem({json.dumps('hl-score:' + path)}, {json.dumps(kept)})"
    sight = look(place(name), before=lambda page: page.add_init_script(script))
    sight.wait(name)
    root = sight.root(name)
    root.get_by_role("button", name="Predict first").click()
    guess(sight, name, truth(EXPLORERS[name], EXPLORERS[name].run(), EXPLORERS[name].run()))
    root.get_by_role("button", name="Commit and run").click()
    sight.settle()
    n = len(EXPLORERS[name].readouts)
    assert f"{n} of {n} right." in root.locator(".hl-told").inner_text()
    so_far = root.locator(".hl-told").inner_text().split("so far:")[1]
    assert so_far.strip() == f"{n} of {n}."
    sight.clean()


def pages_with_predictions():
    return [p for p in PAGES if "class='hl-predict'" in (HTML / p).read_text(encoding="utf-8")]


def test_predictions_in_the_text(look, built_book):
    pages = pages_with_predictions()
    assert pages
    for address in pages:
        sight = look(address)
        forms = sight.page.locator("form.hl-predict")
        judged = {}
        for i, form in enumerate(forms.all()):
            key = json.loads(form.get_attribute("data-key"))
            status = form.get_by_role("status")
            form.get_by_role("button", name="Commit").click()
            assert status.inner_text() == "Choose one answer first."
            options = form.get_by_role("radio")
            assert form.get_by_role("group").count() == 1 and options.count() >= 2
            # by keyboard: to the right answer on the first form, to another on the next
            chosen = key["answer"] if i % 2 == 0 else (key["answer"] + 1) % options.count()
            options.nth(chosen).focus()
            sight.page.keyboard.press("Space")
            sight.page.keyboard.press("Enter")
            start = "As you predicted: " if i % 2 == 0 else "The model says otherwise: "
            assert status.inner_text().startswith(start + key["text"])
            assert key["why"][:20] in status.inner_text()
            assert not options.first.is_enabled()
            judged[form.get_attribute("id")] = (chosen, status.inner_text())
        sight.page.reload()
        for form in forms.all():
            chosen, words = judged[form.get_attribute("id")]
            assert form.get_by_role("status").inner_text() == words
            assert form.get_by_role("radio").nth(chosen).is_checked()
            assert not form.get_by_role("button", name="Commit").is_visible()
        sight.clean()


def test_a_wrong_prediction_is_told_and_a_damaged_one_asked_again(look, built_book):
    pages = pages_with_predictions()
    assert pages
    sight = look(pages[0])
    form = sight.page.locator("form.hl-predict").first
    key = json.loads(form.get_attribute("data-key"))
    n = form.get_by_role("radio").count()
    form.get_by_role("radio").nth((key["answer"] + 1) % n).check()
    form.get_by_role("button", name="Commit").click()
    words = form.get_by_role("status").inner_text()
    assert words.startswith("The model says otherwise: " + key["text"])
    for kept in ("99", "-1", "rubbish"):
        sight.page.evaluate(
            "([key, value]) => localStorage.setItem(key, value)", [form.get_attribute("id"), kept]
        )
        sight.page.reload()
        assert form.get_by_role("button", name="Commit").is_visible(), repr(kept)
        assert form.get_by_role("status").inner_text() == ""
    sight.clean()


# -- where it cannot live --------------------------------------------------------------------

JARGON = re.compile(r"undefined|null|TypeError|\bat \S+:\d+|\[object|WebAssembly\.\w+|Error:")


def check_static(sight, name, sentence):
    sight.wait(name, "static")
    root = sight.root(name)
    image = root.locator(".hl-static img")
    assert image.is_visible() and image.evaluate("(i) => i.complete && i.naturalWidth > 300")
    assert image.get_attribute("alt")
    assert not root.locator(".hl-live").is_visible()
    why = root.locator(".hl-why")
    assert why.is_visible()
    words = why.inner_text()
    assert re.search(sentence, words), words
    assert not JARGON.search(words), words
    assert words.startswith("This explorer cannot run here: ")
    assert words.endswith("The figure shows the model at its start values.")
    e = EXPLORERS[name]
    assert e.summary(e.run()) in root.locator(".hl-static").inner_text()


@each
def test_without_webassembly(look, place, name):
    off = "delete globalThis.WebAssembly"
    sight = look(place(name), before=lambda page: page.add_init_script(off))
    check_static(sight, name, "WebAssembly")
    sight.clean()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            "WebAssembly.Memory = function () { throw new RangeError('could not allocate'); }",
            "not enough memory",
        ),
        (
            "const real = WebAssembly.instantiate; WebAssembly.instantiate = async (...a) =>"
            " ({ exports: { entry: () => 1 } })",
            "the model stopped",
        ),
        (
            "WebAssembly.instantiate = async () => ({ exports: { entry: () => 0 } });"
            "Float64Array.prototype.fill = function () { for (let i = 0; i < this.length; i++)"
            " this[i] = NaN; return this; }",
            "finite numbers",
        ),
    ],
    ids=["memory", "kernel error", "not a number"],
)
def test_a_model_that_fails_at_the_start(look, place, script, sentence):
    name = "two-spines"
    sight = look(place(name), before=lambda page: page.add_init_script(script))
    check_static(sight, name, sentence)
    sight.clean()


@pytest.mark.parametrize(
    "failure",
    ["throw new Error('the model stopped at these settings')", "throw new RangeError('memory')"],
)
def test_a_model_that_fails_later(look, place, failure):
    name = "two-spines"
    sight = look(place(name))
    sight.wait(name)
    sight.run(name, f"e.engine.run = () => {{ {failure}; }};")
    sight.root(name).locator("input[name='pulses']").press("ArrowRight")
    check_static(sight, name, "the model stopped|not enough memory")
    sight.clean()


@each
def test_without_the_chart_library(look, place, name):
    def block(page):
        page.route(f"**/{vendor.SCRIPT}*", lambda route: route.abort())

    sight = look(place(name), before=block)
    check_static(sight, name, "chart library did not load")
    # the browser itself reports the request that failed
    assert [e for e in sight.errors if "Failed to load resource" not in e] == []
    assert not sight.outside


SPEC = re.compile(r"(<script type='application/json' class='hl-spec'>)(.*?)(</script>)", re.S)


def with_spec(address, change):
    """A `before` that changes the explorer's declaration on its way to the browser."""
    text = (HTML / address).read_text(encoding="utf-8")
    broken, n = SPEC.subn(lambda m: m[1] + change(m[2]) + m[3], text)
    assert n == 1 and broken != text

    def before(page):
        page.route(f"**/{address}", lambda r: r.fulfill(body=broken, content_type="text/html"))

    return before


def changed(**entries):
    def change(text):
        return json.dumps({**json.loads(text), **entries}).replace("</", "<\\/")

    return change


CORRUPTIONS = {
    "no JSON": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "another value": lambda text: "null",
    "no base64": changed(wasm="***"),
    "no module": changed(wasm="AAAA"),
    "module cut short": lambda text: re.sub(r'("wasm":"[^"]{400})[^"]*', r"\1", text),
    "no module at all": changed(wasm=None),
    "huge memory": changed(work=10**12),
    "negative size": changed(work=-(10**6)),
    "no controls": changed(controls=[]),
    "views of nothing": changed(
        views=[{"x_label": "x", "y_label": "y", "lines": [{"x": "no", "y": "no", "style": 0}]}]
    ),
}


@pytest.mark.parametrize("kind", ["no JSON", "no module"])
def test_a_corrupted_declaration_leaves_the_figure(look, place, kind):
    name = "calcium-decides"
    sight = look(place(name), before=with_spec(place(name), CORRUPTIONS[kind]))
    sight.wait(name, "static")
    root = sight.root(name)
    assert root.locator(".hl-static img").is_visible() and not root.locator(".hl-live").is_visible()
    assert root.locator(".hl-why").inner_text().startswith("This explorer cannot run here: ")
    sight.clean()


def test_no_corruption_of_the_declaration_gets_through(look, place):
    """Mounted again and again on one page, as `scan` does at the start."""
    name = "calcium-decides"
    sight = look(place(name))
    sight.wait(name)
    good = sight.run(name, "return root.querySelector('script.hl-spec').textContent")
    mount = """
      root.querySelector("script.hl-spec").textContent = argument;
      root.querySelector(".hl-live").replaceChildren();
      root.dataset.state = "loading";
      await globalThis.heterolib.mount(root);
      await settle();
      return [root.dataset.state, root.querySelector(".hl-why").textContent];
    """
    for kind, change in CORRUPTIONS.items():
        broken = change(good)
        assert broken != good, kind
        state, words = sight.run(name, mount, broken)
        assert state == "static", kind
        assert words.startswith("This explorer cannot run here: "), kind
    assert sight.run(name, mount, good)[0] == "ready"
    sight.clean()


@each
def test_without_scripts(look, place, name):
    sight = look(place(name), java_script_enabled=False)
    root, e = sight.root(name), EXPLORERS[name]
    assert root.locator(".hl-static img").is_visible()
    assert e.summary(e.run()) in root.locator(".hl-static").inner_text()
    assert root.locator(".hl-why").is_visible()
    assert "scripts" in root.locator(".hl-why").inner_text()
    assert not root.locator("input, select, button").count()
    assert not root.locator(".hl-live").is_visible()


def test_predictions_without_scripts(look, built_book):
    pages = pages_with_predictions()
    assert pages
    sight = look(pages[0], java_script_enabled=False)
    form = sight.page.locator("form.hl-predict").first
    answer = form.locator("details")
    assert answer.is_visible() and not answer.locator("p").is_visible()
    answer.locator("summary").click()
    assert json.loads(form.get_attribute("data-key"))["text"] in answer.inner_text()


# -- print, motion, theme, width -------------------------------------------------------------


@each
def test_print_shows_the_figure(live, name):
    sight = live(name)
    root = sight.root(name)
    try:
        sight.page.emulate_media(media="print")
        assert root.locator(".hl-static img").is_visible()
        for hidden in (".hl-live", "input, select", "button", "canvas", ".hl-why"):
            assert not root.locator(hidden).first.is_visible(), hidden
        assert root.locator(".hl-title").is_visible()
    finally:
        sight.page.emulate_media(media="screen")
    assert root.locator(".hl-live").is_visible()


def test_reduced_motion_is_respected(look, place):
    name = "two-spines"
    motion = (
        "@keyframes hop { to { opacity: 0; } }"
        ".hl-explorer button { transition: all 9s; animation: hop 9s infinite; }"
    )
    read = (
        "const style = getComputedStyle(root.querySelector('button'));"
        "return [style.animationName, style.transitionDuration]"
    )
    for wish, expected in (("no-preference", ["hop", "9s"]), ("reduce", ["none", "0s"])):
        sight = look(place(name), reduced_motion=wish)
        sight.wait(name)
        sight.page.add_style_tag(content=motion)
        assert sight.run(name, read) == expected, wish
        if wish == "reduce":
            sight.run(name, "e.set({...e.defaults, pulses: 7}); await settle();")
            assert sight.run(name, "return root.getAnimations({subtree: true}).length") == 0


LOOKS = """
  await settle();
  return {
    strokes: e.charts.map((c) => c.chart.series.slice(1).map((s) => s.stroke(c.chart, 1))),
    pictures: [...root.querySelectorAll("canvas")].map((c) => c.toDataURL()),
    ink: getComputedStyle(root).color,
    values: e.state.values,
  };
"""


@each
def test_the_theme_switch_redraws_the_charts(live, name):
    sight = live(name)
    page = sight.page
    e = EXPLORERS[name]
    sight.run(name, "e.set({...e.defaults, ...argument}); await settle();", CHANGES[name])
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    light = sight.run(name, LOOKS)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = sight.run(name, LOOKS)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    again = sight.run(name, LOOKS)
    assert len(light["pictures"]) == len(e.views)
    for a, b in zip(light["pictures"], dark["pictures"], strict=True):
        assert a != b
    for a, b in zip(light["strokes"], dark["strokes"], strict=True):
        assert not set(a) & set(b)
    assert light["ink"] != dark["ink"]
    assert again == light  # and back, with nothing else changed
    assert dark["values"] == light["values"]
    sight.clean()


def test_the_button_of_the_theme_does_it_too(look, place):
    name = "two-spines"
    sight = look(place(name), color_scheme="light")
    sight.wait(name)
    before = sight.run(name, LOOKS)
    for _ in range(3):  # light, dark, and the system's choice
        sight.page.locator("button.theme-switch-button:visible").first.click()
        if sight.page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    after = sight.run(name, LOOKS)
    assert before["strokes"] != after["strokes"] and before["pictures"] != after["pictures"]
    sight.clean()


OUTSIDE_ROOT = """
  const edge = root.getBoundingClientRect().right + 1;
  return [...root.querySelectorAll("input, select, button, canvas, label, output, p, table, pre")]
    .filter((x) => x.getBoundingClientRect().width && x.getBoundingClientRect().right > edge)
    .map((x) => `${x.tagName} ${x.className} ${x.name || ""}`);
"""


@each
def test_fits_a_phone(look, place, name):
    sight = look(place(name), viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    sight.wait(name)
    sight.root(name).locator("summary").click()
    sight.settle()
    width = "document.documentElement.scrollWidth"
    assert sight.page.evaluate(width) <= PHONE["width"]
    assert sight.run(name, OUTSIDE_ROOT) == []
    sight.root(name).get_by_role("button", name="Predict first").click()
    sight.settle()
    assert sight.page.evaluate(width) <= PHONE["width"]
    assert sight.run(name, OUTSIDE_ROOT) == []
    small = sight.run(
        name,
        "return [...root.querySelectorAll('input[type=range], select, button, .hl-guess label')]"
        " .filter((x) => x.getBoundingClientRect().height"
        "   && x.getBoundingClientRect().height < 24).map((x) => x.outerHTML)",
    )
    assert small == []  # large enough for a finger (WCAG 2.2, 2.5.8)
    sight.clean()


def test_charts_follow_the_width_of_the_window(look, place):
    name = "two-spines"
    sight = look(place(name))
    sight.wait(name)
    # The page may go on moving for a moment, as scroll bars and side bars come and go.
    for size, low, high in ((DESK, 500, 2000), (PHONE, 200, 380), (DESK, 500, 2000)):
        sight.page.set_viewport_size(size)
        sight.page.wait_for_function(
            "([name, low, high]) => {"
            " const e = document.querySelector(`[data-explorer='${name}']`).heterolib;"
            " const room = e.panel.clientWidth;"
            " return low < room && room < high && e.charts.every((c) => c.chart.width === room); }",
            arg=[name, low, high],
        )
    sight.clean()


# -- in Jupyter, with a model of our own in place of Python ------------------------------------

WIDGET = """
  const listeners = {};
  const kept = {...argument.values, spec: argument.spec, engine: "Computed by Python.",
    outputs: new DataView(Uint8Array.from(atob(argument.outputs), (c) => c.charCodeAt(0)).buffer)};
  const model = {
    get: (k) => kept[k], set: (k, v) => { kept[k] = v; },
    on: (k, f) => { listeners[k] = f; },
    off: (k, f) => { if (listeners[k] === f) delete listeners[k]; },
    save_changes: () => { model.saved = {...kept}; },
  };
  const el = document.createElement("div");
  const stop = globalThis.heterolib.mountWidget({ model, el });  // not yet in the document
  document.querySelector("main").prepend(el);
  await settle(); await settle();
  const section = el.querySelector("[data-explorer]");
  const w = section.heterolib;
  const ink = w.charts.map((c) => c.chart.axes.map((a) => a.stroke(c.chart, 0)));
  const widths = [w.charts.map((c) => c.chart.width), w.panel.clientWidth];
  const words = section.querySelector("[role=status]").textContent;
  const slider = section.querySelector("input[name=pulses]");
  slider.value = 3;
  slider.dispatchEvent(new Event("input"));
  await settle();
  const sent = model.saved;
  const search = location.search;
  kept.pulses = 7;  // as if Python had set it, and computed
  kept.outputs = new DataView(Uint8Array.from(atob(argument.later), (c) => c.charCodeAt(0)).buffer);
  listeners["change:outputs"]();
  await settle();
  const result = {
    ink, widths, words, search, sent: sent.pulses, state: section.dataset.state,
    later: section.querySelector("[role=status]").textContent, slider: slider.value,
    text: section.innerText,
    open: [...section.querySelectorAll("input, select")]
      .filter((x) => !x.closest("[hidden]") && !x.hasAttribute("data-lm-suppress-shortcuts"))
      .map((x) => x.name),
  };
  stop();
  result.stopped = !("change:outputs" in listeners);
  el.remove();
  return result;
"""


@pytest.fixture(scope="module")
def as_widget():
    """What the front end of a widget does; Python's side is in test_widget.py."""
    memory = {}

    def report(live):
        if not memory:
            name = "two-spines"
            e = EXPLORERS[name]

            def packed(**changes):
                found = e.run(**changes)
                raw = [found[o.name] / o.scale for o in e.outputs]
                return base64.b64encode(np.concatenate(raw).astype("<f8").tobytes()).decode()

            sight = live(name)
            # the page's own explorer writes its state into the address, a little later
            sight.run(name, "e.set(e.defaults); await settle();")
            sight.page.wait_for_function("location.search === ''")
            sight.page.add_script_tag(content=notebook.asset(notebook.WIDGET))
            argument = {"spec": declaration(e), "values": e.defaults}
            argument |= {"outputs": packed(), "later": packed(pulses=7.0)}
            memory.update(sight.run(name, WIDGET, argument))
            sight.clean()
        return memory

    return report


def test_a_widget_shows_what_python_sends_and_sends_what_the_reader_sets(live, as_widget):
    e, got = EXPLORERS["two-spines"], as_widget(live)
    assert got["state"] == "ready"
    assert got["words"] == e.summary(e.run())
    assert got["sent"] == 3
    assert got["later"] == e.summary(e.run(pulses=7.0)) and got["slider"] == "7"
    assert "Computed by Python." in got["text"] and "Copy link" not in got["text"]
    assert got["search"] == ""  # the address is Jupyter's
    assert got["stopped"]


def test_a_widget_is_drawn_well_though_mounted_before_it_is_in_the_document(live, as_widget):
    """So it is in JupyterLab: styles are not known yet."""
    got = as_widget(live)
    assert all(colour for chart in got["ink"] for colour in chart), got["ink"]
    assert set(got["widths"][0]) == {got["widths"][1]}


def test_jupyterlab_leaves_the_keys_to_the_controls(live, as_widget):
    """Else it takes the arrows of a slider to walk through the notebook."""
    assert as_widget(live)["open"] == []


# -- two on one page -------------------------------------------------------------------------


def test_two_explorers_on_one_page_are_independent(look, place):
    """The section of chapter 1 is put into the page of chapter 5."""
    one, two = "calcium-decides", "two-spines"
    address = place(two)
    text = (HTML / address).read_text(encoding="utf-8")
    if not {one, two} <= set(explorers_on(address)):
        other = (HTML / place(one)).read_text(encoding="utf-8")
        section = re.search(r"<section class='hl-explorer'.*?</section>", other, re.S)[0]
        text = text.replace(
            "<section class='hl-explorer'", section + "<section class='hl-explorer'", 1
        )

    def before(page):
        page.route(f"**/{address}*", lambda r: r.fulfill(body=text, content_type="text/html"))

    sight = look(address, before=before)
    for name in (one, two):
        sight.wait(name)
        assert sight.status(name) == EXPLORERS[name].summary(EXPLORERS[name].run())
    sight.root(one).get_by_role("button", name="moderate").click()
    sight.settle()
    assert sight.values(two) == EXPLORERS[two].defaults
    assert sight.status(two) == EXPLORERS[two].summary(EXPLORERS[two].run())
    sight.root(two).get_by_role("button", name="cooperation").click()
    sight.settle()
    assert sight.values(one) == pytest.approx(EXPLORERS[one].preset("moderate"))
    for name in (one, two):
        sight.saved(name)
    kept = parse_qs(urlsplit(sight.page.url).query)
    assert kept == {one: ["calcium:3"], two: ["pulses:7"]}
    ids = sight.page.evaluate(
        "[...document.querySelectorAll('.hl-explorer [id], .hl-explorer')].map((x) => x.id)"
        ".filter(Boolean)"
    )
    assert len(ids) == len(set(ids))
    sight.page.reload()
    for name, values in ((one, {"calcium": 3.0}), (two, {"pulses": 7.0})):
        sight.wait(name)
        assert sight.status(name) == EXPLORERS[name].summary(EXPLORERS[name].run(**values))
    sight.clean()


def test_markup_of_the_page_is_what_python_wrote(built_book, places):
    """The build passes it on unchanged: the figure, its words, and the declaration."""
    for name, address in places.items():
        text = (HTML / address).read_text(encoding="utf-8")
        spec = json.loads(SPEC.search(text)[2])
        e = EXPLORERS[name]
        assert spec["name"] == name and spec["code"] == e.code
        assert [c["name"] for c in spec["controls"]] == [c.name for c in e.controls]
        assert html.escape(e.summary(e.run())) in text


def test_charts_and_front_end_lie_in_the_book_with_a_licence(built_book):
    folder = Path(built_book) / "_static" / "heterolib"
    for name in (*vendor.MEMBERS.values(), "explorer.js", "explorer.css"):
        assert (folder / name).stat().st_size > 500, name
    assert "MIT" in (folder / vendor.LICENCE).read_text(encoding="utf-8")
