"""Pairing experiments: test EPSPs, induction by trains of paired spikes, test EPSPs again.

Delays are written as in the literature: dt = t_post - t_pre, so that a positive dt means that
the presynaptic spike comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex.connection import (
    Connection,
    Thresholds,
    find_action_potential,
    measure_thresholds,
    sample_connection,
    steady_share,
)
from heterolib.neocortex.neuron import CellRun
from heterolib.neocortex.synapse import EfficacyRule, release_scaling
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import RECORDINGS
from heterolib.parameters import REDUCED_CELLS as R

MOST_TESTS = 100_000


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One pairing experiment. Defaults: Markram et al. 1997.

    Parameters
    ----------
    frequency_hz : float
        Of the pairs within a sweep.
    dt_ms : float
        t_post - t_pre; positive: the presynaptic spike leads.
    pairs : int
        In a sweep.
    sweeps : int
    interval_ms : float
        From the start of one sweep to the next, and between test EPSPs.
    tests : int
        Test EPSPs before, and again after.
    post, pre : bool
        Leave out the postsynaptic or the presynaptic spikes.
    name, source : str

    Raises
    ------
    ValueError
        If a value lies outside its range, or a sweep does not fit into its interval.

    Examples
    --------
    >>> Protocol(frequency_hz=10.0, dt_ms=5.0).summary()
    '10 Hz, +5 ms: 10 sweeps of 5 pairs every 4 s, 60 tests before and after'
    """

    frequency_hz: float
    dt_ms: float
    pairs: int = int(C["train_spikes"])
    sweeps: int = int(C["sweeps"])
    interval_ms: float = C["sweep_interval"]
    tests: int = int(C["tests"])
    pre: bool = True
    post: bool = True
    name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        f = checks.number("frequency_hz", self.frequency_hz, 0.01, 200.0)
        dt = checks.number("dt_ms", self.dt_ms, -1000.0, 1000.0)
        checks.whole("pairs", self.pairs, 1, 1000)
        checks.whole("sweeps", self.sweeps, 1, 10_000)
        interval = checks.number("interval_ms", self.interval_ms, 1.0, 1e7)
        checks.whole("tests", self.tests, 1, MOST_TESTS)
        longest = (self.pairs - 1) * 1000.0 / f + abs(dt) + R["settle_after"]
        if longest > interval:
            raise ValueError(
                f"interval_ms is {interval:g}; allowed: at least {longest:g}, the length of a sweep"
            )

    def summary(self) -> str:
        """The protocol in one line."""
        return (
            f"{self.frequency_hz:g} Hz, {self.dt_ms:+g} ms: {self.sweeps} sweeps of {self.pairs} "
            f"pair{'s'[: self.pairs > 1]} every {self.interval_ms / 1000.0:g} s, "
            f"{self.tests} tests before and after"
        )

    def times_ms(self) -> tuple[FloatArray, FloatArray]:
        """Presynaptic spikes and postsynaptic action potentials of a sweep that begins at 0."""
        first = np.arange(self.pairs) * 1000.0 / self.frequency_hz
        lead = max(self.dt_ms, 0.0)
        post = first + lead if self.post else np.zeros(0)
        pre = first + lead - self.dt_ms if self.pre else np.zeros(0)
        return pre, post


#: Every experiment of `heterolib.parameters.RECORDINGS`, by its name there.
PROTOCOLS: dict[str, Protocol] = {
    r.name: Protocol(
        frequency_hz=r.frequency_hz,
        dt_ms=r.dt_ms,
        pairs=r.pairs,
        sweeps=r.sweeps,
        interval_ms=r.interval_ms,
        name=r.name,
        source=r.source,
    )
    for r in RECORDINGS.values()
}

#: The seven protocols of layer 5 that the frequency curve and the timing window need.
L5_PROTOCOLS: dict[str, Protocol] = {
    name: PROTOCOLS[name] for name in (f"mrk97_{k:02d}" for k in (1, 2, 3, 4, 6, 7, 8))
}


