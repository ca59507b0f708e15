"""The fast engine: a branch as the few modes that its spines can see.

With constant rates calcium obeys a linear system. Its 300 and more compartments are read and
driven through the spines alone, so most of what they could do is never seen. Three steps find
the rest, once per geometry:

1. Symmetrise. With shaft concentrations scaled by sqrt(in_s / in_d) both exchange terms become
   sqrt(in_s in_d) and the matrix symmetric; spines do not notice.
2. Eigenmodes. The stretch of bare shaft beyond the first and beyond the last spine is seen
   through a single compartment; each is reduced by itself, from its tridiagonal matrix. What
   remains is small enough to be diagonalised as it is.
3. Reduce. The Gramian W_kl = sum_i q_ik q_il / (lam_k + lam_l) measures how strongly each
   direction is excited and seen. Directions with less than a `tolerance` of the strongest are
   dropped, the rest diagonalised again. The error of any spine's response, relative to the
   largest one, is at most twice the sum of what was dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

from heterolib import checks, kernels
from heterolib.spine import PUBLISHED

if TYPE_CHECKING:
    from heterolib.branch import Branch

Matrix = np.ndarray

# Published weights change by whole steps of the threshold test: nothing but ties may be lost.
TOLERANCE = {PUBLISHED: 1e-10, "converged": 1e-8}
TAIL_TOLERANCE = 1e-14  # of the bare ends
OWN_SOLVER = 220  # rows; above, LAPACK's is faster
MOST_STATES = 3000  # spines and compartments between the outermost ones
SLOWEST = 0.01  # 1/ms: what decays more slowly counts as decaying at this rate in the Gramian

LEVELS = 9  # steps of the converged scheme: h, 2 h, ... 256 h
GROWTH = 1.25  # h becomes GROWTH h s / tau_I, a time s after the last spike


@dataclass(frozen=True, eq=False)
class Modes:
    """The modes of a branch as its spines see them. Arrays are read-only.

    Attributes
    ----------
    rates_per_ms : ndarray, shape (r,)
        Decay rate of each mode, ascending.
    vectors : ndarray, shape (n_spines, r)
        How much of each mode a spine shows, and how strongly its influx drives the mode.
    tolerance : float
        Below this share of the strongest, directions were dropped.

    Examples
    --------
    >>> from heterolib import Branch
    >>> modes = reduce(Branch([40.125, 41.125]))
    >>> modes.rates_per_ms.size < 40
    True
    """

    rates_per_ms: checks.FloatArray
    vectors: checks.FloatArray
    tolerance: float

    def __post_init__(self) -> None:
        self.rates_per_ms.setflags(write=False)
        self.vectors.setflags(write=False)

    def response(self, t_ms: float) -> checks.FloatArray:
        """Calcium in spine i a time t after one µM entered spine j at once, shape (n, n)."""
        decay = np.exp(-self.rates_per_ms * t_ms)
        return np.asarray((self.vectors * decay) @ self.vectors.T)


def _eigen(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Eigenvalues, ascending, and eigenvectors in columns."""
    n = matrix.shape[0]
    if n > OWN_SOLVER:
        from scipy.linalg import eigh

        values, vectors = eigh(matrix)
        return values, vectors
    a, values, scratch = matrix.ravel().copy(), np.zeros(n), np.zeros(n)
    kernels.eigen_symmetric(n, a, values, scratch)
    order = np.argsort(values)
    return values[order], a.reshape(n, n)[order].T


def _balance(lam: Matrix, q: Matrix, tolerance: float) -> tuple[Matrix, Matrix]:
    """Keep the directions that are excited and seen; lam (m,) and q (n_out, m) become smaller."""
    slow = np.maximum(lam, SLOWEST)
    share, directions = _eigen((q.T @ q) / (slow[:, None] + slow[None, :]))
    kept = directions[:, share > tolerance * share[-1]]
    rates, turn = _eigen(kept.T @ (lam[:, None] * kept))
    return np.maximum(rates, 0.0), q @ kept @ turn


@lru_cache(maxsize=1024)
def _tail(m: int, hop: float, loss: float, loss_end: float) -> tuple[Matrix, Matrix]:
    """A bare stretch of m compartments as modes seen from its inner end: rates, amplitudes."""
    from scipy.linalg import eigh_tridiagonal

    diagonal = np.full(m, 2.0 * hop + loss)
    diagonal[-1] = hop + loss_end
    if m == 1:
        return diagonal, np.ones(1)
    lam, vectors = eigh_tridiagonal(diagonal, np.full(m - 1, -hop))
    lam, q = _balance(lam, vectors[:1], TAIL_TOLERANCE)
    return lam, q[0]


