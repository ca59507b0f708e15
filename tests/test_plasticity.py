"""The rules: closed forms, bounds, limits and orders."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from heterolib import (
    BistableRule,
    Branch,
    Spine,
    ThresholdRule,
    calcium_of_pulse,
    kernels,
    simulate,
    simulate_spine,
    spike_calcium,
)
from heterolib.parameters import GRAUPNER_2012

FAST = settings(derandomize=True, deadline=None, database=None, max_examples=60)
FEW = settings(derandomize=True, deadline=None, database=None, max_examples=25)
RULE = ThresholdRule(theta_p_uM=0.4, theta_d_uM=0.2, gamma_p_per_s=40.0, gamma_d_per_s=15.0)


def euler(w, c0, c1, duration, rule, n=200_000):
    """The threshold rule by brute force: n tiny steps, calcium at the middle of each."""
    p, d = rule.gamma_p_per_s / 1000.0, rule.gamma_d_per_s / 1000.0
    s = (np.arange(n) + 0.5) / n
    c = c0 + (c1 - c0) * s
    h = duration / n
    up = np.where(c > rule.theta_p_uM, h * p, 0.0)
    down = np.where(c > rule.theta_d_uM, h * d, 0.0)
    for a, b in zip(up.tolist(), down.tolist(), strict=True):
        w += a * (1.0 - w) - b * w
    return w


# -- threshold rule: one step ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("c0", "c1"),
    [
        (0.1, 0.15),  # below both
        (0.25, 0.35),  # between
        (0.5, 0.8),  # above both
        (0.1, 0.3),  # over theta_D
        (0.1, 0.9),  # over both
        (0.3, 0.9),  # over theta_P
        (0.9, 0.3),
        (0.9, 0.1),
        (0.3, 0.1),
        (0.9, 0.5),
    ],
)
def test_step_against_fine_euler(c0, c1):
    for w in (0.0, 0.35, 1.0):
        step = kernels.weight_step(w, c0, c1, 20.0, *RULE.kernel_arguments())
        assert step == pytest.approx(euler(w, c0, c1, 20.0, RULE, 20_000), abs=3e-5)
    fine = euler(0.35, c0, c1, 20.0, RULE)
    step = kernels.weight_step(0.35, c0, c1, 20.0, *RULE.kernel_arguments())
    assert step == pytest.approx(fine, abs=4e-6)


def test_the_order_of_crossings_matters():
    """Rising weakens first and strengthens then; falling the other way round. Not the same."""
    up = kernels.weight_step(0.5, 0.0, 0.8, 20.0, *RULE.kernel_arguments())
    down = kernels.weight_step(0.5, 0.8, 0.0, 20.0, *RULE.kernel_arguments())
    assert abs(up - down) > 1e-3


@FAST
@given(
    w=st.floats(0.0, 1.0),
    c0=st.floats(0.0, 1.0),
    c1=st.floats(0.0, 1.0),
    share=st.floats(0.01, 0.99),
)
def test_two_steps_make_one(w, c0, c1, share):
    """Cutting a step in two changes nothing: the closed form is a flow."""
    args = RULE.kernel_arguments()
    whole = kernels.weight_step(w, c0, c1, 10.0, *args)
    middle = c0 + share * (c1 - c0)
    half = kernels.weight_step(w, c0, middle, 10.0 * share, *args)
    both = kernels.weight_step(half, middle, c1, 10.0 * (1.0 - share), *args)
    assert both == pytest.approx(whole, abs=1e-12)


RATES = st.floats(0.0, 1e6)


@FAST
@given(
    w=st.floats(0.0, 1.0),
    c0=st.floats(0.0, 1e3),
    c1=st.floats(0.0, 1e3),
    h=st.floats(0.0, 1e4),
    gamma_p=RATES,
    gamma_d=RATES,
    theta=st.floats(1e-3, 1e3),
    ratio=st.floats(0.001, 1.0),
)
@example(1.0, 5.0, 5.0, 1e4, 1e6, 0.0, 1.0, 1.0)
@example(0.0, 5.0, 0.0, 1e4, 0.0, 1e6, 1.0, 0.5)
def test_step_stays_within_bounds(w, c0, c1, h, gamma_p, gamma_d, theta, ratio):
    rule = ThresholdRule(
        theta_p_uM=theta,
        theta_d_uM=max(theta * ratio, 1e-9),
        gamma_p_per_s=gamma_p,
        gamma_d_per_s=gamma_d,
    )
    assert 0.0 <= kernels.weight_step(w, c0, c1, h, *rule.kernel_arguments()) <= 1.0


@FAST
@given(w=st.floats(0.0, 1.0), gamma_p=RATES, gamma_d=RATES)
def test_below_theta_d_nothing_moves(w, gamma_p, gamma_d):
    rule = ThresholdRule(
        theta_p_uM=0.4, theta_d_uM=0.2, gamma_p_per_s=gamma_p, gamma_d_per_s=gamma_d
    )
    assert kernels.weight_step(w, 0.2, 0.0, 50.0, *rule.kernel_arguments()) == w
    assert rule.after(0.2, 1e6, w) == w  # at the threshold is not above it


@FAST
@given(w=st.floats(0.0, 1.0), c=st.floats(0.0, 1.0), t=st.floats(0.0, 1e3))
def test_monotone_towards_the_limit(w, c, t):
    """At constant calcium w runs monotonically to 0, to the ceiling, or stays."""
    limit = RULE.ceiling if c > 0.4 else 0.0 if c > 0.2 else w
    first, second = RULE.after(c, t, w), RULE.after(c, 2.0 * t, w)
    assert abs(second - limit) <= abs(first - limit) + 1e-15 <= abs(w - limit) + 2e-15
    assert (first - limit) * (w - limit) >= -1e-15
    assert RULE.after(c, 1e5, w) == pytest.approx(limit, abs=1e-12)


def test_after_by_hand():
    p, d = 0.04, 0.015
    top = p / (p + d)
    assert RULE.ceiling == pytest.approx(top)
    assert RULE.after(0.5, 30.0, 0.2) == pytest.approx(
        top + (0.2 - top) * math.exp(-(p + d) * 30.0), rel=1e-13
    )
    assert RULE.after(0.3, 30.0, 0.2) == pytest.approx(0.2 * math.exp(-d * 30.0), rel=1e-13)
    only_up = ThresholdRule(theta_p_uM=0.4, theta_d_uM=0.2, gamma_p_per_s=40.0, gamma_d_per_s=0.0)
    assert only_up.after(0.5, 30.0, 0.2) == pytest.approx(1.0 - 0.8 * math.exp(-1.2), rel=1e-13)
    still = ThresholdRule(theta_p_uM=0.4, theta_d_uM=0.2, gamma_p_per_s=0.0, gamma_d_per_s=0.0)
    assert still.after(0.5, 1e6, 0.2) == 0.2
    assert math.isnan(still.ceiling)


def test_both_terms_act_above_theta_p():
    """At the ceiling strengthening and weakening cancel; above it even high calcium weakens."""
    assert RULE.outcome(1.0, RULE.ceiling - 1e-6) == "strengthens"
    assert RULE.outcome(1.0, RULE.ceiling + 1e-6) == "weakens"
    assert RULE.outcome(0.3, 0.5) == "weakens"
    assert RULE.outcome(0.3, 0.0) == "stays"
    assert RULE.outcome(0.2, 0.5) == "stays"
    assert RULE.rate_per_s(1.0, 0.3) == pytest.approx(40.0 * 0.7 - 15.0 * 0.3)
    assert RULE.rate_per_s(0.3, 0.3) == pytest.approx(-15.0 * 0.3)
    assert RULE.rate_per_s(0.2, 0.3) == 0.0


def test_rate_is_the_slope_of_the_closed_form():
    dt = 1e-4
    for c in (0.1, 0.3, 0.9):
        for w in (0.1, 0.9):
            slope = (RULE.after(c, dt, w) - w) / dt * 1000.0
            assert slope == pytest.approx(float(RULE.rate_per_s(c, w)), rel=1e-5, abs=1e-7)


def test_rate_broadcasts():
    rates = RULE.rate_per_s(np.array([0.1, 0.3, 0.9])[:, None], [0.2, 0.6])
    assert rates.shape == (3, 2)
    assert rates[2, 1] == RULE.rate_per_s(0.9, 0.6)


# -- threshold rule: a trace -----------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 50])
def test_evolve_at_constant_calcium_equals_after(n):
    for c in (0.1, 0.3, 0.9):
        w = RULE.evolve(np.linspace(5.0, 45.0, n), np.full(n, c), 0.3)
        assert w[0] == 0.3 and w.shape == (n,)
        assert w[-1] == pytest.approx(RULE.after(c, 40.0, 0.3), rel=1e-12)


def test_evolve_of_a_straight_line_does_not_depend_on_its_samples():
    ends = [
        RULE.evolve(np.linspace(0.0, 60.0, n), np.linspace(0.05, 0.7, n), 0.3)[-1]
        for n in (2, 7, 301)
    ]
    np.testing.assert_allclose(ends, ends[0], rtol=1e-12)
    assert ends[0] == pytest.approx(euler(0.3, 0.05, 0.7, 60.0, RULE), abs=1e-5)


def test_evolve_is_of_second_order_on_a_curved_trace():
    def end(n):
        t = np.linspace(0.0, 80.0, n + 1)
        return RULE.evolve(t, 0.35 + 0.3 * np.sin(t / 9.0), 0.5)[-1]

    exact = end(400_000)
    steps = np.array([64, 128, 256, 512, 1024])
    errors = [abs(end(int(n)) - exact) for n in steps]
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert 1.7 < order < 2.5
    assert errors[-1] < 1e-6


def test_evolve_agrees_with_the_simulation():
    """The rule along the recorded calcium of a run gives the recorded weights back."""
    rule = ThresholdRule()
    r = simulate(Branch([40.125, 41.125]), [[1.0, 30.0], [9.0]], rule, 100.0)
    for s in range(2):
        w = rule.evolve(r.t_ms, r.calcium_uM[s], 0.5)
        np.testing.assert_allclose(w, r.weights[s], rtol=0.0, atol=1e-12)


def test_units_of_calcium_do_not_matter():
    """Only the ratio of current and thresholds enters the weights: the labels nM or µM do not."""
    runs = [
        simulate(
            Branch([40.125, 41.125], spine=Spine(current_pA=0.1 * k)),
            [[1.0, 30.0], [9.0]],
            ThresholdRule(theta_p_uM=0.004 * k, theta_d_uM=0.002 * k),
            100.0,
        )
        for k in (1.0, 1000.0)
    ]
    np.testing.assert_allclose(runs[0].weights, runs[1].weights, rtol=1e-11)
    np.testing.assert_allclose(1000.0 * runs[0].calcium_uM, runs[1].calcium_uM, rtol=1e-9)


# -- bounds in whole simulations -------------------------------------------------------------

ANY_RULE = st.builds(
    lambda theta, ratio, p, d: ThresholdRule(
        theta_p_uM=theta, theta_d_uM=theta * ratio, gamma_p_per_s=10.0**p, gamma_d_per_s=10.0**d
    ),
    st.floats(1e-5, 0.2),
    st.floats(0.01, 1.0),
    st.floats(-2.0, 6.0),
    st.floats(-2.0, 6.0),
)
TRAIN = st.lists(st.floats(0.0, 18.0), max_size=8).map(sorted)
BRANCH = Branch([4.75, 5.25], length_um=10.0, compartments=20)


@FAST
@given(
    rule=ANY_RULE,
    trains=st.tuples(TRAIN, TRAIN),
    weights=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
    step=st.sampled_from([0.05, 0.25, 1.0]),
)
def test_weights_stay_within_bounds_on_a_branch(rule, trains, weights, step):
    r = simulate(BRANCH, trains, rule, 20.0, weights=weights, step_ms=step)
    assert r.weights.min() >= 0.0 and r.weights.max() <= 1.0


@FAST
@given(rule=ANY_RULE, train=TRAIN, weight=st.floats(0.0, 1.0))
def test_weights_stay_within_bounds_in_one_spine(rule, train, weight):
    r = simulate_spine(Spine(), train, rule, 20.0, weight=weight)
    assert r.weights.min() >= 0.0 and r.weights.max() <= 1.0


@FAST
@given(
    share=st.floats(0.0, 1.0),
    train=TRAIN,
    weight=st.floats(0.0, 1.0),
    step=st.sampled_from([0.25, 1.0]),
)
def test_published_scheme_stays_within_bounds_up_to_its_limit(share, train, weight, step):
    """Forward Euler keeps [0, 1] while step times both rates is at most 1; more is refused."""
    most = 1000.0 / step
    rule = ThresholdRule(gamma_p_per_s=share * most, gamma_d_per_s=(1.0 - share) * most * 0.999999)
    run = {"weights": weight, "scheme": "published", "step_ms": step}
    r = simulate(BRANCH, [train, []], rule, 20.0, **run)
    assert r.weights.min() >= 0.0 and r.weights.max() <= 1.0
    beyond = ThresholdRule(gamma_p_per_s=share * most + 1.0, gamma_d_per_s=(1.0 - share) * most)
    with pytest.raises(ValueError, match="gamma_p_per_s"):
        simulate(BRANCH, [train, []], beyond, 20.0, **run)


@FAST
@given(
    share=st.floats(0.5, 1.0),
    ratio=st.floats(1.0, 2.0),
    p=st.floats(0.0, 6.0),
    d=st.floats(0.0, 6.0),
)
@example(share=0.99, ratio=1.0, p=0.0, d=5.6)  # theta_D is crossed just before a step ends
def test_calcium_lies_between_none_and_that_of_weight_one(share, ratio, p, d):
    """Influx is weight times current, so the weight within a step must stay a weight as well."""
    theta = share * float(calcium_of_pulse(0.05))  # calcium after the first step
    rule = ThresholdRule(
        theta_p_uM=ratio * theta, theta_d_uM=theta, gamma_p_per_s=10.0**p, gamma_d_per_s=10.0**d
    )
    for weight in (0.0, 0.9, 1.0):
        r = simulate_spine(Spine(), [0.0, 4.0], rule, 8.0, weight=weight)
        most = simulate_spine(Spine(), [0.0, 4.0], None, 8.0, weight=1.0)
        assert 0.0 <= r.calcium_uM.min() and r.peak_uM <= 1.000001 * most.peak_uM
        r = simulate(BRANCH, [[0.0, 4.0], []], rule, 8.0, weights=weight)
        most = simulate(BRANCH, [[0.0, 4.0], []], None, 8.0, weights=1.0)
        assert 0.0 <= r.calcium_uM.min() and (r.peak_uM <= 1.000001 * most.peak_uM).all()


# -- bistable rule ---------------------------------------------------------------------------

# Without calcium the strengths play no part, but they bound the step: leave them out.
WELL = {"gamma_p": 0.0, "gamma_d": 0.0}


def test_fixed_points_of_the_double_well():
    t = np.linspace(0.0, 1e6, 101)
    rule = BistableRule(**WELL)
    for rho in (0.0, 0.5, 1.0):
        np.testing.assert_allclose(rule.evolve(t, np.zeros(t.size), rho), rho, atol=1e-13)
    moved = BistableRule(rho_star=0.3, **WELL).evolve(t, np.zeros(t.size), 0.3)
    np.testing.assert_allclose(moved, 0.3, atol=1e-13)


@FEW
@given(start=st.floats(0.01, 0.99), rho_star=st.floats(0.1, 0.9))
def test_drift_to_the_well_on_its_side(start, rho_star):
    t = np.linspace(0.0, 60.0, 2001)  # in units of tau
    rule = BistableRule(tau_ms=1000.0, rho_star=rho_star, **WELL)
    assume(abs(start - rho_star) > 1e-3)
    rho = rule.evolve(1000.0 * t, np.zeros(t.size), start)
    steps = np.diff(rho)
    assert (steps >= 0.0).all() if start > rho_star else (steps <= 0.0).all()
    distance = abs(rho - (1.0 if start > rho_star else 0.0))
    assert distance[-1] < distance[0]
    assert 0.0 <= rho.min() and rho.max() <= 1.0


def test_drift_ends_in_the_wells():
    t = np.linspace(0.0, 80.0, 4001) * 1000.0
    for start, end in ((0.4, 0.0), (0.6, 1.0)):
        rho = BistableRule(tau_ms=1000.0, **WELL).evolve(t, np.zeros(t.size), start)
        assert rho[-1] == pytest.approx(end, abs=1e-8)


def test_relaxation_close_to_the_wells():
    """Linearised at 0 the rate is rho*/tau, at 1 it is (1 - rho*)/tau."""
    rule = BistableRule(tau_ms=1000.0, rho_star=0.3, **WELL)
    t = np.linspace(0.0, 1000.0, 201)
    low = rule.evolve(t, np.zeros(t.size), 1e-7)[-1]
    assert low == pytest.approx(1e-7 * math.exp(-0.3), rel=1e-6)
    high = 1.0 - rule.evolve(t, np.zeros(t.size), 1.0 - 1e-7)[-1]
    assert high == pytest.approx(1e-7 * math.exp(-0.7), rel=1e-6)


@pytest.mark.parametrize("calcium", [0.0, 1.1, 2.0])
def test_bistable_rule_is_of_fourth_order(calcium):
    rule = BistableRule(tau_ms=1000.0, gamma_p=3.0, gamma_d=2.0)

    def slope(_, rho):
        up = 3.0 * (1.0 - rho) * (calcium > 1.3) - 2.0 * rho * (calcium > 1.0)
        return (-rho * (1.0 - rho) * (0.5 - rho) + up) / 1000.0

    exact = solve_ivp(slope, (0.0, 4000.0), [0.3], rtol=1e-13, atol=1e-15, method="DOP853").y[0, -1]
    counts = np.array([24, 32, 48, 64])
    errors = [
        abs(rule.evolve(np.linspace(0.0, 4000.0, n + 1), np.full(n + 1, calcium), 0.3)[-1] - exact)
        for n in counts
    ]
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert 3.7 < order < 4.6


def test_bistable_rule_finds_crossings_within_the_step():
    """On a straight line of calcium every crossing is exact, so few samples are as good."""
    rule = BistableRule(tau_ms=1000.0, gamma_p=3.0, gamma_d=2.0)
    for c0, c1 in ((0.0, 2.0), (2.0, 0.0), (0.0, 1.2), (1.2, 2.0)):
        ends = [
            rule.evolve(np.linspace(0.0, 300.0, n), np.linspace(c0, c1, n), 0.3)[-1]
            for n in (61, 30_001)
        ]
        assert ends[0] == pytest.approx(ends[1], abs=1e-8)


@FAST
@given(
    rho=st.floats(0.0, 1.0),
    calcium=st.lists(st.floats(0.0, 3.0), min_size=20, max_size=20),
    gamma_p=st.floats(0.0, 400.0),
    gamma_d=st.floats(0.0, 400.0),
    rho_star=st.floats(0.01, 0.99),
)
def test_bistable_rule_stays_within_bounds(rho, calcium, gamma_p, gamma_d, rho_star):
    rule = BistableRule(gamma_p=gamma_p, gamma_d=gamma_d, rho_star=rho_star, tau_ms=1000.0)
    h = 0.999 * 1000.0 / (gamma_p + gamma_d + 1.0)  # the longest step it takes
    out = rule.evolve(h * np.arange(20), calcium, rho)
    assert out.min() >= 0.0 and out.max() <= 1.0
    with pytest.raises(ValueError, match="t_ms"):
        rule.evolve(1.01 * h * np.arange(20), calcium, rho)


# -- calcium of spikes -----------------------------------------------------------------------


def test_calcium_jumps_at_spikes():
    g = GRAUPNER_2012
    assert g["calcium_pre"] == 1.0 and g["calcium_post"] == 2.0 and g["calcium_delay"] == 13.7
    eps = 1e-9
    t = [100.0 - eps, 100.0, 113.7 - eps, 113.7, 150.0]
    c = spike_calcium(t, [100.0], [])
    assert c[:3].tolist() == [0.0, 0.0, 0.0]
    assert c[3] == pytest.approx(1.0)
    assert c[4] == pytest.approx(math.exp(-(150.0 - 113.7) / 20.0))
    c = spike_calcium(t, [], [100.0])
    assert c[0] == 0.0 and c[1] == pytest.approx(2.0)
    assert c[4] == pytest.approx(2.0 * math.exp(-2.5))


def test_calcium_of_spikes_adds_up():
    t = np.linspace(0.0, 300.0, 3001)
    pre, post = [10.0, 50.0, 51.0], [40.0, 90.0]
    parts = sum(spike_calcium(t, [p], []) for p in pre) + sum(
        spike_calcium(t, [], [p]) for p in post
    )
    np.testing.assert_allclose(spike_calcium(t, pre, post), parts, rtol=1e-12)
