"""Heat maps: the scale and the words, the colours, the figure, and the chart of the page."""

import dataclasses
import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import LogNorm, to_rgb

from heterolib import Branch, explore, plots, simulate
from heterolib.explore import EXPLORERS, notebook, page
from heterolib.explore.model import HeatMap, Marker, name_unit, round_up
from tests import test_explorer_pages as pages
from tests.data.explore.samples import settings

NAME = "calcium-travels"
MAPS = [(e.name, v) for e in EXPLORERS.values() for v in e.views if isinstance(v, HeatMap)]
each_map = pytest.mark.parametrize(("name", "view"), MAPS)
TWO_SIGNS = HeatMap("x", "y", "z", "place (µm)", "time (ms)", "change", (0, 0, 2), change=True)


# -- scale and words -------------------------------------------------------------------------


@given(st.floats(1e-9, 1e12))
def test_round_up_gives_the_next_round_number(value):
    top = round_up(value)
    assert value <= top * (1 + 1e-9) and top < 2.5 * value * (1 + 1e-9)
    assert f"{top:.0e}"[0] in "125" and float(f"{top:.0e}") == top


def test_the_scale_starts_at_zero_or_some_decades_below_its_top_or_is_even_about_zero():
    linear = HeatMap("x", "y", "z", "", "", "")
    assert linear.scale(np.array([3.0, 41.0])) == (0.0, 50.0)
    assert dataclasses.replace(linear, decades=3).scale(np.array([3.0, 41.0])) == (0.05, 50.0)
    assert dataclasses.replace(linear, change=True).scale(np.array([-41.0, 3.0])) == (-50.0, 50.0)
    low, high = linear.scale(np.zeros(4))
    assert low < high  # nothing at all can be drawn as well


def test_a_change_has_no_logarithmic_scale():
    with pytest.raises(ValueError, match="decades is 2; allowed: 0"):
        dataclasses.replace(TWO_SIGNS, decades=2)


def test_words_name_the_highest_and_of_a_change_the_lowest_cell():
    found = {"x": np.arange(3.0), "y": 10.0 * np.arange(2), "z": np.array([0, 1, 2, -3, 1, 2.0])}
    expected = "highest change: +2.00 at 2 µm, 0 ms; lowest change: -3.00 at 0 µm, 10 ms"
    assert TWO_SIGNS.words(found) == expected
    assert dataclasses.replace(TWO_SIGNS, change=False, z_label="calcium (nM)").words(found) == (
        "highest calcium: 2.00 nM at 2 µm, 0 ms"
    )
    found["z"][5] += 1e-12  # as another computer may round it
    assert TWO_SIGNS.words(found) == expected


@each_map
def test_what_a_map_names_exists(name, view):
    e = EXPLORERS[name]
    size = {o.name: o.size for o in e.outputs}
    single = {o.name for o in e.outputs if o.size == 1} | {c.name for c in e.controls}
    assert size[view.z] == size[view.x] * size[view.y]
    for axis in (view.x, view.y):
        steps = np.diff(e.run()[axis])
        assert (steps > 0).all() and np.allclose(steps, steps[0], rtol=1e-9)
    for label in (view.x_label, view.y_label, view.z_label):
        assert re.fullmatch(r".+ \((ms|nM|µm)\)", label) and all(name_unit(label))
    for m in view.markers:
        assert bool(m.x) != bool(m.y) and {m.x or m.y} <= single and m.label


@each_map
def test_the_summary_tells_what_the_map_shows(name, view):
    e = EXPLORERS[name]
    for changes in settings(e, 30, 11):
        found = e.run(**changes)
        assert e.summary(found).endswith(f"; {view.words(found)}.")
        i = int(found[view.z].argmax())
        value = re.search(r": ([\d.]+) nM at (-?[\d.]+) µm, ([\d.]+) ms$", view.words(found))
        assert value, view.words(found)
        assert abs(float(value[1]) - found[view.z][i]) <= 0.5001 * 10.0 ** -view.digits[2]


# -- the numbers of chapter 4 ----------------------------------------------------------------


