"""The explorers as Python runs them: figures, numbers, words, code, predictions."""

import ast
import base64
import dataclasses
import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup

from heterolib import explore, kernels, mystery, neocortex, studies
from heterolib.cable import Membrane, Section, Tree, input_resistance_Mohm, steady_state
from heterolib.explore import EXPLORERS, figure, page, wasm
from heterolib.explore.model import (
    Bars,
    Control,
    HeatMap,
    Line,
    Output,
    Readout,
    Traces,
    decimals,
    direction,
    say,
)
from heterolib.explore.prediction import Prediction
from heterolib.neocortex import EfficacyRule, efficacy_relaxed
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import REDUCED_CELLS as R
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.soma import Soma, selectivity
from tests.data.explore.samples import CHAPTERS, corners, on_grid, settings

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted(EXPLORERS)
each = pytest.mark.parametrize("name", NAMES)
PRESETS = [(e.name, p.name) for e in EXPLORERS.values() for p in e.presets]
each_preset = pytest.mark.parametrize(("name", "preset"), PRESETS)


def off_grid(explorer, count, seed):
    """Random settings that no slider gives, but `run` takes."""
    rng = np.random.default_rng(seed)
    return [{c.name: rng.uniform(c.low, c.high) for c in explorer.controls} for _ in range(count)]


def arrays(explorer, **changes):
    """The kernel's p for these settings; outputs and scratch are up to the caller."""
    values = explorer.values(**changes)
    return np.array([values[c.name] * c.scale for c in explorer.controls] + [*explorer.constants])


# -- the declarations ------------------------------------------------------------------------


def shown_in(chapter):
    """Names of the explorers that a notebook shows."""
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return re.findall(r"^explore\.show\(\"([\w-]+)\"\)$", code, re.M)


def test_every_chapter_shows_its_explorer():
    numbered = sorted((ROOT / "chapters").glob("[0-9][0-9]-*.ipynb"))
    others = (ROOT / "chapters" / f"{name}.ipynb" for name in ("mystery-synapse", "add-a-rule"))
    chapters = [*numbered, *others]
    assert {c.stem: shown_in(c) for c in chapters} == {c: [e] for c, e in CHAPTERS.items()}
    assert list(dict.fromkeys(CHAPTERS.values())) == list(EXPLORERS)  # in order, none left out
    assert all(name == e.name for name, e in EXPLORERS.items())


@each
def test_everything_that_is_named_exists(name):
    e = EXPLORERS[name]
    outputs, controls = {o.name for o in e.outputs}, {c.name for c in e.controls}
    assert len(outputs) == len(e.outputs) and len(controls) == len(e.controls)
    assert not outputs & controls  # markers look in both
    single = {o.name for o in e.outputs if o.size == 1}
    size = {o.name: o.size for o in e.outputs}
    for view in e.views:
        if isinstance(view, Bars):
            assert {output for output, _ in view.bars} <= single
            continue
        if isinstance(view, HeatMap):  # see test_heat_map.py
            continue
        for line in view.lines:
            assert size[line.x] == size[line.y] > 1
            assert line.x == view.lines[0].x  # the page draws all curves over one x
        assert set(view.bands or ()) <= controls
        for marker in view.markers:
            assert {marker.x, marker.y} <= single | controls
    assert {r.output for r in e.readouts} <= single
    assert {n for pair in e.ordered for n in pair} <= controls
    assert set(re.findall(r"\{(\w+)\}", e.code)) <= controls
    for preset in e.presets:
        assert set(preset.values) <= controls
        assert preset.says.endswith(".")


@each
def test_sliders_can_stand_where_defaults_and_presets_put_them(name):
    """A native slider moves a value that is off its grid, and the reader would see two numbers."""
    e = EXPLORERS[name]
    for values in (e.defaults, *(e.preset(p.name) for p in e.presets)):
        for c in e.controls:
            steps = (values[c.name] - c.low) / c.step
            assert abs(steps - round(steps)) < 1e-9, c.name
            assert abs(float(f"{values[c.name]:.{decimals(c.step)}f}") - values[c.name]) < 1e-12
    for c in e.controls:
        assert c.low < c.high and c.step > 0.0
        assert abs((c.high - c.low) / c.step - round((c.high - c.low) / c.step)) < 1e-9


# Names that mean something else in an explorer than in the registry.
OWN_MEANING = {("spikes-to-calcium", "weight")}


@each
def test_controls_agree_with_the_registry(name):
    cortex = EXPLORERS[name].kernel.py_func.__module__ == neocortex.kernels.__name__
    known = {k: C.info(k) for k in C} if cortex else {k: S.info(k) for k in S}
    if name in NEOCORTEX:
        known["template_height"] = R.info("template_height")
    met = 0
    for c in EXPLORERS[name].controls:
        if c.name not in known or (name, c.name) in OWN_MEANING:
            continue
        met += 1
        entry = known[c.name]
        assert c.label == entry.meaning
        if entry.unit == "µM":  # thresholds are shown in nM
            assert c.unit == "nM" and c.scale == pytest.approx(1e-3, rel=1e-15)
        else:
            assert c.unit == entry.unit
            assert c.scale == (1e-3 if entry.unit.endswith("/s") else 1.0)
            assert c.value == entry.value
    assert met >= (1 if cortex else 2)


def test_thresholds_start_where_their_figure_does():
    low, high = S.variant("figure 2"), S.variant("figure 2, data files")
    for name, source in (
        ("calcium-decides", low),
        ("how-the-weight-moves", high),
        ("two-spines", low),
        ("timing-window", low),
        ("three-experiments", S.variant("figure 3")),
        ("order-learning", S.variant("figure 5")),
    ):
        for theta in ("theta_d", "theta_p"):
            assert EXPLORERS[name].defaults[theta] == pytest.approx(1e3 * source[theta])
    assert EXPLORERS["calcium-decides"].defaults["theta_p"] == pytest.approx(1e3 * S["theta_p"])


def test_a_control_from_the_registry_takes_another_unit():
    c = Control.of(S, "theta_p", 0.0, 10.0, 0.1, shown=("nM", 1000.0), to_kernel=1.0)
    assert (c.unit, c.value, c.text) == ("nM", 4.0, "threshold of strengthening (nM)")
    assert c.value * c.scale == pytest.approx(S["theta_p"], rel=1e-15)
    with pytest.raises(ValueError, match="value of theta_p is"):
        Control.of(S, "theta_p", 1.0, 10.0, 0.1)


# -- figures ---------------------------------------------------------------------------------

UNIT = re.compile(r"^.+ \((ms|min|nM|µm|pA|mV|µM|Hz|%|µM ms)\)$")
PURE_NUMBERS = {
    "EPSP ratio",
    "vesicles released by a spike",
    "weight",
    "weight before a burst",
    "change",
    "change of weight",
    "change per burst",
    "mean change",
    "bursts given",
    "presentations",
    "number of the order",
    "share of voltage",
    "sweeps",
    "efficacy",
    "efficacy after the rest",
}


def labelled(text):
    """A label names its unit unless the quantity has none."""
    return (text in PURE_NUMBERS) != bool(UNIT.match(text))


def check_figure(fig, explorer):
    assert len(fig.axes) == len(explorer.views)
    for ax, view in zip(fig.axes, explorer.views, strict=True):
        assert labelled(ax.get_ylabel()), ax.get_ylabel()
        if isinstance(view, Traces):
            assert labelled(ax.get_xlabel()), ax.get_xlabel()
            assert len([x for x in ax.lines if len(x.get_xdata()) > 2]) == len(view.lines)
        elif isinstance(view, Bars):
            assert [t.get_text() for t in ax.get_xticklabels()] == [b for _, b in view.bars]
        for low, high in (ax.get_xlim(), ax.get_ylim()):
            assert np.isfinite([low, high]).all() and low < high


def test_an_axis_does_not_resolve_rounding():
    view = Traces("time (ms)", "efficacy", (Line("t", "y"),))
    for level in (0.0, 1.0, -70.0):
        for wiggle in (0.0, 1e-17, 2e-16 * max(abs(level), 1.0)):
            low, high = figure.limits(view, {"y": np.array([level, level + wiggle])}, {})
            assert low < level < high and high - low >= 0.02
    low, high = figure.limits(view, {"y": np.array([1.0, 1.0 + 1e-9])}, {})  # that one is shown
    assert high - low < 2e-9


@each
def test_figures_at_the_ends_of_every_control(name):
    """Drawn with warnings as errors; two of them also rendered."""
    e = EXPLORERS[name]
    for i, changes in enumerate([{}, *corners(e)]):
        fig = explore.draw(e, **changes)
        try:
            check_figure(fig, e)
            if i in (1, 2):  # all low, all high
                fig.set_dpi(40)
                fig.canvas.draw()
        finally:
            plt.close(fig)
    assert not plt.get_fignums()


