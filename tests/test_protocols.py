"""Spike trains against lists written by hand, and the statistics of the random ones."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterolib import Branch, ThresholdRule, protocols, simulate

FAST = settings(derandomize=True, deadline=None, database=None, max_examples=60)
TIME = st.integers(0, 4000).map(lambda i: 0.25 * i)


def test_single():
    assert protocols.single().tolist() == [1.0]
    assert protocols.single(0.0).tolist() == [0.0]
    assert protocols.single(12.5).tolist() == [12.5]


def test_burst():
    assert protocols.burst().tolist() == [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0]
    assert protocols.burst(3, 2.5, 10.0).tolist() == [10.0, 12.5, 15.0]
    assert protocols.burst(1).tolist() == [1.0]
    assert protocols.burst(0).tolist() == []


def test_bursts():
    assert protocols.bursts(1).tolist() == [1.0, 201.0, 401.0, 601.0, 801.0]
    assert protocols.bursts(2, 3, 50.0, 4.0, 10.0).tolist() == [10, 14, 60, 64, 110, 114]
    assert protocols.bursts().tolist() == [1 + 200 * r + 2 * p for r in range(5) for p in range(7)]
    assert protocols.bursts(3, 0).size == 0 and protocols.bursts(0, 3).size == 0


def test_bursts_that_overlap_stay_sorted():
    t = protocols.bursts(3, 2, every_ms=5.0, interval_ms=4.0, start_ms=0.0)
    assert t.tolist() == [0.0, 4.0, 5.0, 8.0, 9.0, 13.0]


def test_train():
    assert protocols.train(100.0, 4).tolist() == [1.0, 11.0, 21.0, 31.0]
    assert protocols.train(2.0, 3, 0.0).tolist() == [0.0, 500.0, 1000.0]
    assert protocols.train(50.0, 0).size == 0


def test_pairing():
    first, second = protocols.pairing(15.0)
    assert first.tolist() == [1.0, 501.0, 1001.0, 1501.0, 2001.0]
    assert second.tolist() == [16.0, 516.0, 1016.0, 1516.0, 2016.0]
    first, second = protocols.pairing(-15.0, 2, 700.0, 3.0)
    assert first.tolist() == [18.0, 718.0] and second.tolist() == [3.0, 703.0]
    first, second = protocols.pairing(0.0, 1)
    assert first.tolist() == second.tolist() == [1.0]


def test_triplet():
    first, second = protocols.triplet(5.0)
    assert first.tolist() == [200.0, 220.0] and second.tolist() == [205.0]
    first, second = protocols.triplet(-30.0, 15.0, 40.0)
    assert first.tolist() == [40.0, 55.0] and second.tolist() == [10.0]
    assert protocols.triplet(-200.0)[1].tolist() == [0.0]
    with pytest.raises(ValueError, match="delay_ms"):
        protocols.triplet(-200.5)


@FAST
@given(delay=st.floats(-400.0, 400.0), repetitions=st.integers(1, 8), start=TIME)
def test_delay_is_second_minus_first(delay, repetitions, start):
    first, second = protocols.pairing(delay, repetitions, 500.0, start)
    np.testing.assert_allclose(second - first, delay, rtol=0, atol=1e-9)
    assert min(first[0], second[0]) == start  # the earlier one starts
    np.testing.assert_allclose(np.diff(first), 500.0, atol=1e-9)
    first, second = protocols.triplet(delay, start_ms=400.0)
    assert second[0] - first[0] == pytest.approx(delay, abs=1e-9)


@FAST
@given(
    pulses=st.integers(0, 9),
    repetitions=st.integers(0, 9),
    every=st.floats(0.1, 300.0),
    interval=st.floats(0.1, 30.0),
    start=TIME,
)
def test_trains_are_what_simulate_takes(pulses, repetitions, every, interval, start):
    """Sorted, not negative, one dimension, the right number: never refused."""
    t = protocols.bursts(pulses, repetitions, every, interval, start)
    assert t.shape == (pulses * repetitions,) and t.dtype == np.float64
    assert (np.diff(t) >= 0.0).all() and (t >= start).all()
    simulate(Branch([4.0], length_um=10.0, compartments=20), [t], ThresholdRule(), 5.0)


# -- random ----------------------------------------------------------------------------------


def test_poisson_times_lie_in_their_window():
    for seed in range(20):
        t = protocols.poisson(30.0, 500.0, np.random.default_rng(seed), start_ms=250.0)
        assert (t >= 250.0).all() and (t < 750.0).all() and (np.diff(t) >= 0.0).all()


def test_poisson_counts():
    """Mean and variance of the count are both rate times duration (4 standard errors)."""
    rng = np.random.default_rng(20260)
    counts = np.array([protocols.poisson(20.0, 1000.0, rng).size for _ in range(4000)])
    assert counts.mean() == pytest.approx(20.0, abs=4.0 * math.sqrt(20.0 / 4000))
    assert counts.var(ddof=1) == pytest.approx(20.0, abs=4.0 * 20.0 * math.sqrt(2.1 / 4000))


def test_poisson_intervals_are_exponential():
    rng = np.random.default_rng(5)
    t = protocols.poisson(10.0, 2e6, rng)
    gaps = np.diff(t)
    n = gaps.size
    assert n == pytest.approx(20_000, abs=4 * math.sqrt(20_000))
    assert gaps.mean() == pytest.approx(100.0, rel=4.0 / math.sqrt(n))
    assert gaps.std() == pytest.approx(100.0, rel=6.0 / math.sqrt(n))
    shares = np.array([(gaps > k).mean() for k in (20.0, 100.0, 300.0)])
    wanted = np.exp([-0.2, -1.0, -3.0])
    assert abs(shares - wanted).max() < 4.0 * 0.5 / math.sqrt(n)
    # no memory: neighbouring gaps are unrelated
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4.0 / math.sqrt(n)


def test_poisson_is_spread_evenly():
    rng = np.random.default_rng(6)
    t = protocols.poisson(50.0, 1e6, rng, start_ms=1000.0)
    counts, _ = np.histogram(t, bins=10, range=(1000.0, 1_001_000.0))
    chi = ((counts - t.size / 10) ** 2 / (t.size / 10)).sum()
    assert chi < 30.0  # 9 degrees of freedom: p = 4e-4


def test_poisson_follows_its_generator():
    a = protocols.poisson(20.0, 1000.0, np.random.default_rng(1))
    b = protocols.poisson(20.0, 1000.0, np.random.default_rng(1))
    c = protocols.poisson(20.0, 1000.0, np.random.default_rng(2))
    np.testing.assert_array_equal(a, b)
    assert a.size != c.size or (a != c).any()
    rng = np.random.default_rng(1)
    first, second = protocols.poisson(20.0, 1000.0, rng), protocols.poisson(20.0, 1000.0, rng)
    np.testing.assert_array_equal(first, a)
    assert first.size != second.size or (first != second).any()


def test_poisson_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    protocols.poisson(20.0, 1000.0, np.random.default_rng(1))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("rng", [None, 1, np.random, np.random.RandomState(1), "seed"])
def test_poisson_needs_a_generator(rng):
    with pytest.raises(ValueError, match="rng"):
        protocols.poisson(20.0, 1000.0, rng)


def test_poisson_at_rate_zero_and_at_too_high_a_rate():
    assert protocols.poisson(0.0, 1000.0, np.random.default_rng(1)).size == 0
    with pytest.raises(ValueError, match="rate_hz"):
        protocols.poisson(1e5, 1e9, np.random.default_rng(1))