def test_the_map_of_the_shaft_is_that_of_the_library():
    e = EXPLORERS[NAME]
    for changes in ({}, {"neck": 1.0, "branch_radius": 0.5, "distance": 3.0}, {"decay": 20.0}):
        v, found = e.values(**changes), e.run(**changes)
        branch = Branch(
            [40.125, 40.125 + v["distance"]],
            diffusion_um2_per_s=v["diffusion"],
            radius_um=v["branch_radius"],
            decay_ms=v["decay"],
            neck=("published", "consistent")[int(v["neck"])],
            spine=dataclasses.replace(Branch([1.0]).spine, decay_ms=v["decay"]),
        )
        options = {"weights": 1.0, "step_ms": 0.05, "record": "all", "shaft_every_ms": 1.0}
        run = simulate(branch, [[1.0], []], None, 101.0, **options)
        at = np.abs(run.system.x_um - 40.125 - found["place"][:, None]).argmin(axis=1)
        wanted = 1e3 * run.shaft_uM[1:, at]
        assert wanted.size == found["shaft_map"].size
        np.testing.assert_allclose(run.shaft_t_ms[1:] - 1.0, found["after"], atol=1e-9)
        np.testing.assert_allclose(run.system.x_um[at] - 40.125, found["place"], atol=1e-9)
        cells = found["shaft_map"].reshape(wanted.shape)
        np.testing.assert_allclose(cells, wanted, rtol=1e-9, atol=1e-9 * wanted.max())


@pytest.mark.parametrize("at", [1.0, 20.0, 100.0])
def test_the_profile_is_the_cut_through_the_map(at):
    found = EXPLORERS[NAME].run(snapshot=at)
    row = found["shaft_map"].reshape(found["after"].size, -1)[found["after"] == at][0]
    columns = [np.abs(found["x"] - x).argmin() for x in found["place"]]
    np.testing.assert_array_equal(row, found["shaft"][columns])


def test_the_snapshot_can_stand_wherever_the_map_is():
    """Else its line would leave the map."""
    e = EXPLORERS[NAME]
    snapshot = next(c for c in e.controls if c.name == "snapshot")
    assert snapshot.high == e.run()["after"][-1] and snapshot.low > e.run()["after"][0]


# -- colours ---------------------------------------------------------------------------------

# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as seen without L, M or S cones.
SEEN = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lightness(rgb):
    """L* of CIELAB, 0 to 100."""
    y = float(np.clip(rgb, 0, 1) @ [0.2126, 0.7152, 0.0722])
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def ramps():
    """The ramps of the page, by theme and kind."""
    text = (notebook.ASSETS / "explorer-map.js").read_text(encoding="utf-8")
    found = {}
    for theme in ("light", "dark"):
        part = text[text.index(f"    {theme}: {{") :]
        for kind in ("amount", "change"):
            line = re.search(rf"{kind}: \[([^\]]+)\]", part)[1]
            found[theme, kind] = tuple(re.findall(r"#\w{6}", line))
    return found


def test_the_page_and_the_figure_have_the_same_colours():
    assert ramps()["light", "amount"] == plots.AMOUNT
    assert ramps()["light", "change"] == plots.CHANGE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("eye", [None, *SEEN])
def test_more_is_farther_from_the_paper_to_every_eye(theme, eye):
    """Lightness alone orders the amounts, so also in grey; a change has its two ends apart."""
    seen = np.array(SEEN[eye]) if eye else np.eye(3)
    sign = -1 if theme == "light" else 1
    amount = [lightness(seen @ linear(c)) for c in ramps()[theme, "amount"]]
    assert (sign * np.diff(amount) > 8).all(), amount
    change = [seen @ linear(c) for c in ramps()[theme, "change"]]
    from_zero = [lightness(c) for c in change]
    half = len(change) // 2
    assert (sign * np.diff(from_zero[half:]) > 8).all()
    assert (sign * np.diff(from_zero[half::-1]) > 8).all()
    for a, b in ((0, -1), (1, -2)):
        if eye != "tritanopia":  # who sees green and blue as one has the dots
            assert np.abs(change[a] - change[b]).max() > 0.1, (a, b)


# -- the figure ------------------------------------------------------------------------------


