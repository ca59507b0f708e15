"""Beyond figure 5: several inputs on a branch, trained in one order, tested in all.

Spine 0 is the one nearest the soma; an order lists the spines in the order of their inputs, so
that (0, 1, 2) runs outward. Three learners can be compared:

* "calcium": the threshold rule on a branch where calcium travels;
* "no diffusion": the same rule, calcium stays in its spine;
* "pair": pairs of an input and a response of the soma, no calcium.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from heterolib import checks, protocols
from heterolib.branch import CONVERGED
from heterolib.parameters import SHAFIEE_2026
from heterolib.plasticity import PairRule, ThresholdRule
from heterolib.soma import (
    THRESHOLD_MV,
    Neuron,
    Soma,
    figure_5_branch,
    input_pulses,
    read_peak,
    responses,
    selectivity,
)
from heterolib.spine import CONSISTENT, PUBLISHED
from heterolib.studies import INWARD, OUTWARD, compartment_um
from heterolib.training import Training, input_starts, learn, step_of

S = SHAFIEE_2026.variant("figure 5")
CALCIUM, NO_DIFFUSION, PAIR = LEARNERS = ("calcium", "no diffusion", "pair")
PEAK, CROSSING = EVENTS = ("peak", "crossing")
FEWEST, MOST = 2, 12
MOST_ALL = 8  # inputs; 8! = 40,320 orders
MOST_ORDERS = 1_000_000


def order_neuron(
    n_inputs: int = int(S["order_inputs"]),
    spacing_um: float = S["sequence_distance"],
    *,
    diffusion_um2_per_s: float = S["diffusion"],
    neck: str = PUBLISHED,
    coupling: str = PUBLISHED,
) -> Neuron:
    """The branch of figure 5 with several evenly spaced spines; spine 0 is the proximal one.

    Parameters
    ----------
    n_inputs : int
        From 2 to 12.
    spacing_um : float
        Moved to whole compartments.
    diffusion_um2_per_s, neck
        As in `heterolib.Branch`.
    coupling : {"published", "consistent"}
        As in `heterolib.Soma`.

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the spines do not fit on the branch.

    Examples
    --------
    >>> order_neuron(3, 2.0).branch.site
    (160, 168, 176)
    """
    n = checks.whole("n_inputs", n_inputs, FEWEST, MOST)
    gap = checks.number("spacing_um", spacing_um, 0.25, 30.0)
    compartments = int(S["compartments"])
    hop = round(gap * compartments / S["branch_length"])
    first = int(S["sequence_site"])
    if first + hop * (n - 1) >= compartments:
        room = (compartments - 1 - first) // (n - 1) * S["branch_length"] / compartments
        raise ValueError(
            f"spacing_um is {spacing_um!r}; allowed: at most {room:g} with {n} inputs, from "
            f"{compartment_um(first):g} µm to the end of the branch"
        )
    checks.choice("coupling", coupling, (PUBLISHED, CONSISTENT))
    branch = figure_5_branch(
        [compartment_um(first + hop * k) for k in range(n)],
        diffusion_um2_per_s=diffusion_um2_per_s,
        neck=neck,
    )
    return Neuron(branch, soma=Soma(coupling=coupling))


def all_orders(n_inputs: int) -> np.ndarray:
    """All orders of up to 8 inputs, shape (n_inputs!, n_inputs); the outward one first.

    Examples
    --------
    >>> all_orders(3)[-1]
    array([2, 1, 0])
    """
    n = checks.whole("n_inputs", n_inputs, FEWEST, MOST_ALL)
    return np.array(list(permutations(range(n))))


def sampled_orders(n_inputs: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Different orders drawn at random, shape (count, n_inputs).

    Examples
    --------
    >>> sampled_orders(12, 5, np.random.default_rng(1)).shape
    (5, 12)
    """
    n = checks.whole("n_inputs", n_inputs, FEWEST, MOST)
    most = min(math.factorial(n), MOST_ORDERS)
    k = checks.whole("count", count, 1, most)
    checks.generator(rng)
    if n <= MOST_ALL and 2 * k > most:
        table = all_orders(n)
        return np.asarray(table[rng.choice(len(table), k, replace=False)])
    found: dict[tuple[int, ...], None] = {}
    while len(found) < k:
        found[tuple(rng.permutation(n).tolist())] = None
    return np.array(list(found))


