"""Many runs on one branch in one call: every rule with every set of spike trains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from heterolib import checks, reduced
from heterolib.branch import CONVERGED, Branch
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.plasticity import ThresholdRule
from heterolib.reduced import Runs
from heterolib.spine import PUBLISHED


def simulate_many(
    branch: Branch,
    trains: Sequence[Sequence[npt.ArrayLike]],
    rules: Sequence[ThresholdRule] | npt.NDArray[np.float64],
    duration_ms: float,
    *,
    weights: float | npt.ArrayLike = S["weight"],
    scheme: str = CONVERGED,
    step_ms: float | None = None,
    peaks: bool = False,
    feedback: bool = True,
    tolerance: float | None = None,
    progress: bool = False,
) -> Runs:
    """Final weights of every rule with every set of trains, by the reduced engine.

    Parameters
    ----------
    branch : Branch
    trains : sequence of sequence of array_like
        Sets of spike trains (ms), each with one sorted train per spine.
    rules : sequence of ThresholdRule, or ndarray of shape (n_rules, 4)
        A table holds theta_p, theta_d (µM), gamma_p, gamma_d (1/s); there theta_d may exceed
        theta_p, as in the published maps.
    duration_ms : float
        A whole number of steps in the published scheme.
    weights : float or array_like, shape (n_spines,) or (n_trains, n_spines)
        At the start, in [0, 1].
    scheme : {"converged", "published"}
    step_ms : float, optional
        Default: 0.25 published; 0.05 converged, where it is the first step after a spike.
    peaks : bool
        True: peaks are those of `simulate`. False, faster: peaks that stay below the lower
        threshold may be missed. Weights are the same.
    feedback : bool
        False: the current does not carry the weight; calcium is then that of weight 1
        (converged scheme only).
    tolerance : float, optional
        Of `heterolib.reduced.reduce`.
    progress : bool
        Show a bar. The runs can be interrupted either way.

    Returns
    -------
    Runs
        Arrays have shape (n_rules, n_trains, n_spines).

    Raises
    ------
    ValueError
        If an argument lies outside its range; before anything is computed.

    Examples
    --------
    >>> branch = Branch([40.125, 41.125])
    >>> rules = [ThresholdRule(gamma_p_per_s=g) for g in (1.0, 2.0, 4.0)]
    >>> runs = simulate_many(branch, [[[1.0], []], [[1.0], [11.0]]], rules, 500.0)
    >>> runs.weights.shape
    (3, 2, 2)
    """
    if not isinstance(branch, Branch):
        raise ValueError(f"branch is {branch!r}; allowed: a Branch")
    checks.choice("scheme", scheme, (CONVERGED, PUBLISHED))
    published = scheme == PUBLISHED
    default = S["time_step"] if published else S["converged_step"]
    h = checks.number("step_ms", default if step_ms is None else step_ms, 1e-6, 1e3)
    duration = checks.number("duration_ms", duration_ms, 0.0, 1e9, low_open=True)
    if published:
        duration = checks.steps("duration_ms", duration, h) - 1
        if not feedback:
            raise ValueError("feedback is False; allowed: True with the published scheme")
    if not isinstance(trains, list | tuple) or not trains:
        raise ValueError(f"trains is {trains!r}; allowed: one or more sets of trains")
    sets = [
        checks.spike_trains(f"trains[{k}]", one, branch.n_spines) for k, one in enumerate(trains)
    ]
    table = _table(rules)
    fastest = float((table[:, 2] + table[:, 3]).max())
    if published and h * fastest > 1.0:
        raise ValueError(
            f"rules hold gamma_p + gamma_d of {1000.0 * fastest:g} per s; allowed: at most "
            f"{1000.0 / h:g} with the published scheme"
        )
    return reduced.many(
        branch,
        sets,
        table,
        duration,
        _weights(weights, len(sets), branch.n_spines),
        scheme,
        h,
        exact_peaks=peaks,
        feedback=feedback,
        tolerance=tolerance,
        progress=progress,
    )


def _table(rules: object) -> checks.FloatArray:
    """Rows theta_p, theta_d (µM), gamma_p, gamma_d (1/ms)."""
    allowed = "allowed: ThresholdRules, or a table of shape (n_rules, 4)"
    if isinstance(rules, np.ndarray):
        if rules.ndim != 2 or rules.shape[1] != 4 or len(rules) == 0:
            raise ValueError(f"rules has shape {rules.shape}; {allowed}")
        for k, name in enumerate(("theta_p_uM", "theta_d_uM", "gamma_p_per_s", "gamma_d_per_s")):
            checks.vector(f"rules[:, {k}] ({name})", rules[:, k], 1e-12 if k < 2 else 0.0, 1e6)
        return np.asarray(rules * [1.0, 1.0, 1e-3, 1e-3])
    if not isinstance(rules, list | tuple) or not rules:
        raise ValueError(f"rules is {rules!r}; {allowed}")
    for k, rule in enumerate(rules):
        if not isinstance(rule, ThresholdRule):
            raise ValueError(f"rules[{k}] is {rule!r}; {allowed}")
    return np.array([rule.kernel_arguments() for rule in rules])


def _weights(weights: object, n_trains: int, n_spines: int) -> checks.FloatArray:
    if not isinstance(weights, list | tuple | np.ndarray):
        return np.full((n_trains, n_spines), checks.number("weights", weights, 0.0, 1.0))
    try:
        w = np.asarray(weights)
    except ValueError:  # ragged; the message below names the argument
        w = np.empty(0)
    if w.ndim == 2:
        if w.shape != (n_trains, n_spines):
            raise ValueError(
                f"weights has shape {w.shape}; allowed: ({n_spines},) or ({n_trains}, {n_spines})"
            )
        return checks.vector("weights", w.ravel(), 0.0, 1.0).reshape(w.shape)
    one = checks.vector("weights", weights, 0.0, 1.0, size=n_spines)
    return np.repeat(one[None, :], n_trains, axis=0)