def with_map(view, cells):
    """The explorer of chapter 4 with one view, and in its map the cells given."""
    base = EXPLORERS[NAME]

    def kernel(p, out, work):
        base.kernel(p, out, work)
        out[-cells.size :] = cells.ravel() / 1000

    kernel.py_func = kernel
    return dataclasses.replace(base, views=(view,), kernel=kernel)


@each_map
def test_the_figure_has_axes_a_colour_bar_and_the_markers(name, view):
    e = EXPLORERS[name]
    fig = explore.draw(e)
    ax = fig.axes[e.views.index(view)]
    assert ax.get_xlabel() == view.x_label and ax.get_ylabel() == view.y_label
    (bar,) = ax.child_axes
    assert bar.get_xlabel() == view.z_label
    fig.canvas.draw()
    numbers = [t.get_text() for t in bar.get_xticklabels()]
    assert numbers == ["50", "5", "≤ 0.5"] or numbers == ["≤ 0.5", "5", "50"]
    (mesh,) = ax.collections
    found = e.run()
    assert isinstance(mesh.norm, LogNorm) and (mesh.norm.vmin, mesh.norm.vmax) == (0.5, 50.0)
    np.testing.assert_array_equal(mesh.get_array().ravel(), np.maximum(found[view.z], 0.5))
    assert [t.get_text() for t in ax.texts] == [m.label for m in view.markers]
    plt.close(fig)


def test_the_figure_of_a_change_is_even_about_zero_and_dots_what_is_below():
    rows, columns = 101, 49
    cells = np.outer(np.linspace(0, 1, rows), np.linspace(-0.3, 0.2, columns))
    base = next(v for v in EXPLORERS[NAME].views if isinstance(v, HeatMap))
    view = dataclasses.replace(base, change=True, decades=0, markers=(Marker("", "decay", "far"),))
    fig = explore.draw(with_map(view, cells), decay=200.0)
    (ax,) = fig.axes
    mesh, dots = ax.collections[0], ax.collections[1:]
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-0.5, 0.5)
    assert any(getattr(c, "hatches", None) == ["..."] for c in dots)
    assert not ax.texts  # 200 ms lie outside the map
    plt.close(fig)
    fig = explore.draw(with_map(view, np.abs(cells)))
    assert len(fig.axes[0].collections) == 1  # nothing to dot
    assert [t.get_text() for t in fig.axes[0].texts] == ["far"]
    plt.close(fig)


def test_a_page_with_a_map_asks_for_the_part_that_draws_it():
    assert page.parts(EXPLORERS[NAME]) == ["map"]
    assert "map" not in page.parts(EXPLORERS["calcium-decides"])


# -- the chart of the page -------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(site, browser):
    """Return a function that opens the chapter, by default in a window of a desk."""
    contexts = []

    def open_page(before=None, **options):
        contexts.append(browser.new_context(**{"viewport": pages.DESK, **options}))
        address = f"chapters/04-{NAME}.html"
        return pages.open_in(contexts[-1], site, address, before, light=True)

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shared(opened):
    sight = opened(color_scheme="light")
    sight.wait(NAME)
    return sight


@pytest.fixture
def live(shared):
    shared.errors.clear()
    shared.page.evaluate("document.documentElement.dataset.theme = 'light'")
    shared.run(NAME, "e.set(e.defaults); await settle();")
    return shared


def shade(ramp, share):
    """The colour of the page's 256 at a share of the scale."""
    at = round(255 * min(max(share, 0), 1)) / 255 * (len(ramp) - 1)
    k = min(int(at), len(ramp) - 2)
    a, b = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in ramp[k : k + 2])
    return a + (at - k) * (b - a)


PIXELS = """
  const view = e.spec.views.findIndex((v) => v.z);
  const u = e.charts[view].chart;
  const f = e.state.found, v = e.spec.views[view];
  return argument.map(([column, row]) => {
    const x = u.valToPos(f[v.x][column], "x", true), y = u.valToPos(f[v.y][row], "y", true);
    return Array.from(u.ctx.getImageData(Math.round(x), Math.round(y), 1, 1).data);
  });
"""
# away from markers and edges
CELLS = [(24, 4), (20, 30), (30, 30), (15, 60), (40, 90), (2, 20), (24, 70), (35, 50)]