@dataclass(frozen=True, eq=False)
class OrderStudy:
    """One training, and the answers of the soma to many orders before and after it.

    Attributes
    ----------
    trained : tuple of int
    orders : ndarray, shape (n_orders, n_inputs)
        The trained one first.
    peak_mV, untrained_mV : ndarray, shape (n_orders,)
        Somatic peaks above rest, with the weights after and before training.
    crossing_ms : ndarray, shape (n_orders,)
        After training; NaN where the threshold is not exceeded.
    weights : ndarray, shape (n_inputs,)
        After training, the proximal spine first.
    learner : str
    neuron : Neuron
    """

    trained: tuple[int, ...]
    orders: np.ndarray
    peak_mV: checks.FloatArray
    untrained_mV: checks.FloatArray
    crossing_ms: checks.FloatArray
    weights: checks.FloatArray
    learner: str
    neuron: Neuron

    @property
    def selectivity(self) -> float:
        """Of the trained order against the mean of the others."""
        return float(selectivity(self.peak_mV[0], self.peak_mV[1:].mean()))

    @property
    def untrained_selectivity(self) -> float:
        """The same before training, which shows what place alone does."""
        return float(selectivity(self.untrained_mV[0], self.untrained_mV[1:].mean()))

    @property
    def margin_mV(self) -> float:
        """Peak of the trained order minus the highest of the others; above 0 it comes first."""
        return float(self.peak_mV[0] - self.peak_mV[1:].max())

    @property
    def share_beaten(self) -> float:
        """Share of the other orders whose peak is lower; a tie counts half. 0.5 is chance."""
        rest = self.peak_mV[1:]
        lower, equal = rest < self.peak_mV[0], rest == self.peak_mV[0]
        return float(lower.mean() + 0.5 * equal.mean())

    def summary(self) -> str:
        """A few lines that say what happened."""
        return (
            f"{self.learner}, trained {self.trained}, {len(self.orders)} orders shown: "
            f"selectivity {self.selectivity:+.4f} ({self.untrained_selectivity:+.4f} before), "
            f"{100 * self.share_beaten:.0f} % of the others beaten\n"
            f"weights {np.array2string(self.weights, precision=3)}"
        )


def _orders(orders: object, trained: tuple[int, ...], rng: object) -> np.ndarray:
    """The table of orders to show, the trained one first and only there."""
    n = len(trained)
    if isinstance(orders, str):
        checks.choice("orders", orders, ("all",))
        if n > MOST_ALL:
            raise ValueError(
                f"orders is 'all' with {n} inputs; allowed: up to {MOST_ALL} inputs, or a number "
                "of orders to draw"
            )
        table = all_orders(n)
    elif isinstance(orders, list | tuple) or (isinstance(orders, np.ndarray) and orders.ndim > 0):
        if len(orders) == 0:
            raise ValueError(f"orders is {orders!r}; allowed: one or more orders")
        table = np.array([checks.order(f"orders[{k}]", one, n) for k, one in enumerate(orders)])
    else:
        count = checks.whole("orders", orders, 1, min(math.factorial(n) - 1, MOST_ORDERS))
        random = checks.generator(rng)
        table = sampled_orders(n, min(count + 1, math.factorial(n)), random)
        table = table[np.any(table != np.array(trained), axis=1)][:count]
    others = table[np.any(table != np.array(trained), axis=1)]
    if len(others) == 0:
        raise ValueError(f"orders is {orders!r}; allowed: one or more besides the trained order")
    return np.vstack((np.array(trained)[None, :], others))


def _pair_weights(
    neuron: Neuron,
    training: Training,
    order: Sequence[int],
    rule: PairRule,
    weight: float,
    event: str,
    scheme: str,
    h: float,
    extra: Sequence[checks.FloatArray],
) -> checks.FloatArray:
    """Weights after training with pairs of inputs and responses of the soma.

    Presentation by presentation: the somatic voltage under the weights so far gives the time of
    the response, then every spine pairs its inputs with all responses so far.
    """
    n = len(order)
    one = responses(neuron, [0.0], scheme=scheme, step_ms=h)
    tail = one.unit_mV.shape[1] * one.step_ms
    pulses = input_pulses()
    first = input_starts(training.delay_ms, order)
    begins = training.every_ms * np.arange(training.repetitions)
    inputs = [np.sort(np.concatenate((a + begins, b))) for a, b in zip(first, extra, strict=True)]
    driven = [
        np.sort(np.concatenate(((a + begins[:, None] + pulses).ravel(), b)))
        for a, b in zip(first, extra, strict=True)
    ]
    weights, found = np.full(n, weight), []
    for begin in begins:
        from_ms, to_ms = max(begin - tail, 0.0), begin + training.every_ms
        window = [t[(t >= from_ms) & (t < to_ms)] - from_ms for t in driven]
        length = math.ceil((to_ms - from_ms) / h - 1e-9) * h
        t, trace = one.voltage(window, weights, length)
        now = t >= begin - from_ms - 1e-9
        _, peak, crossing = read_peak(t[now], trace[now], THRESHOLD_MV, scheme)
        at = peak if event == PEAK else crossing
        if at is not None:
            found.append(from_ms + at)
        weights = np.array([rule.after(x[x < to_ms], found, weight) for x in inputs])
    return weights


