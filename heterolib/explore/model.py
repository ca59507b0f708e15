"""An explorer, declared as data: a kernel, its controls, and the views of what it computes.

Three front ends read the same declaration: `heterolib.explore.figure` draws it once,
`heterolib.explore.notebook` gives sliders in Jupyter, `heterolib.explore.page` the static page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from heterolib import checks
from heterolib.parameters import ParameterSet


@dataclass(frozen=True)
class Control:
    """A slider, or a choice if `options` are given (its value is then their index).

    Parameters
    ----------
    name, label, unit : str
    low, high, step, value : float
        In the unit shown.
    scale : float
        The kernel gets value times scale.
    options : tuple of str
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    value: float
    scale: float = 1.0
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.number(f"value of {self.name}", self.value, self.low, self.high)

    @classmethod
    def of(
        cls,
        parameters: ParameterSet,
        name: str,
        low: float,
        high: float,
        step: float,
        *,
        shown: tuple[str, float] | None = None,
        to_kernel: float = 1.0,
    ) -> Control:
        """A slider whose label, unit and value come from the registry.

        Parameters
        ----------
        parameters : ParameterSet
        name : str
            In the set; also the control's name.
        low, high, step : float
            In the unit shown.
        shown : (str, float), optional
            Another unit for the reader, and how many of it make one of the registry's.
        to_kernel : float
            Registry unit to kernel unit, such as 1/1000 from per second to per ms.
        """
        entry = parameters.info(name)
        unit, factor = shown or (entry.unit, 1.0)
        value = entry.value * factor
        return cls(name, entry.meaning, unit, low, high, step, value, to_kernel / factor)

    @classmethod
    def choice(cls, name: str, label: str, options: tuple[str, ...], value: int = 0) -> Control:
        """A choice among words."""
        return cls(name, label, "", 0.0, len(options) - 1.0, 1.0, float(value), 1.0, options)

    @property
    def text(self) -> str:
        """Label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def snap(self, value: object) -> float:
        """The nearest value the slider can take.

        Raises
        ------
        ValueError
            If the value is no number in the control's range.

        Examples
        --------
        >>> Control("rate", "rate", "Hz", 0.0, 10.0, 0.5, 1.0).snap(2.3)
        2.5
        """
        x = checks.number(self.name, value, self.low, self.high)
        near = self.low + round((x - self.low) / self.step) * self.step
        return min(round(near, 9), self.high)

    def show(self, value: float) -> str:
        """A value as the reader sees it."""
        if self.options:
            return self.options[int(value)]
        return f"{value:.{decimals(self.step)}f}"


def decimals(step: float) -> int:
    """How many decimals a slider of this step needs.

    Examples
    --------
    >>> decimals(0.05), decimals(5.0)
    (2, 0)
    """
    text = f"{step:.6f}".rstrip("0")
    return len(text.split(".")[1])


@dataclass(frozen=True)
class Output:
    """A stretch of the kernel's output array; shown values are the kernel's times scale."""

    name: str
    size: int = 1
    scale: float = 1.0


@dataclass(frozen=True)
class Line:
    """One curve: names of outputs for x and y, a label, and the style of a spine (from 0)."""

    x: str
    y: str
    label: str = ""
    style: int = 0


@dataclass(frozen=True)
class Marker:
    """One point: names of the outputs or controls that give its x and y."""

    x: str
    y: str
    label: str
    style: int = 0


@dataclass(frozen=True)
class Traces:
    """A panel with curves; `bands` shades the thresholds named (controls), theta_D first."""

    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    bands: tuple[str, str] | None = None
    bands_along_x: bool = False
    log_y: bool = False
    zero_line: bool = False
    markers: tuple[Marker, ...] = ()
    x_range: tuple[float, float] | None = None
    points: bool = False  # points instead of lines
    missing: float | None = None  # the value that stands for "nothing here"


@dataclass(frozen=True)
class Bars:
    """A panel with one bar per output, drawn from zero."""

    y_label: str
    bars: tuple[tuple[str, str], ...]  # (output, label)


@dataclass(frozen=True)
class HeatMap:
    """A panel of coloured cells: a quantity over two axes.

    Parameters
    ----------
    x, y, z : str
        Outputs: the middles of the columns and of the rows, evenly spaced, and the cells, row by
        row.
    x_label, y_label, z_label : str
        Each with its unit in brackets at the end.
    digits : (int, int, int)
        Decimals of x, y and z where a cell is told in words.
    decades : int
        The colour scale is logarithmic over so many powers of ten below its top, and cells below
        are drawn as its foot; 0 for a linear scale from zero.
    change : bool
        The quantity is a change: the scale is linear, zero in its middle, and cells below zero
        are dotted as well.
    markers : tuple of Marker
        Lines across: x is "" where only y is given, and the other way round.
    """

    x: str
    y: str
    z: str
    x_label: str
    y_label: str
    z_label: str
    digits: tuple[int, int, int] = (1, 1, 1)
    decades: int = 0
    change: bool = False
    markers: tuple[Marker, ...] = ()

    def __post_init__(self) -> None:
        if self.change and self.decades:
            raise ValueError(f"decades is {self.decades!r}; allowed: 0 where change is True")

    def scale(self, cells: np.ndarray) -> tuple[float, float]:
        """Foot and top of the colour scale: round numbers, so that it seldom moves.

        Examples
        --------
        >>> view = HeatMap("x", "y", "z", "", "", "", decades=2)
        >>> view.scale(np.array([0.0, 31.0]))
        (0.5, 50.0)
        """
        top = round_up(float(np.abs(cells).max() if self.change else cells.max()))
        if self.change:
            return -top, top
        # a quotient of whole powers is exact where a product with 0.01 is not
        return (top / 10**self.decades if self.decades else 0.0), top

    def words(self, found: Mapping[str, np.ndarray]) -> str:
        """Where the map stands highest; for a change, where lowest as well.

        Examples
        --------
        >>> view = HeatMap("x", "t", "c", "place (µm)", "time (ms)", "calcium (nM)")
        >>> view.words({"x": np.arange(2.0), "t": np.arange(2.0), "c": np.array([0.0, 4, 1, 2])})
        'highest calcium: 4.0 nM at 1.0 µm, 0.0 ms'
        """
        ends = (("highest", 1.0), ("lowest", -1.0)) if self.change else (("highest", 1.0),)
        name, unit = name_unit(self.z_label)
        told = []
        for word, sign in ends:
            cells = sign * found[self.z]
            # the first of those equal but for rounding, which differs from one computer to another
            i = int(np.argmax(cells >= cells.max() - 1e-9 * np.abs(cells).max()))
            row, column = divmod(i, found[self.x].size)
            plus = "+" if self.change else ""
            value = f"{found[self.z][i]:{plus}.{self.digits[2]}f} {unit}".rstrip()
            at = []
            for k, (axis, j) in enumerate(((self.x, column), (self.y, row))):
                of = name_unit((self.x_label, self.y_label)[k])[1]
                at.append(f"{found[axis][j]:.{self.digits[k]}f} {of}".rstrip())
            told.append(f"{word} {name}: {value} at {', '.join(at)}")
        return "; ".join(told)


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten, from `value` up; 1e-9 at least.

    Examples
    --------
    >>> round_up(31.2), round_up(0.5), round_up(0.0)
    (50.0, 0.5, 1e-09)
    """
    least = max(value, 1e-9)
    power = math.floor(math.log10(least) + 1e-9)
    # the reader's browser computes the same in decimal digits
    return next(
        x for m in ("1", "2", "5", "10") if (x := float(f"{m}e{power}")) >= least * (1 - 1e-9)
    )


