"""One visual language for the whole book.

Spine 1, 2, ... keep their colour, line style and marker everywhere. The band of weakening is
dotted and lies between the thresholds, the band of strengthening is striped and lies above
them; both carry their name. Nothing is told by colour alone. Calcium is drawn in nM, the range
where the numbers of the Shafiee 2026 model lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from heterolib import checks
from heterolib.plasticity import ThresholdRule
from heterolib.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NM_PER_UM = 1000.0  # nM in one µM
WIDTH_IN = 5.2  # narrow enough to be read on a phone without zooming
# Okabe & Ito's palette, in an order that keeps neighbours apart in grey as well
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
# Maps. An amount goes from nothing, near the paper, to most, by lightness (stops of ColorBrewer's
# YlGnBu); a change from weakening in orange by nothing to strengthening in blue, a pair that
# every common colour vision tells apart.
AMOUNT = ("#ffffd9", "#c7e9b4", "#41b6c4", "#225ea8", "#081d58")
CHANGE = ("#7f3b08", "#e08214", "#f7f7f7", "#4393c3", "#053061")
AMOUNT_MAP = LinearSegmentedColormap.from_list("amount", AMOUNT)
CHANGE_MAP = LinearSegmentedColormap.from_list("change", CHANGE)
WEAKEN, STRENGTHEN = "#F0E442", "#56B4E9"  # fills of the two bands

STYLE: dict[str, Any] = {
    "figure.dpi": 160,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "font.size": 10.5,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "hatch.linewidth": 0.6,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
}


def use_style() -> None:
    """Set the book's style for all later figures of this Python session."""
    plt.rcParams.update(STYLE)


def figure(
    rows: int = 1, height_in: float = 2.4, columns: int = 1, **kwargs: Any
) -> tuple[Figure, list[Axes]]:
    """Stacked panels of the book's width.

    Parameters
    ----------
    rows, columns : int
    height_in : float
        Height of one row (inch).
    **kwargs
        For `matplotlib.pyplot.subplots`, such as ``sharex=True``.

    Returns
    -------
    figure, axes
        The axes as a flat list, row by row.

    Examples
    --------
    >>> fig, (top, bottom) = figure(2)
    >>> fig.get_size_inches()[0] == WIDTH_IN
    np.True_
    >>> plt.close(fig)
    """
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            rows,
            columns,
            figsize=(WIDTH_IN, height_in * rows),
            squeeze=False,
            **kwargs,
        )
    return fig, list(axes.ravel())


def line_style(spine: int) -> dict[str, Any]:
    """Colour and line style of a spine, counted from 0."""
    return {"color": COLOURS[spine % len(COLOURS)], "linestyle": STYLES[spine % len(STYLES)]}


def point_style(spine: int) -> dict[str, Any]:
    """Colour and marker of a spine, counted from 0."""
    return {"color": COLOURS[spine % len(COLOURS)], "marker": MARKERS[spine % len(MARKERS)]}


def names(n_spines: int) -> list[str]:
    """'spine 1', 'spine 2', ...: spines are counted from 1 in the text."""
    return [f"spine {s + 1}" for s in range(n_spines)]