@each
def test_curves_stay_inside_their_axes(name):
    e = EXPLORERS[name]
    for changes in settings(e, 40, 5)[-10:]:
        found = e.run(**changes)
        fig = explore.draw(e, **changes)
        for ax, view in zip(fig.axes, e.views, strict=True):
            if isinstance(view, Traces):
                drawn = [figure.present(found[line.y], view.missing) for line in view.lines]
                assert ax.get_ylim()[1] >= max(np.nanmax(y) for y in drawn)
                if not view.log_y:
                    assert ax.get_ylim()[0] <= min(np.nanmin(y) for y in drawn)
                if view.missing is not None:  # that value is no place on the axis
                    assert any(np.isnan(y).any() for y in drawn)
                    assert not ax.get_ylim()[0] <= view.missing <= ax.get_ylim()[1]
            elif isinstance(view, Bars):
                reach = max(abs(found[output][0]) for output, _ in view.bars)
                assert ax.get_ylim()[0] < -reach and reach < ax.get_ylim()[1]
        plt.close(fig)


def test_png_is_an_image_and_closes_its_figure():
    fig = explore.draw(EXPLORERS["calcium-decides"])
    image = figure.png(fig)
    assert image.startswith(b"\x89PNG\r\n") and len(image) > 10_000
    assert not plt.get_fignums()
    assert figure.data_uri(b"abc") == "data:image/png;base64,YWJj"


def test_drawing_leaves_the_style_alone():
    before = dict(matplotlib.rcParams)
    plt.close(explore.draw(EXPLORERS["spikes-to-calcium"]))
    assert dict(matplotlib.rcParams) == before


# -- numbers ---------------------------------------------------------------------------------


@each
def test_run_is_finite_at_300_settings(name):
    e = EXPLORERS[name]
    for changes in settings(e, 250, 1) + off_grid(e, 50, 2):
        found = e.run(**changes)
        assert list(found) == [o.name for o in e.outputs]
        for o in e.outputs:
            assert found[o.name].shape == (o.size,)
            assert np.isfinite(found[o.name]).all(), (o.name, changes)
            if o.name.startswith(("calcium", "peak", "current", "trace", "shaft")):
                assert found[o.name].min() >= -1e-9 * found[o.name].max(), (o.name, changes)
            if o.name in ("w", "w_1", "w_2", "w_burst", "w_end"):
                assert 0.0 <= found[o.name].min() and found[o.name].max() <= 1.0, changes
            if o.name.startswith(("change", "window", "mean")):
                assert np.abs(found[o.name]).max() <= 1.0, (o.name, changes)


GUARD = 8192
MARK = np.array([0x7FF8_0BAD_C0DE_0001], dtype=np.uint64)  # a NaN that nobody computes


def fenced(n):
    """Memory full of marks, and n of them in its middle to work on."""
    whole = np.repeat(MARK, n + 2 * GUARD).view(np.float64)
    return whole, whole[GUARD : GUARD + n]


def fence_holds(whole, n):
    bits = whole.view(np.uint64)
    return (bits[:GUARD] == MARK[0]).all() and (bits[GUARD + n :] == MARK[0]).all()


def run_fenced(explorer, **changes):
    """Outputs as `run` gives them; fails if the kernel leaves its arrays or leaves gaps.

    What a kernel reads outside its arrays, or in `work` before it wrote there, is NaN.
    """
    n_p, n_out, n_work = explorer.sizes
    (whole_p, p), (whole_out, out), (whole_work, work) = fenced(n_p), fenced(n_out), fenced(n_work)
    p[:] = arrays(explorer, **changes)
    before = p.copy()
    explorer.kernel(p, out, work)
    np.testing.assert_array_equal(p, before)
    for whole, n in ((whole_p, n_p), (whole_out, n_out), (whole_work, n_work)):
        assert fence_holds(whole, n), changes
    assert not np.isnan(out).any(), changes
    return out.copy()


@each
def test_a_kernel_keeps_to_its_arrays_and_fills_its_output(name):
    e = EXPLORERS[name]
    for changes in settings(e, 60, 3) + off_grid(e, 20, 4):
        out = run_fenced(e, **changes)
        scales = np.concatenate([np.full(o.size, o.scale) for o in e.outputs])
        shown = np.concatenate(list(e.run(**changes).values()))
        np.testing.assert_array_equal(out * scales, shown, err_msg=str(changes))


@each
def test_declared_work_is_needed_to_its_last_entry(name):
    """Too small would be a wild write; much too large would be a wrong formula."""
    e = EXPLORERS[name]
    work = fenced(e.sizes[2])[1]
    for changes in corners(e):
        e.kernel(arrays(e, **changes), np.empty(e.sizes[1]), work)
    unused = int((work.view(np.uint64) == MARK[0]).sum())
    assert unused <= max(1, 0.02 * e.sizes[2]) or unused <= 16


@pytest.mark.parametrize("broken", ["out", "work"])
def test_the_fence_notices(broken):
    """The check above must see a kernel that writes one entry too far."""
    e = EXPLORERS["two-spines"]
    if broken == "work":
        short = dataclasses.replace(e, work=e.work - 1)
    else:
        short = dataclasses.replace(e, outputs=e.outputs[:-1])
    high = {c.name: c.high for c in e.controls}
    with pytest.raises(AssertionError):
        run_fenced(short, **high)


def test_the_fence_notices_a_gap():
    e = EXPLORERS["two-spines"]
    longer = dataclasses.replace(e, outputs=(*e.outputs, Output("never")))
    with pytest.raises(AssertionError):
        run_fenced(longer)


CHECKED = """
import json, sys
import numpy as np
from heterolib.explore import EXPLORERS
from heterolib.soma import Soma, selectivity
from tests.data.explore.samples import corners
caught = 0
for e in EXPLORERS.values():
    n_p, n_out, n_work = e.sizes
    for changes in [{}, *corners(e)[:2], *corners(e)[2::3]]:
        v = e.values(**changes)
        p = np.array([v[c.name] * c.scale for c in e.controls] + list(e.constants))
        e.kernel(p, np.zeros(n_out), np.zeros(n_work))
    for short_out, short_work in ((1, 0), (0, n_work)):
        try:
            e.kernel(p, np.zeros(n_out - short_out), np.zeros(n_work - short_work))
        except IndexError:
            caught += 1
print(caught)
"""


