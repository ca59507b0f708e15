"""The drawings: they run, name their units, and tell spines and bands apart without colour."""

import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from heterolib import Branch, ThresholdRule, plots, simulate

RULE = ThresholdRule()
RESULT = simulate(Branch([40.125, 41.125, 43.0]), [[1.0, 9.0], [5.0], []], RULE, 40.0)


@pytest.fixture
def ax():
    fig, (ax,) = plots.figure()
    yield ax
    try:
        fig.canvas.draw()  # whatever was asked for must also be drawable
    finally:
        plt.close(fig)


@pytest.fixture(autouse=True)
def style_is_left_alone():
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before


def with_unit(text):
    return re.fullmatch(r".+ \((ms|nM|µM|µm)\)", text)


def span(patch):
    """Lower and upper end of an axhspan."""
    y = patch.get_extents().transformed(patch.axes.transData.inverted())
    return y.y0, y.y1


# -- calcium ---------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [False, True])
def test_calcium_has_units_curves_and_bands(ax, log):
    plots.calcium(ax, RESULT, log=log)
    assert ax.get_xlabel() == "time (ms)" and ax.get_ylabel() == "calcium (nM)"
    assert with_unit(ax.get_xlabel()) and with_unit(ax.get_ylabel())
    curves = [line for line in ax.lines if line.get_label().startswith("spine")]
    assert [c.get_label() for c in curves] == ["spine 1", "spine 2", "spine 3"]
    for s, curve in enumerate(curves):
        np.testing.assert_array_equal(curve.get_xdata(), RESULT.t_ms)
        np.testing.assert_allclose(curve.get_ydata(), 1000.0 * RESULT.calcium_uM[s])
    words = {t.get_text() for t in ax.texts}
    assert words == {"weakens", "strengthens"}
    assert len(ax.patches) == 2
    assert ax.get_yscale() == ("log" if log else "linear")
    low, high = ax.get_ylim()
    assert high >= 1000.0 * RESULT.peak_uM.max() and low < 2.0


def test_curves_differ_in_more_than_colour(ax):
    plots.calcium(ax, RESULT)
    curves = [line for line in ax.lines if line.get_label().startswith("spine")]
    assert len({c.get_linestyle() for c in curves}) == 3
    assert len({to_rgb(c.get_color()) for c in curves}) == 3
    assert len({p.get_hatch() for p in ax.patches}) == 2


def test_calcium_takes_labels(ax):
    plots.calcium(ax, RESULT, labels=["own", "next", "far"])
    assert [t.get_label() for t in ax.lines[:3]] == ["own", "next", "far"]


def test_calcium_without_a_rule_has_no_bands(ax):
    still = simulate(Branch([40.125]), [[1.0]], None, 20.0)
    plots.calcium(ax, still)
    assert not ax.patches and not ax.texts


def test_calcium_shows_the_bands_of_a_rule_that_was_not_run(ax):
    still = simulate(Branch([40.125]), [[1.0]], None, 20.0)
    plots.calcium(ax, still, ThresholdRule(theta_p_uM=0.07, theta_d_uM=0.05))
    assert span(ax.patches[0]) == pytest.approx((50.0, 70.0))


@pytest.mark.parametrize("log", [False, True])
def test_silence_can_be_drawn(ax, log):
    silent = simulate(Branch([40.125]), [[]], RULE, 20.0)
    plots.calcium(ax, silent, log=log)
    low, high = ax.get_ylim()
    assert low < high and np.isfinite([low, high]).all()


# -- bands -----------------------------------------------------------------------------------


def test_bands_lie_where_the_thresholds_are(ax):
    ax.set_ylim(0.0, 10.0)
    plots.bands(ax, 2.0, 4.0)
    weaken, strengthen = ax.patches
    assert span(weaken) == pytest.approx((2.0, 4.0))
    assert span(strengthen) == pytest.approx((4.0, 10.0))
    heights = sorted(line.get_ydata()[0] for line in ax.lines)
    assert heights == [2.0, 4.0]
    at = {t.get_text(): t.xy[1] for t in ax.texts}
    assert at == {"weakens": 2.0, "strengthens": 4.0}


def test_bands_make_room_for_themselves(ax):
    """Thresholds far above the curve are still shown."""
    ax.set_ylim(0.0, 1.0)
    plots.bands(ax, 50.0, 70.0)
    assert ax.get_ylim()[1] > 70.0


def test_bands_without_words(ax):
    plots.bands(ax, 2.0, 4.0, top=6.0, words=False)
    assert not ax.texts and ax.get_ylim()[1] == 6.0


def test_bands_on_an_axis_of_calcium_that_lies_flat(ax):
    ax.set_xlim(0.0, 10.0)
    plots.bands(ax, 2.0, 4.0, axis="x")
    for patch, ends in zip(ax.patches, ((2.0, 4.0), (4.0, 10.0)), strict=True):
        box = patch.get_extents().transformed(ax.transData.inverted())
        assert (box.x0, box.x1) == pytest.approx(ends)
    assert sorted(line.get_xdata()[0] for line in ax.lines) == [2.0, 4.0]
    at = {t.get_text(): t.get_position()[0] for t in ax.texts}
    assert 2.0 < at["weakens"] < 4.0 < at["strengthens"] < 10.0
    with pytest.raises(ValueError, match="axis"):
        plots.bands(ax, 2.0, 4.0, axis="z")


# -- the rest --------------------------------------------------------------------------------


def test_weights(ax):
    plots.weights(ax, RESULT)
    assert ax.get_xlabel() == "time (ms)" and ax.get_ylabel() == "weight"
    for s, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_ydata(), RESULT.weights[s])
        assert line.get_label() == f"spine {s + 1}"
    assert len(ax.lines) == 3


def test_spikes(ax):
    plots.calcium(ax, RESULT)
    before = len(ax.lines)
    plots.spikes(ax, RESULT.spikes_ms)
    ticks = ax.lines[before:]
    assert len(ticks) == 2  # the silent spine has none
    assert [t.get_xdata().tolist() for t in ticks] == [[1.0, 9.0], [5.0]]
    rows = [t.get_ydata()[0] for t in ticks]
    assert rows[0] != rows[1] and min(rows) > 1.0  # above the axes


def test_a_spine_keeps_its_look():
    looks = [plots.line_style(s) for s in range(6)]
    assert len({str(look) for look in looks}) == 6
    assert len({str(look["linestyle"]) for look in looks}) == 6
    assert plots.line_style(0)["color"] == plots.point_style(0)["color"]
    assert len({plots.point_style(s)["marker"] for s in range(6)}) == 6
    assert plots.line_style(6) == plots.line_style(0)
    assert plots.names(2) == ["spine 1", "spine 2"]


def test_colours_stay_apart_in_grey():
    """Neighbours in the list differ in lightness, or the list says so by its line styles."""
    grey = [np.dot(to_rgb(c), [0.299, 0.587, 0.114]) for c in plots.COLOURS]
    assert len(set(np.round(grey, 3))) == len(grey)


def test_figure_has_the_books_width():
    fig, axes = plots.figure(2, 2.0, 3, sharex=True)
    assert len(axes) == 6 and fig.get_size_inches().tolist() == [plots.WIDTH_IN, 4.0]
    plt.close(fig)


def test_use_style_sets_and_only_sets():
    with matplotlib.rc_context():
        plots.use_style()
        for key in plots.STYLE:
            assert matplotlib.rcParams[key] == plots.STYLE[key]
