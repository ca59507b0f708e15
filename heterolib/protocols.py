"""Spike trains: arrays of times in ms, one array per spine.

Sign convention everywhere: delay = t_2 - t_1, the second input minus the first. A negative
delay means that the second comes first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterolib import checks
from heterolib.parameters import SHAFIEE_2026 as S

START = S["first_pulse"]
MOST_SPIKES = 10_000_000


def _grid(
    start_ms: float,
    count: int,
    interval_ms: float,
    names: tuple[str, str, str] = ("start_ms", "pulses", "interval_ms"),
) -> checks.FloatArray:
    start = checks.number(names[0], start_ms, 0.0, 1e9)
    n = checks.whole(names[1], count, 0, MOST_SPIKES)
    gap = checks.number(names[2], interval_ms, 0.0, 1e9, low_open=True)
    return start + gap * np.arange(n)


def single(at_ms: float = START) -> checks.FloatArray:
    """One spike.

    Examples
    --------
    >>> single(5.0)
    array([5.])
    """
    return _grid(at_ms, 1, 1.0, ("at_ms", "", ""))


def burst(
    pulses: int = int(S["burst_pulses"]),
    interval_ms: float = S["pulse_interval"],
    start_ms: float = START,
) -> checks.FloatArray:
    """A few spikes close together.

    Examples
    --------
    >>> burst(3, 2.0, 10.0)
    array([10., 12., 14.])
    """
    return _grid(start_ms, pulses, interval_ms)


def bursts(
    pulses: int = int(S["burst_pulses"]),
    repetitions: int = int(S["repetitions"]),
    every_ms: float = S["burst_interval"],
    interval_ms: float = S["pulse_interval"],
    start_ms: float = START,
) -> checks.FloatArray:
    """A burst, repeated; figure 2A and 2B of Shafiee 2026 with 1 and 7 pulses.

    Examples
    --------
    >>> bursts(1, 3)
    array([  1., 201., 401.])
    """
    one = burst(pulses, interval_ms, start_ms)
    starts = _grid(0.0, repetitions, every_ms, ("", "repetitions", "every_ms"))
    if one.size * starts.size > MOST_SPIKES:
        raise ValueError(
            f"pulses times repetitions is {one.size * starts.size}; allowed: at most {MOST_SPIKES}"
        )
    return np.sort((starts[:, None] + one[None, :]).ravel())


def train(rate_hz: float, pulses: int, start_ms: float = START) -> checks.FloatArray:
    """Evenly spaced spikes.

    Examples
    --------
    >>> train(100.0, 3)
    array([ 1., 11., 21.])
    """
    rate = checks.number("rate_hz", rate_hz, 1e-6, 1e5)
    return _grid(start_ms, pulses, 1000.0 / rate)


def pairing(
    delay_ms: float,
    repetitions: int = int(S["repetitions"]),
    every_ms: float = S["pairing_interval"],
    start_ms: float = START,
) -> tuple[checks.FloatArray, checks.FloatArray]:
    """Two trains, one spike each per repetition, delay = t_2 - t_1. The earlier is at start_ms.

    Examples
    --------
    >>> pairing(-10.0, 2)
    (array([ 11., 511.]), array([  1., 501.]))
    """
    d = checks.number("delay_ms", delay_ms, -1e9, 1e9)
    first = _grid(start_ms, repetitions, every_ms, ("start_ms", "repetitions", "every_ms"))
    return first + max(-d, 0.0), first + max(d, 0.0)


def triplet(
    delay_ms: float, interval_ms: float = 20.0, start_ms: float = 200.0
) -> tuple[checks.FloatArray, checks.FloatArray]:
    """Two spikes on the first input, one on the second; delay = t_2 - first spike of input 1.

    Defaults: figure 4C of Shafiee 2026.

    Examples
    --------
    >>> triplet(5.0)
    (array([200., 220.]), array([205.]))
    """
    d = checks.number("delay_ms", delay_ms, -1e9, 1e9)
    pair = _grid(start_ms, 2, interval_ms)
    at = pair[0] + d
    if at < 0.0:
        raise ValueError(f"delay_ms is {delay_ms!r}; allowed: at least {-pair[0]:g}")
    return pair, np.array([at])


def poisson(
    rate_hz: float, duration_ms: float, rng: np.random.Generator, start_ms: float = 0.0
) -> checks.FloatArray:
    """Spikes at random, independent of each other, at a mean rate.

    Parameters
    ----------
    rate_hz : float
    duration_ms : float
    rng : numpy.random.Generator
        Seeded by the caller.
    start_ms : float

    Returns
    -------
    ndarray
        Sorted times in [start_ms, start_ms + duration_ms).

    Raises
    ------
    ValueError
        If a value lies outside its range or `rng` is no Generator.

    Examples
    --------
    >>> t = poisson(20.0, 10_000.0, np.random.default_rng(1))
    >>> bool(150 < t.size < 250)
    True
    """
    rate = checks.number("rate_hz", rate_hz, 0.0, 1e5)
    duration = checks.number("duration_ms", duration_ms, 0.0, 1e9, low_open=True)
    start = checks.number("start_ms", start_ms, 0.0, 1e9)
    checks.generator(rng)
    expected = rate * duration / 1000.0
    if expected > MOST_SPIKES:
        raise ValueError(f"rate_hz is {rate:g}; allowed: at most {MOST_SPIKES:g} spikes expected")
    return start + np.sort(rng.uniform(0.0, duration, rng.poisson(expected)))


def sequence(
    order: Sequence[int] = (0, 1),
    delay_ms: float = S["sequence_delay"],
    repetitions: int = int(S["sequence_repetitions"]),
    every_ms: float = S["sequence_interval"],
    pulses: int = int(S["sequence_pulses"]),
    interval_ms: float = S["sequence_pulse_interval"],
    start_ms: float = S["sequence_start"],
) -> tuple[checks.FloatArray, ...]:
    """Inputs one after another, the whole repeated; figure 5 of Shafiee 2026.

    Parameters
    ----------
    order : sequence of int
        Which spine comes when: all of 0, 1, ... once each, the first of them first.
    delay_ms : float
        From one input to the next; 0 or more.
    repetitions : int
        Presentations.
    every_ms : float
        Interval of presentations.
    pulses, interval_ms
        Of one input.
    start_ms : float
        The first input.

    Returns
    -------
    tuple of ndarray
        One train per spine, in the order of the spines.

    Raises
    ------
    ValueError
        If a value lies outside its range, `order` is no order, or one input lasts longer than
        `every_ms`.

    Examples
    --------
    >>> sequence((1, 0), 10.0, repetitions=2, pulses=1)
    (array([22.5, 97.5]), array([12.5, 87.5]))
    """
    places = checks.order("order", order)
    delay = checks.number("delay_ms", delay_ms, 0.0, 1e9)
    starts = _grid(start_ms, repetitions, every_ms, ("start_ms", "repetitions", "every_ms"))
    one = _grid(0.0, pulses, interval_ms)
    if one.size * starts.size > MOST_SPIKES:
        raise ValueError(
            f"pulses times repetitions is {one.size * starts.size}; allowed: at most {MOST_SPIKES}"
        )
    if starts.size > 1 and one.size and one[-1] >= float(every_ms):
        raise ValueError(
            f"every_ms is {every_ms!r}; allowed: more than one input lasts, {one[-1]:g} ms"
        )
    train = (starts[:, None] + one[None, :]).ravel()
    rank = np.argsort(places)
    return tuple(train + delay * float(k) for k in rank)