@pytest.mark.slow
def test_kernels_pass_numbas_bounds_checks(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CHECKED],
        env={
            **os.environ,
            "NUMBA_BOUNDSCHECK": "1",
            "NUMBA_CACHE_DIR": str(tmp_path),  # code without checks may lie in the usual place
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # one output too few for each, no work for those that use it: the checks are really on
    assert int(done.stdout) >= len(EXPLORERS) + 4


@each
def test_thresholds_in_the_wrong_order_count_as_equal(name):
    e = EXPLORERS[name]
    if not e.ordered:
        assert "theta_d" not in e.defaults
        return
    assert e.ordered == (("theta_d", "theta_p"),)
    theta = {c.name: c for c in e.controls}["theta_p"]
    low, high = on_grid(theta, 0.2), on_grid(theta, 0.7)
    swapped, equal = e.run(theta_d=high, theta_p=low), e.run(theta_d=low, theta_p=low)
    for output in swapped:
        np.testing.assert_array_equal(swapped[output], equal[output])
    assert e.call(theta_d=high, theta_p=low) == e.call(theta_d=low, theta_p=low)
    assert e.values(theta_d=high, theta_p=low)["theta_d"] == low
    plt.close(explore.draw(e, theta_d=high, theta_p=low))


# -- presets: what each sentence says is what comes out --------------------------------------


def one(found, output):
    return float(found[output][0])


def run_preset(name, preset):
    e = EXPLORERS[name]
    return e.run(**e.preset(preset))


def preset_calcium_decides_low(found, e):
    values = e.preset("low")
    assert values["calcium"] < values["theta_d"] < values["theta_p"]
    assert one(found, "change") == 0.0 and np.ptp(found["w"]) == 0.0


def preset_calcium_decides_moderate(found, e):
    values = e.preset("moderate")
    assert values["theta_d"] < values["calcium"] < values["theta_p"]
    assert one(found, "change") < -0.01


def preset_calcium_decides_high(found, e):
    values = e.preset("high")
    assert values["theta_d"] < values["theta_p"] < values["calcium"]
    assert one(found, "change") > 0.01


def preset_spikes_to_calcium_one_pulse(found, e):
    t, c = found["t"], found["calcium"]
    assert e.preset("one pulse")["pulses"] == 1.0
    assert 0.0 < t[c.argmax()] - S["first_pulse"] <= 2.0
    assert c[t >= S["first_pulse"] + 10.0].max() < 0.05 * c.max()


def preset_spikes_to_calcium_burst(found, e):
    values = e.preset("burst")
    assert (values["pulses"], values["interval"]) == (7.0, 2.0)
    tops = [
        found["calcium"][(found["t"] > 1.0 + 2.0 * j) & (found["t"] <= 3.0 + 2.0 * j)].max()
        for j in range(7)
    ]
    assert (np.diff(tops) > 0.0).all()
    assert one(found, "peak") > 2.0 * one(e.run(), "peak")


def preset_spikes_to_calcium_sealed_neck(found, e):
    assert one(found, "clearance") == pytest.approx(e.defaults["decay"], rel=1e-12)
    assert one(found, "clearance") > 20.0 * one(e.run(), "clearance")
    tops = [
        found["calcium"][(found["t"] > 1.0 + 2.0 * j) & (found["t"] <= 3.0 + 2.0 * j)].max()
        for j in range(7)
    ]
    assert (np.diff(tops) > 0.5 * tops[0]).all()


def preset_how_the_weight_moves_weak_spine(found, e):
    assert one(found, "peak") < e.defaults["theta_d"]
    assert one(found, "change") == 0.0


def preset_how_the_weight_moves_middling_spine(found, e):
    assert one(found, "peak") > e.defaults["theta_p"] > e.defaults["theta_d"]
    assert one(found, "change") > 0.01


def preset_how_the_weight_moves_strong_spine(found, e):
    assert one(found, "peak") > e.defaults["theta_p"]
    assert one(found, "change") < -0.01
    balance = found["w0"][found["map"] > 0.0].max()  # the last start that still grows
    assert e.defaults["weight"] < balance < e.preset("strong spine")["weight"]
    weights = {k: v for k, v in e.preset("strong spine").items() if k != "weight"}
    assert weights == {k: v for k, v in e.preset("middling spine").items() if k != "weight"}


def preset_calcium_travels_as_published(found, e):
    share = one(found, "peak_2") / one(found, "peak_1")
    assert 0.01 < share < 0.06
    assert one(found, "t_peak_2") > 2.0 * one(found, "t_peak_1") > 0.0


def preset_calcium_travels_slow_diffusion(found, e):
    assert e.preset("slow diffusion")["diffusion"] == e.defaults["diffusion"] / 10.0
    assert one(found, "peak_2") < one(e.run(), "peak_2")
    assert one(found, "t_peak_2") > one(e.run(), "t_peak_2")


def preset_calcium_travels_thin_branch_consistent_neck(found, e):
    wide = e.run(neck=1.0)
    # less gets out: spine 1 keeps more than with the published neck, in the same branch
    assert one(wide, "peak_1") > one(e.run(), "peak_1")
    kept, published = wide["calcium_1"].sum(), e.run()["calcium_1"].sum()
    assert kept > published
    # in a thin branch it counts for more: the neighbour gets more than in the wide one
    assert e.preset("thin branch, consistent neck")["branch_radius"] < e.defaults["branch_radius"]
    assert one(found, "peak_2") > one(wide, "peak_2")


def preset_two_spines_competition(found, e):
    assert e.preset("competition")["pulses"] == 1.0 and e.preset("competition")["active"] == 0.0
    assert one(found, "change_1") > 0.01 > -0.01 > one(found, "change_2")


def preset_two_spines_cooperation(found, e):
    assert e.preset("cooperation")["pulses"] == 7.0 and e.preset("cooperation")["active"] == 0.0
    assert one(found, "change_1") > 0.01 and one(found, "change_2") > 0.01


def preset_two_spines_delayed_pair(found, e):
    values = e.preset("delayed pair")
    assert values["active"] == 1.0 and values["delay"] == 15.0
    assert one(found, "change_1") < -0.01 < 0.01 < one(found, "change_2")


def preset_two_spines_data_file_thresholds(found, e):
    values = e.preset("data-file thresholds")
    assert (values["theta_p"], values["theta_d"]) == (70.0, 50.0)
    assert one(found, "peak_2") < 50.0 and one(found, "change_2") == 0.0
    assert one(found, "peak_1") > 70.0 and one(found, "change_1") > 0.0


def preset_voltage_cable_soma_matched(found, e):
    """The trunk cannot tell the two daughters from one that is like itself."""
    assert one(found, "match") == pytest.approx(1.0, abs=1e-3)
    values = e.preset("matched")
    r, daughter = values["branch_radius"], values["daughter_radius"]
    # a daughter as a stretch of trunk: the same length in length constants
    trunk = [
        Section(80.0, r, 80),
        Section(80.0 * (r / daughter) ** 0.5, r, 80, 0),
    ]
    tree = Tree(trunk, Membrane(), [Soma(x_um=0.0).leaf(Membrane())])
    alone = steady_state(tree, {tree.node(40.0): 200.0})
    split = e.run(place=40.0)
    close(split["steady"][:80] * split["resistance"] * 0.2, alone[:80], 1e-4)


def preset_voltage_cable_soma_thick_daughters(found, e):
    values, base = e.preset("thick daughters"), e.run()
    assert values["daughter_radius"] == values["branch_radius"]
    assert one(found, "steady_share") > one(base, "steady_share")
    assert one(found, "share") > one(base, "share")
    assert one(found, "resistance") < one(base, "resistance")
    assert one(found, "peak_synapse") < one(base, "peak_synapse")
    assert one(found, "peak_soma") < one(base, "peak_soma")


def preset_voltage_cable_soma_thin_daughters(found, e):
    base = e.run()
    assert one(found, "peak_synapse") > 1.5 * one(base, "peak_synapse")
    assert one(found, "resistance") > 2.0 * one(base, "resistance")
    assert one(found, "steady_share") < 0.6 * one(base, "steady_share")
    assert one(found, "share") < 0.6 * one(base, "share")


def preset_voltage_cable_soma_outward(found, e):
    values, inward = e.preset("outward"), e.run(**e.preset("thin daughters"))
    assert values == {**e.preset("thin daughters"), "place": 0.0}
    at = int(e.defaults["place"])
    for view in ("steady", "transient"):
        assert inward[view][at] == found[view][0] == 1.0  # where the current enters
        assert found[view][at] > 2.0 * inward[view][0]
    close(found["sister"], found["steady"], 1e-12)


def preset_voltage_cable_soma_tight_membrane(found, e):
    base = e.run()
    assert e.preset("tight membrane")["membrane_resistance"] == 20_000.0
    assert one(found, "steady_share") > 1.5 * one(base, "steady_share")
    assert one(found, "share") > 1.5 * one(base, "share")
    assert one(found, "late") > 1.5 * one(base, "late")


def preset_voltage_cable_soma_a_soma_that_only_reads(found, e):
    """The trunk is as it would be without a soma, and the soma follows it as in the paper."""
    tree = Tree([Section(80.0, 1.0, 80), *[Section(80.0, 0.63, 80, 0)] * 2], Membrane())
    alone = input_resistance_Mohm(tree, tree.node(40.0, 1))
    assert one(found, "resistance") == pytest.approx(alone, rel=1e-3)
    assert one(e.run(), "resistance") < 0.995 * alone
    gain = S["soma_gain"] / (1.0 + S["soma_gain"])
    assert one(found, "steady_share") == pytest.approx(100.0 * gain * found["steady"][0], rel=1e-9)


def preset_timing_window_together(found, e):
    assert e.preset("together")["delay"] == 0.0
    assert one(found, "change_1") > 0.001 and one(found, "change_2") > 0.001


def preset_timing_window_15_ms(found, e):
    assert e.preset("15 ms")["delay"] == 15.0  # t2 - t1: the first is spine 1
    assert one(found, "change_1") < -0.001 and one(found, "change_2") > 0.001


def preset_timing_window_far_apart(found, e):
    assert e.preset("far apart")["distance"] == 3.5
    for window in ("window_1", "window_2"):
        assert (found[window] > 0.0).all()
        assert (e.run()[window] < 0.0).any()  # there is one at the start


def preset_timing_window_slow_weakening(found, e):
    values = e.preset("slow weakening")
    assert values.pop("gamma_d") < 0.5 * e.defaults["gamma_d"]
    assert values.items() <= e.defaults.items()
    assert (found["window_1"] > 0.0).all() and (found["window_2"] > 0.0).all()


def preset_order_learning_trained_inward(found, e):
    assert e.preset("trained inward")["trained"] == 0.0
    assert one(found, "w_near") > 0.5 > one(found, "w_far")  # the far spine comes first
    assert one(found, "peak_inward") > 1.05 * one(found, "peak_outward")
    assert one(found, "moderate_2") > 2.0 * one(found, "moderate_1")


def preset_order_learning_trained_outward(found, e):
    inward = e.run()
    for here, there in (("w_near", "w_far"), ("w_far", "w_near")):
        close(one(found, here), one(inward, there), 1e-6)
    for here, there in (("peak_inward", "peak_outward"), ("peak_outward", "peak_inward")):
        close(one(found, here), one(inward, there), 0.005)
    assert one(found, "selectivity") > 0.04


def preset_order_learning_untrained(found, e):
    assert (found["w_1"] == 0.5).all() and (found["w_2"] == 0.5).all()
    assert abs(one(found, "peak_inward") - one(found, "peak_outward")) < 0.01
    assert found["calcium_1"].max() > found["calcium_2"][0]  # one presentation is shown


def preset_order_learning_one_presentation(found, e):
    gained, moved = one(found, "w_near") - 0.5, one(found, "w_far") - 0.5
    assert gained > 0.02 and abs(moved) < 0.05 * gained
    assert one(e.run(), "selectivity") > one(found, "selectivity") > 0.015


def preset_order_learning_calcium_stays(found, e):
    assert e.preset("calcium stays")["travels"] == 1.0
    assert one(found, "w_near") == pytest.approx(one(found, "w_far"), abs=1e-6)
    untrained = e.run(**e.preset("untrained"))
    assert one(found, "selectivity") == pytest.approx(one(untrained, "selectivity"), abs=1e-5)


def preset_order_learning_consistent_neck(found, e):
    base = e.run()
    for s in (1, 2):
        assert found[f"calcium_{s}"].max() > 1.5 * base[f"calcium_{s}"].max()
    assert abs(one(found, "w_near") - one(found, "w_far")) < 0.005
    assert one(found, "selectivity") < 0.1 * one(base, "selectivity")


def preset_order_learning_wrong_way_round(found, e):
    values = e.preset("wrong way round")
    assert (values["distance"], values["delay"], values["trained"]) == (3.0, 13.0, 0.0)
    assert one(found, "w_near") < one(found, "w_far") - 0.02
    assert one(found, "selectivity") < -0.01


def preset_neighbourhood_learner_trained(found, e):
    assert e.controls[0].options[int(e.preset("trained")["trained"])] == "2 3 1 4"
    ends = [one(found, f"end_{k}") for k in (1, 2, 3, 4)]
    assert np.argmax(ends) == 3 and one(found, "beaten") == 1.0
    assert 0.0 < one(found, "peak_trained") - one(found, "peak_highest") < 0.01


def preset_neighbourhood_learner_untrained(found, e):
    assert all((found[f"w_{k}"] == 0.5).all() for k in (1, 2, 3, 4))
    assert np.ptp(found["peak"]) < 0.01 * found["peak"].mean()


def preset_neighbourhood_learner_unsteady_teacher(found, e):
    base, values = e.run(), e.preset("unsteady teacher")
    assert values["jitter"] == 4.0
    off = [abs(one(found, f"end_{k}") - one(base, f"end_{k}")) for k in (1, 2, 3, 4)]
    assert 0.0 < max(off) < 0.03 and one(found, "beaten") == 1.0


def preset_neighbourhood_learner_calcium_stays(found, e):
    assert np.ptp([one(found, f"end_{k}") for k in (1, 2, 3, 4)]) < 1e-6
    untrained = e.run(**e.preset("untrained"))
    assert one(found, "beaten") == one(untrained, "beaten") < 0.7
    close(found["peak"] / found["peak"].max(), untrained["peak"] / untrained["peak"].max(), 1e-5)


def preset_neighbourhood_learner_too_quick(found, e):
    assert one(found, "beaten") < 0.05


def means(found):
    return [one(found, f"mean_{group}") for group in ("stimulated", "near", "far")]


def preset_three_experiments_100_Hz(found, e):
    assert e.preset("100 Hz")["interval"] == S["interval_100"] == 10.0
    stimulated, near, far = means(found)
    assert stimulated > 0.01 and near < -0.01 and abs(far) < 1e-9


def preset_three_experiments_150_Hz(found, e):
    assert e.preset("150 Hz")["interval"] == S["interval_150"] == 6.0
    _, near, far = means(found)
    assert near > 0.01 and far < -0.01
    assert means(e.run())[1] < 0.0 <= means(e.run())[2]  # both turn


def preset_three_experiments_slow_diffusion(found, e):
    assert e.preset("slow diffusion")["diffusion"] == 30.0 < e.defaults["diffusion"]
    assert means(found)[0] > 1.5 * means(e.run())[0]
    on, peaks, before = stimulated_and_peaks(e, "slow diffusion")
    assert (peaks[on] > before[on]).all()
    share, share_before = (p[~on] / p[on].mean() for p in (peaks, before))
    assert (share < share_before).all()  # what every other spine gets of it


def preset_three_experiments_fast_diffusion(found, e):
    assert e.preset("fast diffusion")["diffusion"] == 1000.0 > e.defaults["diffusion"]
    stimulated, near, far = means(found)
    assert stimulated < -0.01 and abs(near) < 1e-9 and abs(far) < 1e-9
    on, peaks, before = stimulated_and_peaks(e, "fast diffusion")
    assert (peaks[on] < before[on]).all()


def stimulated_and_peaks(e, preset):
    """Which spines get pulses, and the peaks of calcium at a preset and at the start."""
    after, before = (evaluate(e.call(**values)) for values in (e.preset(preset), {}))
    return np.array([t.size > 0 for t in after.spikes_ms]), after.peak_uM, before.peak_uM


def preset_slice_to_brain_10_Hz(found, e):
    assert (one(found, "f_now"), one(found, "dt_now")) == (10.0, 5.0)
    before, after = (found["slice_dt"][np.isin(found["delay"], x)] for x in ((-10.0,), (5.0, 10.0)))
    assert before.max() < 0.8 and after.min() > 1.04
    assert np.ptp(found["brain_dt"]) < 0.03


def preset_slice_to_brain_20_Hz(found, e):
    assert one(found, "f_now") == 20.0
    assert found["slice_dt"].min() > 1.2 and found["brain_dt"].max() < 0.92


def preset_slice_to_brain_50_Hz(found, e):
    assert one(found, "f_now") == 50.0
    after = found["delay"] > 0.0
    gain = [found[k][after].mean() - 1.0 for k in ("slice_dt", "brain_dt")]
    assert gain[1] > 0.05 and gain[0] / gain[1] == pytest.approx(3.0, abs=0.2)


def preset_slice_to_brain_2_Hz(found, e):
    assert one(found, "f_now") == 2.0
    assert found["slice_dt"].max() < 0.98 and np.abs(found["brain_dt"] - 1.0).max() < 0.02


def preset_slice_to_brain_release_in_vivo(found, e):
    assert e.preset("release in vivo")["calcium_out"] == 1.2
    assert 75.0 < 100.0 - one(found, "some") < 80.0
    assert one(found, "all") == pytest.approx(100.0 / 2000.0, rel=0.05)


def pair_against_thresholds(found):
    return [one(found, k) for k in ("pair", "theta_d", "theta_p")]


def preset_place_on_the_tree_pre_first(found, e):
    pair, theta_d, theta_p = pair_against_thresholds(found)
    assert pair > theta_p > theta_d and one(found, "t_p") > 300.0


def preset_place_on_the_tree_post_first(found, e):
    assert one(found, "t_d") > 300.0 and one(found, "t_p") == 0.0


def preset_place_on_the_tree_near_the_soma(found, e):
    pair, theta_d, theta_p = pair_against_thresholds(found)
    base = e.run()
    assert one(found, "peak") > 1.5 * one(base, "peak")
    assert theta_d > one(base, "theta_d") and theta_p > one(base, "theta_p")
    assert one(base, "pair") < pair < theta_d


def preset_place_on_the_tree_far_out(found, e):
    pair, _, theta_p = pair_against_thresholds(found)
    assert one(found, "c_post") < 0.01 * one(found, "c_pre") and pair > 1.1 * theta_p


def preset_place_on_the_tree_trunk(found, e):
    assert e.preset("trunk")["frequency"] == 50.0
    assert one(found, "t_p") == 0.0 and one(found, "t_d") > 200.0
    assert found["c_star"].max() < 0.9 * one(found, "theta_p")


def preset_place_on_the_tree_in_vivo(found, e):
    assert one(found, "t_d") == 0.0 == one(found, "t_p") and one(e.run(), "t_p") > 0.0


EVERY_SYNAPSE = range(1, mystery.MOST + 1)


def preset_mystery_synapse_a_whisper(found, e):
    for number in EVERY_SYNAPSE:
        assert one(found, "peak") < 1e3 * mystery.rule_of(number).theta_d_uM


def preset_mystery_synapse_one_full_pulse(found, e):
    weights = np.arange(0, 100) / 100
    peaks = [one(e.run(pulses=1.0, weight=w), "peak") for w in weights]
    assert max(peaks) < one(found, "peak")


def preset_mystery_synapse_a_shout(found, e):
    for number in EVERY_SYNAPSE[::9]:
        run = e.run(**{**e.preset("a shout"), "number": float(number)})
        assert one(run, "peak") > one(run, "theta_p") > one(run, "theta_d")


@each_preset
def test_preset_says_the_truth(name, preset):
    check = globals()["preset_" + re.sub(r"\W+", "_", f"{name} {preset}")]
    check(run_preset(name, preset), EXPLORERS[name])


@each
def test_presets_differ_and_unnamed_controls_are_reset(name):
    e = EXPLORERS[name]
    assert len(e.presets) >= 3
    assert len({json.dumps(e.preset(p.name), sort_keys=True) for p in e.presets}) == len(e.presets)
    for p in e.presets:
        assert e.preset(p.name) == {**e.defaults, **p.values}
        assert e.values(**e.preset(p.name)) == e.preset(p.name)  # in range, thresholds in order
    with pytest.raises(ValueError, match=f"name is 'no such'; allowed: {e.presets[0].name}"):
        e.preset("no such")


# -- words -----------------------------------------------------------------------------------


@each
def test_summary_states_every_readout(name):
    e = EXPLORERS[name]
    for changes in [{}, *corners(e)[:2], *(dict(p.values) for p in e.presets)]:
        found = e.run(**changes)
        text = e.summary(found)
        assert text.endswith(".") and "nan" not in text and "inf" not in text
        parts = text.removesuffix(".").split("; ")
        maps = [v.words(found) for v in e.views if isinstance(v, HeatMap)]
        assert parts[len(e.readouts) :] == "; ".join(maps).split("; ") * bool(maps)
        for part, r in zip(parts, e.readouts, strict=False):
            value = one(found, r.output)
            pattern = rf"{re.escape(r.label)}: ([+-]?\d+\.\d{{{r.digits}}})"
            pattern += rf" {re.escape(r.unit)}" if r.unit else ""
            pattern += rf" \({direction(value)}\)" if r.signed else ""
            match = re.fullmatch(pattern, part)
            assert match, part
            assert abs(float(match[1]) - value) <= 0.50001 * 10.0**-r.digits
            assert r.unit or r.output not in ("peak", "peak_1", "peak_2", "clearance", "t_peak_2")


@pytest.mark.parametrize(
    ("readout", "value", "expected"),
    [
        (Readout("x", "peak", "nM", 1), 12.34, "peak: 12.3 nM"),
        (Readout("x", "change", digits=2, signed=True), 0.126, "change: +0.13 (strengthens)"),
        (Readout("x", "change", digits=2, signed=True), -0.126, "change: -0.13 (weakens)"),
        (Readout("x", "change", digits=2, signed=True), 0.0, "change: +0.00 (stays)"),
        (Readout("x", "change", digits=2, signed=True), 1e-6, "change: +0.00 (strengthens)"),
    ],
)
def test_say(readout, value, expected):
    assert say(readout, value) == expected


@pytest.mark.parametrize(
    ("change", "word"),
    [(2e-9, "strengthens"), (-2e-9, "weakens"), (5e-10, "stays"), (-5e-10, "stays"), (0, "stays")],
)
def test_direction(change, word):
    assert direction(change) == word


@each
def test_alt_text_tells_settings_and_result(name):
    e = EXPLORERS[name]
    changes = dict(e.presets[-1].values)
    text, values = page.alt_text(e, **changes), e.values(**changes)
    assert text.startswith(f"{e.title}. Settings: ")
    for c in e.controls:
        assert f"{c.label} {c.show(values[c.name])}{' ' + c.unit if c.unit else ''}" in text
    assert text.endswith(f"Result: {e.summary(e.run(**changes))}")
    assert text != page.alt_text(e, **{e.controls[0].name: e.controls[0].high})


# -- copy as code ----------------------------------------------------------------------------


def evaluate(code):
    """Run what "copy as code" gives, as in an empty notebook; the value of its last line."""
    tree, space = ast.parse(code), {}
    last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "code", "exec"), space)
    return eval(compile(last, "code", "eval"), space)