def order_study(
    trained: Sequence[int] | str = INWARD,
    orders: object = "all",
    *,
    n_inputs: int = int(S["order_inputs"]),
    spacing_um: float = S["sequence_distance"],
    delay_ms: float = S["sequence_delay"],
    repetitions: int = int(S["sequence_repetitions"]),
    every_ms: float | None = None,
    learner: str = CALCIUM,
    rule: ThresholdRule | PairRule | None = None,
    response: str = PEAK,
    diffusion_um2_per_s: float = S["diffusion"],
    weight: float = S["weight"],
    background_hz: float = 0.0,
    background_test: bool = False,
    rng: np.random.Generator | None = None,
    neck: str = PUBLISHED,
    coupling: str = PUBLISHED,
    scheme: str = CONVERGED,
    step_ms: float | None = None,
) -> OrderStudy:
    """Train several inputs in one order, then show many orders with the weights held.

    Parameters
    ----------
    trained : sequence of int or {"inward", "outward"}
    orders : "all", int, or sequence of orders
        What is shown besides the trained order: all (up to 8 inputs), so many drawn with `rng`,
        or these.
    n_inputs, spacing_um, diffusion_um2_per_s, neck, coupling
        As in `order_neuron`.
    delay_ms : float
        From one input to the next.
    repetitions : int
    every_ms : float, optional
        Interval of presentations; default: the pause between the last input of one and the first
        of the next is that of figure 5.
    learner : {"calcium", "no diffusion", "pair"}
        See the module.
    rule : ThresholdRule or PairRule, optional
        Default: that of figure 5, or of Song et al. 2000.
    response : {"peak", "crossing"}
        What the pair rule takes as the response of the cell, once in each presentation: the
        somatic peak, as if a teacher made the cell fire there, or the crossing of the threshold.
    weight : float
        Of all spines before training.
    background_hz : float
        Rate of single pulses at random at every spine in training.
    background_test : bool
        The same background, drawn anew for each order, while orders are shown.
    rng : numpy.random.Generator, optional
        For drawn orders and background.
    scheme, step_ms
        As in `heterolib.simulate`.

    Returns
    -------
    OrderStudy

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> study = order_study("inward", n_inputs=3)
    >>> study.orders.shape, bool(study.selectivity > study.untrained_selectivity)
    ((6, 3), True)
    """
    checks.choice("learner", learner, LEARNERS)
    checks.choice("response", response, EVENTS)
    checks.choice("scheme", scheme, (CONVERGED, PUBLISHED))
    n = checks.whole("n_inputs", n_inputs, FEWEST, MOST)
    if isinstance(trained, str):
        checks.choice("trained", trained, (INWARD, OUTWARD))
        first = tuple(range(n)) if trained == OUTWARD else tuple(range(n))[::-1]
    else:
        first = checks.order("trained", trained, n)
    h = step_of(scheme, step_ms)
    delay = checks.number("delay_ms", delay_ms, 0.0, 1000.0)
    pause = S["sequence_interval"] - S["sequence_delay"]
    every = (n - 1) * delay + pause if every_ms is None else every_ms
    training = Training.of(delay, repetitions, every)
    start = checks.number("weight", weight, 0.0, 1.0)
    rate = checks.number("background_hz", background_hz, 0.0, 1000.0)
    if not isinstance(background_test, bool | np.bool_):
        raise ValueError(f"background_test is {background_test!r}; allowed: True or False")
    if rate > 0.0 or rng is not None:
        checks.generator(rng)
    kind = PairRule if learner == PAIR else ThresholdRule
    if rule is None:
        rule = PairRule() if learner == PAIR else ThresholdRule.of(S)
    if not isinstance(rule, kind):
        raise ValueError(
            f"rule is {rule!r}; allowed: a {kind.__name__} or None with learner {learner!r}"
        )
    d = checks.number("diffusion_um2_per_s", diffusion_um2_per_s, 0.0, 1e6)
    neuron = order_neuron(
        n,
        spacing_um,
        diffusion_um2_per_s=d if learner == CALCIUM else 0.0,
        neck=neck,
        coupling=coupling,
    )
    table = _orders(orders, first, rng)

    span = S["sequence_start"] + training.every_ms * training.repetitions
    extra: list[checks.FloatArray] = [np.zeros(0) for _ in range(n)]
    if rate > 0.0:
        assert rng is not None
        extra = [protocols.poisson(rate, span, rng) for _ in range(n)]
    if isinstance(rule, PairRule):
        weights = _pair_weights(neuron, training, first, rule, start, response, scheme, h, extra)
    else:
        weights = learn(neuron.branch, [training], first, rule, start, scheme, h, extra).weights[
            0, 0
        ]
    starts = input_starts(delay, (0,) * n)[0] + delay * np.argsort(table, axis=1)
    answer = responses(neuron, scheme=scheme, step_ms=h)
    before = answer.peaks(starts, start)
    if background_test and rate > 0.0:
        assert rng is not None
        peaks, crossings = _noisy(neuron, starts, weights, rate, rng, scheme, h)
    else:
        after = answer.peaks(starts, weights)
        peaks, crossings = after.peak_mV, after.crossing_ms
    return OrderStudy(
        trained=first,
        orders=table,
        peak_mV=peaks,
        untrained_mV=before.peak_mV,
        crossing_ms=crossings,
        weights=weights,
        learner=learner,
        neuron=neuron,
    )


