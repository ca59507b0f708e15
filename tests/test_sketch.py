"""Draw the curve you expect, then run: the declaration, the judgement, the place to draw."""

import base64
import dataclasses
import json
import re
from urllib.parse import urlsplit

import numpy as np
import pytest

from heterolib.explore import EXPLORERS, notebook, page
from heterolib.explore.model import Sketch, Traces
from tests import test_explorer_pages as pages
from tests.data.explore.samples import settings

NAMES = [e.name for e in EXPLORERS.values() if e.sketch]
each = pytest.mark.parametrize("name", NAMES)
ADDRESS = {
    "two-spines": "chapters/05-two-spines.html",
    "timing-window": "chapters/06-timing-windows.html",
}
WINDOW = "timing-window"


def line_of(explorer):
    """The view and the line that is to be sketched."""
    (found,) = (
        (view, line)
        for view in explorer.views
        if isinstance(view, Traces)
        for line in view.lines
        if line.y == explorer.sketch.y
    )
    return found


def handles(explorer, found):
    x = found[line_of(explorer)[1].x]
    return np.linspace(x[0], x[-1], explorer.sketch.points)


# -- the declaration -------------------------------------------------------------------------


def test_two_explorers_have_a_curve_to_draw():
    assert set(NAMES) == {"two-spines", "timing-window"} == set(ADDRESS)


@each
def test_the_sketch_is_of_a_line_and_starts_where_nothing_happens(name):
    e = EXPLORERS[name]
    s, (view, _) = e.sketch, line_of(e)
    assert not view.log_y  # sizes are compared, and handles spread, evenly
    share = 100 * (s.base - s.low) / (s.high - s.low)
    assert share == pytest.approx(round(share))  # a position of the slider
    flat = {"theta_d": e.defaults["theta_d"]}
    flat |= {c.name: c.high for c in e.controls if c.name in ("theta_d", "theta_p")}
    for c in e.controls:
        if c.name in ("gamma_d", "gamma_p"):
            flat[c.name] = 0.0
    curve = e.run(**flat)[s.y]
    if name == WINDOW:  # no rate, no change
        assert np.abs(curve - s.base).max() < 1e-12
    else:
        assert curve[0] == s.base


@each
def test_the_axis_holds_the_curves_of_the_presets(name):
    e = EXPLORERS[name]
    for p in e.presets:
        curve = e.run(**p.values)[e.sketch.y]
        assert e.sketch.low < curve.min() and curve.max() < e.sketch.high


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": 2}, "points is 2"),
        ({"points": 21}, "points is 21"),
        ({"points": 5.5}, "points is 5.5"),
        ({"base": 2.0}, "base is 2"),
        ({"base": float("nan")}, "base is nan"),
    ],
)
def test_bad_sketches_are_refused(changes, message):
    good = Sketch("w", 0.0, 1.0, 0.5)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(good, **changes)


@each
def test_it_reaches_the_page_and_the_widget(name):
    e = EXPLORERS[name]
    assert page.declaration(e)["sketch"] == dataclasses.asdict(e.sketch)
    assert page.parts(e) == ["sketch"]
    assert page.declaration(EXPLORERS["calcium-decides"])["sketch"] is None
    assert page.parts(EXPLORERS["calcium-decides"]) == []
    script = notebook.front_end()[0]
    assert script.index("heterolibParts ||= {}).sketch") < script.index("globalThis.heterolib =")


# -- in a browser ----------------------------------------------------------------------------

book = pytest.mark.book


@pytest.fixture(scope="module")
def opened(site, browser):
    """Return a function that opens the chapter of an explorer."""
    contexts = []

    def open_page(name, **options):
        contexts.append(browser.new_context(**{"viewport": pages.DESK, **options}))
        sight = pages.open_in(contexts[-1], site, ADDRESS[name], light=True)
        sight.wait(name)
        return sight

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shared(opened):
    memory = {}

    def get(name):
        if name not in memory:
            memory[name] = opened(name)
        return memory[name]

    return get