def close(found, wanted, rel=1e-9):
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    scale = max(np.abs(wanted).max(), 1e-300)
    np.testing.assert_allclose(found, wanted, rtol=rel, atol=rel * scale)


def code_calcium_decides(e, result, shown):
    """The same closed form: only the conversion of units may differ in the last digit."""
    close(result, one(shown, "w_end"), 1e-12)


def code_spikes_to_calcium(e, result, shown):
    """Closed form against the exact propagator, both exact for a fixed weight."""
    assert result.step_ms == pytest.approx(0.05)
    close(result.calcium_uM[0, ::5][:401] * 1e3, shown["calcium"])
    assert one(shown, "peak") <= result.peak_uM[0] * 1e3 * (1 + 1e-9)


def code_how_the_weight_moves(e, result, shown):
    """The same kernel at the same step."""
    close(result, one(shown, "w_end"), 1e-11)


def code_calcium_travels(e, result, shown):
    """The same kernel at the same step; the page keeps every fifth sample."""
    for s in (0, 1):
        close(result.calcium_uM[s, ::5] * 1e3, shown[f"calcium_{s + 1}"])
        close(result.peak_uM[s] * 1e3, one(shown, f"peak_{s + 1}"))
    at = shown["at"]
    k = round((S["first_pulse"] + at) / 0.05)
    close(result.shaft_uM[k] * 1e3, shown["shaft"])
    close(result.system.x_um - 40.125, shown["x"])
    close(result.system.length_constant_um, one(shown, "length_constant"))


