"""Pairing at one synapse under a prescribed voltage: no cell, no chance.

The voltage at the spine is rest, plus an EPSP for each presynaptic spike in proportion to what it
releases, plus a template of the back-propagating action potential. Release is the average of the
stochastic one, and does not change within an experiment. That leaves out what decides most
outcomes in a real connection, chance; it shows what calcium alone asks for. Steps are a quarter
of a millisecond at spikes, which leaves c_post about 5 % too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex import kernels
from heterolib.neocortex.synapse import (
    EfficacyRule,
    Synapse,
    SynapseResult,
    efficacy_relaxed,
    release_scaling,
    run_synapse,
    simulate_release,
)
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import REDUCED_CELLS as R

TAIL_MS = 600.0  # followed after the last spike of a sweep: c* then has long passed its peak
TICK, LONG, AFTER, BEGIN = kernels.TICK, kernels.LONG, kernels.AFTER, kernels.BEGIN


@dataclass(frozen=True, eq=False)
class OneSynapse:
    """Pairing at one synapse.

    Attributes
    ----------
    sweep : SynapseResult
        The first sweep.
    rho : ndarray
        Efficacy before the first sweep, and after each with its pause.
    c_pre_uM_ms, c_post_uM_ms : float
        Peaks of c* after one spike of either side.
    theta_d_uM_ms, theta_p_uM_ms : float or None
    """

    sweep: SynapseResult = field(repr=False)
    rho: FloatArray = field(repr=False)
    c_pre_uM_ms: float
    c_post_uM_ms: float
    theta_d_uM_ms: float | None
    theta_p_uM_ms: float | None

    def summary(self) -> str:
        """What came out, in a line."""
        return (
            f"c* up to {self.sweep.c_star_uM_ms.max():.1f} µM ms; efficacy {self.rho[0]:.3f} to "
            f"{self.rho[-1]:.3f} in {self.rho.size - 1} sweeps"
        )


def _run(
    pre: FloatArray,
    post: FloatArray,
    end: float,
    synapse: Synapse,
    cao_mM: float,
    height_mV: float,
    release: str,
    **options: Any,
) -> SynapseResult:
    """One sweep of pre and postsynaptic spikes on whole ticks (ms)."""
    spikes = np.unique(np.concatenate([pre, post]))
    fine = [np.arange(0, AFTER + 1) * TICK + x for x in spikes]
    t = np.unique(np.concatenate([*fine, np.arange(0.0, end, LONG * TICK), [end]]))
    t = t[t <= end]
    v = np.full(t.size, R["template_rest"])
    r = simulate_release(pre, synapse, cao_mM=cao_mM, release=release) if pre.size else None
    share = r.released[0] / synapse.sites if r else np.zeros(0)
    for times, sizes, kind in (
        (pre, R["epsp_height"] * share, "epsp"),
        (post, np.full(post.size, height_mV), "template"),
    ):
        fast, slow = R[f"{kind}_rise"], R[f"{kind}_decay"]
        scale = kernels.double_exponential_scale(fast, slow)
        for x, size in zip(times, sizes, strict=True):
            since = np.maximum(t - x, 0.0)
            v += size * scale * (np.exp(-since / slow) - np.exp(-since / fast))
    return run_synapse(
        t, v, pre, cao_mM, release=release, parameters=synapse, step_ms=LONG * TICK, **options
    )


def pair_one_synapse(
    frequency_hz: float,
    dt_ms: float,
    *,
    pairs: int = int(C["train_spikes"]),
    sweeps: int = int(C["sweeps"]),
    interval_ms: float = C["sweep_interval"],
    cao_mM: float = C["calcium_out"],
    use: float = C["u"],
    height_mV: float = R["template_height"],
    rho0: float = 0.0,
    thresholds: tuple[float, float] | None = None,
    rule: EfficacyRule | None = None,
    duration_ms: float | None = None,
) -> OneSynapse:
    """Sweeps of paired spikes at one synapse whose voltage is prescribed, with mean release.

    Spike times are rounded to a quarter of a millisecond. Release and conductance keep their
    values; only the efficacy moves.

    Parameters
    ----------
    frequency_hz, dt_ms, pairs, sweeps, interval_ms
        As in `Protocol`.
    cao_mM : float
    use : float
        Utilisation of release at 2 mM.
    height_mV : float
        Of the action potential at the spine.
    rho0 : float
    thresholds : (float, float), optional
        theta_d and theta_p (µM ms). Default: those that `rule` makes of c_pre and c_post here,
        with the factors of a basal synapse.
    rule : EfficacyRule, optional
    duration_ms : float, optional
        Of a sweep that is followed; the rest of the interval is a pause.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> slow, fast = (pair_one_synapse(f, 5.0, cao_mM=2.0) for f in (5.0, 40.0))
    >>> bool(slow.rho[-1] < fast.rho[-1])
    True
    """
    f = checks.number("frequency_hz", frequency_hz, 0.5, 200.0)
    dt = checks.number("dt_ms", dt_ms, -500.0, 500.0)
    n = checks.whole("pairs", pairs, 1, 1000)
    repeats = checks.whole("sweeps", sweeps, 1, 10_000)
    u = checks.number("use", use, 0.0, 1.0)
    height = checks.number("height_mV", height_mV, 0.0, 150.0)
    rule = EfficacyRule() if rule is None else rule
    if not isinstance(rule, EfficacyRule):
        raise ValueError(f"rule is {rule!r}; allowed: an EfficacyRule or None")
    still = replace(rule, tau_expression_ms=math.inf)
    synapse = Synapse(use_weak=u, use_strong=u)
    release_scaling(cao_mM)  # refuses what is none
    period, lag = (math.floor(x / TICK + 0.5) for x in (1000.0 / f, dt))
    first = BEGIN + max(lag, 0)
    last = BEGIN + abs(lag) + (n - 1) * period
    end = TICK * LONG * math.floor((last + TAIL_MS / TICK) / LONG)
    if duration_ms is not None:
        end = checks.number("duration_ms", duration_ms, TICK * (last + 1), 1e6)
        end = TICK * LONG * math.floor(end / TICK / LONG)
    interval = checks.number("interval_ms", interval_ms, end, 1e9)
    none = np.zeros(0)
    alone = min(end, TAIL_MS) if duration_ms is None else end
    once = np.array([BEGIN * TICK])
    peaks = [
        float(
            _run(pre, post, alone, synapse, cao_mM, height, "full", rule=still).c_star_uM_ms.max()
        )
        for pre, post in ((once, none), (none, once))
    ]
    if thresholds is None:
        theta_d, theta_p = still.thresholds(peaks[0], peaks[1], "basal")
    else:
        theta_d, theta_p = (checks.number("thresholds", x, 0.0, 1e9) for x in thresholds)
    post = (first + period * np.arange(n)) * TICK
    rho = [checks.number("rho0", rho0, 0.0, 1.0)]
    runs = []
    for _ in range(repeats):
        r = _run(
            post - lag * TICK,
            post,
            end,
            synapse,
            cao_mM,
            height,
            "mean",
            rule=still,
            rho0=rho[-1],
            theta_d_uM_ms=theta_d,
            theta_p_uM_ms=theta_p,
        )
        runs.append(r)
        now = min(max(float(r.rho[-1]), 0.0), 1.0)
        rho.append(float(efficacy_relaxed(now, [interval - end])[0]))
    return OneSynapse(runs[0], np.array(rho), peaks[0], peaks[1], theta_d, theta_p)