def bands(
    ax: Axes,
    theta_d: float,
    theta_p: float,
    top: float | None = None,
    words: bool = True,
    axis: str = "y",
) -> None:
    """Shade the bands of weakening and strengthening on an axis of calcium (data units).

    Parameters
    ----------
    ax : Axes
    theta_d, theta_p : float
        In the unit of the axis.
    top : float, optional
        Upper end of the axis of calcium; default: as it stands.
    words : bool
        Write "weakens" and "strengthens" into the bands.
    axis : {"y", "x"}
        Which axis carries calcium.

    Raises
    ------
    ValueError
        If `axis` is neither.
    """
    checks.choice("axis", axis, ("y", "x"))
    upright = axis == "y"
    get, set_limits = (ax.get_ylim, ax.set_ylim) if upright else (ax.get_xlim, ax.set_xlim)
    span, line = (ax.axhspan, ax.axhline) if upright else (ax.axvspan, ax.axvline)
    low, high = get()
    high = max(high if top is None else top, 1.15 * theta_p)
    common: dict[str, Any] = {"zorder": 0, "linewidth": 0.0, "edgecolor": (0.0, 0.0, 0.0, 0.22)}
    span(theta_d, theta_p, facecolor=(*to_rgb(WEAKEN), 0.45), hatch="....", **common)
    span(theta_p, high, facecolor=(*to_rgb(STRENGTHEN), 0.2), hatch="//", **common)
    for theta in (theta_d, theta_p):
        line(theta, color="0.25", linewidth=0.9, zorder=1)
    set_limits(low, high)
    if not words:
        return
    box = {"facecolor": "white", "alpha": 0.8, "pad": 1.0, "edgecolor": "none"}
    style: dict[str, Any] = {"fontsize": 9, "bbox": box, "zorder": 5}
    if upright:
        for y, word in ((theta_d, "weakens"), (theta_p, "strengthens")):
            ax.annotate(
                word,
                (1.0, y),
                xycoords=("axes fraction", "data"),
                xytext=(-3, 2),
                textcoords="offset points",
                ha="right",
                va="bottom",
                **style,
            )
        return
    # one word high, one low: the band between the thresholds may be narrower than its word
    centre = {"transform": ax.get_xaxis_transform(), "ha": "center", **style}
    ax.text((theta_d + theta_p) / 2.0, 0.95, "weakens", va="top", **centre)
    ax.text((theta_p + high) / 2.0, 0.05, "strengthens", va="bottom", **centre)


def calcium(
    ax: Axes,
    result: Result,
    rule: ThresholdRule | None = None,
    labels: Sequence[str] | None = None,
    log: bool = False,
) -> None:
    """Calcium of every spine against time, with the bands of a rule.

    Parameters
    ----------
    ax : Axes
    result : Result
    rule : ThresholdRule, optional
        Default: the rule of the run. Pass one to show bands on a run without plasticity.
    labels : sequence of str, optional
    log : bool
        Logarithmic calcium axis; the lower end is a hundredth of theta_D.
    """
    rule = result.rule if rule is None else rule
    for s, label in enumerate(labels or names(result.n_spines)):
        ax.plot(result.t_ms, NM_PER_UM * result.calcium_uM[s], label=label, **line_style(s))
    ax.set(xlabel="time (ms)", ylabel="calcium (nM)")
    highest = NM_PER_UM * float(result.peak_uM.max())
    if log:
        top = 2.0 * highest if highest > 0.0 else 1.0
        floor = top / 1e4 if rule is None else NM_PER_UM * rule.theta_d_uM / 30.0
        ax.set_ylim(floor, max(top, 2.0 * floor))
        ax.set_yscale("log")
    else:
        ax.set_ylim(0.0, 1.08 * highest if highest > 0.0 else 1.0)
    if rule is not None:
        bands(ax, NM_PER_UM * rule.theta_d_uM, NM_PER_UM * rule.theta_p_uM)


def weights(ax: Axes, result: Result, labels: Sequence[str] | None = None) -> None:
    """Weight of every spine against time."""
    for s, label in enumerate(labels or names(result.n_spines)):
        ax.plot(result.t_ms, result.weights[s], label=label, **line_style(s))
    ax.set(xlabel="time (ms)", ylabel="weight")


def spikes(ax: Axes, trains: Sequence[np.ndarray]) -> None:
    """Ticks above the axes at the spike times of each spine, row by row."""
    for s, train in enumerate(trains):
        if len(train):
            y = 1.03 + 0.05 * s
            ax.plot(
                train,
                np.full(len(train), y),
                "|",
                color=COLOURS[s % len(COLOURS)],
                transform=ax.get_xaxis_transform(),
                clip_on=False,
                markersize=6,
            )