def code_two_spines(e, result, shown):
    """The same kernel at the same step; the page keeps every so many samples."""
    every = (result.t_ms.size - 1) // (shown["t"].size - 1)
    for s in (0, 1):
        close(result.weights[s, ::every], shown[f"w_{s + 1}"])
        close(result.calcium_uM[s, ::every] * 1e3, shown[f"calcium_{s + 1}"])
        close(result.peak_uM[s] * 1e3, one(shown, f"peak_{s + 1}"))
        assert abs(result.weight_change[s] - one(shown, f"change_{s + 1}")) <= 1e-9
    close(result.t_ms[::every], shown["t"])


def code_voltage_cable_soma(e, result, shown):
    """The same kernels at the same step; the page keeps every second sample."""
    steady, moving = result
    traces, values = moving.voltage_mV, shown["values"]
    node = int(values["place"])  # compartments of 1 µm, and the branch point before the daughter
    node = min(node, 79) if node <= 80 else min(node, 159) + 1
    trunk, daughter, sister = (np.arange(k, k + 80) for k in (0, 81, 161))
    there, back = np.concatenate([trunk, daughter]), np.concatenate([trunk, sister])
    close(1000.0 * steady[node] / 200.0, one(shown, "resistance"))
    close(100.0 * steady[-1] / steady[node], one(shown, "steady_share"))
    close(steady[there] / steady[node], shown["steady"])
    close(steady[back] / steady[node], shown["sister"])
    peak = traces.max(axis=1)
    close(peak[there] / peak[node], shown["transient"])
    close(100.0 * peak[-1] / peak[node], one(shown, "share"))
    close(peak[[node, -1]], [one(shown, "peak_synapse"), one(shown, "peak_soma")])
    close(moving.t_ms[::2], shown["t"])
    close(traces[:, ::2][[node, 0, -1]], [shown[k] for k in ("at_synapse", "at_end", "at_soma")])
    close(moving.t_ms[traces[-1].argmax()] - S["first_pulse"], one(shown, "late"))
    r, r_d = values["branch_radius"], values["daughter_radius"]
    wide = Membrane().infinite_nS(r_d) * 2.0 / Membrane().infinite_nS(r)
    close(wide, one(shown, "match"), 1e-12)


