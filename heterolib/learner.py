"""Neighbourhood learning: groups of small branches that tell sequences of spikes apart.

A class of patterns is an order in which afferents fire. Each class has a group of branches; on
each branch a few spines listen to afferents drawn at random. A group sees the patterns of its own
class and nothing else: there is no error, no target, no response of the cell. Then weights are
held, and a new pattern is given to the class whose group answers most at the soma.

Every spike of an afferent is one input of figure 5, a short burst of pulses.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterolib import checks, kernels
from heterolib.batch import simulate_many
from heterolib.orders import CALCIUM, FEWEST, LEARNERS, MOST, PAIR, order_neuron
from heterolib.parameters import SHAFIEE_2026
from heterolib.plasticity import PairRule, ThresholdRule
from heterolib.soma import THRESHOLD_MV, Neuron, Responses, input_pulses, responses
from heterolib.spine import CONSISTENT, PUBLISHED

S = SHAFIEE_2026.variant("figure 5")
MOST_CLASSES, MOST_AFFERENTS, MOST_BRANCHES = 100, 40, 1000
MOST_DRAWN = 100_000
OWN_MEAN, GROWTH, PLAIN = READINGS = ("own mean", "growth", "plain")
COUNTS, FIRST, BINS = FEATURES = ("counts", "first spikes", "bins")


@dataclass(frozen=True, eq=False)
class Patterns:
    """Spikes of several afferents, many times, with their classes. Arrays are read-only.

    Attributes
    ----------
    spikes_ms : ndarray, shape (n_patterns, n_afferents, most)
        Sorted, from 0 on; NaN where an afferent has fewer.
    labels : ndarray of int, shape (n_patterns,)
        The class of each pattern.
    window_ms : float
        How long one pattern lasts.
    """

    spikes_ms: checks.FloatArray
    labels: np.ndarray
    window_ms: float

    def __post_init__(self) -> None:
        for a in (self.spikes_ms, self.labels):
            a.setflags(write=False)

    @property
    def n_afferents(self) -> int:
        """How many afferents fire."""
        return int(self.spikes_ms.shape[1])

    def features(self, kind: str = BINS, bin_ms: float = S["learner_bin"]) -> checks.FloatArray:
        """Patterns as rows of numbers, for a linear read-out.

        Parameters
        ----------
        kind : {"counts", "first spikes", "bins"}
            Spikes of each afferent; the time of its first spike (ms), or the end of the window if
            it is silent; or its spikes in every bin of time.
        bin_ms : float

        Raises
        ------
        ValueError
            If an argument lies outside its range.

        Examples
        --------
        >>> task = SequenceTask([(0, 1)], jitter_ms=0.0, missing=0.0, background_per_s=0.0)
        >>> one = task.draw(1, np.random.default_rng(1))
        >>> one.features("counts"), one.features("first spikes")
        (array([[1., 1.]]), array([[12.5, 20.5]]))
        """
        checks.choice("kind", kind, FEATURES)
        width = checks.number("bin_ms", bin_ms, 0.1, 1e4)
        t = self.spikes_ms
        if kind == COUNTS:
            return np.asarray((~np.isnan(t)).sum(axis=2), dtype=np.float64)
        if kind == FIRST:
            first = t[:, :, 0]
            return np.where(np.isnan(first), self.window_ms, first)
        n_bins = math.ceil(self.window_ms / width - 1e-9)
        out = np.zeros((t.shape[0], t.shape[1], n_bins))
        rows, afferents, _ = np.nonzero(~np.isnan(t))
        at = np.minimum((t[~np.isnan(t)] / width).astype(int), n_bins - 1)
        np.add.at(out, (rows, afferents, at), 1.0)
        return out.reshape(t.shape[0], -1)


@dataclass(frozen=True)
class SequenceTask:
    """Classes of spike patterns: each an order of the same afferents, made with noise.

    Parameters
    ----------
    orders : sequence of sequence of int
        For each class all afferents, in the order in which they fire.
    gap_ms : float
        From one spike to the next.
    jitter_ms : float
        Standard deviation of each spike's time, drawn anew for each pattern; no spike comes
        before 0.
    missing : float
        Probability that a spike of the sequence does not come.
    background_per_s : float
        Rate of further spikes of every afferent, at random.

    Raises
    ------
    ValueError
        If a value lies outside its range, the orders are of different lengths, or two are equal.

    Examples
    --------
    >>> task = SequenceTask([(0, 1, 2), (2, 1, 0)])
    >>> task.draw(10, np.random.default_rng(1)).spikes_ms.shape[:2]
    (20, 3)
    """

    orders: tuple[tuple[int, ...], ...]
    gap_ms: float = S["learner_gap"]
    jitter_ms: float = S["learner_jitter"]
    missing: float = S["learner_missing"]
    background_per_s: float = S["learner_background"]

    def __post_init__(self) -> None:
        orders = self.orders
        several = isinstance(orders, list | tuple) or (
            isinstance(orders, np.ndarray) and orders.ndim > 0
        )
        if not several or not 0 < len(orders) <= MOST_CLASSES:
            raise ValueError(f"orders is {orders!r}; allowed: from 1 to {MOST_CLASSES} orders")
        found: list[tuple[int, ...]] = []
        for k, one in enumerate(orders):
            size = len(found[0]) if found else None
            found.append(checks.order(f"orders[{k}]", one, size))
            if not 2 <= len(found[0]) <= MOST_AFFERENTS:
                raise ValueError(
                    f"orders[0] is {one!r}; allowed: from 2 to {MOST_AFFERENTS} afferents"
                )
        if len(set(found)) < len(found):
            raise ValueError(f"orders is {orders!r}; allowed: classes that differ")
        object.__setattr__(self, "orders", tuple(found))
        values = {
            "gap_ms": checks.number("gap_ms", self.gap_ms, 0.0, 1000.0),
            "jitter_ms": checks.number("jitter_ms", self.jitter_ms, 0.0, 1000.0),
            "missing": checks.number("missing", self.missing, 0.0, 1.0),
            "background_per_s": checks.number("background_per_s", self.background_per_s, 0.0, 1e3),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def drawn(
        cls,
        n_classes: int,
        n_afferents: int,
        rng: np.random.Generator,
        **noise: float,
    ) -> SequenceTask:
        """Different orders drawn at random; `noise`: the other parameters of the task.

        Raises
        ------
        ValueError
            If an argument lies outside its range, or there are not so many orders.

        Examples
        --------
        >>> len(SequenceTask.drawn(4, 6, np.random.default_rng(1), jitter_ms=2.0).orders)
        4
        """
        n = checks.whole("n_afferents", n_afferents, 2, MOST_AFFERENTS)
        most = min(math.factorial(n), MOST_CLASSES)
        k = checks.whole("n_classes", n_classes, 1, most)
        checks.generator(rng)
        found: dict[tuple[int, ...], None] = {}
        while len(found) < k:
            found[tuple(rng.permutation(n).tolist())] = None
        return cls(tuple(found), **noise)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.orders)

    @property
    def n_afferents(self) -> int:
        """How many afferents fire in each sequence."""
        return len(self.orders[0])

    @property
    def window_ms(self) -> float:
        """How long one pattern lasts: as much quiet after the last spike as before the first."""
        return 2.0 * S["sequence_start"] + self.gap_ms * (self.n_afferents - 1)

    def draw(self, n_per_class: int, rng: np.random.Generator) -> Patterns:
        """So many patterns of each class, one class after the other.

        Raises
        ------
        ValueError
            If an argument lies outside its range.
        """
        n = checks.whole("n_per_class", n_per_class, 1, MOST_DRAWN // self.n_classes)
        checks.generator(rng)
        labels = np.repeat(np.arange(self.n_classes), n)
        place = np.argsort(np.array(self.orders), axis=1)[labels]
        own = S["sequence_start"] + self.gap_ms * place
        own = np.clip(own + rng.normal(0.0, self.jitter_ms, own.shape), 0.0, self.window_ms)
        own[rng.random(own.shape) < self.missing] = np.nan
        more = rng.poisson(self.background_per_s / 1000.0 * self.window_ms, own.shape)
        extra = rng.uniform(0.0, self.window_ms, (*own.shape, int(more.max())))
        extra[np.arange(extra.shape[2]) >= more[:, :, None]] = np.nan
        spikes = np.sort(np.concatenate((own[:, :, None], extra), axis=2), axis=2)  # NaN last
        most = max(int((~np.isnan(spikes)).sum(axis=2).max()), 1)
        return Patterns(spikes[:, :, :most].copy(), labels, self.window_ms)


@dataclass(frozen=True, eq=False)
class Learner:
    """Groups of branches, one group a class. Arrays are read-only; made by `new_learner`.

    Attributes
    ----------
    wiring : ndarray of int, shape (n_classes, n_branches, n_spines)
        Which afferent each spine listens to; spine 0 is the proximal one.
    weights : ndarray, same shape
    neuron : Neuron
        One branch with its soma: all branches are alike but for their wiring and weights.
    rule : ThresholdRule or PairRule
    """

    wiring: np.ndarray
    weights: checks.FloatArray
    neuron: Neuron
    rule: ThresholdRule | PairRule

    def __post_init__(self) -> None:
        for a in (self.wiring, self.weights):
            a.setflags(write=False)

    def _check(self, patterns: object) -> Patterns:
        if not isinstance(patterns, Patterns):
            raise ValueError(f"patterns is {patterns!r}; allowed: Patterns")
        if self.wiring.max() >= patterns.n_afferents:
            raise ValueError(
                f"patterns have {patterns.n_afferents} afferents; allowed: at least "
                f"{self.wiring.max() + 1}, as many as this learner listens to"
            )
        return patterns

    @property
    def _answer(self) -> Responses:
        # The coarse step costs 0.4 % of a peak, much the same for all, and saves half the time.
        return responses(self.neuron, step_ms=S["time_step"])

    def train(self, patterns: Patterns) -> Learner:
        """The learner after each group has seen the patterns of its class, one after the other.

        The weights move by the rule and nothing else. With a pair rule, the cell is made to
        respond once a pattern, when its soma is highest.

        Raises
        ------
        ValueError
            If patterns are none, have too few afferents, or a class that has no group.
        """
        p = self._check(patterns)
        if p.labels.max() >= len(self.wiring):
            raise ValueError(
                f"patterns have class {p.labels.max()}; allowed: up to {len(self.wiring) - 1}"
            )
        move = self._pairs if isinstance(self.rule, PairRule) else self._calcium
        return dataclasses.replace(self, weights=move(p))

    def _calcium(self, p: Patterns) -> checks.FloatArray:
        pulses = input_pulses()
        every = p.window_ms + S["sequence_interval"]
        sets, most = [], 0
        for c, group in enumerate(self.wiring):
            shown = p.spikes_ms[p.labels == c]
            most = max(most, len(shown))
            starts = shown + every * np.arange(len(shown))[:, None, None]
            trains = []
            for k in range(p.n_afferents):
                at = starts[:, k][~np.isnan(starts[:, k])]
                trains.append(np.sort((at[:, None] + pulses).ravel()))
            sets += [[trains[k] for k in branch] for branch in group]
        n_classes, n_branches, n_spines = self.wiring.shape
        assert isinstance(self.rule, ThresholdRule)
        runs = simulate_many(
            self.neuron.branch,
            sets,
            [self.rule],
            math.ceil(every * most + S["sequence_duration"]),  # calcium that stays falls slowly
            weights=self.weights.reshape(-1, n_spines),
        )
        return runs.weights[0].reshape(n_classes, n_branches, n_spines).copy()

    def _pairs(self, p: Patterns) -> checks.FloatArray:
        assert isinstance(self.rule, PairRule)
        every = p.window_ms + S["sequence_interval"]
        weights = self.weights.copy()
        for c, group in enumerate(self.wiring):
            shown = p.spikes_ms[p.labels == c]
            for b, afferents in enumerate(group):
                found: list[float] = []
                inputs: list[list[float]] = [[] for _ in afferents]
                for k, pattern in enumerate(shown[:, afferents]):
                    for own, t in zip(inputs, pattern, strict=True):
                        own += (every * k + t[~np.isnan(t)]).tolist()
                    peak, when = self._read(pattern[None], weights[c, b])
                    if peak[0] > 0.0:
                        found.append(every * k + float(when[0]))
                    weights[c, b] = [
                        self.rule.after(own, found, w)
                        for own, w in zip(inputs, self.weights[c, b], strict=True)
                    ]
        return weights

    def _read(
        self, spikes: checks.FloatArray, weights: checks.FloatArray
    ) -> tuple[checks.FloatArray, checks.FloatArray]:
        """Somatic peaks (mV) and their times; spikes (n_patterns, n_spines, most)."""
        answer = self._answer
        n, n_spines, most = spikes.shape
        # A spine with several inputs counts as several spines with one.
        unit = np.repeat(answer.unit_mV, most, axis=0)
        start = np.where(np.isnan(spikes), -1.0, spikes)
        n_t = math.ceil((max(start.max(), 0.0) + S["test_tail"]) / answer.step_ms) + 1
        out = np.zeros((n, 3))
        kernels.response_peaks(
            n,
            n_spines * most,
            unit.shape[1],
            unit.ravel(),
            answer.step_ms,
            0,
            start.ravel(),
            np.repeat(weights, most),
            1,
            THRESHOLD_MV,
            n_t,
            np.zeros(n_t),
            out.ravel(),
        )
        return out[:, 0], out[:, 1]

    def peaks(
        self,
        patterns: Patterns,
        noise_mV: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> checks.FloatArray:
        """Somatic peak (mV above rest) of every branch for every pattern, weights held.

        Parameters
        ----------
        patterns : Patterns
        noise_mV : float
            Standard deviation of what is added to every peak, at random.
        rng : numpy.random.Generator, optional
            For the noise.

        Returns
        -------
        ndarray, shape (n_patterns, n_classes, n_branches)

        Raises
        ------
        ValueError
            If an argument is not as described, or patterns have too few afferents.
        """
        p = self._check(patterns)
        sd = checks.number("noise_mV", noise_mV, 0.0, 1e3)
        if sd > 0.0 or rng is not None:
            checks.generator(rng)
        out = np.zeros((len(p.labels), *self.wiring.shape[:2]))
        for c, group in enumerate(self.wiring):
            for b, afferents in enumerate(group):
                out[:, c, b], _ = self._read(p.spikes_ms[:, afferents], self.weights[c, b])
        return out if rng is None else out + rng.normal(0.0, sd, out.shape)

    def classify(
        self,
        patterns: Patterns,
        reading: str = OWN_MEAN,
        *,
        heard: Patterns | None = None,
        before: Learner | None = None,
        noise_mV: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """The class whose group answers most, for every pattern.

        Parameters
        ----------
        patterns : Patterns
            Their labels are not looked at.
        reading : {"own mean", "growth", "plain"}
            What a branch gives to the sum over its group: its peak over its own mean peak for the
            patterns `heard`, of whatever class; its peak over that of its copy `before` training
            for the same pattern; or its peak.
        heard : Patterns, optional
            For "own mean".
        before : Learner, optional
            For "growth".
        noise_mV, rng
            As in `peaks`, of the answers to `patterns`.

        Returns
        -------
        ndarray of int, shape (n_patterns,)

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        checks.choice("reading", reading, READINGS)
        checks.number("noise_mV", noise_mV, 0.0, 1e3)
        self._check(patterns)
        if reading == OWN_MEAN:
            if not isinstance(heard, Patterns):
                raise ValueError(f"heard is {heard!r}; allowed: Patterns with reading {OWN_MEAN!r}")
            level = self.peaks(heard).mean(axis=0, keepdims=True)
        elif reading == GROWTH:
            if not isinstance(before, Learner) or not np.array_equal(before.wiring, self.wiring):
                raise ValueError(
                    f"before is {before!r}; allowed: a Learner with the same wiring with reading "
                    f"{GROWTH!r}"
                )
            level = before.peaks(patterns)
        else:
            level = np.ones((1, *self.wiring.shape[:2]))
        answer = self.peaks(patterns, noise_mV, rng)
        level = np.broadcast_to(level, answer.shape)
        gain = np.divide(answer, level, out=np.zeros(answer.shape), where=level > 0.0)
        return np.asarray(gain.sum(axis=2).argmax(axis=1))


