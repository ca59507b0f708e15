"""Try another rule of plasticity on the same connections, protocols and calcium.

A rule is any object with a method ``after(rho, t_ms, c_star_uM_ms, theta_d, theta_p)``: from the
calcium integral of one sweep it makes the efficacy at the sweep's end. Everything else, from
release to the EPSP, is that of `run_pairing`; release and conductance stay as they are until the
last sweep is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol as Interface

import numpy as np

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex import kernels
from heterolib.neocortex.connection import (
    Connection,
    Thresholds,
    find_action_potential,
    measure_thresholds,
    steady_share,
)
from heterolib.neocortex.neuron import CellRun
from heterolib.neocortex.pairing import FINE, SKIP, Protocol, _plan, epsp_sizes
from heterolib.neocortex.single import pair_one_synapse
from heterolib.neocortex.synapse import EfficacyRule, release_scaling
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import GRADED_RULE as G
from heterolib.parameters import REDUCED_CELLS as R

MS_PER_S = 1000.0
TAIL_STEPS = 100  # samples of the silent rest of a sweep


class Rule(Interface):
    """What `run_rule` asks of a rule."""

    def after(
        self,
        rho: float,
        t_ms: FloatArray,
        c_star_uM_ms: FloatArray,
        theta_d: float,
        theta_p: float,
    ) -> float:
        """The efficacy, in [0, 1], at the end of a sweep."""
        ...


def _check_rule(rule: object) -> None:
    if not callable(getattr(rule, "after", None)):
        raise ValueError(f"rule is {rule!r}; allowed: an object with a method `after`")


def _after(
    rule: Rule, rho: float, t: FloatArray, c_star: FloatArray, low: float, high: float
) -> float:
    """What the rule returns, if it is an efficacy."""
    return checks.number("what the rule returned", rule.after(rho, t, c_star, low, high), 0.0, 1.0)


@dataclass(frozen=True)
class PublishedRule:
    """`EfficacyRule` in the form that `run_rule` takes: the bistable efficacy, step by step."""

    rule: EfficacyRule = field(default_factory=EfficacyRule)

    def after(
        self,
        rho: float,
        t_ms: FloatArray,
        c_star_uM_ms: FloatArray,
        theta_d: float,
        theta_p: float,
    ) -> float:
        """The efficacy at the end of a sweep."""
        r = self.rule
        for k in range(1, t_ms.size):
            rho = kernels.efficacy_step(
                rho,
                c_star_uM_ms[k - 1],
                c_star_uM_ms[k],
                t_ms[k] - t_ms[k - 1],
                theta_d,
                theta_p,
                r.gamma_d,
                r.gamma_p,
                r.tau_ms,
            )
        return float(rho)


@dataclass(frozen=True)
class GradedRule:
    """Calcium sets the target of the efficacy and the speed; no state is stable by itself.

    The rule of the page "Add a rule of your own", step by step with the kernel of its explorer.

    Parameters
    ----------
    per_s : float
        Speed above theta_d (1/s).
    k : float
        Steepness of both steps.
    """

    per_s: float = G["speed"]
    k: float = G["steepness"]

    def __post_init__(self) -> None:
        checks.number("per_s", self.per_s, 0.0, 1e6)
        checks.number("k", self.k, 0.0, 1e6)

    def after(
        self,
        rho: float,
        t_ms: FloatArray,
        c_star_uM_ms: FloatArray,
        theta_d: float,
        theta_p: float,
    ) -> float:
        """The efficacy at the end of a sweep."""
        for k in range(1, t_ms.size):
            target, left = kernels.graded_pull(
                0.5 * (c_star_uM_ms[k - 1] + c_star_uM_ms[k]),
                t_ms[k] - t_ms[k - 1],
                theta_d,
                theta_p,
                self.per_s / MS_PER_S,
                self.k,
            )
            rho = target + (rho - target) * left
        return float(rho)


def rule_at_one_synapse(
    rule: Rule,
    frequency_hz: float,
    dt_ms: float,
    *,
    rho0: float = 0.0,
    sweeps: int = int(C["sweeps"]),
    interval_ms: float = C["sweep_interval"],
    rest_ms: float = 0.0,
    cao_mM: float = C["calcium_out"],
    use: float = C["u"],
    height_mV: float = R["template_height"],
) -> FloatArray:
    """What a rule makes of the calcium of `pair_one_synapse`.

    Parameters
    ----------
    rule : Rule
        Anything with a method `after`.
    frequency_hz, dt_ms, rho0, sweeps, interval_ms, cao_mM, use, height_mV
        As in `pair_one_synapse`; the thresholds are those of a basal synapse.
    rest_ms : float
        Time without calcium after the last interval.

    Returns
    -------
    ndarray, shape (sweeps + 2,)
        The efficacy at the start, after each sweep and its pause, and after the rest.

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the rule leaves [0, 1].

    Examples
    --------
    >>> rho = rule_at_one_synapse(GradedRule(), 40.0, 10.0, cao_mM=2.0, sweeps=2)
    >>> bool(0.0 < rho[1] < rho[2] == rho[3])
    True
    """
    _check_rule(rule)
    repeats = checks.whole("sweeps", sweeps, 1, 10_000)
    rest = checks.number("rest_ms", rest_ms, 0.0, 1e9)
    rho = [checks.number("rho0", rho0, 0.0, 1.0)]
    one = pair_one_synapse(
        frequency_hz,
        dt_ms,
        sweeps=1,
        interval_ms=interval_ms,
        cao_mM=cao_mM,
        use=use,
        height_mV=height_mV,
    )
    low, high = one.theta_d_uM_ms, one.theta_p_uM_ms
    assert low is not None and high is not None  # the factors of a basal synapse have both
    t, c = one.sweep.t_ms, one.sweep.c_star_uM_ms
    silent = np.zeros(2)

    for _ in range(repeats):
        now = _after(rule, rho[-1], t, c, low, high)
        rho.append(_after(rule, now, np.array([t[-1], interval_ms]), silent, low, high))
    rho.append(_after(rule, rho[-1], np.array([0.0, rest]), silent, low, high))
    return np.array(rho)


@dataclass(frozen=True, eq=False)
class RuleResult:
    """What a rule made of one connection.

    Attributes
    ----------
    ratio : float
        Expected EPSP after over before, synapse by synapse, without chance in the tests.
    rho_before, rho_after : ndarray
    thresholds : Thresholds
    """

    ratio: float
    rho_before: FloatArray
    rho_after: FloatArray
    thresholds: Thresholds = field(repr=False)


def run_rule(
    rule: Rule,
    connection: Connection,
    protocol: Protocol,
    *,
    rng: np.random.Generator,
    cao_mM: float = C["calcium_out"],
    release: str = "stochastic",
    settle: bool = False,
) -> RuleResult:
    """Run a pairing experiment with a rule of one's own.

    Parameters
    ----------
    rule : Rule
        Anything with a method `after`.
    connection : Connection
    protocol : Protocol
    rng : numpy.random.Generator
    cao_mM : float
    release : {"stochastic", "mean"}
    settle : bool
        Carry the efficacy to 0 or 1 in the end, as a bistable rule does within an hour.

    Returns
    -------
    RuleResult

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the rule leaves [0, 1].
    """
    _check_rule(rule)
    if not isinstance(connection, Connection):
        raise ValueError(f"connection is {connection!r}; allowed: a Connection")
    if not isinstance(protocol, Protocol):
        raise ValueError(f"protocol is {protocol!r}; allowed: a Protocol")
    checks.generator(rng)
    checks.choice("release", release, ("stochastic", "mean"))
    thresholds = measure_thresholds(connection, cao_mM)
    run = CellRun(
        connection.cell,
        connection.synapses,
        connection.compartments,
        cao_mM=cao_mM,
        rho0=connection.rho0,
        release=release,
    )
    ap = find_action_potential(connection.cell)
    zero, pieces = _plan(protocol, ap.latency_ms)
    pre, post = protocol.times_ms()
    rho = connection.rho0.copy()
    for _ in range(protocol.sweeps):
        start = run.t_ms
        pulses = [ap.pulse(start + zero + float(t)) for t in post]
        run.schedule([start + zero + pre] * connection.n, pulses, rng=rng)
        t_ms, c_star = [np.array([start])], [_now(run)]
        for what, duration in pieces:
            if what == SKIP:
                _skip(run, duration, t_ms, c_star)
                continue
            step = R["fine_step"] if what == FINE else R["coarse_step"]
            every = round(R["coarse_step"] / step)
            record = run.advance(duration, step, every=every)
            assert record is not None
            t_ms.append(record.t_ms)
            c_star.append(record.c_star_uM_ms)
        _skip(run, max(start + protocol.interval_ms - run.t_ms, 0.0), t_ms, c_star)
        t, c = np.concatenate(t_ms) - start, np.concatenate(c_star, axis=1)
        for k, (low, high) in enumerate(thresholds.pairs):
            if low is not None and high is not None:
                rho[k] = _after(rule, float(rho[k]), t, c[k], low, high)
    end = (rho >= C["rho_star"]).astype(np.float64) if settle else rho
    before, after = (_epsp(connection, x, cao_mM, protocol) for x in (connection.rho0, end))
    return RuleResult(after / before, connection.rho0, end, thresholds)


def _now(run: CellRun) -> FloatArray:
    return run._rows()[:, [kernels.CS]].copy()


def _skip(run: CellRun, duration: float, t_ms: list[FloatArray], c_star: list[FloatArray]) -> None:
    """A silent time: dense at first, where c* still falls through thresholds."""
    if duration <= 0.0:
        return
    edges = duration * np.linspace(0.0, 1.0, TAIL_STEPS + 1) ** 2
    for piece in np.diff(edges):
        run.skip(float(piece))
        t_ms.append(np.array([run.t_ms]))
        c_star.append(_now(run))


def _epsp(connection: Connection, rho: FloatArray, cao_mM: float, protocol: Protocol) -> float:
    """The expected EPSP (mV) where efficacy may stand between its ends."""
    weak_mV, strong_mV = epsp_sizes(connection)
    scale = release_scaling(cao_mM)
    total = 0.0
    for k, s in enumerate(connection.synapses):
        use = min((s.use_weak + rho[k] * (s.use_strong - s.use_weak)) * scale, 1.0)
        size = weak_mV[k] + rho[k] * (strong_mV[k] - weak_mV[k])
        total += float(size * use * steady_share(s, use, protocol.interval_ms))
    return total