def code_timing_window(e, result, shown):
    """The same kernel at the same step; the page keeps every fifth sample."""
    for s in (0, 1):
        close(result.weights[s, ::5], shown[f"w_{s + 1}"])
        close(result.calcium_uM[s, ::5] * 1e3, shown[f"calcium_{s + 1}"])
        close(result.peak_uM[s] * 1e3, one(shown, f"peak_{s + 1}"))
        assert abs(result.weight_change[s] - one(shown, f"change_{s + 1}")) <= 1e-9
    close(result.t_ms[::5], shown["t"])


def code_three_experiments(e, result, shown):
    """The same kernel at the same step; every spine is in one of three groups."""
    site = np.array(result.system.site)
    close((site - site[0]) * result.system.dx_um, shown["x"])
    at = {g: shown[g] > -1.0 for g in studies.GROUPS}
    assert (sum(at.values()) == 1).all()
    assert at["stimulated"].tolist() == [train.size > 0 for train in result.spikes_ms]
    for group, here in at.items():
        assert np.abs(result.weight_change[here] - shown[group][here]).max() <= 1e-9
        mean = result.weight_change[here].mean()
        assert abs(mean - one(shown, f"mean_{group}")) <= 1e-9


def code_order_learning(e, result, shown):
    """The same kernels at the same steps; the soma by superposition instead of whole runs."""
    run, inward, outward = result
    values = shown["values"]
    begin = 300 * (max(int(values["presentations"]), 1) - 1)
    for s, word in enumerate(("near", "far")):
        close(run.calcium_uM[s, begin : begin + 241] * 1e3, shown[f"calcium_{s + 1}"])
        close(run.final_weights[s], one(shown, f"w_{word}"))
        n = int(values["presentations"])
        held = np.full(25 - n, run.final_weights[s])
        close([*run.weights[s, : 300 * n : 300], *held], shown[f"w_{s + 1}"])
        low, high = (
            run.calcium_uM[s, begin:] > theta / 1e3
            for theta in (values["theta_d"], values["theta_p"])
        )
        moderate = 0.25 * (low.sum() - high.sum())
        assert abs(moderate - one(shown, f"moderate_{s + 1}")) < 2.5
    for test, word in ((inward, "inward"), (outward, "outward")):
        close(test.soma_mV[::2], shown[word])
        close(test.peak_mV, one(shown, f"peak_{word}"))
    close(run.t_ms[:241], shown["t"])
    close(inward.t_ms[::2], shown["t_soma"])
    assert (shown["limit"] == inward.threshold_mV).all()
    a, b = (inward, outward) if values["trained"] == 0.0 else (outward, inward)
    preference = selectivity(a.peak_mV, b.peak_mV)
    assert one(shown, "selectivity") == pytest.approx(float(preference), abs=1e-9)


def code_slice_to_brain(e, result, shown):
    """The stored rows themselves, and the binomial distribution of another library."""
    (brain, here), chance = (result[0].to_numpy(), result[1])
    close([here, brain], [one(shown, "slice_now"), one(shown, "brain_now")], 1e-12)
    n = int(shown["values"]["sites"])
    close(100.0 * chance, shown["chance"][: n + 1])
    assert (shown["chance"][n + 1 :] == 0.0).all()


def code_place_on_the_tree(e, result, shown):
    """Another kernel with exact times of spikes, against a fixed step of 0.1 ms."""
    c_pre, c_post, thetas, train = result
    close([one(shown, "c_pre"), one(shown, "c_post")], [c_pre, c_post], 0.01)
    close([one(shown, "theta_d"), one(shown, "theta_p")], thetas, 0.01)
    c_star = np.interp(shown["t"], train.t_ms, train.c_star_uM_ms)
    assert np.abs(c_star - shown["c_star"]).max() < 0.03 * c_star.max()


def code_mystery_synapse(e, result, shown):
    """The same kernel at the same step; the thresholds are those of the synapse's number."""
    close(result.calcium_uM[0] * 1e3, shown["calcium"])
    close(result.peak_uM[0] * 1e3, one(shown, "peak"))
    assert result.weight_change[0] == pytest.approx(one(shown, "change"), abs=1e-12)
    close(result.rule.theta_d_uM * 1e3, one(shown, "theta_d"))
    close(result.rule.theta_p_uM * 1e3, one(shown, "theta_p"))


NEOCORTEX = ("neocortical-synapse", "frequency-curve")


def star_over(found, e, preset):
    """Peak of c* over the two thresholds."""
    values = e.preset(preset)
    return one(found, "peak_star") / values["theta_d"], one(found, "peak_star") / values["theta_p"]


def preset_neocortical_synapse_10_Hz(found, e):
    over_d, over_p = star_over(found, e, "10 Hz")
    assert over_d > 1.05 and over_p < 0.95
    assert found["rho"][0] == 1.0 and one(found, "rho_end") < 0.1


def preset_neocortical_synapse_40_Hz(found, e):
    assert e.preset("40 Hz")["frequency"] == 40.0 and star_over(found, e, "40 Hz")[1] > 1.2
    assert found["rho"][0] == 0.0 and 0.55 < one(found, "rho_end") < 0.69


def preset_neocortical_synapse_other_order(found, e):
    assert e.preset("other order")["dt"] == -e.defaults["dt"] < 0.0
    assert star_over(found, e, "other order")[0] < 0.95 and one(found, "change") == 0.0


def preset_neocortical_synapse_in_vivo_calcium(found, e):
    values = e.preset("in vivo calcium")
    assert values["calcium_out"] == C["calcium_out_in_vivo"] and values["frequency"] == 40.0
    # the thresholds are those that the measured peaks make
    measured = EfficacyRule().thresholds(one(found, "c_pre"), one(found, "c_post"))
    assert measured == pytest.approx((values["theta_d"], values["theta_p"]), abs=0.5)
    assert star_over(found, e, "in vivo calcium")[0] < 0.95 and one(found, "change") == 0.0


def preset_neocortical_synapse_no_action_potential(found, e):
    values = e.preset("no action potential")
    assert values["template_height"] == 0.0 and values["frequency"] == 40.0
    assert star_over(found, e, "no action potential")[0] < 0.95 and one(found, "change") == 0.0


def preset_frequency_curve_slice(found, e):
    assert e.defaults["dt"] == 10.0 and found["f"].tolist()[:6] == [2.5, 5.0, 7.5, 10.0, 12.5, 15.0]
    assert (found["weak"][:4] == 0.0).all() and (found["strong"][:3] == 1.0).all()
    assert found["strong"][3] < 0.1
    for start in ("weak", "strong"):
        assert (found[start][5:] > 0.5).all() and found[start][4] < 0.5


def preset_frequency_curve_in_vivo_calcium(found, e):
    assert e.preset("in vivo calcium")["calcium_out"] == C["calcium_out_in_vivo"]
    assert (found["weak"] == 0.0).all() and (found["strong"] == 1.0).all()


def preset_frequency_curve_small_action_potential(found, e):
    assert e.preset("small action potential")["template_height"] == 30.0
    for start in ("weak", "strong"):
        assert ((found[start] > 0.5) & (found[start] < 0.7) == (found["f"] > 30.0))[7:].all()
    assert (found["weak"][:12] < 0.5).all()


def preset_frequency_curve_apical_factors(found, e):
    assert one(found, "theta_p") > 5.0 * one(found, "c_pre")
    assert (found["strong"][5:] < 0.1).all() and (found["weak"] < 1e-9).all()
    assert (e.run()["strong"][5:] > 0.5).all()  # with the factors of a basal synapse


def preset_two_rules_40_Hz(found, e):
    assert found["published_t"][0] == found["graded_t"][0] == 0.0
    at = np.flatnonzero(np.isclose(found["t"], 10 * 4.0 / 60.0))[0]  # ten sweeps, one every 4 s
    assert 0.5 < found["published_t"][at] < 0.7 and found["published_t"][-1] > 0.98
    assert np.ptp(found["graded_t"][at:]) < 1e-9
    assert one(found, "published") > 1.0 - 1e-9 and round(one(found, "graded"), 2) == 0.77


def preset_two_rules_10_Hz(found, e):
    assert one(found, "theta_d") < one(found, "peak") < one(found, "theta_p")
    assert found["published_t"][0] == found["graded_t"][0] == 1.0
    assert one(found, "published") < 1e-9 and round(one(found, "graded"), 2) == 0.20


def preset_two_rules_no_rest(found, e):
    moves = found["published_f"] > 1e-9
    ahead = found["graded_f"] > found["published_f"]
    assert (ahead[moves] == (found["f"][moves] >= 17.5))[1:].all() and moves.sum() > 15
    later = e.run()
    assert one(later, "graded") < one(later, "published")
    assert (later["graded_f"] < later["published_f"])[found["f"] >= 17.5].all()