def new_learner(
    n_classes: int = int(S["learner_classes"]),
    n_branches: int = int(S["learner_branches"]),
    n_afferents: int = int(S["learner_afferents"]),
    n_spines: int = int(S["learner_spines"]),
    *,
    learner: str = CALCIUM,
    rule: ThresholdRule | PairRule | None = None,
    spacing_um: float = S["sequence_distance"],
    diffusion_um2_per_s: float = S["diffusion"],
    neck: str = PUBLISHED,
    weight: float = S["weight"],
    rng: np.random.Generator,
) -> Learner:
    """A learner before training: every spine listens to an afferent drawn at random.

    Parameters
    ----------
    n_classes, n_branches : int
        Groups, and branches of each.
    n_afferents, n_spines : int
        On one branch no afferent comes twice.
    learner : {"calcium", "no diffusion", "pair"}
        As in `heterolib.orders`.
    rule : ThresholdRule or PairRule, optional
        Default: that of figure 5, or of Song et al. 2000.
    spacing_um, diffusion_um2_per_s, neck
        As in `heterolib.orders.order_neuron`.
    weight : float
        Of all spines.
    rng : numpy.random.Generator
        The same wiring for the same state, whatever the learner.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> task = SequenceTask.drawn(2, 3, np.random.default_rng(1), jitter_ms=0.0)
    >>> seen = task.draw(24, np.random.default_rng(2))
    >>> new = new_learner(2, 4, 3, 3, rng=np.random.default_rng(3))
    >>> new.train(seen).weights.shape
    (2, 4, 3)
    """
    k = checks.whole("n_classes", n_classes, 1, MOST_CLASSES)
    b = checks.whole("n_branches", n_branches, 1, MOST_BRANCHES)
    n = checks.whole("n_spines", n_spines, FEWEST, MOST)
    a = checks.whole("n_afferents", n_afferents, n, MOST_AFFERENTS)
    checks.choice("learner", learner, LEARNERS)
    kind = PairRule if learner == PAIR else ThresholdRule
    if rule is None:
        rule = PairRule() if learner == PAIR else ThresholdRule.of(S)
    if not isinstance(rule, kind):
        raise ValueError(
            f"rule is {rule!r}; allowed: a {kind.__name__} or None with learner {learner!r}"
        )
    d = checks.number("diffusion_um2_per_s", diffusion_um2_per_s, 0.0, 1e6)
    start = checks.number("weight", weight, 0.0, 1.0)
    checks.generator(rng)
    neuron = order_neuron(
        n, spacing_um, diffusion_um2_per_s=d if learner == CALCIUM else 0.0, neck=neck
    )
    wiring = np.array([[rng.permutation(a)[:n] for _ in range(b)] for _ in range(k)])
    return Learner(wiring, np.full(wiring.shape, start), neuron, rule)


