"""How the weight moves: rules that read calcium.

The threshold rule of the book, for weights between 0 and 1:

    w' = gamma_P (1 - w) H(C - theta_P) - gamma_D w H(C - theta_D)

Both terms act above theta_P. Below theta_D nothing moves. Rates are given per second, as in the
papers; inside they are 1/ms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterolib import checks, kernels
from heterolib.parameters import GRAUPNER_2012 as G
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.parameters import SONG_2000, ParameterSet
from heterolib.parameters.registry import of_set


@dataclass(frozen=True, kw_only=True)
class ThresholdRule:
    """High calcium strengthens, moderate weakens, low leaves alone. Defaults: Shafiee 2026.

    Parameters
    ----------
    theta_p_uM, theta_d_uM : float
        Thresholds of strengthening and weakening (µM), theta_d <= theta_p.
    gamma_p_per_s, gamma_d_per_s : float
        Rates (1/s).

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> rule = ThresholdRule(theta_p_uM=0.07, theta_d_uM=0.05)
    >>> rule.outcome(0.08), rule.outcome(0.06), rule.outcome(0.01)
    ('strengthens', 'weakens', 'stays')
    """

    theta_p_uM: float = S["theta_p"]
    theta_d_uM: float = S["theta_d"]
    gamma_p_per_s: float = S["gamma_p"]
    gamma_d_per_s: float = S["gamma_d"]

    def __post_init__(self) -> None:
        p = checks.number("theta_p_uM", self.theta_p_uM, 0.0, 1e6, low_open=True)
        d = checks.number("theta_d_uM", self.theta_d_uM, 0.0, 1e6, low_open=True)
        if d > p:
            raise ValueError(
                f"theta_d_uM is {self.theta_d_uM!r}; allowed: a number in (0, {p:g}], "
                "at most theta_p_uM"
            )
        rates = {
            name: checks.number(name, getattr(self, name), 0.0, 1e6)
            for name in ("gamma_p_per_s", "gamma_d_per_s")
        }
        for name, value in {"theta_p_uM": p, "theta_d_uM": d, **rates}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, parameters: ParameterSet) -> ThresholdRule:
        """The rule with the values of a parameter set or variant."""
        of_set("parameters", parameters)
        return cls(
            theta_p_uM=parameters["theta_p"],
            theta_d_uM=parameters["theta_d"],
            gamma_p_per_s=parameters["gamma_p"],
            gamma_d_per_s=parameters["gamma_d"],
        )

    def kernel_arguments(self) -> tuple[float, float, float, float]:
        """theta_P, theta_D (µM), gamma_P, gamma_D (1/ms), as the kernels take them."""
        return (
            float(self.theta_p_uM),
            float(self.theta_d_uM),
            self.gamma_p_per_s / 1000.0,
            self.gamma_d_per_s / 1000.0,
        )

    def rate_per_s(self, calcium_uM: npt.ArrayLike, weight: npt.ArrayLike) -> checks.FloatArray:
        """w' (1/s) at the given calcium and weight; the arguments broadcast."""
        c = checks.numbers("calcium_uM", calcium_uM)
        w = checks.numbers("weight", weight)
        try:
            np.broadcast_shapes(c.shape, w.shape)
        except ValueError as error:
            raise ValueError(
                f"calcium_uM and weight have shapes {c.shape} and {w.shape}; "
                "allowed: shapes that broadcast"
            ) from error
        grow = self.gamma_p_per_s * (1.0 - w) * (c > self.theta_p_uM)
        return np.asarray(grow - self.gamma_d_per_s * w * (c > self.theta_d_uM))

    @property
    def ceiling(self) -> float:
        """The weight that lasting high calcium leads to, gamma_P / (gamma_P + gamma_D).

        Above it even high calcium weakens. NaN if both rates are 0.

        Examples
        --------
        >>> round(ThresholdRule().ceiling, 4)
        0.697
        """
        total = self.gamma_p_per_s + self.gamma_d_per_s
        return math.nan if total == 0.0 else self.gamma_p_per_s / total

    def outcome(self, calcium_uM: float, weight: float = S["weight"]) -> str:
        """'strengthens', 'weakens' or 'stays': the sign of w' at constant calcium."""
        c = checks.number("calcium_uM", calcium_uM, 0.0, 1e9)
        rate = float(self.rate_per_s(c, checks.number("weight", weight, 0.0, 1.0)))
        return "strengthens" if rate > 0.0 else "weakens" if rate < 0.0 else "stays"

    def after(self, calcium_uM: float, duration_ms: float, weight: float) -> float:
        """The weight after a time at constant calcium, in closed form.

        Examples
        --------
        >>> round(ThresholdRule().after(0.003, 1000.0, 0.5), 6)  # 0.5 / e
        0.18394
        """
        c = checks.number("calcium_uM", calcium_uM, 0.0, 1e9)
        t = checks.number("duration_ms", duration_ms, 0.0, 1e12)
        w = checks.number("weight", weight, 0.0, 1.0)
        return float(kernels.weight_step(w, c, c, t, *self.kernel_arguments()))

    def evolve(self, t_ms: npt.ArrayLike, calcium_uM: npt.ArrayLike, weight: float) -> np.ndarray:
        """The weight along a calcium trace, taken as linear between its samples.

        Parameters
        ----------
        t_ms : array_like, shape (n_t,)
            Evenly spaced times (ms).
        calcium_uM : array_like, shape (n_t,)
        weight : float
            Start, in [0, 1].

        Returns
        -------
        ndarray, shape (n_t,)

        Raises
        ------
        ValueError
            If times are uneven, shapes differ, or values lie outside their range.

        Examples
        --------
        >>> rule = ThresholdRule()
        >>> w = rule.evolve([0.0, 500.0, 1000.0], [0.003, 0.003, 0.003], 0.5)
        >>> bool(abs(w[-1] - rule.after(0.003, 1000.0, 0.5)) < 1e-12)
        True
        """
        h, calcium, w = _trace(t_ms, calcium_uM, weight, "calcium_uM", "weight")
        kernels.threshold_run(calcium.size, h, calcium, *self.kernel_arguments(), w)
        return w