def name_unit(label: str) -> tuple[str, str]:
    """Split a label at the unit in brackets at its end.

    Examples
    --------
    >>> name_unit("time after the pulse (ms)"), name_unit("weight")
    (('time after the pulse', 'ms'), ('weight', ''))
    """
    name, bracket, unit = label.rpartition(" (")
    return (name, unit[:-1]) if bracket and unit.endswith(")") else (label, "")


@dataclass(frozen=True)
class Sketch:
    """A curve that the reader may draw before it is computed.

    The reader moves `points` handles, evenly spaced over x. Judged are, against the model's curve:

    * its direction: above, below or on the base at each handle, where nearer than a fiftieth of
      the axis counts as on it; right if so at four handles in five;
    * the place of its highest point, if that is above the base: right if, no farther than one
      step between handles from the highest handle, or from one as high to 1 %, the model's curve
      has nine tenths of its greatest height over the base;
    * the size of that height: right within a factor of two;
    * place and size of its lowest point, if that is below the base, likewise.

    If the model's curve stays on the base, one question is judged: whether the sketch does too.

    Parameters
    ----------
    y : str
        The output to be sketched; a line of one of the explorer's `Traces`.
    low, high : float
        Ends of the axis, in the unit shown: the same at all settings, since an axis that fits
        the answer would tell it.
    base : float
        Where the handles start, and where departures are counted from.
    points : int

    Raises
    ------
    ValueError
        If the base does not lie between the ends, or `points` is not from 3 to 20.
    """

    y: str
    low: float
    high: float
    base: float
    points: int = 11

    def __post_init__(self) -> None:
        checks.whole("points", self.points, 3, 20)
        checks.number("base", self.base, self.low, self.high)


@dataclass(frozen=True)
class Readout:
    """A number in words; `signed` adds "strengthens", "weakens" or "stays"."""

    output: str
    label: str
    unit: str = ""
    digits: int = 3
    signed: bool = False


