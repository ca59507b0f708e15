"""What a simulation returns: arrays with their units, and the objects that made them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from heterolib.checks import FloatArray, number

if TYPE_CHECKING:
    import pandas as pd

    from heterolib.branch import Branch
    from heterolib.plasticity import ThresholdRule
    from heterolib.spine import Spine


@dataclass(frozen=True, eq=False)
class Result:
    """Traces of one run. Arrays are read-only.

    Attributes
    ----------
    t_ms : ndarray, shape (n_t,)
    calcium_uM : ndarray, shape (n_spines, n_t)
        Calcium in each spine head, above rest.
    weights : ndarray, shape (n_spines, n_t)
    peak_uM : ndarray, shape (n_spines,)
        Largest calcium over all steps, recorded or not.
    spikes_ms : tuple of ndarray
        One train per spine.
    system : Branch or Spine
    rule : ThresholdRule or None
    scheme : str
    step_ms : float
    shaft_t_ms : ndarray, shape (n_u,), or None
        Times of the shaft snapshots.
    shaft_uM : ndarray, shape (n_u, n_compartments), or None
        Calcium along the branch, with ``record="all"``.

    Examples
    --------
    >>> from heterolib import Branch, ThresholdRule, simulate
    >>> r = simulate(Branch([40.125]), [[1.0]], ThresholdRule(), 10.0)
    >>> r.calcium_uM.shape == (1, r.t_ms.size)
    True
    >>> r.units["calcium_uM"]
    'µM'
    """

    t_ms: FloatArray
    calcium_uM: FloatArray
    weights: FloatArray
    peak_uM: FloatArray
    spikes_ms: tuple[FloatArray, ...]
    system: Branch | Spine
    rule: ThresholdRule | None
    scheme: str
    step_ms: float
    shaft_t_ms: FloatArray | None = None
    shaft_uM: FloatArray | None = field(default=None, repr=False)

    units: ClassVar[dict[str, str]] = {
        "t_ms": "ms",
        "calcium_uM": "µM",
        "weights": "",
        "peak_uM": "µM",
        "spikes_ms": "ms",
        "step_ms": "ms",
        "shaft_t_ms": "ms",
        "shaft_uM": "µM",
    }

    def __post_init__(self) -> None:
        arrays: list[Any] = [self.t_ms, self.calcium_uM, self.weights, self.peak_uM]
        arrays += [a for a in (self.shaft_t_ms, self.shaft_uM) if a is not None]
        for a in arrays:
            if not np.isfinite(a).all():
                raise FloatingPointError("the run left the range of finite numbers")
            a.setflags(write=False)
        for train in self.spikes_ms:
            train.setflags(write=False)

    @property
    def n_spines(self) -> int:
        """How many spines the run had."""
        return int(self.weights.shape[0])

    @property
    def final_weights(self) -> FloatArray:
        """Weights at the end, shape (n_spines,)."""
        return np.asarray(self.weights[:, -1])

    @property
    def initial_weights(self) -> FloatArray:
        """Weights at the start, shape (n_spines,). With ``record="final"`` these are not kept.

        Raises
        ------
        ValueError
            If only final weights were recorded.
        """
        if self.t_ms.size == 1:
            raise ValueError("record is 'final'; initial weights need 'traces' or 'all'")
        return np.asarray(self.weights[:, 0])

    @property
    def weight_change(self) -> FloatArray:
        """Final minus initial weight, shape (n_spines,)."""
        return np.asarray(self.final_weights - self.initial_weights)

    def time_above_ms(self, threshold_uM: float) -> FloatArray:
        """How long each spine's recorded calcium exceeds a threshold (ms), shape (n_spines,).

        Published scheme: whole steps, judged at their start, as that scheme does. Converged:
        the trace taken as linear between samples.
        """
        theta = number("threshold_uM", threshold_uM, -1e9, 1e9)
        if self.t_ms.size == 1:
            raise ValueError("record is 'final'; the time above needs 'traces' or 'all'")
        c = self.calcium_uM
        h = float(self.t_ms[1] - self.t_ms[0])
        if self.scheme == "published":
            return np.asarray(h * (c[:, :-1] > theta).sum(axis=1))
        low, high = np.minimum(c[:, :-1], c[:, 1:]), np.maximum(c[:, :-1], c[:, 1:])
        span = np.where(high > low, high - low, 1.0)
        share = np.where(low > theta, 1.0, np.clip((high - theta) / span, 0.0, 1.0))
        return np.asarray(h * share.sum(axis=1))

    def summary(self) -> str:
        """A few lines that say what happened, one a spine, counted from 1 as in the text."""
        lines = [f"{self.t_ms[-1]:g} ms, {self.scheme} scheme, step {self.step_ms:g} ms"]
        for s in range(self.n_spines):
            line = f"spine {s + 1}: peak calcium {1000 * self.peak_uM[s]:.3g} nM, weight "
            if self.t_ms.size > 1:
                line += f"{self.weights[s, 0]:.4f} -> "
            lines.append(line + f"{self.weights[s, -1]:.4f}")
        return "\n".join(lines)

    def to_dataframe(self) -> pd.DataFrame:
        """Long table: one row per spine and time, columns spine, t_ms, calcium_uM, weight.

        Examples
        --------
        >>> from heterolib import Branch, ThresholdRule, simulate
        >>> r = simulate(Branch([40.125]), [[1.0]], ThresholdRule(), 10.0)
        >>> list(r.to_dataframe().columns)
        ['spine', 't_ms', 'calcium_uM', 'weight']
        """
        import pandas as pd

        n_t = self.t_ms.size
        return pd.DataFrame(
            {
                "spine": np.repeat(np.arange(self.n_spines), n_t),
                "t_ms": np.tile(self.t_ms, self.n_spines),
                "calcium_uM": self.calcium_uM.ravel(),
                "weight": self.weights.ravel(),
            }
        )