@pytest.fixture
def live(shared):
    def get(name):
        sight = shared(name)
        sight.errors.clear()
        sight.page.bring_to_front()
        sight.run(name, "if (e.guessing) e.reveal(); e.forgetSketch(); e.set(e.defaults);")
        sight.run(name, "e.show(); localStorage.clear(); await settle();")
        return sight

    return get


def begin(sight, name):
    sight.root(name).get_by_role("button", name="Draw first").click()
    sight.settle()


def commit(sight, name):
    sight.root(name).get_by_role("button", name="Commit and run").click()
    sight.settle()


def put(sight, name, heights):
    """Set the handles as the arrow keys would."""
    sight.run(
        name,
        """
        [...root.querySelectorAll(".hl-handle")].forEach((input, i) => {
          input.value = argument[i];
          input.dispatchEvent(new Event("input"));
        });
        await settle();
        """,
        [positions(name, v) for v in heights],
    )


def positions(name, v):
    s = EXPLORERS[name].sketch
    return int(np.clip(round(100 * (v - s.low) / (s.high - s.low)), 0, 100))


def drawn(sight, name):
    return np.array(sight.run(name, "return e.pad.drawn"))


def told(sight, name):
    return sight.root(name).locator(".hl-told").inner_text()


# -- the judgement ---------------------------------------------------------------------------


def judge(s, at, sketch, x, y):
    """The rules of `Sketch`, written a second time: a mark for each question."""
    near = (s.high - s.low) / 50
    model, own = np.asarray(y) - s.base, np.asarray(sketch) - s.base

    def sides(v):
        return np.where(np.abs(v) < near, 0, np.sign(v))

    if not sides(model).any():
        return [not sides(own).any()]
    marks = [np.sum(sides(np.interp(at, x, model)) == sides(own)) >= 0.8 * len(at)]
    for sign in (1, -1):
        top, mine = (sign * model).max(), (sign * own).max()
        if top < near:
            continue
        if mine < near:
            marks += [False, False]
            continue
        step = at[1] - at[0]
        farthest = at[sign * own > 0.99 * mine]
        close = np.abs(x[:, None] - farthest).min(axis=1) <= step * (1 + 1e-9)
        marks += [(sign * model)[close].max() >= 0.9 * top, 0.5 <= mine / top <= 2]
    return [bool(m) for m in marks]


JUDGE = """
  const { judge } = globalThis.heterolibParts.sketch({});
  return argument.map(([s, at, drawn, xs, ys]) => judge(s, at, drawn, xs, ys, ["ms", ""]));
"""


@book
@each
def test_the_judgement_follows_its_rules(live, name):
    e, s = EXPLORERS[name], EXPLORERS[name].sketch
    rng = np.random.default_rng(5)
    asked, wanted = [], []
    for changes in settings(e, 120, 8)[-40:] + [dict(p.values) for p in e.presets]:
        found = e.run(**changes)
        x, y, at = found[line_of(e)[1].x], found[s.y], handles(e, found)
        true = np.interp(at, x, y)
        tries = [np.full(s.points, s.base), true, s.base + 1.9 * (true - s.base)]
        tries += [s.base + 2.1 * (true - s.base), np.roll(true, 1), np.roll(true, 3), true[::-1]]
        tries.append(rng.uniform(s.low, s.high, s.points))
        for sketch in tries:
            asked.append(
                [dataclasses.asdict(s), *(list(map(float, v)) for v in (at, sketch, x, y))]
            )
            wanted.append(judge(s, at, sketch, x, y))
    got = live(name).run(name, JUDGE, asked)
    for given, told_, marks in zip(asked, got, wanted, strict=True):
        assert (told_["right"], told_["asked"]) == (sum(marks), len(marks)), (told_, marks, given)
        assert "NaN" not in told_["words"] and "undefined" not in told_["words"]
    # flat, one side, both
    assert {len(m) for m in wanted} == ({1, 3, 5} if name == WINDOW else {1, 3})
    assert {sum(m) for m in wanted} >= {0, 1, 3}


def case(**options):
    """A model that rises to 0.4 at 60 ms and falls back, and a sketch of it."""
    base = {"s": {"low": -1.0, "high": 1.0, "base": 0.0}, "at": [0, 20, 40, 60, 80]}
    x = np.arange(81.0)
    return {**base, "xs": list(x), "ys": list(0.4 * np.exp(-(((x - 60) / 15) ** 2))), **options}


