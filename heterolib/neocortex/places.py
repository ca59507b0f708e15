"""Where a synapse sits on the tree: the action potential that reaches it, and its thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex import kernels
from heterolib.neocortex.connection import (
    MEASURE_MS,
    Connection,
    find_action_potential,
    measure_thresholds,
)
from heterolib.neocortex.neuron import APICAL, BASAL, Cell, CellRun
from heterolib.neocortex.synapse import EfficacyRule, Synapse
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import CIRCUITS as K
from heterolib.parameters import REDUCED_CELLS as R


def width_of_unit_decay(ratio: float = K["spike_rise"]) -> float:
    """Width at half height of exp(-t) - exp(-t / ratio).

    Examples
    --------
    >>> round(width_of_unit_decay(0.2), 3)
    1.227
    """
    from scipy import optimize  # slow to import

    r = checks.number("ratio", ratio, 1e-3, 0.999)
    top = kernels.double_exponential_peak(r, 1.0)
    half = 0.5 / kernels.double_exponential_scale(r, 1.0)

    def over(t: float) -> float:
        return math.exp(-t) - math.exp(-t / r) - half

    return float(optimize.brentq(over, top, 50.0) - optimize.brentq(over, 0.0, top))


def spike_shape(
    t_ms: npt.ArrayLike,
    peak_mV: float,
    half_width_ms: float,
    ratio: float = K["spike_rise"],
) -> FloatArray:
    """An action potential drawn as a difference of two exponentials.

    Parameters
    ----------
    t_ms : array_like
        Times since it began; 0 before.
    peak_mV : float
    half_width_ms : float
        Width at half height.
    ratio : float
        Rise time over decay time.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> v = spike_shape(np.arange(0.0, 50.0, 0.01), 80.0, 1.5)
    >>> print(f"{v.max():.1f} mV, {np.sum(v > 40.0) * 0.01:.1f} ms")
    80.0 mV, 1.5 ms
    """
    t = np.maximum(checks.numbers("t_ms", t_ms), 0.0)
    peak = checks.number("peak_mV", peak_mV, 0.0, 1000.0, low_open=True)
    width = checks.number("half_width_ms", half_width_ms, 0.0, 1e4, low_open=True)

    r = checks.number("ratio", ratio, 1e-3, 0.999)
    decay = width / width_of_unit_decay(r)
    scale = peak * kernels.double_exponential_scale(r * decay, decay)
    return np.asarray(scale * (np.exp(-t / decay) - np.exp(-t / (r * decay))))


@dataclass(frozen=True, eq=False)
class Places:
    """Compartments of one dendrite from the soma outwards, and what happens there.

    Attributes
    ----------
    compartment : tuple of int
    distance_um : ndarray
        From the soma.
    peak_mV, half_width_ms : ndarray
        Height over rest of an action potential, and its width at half of that.
    c_pre_uM_ms, c_post_uM_ms : ndarray
        Of a synapse alone: the peak of c* when it releases all it has, and after the action
        potential.
    theta_d_uM_ms, theta_p_uM_ms : ndarray
        Thresholds from the two; NaN where there is no plasticity.
    """

    compartment: tuple[int, ...]
    distance_um: FloatArray
    peak_mV: FloatArray
    half_width_ms: FloatArray
    c_pre_uM_ms: FloatArray
    c_post_uM_ms: FloatArray
    theta_d_uM_ms: FloatArray
    theta_p_uM_ms: FloatArray


def look_along(
    cell: Cell,
    kind: str = BASAL,
    synapse: Synapse | None = None,
    *,
    cao_mM: float = C["calcium_out"],
    rule: EfficacyRule | None = None,
) -> Places:
    """Go outwards along the first dendrite of a kind.

    Parameters
    ----------
    cell : Cell
    kind : {"basal", "apical"}
    synapse : Synapse, optional
        Placed alone in each compartment; default: the example synapse.
    cao_mM : float
    rule : EfficacyRule, optional

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the cell has no such dendrite.
    """
    if not isinstance(cell, Cell):
        raise ValueError(f"cell is {cell!r}; allowed: a Cell")
    checks.choice("kind", kind, (BASAL, APICAL))
    example = Synapse() if synapse is None else synapse
    names = [cell.section[i] for i in range(cell.n) if cell.kind[i] == kind]
    if not names:
        raise ValueError(f"kind is {kind!r}; allowed: a kind of dendrite that the cell has")
    where = [
        i
        for i in range(cell.n)
        if cell.section[i] == names[0] and cell.kind[i] == kind and cell.area_um2[i] > 0.0
    ]
    where.sort(key=lambda i: float(cell.distance_um[i]))
    ap = find_action_potential(cell)
    run = CellRun(cell)
    run.schedule(pulses=[ap.pulse(ap.latency_ms)])
    rest = run.v_mV[where].copy()
    record = run.advance(MEASURE_MS, R["fine_step"], watch=where, every=1)
    assert record is not None
    above = record.v_mV - rest[:, None]
    found = [
        measure_thresholds(Connection(cell, (example,), (i,), np.ones(1)), cao_mM, rule)
        for i in where
    ]
    pairs = np.array([[np.nan if x is None else x for x in t.pairs[0]] for t in found])
    return Places(
        compartment=tuple(where),
        distance_um=cell.distance_um[where],
        peak_mV=above.max(1),
        half_width_ms=(above > 0.5 * above.max(1, keepdims=True)).sum(1) * R["fine_step"],
        c_pre_uM_ms=np.array([t.c_pre[0] for t in found]),
        c_post_uM_ms=np.array([t.c_post[0] for t in found]),
        theta_d_uM_ms=pairs[:, 0],
        theta_p_uM_ms=pairs[:, 1],
    )
