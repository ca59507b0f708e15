"""A connection between two pyramidal cells: its synapses, where they sit, their thresholds.

The physiology of a synapse is drawn from the published statistics of its pathway: utilisation,
conductance, sites and volume hang together through a Gaussian copula. Thresholds are measured
in the cell itself: c_pre after one presynaptic spike that releases everything, c_post after one
postsynaptic action potential.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex.neuron import (
    APICAL,
    BASAL,
    Cell,
    CellRun,
    Pulse,
    l4_pyramidal,
    l5_thick_tufted,
    l23_pyramidal,
)
from heterolib.neocortex.synapse import EfficacyRule, Synapse
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import REDUCED_CELLS as R

CELLS: dict[str, Callable[[], Cell]] = {
    "L5-L5": l5_thick_tufted,
    "L5-L5, recipe of 2024": l5_thick_tufted,
    "L2/3-L2/3": l23_pyramidal,
    "L2/3-L5": l5_thick_tufted,
    "L4-L2/3": l23_pyramidal,
    "L4-L4": l4_pyramidal,
}
PATHWAYS = tuple(CELLS)
COPULA = ("u", "g", "n", "x")  # what hangs together; D and F stand alone
MOST_SYNAPSES = 1000
LEAST = {"f": 0.1, "x": 0.005, "g": 0.01, "d": 1.0}  # no draw falls below
PULSES_PA = tuple(250.0 * k for k in range(1, 81))
MEASURE_MS, MEASURE_STEP_MS = 60.0, 0.025  # of the time after a pulse that is run in full


@lru_cache(maxsize=len(PATHWAYS))
def _default_cell(pathway: str) -> Cell:
    """One cell for all connections of a pathway: its rest and its pulse are found only once."""
    return CELLS[pathway]()


def correlations() -> FloatArray:
    """Correlations of utilisation, conductance, sites and volume, in this order."""
    out = np.eye(len(COPULA))
    for i, a in enumerate(COPULA):
        for j, b in enumerate(COPULA):
            name = f"corr_{a}_{b}"
            if name in C:
                out[i, j] = out[j, i] = C[name]
    return out


def _gamma(mean: float, sd: float, share: FloatArray) -> FloatArray:
    from scipy import stats

    shape = (mean / sd) ** 2
    return np.asarray(stats.gamma.ppf(share, shape, scale=mean / shape))


def _beta(mean: float, sd: float, share: FloatArray) -> FloatArray:
    from scipy import stats

    k = mean * (1.0 - mean) / sd**2 - 1.0
    return np.asarray(stats.beta.ppf(share, mean * k, (1.0 - mean) * k))


def sample_physiology(
    rng: np.random.Generator, n: int, pathway: str = "L5-L5"
) -> dict[str, FloatArray]:
    """Draw n synapses of a pathway.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    pathway : str
        A variant of `CHINDEMI_2022`: "L5-L5", "L5-L5, recipe of 2024", "L2/3-L2/3", "L2/3-L5",
        "L4-L2/3" or "L4-L4".

    Returns
    -------
    dict
        ``u``; ``g``, ``g_nmda`` (nS); ``n`` (sites); ``d``, ``f`` (ms); ``x`` (µm³);
        ``ampa_decay`` (ms); ``rho0`` (0 or 1, the latter with chance u).

    Raises
    ------
    ValueError
        If the pathway is unknown or an argument lies outside its range.

    Examples
    --------
    >>> drawn = sample_physiology(np.random.default_rng(1), 20_000)
    >>> print(f"{drawn['g'].mean():.1f} nS, {drawn['u'].mean():.1f}")
    1.6 nS, 0.5
    """
    checks.generator(rng)
    count = checks.whole("n", n, 1, 10_000_000)
    v = C.variant(checks.choice("pathway", pathway, PATHWAYS))
    normal = rng.standard_normal((count, len(COPULA))) @ np.linalg.cholesky(correlations()).T
    from scipy import stats  # slow to import, and most readers draw nothing

    share = stats.norm.cdf(normal)
    alone = rng.random((count, 3))
    out = {
        "u": _beta(v["u_mean"], v["u_sd"], share[:, 0]),
        "g": _gamma(v["g_mean"], v["g_sd"], share[:, 1]),
        "n": 1.0 + stats.poisson.ppf(share[:, 2], v["sites_mean"] - 1.0),
        "x": _gamma(v["x_mean"], v["x_sd"], share[:, 3]),
        "d": _gamma(v["d_mean"], v["d_sd"], alone[:, 0]),
        "f": _gamma(v["f_mean"], v["f_sd"], alone[:, 1]),
        "ampa_decay": _gamma(v["ampa_decay"], v["ampa_decay_sd"], alone[:, 2]),
    }
    for name, low in LEAST.items():
        out[name] = np.maximum(out[name], low)
    out["g_nmda"] = v["nmda_ratio"] * out["g"]
    out["rho0"] = (rng.random(count) < out["u"]).astype(np.float64)
    return out


@dataclass(frozen=True, eq=False)
class Connection:
    """Synapses of one presynaptic cell on one postsynaptic cell.

    Attributes
    ----------
    cell : Cell
    synapses : tuple of Synapse
    compartments : tuple of int
    rho0 : ndarray
        Efficacy at the start, 0 or 1 each.
    pathway : str

    Raises
    ------
    ValueError
        If the lengths differ, or a compartment is not on the cell.

    Examples
    --------
    >>> connection = sample_connection(np.random.default_rng(1))
    >>> len(connection.synapses) == connection.rho0.size
    True
    """

    cell: Cell
    synapses: tuple[Synapse, ...]
    compartments: tuple[int, ...]
    rho0: FloatArray
    pathway: str = ""

    def __post_init__(self) -> None:
        n = len(self.synapses)
        rho = checks.vector("rho0", self.rho0, 0.0, 1.0, size=n)
        rho.setflags(write=False)
        object.__setattr__(self, "rho0", rho)
        if n < 1:
            raise ValueError("synapses is empty; allowed: at least one synapse")
        CellRun(self.cell, self.synapses, self.compartments)  # refuses what does not fit

    @property
    def n(self) -> int:
        """Number of synapses."""
        return len(self.synapses)

    @property
    def locations(self) -> tuple[str, ...]:
        """Apical or basal, for each synapse; everything but apical counts as basal."""
        kinds = (self.cell.kind[i] for i in self.compartments)
        return tuple(APICAL if k == APICAL else BASAL for k in kinds)

    @property
    def distance_um(self) -> FloatArray:
        """Distance of each synapse from the soma (µm)."""
        return self.cell.distance_um[list(self.compartments)]

    def summary(self) -> str:
        """One line a synapse."""
        rows = [f"{self.pathway or 'connection'}: {self.n} synapses on {self.cell.name}"]
        for s, where, x, rho in zip(
            self.synapses, self.locations, self.distance_um, self.rho0, strict=True
        ):
            g, u = (
                (s.g_ampa_strong_nS, s.use_strong)
                if rho >= C["rho_star"]
                else (s.g_ampa_weak_nS, s.use_weak)
            )
            state = "strong" if rho >= C["rho_star"] else "weak"
            rows.append(
                f"  {where} {x:.0f} µm, {state}: {s.sites} sites, u {u:.2f}, {g:.2f} nS, "
                f"{s.volume_um3:.3f} µm³"
            )
        return "\n".join(rows)


def sample_connection(
    rng: np.random.Generator,
    pathway: str = "L5-L5",
    *,
    cell: Cell | None = None,
    n_synapses: int | None = None,
    apical_share: float = C["apical_share"],
) -> Connection:
    """Draw a connection of a pathway.

    Parameters
    ----------
    rng : numpy.random.Generator
    pathway : str
        As in `sample_physiology`.
    cell : Cell, optional
        Default: the reduced cell on which the pathway ends.
    n_synapses : int, optional
        Default: 4 to 8, equally likely.
    apical_share : float
        Chance of a synapse to sit on an apical compartment; the others sit on basal ones. Within
        either, every micrometre of dendrite is equally likely.

    Raises
    ------
    ValueError
        If the pathway is unknown or the cell lacks such compartments.
    """
    checks.choice("pathway", pathway, PATHWAYS)
    checks.generator(rng)
    low, high = int(C["synapses_lowest"]), int(C["synapses_highest"])
    n = (
        int(rng.integers(low, high + 1))
        if n_synapses is None
        else checks.whole("n_synapses", n_synapses, 1, MOST_SYNAPSES)
    )
    share = checks.number("apical_share", apical_share, 0.0, 1.0)
    tree = _default_cell(pathway) if cell is None else cell
    if not isinstance(tree, Cell):
        raise ValueError(f"cell is {cell!r}; allowed: a Cell or None")
    places = []
    for kind in np.where(rng.random(n) < share, APICAL, BASAL):
        places.append(_draw_place(rng, tree, str(kind)))
    drawn = sample_physiology(rng, n, pathway)
    synapses = tuple(
        Synapse.drawn(
            g_ampa_nS=float(drawn["g"][i]),
            use=float(drawn["u"][i]),
            rho0=int(drawn["rho0"][i]),
            nmda_ratio=C.variant(pathway)["nmda_ratio"],
            sites=int(drawn["n"][i]),
            depression_ms=float(drawn["d"][i]),
            facilitation_ms=float(drawn["f"][i]),
            volume_um3=float(drawn["x"][i]),
            ampa_decay_ms=float(drawn["ampa_decay"][i]),
        )
        for i in range(n)
    )
    return Connection(tree, synapses, tuple(places), drawn["rho0"], pathway)


def _draw_place(rng: np.random.Generator, cell: Cell, kind: str) -> int:
    found = [i for i in range(cell.n) if cell.kind[i] == kind and cell.area_um2[i] > 0.0]
    if not found:
        raise ValueError(f"cell {cell.name!r} has no {kind} compartment for a synapse")
    length = cell.length_um[found]
    return int(rng.choice(found, p=length / length.sum()))


@dataclass(frozen=True)
class ActionPotential:
    """The pulse that makes a cell fire once, and when it does.

    Attributes
    ----------
    width_ms, amplitude_pA : float
    latency_ms : float
        From the onset of the pulse to the somatic spike.
    """

    width_ms: float
    amplitude_pA: float
    latency_ms: float

    def pulse(self, spike_ms: float) -> Pulse:
        """The pulse that puts the spike at a given time."""
        return Pulse(spike_ms - self.latency_ms, self.width_ms, self.amplitude_pA)


def find_action_potential(cell: Cell) -> ActionPotential:
    """The weakest of the shortest pulses (1.5, 3, 5 ms) that makes the resting cell fire once.

    Its amplitude is then raised by a quarter, so that trains do not fail.

    Raises
    ------
    ValueError
        If no pulse up to 20 nA does.
    """
    cached = cell.__dict__.get("_action_potential")
    if cached is not None:
        return cached
    for width in (R["pulse_short"], R["pulse_middle"], R["pulse_long"]):
        for amplitude in PULSES_PA:
            run = CellRun(cell)
            run.schedule(pulses=[Pulse(0.0, width, amplitude)])
            run.advance(MEASURE_MS, MEASURE_STEP_MS)
            if run.spikes_ms.size == 0:
                continue
            run = CellRun(cell)
            run.schedule(pulses=[Pulse(0.0, width, R["pulse_margin"] * amplitude)])
            run.advance(MEASURE_MS, MEASURE_STEP_MS)
            if run.spikes_ms.size == 1:
                found = ActionPotential(
                    width, R["pulse_margin"] * amplitude, float(run.spikes_ms[0])
                )
                object.__setattr__(cell, "_action_potential", found)
                return found
            break
    raise ValueError(f"cell {cell.name!r} does not fire once to any pulse of up to 20 nA")


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Measured peaks of c* and the thresholds made from them; all in µM ms, one a synapse.

    Attributes
    ----------
    c_pre, c_post : ndarray
    pairs : tuple of (theta_d, theta_p)
        (None, None) where theta_d would reach theta_p.
    """

    c_pre: FloatArray
    c_post: FloatArray
    pairs: tuple[tuple[float | None, float | None], ...] = field(repr=False)