CASES = [
    (
        case(drawn=[0, 0, 0.1, 0.5, 0.1]),
        3,
        "Your sketch: direction right at 5 of 5 points; highest +0.5 at 60 ms, the model's +0.4 at "
        "60 ms (place and size right).",
    ),
    (
        case(drawn=[0, 0, 0.3, 0.2, 0.1]),
        3,
        "Your sketch: direction right at 5 of 5 points; highest +0.3 at 40 ms, the model's +0.4 at "
        "60 ms (place and size right).",
    ),
    (
        case(drawn=[0, 0.9, 0.3, 0.2, 0.1]),
        1,
        "Your sketch: direction right at 4 of 5 points; highest +0.9 at 20 ms, the model's +0.4 at "
        "60 ms (neither right).",
    ),
    (
        case(drawn=[0, 0, 0.1, 1.0, 0.1]),
        2,
        "Your sketch: direction right at 5 of 5 points; highest +1 at 60 ms, the model's +0.4 at "
        "60 ms (place right, size not).",
    ),
    (
        case(drawn=[0, 0.3, 0.1, 0.1, 0.1]),
        2,
        "Your sketch: direction right at 4 of 5 points; highest +0.3 at 20 ms, the model's +0.4 at "
        "60 ms (size right, place not).",
    ),
    (
        case(drawn=[0, 0, -0.3, -0.4, -0.1]),
        0,
        "Your sketch: direction right at 2 of 5 points; highest: none drawn, the model's +0.4 at "
        "60 ms.",
    ),
    (case(drawn=[0] * 5, ys=[0.0] * 81), 1, "The model's curve stays at 0, as you drew it."),
    (
        case(drawn=[0, 0, 0, 0, 0.1], ys=[0.01] * 81),
        0,
        "The model's curve stays at 0; your sketch leaves it.",
    ),
]


@book
@pytest.mark.parametrize(("given", "right", "words"), CASES)
def test_what_is_said_of_a_sketch(live, given, right, words):
    ask = [[given[k] for k in ("s", "at", "drawn", "xs", "ys")]]
    (got,) = live(WINDOW).run(WINDOW, JUDGE, ask)
    assert (got["words"], got["right"]) == (words, right)


# -- drawing, then running -------------------------------------------------------------------


@book
@each
def test_draw_first(opened, name):
    e, sight = EXPLORERS[name], opened(name)
    s, (view, _), root = e.sketch, line_of(e), sight.root(name)
    begin(sight, name)
    button = root.get_by_role("button", name="Draw first")
    assert button.get_attribute("aria-pressed") == "true"
    assert not root.locator(".hl-charts").is_visible() and "hidden" in sight.status(name)
    assert root.locator(".hl-handle").count() == s.points
    assert (drawn(sight, name) == s.base).all()

    # the settings may move while drawing; what was drawn stays
    true = np.interp(handles(e, e.run()), e.run()[line_of(e)[1].x], e.run()[s.y])
    put(sight, name, true)
    before = drawn(sight, name)
    assert np.abs(before - true).max() <= 0.51 * (s.high - s.low) / 100
    changes = dict(e.presets[2].values)
    sight.run(name, "e.set({...e.defaults, ...argument}); await settle();", changes)
    assert (drawn(sight, name) == before).all()
    assert e.presets[2].says not in root.inner_text()
    assert e.summary(e.run(**changes)) not in root.locator(".hl-live").inner_html()

    asked = len(sight.asked)
    found = e.run(**changes)
    x = found[line_of(e)[1].x]
    marks = judge(s, handles(e, found), before, x, found[s.y])
    commit(sight, name)
    words = told(sight, name)
    assert words.startswith("Your sketch: direction right at ")
    assert f"{sum(marks)} of {len(marks)} right. On this page so far: " in words
    assert sight.status(name) == e.summary(found)
    assert not root.locator(".hl-guess").is_visible()
    assert button.get_attribute("aria-pressed") == "false"
    assert button.evaluate("(b) => b === document.activeElement")  # not lost

    # the sketch stands beside the curve, and is there after a change of theme and settings
    index = e.views.index(view)
    curve = f"const c = e.charts[{index}].chart; return [c.series.at(-1).label, c.data.at(-1)]"
    label, beside = sight.run(name, curve)
    assert label == "your sketch"
    np.testing.assert_allclose(beside, np.interp(x, handles(e, found), before), atol=1e-12)
    sight.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    sight.settle()
    assert sight.run(name, curve) == [label, beside]
    sight.run(name, "e.set(e.defaults); await settle();")
    assert sight.run(name, curve)[0] == label
    low, high = sight.run(
        name, f"const y = e.charts[{index}].chart.scales.y; return [y.min, y.max]"
    )
    assert low < before.min() and before.max() < high

    # the score is kept here and goes nowhere
    path = urlsplit(sight.page.url).path
    kept = json.loads(sight.page.evaluate("(k) => localStorage.getItem(k)", f"hl-score:{path}"))
    assert kept == {"right": sum(marks), "asked": len(marks)}
    assert [a for a in sight.asked[asked:] if "favicon" not in a] == []

    root.get_by_role("button", name="Remove sketch").click()
    sight.settle()
    assert sight.run(name, curve)[0] != label
    assert not root.get_by_role("button", name="Remove sketch").is_visible()
    sight.clean()


