"""One spine: from a synaptic current to calcium.

The current jumps by I0 at each spike and decays with tau_I; a share y of it is calcium, scaled
by the weight w. Calcium is removed with time constant tau and leaves through the neck at k_s:

    I(t) = I0 sum_k exp(-(t - t_k) / tau_I)
    C_s' = w y I(t) / (Z F V_s) - k_s C_s - C_s / tau
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterolib import checks, kernels
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.plasticity import ThresholdRule
from heterolib.results import Result

PUBLISHED, CONSISTENT, SEALED = "published", "consistent", "sealed"
MOST_RECORDED = 2e8  # numbers; 1.6 GB
NECKS = {SEALED: kernels.SEALED, PUBLISHED: kernels.PUBLISHED, CONSISTENT: kernels.CONSISTENT}


@dataclass(frozen=True, kw_only=True)
class Spine:
    """Shape and current of a spine. Defaults: Shafiee 2026.

    Parameters
    ----------
    head_radius_um, neck_radius_um, neck_length_um : float
        The head is a sphere, the neck a tube (µm).
    decay_ms : float
        Time constant of removal in the head; infinity switches removal off.
    current_pA, current_decay_ms : float
        Jump and decay of the synaptic current at weight 1.
    calcium_fraction : float
        Share of the current that calcium carries.

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> round(Spine().volume_um3, 4)
    0.1646
    """

    head_radius_um: float = S["head_radius"]
    neck_radius_um: float = S["neck_radius"]
    neck_length_um: float = S["neck_length"]
    decay_ms: float = S["decay"]
    current_pA: float = S["current"]
    current_decay_ms: float = S["current_decay"]
    calcium_fraction: float = S["calcium_fraction"]

    def __post_init__(self) -> None:
        values = {
            name: checks.number(name, getattr(self, name), 0.001, 100.0)
            for name in ("head_radius_um", "neck_radius_um", "neck_length_um")
        }
        values["decay_ms"] = checks.number("decay_ms", self.decay_ms, 0.001, 1e9, infinite=True)
        values["current_pA"] = checks.number("current_pA", self.current_pA, 0.0, 1e6)
        values["current_decay_ms"] = checks.number(
            "current_decay_ms", self.current_decay_ms, 0.001, 1e6
        )
        values["calcium_fraction"] = checks.number(
            "calcium_fraction", self.calcium_fraction, 0.0, 1.0
        )
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def volume_um3(self) -> float:
        """V_s = 4/3 pi r_s^3, in µm³ (1 µm³ = 1 fl)."""
        return float(kernels.sphere(float(self.head_radius_um)))

    @property
    def gain_uM_per_pA_ms(self) -> float:
        """y / (Z F V_s): the calcium that one pA for one ms brings.

        1 pA ms is 1e-15 C and 1 µm³ is 1e-15 l, so only mol to µmol is left to convert.
        """
        y = float(self.calcium_fraction)
        return float(kernels.influx_gain(y, S["valence"], S["faraday"], self.volume_um3))

    def escape_per_ms(self, diffusion_um2_per_s: float, neck: str = PUBLISHED) -> float:
        """k_s, the rate at which calcium leaves the head through the neck.

        Parameters
        ----------
        diffusion_um2_per_s : float
            Diffusion coefficient (µm²/s); 0 closes the neck.
        neck : {"published", "consistent", "sealed"}
            "published": 1/k_s = V_s / (4 D a) + l² / (2 D), the search for the neck plus the
            time within it. "consistent": k_s = g / V_s with the conductance of
            `neck_conductance_um3_per_ms`. "sealed": 0.

        Raises
        ------
        ValueError
            If an argument lies outside its range.

        Examples
        --------
        >>> round(1000 * Spine().escape_per_ms(220.0), 3)
        409.996
        """
        checks.choice("neck", neck, (PUBLISHED, CONSISTENT, SEALED))
        d = checks.number("diffusion_um2_per_s", diffusion_um2_per_s, 0.0, 1e6) / 1000.0
        a, l_n = float(self.neck_radius_um), float(self.neck_length_um)
        return float(kernels.escape_rate(NECKS[neck], d, a, l_n, self.volume_um3))

    def neck_conductance_um3_per_ms(self, diffusion_um2_per_s: float) -> float:
        """g = D pi a² / (l + pi a / 2): a tube in series with its mouth.

        Examples
        --------
        >>> round(1000 * Spine().neck_conductance_um3_per_ms(220.0), 4)
        10.5185
        """
        d = checks.number("diffusion_um2_per_s", diffusion_um2_per_s, 0.0, 1e6) / 1000.0
        a, l_n = float(self.neck_radius_um), float(self.neck_length_um)
        return float(kernels.neck_conductance(d, a, l_n))

    def entry_per_ms(
        self, diffusion_um2_per_s: float, compartment_um3: float, neck: str = PUBLISHED
    ) -> float:
        """k_d, the rate at which calcium leaves a compartment of the shaft into the neck.

        Parameters
        ----------
        diffusion_um2_per_s, neck
            As in `escape_per_ms`.
        compartment_um3 : float
            Volume of the compartment (µm³).

        Examples
        --------
        >>> round(1000 * Spine().entry_per_ms(220.0, 0.7853981634), 3)
        112.045
        """
        checks.choice("neck", neck, (PUBLISHED, CONSISTENT, SEALED))
        d = checks.number("diffusion_um2_per_s", diffusion_um2_per_s, 0.0, 1e6) / 1000.0
        v = checks.number("compartment_um3", compartment_um3, 0.0, 1e12, low_open=True)
        a, l_n = float(self.neck_radius_um), float(self.neck_length_um)
        return float(kernels.entry_rate(NECKS[neck], d, a, l_n, v))

    def clearance_ms(self, diffusion_um2_per_s: float, neck: str = PUBLISHED) -> float:
        """Time constant of all losses together, 1 / (k_s + 1/tau), for a branch at zero.

        Examples
        --------
        >>> round(Spine().clearance_ms(220.0), 3)
        2.367
        """
        rate = self.escape_per_ms(diffusion_um2_per_s, neck) + 1.0 / self.decay_ms
        return math.inf if rate == 0.0 else 1.0 / rate


def calcium_of_pulse(
    t_ms: npt.ArrayLike,
    spine: Spine | None = None,
    *,
    weight: float = 1.0,
    diffusion_um2_per_s: float = S["diffusion"],
    neck: str = PUBLISHED,
) -> checks.FloatArray:
    """Calcium (µM) a time t after one spike, in closed form, for a fixed weight.

    C(t) = w g I0 (exp(-t/T) - exp(-t/tau_I)) / (1/tau_I - 1/T),  T the clearance time.

    Parameters
    ----------
    t_ms : array_like
        Times since the spike (ms); calcium is 0 before it.
    spine : Spine, optional
        Default: Shafiee 2026.
    weight : float
        In [0, 1].
    diffusion_um2_per_s, neck
        As in `Spine.escape_per_ms`.

    Returns
    -------
    ndarray
        Same shape as `t_ms`.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> c = calcium_of_pulse([0.0, 1.5, 80.0])
    >>> bool(c[0] == 0.0 and c[1] > 0.15 and c[2] < 1e-6)
    True
    """
    spine = Spine() if spine is None else spine
    if not isinstance(spine, Spine):
        raise ValueError(f"spine is {spine!r}; allowed: a Spine")
    w = checks.number("weight", weight, 0.0, 1.0)
    t = np.clip(checks.numbers("t_ms", t_ms), 0.0, None)
    tau_i, loss = spine.current_decay_ms, 1.0 / spine.clearance_ms(diffusion_um2_per_s, neck)
    gap = 1.0 / tau_i - loss
    if abs(gap) < 1e-9:
        shape = t * np.exp(-t * loss)
    else:
        shape = (np.exp(-t * loss) - np.exp(-t / tau_i)) / gap
    return np.asarray(w * spine.gain_uM_per_pA_ms * spine.current_pA * shape)


def simulate_spine(
    spine: Spine,
    spikes_ms: npt.ArrayLike,
    rule: ThresholdRule | None,
    duration_ms: float,
    *,
    weight: float = S["weight"],
    diffusion_um2_per_s: float = S["diffusion"],
    neck: str = PUBLISHED,
    step_ms: float = S["converged_step"],
) -> Result:
    """Run one spine whose neck opens into a branch held at zero calcium.

    Parameters
    ----------
    spine : Spine
    spikes_ms : array_like
        Sorted spike times (ms). A spike at or after the end has no effect.
    rule : ThresholdRule or None
        None keeps the weight fixed.
    duration_ms : float
        A whole number of steps.
    weight : float
        Start, in [0, 1].
    diffusion_um2_per_s, neck
        As in `Spine.escape_per_ms`.
    step_ms : float
        Calcium is exact for any step while the weight is fixed; with a rule the error is of
        second order.

    Returns
    -------
    Result
        With one spine; arrays have shape (1, n_t).

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> r = simulate_spine(Spine(), [10.0], None, 50.0, weight=1.0)
    >>> bool(abs(r.peak_uM[0] - calcium_of_pulse(r.t_ms - 10.0).max()) < 1e-12)
    True
    """
    if not isinstance(spine, Spine):
        raise ValueError(f"spine is {spine!r}; allowed: a Spine")
    if rule is not None and not isinstance(rule, ThresholdRule):
        raise ValueError(f"rule is {rule!r}; allowed: a ThresholdRule or None")
    spikes = checks.train("spikes_ms", spikes_ms)
    w = checks.number("weight", weight, 0.0, 1.0)
    h = checks.number("step_ms", step_ms, 1e-6, 1e3)
    duration = checks.number("duration_ms", duration_ms, 0.0, 1e9, low_open=True)
    n = checks.steps("duration_ms", duration, h)
    if 2.0 * n > MOST_RECORDED:
        raise ValueError(
            f"duration_ms is {duration:g}: {2.0 * n:.2g} numbers; allowed: at most "
            f"{MOST_RECORDED:.0g}. Use a longer step"
        )
    clearance = spine.clearance_ms(diffusion_um2_per_s, neck)
    calcium, weights = np.zeros(n + 1), np.full(n + 1, w)
    rates = rule.kernel_arguments() if rule is not None else (1.0, 1.0, 0.0, 0.0)
    kernels.spine_run(
        n,
        h,
        spikes,
        spikes.size,
        spine.gain_uM_per_pA_ms,
        spine.current_pA,
        spine.current_decay_ms,
        clearance if math.isfinite(clearance) else 1e300,
        *rates,
        int(rule is not None),
        calcium,
        weights,
    )
    return Result(
        t_ms=np.arange(n + 1) * h,
        calcium_uM=calcium[None, :],
        weights=weights[None, :],
        peak_uM=np.array([calcium.max()]),
        spikes_ms=(spikes,),
        system=spine,
        rule=rule,
        scheme="converged",
        step_ms=h,
    )