@pytest.mark.book
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("changes", [{}, {"diffusion": 22.0}, {"neck": 1.0, "branch_radius": 0.5}])
def test_the_colours_of_the_cells_are_those_of_their_values(live, theme, changes):
    e = EXPLORERS[NAME]
    view = e.views[0]
    live.page.evaluate("(t) => { document.documentElement.dataset.theme = t; }", theme)
    live.run(NAME, "e.set({...e.defaults, ...argument}); await settle();", changes)
    got = live.run(NAME, PIXELS, [list(c) for c in CELLS])
    found = e.run(**changes)
    cells = found[view.z].reshape(found[view.y].size, -1)
    low, high = view.scale(found[view.z])
    kinds = set()
    for (column, row), pixel in zip(CELLS, got, strict=True):
        value = max(cells[row, column], low)
        wanted = shade(ramps()[theme, "amount"], np.log(value / low) / np.log(high / low))
        assert np.abs(np.array(pixel[:3]) - wanted).max() <= 2, (column, row, pixel, wanted)
        assert pixel[3] == 255
        kinds.add(tuple(pixel))
    assert len(kinds) > 3
    live.clean()


@pytest.mark.book
def test_the_colour_bar_has_numbers_and_a_unit_and_is_as_wide_as_the_map(live):
    bar = live.root(NAME).locator(".hl-scale")
    assert bar.locator("> span").inner_text() == "shaft calcium (nM)"
    assert bar.locator(".hl-ticks span").all_inner_texts() == ["≤ 0.5", "5", "50"]
    live.run(NAME, "e.set({...e.defaults, neck: 1, branch_radius: 0.5}); await settle();")
    assert bar.locator(".hl-ticks span").all_inner_texts() == ["≤ 0.1", "1", "10"]
    strip = bar.locator("i").bounding_box()
    plot = live.root(NAME).locator(".u-over").first.bounding_box()
    assert abs(strip["x"] - plot["x"]) < 2 and abs(strip["width"] - plot["width"]) < 3


def check_words_at(sight, x_share, y_share, changes):
    """The page tells the cell at a place of the plot, to a pixel, and its value in Python."""
    e = EXPLORERS[NAME]
    view, found = e.views[0], e.run(**changes)
    x, y = found[view.x], found[view.y]
    sight.settle()
    got = sight.root(NAME).locator(".hl-under").inner_text()
    told = re.fullmatch(r"(-?[\d.]+) µm, (\d+) ms: ([\d.]+) nM", got)
    assert told, got
    column, row = np.abs(x - float(told[1])).argmin(), np.abs(y - float(told[2])).argmin()
    assert (
        abs(column - x_share * (x.size - 1)) <= 1 and abs(row - (1 - y_share) * (y.size - 1)) <= 1.6
    )
    assert told[3] == f"{found[view.z].reshape(y.size, -1)[row, column]:.2f}"


