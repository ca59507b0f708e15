"""A soma that reads a branch: voltage beside calcium, in the same compartments.

A synaptic current raises calcium in its spine and, `current_ratio` times as large, the voltage of
the head; voltage runs through the neck, along the branch and to the soma. It does not act back on
calcium. Two ways to couple the soma, with the same equation for its voltage U (above rest):

    tau_U U' = -U + g (v - U)

* "published": the soma reads the voltage v of one compartment and gives nothing back.
* "consistent": the soma has the capacitance C_U of a sphere; the current g C_U / tau_U (v - U)
  that it gains, the branch loses. As the sphere shrinks this becomes the published soma.

With weights held fixed the voltage is linear in the weights and sees each input alone: a
`Responses` keeps the answer of the soma to one input at each spine, and any pattern is a sum of
shifted copies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from heterolib import checks, kernels
from heterolib.branch import CONVERGED, MOST_RECORDED, Branch, simulate
from heterolib.cable import Leaf, Membrane, Section, Tree, run_tree
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.plasticity import ThresholdRule
from heterolib.results import Result
from heterolib.spine import CONSISTENT, PUBLISHED, Spine

if TYPE_CHECKING:
    import pandas as pd

SOMA_UM = (S["soma_site"] + 0.5) * S["branch_length"] / S["compartments"]
THRESHOLD_MV = S["soma_threshold"] - S["rest"]
GONE = 1e-9  # a response is followed until it has fallen to this share of its peak
FOLLOWED = 24.0  # time constants of the soma at least; 21 make the share above
LONGEST = 60  # times the slowest time constant: after that a response is cut in any case
MOST_PATTERNS = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Soma:
    """A leaky soma beside a branch. Defaults: figure 5 of Shafiee 2026.

    Parameters
    ----------
    x_um : float
        Where on the branch it sits (µm).
    decay_ms : float
        tau_U, its own membrane time constant.
    gain : float
        g, the pull of the branch over the soma's own leak.
    coupling : {"published", "consistent"}
        Reads only, or loads the branch as well; see the module.
    radius_um : float
        Of the sphere; matters with "consistent" only.

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> Soma().x_um, round(Soma().time_constant_ms, 2)
    (34.625, 3.81)
    """

    x_um: float = SOMA_UM
    decay_ms: float = S["soma_decay"]
    gain: float = S["soma_gain"]
    coupling: str = PUBLISHED
    radius_um: float = S["soma_radius"]

    def __post_init__(self) -> None:
        values = {
            "x_um": checks.number("x_um", self.x_um, 0.0, 1e5),
            "decay_ms": checks.number("decay_ms", self.decay_ms, 0.01, 1e6),
            "gain": checks.number("gain", self.gain, 0.0, 1e6, low_open=True),
            "radius_um": checks.number("radius_um", self.radius_um, 1e-3, 1e3),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        checks.choice("coupling", self.coupling, (PUBLISHED, CONSISTENT))

    @property
    def time_constant_ms(self) -> float:
        """How fast U follows the branch, tau_U / (1 + g) (ms)."""
        return self.decay_ms / (1.0 + self.gain)

    def leaf(self, membrane: Membrane) -> Leaf:
        """The soma as a point compartment that loads the branch."""
        area = 4.0 * math.pi * self.radius_um**2
        capacitance = area * membrane.capacitance_pF_per_um2
        leak = capacitance / self.decay_ms
        return Leaf(
            x_um=self.x_um,
            coupling_nS=self.gain * leak,
            leak_nS=leak,
            capacitance_pF=capacitance,
        )


@dataclass(frozen=True)
class Neuron:
    """A branch with spines, its voltage, and a soma. Defaults: figure 5 of Shafiee 2026.

    Parameters
    ----------
    branch : Branch
        Calcium; length, radius, compartments and spines are those of the voltage too.
    membrane : Membrane
    soma : Soma
    spine_capacitance_pF, spine_leak_nS, spine_neck_nS : float
        Of each spine head, and of its neck.
    current_ratio : float
        Electrical current over the current that carries calcium.

    Raises
    ------
    ValueError
        If a value lies outside its range, or the soma lies off the branch.

    Examples
    --------
    >>> neuron = Neuron(Branch([40.125, 41.125]))
    >>> neuron.tree.n_nodes
    322
    """

    branch: Branch
    membrane: Membrane = field(default_factory=Membrane)
    soma: Soma = field(default_factory=Soma)
    spine_capacitance_pF: float = S["spine_capacitance"]
    spine_leak_nS: float = S["spine_leak"]
    spine_neck_nS: float = S["spine_neck"]
    current_ratio: float = S["current_ratio"]

    def __post_init__(self) -> None:
        for name, kind in (("branch", Branch), ("membrane", Membrane), ("soma", Soma)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ValueError(f"{name} is {value!r}; allowed: a {kind.__name__}")
        for name in ("spine_capacitance_pF", "spine_leak_nS", "current_ratio"):
            object.__setattr__(self, name, checks.number(name, getattr(self, name), 0.0, 1e9))
        neck = checks.number("spine_neck_nS", self.spine_neck_nS, 0.0, 1e9, low_open=True)
        object.__setattr__(self, "spine_neck_nS", neck)
        checks.number("soma.x_um", self.soma.x_um, 0.0, self.branch.length_um)

    @cached_property
    def tree(self) -> Tree:
        """Branch, spine heads, and a soma that loads the branch."""
        b = self.branch
        leaves = [
            Leaf(
                x_um=float(b.x_um[i]),
                coupling_nS=self.spine_neck_nS,
                leak_nS=self.spine_leak_nS,
                capacitance_pF=self.spine_capacitance_pF,
            )
            for i in b.site
        ]
        if self.soma.coupling == CONSISTENT:
            leaves.append(self.soma.leaf(self.membrane))
        return Tree([Section(b.length_um, b.radius_um, b.compartments)], self.membrane, leaves)


@dataclass(frozen=True, eq=False)
class NeuronResult:
    """Calcium and voltage of one run. Arrays are read-only. Voltages are mV above rest.

    Attributes
    ----------
    t_ms : ndarray, shape (n_t,)
    soma_mV : ndarray, shape (n_t,)
    branch_mV : ndarray, shape (n_t,)
        Of the compartment at the soma.
    spine_mV : ndarray, shape (n_spines, n_t)
    peak_mV, peak_ms : float
        Highest somatic voltage, and when.
    crossing_ms : float or None
        When the soma first exceeds the threshold.
    threshold_mV : float
        Above rest.
    calcium : Result
        Calcium and weights at the same times.
    neuron : Neuron

    Examples
    --------
    >>> r = simulate_neuron(Neuron(Branch([40.125, 41.125])), [[1.0], []], None, 20.0)
    >>> r.spine_mV.shape == (2, r.t_ms.size)
    True
    """

    t_ms: checks.FloatArray
    soma_mV: checks.FloatArray
    branch_mV: checks.FloatArray
    spine_mV: checks.FloatArray
    peak_mV: float
    peak_ms: float
    crossing_ms: float | None
    threshold_mV: float
    calcium: Result
    neuron: Neuron

    units: ClassVar[dict[str, str]] = {
        "t_ms": "ms",
        "soma_mV": "mV",
        "branch_mV": "mV",
        "spine_mV": "mV",
        "peak_mV": "mV",
        "peak_ms": "ms",
        "crossing_ms": "ms",
        "threshold_mV": "mV",
    }

    def __post_init__(self) -> None:
        for a in (self.t_ms, self.soma_mV, self.branch_mV, self.spine_mV):
            if not np.isfinite(a).all():
                raise FloatingPointError("the run left the range of finite numbers")
            a.setflags(write=False)

    def summary(self) -> str:
        """A few lines that say what happened."""
        line = f"soma: peak {self.peak_mV:.4g} mV above rest at {self.peak_ms:.4g} ms, "
        if self.crossing_ms is None:
            line += f"never above {self.threshold_mV:g} mV"
        else:
            line += f"above {self.threshold_mV:g} mV from {self.crossing_ms:.4g} ms on"
        return self.calcium.summary() + "\n" + line

    def to_dataframe(self) -> pd.DataFrame:
        """One row per time: t_ms, soma_mV, branch_mV, then voltage, calcium and weight by spine."""
        import pandas as pd

        columns = {"t_ms": self.t_ms, "soma_mV": self.soma_mV, "branch_mV": self.branch_mV}
        for s in range(self.calcium.n_spines):
            columns[f"spine{s + 1}_mV"] = self.spine_mV[s]
            columns[f"calcium{s + 1}_uM"] = self.calcium.calcium_uM[s]
            columns[f"weight{s + 1}"] = self.calcium.weights[s]
        return pd.DataFrame(columns)


def _of_neuron(neuron: object) -> None:
    if not isinstance(neuron, Neuron):
        raise ValueError(f"neuron is {neuron!r}; allowed: a Neuron")


def _voltage(
    neuron: Neuron,
    spikes: Sequence[checks.FloatArray],
    weights: checks.FloatArray,
    n_steps: int,
    h: float,
    published: bool,
    v: checks.FloatArray,
) -> tuple[checks.FloatArray, checks.FloatArray]:
    """Voltage at the soma's compartment and the spines, and of the soma if it loads the branch.

    weights: (n_spines, 1) fixed, or (n_spines, n_steps + 1).
    """
    tree, spine = neuron.tree, neuron.branch.spine
    current, current_end = np.zeros((2, len(spikes), n_steps))
    for s, train in enumerate(spikes):
        kernels.spike_current(
            n_steps,
            h,
            int(published),
            neuron.current_ratio * spine.current_pA,
            spine.current_decay_ms,
            train,
            train.size,
            np.ascontiguousarray(weights[s]),
            weights.shape[1],
            current[s],
            current_end[s],
        )
    site = [tree.leaf(s) for s in range(len(spikes))]
    here = tree.node(neuron.soma.x_um)
    two_way = neuron.soma.coupling == CONSISTENT
    probe = [here, *site, *([tree.leaf(len(spikes))] if two_way else [])]
    out = run_tree(tree, site, current, current_end, h, published, probe, v)
    if two_way:
        return out[:-1], out[-1]
    soma = np.zeros(n_steps + 1)
    kernels.soma_follow(
        n_steps + 1, h, int(published), neuron.soma.decay_ms, neuron.soma.gain, out[0], soma
    )
    return out, soma


def read_peak(
    t_ms: npt.ArrayLike, trace_mV: npt.ArrayLike, threshold_mV: float, scheme: str = CONVERGED
) -> tuple[float, float, float | None]:
    """Highest value of a trace, its time, and the first time above a threshold, or None.

    "published": as sampled. "converged": between samples, by a parabola and by a line.

    Examples
    --------
    >>> read_peak([0.0, 1.0, 2.0], [0.0, 3.0, 0.0], 1.5)
    (3.0, 1.0, 0.5)
    """
    t = checks.vector("t_ms", t_ms, -1e12, 1e12)
    trace = checks.vector("trace_mV", trace_mV, -1e9, 1e9, size=t.size)
    limit = checks.number("threshold_mV", threshold_mV, -1e9, 1e9)
    checks.choice("scheme", scheme, (CONVERGED, PUBLISHED))
    if t.size < 2:
        raise ValueError(f"t_ms holds {t.size} times; allowed: two or more")
    h = float(t[-1] - t[0]) / (t.size - 1)
    if h <= 0.0 or np.abs(np.diff(t) - h).max() > 1e-6 * h:
        raise ValueError(f"t_ms is {t_ms!r}; allowed: evenly spaced, ascending times")
    out = np.zeros(3)
    kernels.read_peak(t.size, h, int(scheme == PUBLISHED), limit, trace, out)
    return _read(out, float(t[0]))


def _read(out: checks.FloatArray, start_ms: float = 0.0) -> tuple[float, float, float | None]:
    crossing = None if out[2] < 0.0 else start_ms + float(out[2])
    return float(out[0]), start_ms + float(out[1]), crossing


def simulate_neuron(
    neuron: Neuron,
    spikes_ms: Sequence[npt.ArrayLike],
    rule: ThresholdRule | None,
    duration_ms: float,
    *,
    weights: float | npt.ArrayLike = S["weight"],
    scheme: str = CONVERGED,
    step_ms: float | None = None,
    threshold_mV: float = THRESHOLD_MV,
) -> NeuronResult:
    """Run calcium, weights and voltage together.

    Parameters
    ----------
    neuron : Neuron
    spikes_ms : sequence of array_like
        One sorted train of spike times (ms) per spine.
    rule : ThresholdRule or None
        None keeps the weights fixed; with a rule they go on moving.
    duration_ms : float
        A whole number of steps.
    weights : float or array_like, shape (n_spines,)
        At the start, in [0, 1].
    scheme : {"converged", "published"}
        As in `heterolib.simulate`; for the voltage TR-BDF2, of second order, or backward Euler
        with the soma by forward Euler, as in the authors' code.
    step_ms : float, optional
        Default: 0.05 converged, 0.25 published.
    threshold_mV : float
        Above rest; for `NeuronResult.crossing_ms`.

    Returns
    -------
    NeuronResult

    Raises
    ------
    ValueError
        If an argument lies outside its range; before anything is computed.

    Examples
    --------
    >>> neuron = Neuron(Branch([40.125, 41.125]))
    >>> r = simulate_neuron(neuron, [[5.0], [10.0]], None, 40.0, weights=[0.4, 0.6])
    >>> r.peak_mV < r.threshold_mV, r.crossing_ms is None
    (True, True)
    """
    _of_neuron(neuron)
    limit = checks.number("threshold_mV", threshold_mV, -1e6, 1e6)
    n_spines = neuron.branch.n_spines
    calcium = simulate(
        neuron.branch, spikes_ms, rule, duration_ms, weights=weights, scheme=scheme, step_ms=step_ms
    )
    h, n_t = calcium.step_ms, calcium.t_ms.size
    if n_t * (2.0 * n_spines + 2.0) > MOST_RECORDED:
        raise ValueError(
            f"duration_ms is {duration_ms!r}: too many numbers to keep; use a longer step"
        )
    published = scheme == PUBLISHED
    v = np.zeros(neuron.tree.n_nodes)
    probes, soma = _voltage(neuron, calcium.spikes_ms, calcium.weights, n_t - 1, h, published, v)
    out = np.zeros(3)
    kernels.read_peak(n_t, h, int(published), limit, soma, out)
    peak, when, crossing = _read(out)
    return NeuronResult(
        t_ms=calcium.t_ms,
        soma_mV=soma,
        branch_mV=probes[0],
        spine_mV=probes[1 : 1 + n_spines],
        peak_mV=peak,
        peak_ms=when,
        crossing_ms=crossing,
        threshold_mV=limit,
        calcium=calcium,
        neuron=neuron,
    )


# -- superposition ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Readings:
    """What the soma says to many patterns. Arrays are read-only.

    Attributes
    ----------
    peak_mV, peak_ms : ndarray, shape (n_patterns,)
    crossing_ms : ndarray, shape (n_patterns,)
        NaN where the threshold is never exceeded.
    """

    peak_mV: checks.FloatArray
    peak_ms: checks.FloatArray
    crossing_ms: checks.FloatArray

    def __post_init__(self) -> None:
        for a in (self.peak_mV, self.peak_ms, self.crossing_ms):
            a.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Responses:
    """The soma's answer to one input at each spine, at weight 1; made by `responses`.

    Attributes
    ----------
    unit_mV : ndarray, shape (n_spines, n_t)
        Every `step_ms` from the start of the input on. Read-only.
    step_ms : float
    scheme : str
    pulses_ms : tuple of float
        The pulses of one input, counted from its start.
    neuron : Neuron
    """

    unit_mV: checks.FloatArray
    step_ms: float
    scheme: str
    pulses_ms: tuple[float, ...]
    neuron: Neuron

    def __post_init__(self) -> None:
        if not np.isfinite(self.unit_mV).all():
            raise FloatingPointError("the run left the range of finite numbers")
        self.unit_mV.setflags(write=False)

    @property
    def n_spines(self) -> int:
        """How many spines the neuron has."""
        return int(self.unit_mV.shape[0])

    def _weights(self, weights: object, n_patterns: int) -> tuple[checks.FloatArray, bool]:
        """One row for all patterns, or one a pattern; and whether it is one for all."""
        n = self.n_spines
        if not isinstance(weights, list | tuple | np.ndarray):
            return np.full(n, checks.number("weights", weights, 0.0, 1.0)), True
        try:
            w = np.asarray(weights)
        except ValueError:  # ragged; the message below names the argument
            w = np.empty(0)
        if w.ndim == 2 and n_patterns > 0:
            if w.shape != (n_patterns, n):
                raise ValueError(
                    f"weights has shape {w.shape}; allowed: ({n},) or ({n_patterns}, {n})"
                )
            return checks.vector("weights", w.ravel(), 0.0, 1.0), False
        return checks.vector("weights", weights, 0.0, 1.0, size=n), True

    def voltage(
        self, inputs_ms: Sequence[npt.ArrayLike], weights: float | npt.ArrayLike, duration_ms: float
    ) -> tuple[checks.FloatArray, checks.FloatArray]:
        """Times (ms) and somatic voltage (mV above rest) of any set of inputs.

        Parameters
        ----------
        inputs_ms : sequence of array_like
            For each spine the sorted starts of its inputs.
        weights : float or array_like, shape (n_spines,)
        duration_ms : float
            A whole number of steps.

        Raises
        ------
        ValueError
            If an argument lies outside its range.
        """
        trains = checks.spike_trains("inputs_ms", inputs_ms, self.n_spines)
        w, _ = self._weights(weights, 0)
        h = self.step_ms
        n_steps = checks.steps(
            "duration_ms", checks.number("duration_ms", duration_ms, 0.0, 1e7, low_open=True), h
        )
        trace = np.zeros(n_steps + 1)
        kernels.response_sum(
            self.n_spines,
            self.unit_mV.shape[1],
            self.unit_mV.ravel(),
            h,
            int(self.scheme == PUBLISHED),
            np.concatenate(trains),
            np.cumsum([t.size for t in trains]).astype(np.float64),
            w,
            trace.size,
            trace,
        )
        return np.arange(trace.size) * h, trace

    def peaks(
        self,
        start_ms: npt.ArrayLike,
        weights: float | npt.ArrayLike,
        *,
        duration_ms: float | None = None,
        threshold_mV: float = THRESHOLD_MV,
    ) -> Readings:
        """Peaks and crossings of many patterns in which each spine gets one input or none.

        Parameters
        ----------
        start_ms : array_like, shape (n_patterns, n_spines)
            When each input starts; NaN for a silent spine.
        weights : float or array_like, shape (n_spines,) or (n_patterns, n_spines)
        duration_ms : float, optional
            How far to read; default: `test_tail` after the last start.
        threshold_mV : float
            Above rest.

        Returns
        -------
        Readings

        Raises
        ------
        ValueError
            If an argument lies outside its range.

        Examples
        --------
        >>> import numpy as np
        >>> r = responses(Neuron(Branch([40.125, 41.125])), [0.0, 0.25])
        >>> out = r.peaks([[0.0, 9.25], [9.25, 0.0], [0.0, np.nan]], 0.5)
        >>> bool(out.peak_mV[2] < out.peak_mV[0])
        True
        """
        n = self.n_spines
        allowed = f"allowed: numbers of shape (n_patterns, {n}), NaN for silence"
        try:
            start = np.array(start_ms)
        except (TypeError, ValueError) as error:
            raise ValueError(f"start_ms is {start_ms!r}; {allowed}") from error
        if start.dtype.kind not in "iuf" or start.ndim != 2 or start.shape[1] != n:
            raise ValueError(f"start_ms is {start_ms!r}; {allowed}")
        start = start.astype(np.float64)
        silent = np.isnan(start)
        given = start[~silent]
        if len(start) == 0 or len(start) > MOST_PATTERNS:
            raise ValueError(
                f"start_ms holds {len(start)} patterns; allowed: from 1 to {MOST_PATTERNS}"
            )
        if given.size and not (given.min() >= 0.0 and given.max() <= 1e6):
            raise ValueError(f"start_ms is {start_ms!r}; allowed: times in [0, 1e+06]")
        w, fixed = self._weights(weights, len(start))
        limit = checks.number("threshold_mV", threshold_mV, -1e6, 1e6)
        last = float(given.max()) if given.size else 0.0
        end = last + S["test_tail"] if duration_ms is None else duration_ms
        end = checks.number("duration_ms", end, 0.0, 1e7, low_open=True)
        start[silent] = -1.0
        n_t = math.ceil(end / self.step_ms - 1e-9) + 1
        out = np.zeros((len(start), 3))
        kernels.response_peaks(
            len(start),
            n,
            self.unit_mV.shape[1],
            self.unit_mV.ravel(),
            self.step_ms,
            int(self.scheme == PUBLISHED),
            start.ravel(),
            w,
            int(fixed),
            limit,
            n_t,
            np.zeros(n_t),
            out.ravel(),
        )
        crossing = np.where(out[:, 2] < 0.0, np.nan, out[:, 2])
        return Readings(out[:, 0].copy(), out[:, 1].copy(), crossing)


def responses(
    neuron: Neuron,
    pulses_ms: npt.ArrayLike | None = None,
    *,
    scheme: str = CONVERGED,
    step_ms: float | None = None,
) -> Responses:
    """The soma's answer to one input at each spine; kept for the next call.

    Parameters
    ----------
    neuron : Neuron
    pulses_ms : array_like, optional
        The pulses of one input, sorted, from 0 on; default: one input of figure 5.
    scheme : {"converged", "published"}
    step_ms : float, optional
        Default: 0.05 converged, 0.25 published.

    Returns
    -------
    Responses

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> r = responses(Neuron(Branch([40.125, 41.125])))
    >>> r.n_spines, bool(r.unit_mV[0].max() > r.unit_mV[1].max())
    (2, True)
    """
    _of_neuron(neuron)
    checks.choice("scheme", scheme, (CONVERGED, PUBLISHED))
    default = S["time_step" if scheme == PUBLISHED else "converged_step"]
    h = checks.number("step_ms", default if step_ms is None else step_ms, 1e-6, 1e3)
    pulses = input_pulses() if pulses_ms is None else checks.train("pulses_ms", pulses_ms)
    if pulses.size == 0 or pulses[-1] > 1e5:
        raise ValueError(f"pulses_ms is {pulses_ms!r}; allowed: one or more times up to 1e+05 ms")
    return _responses(neuron, tuple(pulses.tolist()), scheme, h)


@lru_cache(maxsize=512)
def _responses(neuron: Neuron, pulses: tuple[float, ...], scheme: str, h: float) -> Responses:
    published = scheme == PUBLISHED
    tree, soma, spine = neuron.tree, neuron.soma, neuron.branch.spine
    slowest = max(soma.decay_ms, neuron.membrane.time_constant_ms)
    n_steps = math.ceil((pulses[-1] + FOLLOWED * soma.time_constant_ms) / h)
    most = math.ceil((pulses[-1] + LONGEST * slowest) / h)
    n = neuron.branch.n_spines
    two_way = soma.coupling == CONSISTENT
    # A current into a spine moves the soma as it would move the spine from the soma: the matrices
    # are symmetric. So one run from the soma's place gives the responses to all spines.
    source = tree.leaf(n) if two_way else tree.node(soma.x_um)
    probes = [tree.leaf(s) for s in range(n)]
    while True:
        current, current_end = np.zeros((2, n_steps))
        kernels.spike_current(
            n_steps,
            h,
            int(published),
            neuron.current_ratio * spine.current_pA,
            spine.current_decay_ms,
            np.array(pulses),
            len(pulses),
            np.ones(1),
            1,
            current,
            current_end,
        )
        v = np.zeros(tree.n_nodes)
        unit = run_tree(
            tree, [source], current[None, :], current_end[None, :], h, published, probes, v
        )
        if not two_way:
            at_soma, unit = unit, np.zeros(unit.shape)
            for row, out in zip(at_soma, unit, strict=True):
                kernels.soma_follow(
                    n_steps + 1, h, int(published), soma.decay_ms, soma.gain, row, out
                )
        if n_steps >= most or np.abs(unit[:, -1]).max() <= GONE * np.abs(unit).max():
            break
        n_steps = min(2 * n_steps, most)
    return Responses(unit, h, scheme, pulses, neuron)


def input_pulses(
    pulses: int = int(S["sequence_pulses"]),
    interval_ms: float = S["sequence_pulse_interval"],
) -> checks.FloatArray:
    """The pulses of one input, from 0 on; default: figure 5.

    Examples
    --------
    >>> input_pulses(3, 0.25)
    array([0.  , 0.25, 0.5 ])
    """
    n = checks.whole("pulses", pulses, 1, 1_000_000)
    return np.arange(n) * checks.number("interval_ms", interval_ms, 0.0, 1e6, low_open=True)


def selectivity(preferred: npt.ArrayLike, other: npt.ArrayLike) -> checks.FloatArray:
    """(preferred - other) / (preferred + other): 0 for no preference, 1 if only one is answered.

    Two zeros have no preference. Arguments broadcast.

    Raises
    ------
    ValueError
        If an argument is no array of finite numbers, or shapes do not broadcast.

    Examples
    --------
    >>> float(selectivity(3.0, 1.0))
    0.5
    """
    a, b = checks.numbers("preferred", preferred), checks.numbers("other", other)
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise ValueError(
            f"preferred and other have shapes {a.shape} and {b.shape}; "
            "allowed: shapes that broadcast"
        ) from error
    total = a + b
    return np.asarray(np.divide(a - b, total, out=np.zeros(total.shape), where=total != 0.0))


def figure_5_branch(
    spines_um: npt.ArrayLike,
    *,
    diffusion_um2_per_s: float = S["diffusion"],
    neck: str = PUBLISHED,
    radius_um: float = S["branch_radius"],
) -> Branch:
    """A branch whose spines carry the current of figure 5 of Shafiee 2026.

    Examples
    --------
    >>> figure_5_branch([40.125]).spine.current_pA
    0.2
    """
    spine = Spine(current_pA=S.variant("figure 5")["current"])
    return Branch(
        spines_um,  # type: ignore[arg-type]
        diffusion_um2_per_s=diffusion_um2_per_s,
        neck=neck,
        radius_um=radius_um,
        spine=spine,
    )