def preset_two_rules_soft_steps(found, e):
    assert e.preset("soft steps")["steepness"] == 5.0
    assert found["graded_t"][10] > 0.5 and (found["graded_f"] < 0.01).all()
    assert (e.run()["graded_f"][5:] > 0.5).all()


def preset_two_rules_in_vivo_calcium(found, e):
    assert e.preset("in vivo calcium")["calcium_out"] == C["calcium_out_in_vivo"]
    assert e.defaults["rho0"] == 0.0 and one(found, "peak") < one(found, "theta_d")
    assert (found["published_f"] == 0.0).all() and (found["graded_f"] < 1e-6).all()


def code_two_rules(e, result, shown):
    """Both rules step by step, in a loop of their own, over the calcium of another kernel."""
    ends = np.array([[rho[-1] for rho in pair] for pair in result])
    for k, rule in enumerate(("published", "graded")):
        np.testing.assert_allclose(ends[:20, k], shown[f"{rule}_f"], atol=1e-5)
        np.testing.assert_allclose(ends[20:35, k], shown[f"{rule}_delay"], atol=1e-5)
        np.testing.assert_allclose(result[35][k][:11], shown[f"{rule}_t"][:11], atol=1e-5)
        assert ends[35, k] == pytest.approx(one(shown, rule), abs=1e-5)
    assert shown["f"].tolist() == [2.5 * (k + 1) for k in range(20)]
    assert shown["delay"].tolist() == [5.0 * k for k in range(-7, 8)]
    minutes = [4.0 * k / 60.0 for k in range(11)] + [(40.0 + 20.0 * k) / 60.0 for k in range(1, 49)]
    close(shown["t"], minutes)
    # the rest: the published rule's closed form, and the graded one's
    start, rest = shown["published_t"][10], 20_000.0 * np.arange(49)
    close(shown["published_t"][10:], efficacy_relaxed(start, rest), 1e-9)
    values = shown["values"]
    k, from_there = values["steepness"], shown["graded_t"][10]
    at_rest = 1.0 / (1.0 + np.exp(k)) if k < 50 else 1.0 / (1.0 + np.exp(50.0))
    left = np.exp(-values["speed"] / 1000.0 * at_rest * rest)
    close(shown["graded_t"][10:], at_rest + (from_there - at_rest) * left, 1e-9)
    now = shown["f"] == values["frequency"]  # where both curves meet
    close(shown["published_f"][now], one(shown, "published"))
    close(shown["graded_f"][now], one(shown, "graded"))


def code_neocortical_synapse(e, result, shown):
    """The same kernels at the same steps, in a loop of its own; the page keeps every 2 ms."""
    at = np.searchsorted(result.sweep.t_ms, shown["t"])
    close(result.sweep.t_ms[at], shown["t"])
    close(result.sweep.calcium_uM[at], shown["calcium"])
    close(result.sweep.c_star_uM_ms[at], shown["c_star"])
    np.testing.assert_allclose(result.rho, shown["rho"], atol=1e-6)
    close(result.c_pre_uM_ms, one(shown, "c_pre"))
    close(result.c_post_uM_ms, one(shown, "c_post"))
    close(result.sweep.c_star_uM_ms.max(), one(shown, "peak_star"))
    close(result.sweep.calcium_uM.max(), one(shown, "peak"))
    assert one(shown, "rho_end") == shown["rho"][-1]
    assert one(shown, "change") == shown["rho"][-1] - shown["rho"][0]
    values = shown["values"]
    c = result.sweep.c_star_uM_ms
    for low, high, name in (
        (values["theta_d"], values["theta_p"], "between"),
        (values["theta_p"], np.inf, "above"),
    ):
        fine = np.interp(np.arange(0.0, 1800.0, 0.01), result.sweep.t_ms, c)
        assert abs(0.01 * np.sum((fine > low) & (fine <= high)) - one(shown, name)) < 0.2


def code_frequency_curve(e, result, shown):
    """As above; each point of the curves is an experiment of its own."""
    for k, name in enumerate(("weak", "strong")):
        rho = [pair[k].rho[-1] for pair in result]
        np.testing.assert_allclose(rho[:20], shown[name], atol=1e-5)
        np.testing.assert_allclose(rho[20:], shown[f"{name}_delay"], atol=1e-5)
        here = shown["f"] == shown["values"]["frequency"]  # where both curves meet
        close(shown[name][here], one(shown, f"{name}_now"))
    close(np.array([r.sweep.c_star_uM_ms.max() for r, _ in result[:20]]), shown["peak"])
    first = result[0][0]
    close(first.c_pre_uM_ms, one(shown, "c_pre"))
    close(first.c_post_uM_ms, one(shown, "c_post"))
    if first.theta_d_uM_ms is not None:
        close(first.theta_d_uM_ms, one(shown, "theta_d"))
        close(first.theta_p_uM_ms, one(shown, "theta_p"))
    assert (shown["line_d"] == one(shown, "theta_d")).all()
    assert (shown["line_p"] == one(shown, "theta_p")).all()
    assert shown["f"].tolist() == [2.5 * (k + 1) for k in range(20)]
    assert shown["delay"].tolist() == [5.0 * k for k in range(-7, 8)]


def code_neighbourhood_learner(e, result, shown):
    run, peaks = result
    values = shown["values"]
    close(peaks, shown["peak"])
    n, gap = int(values["presentations"]), values["gap"]
    step = round((78.25 + 3 * gap) / 0.25)
    for k in range(4):
        close(run.final_weights[k], one(shown, f"end_{k + 1}"))
        held = np.full(13 - n, run.final_weights[k])
        close([*run.weights[k, : step * n : step], *held], shown[f"w_{k + 1}"])
    trained, others = peaks[int(values["trained"])], np.delete(peaks, int(values["trained"]))
    close(trained, one(shown, "peak_trained"))
    close(trained, shown["soma"].max(), 1e-3)
    close([others.mean(), others.max()], [one(shown, "peak_others"), one(shown, "peak_highest")])
    lower = (others < trained - 1e-9).mean() + 0.5 * (np.abs(others - trained) <= 1e-9).mean()
    assert one(shown, "beaten") == pytest.approx(lower)
    assert one(shown, "place") == values["trained"] + 1


def check_code(e, changes):
    shown = e.run(**changes)
    if "snapshot" in e.defaults:
        shown["at"] = e.values(**changes)["snapshot"]
    shown["values"] = e.values(**changes)
    result = evaluate(e.call(**changes))
    globals()["code_" + e.name.replace("-", "_")](e, result, shown)


@each
def test_copied_code_gives_what_is_on_screen(name):
    e = EXPLORERS[name]
    tried = [{}, *(e.preset(p.name) for p in e.presets), *corners(e)[:2]]
    tried += settings(e, 200, 6)[-10:]
    for changes in tried:
        check_code(e, changes)


@each
def test_copied_code_gives_what_is_on_screen_off_the_grid(name):
    """The widget's traits need not stand on a slider's step: snap, refuse or tell, but agree."""
    e = EXPLORERS[name]
    for changes in off_grid(e, 3, 7):
        try:
            e.values(**changes)
        except ValueError:
            continue
        check_code(e, changes)


@each
def test_copied_code_names_every_control_that_matters(name):
    """A control that the code leaves out would be lost on the way; the snapshot is a view only."""
    e = EXPLORERS[name]
    named = set(re.findall(r"\{(\w+)\}", e.code))
    assert {c.name for c in e.controls} - named <= {"snapshot"}


# -- the window, which is put together from one response -------------------------------------


def window_by_grid(e, delays, **changes):
    """Changes of both spines at some delays, every one with a run of its own."""
    code = e.call(**{**changes, "delay": 0.0})
    assert code.count("pairing(0, 1)") == 1
    calls = [code.replace("pairing(0, 1)", f"pairing({d:g}, 1)") for d in delays]
    return np.array([evaluate(call).weight_change for call in calls]).T


@pytest.mark.parametrize("preset", [p.name for p in EXPLORERS["timing-window"].presets])
def test_the_window_is_what_single_runs_give(preset):
    e = EXPLORERS["timing-window"]
    found = e.run(**e.preset(preset))
    wanted = window_by_grid(e, found["delays"][::3], **e.preset(preset))
    for s in (0, 1):
        assert np.abs(found[f"window_{s + 1}"][::3] - wanted[s]).max() < 5e-7