def measure_thresholds(
    connection: Connection, cao_mM: float = C["calcium_out"], rule: EfficacyRule | None = None
) -> Thresholds:
    """Measure c_pre and c_post of every synapse of a connection in its own cell.

    c_pre: all vesicles of all synapses released at once, all strong. c_post: one action
    potential. Plasticity is off in both.

    Parameters
    ----------
    connection : Connection
    cao_mM : float
    rule : EfficacyRule, optional
        Gives tau_* and the coefficients.

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    if not isinstance(connection, Connection):
        raise ValueError(f"connection is {connection!r}; allowed: a Connection")
    rule = EfficacyRule() if rule is None else rule
    peaks = []
    ap = find_action_potential(connection.cell)
    for pulses in ((), (ap.pulse(ap.latency_ms),)):
        run = CellRun(
            connection.cell,
            connection.synapses,
            connection.compartments,
            rule=rule,
            cao_mM=cao_mM,
            rho0=1.0,
            release="full",
        )
        trains = [[] if pulses else [0.0]] * connection.n
        run.schedule(trains, pulses)
        run.advance(MEASURE_MS, MEASURE_STEP_MS)
        run.skip(C["integrator_decay"] + 10.0 * C["nmda_decay"])
        peaks.append(run.c_star_peak_uM_ms)
    pairs = tuple(
        rule.thresholds(float(a), float(b), where)
        for a, b, where in zip(*peaks, connection.locations, strict=True)
    )
    return Thresholds(peaks[0], peaks[1], pairs)


def moved(connection: Connection, compartments: tuple[int, ...]) -> Connection:
    """The same synapses in other places."""
    return replace(connection, compartments=compartments)


def steady_share(synapse: Synapse, use: float, interval_ms: float) -> float:
    """Mean share of sites that are ready, when spikes come at long regular intervals.

    Examples
    --------
    >>> round(steady_share(Synapse(depression_ms=700.0), 0.5, 4000.0), 3)
    0.998
    """
    u = checks.number("use", use, 0.0, 1.0)
    back = 1.0 - math.exp(
        -checks.number("interval_ms", interval_ms, 0.0, 1e9) / synapse.depression_ms
    )
    # r = r (1 - u) + (1 - r (1 - u)) back
    return back / (1.0 - (1.0 - u) * (1.0 - back))