@book
def test_the_score_is_one_for_both_ways_to_predict(opened):
    name = "two-spines"
    e, sight = EXPLORERS[name], opened(name)
    sight.root(name).get_by_role("button", name="Predict first").click()
    pages.guess(sight, name, pages.truth(e, e.run(), e.run()))
    commit(sight, name)
    n = len(e.readouts)
    begin(sight, name)
    commit(sight, name)  # an untouched sketch is a sketch: nothing changes
    assert "lowest: none drawn" in told(sight, name) and "0 of 3 right" in told(sight, name)
    assert told(sight, name).endswith(f"On this page so far: {n} of {n + 3}.")
    sight.clean()


@book
def test_the_two_ways_can_be_exchanged_and_left(live):
    name = "two-spines"
    sight = live(name)
    root = sight.root(name)
    begin(sight, name)
    root.get_by_role("button", name="Predict first").click()
    assert root.locator(".hl-handle").count() == 0
    assert root.locator(".hl-guess fieldset").count() == len(EXPLORERS[name].readouts)
    begin(sight, name)
    assert root.locator(".hl-handle").count() == 11 and not root.locator("fieldset").count()
    begin(sight, name)  # pressed again: never mind
    assert sight.status(name) == EXPLORERS[name].summary(EXPLORERS[name].run())
    assert root.locator(".hl-charts").is_visible() and root.locator(".hl-handle").count() == 0
    assert sight.page.evaluate("localStorage.length") == 0
    sight.clean()


@book
def test_the_handles_go_along_with_the_axis(live):
    """A longer interval of bursts makes a longer run: the handles stand elsewhere."""
    name = "two-spines"
    sight = live(name)
    begin(sight, name)
    labels = "return [...root.querySelectorAll('.hl-handle')].map((x) => x.ariaLabel)"
    for every in (100.0, 500.0):
        sight.run(name, "e.set({...e.defaults, every: argument}); await settle();", every)
        at = [float(re.search(r"at time ([\d.]+) ms$", x)[1]) for x in sight.run(name, labels)]
        np.testing.assert_allclose(at, np.linspace(0, 5 * every, 11), rtol=1e-3)
    sight.clean()


# -- by keyboard, mouse and finger -----------------------------------------------------------