@dataclass(frozen=True, kw_only=True)
class PairRule:
    """Pairs of an input and a response of the cell: a rule without calcium. Song et al. 2000.

    An input a time s before a response adds A+ exp(-s / tau+), a response before an input takes
    A- exp(-s / tau-). All pairs count; the weight stays within 0 and 1. An input at the very time
    of a response counts as before it.

    Parameters
    ----------
    a_plus, a_minus : float
        Largest gain and loss.
    tau_plus_ms, tau_minus_ms : float
        Time constants (ms).

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> rule = PairRule()
    >>> rule.after([0.0], [10.0], 0.5) > 0.5 > rule.after([10.0], [0.0], 0.5)
    True
    """

    a_plus: float = SONG_2000["a_plus"]
    a_minus: float = SONG_2000["a_minus"]
    tau_plus_ms: float = SONG_2000["tau_plus"]
    tau_minus_ms: float = SONG_2000["tau_minus"]

    def __post_init__(self) -> None:
        values = {
            "a_plus": checks.number("a_plus", self.a_plus, 0.0, 1.0),
            "a_minus": checks.number("a_minus", self.a_minus, 0.0, 1.0),
            "tau_plus_ms": checks.number("tau_plus_ms", self.tau_plus_ms, 1e-3, 1e6),
            "tau_minus_ms": checks.number("tau_minus_ms", self.tau_minus_ms, 1e-3, 1e6),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def after(self, pre_ms: npt.ArrayLike, post_ms: npt.ArrayLike, weight: float) -> float:
        """The weight after a train of inputs and a train of responses.

        Parameters
        ----------
        pre_ms, post_ms : array_like
            Sorted times (ms).
        weight : float
            Start, in [0, 1].

        Raises
        ------
        ValueError
            If an argument lies outside its range.
        """
        pre, post = checks.train("pre_ms", pre_ms), checks.train("post_ms", post_ms)
        w = checks.number("weight", weight, 0.0, 1.0)
        events = sorted([(t, 0) for t in pre.tolist()] + [(t, 1) for t in post.tolist()])
        gain = loss = last = 0.0
        for t, response in events:
            gain *= math.exp(-(t - last) / self.tau_plus_ms)
            loss *= math.exp(-(t - last) / self.tau_minus_ms)
            last = t
            if response:
                loss += self.a_minus
                w = min(1.0, w + gain)
            else:
                gain += self.a_plus
                w = max(0.0, w - loss)
        return w


@dataclass(frozen=True, kw_only=True)
class BistableRule:
    """Two thresholds and two stable states. Defaults: Graupner & Brunel 2012.

    The rule::

        tau rho' = -rho (1 - rho) (rho* - rho) + gamma_P (1 - rho) H(c - theta_P)
                   - gamma_D rho H(c - theta_D)

    Left alone, the efficacy rho falls to 0 from below rho* and climbs to 1 from above it.
    Calcium is dimensionless here. The noise term of the paper is left out.

    Parameters
    ----------
    theta_p, theta_d : float
        Thresholds, theta_d <= theta_p.
    gamma_p, gamma_d : float
        Strengths, dimensionless.
    rho_star : float
        The unstable point, in (0, 1).
    tau_ms : float
        Time constant (ms).

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(0.0, 2_000_000.0, 100.0)
    >>> rho = BistableRule().evolve(t, np.zeros(t.size), 0.6)
    >>> bool(rho[-1] > 0.8)
    True
    """

    theta_p: float = G["theta_p"]
    theta_d: float = G["theta_d"]
    gamma_p: float = G["gamma_p"]
    gamma_d: float = G["gamma_d"]
    rho_star: float = G["rho_star"]
    tau_ms: float = G["tau"]

    def __post_init__(self) -> None:
        p = checks.number("theta_p", self.theta_p, 0.0, 1e6, low_open=True)
        values = {
            "theta_p": p,
            "theta_d": checks.number("theta_d", self.theta_d, 0.0, p, low_open=True),
            "gamma_p": checks.number("gamma_p", self.gamma_p, 0.0, 1e6),
            "gamma_d": checks.number("gamma_d", self.gamma_d, 0.0, 1e6),
            "rho_star": checks.number("rho_star", self.rho_star, 0.001, 0.999),
            "tau_ms": checks.number("tau_ms", self.tau_ms, 1.0, 1e9),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def evolve(self, t_ms: npt.ArrayLike, calcium: npt.ArrayLike, rho: float) -> np.ndarray:
        """The efficacy along a calcium trace, taken as linear between its samples.

        Parameters
        ----------
        t_ms : array_like, shape (n_t,)
            Evenly spaced times (ms).
        calcium : array_like, shape (n_t,)
        rho : float
            Start, in [0, 1].

        Returns
        -------
        ndarray, shape (n_t,)

        Raises
        ------
        ValueError
            If times are uneven, shapes differ, values lie outside their range, or the spacing
            is too coarse for the rates (spacing times (gamma_p + gamma_d + 1) above tau).
        """
        h, c, out = _trace(t_ms, calcium, rho, "calcium", "rho")
        if h * (self.gamma_p + self.gamma_d + 1.0) > self.tau_ms:
            raise ValueError(
                f"t_ms has spacing {h:g}; allowed: at most "
                f"{self.tau_ms / (self.gamma_p + self.gamma_d + 1.0):g} ms for these rates"
            )
        kernels.bistable_run(
            c.size,
            h,
            c,
            float(self.theta_p),
            float(self.theta_d),
            float(self.gamma_p),
            float(self.gamma_d),
            float(self.rho_star),
            float(self.tau_ms),
            out,
        )
        return out


def _trace(
    t_ms: npt.ArrayLike, calcium: npt.ArrayLike, start: float, calcium_name: str, start_name: str
) -> tuple[float, np.ndarray, np.ndarray]:
    t = checks.vector("t_ms", t_ms, -1e12, 1e12)
    c = checks.vector(calcium_name, calcium, 0.0, 1e9, size=t.size)
    if t.size < 2:
        raise ValueError(f"t_ms holds {t.size} times; allowed: two or more")
    h = float(t[-1] - t[0]) / (t.size - 1)
    if h <= 0.0 or np.abs(np.diff(t) - h).max() > 1e-6 * h:
        raise ValueError(f"t_ms is {t_ms!r}; allowed: evenly spaced, ascending times")
    w = np.zeros(t.size)
    w[0] = checks.number(start_name, start, 0.0, 1.0)
    return h, c, w


def spike_calcium(
    t_ms: npt.ArrayLike,
    pre_ms: npt.ArrayLike,
    post_ms: npt.ArrayLike,
    parameters: Mapping[str, float] = G,
) -> np.ndarray:
    """Calcium at one synapse that jumps at pre- and postsynaptic spikes (dimensionless).

    c(t) = C_pre sum exp(-(t - t_pre - D)/tau_c) + C_post sum exp(-(t - t_post)/tau_c)

    A rule that takes the trace as linear between samples smears each jump over one interval;
    halve the spacing to see what that costs.

    Parameters
    ----------
    t_ms : array_like, shape (n_t,)
    pre_ms, post_ms : array_like
        Sorted spike times (ms).
    parameters : mapping
        Holds calcium_pre, calcium_post, calcium_decay, calcium_delay; default: Graupner 2012.

    Returns
    -------
    ndarray, shape (n_t,)

    Raises
    ------
    ValueError
        If times are not sorted, not finite or negative.

    Examples
    --------
    >>> float(spike_calcium([0.0], [], [0.0])[0])
    2.0
    """
    t = checks.vector("t_ms", t_ms, -1e12, 1e12)
    pre, post = checks.train("pre_ms", pre_ms), checks.train("post_ms", post_ms)
    wanted = ("calcium_pre", "calcium_post", "calcium_decay", "calcium_delay")
    if not isinstance(parameters, Mapping) or any(name not in parameters for name in wanted):
        raise ValueError(f"parameters is {parameters!r}; allowed: a mapping with {wanted}")
    c = np.zeros(t.size)
    jumps = ((pre + parameters["calcium_delay"], "calcium_pre"), (post, "calcium_post"))
    for times, size in jumps:
        for t_k in times:
            since = t - t_k
            on = since >= 0.0
            c[on] += parameters[size] * np.exp(-since[on] / parameters["calcium_decay"])
    return c