@pytest.mark.book
def test_the_pointer_reads_a_value(live):
    over = live.root(NAME).locator(".u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    for x, y in ((0.5 + 5 / 48, 0.7), (0.25, 0.4), (0.501, 0.99)):
        live.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        check_words_at(live, x, y, {})
    live.run(NAME, "e.set({...e.defaults, diffusion: 22}); await settle();")
    check_words_at(live, 0.501, 0.99, {"diffusion": 22.0})  # same place, the new value
    live.page.mouse.move(0, 0)
    live.settle()
    assert live.root(NAME).locator(".hl-under").inner_text().startswith("Point at the map")
    live.clean()


@pytest.mark.book
def test_a_finger_reads_a_value(opened):
    options = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    sight = opened(viewport=pages.PHONE, **options)
    sight.wait(NAME)
    over = sight.root(NAME).locator(".u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    for x, y in ((0.6, 0.7), (0.35, 0.5)):
        sight.page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        check_words_at(sight, x, y, {})
    # without the mouse that browsers play after a tap
    drag = (
        "const u = e.charts[0].chart, b = u.over.getBoundingClientRect();"
        "u.over.dispatchEvent(new PointerEvent('pointermove', {pointerType: 'touch',"
        " clientX: b.left + 0.25 * b.width, clientY: b.top + 0.25 * b.height}));"
    )
    sight.run(NAME, drag)
    check_words_at(sight, 0.25, 0.25, {})
    sight.clean()


@pytest.mark.book
def test_the_line_of_the_snapshot_moves_with_its_slider(live):
    look = (
        "const u = e.charts[0].chart;"
        "return argument.map((t) => Array.from(u.ctx.getImageData("
        " u.bbox.left + 0.7 * u.bbox.width, Math.round(u.valToPos(t, 'y', true)) - 1, 12, 3"
        ").data));"
    )

    def inked():
        """At which of the two times there are black dots among pale cells."""
        got = live.run(NAME, look, [70.5, 90.5])
        return [min(sum(p[i : i + 3]) for i in range(0, len(p), 4)) < 300 for p in got]

    for t, expected in ((70.5, [True, False]), (90.5, [False, True]), (10.0, [False, False])):
        live.run(NAME, "e.set({...e.defaults, snapshot: argument}); await settle();", t)
        assert inked() == expected


CHANGE = """
  const section = root.cloneNode(true);
  section.dataset.explorer = "change";
  section.dataset.state = "loading";
  section.querySelector(".hl-live").replaceChildren();
  const spec = JSON.parse(root.querySelector("script.hl-spec").textContent);
  Object.assign(spec.views[0], { change: true, decades: 0, z_label: "change", digits: [1, 0, 3] });
  spec.views[0].markers = [];
  spec.views.length = 1;
  section.querySelector("script.hl-spec").textContent = JSON.stringify(spec);
  document.querySelector("main").prepend(section);
  await globalThis.heterolib.mount(section);
  const w = section.heterolib;
  const run = w.engine.run.bind(w.engine);
  w.engine.run = (values) => {
    const found = run(values);
    const across = found.place.length;
    const other = (v, i) => (i % across < across / 2 ? -v / 50 : v / 100);
    found.shaft_map = found.shaft_map.map(other);
    return found;
  };
  w.set(w.defaults);
  await settle();
  const u = w.charts[0].chart;
  // dots are dark, the middle of the scale is not: count them on either side, where all is faint
  const dark = (share) => {
    const left = Math.round(u.bbox.left + share * u.bbox.width);
    const d = u.ctx.getImageData(left, u.bbox.top + 4, 60, 40).data;
    let n = 0;
    for (let i = 0; i < d.length; i += 4) n += d[i] + d[i + 1] + d[i + 2] < 400;
    return n;
  };
  const result = {
    words: section.querySelector("[role=status]").textContent,
    ticks: [...section.querySelectorAll(".hl-ticks span")].map((x) => x.textContent),
    dots: [dark(0.3), dark(0.6)],
  };
  section.remove();
  return result;
"""


@pytest.mark.book
def test_a_change_is_drawn_even_about_zero_and_dotted_below(live):
    got = live.run(NAME, CHANGE)
    e = EXPLORERS[NAME]
    found = dict(e.run())
    across = found["place"].size
    left = np.tile(np.arange(across) < across / 2, found["after"].size)
    found["shaft_map"] = np.where(left, -found["shaft_map"] / 50, found["shaft_map"] / 100)
    view = dataclasses.replace(
        e.views[0], change=True, decades=0, z_label="change", digits=(1, 0, 3)
    )
    assert got["words"].endswith(f"; {view.words(found)}.")
    assert "highest change: +" in got["words"] and "lowest change: -" in got["words"]
    high = view.scale(found["shaft_map"])[1]
    assert [float(t.replace("−", "-")) for t in got["ticks"]] == pytest.approx(
        [-high, -high / 2, 0, high / 2, high]
    )
    assert got["ticks"][0].startswith("−") and got["ticks"][-1].startswith("+")
    assert got["dots"][0] > 20 and got["dots"][1] == 0
    live.clean()


@pytest.mark.book
def test_without_the_part_that_draws_it_the_figure_stays(opened):
    sight = opened(before=lambda p: p.route("**/explorer-map.js*", lambda r: r.abort()))
    sight.wait(NAME, "static")
    assert sight.root(NAME).locator(".hl-static img").is_visible()
    assert "did not load" in sight.root(NAME).locator(".hl-why").inner_text()