def _noisy(
    neuron: Neuron,
    starts: checks.FloatArray,
    weights: checks.FloatArray,
    rate: float,
    rng: np.random.Generator,
    scheme: str,
    h: float,
) -> tuple[checks.FloatArray, checks.FloatArray]:
    """Peaks and crossings with single pulses at random besides the inputs."""
    one = responses(neuron, [0.0], scheme=scheme, step_ms=h)
    pulses = input_pulses()
    length = math.ceil((float(starts.max()) + S["test_tail"]) / h - 1e-9) * h
    peaks, crossings = np.zeros(len(starts)), np.full(len(starts), np.nan)
    for k, row in enumerate(starts):
        trains = [
            np.sort(np.concatenate((at + pulses, protocols.poisson(rate, length, rng))))
            for at in row
        ]
        t, trace = one.voltage(trains, weights, length)
        peaks[k], _, crossing = read_peak(t, trace, THRESHOLD_MV, scheme)
        if crossing is not None:
            crossings[k] = crossing
    return peaks, crossings


def order_cell(
    n_inputs: int = int(S["order_inputs"]),
    spacing_um: float = S["sequence_distance"],
    delay_ms: float = S["sequence_delay"],
    background_hz: float = 0.0,
    learner: str = CALCIUM,
    response: str = PEAK,
    repetitions: int = int(S["sequence_repetitions"]),
    diffusion_um2_per_s: float = S["diffusion"],
    shown: int = 100,
    background_test: bool = False,
    neck: str = PUBLISHED,
    replicate: int = 0,
    *,
    rng: np.random.Generator,
) -> dict[str, float]:
    """One cell of a sweep: a random order is trained, others are drawn and shown.

    Made for `heterolib.sweep.sweep`, which hands each cell its own `rng`.

    Parameters
    ----------
    n_inputs, spacing_um, delay_ms, background_hz, learner, response, repetitions
        As in `order_study`.
    diffusion_um2_per_s, background_test, neck
        As in `order_study`.
    shown : int
        Orders besides the trained one; all of them if there are no more.
    replicate : int
        Nothing depends on it: values of it repeat a cell of a sweep with another `rng`, for the
        spread over orders and backgrounds.
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to float
        selectivity, untrained_selectivity, gain (their difference), share_beaten, margin_mV.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> cell = order_cell(3, rng=np.random.default_rng(1))
    >>> sorted(cell)
    ['gain', 'margin_mV', 'selectivity', 'share_beaten', 'untrained_selectivity']
    """
    checks.generator(rng)
    checks.whole("replicate", replicate, 0, 1_000_000_000)
    n = checks.whole("n_inputs", n_inputs, FEWEST, MOST)
    count = min(checks.whole("shown", shown, 1, MOST_ORDERS), math.factorial(n) - 1)
    study = order_study(
        rng.permutation(n).tolist(),
        count,
        n_inputs=n,
        spacing_um=spacing_um,
        delay_ms=delay_ms,
        repetitions=repetitions,
        learner=learner,
        response=response,
        diffusion_um2_per_s=diffusion_um2_per_s,
        background_hz=background_hz,
        background_test=background_test,
        rng=rng,
        neck=neck,
    )
    return {
        "selectivity": study.selectivity,
        "untrained_selectivity": study.untrained_selectivity,
        "gain": study.selectivity - study.untrained_selectivity,
        "share_beaten": study.share_beaten,
        "margin_mV": study.margin_mV,
    }