def linear_readout(
    seen: npt.ArrayLike,
    labels: npt.ArrayLike,
    shown: npt.ArrayLike,
    ridge: float = S["learner_ridge"],
) -> np.ndarray:
    """The classes a linear read-out gives, trained with labels: one ridge regression a class.

    Parameters
    ----------
    seen : array_like, shape (n_seen, n_features)
        Columns are brought to mean 0 and spread 1, as found here.
    labels : array_like of int, shape (n_seen,)
    shown : array_like, shape (n_shown, n_features)
    ridge : float
        Penalty of the squared coefficients.

    Returns
    -------
    ndarray of int, shape (n_shown,)

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> linear_readout([[0.0], [1.0]], [0, 1], [[0.2], [0.9]])
    array([0, 1])
    """
    x, y = checks.numbers("seen", seen), checks.numbers("labels", labels)
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"seen has shape {x.shape}; allowed: (n_seen, n_features)")
    z = checks.numbers("shown", shown)
    if z.ndim != 2 or z.shape[1] != x.shape[1]:
        raise ValueError(f"shown has shape {z.shape}; allowed: (n_shown, {x.shape[1]})")
    if y.shape != (len(x),) or (y != np.round(y)).any() or y.min() < 0 or y.max() >= MOST_CLASSES:
        raise ValueError(
            f"labels is {labels!r}; allowed: {len(x)} whole numbers in [0, {MOST_CLASSES - 1}]"
        )
    penalty = checks.number("ridge", ridge, 0.0, 1e12, low_open=True)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0.0, spread, 1.0)
    x, z = (x - middle) / spread, (z - middle) / spread
    target = (y[:, None] == np.arange(int(y.max()) + 1)).astype(np.float64)
    level = target.mean(axis=0)
    # The smaller of the two systems: as many unknowns as patterns.
    solved = np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), target - level)
    return np.asarray((z @ (x.T @ solved) + level).argmax(axis=1))