@dataclass(frozen=True, eq=False)
class PairingResult:
    """One experiment on one connection.

    Attributes
    ----------
    ratio : float
        Mean test EPSP after over mean test EPSP before; NaN if nothing was released before.
    linear_ratio : float
        The short cut: expected EPSPs added up synapse by synapse, without chance.
    before_mV, after_mV : ndarray
        Test EPSPs.
    rho_before, rho_induced, rho_after : ndarray
        Efficacy before, at the end of induction, and where it settled.
    post_spikes : int
        Action potentials during induction.
    thresholds : Thresholds
    connection : Connection
    protocol : Protocol
    cao_mM : float
    """

    ratio: float
    linear_ratio: float
    before_mV: FloatArray = field(repr=False)
    after_mV: FloatArray = field(repr=False)
    rho_before: FloatArray
    rho_induced: FloatArray
    rho_after: FloatArray
    post_spikes: int
    thresholds: Thresholds = field(repr=False)
    connection: Connection = field(repr=False)
    protocol: Protocol
    cao_mM: float

    def summary(self) -> str:
        """What came out, in a line."""
        up = int(np.sum((self.rho_before < 0.5) & (self.rho_after >= 0.5)))
        down = int(np.sum((self.rho_before >= 0.5) & (self.rho_after < 0.5)))
        return (
            f"EPSP {self.before_mV.mean():.2f} to {self.after_mV.mean():.2f} mV, ratio "
            f"{self.ratio:.2f} (linear {self.linear_ratio:.2f}); of {self.connection.n} synapses "
            f"{up} strengthened, {down} weakened"
        )


def _test_epsps(run: CellRun, protocol: Protocol, rng: np.random.Generator) -> FloatArray:
    """Test EPSPs at the interval of the protocol (mV): the peak over the voltage at the spike."""
    epsps = np.zeros(protocol.tests)
    window = C["epsp_window"]
    for k in range(protocol.tests):
        start = run.t_ms
        run.schedule([[start]] * len(run.synapses), rng=rng)
        run.reset_peaks()
        base = float(run.v_mV[0])
        # as long as the peak may still be ahead
        while run.t_ms < start + window - 1e-9:
            run.advance(R["epsp_piece"], R["coarse_step"])
            if run.t_ms > run.soma_peak_ms + R["epsp_piece"]:
                break
        epsps[k] = run.soma_peak_mV - base
        run.skip(max(start + protocol.interval_ms - run.t_ms, 0.0))
    return epsps


FINE, COARSE, SKIP = "fine", "coarse", "skip"


def _plan(protocol: Protocol, latency_ms: float) -> tuple[float, list[tuple[str, float]]]:
    """A sweep in pieces: fine around action potentials, coarse else, silence skipped.

    Pieces are whole numbers of coarse steps. Returns when the sweep's first spike is due, since
    its pulse comes earlier, and the pieces with their durations (ms).
    """
    h = R["coarse_step"]
    zero = h * math.ceil(latency_ms / h)
    pre, post = (zero + t for t in protocol.times_ms())
    times = np.sort(np.concatenate([pre, post]))
    n = math.ceil((times[-1] + R["settle_after"]) / h) if times.size else 0
    start = h * np.arange(n)
    # the last spike that began by the end of each step
    last = np.searchsorted(times, start + h, "right") - 1
    since = start - np.where(last >= 0, times[np.maximum(last, 0)], -math.inf)
    what = np.where(since >= R["settle_after"], SKIP, COARSE)
    for t in post:
        what[(start + h > t - latency_ms - 1e-9) & (start < t + R["fine_after"])] = FINE
    edges = [0, *(np.flatnonzero(what[1:] != what[:-1]) + 1).tolist(), n]
    pieces = [(str(what[a]), h * (b - a)) for a, b in pairwise(edges) if b > a]
    return zero, pieces


def _induce(run: CellRun, protocol: Protocol, rng: np.random.Generator) -> None:
    """All sweeps of a protocol."""
    ap = find_action_potential(run.cell)
    zero, pieces = _plan(protocol, ap.latency_ms)
    pre, post = protocol.times_ms()
    for _ in range(protocol.sweeps):
        start = run.t_ms
        pulses = [ap.pulse(start + zero + float(t)) for t in post]
        run.schedule([start + zero + pre] * len(run.synapses), pulses, rng=rng)
        for what, duration in pieces:
            if what == SKIP:
                run.skip(duration)
            else:
                run.advance(duration, R["fine_step"] if what == FINE else R["coarse_step"])
        run.skip(max(start + protocol.interval_ms - run.t_ms, 0.0))