def reduce(branch: Branch, scheme: str = "converged", tolerance: float | None = None) -> Modes:
    """The modes of a branch as its spines see them; kept for the next call.

    Parameters
    ----------
    branch : Branch
    scheme : {"converged", "published"}
        In the published scheme the end compartments have no decay.
    tolerance : float, optional
        Default: 1e-8 converged, 1e-10 published.

    Returns
    -------
    Modes

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the branch is too large for this engine.

    Examples
    --------
    >>> from heterolib import Branch
    >>> modes = reduce(Branch([40.125, 41.125]))
    >>> bool(abs(modes.response(0.0) - np.eye(2)).max() < 1e-3)
    True
    """
    checks.choice("scheme", scheme, tuple(TOLERANCE))
    least = TOLERANCE[scheme] if tolerance is None else tolerance
    least = checks.number("tolerance", least, 1e-14, 0.1)
    if not suits(branch):
        raise ValueError(
            f"branch has {states(branch)} spines and compartments between its outermost spines; "
            f"allowed: at most {MOST_STATES} with this engine"
        )
    return _reduce(branch, scheme == PUBLISHED, least)


_blas_in_use = threading.Lock()


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """NumPy's BLAS and SciPy's. Kept, because to look for them takes longer than their work."""
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()


@lru_cache(maxsize=4096)
def _reduce(branch: Branch, published: bool, least: float) -> Modes:
    # The matrices are small: threads of BLAS would mostly wait for each other. How many it uses
    # is a setting of the process; the lock keeps two callers from restoring each other's.
    with _blas_in_use, _blas().limit(limits=1, user_api="blas"):
        return _modes(branch, published, least)


def _modes(branch: Branch, published: bool, least: float) -> Modes:
    k_d, k_s, in_d, in_s = branch.exchange_per_ms
    hop = branch.diffusion_um2_per_s / 1000.0 / branch.dx_um**2
    loss = 1.0 / branch.decay_ms
    ends = 0.0 if published else loss
    site = np.array(branch.site)
    first, last, n = int(site.min()), int(site.max()), branch.compartments
    here = last - first + 1
    tails = []
    if hop > 0.0:
        sides = ((0, first), (here - 1, n - 1 - last))
        tails = [(at, *_tail(m, hop, loss, ends)) for at, m in sides if m > 0]
    size = branch.n_spines + here + sum(lam.size for _, lam, _ in tails)
    # spines, then the shaft between the outermost of them, then the modes of the bare ends
    shaft = branch.n_spines
    a = np.zeros((size, size))
    i = np.arange(shaft, shaft + here)
    a[i, i] = 2.0 * hop + loss
    if first == 0:
        a[shaft, shaft] = hop + ends
    if last == n - 1:
        a[shaft + here - 1, shaft + here - 1] = hop + ends
    a[i[:-1], i[1:]] = a[i[1:], i[:-1]] = -hop
    s = np.arange(branch.n_spines)
    a[s, s] = k_s + 1.0 / branch.spine.decay_ms
    at = shaft + site - first
    a[at, at] += k_d
    a[s, at] = a[at, s] = -np.sqrt(in_d * in_s)
    row = shaft + here
    for where, lam, q in tails:
        j = np.arange(row, row + lam.size)
        a[j, j] = lam
        a[shaft + where, j] = a[j, shaft + where] = -hop * q
        row += lam.size
    lam, vectors = _eigen(a)
    return Modes(*_balance(np.maximum(lam, 0.0), vectors[: branch.n_spines], least), least)


def states(branch: Branch) -> int:
    """Spines, and compartments between the outermost of them."""
    return branch.n_spines + max(branch.site) - min(branch.site) + 1


def suits(branch: Branch) -> bool:
    """Whether the branch is small enough for this engine."""
    return states(branch) <= MOST_STATES


