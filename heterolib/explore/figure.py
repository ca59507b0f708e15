"""The static twin of an explorer: one matplotlib figure for any declaration."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patheffects import withStroke

from heterolib import plots
from heterolib.explore.model import Bars, Explorer, HeatMap, Traces, direction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHTS = {Traces: 2.3, Bars: 1.7, HeatMap: 3.0}  # inch
ROUNDING = 1e-12  # curves that differ by less are flat; ticks do not fit in between
HALO = [withStroke(linewidth=3.0, foreground="white", alpha=0.75)]  # over any colour


def draw(explorer: Explorer, **changes: float) -> Figure:
    """Run an explorer and draw its views, one below the other.

    Parameters
    ----------
    explorer : Explorer
    **changes : float
        Control values that differ from the defaults, in the units shown.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If a name is unknown or a value outside its control's range.
    """
    values, found = explorer.values(**changes), explorer.run(**changes)
    heights = [HEIGHTS[type(v)] for v in explorer.views]
    with plt.rc_context(plots.STYLE):
        fig, axes = plt.subplots(
            len(heights),
            figsize=(plots.WIDTH_IN, sum(heights)),
            squeeze=False,
            gridspec_kw={"height_ratios": heights},
        )
        for ax, view in zip(axes[:, 0], explorer.views, strict=True):
            if isinstance(view, Traces):
                _traces(ax, view, found, values)
            elif isinstance(view, Bars):
                _bars(ax, view, found)
            else:
                _map(ax, view, found, values)
    return fig


def _traces(
    ax: Axes, view: Traces, found: Mapping[str, np.ndarray], values: Mapping[str, float]
) -> None:
    for line in view.lines:
        y = present(found[line.y], view.missing)
        style = plots.line_style(line.style)
        if view.points:
            style = {"linestyle": "", **plots.point_style(line.style)}
        ax.plot(found[line.x], y, label=line.label, **style)
    ax.set(xlabel=view.x_label, ylabel=view.y_label)
    if view.zero_line:
        ax.axhline(0.0, color="0.4", linewidth=0.8)
    if view.x_range:
        ax.set_xlim(*view.x_range)
    low, high = limits(view, found, values)
    if view.log_y:
        ax.set_yscale("log")
    ax.set_ylim(low, high)
    if view.bands:
        theta_d, theta_p = (values[name] for name in view.bands)
        plots.bands(ax, theta_d, theta_p, axis="x" if view.bands_along_x else "y")
    everything = {**values, **{k: v[0] for k, v in found.items()}}
    for m in view.markers:
        style = plots.point_style(m.style)
        ax.plot([everything[m.x]], [everything[m.y]], linestyle="", label=m.label, **style)
    if any(line.label for line in view.lines) or view.markers:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)


def present(y: np.ndarray, missing: float | None) -> np.ndarray:
    """The values, with NaN where one stands for "nothing here"."""
    return y if missing is None else np.where(y == missing, np.nan, y)


def limits(
    view: Traces, found: Mapping[str, np.ndarray], values: Mapping[str, float]
) -> tuple[float, float]:
    """Ends of the y axis: never empty, with room for the bands."""
    y = np.concatenate([found[line.y] for line in view.lines])
    y = y[~np.isnan(present(y, view.missing))]
    bands = [values[name] for name in view.bands] if view.bands and not view.bands_along_x else []
    high = max([float(y.max()), *(1.4 * b for b in bands)])
    if view.log_y:
        low = min(bands) / 30.0 if bands else max(high, 1e-9) / 1e4
        return low, 2.5 * max(high, low * 10.0)
    low = min(float(y.min()), 0.0) if bands or view.zero_line else float(y.min())
    size = max(abs(high), 0.2)
    room = 0.06 * (high - low) if high - low > ROUNDING * size else 0.05 * size
    return low - (0.0 if bands else room), high + room


def _bars(ax: Axes, view: Bars, found: Mapping[str, np.ndarray]) -> None:
    heights = [float(found[output][0]) for output, _ in view.bars]
    reach = max([abs(h) for h in heights] + [1e-3])
    for i, height in enumerate(heights):
        ax.bar(i, height, width=0.5, color=plots.COLOURS[i], hatch=("", "//")[i % 2], edgecolor="w")
        word = f"{height:+.3f}, {direction(height)}"
        above = height >= 0.0
        ax.annotate(
            word,
            (i, height),
            xytext=(0, 2 if above else -2),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=9.5,
        )
    ax.axhline(0.0, color="0.4", linewidth=0.8)
    ax.set_xticks(range(len(heights)), [label for _, label in view.bars])
    ax.set(ylabel=view.y_label, ylim=(-1.5 * reach, 1.5 * reach), xlim=(-0.6, len(heights) - 0.4))


def _map(
    ax: Axes, view: HeatMap, found: Mapping[str, np.ndarray], values: Mapping[str, float]
) -> None:
    x, y = found[view.x], found[view.y]
    low, high = view.scale(found[view.z])
    cells = found[view.z].reshape(y.size, x.size)
    colours = plots.CHANGE_MAP if view.change else plots.AMOUNT_MAP
    norm = LogNorm(low, high) if view.decades else Normalize(low, high)
    drawn = ax.pcolormesh(x, y, np.maximum(cells, low), cmap=colours, norm=norm, rasterized=True)
    if view.change and cells.min() < 0.0:
        ax.contourf(x, y, cells < 0.0, levels=[0.5, 1.5], colors="none", hatches=["..."])
    ax.set(xlabel=view.x_label, ylabel=view.y_label, xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    bar = plt.colorbar(drawn, cax=ax.inset_axes((0.0, 1.06, 1.0, 0.06)), orientation="horizontal")
    bar.ax.xaxis.set_ticks_position("top")
    bar.ax.xaxis.set_label_position("top")
    bar.set_label(view.z_label)
    if view.decades:
        bar.set_ticks(high / 10.0 ** np.arange(view.decades + 1), minor=False)
        bar.ax.xaxis.set_major_formatter(lambda v, _: ("≤ " if v < 1.01 * low else "") + f"{v:g}")
        bar.ax.minorticks_off()
    everything = {**values, **{k: v[0] for k, v in found.items()}}
    for m in view.markers:
        line = ax.axvline if m.x else ax.axhline
        at = float(everything[m.x or m.y])
        if not (x[0] <= at <= x[-1] if m.x else y[0] <= at <= y[-1]):
            continue
        style = plots.STYLES[m.style] if m.style else ":"
        line(at, color="black", linewidth=1.3, linestyle=style, path_effects=HALO)
        place = (at, 0.95) if m.x else (0.01, at)
        ax.annotate(
            m.label,
            place,
            xycoords=("data", "axes fraction") if m.x else ("axes fraction", "data"),
            xytext=(4, 0) if m.x else (2, 3),
            textcoords="offset points",
            va="top" if m.x else "bottom",
            path_effects=HALO,
        )


def png(fig: Figure) -> bytes:
    """The figure as PNG bytes, closed afterwards."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    plt.close(fig)
    return buffer.getvalue()


def data_uri(image: bytes) -> str:
    """PNG bytes as an address an <img> can carry."""
    return "data:image/png;base64," + base64.b64encode(image).decode()