def epsp_sizes(connection: Connection) -> tuple[FloatArray, FloatArray]:
    """Somatic EPSP (mV) when one synapse alone releases all it has: weak, then strong.

    Parameters
    ----------
    connection : Connection

    Returns
    -------
    tuple of ndarray
        One value a synapse each.
    """
    out = []
    for rho in (0.0, 1.0):
        peaks = np.zeros(connection.n)
        for i, (synapse, where) in enumerate(
            zip(connection.synapses, connection.compartments, strict=True)
        ):
            run = CellRun(connection.cell, [synapse], [where], rho0=rho)
            run.schedule([[0.0]])
            run.advance(3.0 * R["epsp_piece"], R["coarse_step"])
            peaks[i] = run.soma_peak_mV - connection.cell.rest()[0][0]
        out.append(peaks)
    return out[0], out[1]


def expected_epsp(
    connection: Connection,
    strong: npt.ArrayLike,
    cao_mM: float = C["calcium_out"],
    *,
    interval_ms: float = C["sweep_interval"],
    sizes: tuple[FloatArray, FloatArray] | None = None,
) -> float:
    """The linear short cut: mean test EPSP (mV) as a sum over synapses, without chance.

    Each adds its EPSP alone, times its utilisation, times the share of sites that are ready.

    Parameters
    ----------
    connection : Connection
    strong : array_like of bool
        Which synapses are strong.
    cao_mM : float
    interval_ms : float
        Of the tests.
    sizes : tuple of ndarray, optional
        What `epsp_sizes` gives, if it is at hand.

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    weak_mV, strong_mV = epsp_sizes(connection) if sizes is None else sizes
    is_strong = np.asarray(strong, dtype=bool)
    if is_strong.shape != (connection.n,):
        raise ValueError(f"strong is {strong!r}; allowed: {connection.n} truth values")
    scale = release_scaling(cao_mM)
    total = 0.0
    for i, synapse in enumerate(connection.synapses):
        use = min((synapse.use_strong if is_strong[i] else synapse.use_weak) * scale, 1.0)
        size = float(strong_mV[i] if is_strong[i] else weak_mV[i])
        total += size * use * steady_share(synapse, use, interval_ms)
    return total


def run_pairing(
    connection: Connection,
    protocol: Protocol,
    *,
    rng: np.random.Generator,
    cao_mM: float = C["calcium_out"],
    release_cao_mM: float | None = None,
    rule: EfficacyRule | None = None,
    thresholds: Thresholds | None = None,
    sizes: tuple[FloatArray, FloatArray] | None = None,
    release: str = "stochastic",
) -> PairingResult:
    """Run one pairing experiment: test EPSPs, induction, test EPSPs.

    All EPSPs are simulated, spike by spike. After induction each synapse is carried at once to
    where its efficacy drifts within an hour; release and conductance follow.

    Parameters
    ----------
    connection : Connection
    protocol : Protocol
    rng : numpy.random.Generator
    cao_mM : float
        Extracellular calcium.
    release_cao_mM : float, optional
        Scale release by another value, to see what that alone does.
    rule : EfficacyRule, optional
    thresholds : Thresholds, optional
        Default: measured at `cao_mM`. Give those of another calcium to keep them.
    sizes : tuple of ndarray, optional
        What `epsp_sizes` gives, if it is at hand.
    release : {"stochastic", "mean"}
        "mean" leaves chance out; the published results depend on chance.

    Returns
    -------
    PairingResult

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    if not isinstance(connection, Connection):
        raise ValueError(f"connection is {connection!r}; allowed: a Connection")
    if not isinstance(protocol, Protocol):
        raise ValueError(f"protocol is {protocol!r}; allowed: a Protocol")
    checks.generator(rng)
    checks.choice("release", release, ("stochastic", "mean"))
    if thresholds is None:
        thresholds = measure_thresholds(connection, cao_mM, rule)
    if not isinstance(thresholds, Thresholds) or len(thresholds.pairs) != connection.n:
        raise ValueError(
            f"thresholds is {thresholds!r}; allowed: Thresholds of {connection.n} synapses or None"
        )
    run = CellRun(
        connection.cell,
        connection.synapses,
        connection.compartments,
        rule=rule,
        cao_mM=cao_mM,
        release_cao_mM=release_cao_mM,
        rho0=connection.rho0,
        thresholds=thresholds.pairs,
        release=release,
    )
    before = _test_epsps(run, protocol, rng)
    fired = run.spikes_ms.size
    _induce(run, protocol, rng)
    post_spikes = run.spikes_ms.size - fired
    induced = run.rho
    run.settle()
    after = _test_epsps(run, protocol, rng)
    sizes = epsp_sizes(connection) if sizes is None else sizes
    cao = cao_mM if release_cao_mM is None else release_cao_mM
    expected = [
        expected_epsp(
            connection, rho >= C["rho_star"], cao, interval_ms=protocol.interval_ms, sizes=sizes
        )
        for rho in (connection.rho0, induced)
    ]
    return PairingResult(
        ratio=_ratio(float(after.mean()), float(before.mean())),
        linear_ratio=_ratio(expected[1], expected[0]),
        before_mV=before,
        after_mV=after,
        rho_before=connection.rho0,
        rho_induced=induced,
        rho_after=run.rho,
        post_spikes=post_spikes,
        thresholds=thresholds,
        connection=connection,
        protocol=protocol,
        cao_mM=float(cao_mM),
    )


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0.0 else math.nan