@dataclass(frozen=True, eq=False)
class Runs:
    """What many runs gave. Arrays are read-only.

    Attributes
    ----------
    weights : ndarray, shape (n_rules, n_trains, n_spines)
        At the end.
    calcium_uM : ndarray, same shape
        At the end.
    peak_uM : ndarray, same shape
        Largest calcium.
    steps : int
        Steps computed; a jump over silence counts as one.
    """

    weights: checks.FloatArray
    calcium_uM: checks.FloatArray
    peak_uM: checks.FloatArray
    steps: int

    def __post_init__(self) -> None:
        for a in (self.weights, self.calcium_uM, self.peak_uM):
            if not np.isfinite(a).all():
                raise FloatingPointError("the run left the range of finite numbers")
            a.setflags(write=False)


CHUNK = 100_000  # steps between two chances to interrupt


def many(
    branch: Branch,
    trains: Sequence[Sequence[checks.FloatArray]],
    rules: Matrix | None,
    duration: float,
    weights: Matrix,
    scheme: str,
    h: float,
    *,
    exact_peaks: bool = True,
    feedback: bool = True,
    tolerance: float | None = None,
    progress: bool = False,
) -> Runs:
    """Every rule with every set of trains, from rest. Arguments were checked by the caller.

    Parameters
    ----------
    branch : Branch
    trains : sequence of sequence of ndarray
        Sets of trains, one train per spine in each.
    rules : ndarray, shape (n_rules, 4), or None
        theta_p, theta_d (µM), gamma_p, gamma_d (1/ms), the thresholds in either order.
    duration : float
        In ms; with the published scheme in steps.
    weights : ndarray, shape (n_trains, n_spines)
        At the start.
    scheme : {"converged", "published"}
    h : float
        Step (ms): the first one after a spike in the converged scheme.
    exact_peaks : bool
        Jump over silence only where no peak can hide. Otherwise peaks that stay below the lower
        threshold may be missed; weights are the same.
    feedback : bool
        False: the current does not carry the weight (converged scheme only).
    tolerance : float, optional
        Of `reduce`.
    progress : bool
        Show a bar.

    Returns
    -------
    Runs
    """
    published = scheme == PUBLISHED
    modes = reduce(branch, scheme, tolerance)
    n, missing = branch.n_spines, -modes.rates_per_ms.size % 4
    lam = np.concatenate((modes.rates_per_ms, np.zeros(missing)))
    shape = np.hstack((modes.vectors, np.zeros((n, missing))))
    r = lam.size
    flat = [train for one in trains for train in one]
    tau_i = float(branch.spine.current_decay_ms)
    keep, response = np.zeros((LEVELS + 1) * r), np.zeros((LEVELS + 1) * r)
    if published:
        keep[:r], response[:r] = 1.0 / (1.0 + h * lam), -np.log1p(h * lam)
    else:
        kernels.modes_ladder(r, lam, tau_i, h, LEVELS, keep, response)
    table = np.array([[1.0, 1.0, 0.0, 0.0]]) if rules is None else np.asarray(rules, np.float64)
    n_runs = len(table) * len(trains)
    out, last, peaks = np.zeros(n_runs * n), np.zeros(n_runs * n), np.zeros(n_runs * n)
    clock = np.array([0.0, 0.0, -1.0, 0.0, 0.0])
    by_mode, by_spine = np.zeros((3, r)), np.zeros((9, n))
    stop = np.cumsum([train.size for train in flat]).astype(np.float64)
    arguments = (
        n_runs,
        len(trains),
        int(published),
        float(duration),
        h,
        LEVELS,
        GROWTH * h / tau_i,
        n,
        r,
        lam,
        shape.ravel(),
        shape.T.ravel(),
        keep,
        response,
        branch.spine.gain_uM_per_pA_ms,
        float(branch.spine.current_pA),
        tau_i,
        np.concatenate(flat),
        stop,
        table.ravel(),
        int(rules is not None),
        int(feedback),
        int(exact_peaks),
        clock,
        *by_mode,
        *by_spine,
        np.ascontiguousarray(weights, dtype=np.float64).ravel(),
        out,
        last,
        peaks,
    )
    bar = _bar(n_runs) if progress else None
    while clock[3] < n_runs:
        before = clock[3]
        kernels.reduced_many(CHUNK, *arguments)
        if bar is not None:
            bar.update(int(clock[3] - before))
    if bar is not None:
        bar.close()
    size = (len(table), len(trains), n)
    return Runs(out.reshape(size), last.reshape(size), peaks.reshape(size), int(clock[4]))


def _bar(total: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, desc="simulate", unit="run")