@book
@each
def test_handles_by_keyboard(live, name):
    e, sight = EXPLORERS[name], live(name)
    s, root = e.sketch, sight.root(name)
    begin(sight, name)
    first = root.locator(".hl-handle").first
    first.focus()
    start = s.base
    for keys, moved in (("ArrowUp", 1), ("ArrowRight", 2), ("ArrowDown", 1)):
        sight.page.keyboard.press(keys)
        value = start + moved * (s.high - s.low) / 100
        assert drawn(sight, name)[0] == pytest.approx(value)
        assert float(first.get_attribute("aria-valuetext").split()[0]) == pytest.approx(value)
    for key, end in (("Home", s.low), ("End", s.high)):
        sight.page.keyboard.press(key)
        assert drawn(sight, name)[0] == pytest.approx(end)
    assert drawn(sight, name)[1] == start
    places = []
    for _ in range(s.points):
        places.append(sight.page.evaluate("document.activeElement.ariaLabel"))
        assert sight.page.evaluate("document.activeElement.matches(':focus-visible')")
        shown = "const s = getComputedStyle(document.activeElement);"
        shown += "return [s.opacity, s.outlineStyle, s.pointerEvents]"
        assert sight.run(name, shown) == ["1", "solid", "none"]
        sight.page.keyboard.press("Tab")
    assert len(set(places)) == s.points
    unit = "delay, t₂ − t₁" if name == WINDOW else "time"
    assert all(p.startswith("spine ") and f" at {unit} " in p and p.endswith(" ms") for p in places)
    assert sight.page.evaluate("document.activeElement.textContent") == "Commit and run"
    sight.page.keyboard.press("Enter")
    sight.settle()
    assert "so far" in told(sight, name)
    sight.clean()


def stroke(sight, name, shares, steps=1):
    """Draw with the mouse through (x, y) in shares of the plot; y from its foot."""
    over = sight.root(name).locator(".hl-pad .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    mouse = sight.page.mouse
    for i, (x, y) in enumerate(shares):
        mouse.move(box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"], steps=steps)
        if i == 0:
            mouse.down()
    mouse.up()
    sight.settle()


@book
@each
def test_handles_by_mouse(live, name):
    e, sight = EXPLORERS[name], live(name)
    s = e.sketch
    begin(sight, name)
    middle = [(i + 0.5) / s.points for i in range(s.points)]
    # one fast stroke over all, from the foot to the top
    stroke(sight, name, [(middle[0], 0.1), (middle[-1], 0.9)])
    wanted = s.low + (s.high - s.low) * np.linspace(0.1, 0.9, s.points)
    assert np.abs(drawn(sight, name) - wanted).max() <= 0.011 * (s.high - s.low)
    # a click moves one handle, and leaving the plot goes to its edge
    before = drawn(sight, name)
    stroke(sight, name, [(middle[4], 0.8)])
    changed = drawn(sight, name)
    assert changed[4] == pytest.approx(s.low + 0.8 * (s.high - s.low), abs=0.011 * (s.high - s.low))
    assert (np.delete(changed, 4) == np.delete(before, 4)).all()
    stroke(sight, name, [(middle[-1], 0.5), (1.02, 1.3)], steps=5)
    assert drawn(sight, name)[-1] == pytest.approx(s.high)
    # moving without a button draws nothing, and the sliders know what was drawn
    after = drawn(sight, name)
    box = sight.root(name).locator(".hl-pad .u-over").bounding_box()
    sight.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    assert (drawn(sight, name) == after).all()
    values = [int(x.input_value()) for x in sight.root(name).locator(".hl-handle").all()]
    assert values == [positions(name, v) for v in after]
    sight.clean()


@book
@each
def test_handles_by_finger_on_a_phone(opened, name):
    options = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    sight = opened(name, viewport=pages.PHONE, **options)
    e = EXPLORERS[name]
    s = e.sketch
    begin(sight, name)
    assert sight.page.evaluate("document.documentElement.scrollWidth") <= pages.PHONE["width"]
    assert sight.run(name, pages.OUTSIDE_ROOT) == []
    over = sight.root(name).locator(".hl-pad .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box["height"] > 100 and over.evaluate("(x) => getComputedStyle(x).touchAction") == "none"
    scroll = sight.page.evaluate("scrollY")
    client = sight.page.context.new_cdp_session(sight.page)

    def touch(kind, *points):
        at = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + (1 - y) * box["height"]}
            for x, y in points
        ]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (0.05, 0.3))
    for k in range(1, 21):
        touch("touchMove", (0.05 + 0.9 * k / 20, 0.3 + 0.02 * k))
    touch("touchEnd")
    sight.settle()
    wanted = s.low + (s.high - s.low) * np.linspace(0.3, 0.7, s.points)
    assert np.abs(drawn(sight, name) - wanted).max() <= 0.03 * (s.high - s.low)
    assert sight.page.evaluate("scrollY") == scroll  # the page stays where it is
    commit(sight, name)
    assert "so far" in told(sight, name)
    assert sight.page.evaluate("document.documentElement.scrollWidth") <= pages.PHONE["width"]
    sight.clean()