@dataclass(frozen=True)
class Preset:
    """Named control values and the point they make; controls not named go to their default."""

    name: str
    says: str
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Explorer:
    """A live model.

    Parameters
    ----------
    name, title : str
    kernel : jitted function (p, out, work)
        p holds the controls in order, times their scales, then the constants.
    controls : tuple of Control
    constants : tuple of float
    outputs : tuple of Output
        In the order in which they lie in `out`.
    work : int
        Size of the scratch array.
    views : tuple of Traces, Bars or HeatMap
    readouts : tuple of Readout
    presets : tuple of Preset
    code : str
        The library call for what is on screen, with {name} for shown values.
    note : str
        What the reader should know about the model behind it.
    ordered : tuple of (str, str)
        Pairs of controls of which the first never exceeds the second: a larger value counts as
        equal.
    sketch : Sketch, optional
        The curve that the reader may draw before it is shown.
    """

    name: str
    title: str
    kernel: Callable[[np.ndarray, np.ndarray, np.ndarray], None]
    controls: tuple[Control, ...]
    constants: tuple[float, ...]
    outputs: tuple[Output, ...]
    work: int
    views: tuple[Traces | Bars | HeatMap, ...]
    readouts: tuple[Readout, ...]
    presets: tuple[Preset, ...]
    code: str
    note: str = ""
    ordered: tuple[tuple[str, str], ...] = ()
    sketch: Sketch | None = None

    @property
    def defaults(self) -> dict[str, float]:
        """The values the controls start from."""
        return {c.name: c.value for c in self.controls}

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Lengths of the kernel's arrays p, out and work."""
        n_p = len(self.controls) + len(self.constants)
        return n_p, sum(o.size for o in self.outputs), self.work

    def preset(self, name: str) -> dict[str, float]:
        """All control values of a preset.

        Raises
        ------
        ValueError
            If there is no such preset.
        """
        for p in self.presets:
            if p.name == name:
                return {**self.defaults, **p.values}
        raise ValueError(f"name is {name!r}; allowed: {', '.join(p.name for p in self.presets)}")

    def values(self, **changes: float) -> dict[str, float]:
        """Defaults with some controls changed, each set to the nearest step of its slider.

        Raises
        ------
        ValueError
            If a name is unknown or a value outside its control's range.
        """
        known = {c.name: c for c in self.controls}
        for name in changes:
            if name not in known:
                raise ValueError(f"control is {name!r}; allowed: {', '.join(known)}")
        found = {**self.defaults, **{n: known[n].snap(v) for n, v in changes.items()}}
        for small, large in self.ordered:
            found[small] = min(found[small], found[large])
        return found

    def run(self, **changes: float) -> dict[str, np.ndarray]:
        """Run the kernel; every output by name, in the units shown.

        Raises
        ------
        ValueError
            As `values`.

        Examples
        --------
        >>> from heterolib import explore
        >>> out = explore.EXPLORERS["calcium-decides"].run(calcium=3.0)
        >>> bool(out["change"][0] < 0.0)  # moderate calcium weakens
        True
        """
        values = self.values(**changes)
        p = np.array([values[c.name] * c.scale for c in self.controls] + list(self.constants))
        out = np.zeros(sum(o.size for o in self.outputs))
        self.kernel(p, out, np.zeros(self.work))
        found, at = {}, 0
        for o in self.outputs:
            found[o.name] = out[at : at + o.size] * o.scale
            at += o.size
        return found

    def summary(self, found: Mapping[str, np.ndarray]) -> str:
        """The read-outs, and what the maps show, as one line of text."""
        told = [say(r, float(found[r.output][0])) for r in self.readouts]
        told += [v.words(found) for v in self.views if isinstance(v, HeatMap)]
        return "; ".join(told) + "."

    def call(self, **changes: float) -> str:
        """The library call that computes what is on screen, values in full."""
        values = self.values(**changes)
        written = {
            c.name: c.show(values[c.name]) if c.options else f"{values[c.name]:.10g}"
            for c in self.controls
        }
        return self.code.format(**written)


def say(readout: Readout, value: float) -> str:
    """One read-out in words.

    Examples
    --------
    >>> say(Readout("dw", "change of spine 1", signed=True), -0.02)
    'change of spine 1: -0.020 (weakens)'
    """
    sign = "+" if readout.signed else ""
    text = f"{readout.label}: {value:{sign}.{readout.digits}f}"
    if readout.unit:
        text += f" {readout.unit}"
    if readout.signed:
        text += f" ({direction(value)})"
    return text


def direction(change: float, least: float = 1e-9) -> str:
    """'strengthens', 'weakens' or 'stays'."""
    return "strengthens" if change > least else "weakens" if change < -least else "stays"