def learner_cell(
    n_classes: int = int(S["learner_classes"]),
    n_branches: int = int(S["learner_branches"]),
    jitter_ms: float = S["learner_jitter"],
    n_spines: int = int(S["learner_spines"]),
    gap_ms: float = S["learner_gap"],
    missing: float = S["learner_missing"],
    background_per_s: float = S["learner_background"],
    noise_mV: float = S["learner_noise"],
    n_afferents: int = int(S["learner_afferents"]),
    presentations: int = int(S["sequence_repetitions"]),
    shown: int = int(S["learner_shown"]),
    diffusion_um2_per_s: float = S["diffusion"],
    neck: str = PUBLISHED,
    replicate: int = 0,
    *,
    rng: np.random.Generator,
) -> dict[str, float]:
    """One cell of a sweep: one task, one wiring, every learner; shares of new patterns told right.

    Made for `heterolib.sweep.sweep`, which hands each cell its own `rng`.

    Parameters
    ----------
    n_classes, n_branches, n_spines, n_afferents, diffusion_um2_per_s, neck
        As in `new_learner`.
    jitter_ms, gap_ms, missing, background_per_s
        As in `SequenceTask`.
    noise_mV : float
        As in `Learner.peaks`.
    presentations, shown : int
        Patterns of each class in training and in the test.
    replicate : int
        Nothing depends on it: values of it repeat a cell of a sweep with another `rng`.
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to float
        Accuracy with the reading "own mean": untrained, calcium, no_diffusion, pair; with the
        reading "growth": calcium_growth, no_diffusion_growth, pair_growth; of linear read-outs:
        linear_counts, linear_first, linear_bins; of the linear read-out of the peaks of all
        branches: linear_untrained, linear_calcium.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> cell = learner_cell(2, 2, shown=5, presentations=4, rng=np.random.default_rng(1))
    >>> all(0.0 <= share <= 1.0 for share in cell.values())
    True
    """
    checks.generator(rng)
    checks.whole("replicate", replicate, 0, 1_000_000_000)
    checks.whole("n_branches", n_branches, 1, MOST_BRANCHES)
    n = checks.whole("n_spines", n_spines, FEWEST, MOST)
    a = checks.whole("n_afferents", n_afferents, n, MOST_AFFERENTS)
    checks.choice("neck", neck, (PUBLISHED, CONSISTENT))
    given = checks.whole("presentations", presentations, 1, MOST_DRAWN // MOST_CLASSES)
    tested = checks.whole("shown", shown, 1, MOST_DRAWN // MOST_CLASSES)
    checks.number("diffusion_um2_per_s", diffusion_um2_per_s, 0.0, 1e6)
    checks.number("noise_mV", noise_mV, 0.0, 1e3)
    noise = {
        "gap_ms": gap_ms,
        "jitter_ms": jitter_ms,
        "missing": missing,
        "background_per_s": background_per_s,
    }
    task = SequenceTask.drawn(n_classes, a, rng, **noise)
    seen, new = task.draw(given, rng), task.draw(tested, rng)
    seed = int(rng.integers(2**53))

    def fresh() -> np.random.Generator:
        return np.random.default_rng(seed)  # the same wiring and the same noise for all

    def share(found: np.ndarray) -> float:
        return float((found == new.labels).mean())

    def told(one: Learner, reading: str, **other: Patterns | Learner) -> float:
        return share(one.classify(new, reading, noise_mV=noise_mV, rng=fresh(), **other))  # type: ignore[arg-type]

    out = {}
    for name in LEARNERS:
        before = new_learner(
            task.n_classes,
            n_branches,
            a,
            n,
            learner=name,
            diffusion_um2_per_s=diffusion_um2_per_s,
            neck=neck,
            rng=fresh(),
        )
        after = before.train(seen)
        key = name.replace(" ", "_")
        out[key] = told(after, OWN_MEAN, heard=seen)
        out[f"{key}_growth"] = told(after, GROWTH, before=before)
        if name == CALCIUM:
            out["untrained"] = told(before, OWN_MEAN, heard=seen)
            for key, one in (("linear_untrained", before), ("linear_calcium", after)):
                noisy = fresh()
                x, z = (
                    one.peaks(p, noise_mV, noisy).reshape(len(p.labels), -1) for p in (seen, new)
                )
                out[key] = share(linear_readout(x, seen.labels, z))
    for key, kind in (("counts", COUNTS), ("first", FIRST), ("bins", BINS)):
        found = linear_readout(seen.features(kind), seen.labels, new.features(kind))
        out[f"linear_{key}"] = share(found)
    return out