@book
def test_the_place_to_draw_follows_theme_and_width(opened):
    sight = opened(WINDOW, color_scheme="light")
    begin(sight, WINDOW)
    heights = np.linspace(-0.01, 0.01, 11)
    put(sight, WINDOW, heights)
    ink = "return e.pad && root.querySelector('.hl-pad canvas').toDataURL()"
    light = sight.run(WINDOW, ink)
    sight.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    sight.settle()
    assert sight.run(WINDOW, ink) != light
    assert sight.root(WINDOW).locator(".hl-handle").count() == 11
    sight.page.set_viewport_size(pages.PHONE)
    sight.page.wait_for_function(
        "document.querySelector('.hl-pad canvas').getBoundingClientRect().width < 360"
    )
    np.testing.assert_allclose(drawn(sight, WINDOW), heights, atol=2.1e-4)
    sight.clean()


# -- in Jupyter ------------------------------------------------------------------------------

WIDGET = """
  const kept = {...argument.values, spec: argument.spec, engine: "Computed by Python.",
    outputs: new DataView(Uint8Array.from(atob(argument.outputs), (c) => c.charCodeAt(0)).buffer)};
  const listeners = {};
  const model = { get: (k) => kept[k], set: (k, v) => { kept[k] = v; }, off: () => {},
    on: (k, f) => { listeners[k] = f; }, save_changes: () => {} };
  const el = document.createElement("div");
  document.querySelector("main").prepend(el);
  globalThis.heterolib.mountWidget({ model, el });
  await settle();
  const buttons = () => [...el.querySelectorAll("button")];
  const press = (words) => buttons().find((b) => b.textContent === words).click();
  press("Draw first");
  await settle();
  [...el.querySelectorAll(".hl-handle")].forEach((input, i) => {
    input.value = argument.heights[i];
    input.dispatchEvent(new Event("input"));
  });
  const keys = [...el.querySelectorAll("input, select")]
    .filter((x) => !x.hasAttribute("data-lm-suppress-shortcuts")).length;
  // Python sends the result of other settings while the reader draws
  kept.delay = 40;
  kept.outputs = new DataView(Uint8Array.from(atob(argument.later), (c) => c.charCodeAt(0)).buffer);
  listeners["change:outputs"]();
  await settle();
  const hidden = el.querySelector("[role=status]").textContent;
  press("Commit and run");
  await settle();
  const result = { keys, hidden, told: el.querySelector(".hl-told").textContent,
    status: el.querySelector("[role=status]").textContent };
  el.remove();
  return result;
"""


@book
def test_a_widget_has_it_too(live):
    e, s, sight = EXPLORERS[WINDOW], EXPLORERS[WINDOW].sketch, live(WINDOW)

    def packed(found):
        raw = [found[o.name] / o.scale for o in e.outputs]
        return base64.b64encode(np.concatenate(raw).astype("<f8").tobytes()).decode()

    later = e.run(delay=40.0)
    x, at = later["delays"], handles(e, later)
    heights = [positions(WINDOW, v) for v in np.interp(at, x, later[s.y])]
    argument = {"spec": page.declaration(e), "values": e.defaults, "heights": heights}
    argument |= {"outputs": packed(e.run()), "later": packed(later)}
    sight.page.add_script_tag(content=notebook.asset(notebook.WIDGET))
    got = sight.run(WINDOW, WIDGET, argument)
    sketch = s.low + (s.high - s.low) * np.array(heights) / 100
    marks = judge(s, at, sketch, x, later[s.y])
    assert all(marks)
    assert f"{len(marks)} of {len(marks)} right" in got["told"]
    assert "hidden" in got["hidden"] and got["status"] == e.summary(later)
    assert got["keys"] == 0  # JupyterLab leaves the arrows to the handles
    sight.clean()
