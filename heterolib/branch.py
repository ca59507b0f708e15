"""A dendritic branch with spines: calcium that travels.

    C_d' = D d²C_d/dx² - C_d / tau           [at a spine: - k_d C_d + (gain of the shaft) C_s]
    C_s' = w y I(t) / (Z F V_s) - k_s C_s - C_s / tau + (gain of the spine) C_d

Sealed ends. Two physics of the neck:

* "published": 1/k_s = V_s / (4 D a) + l² / (2 D), k_d = 4 D a / V_comp; the shaft gains k_s C_s
  and the spine k_d C_d, concentrations without the ratio of volumes. Spine values are right for
  these rates, shaft values come out V_comp / V_s times too high (4.77 for the published
  geometry), and calcium is not conserved.
* "consistent": one conductance g for both ways; the flux g (C_s - C_d) changes the spine by
  1/V_s and the shaft by 1/V_comp. Calcium is conserved and equal concentrations are at rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from heterolib import checks, kernels, reduced
from heterolib.parameters import SHAFIEE_2026 as S
from heterolib.plasticity import ThresholdRule
from heterolib.results import Result
from heterolib.spine import CONSISTENT, PUBLISHED, Spine

CONVERGED = "converged"
RECORDS = ("traces", "final", "all")
AUTO, GRID, REDUCED = "auto", "grid", "reduced"
MOST_RECORDED = 2e8  # numbers; 1.6 GB
CHUNK = 200_000  # steps between two chances to interrupt


@dataclass(frozen=True)
class Branch:
    """A straight branch with identical spines. Defaults: Shafiee 2026.

    Parameters
    ----------
    spines_um : sequence of float
        Where the spines sit (µm from one end); each is placed in the compartment that holds
        the point, one spine per compartment.
    diffusion_um2_per_s : float
        D (µm²/s). 0 stops diffusion along the branch and through the necks.
    length_um, radius_um : float
        Of the branch (µm).
    compartments : int
        Number of equal compartments.
    decay_ms : float
        Time constant of removal in the shaft; infinity switches it off.
    neck : {"published", "consistent"}
        The physics of the exchange between spine and shaft, see the module.
    spine : Spine
        Shape and current of every spine.

    Raises
    ------
    ValueError
        If a value lies outside its range, or two spines share a compartment.

    Examples
    --------
    >>> branch = Branch([25.125, 25.875])
    >>> branch.site
    (100, 103)
    >>> round(branch.length_constant_um, 3)
    4.195
    """

    spines_um: Sequence[float]
    diffusion_um2_per_s: float = S["diffusion"]
    length_um: float = S["branch_length"]
    radius_um: float = S["branch_radius"]
    compartments: int = int(S["compartments"])
    decay_ms: float = S["decay"]
    neck: str = PUBLISHED
    spine: Spine = field(default_factory=Spine)

    def __post_init__(self) -> None:
        length = checks.number("length_um", self.length_um, 0.1, 1e5)
        d = checks.number("diffusion_um2_per_s", self.diffusion_um2_per_s, 0.0, 1e6)
        values = {
            "diffusion_um2_per_s": d,
            "length_um": length,
            "radius_um": checks.number("radius_um", self.radius_um, 0.01, 100.0),
            "compartments": checks.whole("compartments", self.compartments, 2, 100_000),
            "decay_ms": checks.number("decay_ms", self.decay_ms, 0.001, 1e9, infinite=True),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        checks.choice("neck", self.neck, (PUBLISHED, CONSISTENT))
        if not isinstance(self.spine, Spine):
            raise ValueError(f"spine is {self.spine!r}; allowed: a Spine")
        places = checks.vector("spines_um", self.spines_um, 0.0, length)
        if places.size == 0:
            raise ValueError("spines_um is empty; allowed: one or more positions")
        object.__setattr__(self, "spines_um", tuple(float(x) for x in places))
        seen: dict[int, float] = {}
        for x, i in zip(self.spines_um, self.site, strict=True):
            if i in seen:
                raise ValueError(
                    f"spines_um holds {seen[i]:g} and {x:g}, both in compartment {i}; allowed: "
                    f"one spine per compartment of {self.dx_um:g} µm"
                )
            seen[i] = x

    @property
    def n_spines(self) -> int:
        """How many spines the branch carries."""
        return len(self.spines_um)

    @property
    def dx_um(self) -> float:
        """Length of a compartment (µm)."""
        return self.length_um / self.compartments

    @property
    def x_um(self) -> checks.FloatArray:
        """Centres of the compartments (µm), shape (compartments,)."""
        return (np.arange(self.compartments) + 0.5) * self.dx_um

    @property
    def site(self) -> tuple[int, ...]:
        """The compartment of each spine."""
        last = self.compartments - 1
        return tuple(min(int(x / self.dx_um + 1e-9), last) for x in self.spines_um)

    @property
    def compartment_um3(self) -> float:
        """V_comp = pi r² dx (µm³)."""
        return math.pi * self.radius_um**2 * self.dx_um

    @property
    def length_constant_um(self) -> float:
        """sqrt(D tau): how far calcium spreads along the shaft before it is removed (µm)."""
        return math.sqrt(self.diffusion_um2_per_s / 1000.0 * self.decay_ms)

    @property
    def exchange_per_ms(self) -> tuple[float, float, float, float]:
        """k_d, k_s, gain of the shaft, gain of the spine (1/ms).

        The shaft loses k_d C_d and gains (gain of the shaft) C_s; the spine loses k_s C_s and
        gains (gain of the spine) C_d.

        Examples
        --------
        >>> k_d, k_s, _, _ = Branch([40.125]).exchange_per_ms
        >>> round(1000 * k_d, 3), round(1000 * k_s, 3)
        (112.045, 409.996)
        """
        d, neck = self.diffusion_um2_per_s, self.neck
        k_s = self.spine.escape_per_ms(d, neck)
        k_d = self.spine.entry_per_ms(d, self.compartment_um3, neck)
        return (k_d, k_s, k_d, k_s) if neck == CONSISTENT else (k_d, k_s, k_s, k_d)


def _start(branch: Branch, weights: object) -> checks.FloatArray:
    if isinstance(weights, list | tuple | np.ndarray):
        return checks.vector("weights", weights, 0.0, 1.0, size=branch.n_spines)
    return np.full(branch.n_spines, checks.number("weights", weights, 0.0, 1.0))


def _factor(
    branch: Branch, site: checks.FloatArray, h: float, published: bool
) -> tuple[dict[str, float], checks.FloatArray, checks.FloatArray]:
    """Rates times h (backward Euler) or h / 2 (Crank-Nicolson), and the factored matrix."""
    q = h if published else 0.5 * h
    k_d, k_s, in_d, in_s = (q * rate for rate in branch.exchange_per_ms)
    hop = q * branch.diffusion_um2_per_s / 1000.0 / branch.dx_um**2
    loss, loss_spine = q / branch.decay_ms, q / branch.spine.decay_ms
    n = branch.compartments
    ratio, pivot = np.zeros(n), np.zeros(n)
    kernels.branch_factor(
        n,
        branch.n_spines,
        site,
        hop,
        loss,
        0.0 if published else loss,  # the published end compartments have no decay
        loss_spine,
        k_d,
        k_s,
        in_d,
        in_s,
        ratio,
        pivot,
    )
    rates = {"hop": hop, "loss_spine": loss_spine, "k_s": k_s, "in_d": in_d, "in_s": in_s}
    return rates, ratio, pivot


def simulate(
    branch: Branch,
    spikes_ms: Sequence[npt.ArrayLike],
    rule: ThresholdRule | None,
    duration_ms: float,
    *,
    weights: float | npt.ArrayLike = S["weight"],
    scheme: str = CONVERGED,
    step_ms: float | None = None,
    record: str = "traces",
    shaft_every_ms: float | None = None,
    initial_calcium_uM: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    progress: bool = False,
    engine: str = AUTO,
) -> Result:
    """Run a branch.

    Parameters
    ----------
    branch : Branch
    spikes_ms : sequence of array_like
        One sorted train of spike times (ms) per spine; empty for a silent spine. A spike at or
        after the end has no effect.
    rule : ThresholdRule or None
        None keeps the weights fixed.
    duration_ms : float
        A whole number of steps.
    weights : float or array_like, shape (n_spines,)
        At the start, in [0, 1].
    scheme : {"converged", "published"}
        "converged": Crank-Nicolson with the exact mean current of each step and crossings
        found within the step, second order. "published": backward Euler and forward Euler as
        in the authors' code, to meet its printed digits; spikes are moved down to the grid.
    step_ms : float, optional
        Default: 0.05 converged, 0.25 published. In the converged scheme the reduced engine
        takes it for the first step after a spike; later ones grow.
    record : {"traces", "final", "all"}
        "traces": calcium and weight of each spine at every step. "final": last values only,
        memory does not grow with time. "all": traces and snapshots of the shaft.
    shaft_every_ms : float, optional
        Interval of the snapshots, a whole number of steps; default: every step.
    initial_calcium_uM : (spines, shaft), optional
        Start from these concentrations, shapes (n_spines,) and (compartments,); default 0.
    progress : bool
        Show a bar. The run can be interrupted either way.
    engine : {"auto", "grid", "reduced"}
        "grid": every compartment, every step. "reduced": only the modes that the spines see,
        and no step through silence; for ``record="final"`` from rest, hundreds of times faster.
        Both schemes agree between engines: published to 1e-10, converged to second order in
        the step. "auto": reduced where it can.

    Returns
    -------
    Result
        With ``scheme="published"`` times run 0, h, 2h, ... below the duration, as in the
        published code; otherwise the end is included.

    Raises
    ------
    ValueError
        If an argument lies outside its range; before anything is computed.

    Examples
    --------
    The two-spine experiment of figure 2 of Shafiee 2026, one pulse per burst:

    >>> branch = Branch([25.125, 25.875])
    >>> rule = ThresholdRule(theta_p_uM=0.004, theta_d_uM=0.002)
    >>> trains = [[1, 201, 401, 601, 801], []]
    >>> r = simulate(branch, trains, rule, 1000.0, scheme="published")
    >>> [round(float(w), 4) for w in r.final_weights]
    [0.5257, 0.4762]
    """
    if not isinstance(branch, Branch):
        raise ValueError(f"branch is {branch!r}; allowed: a Branch")
    if rule is not None and not isinstance(rule, ThresholdRule):
        raise ValueError(f"rule is {rule!r}; allowed: a ThresholdRule or None")
    checks.choice("scheme", scheme, (CONVERGED, PUBLISHED))
    checks.choice("record", record, RECORDS)
    checks.choice("engine", engine, (AUTO, GRID, REDUCED))
    published = scheme == PUBLISHED
    able = record == "final" and initial_calcium_uM is None
    if engine == REDUCED and not able:
        raise ValueError(
            "engine is 'reduced'; allowed: with record='final' and no initial_calcium_uM"
        )
    fast = engine == REDUCED or (engine == AUTO and able and reduced.suits(branch))
    default = S["time_step"] if published else S["converged_step"]
    h = checks.number("step_ms", default if step_ms is None else step_ms, 1e-6, 1e3)
    duration = checks.number("duration_ms", duration_ms, 0.0, 1e9, low_open=True)
    n_steps = checks.steps("duration_ms", duration, h) - int(published)
    trains = checks.spike_trains("spikes_ms", spikes_ms, branch.n_spines)
    weight = _start(branch, weights)
    rates_of_rule = rule.kernel_arguments() if rule is not None else (1.0, 1.0, 0.0, 0.0)
    if published and rule is not None and h * (rates_of_rule[2] + rates_of_rule[3]) > 1.0:
        raise ValueError(
            f"gamma_p_per_s + gamma_d_per_s is {rule.gamma_p_per_s + rule.gamma_d_per_s:g}; "
            f"allowed: at most {1000.0 / h:g} with the published scheme, whose forward Euler "
            "step would otherwise leave [0, 1]"
        )
    snap = h if shaft_every_ms is None else checks.number("shaft_every_ms", shaft_every_ms, h, 1e9)
    every_shaft = checks.steps("shaft_every_ms", snap, h) if record == "all" else 0
    n, n_spines = branch.compartments, branch.n_spines
    every = 0 if record == "final" else 1
    n_t = n_steps + 1 if every else 1
    n_u = n_steps // every_shaft + 1 if every_shaft else 0
    if 2.0 * n_spines * n_t + n * n_u > MOST_RECORDED:
        raise ValueError(
            f"record is {record!r}: {2.0 * n_spines * n_t + n * n_u:.2g} numbers; allowed: at "
            f"most {MOST_RECORDED:.0g}. Use record='final', a longer step or shaft_every_ms"
        )
    spine: checks.FloatArray = np.zeros(n_spines)
    shaft: checks.FloatArray = np.zeros(n)
    if initial_calcium_uM is not None:
        try:
            first, second = initial_calcium_uM
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"initial_calcium_uM is {initial_calcium_uM!r}; allowed: (spines, shaft)"
            ) from error
        spine = checks.vector("initial_calcium_uM[0]", first, 0.0, 1e9, size=n_spines)
        shaft = checks.vector("initial_calcium_uM[1]", second, 0.0, 1e9, size=n)

    if fast:
        runs = reduced.many(
            branch,
            [trains],
            None if rule is None else np.array([rates_of_rule]),
            n_steps if published else n_steps * h,
            weight,
            scheme,
            h,
            progress=progress,
        )
        return Result(
            t_ms=np.array([n_steps * h]),
            calcium_uM=runs.calcium_uM.reshape(n_spines, 1),
            weights=runs.weights.reshape(n_spines, 1),
            peak_uM=runs.peak_uM.reshape(n_spines),
            spikes_ms=trains,
            system=branch,
            rule=rule,
            scheme=scheme,
            step_ms=h,
        )

    site = np.array(branch.site, dtype=np.float64)
    rates, ratio, pivot = _factor(branch, site, h, published)
    stop = np.cumsum([t.size for t in trains]).astype(np.float64)
    following = np.concatenate(([0.0], stop[:-1]))
    calcium_out: checks.FloatArray = np.zeros(n_spines * n_t)
    weight_out: checks.FloatArray = np.zeros(n_spines * n_t)
    shaft_out = np.zeros(n * n_u)
    if every:
        calcium_out[::n_t], weight_out[::n_t] = spine, weight
    shaft_out[: n * min(n_u, 1)] = shaft[: n * min(n_u, 1)]
    peak, drive = spine.copy(), np.zeros(n_spines)
    shaft_old, spine_old = np.zeros(n), np.zeros(n_spines)
    spikes = np.concatenate(trains)
    for first_step, count in _chunks(n_steps, progress):
        kernels.branch_run(
            first_step,
            count,
            h,
            int(published),
            n,
            n_spines,
            site,
            rates["hop"],
            rates["loss_spine"],
            rates["k_s"],
            rates["in_d"],
            rates["in_s"],
            ratio,
            pivot,
            spikes,
            stop,
            following,
            branch.spine.gain_uM_per_pA_ms,
            float(branch.spine.current_pA),
            float(branch.spine.current_decay_ms),
            *rates_of_rule,
            int(rule is not None),
            shaft,
            shaft_old,
            spine,
            spine_old,
            drive,
            weight,
            peak,
            every,
            n_t,
            calcium_out,
            weight_out,
            every_shaft,
            shaft_out,
        )
    if not every:
        calcium_out, weight_out = spine, weight
    return Result(
        t_ms=np.arange(n_t) * h if every else np.array([n_steps * h]),
        calcium_uM=calcium_out.reshape(n_spines, n_t),
        weights=weight_out.reshape(n_spines, n_t),
        peak_uM=peak,
        spikes_ms=trains,
        system=branch,
        rule=rule,
        scheme=scheme,
        step_ms=h,
        shaft_t_ms=np.arange(n_u) * h * every_shaft if n_u else None,
        shaft_uM=shaft_out.reshape(n_u, n) if n_u else None,
    )


def _chunks(n_steps: int, progress: bool) -> Any:
    parts = [(k, min(CHUNK, n_steps - k)) for k in range(0, n_steps, CHUNK)]
    if not progress:
        return parts
    from tqdm.auto import tqdm

    return tqdm(parts, desc="simulate", unit="part")


def total_calcium(result: Result) -> checks.FloatArray:
    """Calcium in branch and spines together at each snapshot (µM µm³), shape (n_u,).

    Raises
    ------
    ValueError
        If the result holds no shaft snapshots (``record="all"``) or is not of a branch.

    Examples
    --------
    >>> r = simulate(Branch([40.125]), [[1.0]], None, 5.0, record="all")
    >>> bool(total_calcium(r)[0] == 0.0)
    True
    """
    if not isinstance(result, Result):
        raise ValueError(f"result is {result!r}; allowed: a Result")
    branch = result.system
    if not isinstance(branch, Branch) or result.shaft_uM is None or result.shaft_t_ms is None:
        raise ValueError("result holds no shaft snapshots; allowed: a run with record='all'")
    gap = result.shaft_t_ms[1] - result.shaft_t_ms[0] if result.shaft_t_ms.size > 1 else 0.0
    every = max(round(gap / result.step_ms), 1)
    heads = result.calcium_uM[:, ::every][:, : result.shaft_t_ms.size]
    in_spines = branch.spine.volume_um3 * heads.sum(axis=0)
    return np.asarray(in_spines + branch.compartment_um3 * result.shaft_uM.sum(axis=1))