def test_the_window_is_what_single_runs_give_at_other_settings():
    """Fast weights, low thresholds and fast diffusion: where copies of a pulse differ most."""
    e = EXPLORERS["timing-window"]
    tried = [{"gamma_d": 10.0}, {"gamma_p": 10.0}, {"diffusion": 600.0, "theta_d": 0.1}]
    for changes in [*tried, *corners(e)[:2], *settings(e, 60, 9)[-6:]]:
        found = e.run(**changes)
        delays = found["delays"][::5]
        assert (delays[0], delays[-1]) == (-100.0, 100.0)
        wanted = window_by_grid(e, delays, **changes)
        for s in (0, 1):
            worst = np.abs(found[f"window_{s + 1}"][::5] - wanted[s]).max()
            assert worst < 2e-5, changes


def test_the_marker_stands_on_the_window():
    e = EXPLORERS["timing-window"]
    for delay in (-100.0, -16.0, 0.0, 4.0, 100.0):
        found = e.run(delay=delay, gamma_d=2.0)
        at = found["delays"].tolist().index(delay)
        for s in (1, 2):
            assert abs(found[f"window_{s}"][at] - one(found, f"change_{s}")) < 2e-6


def test_the_window_of_one_spine_is_the_mirror_of_the_other():
    found = EXPLORERS["timing-window"].run()
    np.testing.assert_array_equal(found["delays"], np.arange(-100.0, 101.0, 4.0))
    np.testing.assert_array_equal(found["window_1"], found["window_2"][::-1])


# -- the arrangements of chapter 7 -----------------------------------------------------------


def test_arrangements_are_those_of_the_library():
    e = EXPLORERS["three-experiments"]
    control = next(c for c in e.controls if c.name == "arrangement")
    assert (control.low, control.high, control.step) == (1.0, 12.0, 1.0)
    seen = set()
    for k in range(1, 13):
        a, found = studies.random_arrangement(np.random.default_rng(k)), e.run(arrangement=k)
        seen.add(a)
        close(found["x"], (np.array(a.site) - a.site[0]) * a.branch().dx_um)
        for group in studies.GROUPS:
            assert np.flatnonzero(found[group] > -1.0).tolist() == a.group(group).tolist()
    assert len(seen) == 12


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [None, "3", b"3", True, [3.0], float("nan"), float("inf"), 1j])
def test_values_that_are_no_numbers_are_refused(bad):
    e = EXPLORERS["calcium-decides"]
    for use in (e.values, e.run, e.call):
        with pytest.raises(ValueError, match=r"calcium is .*; allowed: a number in \[0, 12\]"):
            use(calcium=bad)
    with pytest.raises(ValueError, match="calcium is"):
        explore.draw(e, calcium=bad)


@each
def test_values_outside_their_range_are_refused(name):
    e = EXPLORERS[name]
    for c in e.controls:
        for bad in (c.low - c.step, c.high + c.step, np.nextafter(c.high, np.inf), -1e300, 1e300):
            with pytest.raises(ValueError, match=f"^{c.name} is "):
                e.run(**{c.name: bad})


@each
def test_unknown_controls_are_refused(name):
    e = EXPLORERS[name]
    with pytest.raises(ValueError, match=r"control is 'nonsense'; allowed: \w+, "):
        e.run(nonsense=1.0)
    with pytest.raises(ValueError, match="control is 'nonsense'"):
        explore.draw(e, nonsense=1.0)
    assert not plt.get_fignums()


@pytest.mark.parametrize("use", [explore.show, explore.widget])
@pytest.mark.parametrize("bad", ["", "two spines", "TWO-SPINES", None, 5])
def test_unknown_explorers_are_refused(use, bad):
    with pytest.raises(ValueError, match=r"allowed: .*two-spines"):
        use(bad)


# -- the page's form -------------------------------------------------------------------------


def inflated(text):
    return zlib.decompress(base64.b64decode(text))


@pytest.fixture
def marked_up(monkeypatch):
    """Return a function that parses the markup of an explorer, without compiling."""
    monkeypatch.setattr(page, "compiled", lambda name: wasm.Module(b"\0asm", 0))

    def parse(explorer):
        return BeautifulSoup(page.markup(explorer), "html.parser").section

    return parse


@each
def test_markup_carries_declaration_figure_and_words(marked_up, name):
    e = EXPLORERS[name]
    root = marked_up(e)
    assert root["data-explorer"] == name and root["data-state"] == "loading"
    spec = json.loads(root.select_one("script.hl-spec").string.replace("<\\/", "</"))
    assert spec.pop("stack") == wasm.STACK and inflated(spec.pop("wasm")) == b"\0asm"
    assert spec == json.loads(json.dumps(page.declaration(e)))
    assert sum(o["size"] for o in spec["outputs"]) == e.sizes[1] and spec["work"] == e.work
    image = root.select_one(".hl-static img")
    assert image["src"].startswith("data:image/png;base64,")
    assert image["alt"] == page.alt_text(e)
    assert e.summary(e.run()) in root.select_one(".hl-static").get_text()
    title = root.find(id=root["aria-labelledby"])
    assert title.get_text() == e.title
    assert root.select_one("p.hl-why").get_text(strip=True)


def test_markup_escapes_what_authors_write(marked_up):
    nasty = "</script><b>&'\""
    base = EXPLORERS["calcium-decides"]
    e = dataclasses.replace(
        base,
        title=nasty,
        note=nasty,
        readouts=(dataclasses.replace(base.readouts[0], label=nasty),),
        code=base.code + "  # " + nasty,
    )
    root = marked_up(e)
    assert not root.find("b")
    assert root.select_one(".hl-title").get_text() == nasty
    assert nasty in root.select_one(".hl-static img")["alt"]
    raw = root.select_one("script.hl-spec").string
    assert "</script" not in raw.lower()
    assert json.loads(raw)["title"] == nasty


# -- predict before you run ------------------------------------------------------------------


def parse(prediction):
    return BeautifulSoup(prediction._repr_html_(), "html.parser")


def test_prediction_is_a_form_that_works_by_keyboard_and_without_scripts():
    root = parse(explore.predict("Which grows?", ["spine 1", "spine 2", "none"], 1, "It must."))
    form = root.form
    assert "hl-predict" in form["class"]
    assert form.fieldset.legend.get_text() == "Which grows?"
    labels = form.fieldset.find_all("label")
    assert [x.get_text(strip=True) for x in labels] == ["spine 1", "spine 2", "none"]
    inputs = [x.input for x in labels]
    assert [(i["type"], i["value"]) for i in inputs] == [("radio", str(k)) for k in range(3)]
    assert len({i["name"] for i in inputs}) == 1
    assert form.find("button", type="submit")
    assert form.find(role="status")["aria-live"] == "polite"
    assert json.loads(form["data-key"]) == {"answer": 1, "text": "spine 2", "why": "It must."}
    assert "spine 2" in form.noscript.get_text() and "It must." in form.noscript.get_text()
    assert form["id"] in root.script.string and "KEY" not in root.script.string


def test_questions_keep_their_own_answers():
    a, b, again = (
        parse(explore.predict(q, ["x", "y"], 0, "."))
        for q in ("Which grows?", "Which shrinks?", "Which grows?")
    )
    assert a.form["id"] != b.form["id"]
    assert a.form["id"] == again.form["id"]  # kept from one build to the next


def test_prediction_escapes_what_authors_write():
    nasty = "</script></noscript><img src=x onerror='1'>&\"<"
    html = explore.predict(nasty, [nasty, "b" + nasty], 0, nasty)._repr_html_()
    root = BeautifulSoup(html, "html.parser")
    assert not root.find("img") and len(root.find_all("script")) == 1
    assert root.legend.get_text() == nasty
    assert root.label.get_text(strip=True) == nasty
    assert json.loads(root.form["data-key"])["why"] == nasty
    assert nasty in root.noscript.get_text()


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["only"], 0),
        ([], 0),
        ("yes", 0),
        (["a", "b"], 2),
        (["a", "b"], -1),
        (["a", "b"], 0.5),
        (["a", "b"], None),
        (["a", "b"], "0"),
        (["a", "b"], float("nan")),
    ],
)
@pytest.mark.parametrize("make", [explore.predict, Prediction])
def test_bad_predictions_are_refused(make, options, answer):
    with pytest.raises(ValueError, match="allowed: "):
        make("Q?", options, answer, "Because.")


def test_prediction_takes_the_integers_that_models_give():
    answer = np.argmax(np.array([0.1, 0.3]))
    form = parse(explore.predict("Q", ("a", "b"), answer, ".")).form
    assert json.loads(form["data-key"])["answer"] == 1


def test_the_kernels_of_the_explorers_stand_with_the_others():
    """numba's cache stamps one file; a kernel elsewhere would keep old helpers alive."""
    for e in EXPLORERS.values():
        here = e.kernel.py_func.__module__
        assert here in (kernels.__name__, neocortex.kernels.__name__)