def pairing_cell(
    seed: int,
    frequency_hz: float,
    dt_ms: float,
    cao_mM: float = C["calcium_out"],
    pathway: str = "L5-L5",
    sweeps: int = int(C["sweeps"]),
    interval_ms: float = C["sweep_interval"],
    tests: int = int(C["tests"]),
    threshold_cao_mM: float | None = None,
    release_cao_mM: float | None = None,
    nmda_cao_mM: float | None = None,
    pairs: int = int(C["train_spikes"]),
    gamma_d: float = C["gamma_d"],
    n_synapses: int | None = None,
    apical_share: float = C["apical_share"],
) -> dict[str, float]:
    """One connection through one protocol, as plain numbers: a cell of a sweep.

    The seed alone decides the connection, so that all protocols and all calcium levels of one
    seed are measured on the same connection.

    Parameters
    ----------
    seed : int
    frequency_hz, dt_ms, sweeps, interval_ms, tests
        As in `Protocol`.
    cao_mM : float
    pathway : str
    threshold_cao_mM, release_cao_mM, nmda_cao_mM : float, optional
        Take thresholds, release, or the calcium currents at another extracellular calcium:
        what each of them does alone. Default: `cao_mM`.
    pairs : int
        As in `Protocol`.
    gamma_d : float
        As in `EfficacyRule`; 0 takes weakening away.
    n_synapses, apical_share
        As in `sample_connection`.

    Returns
    -------
    dict
        ``ratio``, ``linear_ratio``, ``before_mV``, ``after_mV``, ``strengthened``,
        ``weakened``, ``synapses``, ``post_spikes``.

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    number = checks.whole("seed", seed, 0, 2**53)
    rule = EfficacyRule(gamma_d=gamma_d)
    who, chance = np.random.SeedSequence(number).spawn(2)
    connection = sample_connection(
        np.random.default_rng(who), pathway, n_synapses=n_synapses, apical_share=apical_share
    )
    protocol = Protocol(
        frequency_hz=frequency_hz,
        dt_ms=dt_ms,
        pairs=pairs,
        sweeps=sweeps,
        interval_ms=interval_ms,
        tests=tests,
    )
    r = run_pairing(
        connection,
        protocol,
        rng=np.random.default_rng(chance),
        rule=rule,
        cao_mM=cao_mM if nmda_cao_mM is None else nmda_cao_mM,
        release_cao_mM=cao_mM if release_cao_mM is None else release_cao_mM,
        thresholds=measure_thresholds(
            connection, cao_mM if threshold_cao_mM is None else threshold_cao_mM, rule
        ),
    )
    strong, now = r.rho_before >= C["rho_star"], r.rho_after >= C["rho_star"]
    return {
        "ratio": r.ratio,
        "linear_ratio": r.linear_ratio,
        "before_mV": float(r.before_mV.mean()),
        "after_mV": float(r.after_mV.mean()),
        "strengthened": float(np.sum(~strong & now)),
        "weakened": float(np.sum(strong & ~now)),
        "synapses": float(connection.n),
        "post_spikes": float(r.post_spikes),
    }
