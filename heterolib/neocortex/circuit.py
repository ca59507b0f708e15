"""Many plastic connections at once: a population on one cell, and a small network.

Both are null models: they say how far synapses drift, and which of them change, when activity
means nothing. `run_population` gives one cell random presynaptic spikes through all of its
connections, and random spikes of its own; `run_network` lets the spikes of a few cells reach each
other. Every synapse is simulated in its dendrite, as in a pairing experiment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
import numpy.typing as npt

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex import kernels
from heterolib.neocortex.connection import (
    PATHWAYS,
    Connection,
    find_action_potential,
    measure_thresholds,
    sample_connection,
)
from heterolib.neocortex.neuron import APICAL, MOST_SPIKES, Cell, CellRun, Pulse, l5_thick_tufted
from heterolib.neocortex.synapse import CAO_RANGE, EfficacyRule, release_scaling
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import CIRCUITS as K

MOST_CONNECTIONS = 1000
MOST_CELLS = 200
LONGEST_MS = 1e7
RATES = (0.0, 200.0)  # Hz
MS_PER_S = 1000.0
EARLY = 0.25  # of a step: where within its step a presynaptic spike arrives
NEAR_MS = 1.0  # how far from its due time a spike still counts as imposed

BoolArray = npt.NDArray[np.bool_]
Pairs = tuple[tuple[float | None, float | None], ...]


def modulated_train(
    rng: np.random.Generator,
    rate_hz: float,
    duration_ms: float,
    *,
    modulation: float = 0.0,
    modulation_hz: float = K["modulation_rate"],
) -> FloatArray:
    """Random spikes at a rate r (1 + m sin 2 pi f t); trains that share m and f rise together.

    Parameters
    ----------
    rng : numpy.random.Generator
    rate_hz : float
        Mean rate r.
    duration_ms : float
    modulation : float
        m, in [0, 1]; 0 makes a Poisson train of constant rate.
    modulation_hz : float

    Returns
    -------
    ndarray
        Sorted times in [0, duration_ms).

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> t = modulated_train(np.random.default_rng(1), 20.0, 10_000.0, modulation=1.0)
    >>> rising = np.sin(2.0 * np.pi * 2.0 * t / 1000.0) > 0.0
    >>> bool(rising.mean() > 0.7)
    True
    """
    checks.generator(rng)
    rate = checks.number("rate_hz", rate_hz, *RATES)
    duration = checks.number("duration_ms", duration_ms, 0.0, LONGEST_MS)
    m = checks.number("modulation", modulation, 0.0, 1.0)
    f = checks.number("modulation_hz", modulation_hz, 0.0, 1000.0)
    top = rate * (1.0 + m)
    t = np.sort(rng.uniform(0.0, duration, rng.poisson(top * duration / MS_PER_S)))
    now = rate * (1.0 + m * np.sin(2.0 * math.pi * f * t / MS_PER_S))
    return np.asarray(t[rng.random(t.size) * top < now])


@dataclass(frozen=True, eq=False)
class CircuitResult:
    """Synapses along time. Arrays of synapses stand in the order of the connections.

    Attributes
    ----------
    t_ms : ndarray, shape (n_t,)
        From 0 on.
    rho, U, g_ampa_max_nS : ndarray, shape (n_synapses, n_t)
        Efficacy; utilisation at 2 mM extracellular calcium; AMPA conductance.
    connection : ndarray
        Number of each synapse's connection.
    apical : ndarray of bool
    spikes_ms : tuple of ndarray
        Of each postsynaptic cell.
    due_ms : tuple of ndarray
        When pulses ask each postsynaptic cell for a spike.
    pre_spikes : int
        Presynaptic spikes, summed over connections.
    cao_mM : float
    """

    t_ms: FloatArray
    rho: FloatArray = field(repr=False)
    U: FloatArray = field(repr=False)
    g_ampa_max_nS: FloatArray = field(repr=False)
    connection: FloatArray = field(repr=False)
    apical: BoolArray = field(repr=False)
    spikes_ms: tuple[FloatArray, ...] = field(repr=False)
    due_ms: tuple[FloatArray, ...] = field(repr=False)
    pre_spikes: int
    cao_mM: float

    @property
    def imposed(self) -> int:
        """Postsynaptic spikes that pulses asked for."""
        return sum(t.size for t in self.due_ms)

    @property
    def unasked(self) -> int:
        """Postsynaptic spikes farther than 1 ms from any that a pulse asked for."""
        return sum(
            int((np.abs(spikes[:, None] - due).min(1, initial=math.inf) > NEAR_MS).sum())
            for spikes, due in zip(self.spikes_ms, self.due_ms, strict=True)
        )

    @property
    def strong(self) -> BoolArray:
        """Which synapses are on the strong side at each time."""
        return np.asarray(self.rho >= C["rho_star"], dtype=np.bool_)

    @property
    def strengthened(self) -> BoolArray:
        """Which were weak at the start and are strong at each time."""
        return ~self.strong[:, :1] & self.strong

    @property
    def weakened(self) -> BoolArray:
        """Which were strong at the start and are weak at each time."""
        return self.strong[:, :1] & ~self.strong

    @property
    def weight_nS(self) -> FloatArray:
        """Mean AMPA conductance that a rested synapse opens: G times utilisation."""
        use = np.minimum(self.U * release_scaling(self.cao_mM), 1.0)
        return np.asarray(self.g_ampa_max_nS * use)

    def connection_weight_nS(self) -> FloatArray:
        """`weight_nS` summed over the synapses of each connection: shape (connections, n_t)."""
        out = np.zeros((int(self.connection.max()) + 1, self.t_ms.size))
        np.add.at(out, self.connection.astype(int), self.weight_nS)
        return out

    def summary(self) -> str:
        """What happened, in a line."""
        n = self.rho.shape[0]
        w = self.weight_nS.sum(0)
        return (
            f"{self.t_ms[-1] / MS_PER_S:g} s at {self.cao_mM:g} mM: {self.pre_spikes} presynaptic "
            f"and {sum(t.size for t in self.spikes_ms)} postsynaptic spikes; of {n} synapses "
            f"{int(self.strengthened[:, -1].sum())} strengthened, "
            f"{int(self.weakened[:, -1].sum())} weakened; sum of weights {w[0]:.1f} to "
            f"{w[-1]:.1f} nS"
        )


def _connections(value: object) -> tuple[Connection, ...]:
    found = tuple(value) if isinstance(value, Sequence) else ()
    if not 1 <= len(found) <= MOST_CONNECTIONS:
        raise ValueError(
            f"connections is {value!r}; allowed: a sequence of 1 to {MOST_CONNECTIONS} Connections"
        )
    for i, c in enumerate(found):
        if not isinstance(c, Connection):
            raise ValueError(f"connections[{i}] is {c!r}; allowed: a Connection")
    return found


def _all_pairs(
    connections: Sequence[Connection], cao_mM: float, rule: EfficacyRule | None
) -> tuple[Pairs, ...]:
    """The thresholds of each connection, measured with its own synapses alone."""
    return tuple(measure_thresholds(c, cao_mM, rule).pairs for c in connections)


class _Lane:
    """One postsynaptic cell with all that ends on it; spikes arrive on the grid of steps."""

    def __init__(
        self,
        connections: Sequence[Connection],
        pairs: Sequence[Pairs],
        cao_mM: float,
        rule: EfficacyRule | None,
        rng: np.random.Generator,
        step_ms: float,
    ) -> None:
        self.run = CellRun(
            connections[0].cell,
            [s for c in connections for s in c.synapses],
            [w for c in connections for w in c.compartments],
            rule=rule,
            cao_mM=cao_mM,
            rho0=np.concatenate([c.rho0 for c in connections]),
            thresholds=[pair for some in pairs for pair in some],
            release="stochastic",
        )
        self.sizes = [c.n for c in connections]
        self.rng, self.h = rng, step_ms

    def advance(
        self, first: int, n: int, trains: Sequence[FloatArray], pulses: list[Pulse]
    ) -> None:
        """Steps first to first + n; trains hold the steps of arrival, one train a connection."""
        if pulses or any(t.size for t in trains):  # else nothing is left of what was scheduled
            times = [
                (t + EARLY) * self.h
                for t, m in zip(trains, self.sizes, strict=True)
                for _ in range(m)
            ]
            self.run.schedule(times, pulses, rng=self.rng)
        self.run.advance(n * self.h, self.h)


def _within(train: FloatArray, first: int, n: int) -> FloatArray:
    """Those of a sorted train of whole numbers that lie in [first, first + n)."""
    a, b = np.searchsorted(train, (first, first + n))
    return train[a:b]


def _pulses(pulses: Sequence[Pulse], start: float, end: float) -> list[Pulse]:
    return [p for p in pulses if p.at_ms < end and p.at_ms + p.width_ms > start]


def _steps(duration_ms: float, sample_ms: float, step_ms: float) -> tuple[int, int, float]:
    """Samples, steps between two of them, and the step."""
    h = checks.number("step_ms", step_ms, 1e-3, 0.5)
    every = checks.steps("sample_ms", checks.number("sample_ms", sample_ms, h, LONGEST_MS), h)
    duration = checks.number("duration_ms", duration_ms, sample_ms, LONGEST_MS)
    return checks.steps("duration_ms", duration, sample_ms), every, h


def run_population(
    connections: Sequence[Connection],
    *,
    rng: np.random.Generator,
    duration_ms: float,
    pre_hz: float = K["pre_rate"],
    post_hz: float = K["post_rate"],
    modulation: float = 0.0,
    modulation_hz: float = K["modulation_rate"],
    cao_mM: float = C["calcium_out"],
    rule: EfficacyRule | None = None,
    sample_ms: float = K["sample"],
    step_ms: float = K["step"],
) -> CircuitResult:
    """One cell with many plastic connections, each with a random train of its own.

    Pulses make the cell fire at random as well; it may also fire to its input alone. All
    synapses of a connection share its spikes.

    Parameters
    ----------
    connections : sequence of Connection
        All on the same cell.
    rng : numpy.random.Generator
    duration_ms : float
    pre_hz, post_hz : float
        Mean rates of each connection's spikes, and of the imposed spikes.
    modulation, modulation_hz : float
        As in `modulated_train`, the same for all.
    cao_mM : float
    rule : EfficacyRule, optional
    sample_ms : float
        Interval of the record.
    step_ms : float

    Returns
    -------
    CircuitResult

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the connections end on different cells.
    """
    every = _connections(connections)
    cell = every[0].cell
    for i, c in enumerate(every):
        if c.cell is not cell:
            raise ValueError(f"connections[{i}] ends on another cell; allowed: one cell for all")
    checks.generator(rng)
    checks.number("cao_mM", cao_mM, *CAO_RANGE)
    n_samples, n, h = _steps(duration_ms, sample_ms, step_ms)
    beat = {"modulation": modulation, "modulation_hz": modulation_hz}
    # the end is on the grid of steps; spikes of the last moments may fall on it
    trains = [
        np.floor(
            modulated_train(rng, _rate("pre_hz", pre_hz, duration_ms), duration_ms, **beat) / h
        )
        for _ in every
    ]
    post = modulated_train(rng, _rate("post_hz", post_hz, duration_ms), duration_ms, **beat)
    ap = find_action_potential(cell)
    pulses = [ap.pulse(float(t)) for t in post]
    lane = _Lane(every, _all_pairs(every, cao_mM, rule), cao_mM, rule, rng, h)
    record = _Record(len(lane.run.synapses), n_samples)
    record.take(0, [lane])
    for k in range(n_samples):
        some = [_within(t, k * n, n) for t in trains]
        lane.advance(k * n, n, some, _pulses(pulses, k * n * h, (k + 1) * n * h))
        record.take(k + 1, [lane])
    counts = sum(t.size for t in trains)
    return record.result(every, [lane], sample_ms, [post], counts, cao_mM)


def _rate(name: str, value: float, duration_ms: float) -> float:
    rate = checks.number(name, value, *RATES)
    if 2.0 * rate * duration_ms / MS_PER_S > MOST_SPIKES:  # a cell keeps no more
        raise ValueError(
            f"{name} is {rate:g}; allowed: at most {MOST_SPIKES // 2} spikes within duration_ms"
        )
    return rate


class _Record:
    """Efficacy, utilisation and conductance of all synapses, sample by sample."""

    def __init__(self, n_synapses: int, n_samples: int) -> None:
        self.values = np.zeros((3, n_synapses, n_samples + 1))

    def take(self, k: int, lanes: Sequence[_Lane]) -> None:
        at = 0
        for lane in lanes:
            rows = lane.run._rows()
            for i, place in enumerate((kernels.RHO, kernels.U, kernels.G)):
                self.values[i, at : at + len(rows), k] = rows[:, place]
            at += len(rows)

    def result(
        self,
        connections: Sequence[Connection],
        lanes: Sequence[_Lane],
        sample_ms: float,
        due_ms: Sequence[FloatArray],
        pre_spikes: int,
        cao_mM: float,
    ) -> CircuitResult:
        self.values.setflags(write=False)
        return CircuitResult(
            t_ms=sample_ms * np.arange(self.values.shape[2]),
            rho=self.values[0],
            U=self.values[1],
            g_ampa_max_nS=self.values[2],
            connection=np.repeat(np.arange(len(connections)), [c.n for c in connections]),
            apical=np.array([where == APICAL for c in connections for where in c.locations]),
            spikes_ms=tuple(lane.run.spikes_ms for lane in lanes),
            due_ms=tuple(due_ms),
            pre_spikes=pre_spikes,
            cao_mM=float(cao_mM),
        )


@dataclass(frozen=True, eq=False)
class Network:
    """Cells of one kind, and who reaches whom.

    Attributes
    ----------
    n_cells : int
    connections : tuple of Connection
        All on the same reduced cell; every postsynaptic cell is its own copy.
    pre, post : tuple of int
        Numbers of the two cells of each connection; those of `post` ascend.

    Raises
    ------
    ValueError
        If lengths differ, a number is no cell, `post` does not ascend, a cell would reach itself,
        or one receives nothing.
    """

    n_cells: int
    connections: tuple[Connection, ...] = field(repr=False)
    pre: tuple[int, ...] = field(repr=False)
    post: tuple[int, ...] = field(repr=False)

    def __post_init__(self) -> None:
        n = checks.whole("n_cells", self.n_cells, 2, MOST_CELLS)
        _connections(self.connections)
        for name in ("pre", "post"):
            who = checks.wholes(name, getattr(self, name), 0, n - 1)
            if len(who) != len(self.connections):
                raise ValueError(
                    f"{name} holds {len(who)} numbers; allowed: {len(self.connections)}, one a "
                    "connection"
                )
        for i, (a, b) in enumerate(zip(self.pre, self.post, strict=True)):
            if a == b:
                raise ValueError(f"pre[{i}] is {a}, as post[{i}]; allowed: another cell")
        if list(self.post) != sorted(self.post):
            raise ValueError(f"post is {self.post!r}; allowed: numbers in ascending order")
        if missing := set(range(n)) - set(self.post):
            raise ValueError(f"post lacks {min(missing)}; allowed: every cell receives something")


def sample_network(
    rng: np.random.Generator,
    n_cells: int = int(K["cells"]),
    probability: float = K["probability"],
    pathway: str = "L5-L5",
    *,
    cell: Cell | None = None,
) -> Network:
    """Draw a network: every ordered pair of cells is connected with the same chance.

    A cell that would receive nothing receives one connection.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_cells : int
    probability : float
    pathway : str
        As in `sample_connection`.
    cell : Cell, optional
        Default: the reduced cell of layer 5.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> network = sample_network(np.random.default_rng(1), 3, 1.0)
    >>> sorted(zip(network.pre, network.post))
    [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    """
    checks.generator(rng)
    n = checks.whole("n_cells", n_cells, 2, MOST_CELLS)
    chance = checks.number("probability", probability, 0.0, 1.0)
    checks.choice("pathway", pathway, PATHWAYS)
    tree = l5_thick_tufted() if cell is None else cell
    linked = [(a, b) for a, b in permutations(range(n), 2) if rng.random() < chance]
    for b in sorted(set(range(n)) - {b for _, b in linked}):
        linked.append(((b + 1 + int(rng.integers(n - 1))) % n, b))
    if len(linked) > MOST_CONNECTIONS:
        raise ValueError(
            f"n_cells is {n}: {len(linked)} connections; allowed: at most {MOST_CONNECTIONS}"
        )
    # in the order of the postsynaptic cells, as all results stand
    linked.sort(key=lambda pair: pair[::-1])
    return Network(
        n,
        tuple(sample_connection(rng, pathway, cell=tree) for _ in linked),
        tuple(a for a, _ in linked),
        tuple(b for _, b in linked),
    )


def run_network(
    network: Network,
    *,
    rng: np.random.Generator,
    duration_ms: float,
    drive_hz: float = K["drive_rate"],
    modulation: float = 0.0,
    modulation_hz: float = K["modulation_rate"],
    cao_mM: float = C["calcium_out"],
    delay_ms: float = K["delay"],
    rule: EfficacyRule | None = None,
    sample_ms: float = K["sample"],
    step_ms: float = K["step"],
) -> CircuitResult:
    """A network in which every cell also fires to random pulses of its own.

    All cells advance by one delay, then exchange their spikes: nothing can arrive sooner.

    Parameters
    ----------
    network : Network
    rng : numpy.random.Generator
    duration_ms : float
    drive_hz : float
        Mean rate of the pulses of each cell.
    modulation, modulation_hz : float
        As in `modulated_train`, the same for all.
    cao_mM : float
    delay_ms : float
        From a somatic spike to release.
    rule : EfficacyRule, optional
    sample_ms, step_ms : float

    Returns
    -------
    CircuitResult

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    if not isinstance(network, Network):
        raise ValueError(f"network is {network!r}; allowed: a Network")
    checks.generator(rng)
    checks.number("cao_mM", cao_mM, *CAO_RANGE)
    h = checks.number("step_ms", step_ms, 1e-3, 0.5)
    n = checks.steps("delay_ms", checks.number("delay_ms", delay_ms, h, 1000.0), h)
    n_samples, per_sample, h = _steps(duration_ms, sample_ms, step_ms)
    rate = _rate("drive_hz", drive_hz, duration_ms)
    connections, pre, post = network.connections, network.pre, network.post
    pairs = _all_pairs(connections, cao_mM, rule)
    beat = {"modulation": modulation, "modulation_hz": modulation_hz}
    due, pulses, lanes, inputs = [], [], [], []
    for cell in range(network.n_cells):
        mine = [i for i, b in enumerate(post) if b == cell]
        ap = find_action_potential(connections[mine[0]].cell)
        train = modulated_train(rng, rate, duration_ms, **beat)
        due.append(train)
        pulses.append([ap.pulse(float(t)) for t in train])
        lanes.append(
            _Lane(
                [connections[i] for i in mine],
                [pairs[i] for i in mine],
                cao_mM,
                rule,
                np.random.default_rng(rng.integers(2**63)),
                h,
            )
        )
        inputs.append([pre[i] for i in mine])
    record = _Record(sum(c.n for c in connections), n_samples)
    record.take(0, lanes)
    fired: list[FloatArray] = [np.zeros(0)] * network.n_cells  # arrivals, in steps
    seen = [0] * network.n_cells
    arrived = 0
    first = 0
    for k in range(n_samples):
        while first < (k + 1) * per_sample:
            # up to the next exchange, or to the next sample
            m = min(n - first % n, (k + 1) * per_sample - first)
            for cell, lane in enumerate(lanes):
                trains = [_within(fired[a], first, m) for a in inputs[cell]]
                arrived += sum(t.size for t in trains)
                lane.advance(first, m, trains, _pulses(pulses[cell], first * h, (first + m) * h))
            first += m
            for cell, lane in enumerate(lanes):
                spikes = lane.run.spikes_ms
                if spikes.size > seen[cell]:
                    fired[cell] = np.floor((spikes + delay_ms) / h)
                    seen[cell] = spikes.size
        record.take(k + 1, lanes)
    return record.result(connections, lanes, sample_ms, due, arrived, cao_mM)


# -- cells of a sweep --------------------------------------------------------------------------


def settled_weights_nS(connections: Sequence[Connection], result: CircuitResult) -> FloatArray:
    """`CircuitResult.weight_nS` of each connection, once its synapses have come to their ends.

    Parameters
    ----------
    connections : sequence of Connection
        Those of the run, in its order.
    result : CircuitResult

    Raises
    ------
    ValueError
        If the synapses are not those of the run.
    """
    synapses = [s for c in _connections(connections) for s in c.synapses]
    if not isinstance(result, CircuitResult) or len(synapses) != result.rho.shape[0]:
        raise ValueError(f"result is {result!r}; allowed: that of {len(synapses)} synapses")
    scale = release_scaling(result.cao_mM)
    ends = [
        s.g_ampa_strong_nS * min(s.use_strong * scale, 1.0)
        if strong
        else s.g_ampa_weak_nS * min(s.use_weak * scale, 1.0)
        for s, strong in zip(synapses, result.strong[:, -1], strict=True)
    ]
    return np.asarray(np.bincount(result.connection.astype(int), ends), dtype=np.float64)


def _numbers(connections: Sequence[Connection], r: CircuitResult) -> dict[str, object]:
    changed = r.strengthened[:, -1] | r.weakened[:, -1]
    return {
        "strengthened": r.strengthened.sum(0).astype(float),
        "weakened": r.weakened.sum(0).astype(float),
        "weight_nS": r.weight_nS.sum(0),
        "strong": float(r.strong[:, 0].sum()),
        "synapses": float(r.rho.shape[0]),
        "apical": float(r.apical.sum()),
        "apical_changed": float((changed & r.apical).sum()),
        "pre_spikes": float(r.pre_spikes),
        "post_spikes": float(sum(t.size for t in r.spikes_ms)),
        "imposed": float(r.imposed),
        "unasked": float(r.unasked),
        "settled_nS": float(settled_weights_nS(connections, r).sum()),
    }


def population_cell(
    seed: int,
    cao_mM: float = C["calcium_out"],
    pre_hz: float = K["pre_rate"],
    post_hz: float = K["post_rate"],
    modulation: float = 0.0,
    duration_ms: float = 10.0 * K["sample"],
    connections: int = int(K["connections"]),
) -> dict[str, object]:
    """One postsynaptic cell with its connections, as plain numbers: a cell of a sweep.

    The seed alone decides connections, trains and chance.

    Parameters
    ----------
    seed : int
    cao_mM, pre_hz, post_hz, modulation, duration_ms
        As in `run_population`.
    connections : int

    Returns
    -------
    dict
        ``strengthened``, ``weakened``, ``weight_nS`` along time; ``before_nS``, ``after_nS`` of
        each connection, the latter once settled; and counts.

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    number = checks.whole("seed", seed, 0, 2**53)
    n = checks.whole("connections", connections, 1, MOST_CONNECTIONS)
    who, chance = np.random.SeedSequence(number).spawn(2)
    draw = np.random.default_rng(who)
    drawn = [sample_connection(draw) for _ in range(n)]
    r = run_population(
        drawn,
        rng=np.random.default_rng(chance),
        duration_ms=duration_ms,
        pre_hz=pre_hz,
        post_hz=post_hz,
        modulation=modulation,
        cao_mM=cao_mM,
    )
    return {
        **_numbers(drawn, r),
        "before_nS": r.connection_weight_nS()[:, 0],
        "after_nS": settled_weights_nS(drawn, r),
    }


def network_cell(
    seed: int,
    cao_mM: float = C["calcium_out"],
    drive_hz: float = K["drive_rate"],
    modulation: float = 0.0,
    duration_ms: float = 10.0 * K["sample"],
    n_cells: int = int(K["cells"]),
) -> dict[str, object]:
    """One network, as plain numbers: a cell of a sweep.

    Parameters
    ----------
    seed : int
    cao_mM, drive_hz, modulation, duration_ms
        As in `run_network`.
    n_cells : int

    Returns
    -------
    dict
        As `population_cell`, without the single connections.

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    number = checks.whole("seed", seed, 0, 2**53)
    who, chance = np.random.SeedSequence(number).spawn(2)
    network = sample_network(np.random.default_rng(who), n_cells)
    r = run_network(
        network,
        rng=np.random.default_rng(chance),
        duration_ms=duration_ms,
        drive_hz=drive_hz,
        modulation=modulation,
        cao_mM=cao_mM,
    )
    return _numbers(network.connections, r)
