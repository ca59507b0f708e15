"""Several inputs on a branch: all orders, background, and three learners."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from heterolib import PairRule, ThresholdRule, protocols, simulate, studies
from heterolib.orders import (
    LEARNERS,
    all_orders,
    order_cell,
    order_neuron,
    order_study,
    sampled_orders,
)
from heterolib.soma import simulate_neuron
from heterolib.sweep import sweep
from heterolib.training import Training


def rng(seed=1):
    return np.random.default_rng(seed)


# -- protocol --------------------------------------------------------------------------------


def test_sequence_is_the_published_protocol():
    near, far = protocols.sequence((1, 0))
    assert near.size == far.size == 240
    np.testing.assert_allclose(far[:10], 12.5 + 0.25 * np.arange(10))
    np.testing.assert_allclose(near - far, 9.25)
    assert far[10] == 87.5 and far[-1] == 12.5 + 23 * 75.0 + 2.25
    a, b = protocols.sequence((0, 1))
    np.testing.assert_array_equal(a, far)
    np.testing.assert_array_equal(b, near)


def test_sequence_of_several():
    trains = protocols.sequence((2, 0, 3, 1), 5.0, repetitions=1, pulses=1, start_ms=1.0)
    assert [float(t[0]) for t in trains] == [6.0, 16.0, 1.0, 11.0]


@pytest.mark.parametrize("order", [(0, 2), (0, 0), (1, 2), (-1, 0), (0.5, 1), (), "01", None])
def test_what_is_no_order(order):
    with pytest.raises(ValueError, match="order"):
        protocols.sequence(order)


def test_inputs_that_overlap_themselves():
    with pytest.raises(ValueError, match="every_ms"):
        protocols.sequence((0, 1), every_ms=2.0)


# -- orders ----------------------------------------------------------------------------------


def test_all_orders():
    table = all_orders(4)
    assert table.shape == (24, 4) and len({tuple(r) for r in table.tolist()}) == 24
    assert table[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("n", "count"), [(3, 6), (5, 100), (12, 40)])
def test_sampled_orders_are_orders_and_differ(n, count):
    table = sampled_orders(n, count, rng())
    assert len({tuple(r) for r in table.tolist()}) == count
    assert (np.sort(table, axis=1) == np.arange(n)).all()
    np.testing.assert_array_equal(table, sampled_orders(n, count, rng()))


# -- studies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["published", "converged"])
@pytest.mark.parametrize("on", ["inward", "outward"])
def test_two_inputs_are_figure_5(on, scheme):
    study = order_study(on, n_inputs=2, scheme=scheme)
    figure = studies.sequence(on, scheme=scheme)
    np.testing.assert_allclose(study.weights, figure.weights, rtol=1e-8)
    other = "outward" if on == "inward" else "inward"
    wanted = [figure.peak_mV[on], figure.peak_mV[other]]
    np.testing.assert_allclose(study.peak_mV, wanted, rtol=1e-7)
    assert study.selectivity == pytest.approx(figure.selectivity, abs=1e-7)
    assert study.share_beaten == 1.0
    assert study.margin_mV == pytest.approx(wanted[0] - wanted[1], abs=1e-6)


def test_study_equals_whole_runs():
    """Training on the grid of compartments, tests with the whole voltage."""
    study = order_study((2, 0, 1), n_inputs=3, spacing_um=1.5, delay_ms=7.0)
    assert study.orders.shape == (6, 3) and study.orders[0].tolist() == [2, 0, 1]
    neuron, every = order_neuron(3, 1.5), 2 * 7.0 + 75.0 - 9.25
    trains = protocols.sequence((2, 0, 1), 7.0, every_ms=every)
    rule = studies.rule_of_figure_5(None)
    r = simulate(neuron.branch, trains, rule, 4000.0, record="final", engine="grid")
    np.testing.assert_allclose(study.weights, r.final_weights, atol=2e-5)
    for k in (0, 4):
        shown = protocols.sequence(study.orders[k].tolist(), 7.0, 1)
        v = simulate_neuron(neuron, shown, None, 90.0, weights=study.weights)
        assert study.peak_mV[k] == pytest.approx(v.peak_mV, rel=1e-7)
        v = simulate_neuron(neuron, shown, None, 90.0, weights=0.5)
        assert study.untrained_mV[k] == pytest.approx(v.peak_mV, rel=1e-7)


def test_learners():
    """Without diffusion the order leaves no trace; a pair rule needs a response of the cell."""
    study = {name: order_study((1, 0, 2), n_inputs=3, learner=name) for name in LEARNERS}
    gain = {k: s.selectivity - s.untrained_selectivity for k, s in study.items()}
    assert np.ptp(study["no diffusion"].weights) < 1e-6 and abs(gain["no diffusion"]) < 1e-6
    assert gain["calcium"] > 0.01 and gain["pair"] > 0.01
    silent = order_study((1, 0, 2), n_inputs=3, learner="pair", response="crossing")
    assert (silent.weights == 0.5).all()  # the soma never crosses: nothing to pair with


def test_pair_rule_in_the_study_written_out():
    """Responses at the somatic peak of each presentation, from whole runs."""
    rule = PairRule(a_plus=0.05, a_minus=0.08)
    study = order_study("inward", n_inputs=2, learner="pair", rule=rule, repetitions=3)
    neuron, w, post = order_neuron(2, diffusion_um2_per_s=0.0), [0.5, 0.5], []
    pre = [21.75 + 75.0 * np.arange(3), 12.5 + 75.0 * np.arange(3)]
    for k in range(3):
        trains = protocols.sequence((1, 0), repetitions=1)
        post.append(75.0 * k + simulate_neuron(neuron, trains, None, 75.0, weights=w).peak_ms)
        w = [rule.after(x[: k + 1], post, 0.5) for x in pre]
    np.testing.assert_allclose(study.weights, w, rtol=1e-6)
    assert study.weights[0] > study.weights[1]  # the later input lies closer to the peak


def test_pair_rule_hears_the_presentation_before():
    """Presentations 12 ms apart overlap in the soma. Weights that hardly move: one whole run."""
    rule = PairRule(a_plus=1e-6, a_minus=0.0)
    study = order_study(
        "inward", n_inputs=2, learner="pair", rule=rule, repetitions=4, delay_ms=3.0, every_ms=12.0
    )
    trains = protocols.sequence((1, 0), 3.0, 4, 12.0)
    r = simulate_neuron(order_neuron(2, diffusion_um2_per_s=0.0), trains, None, 60.0, weights=0.5)
    windows = [(r.t_ms >= 12.0 * k) & (r.t_ms < 12.0 * (k + 1)) for k in range(4)]
    post = [float(r.t_ms[w][r.soma_mV[w].argmax()]) for w in windows]
    pre = [15.5 + 12.0 * np.arange(4), 12.5 + 12.0 * np.arange(4)]
    for w, x in zip(study.weights, pre, strict=True):
        wanted = (rule.after(x, post, 0.5) - 0.5) / rule.a_plus
        assert (w - 0.5) / rule.a_plus == pytest.approx(wanted, rel=2e-3)


def test_last_input_gains_most_from_pairs():
    study = order_study((1, 2, 0), n_inputs=3, learner="pair", repetitions=5)
    assert study.weights[0] > study.weights[2] > study.weights[1]


def test_training_lasts_until_calcium_has_left():
    assert Training.of(9.25, 24, 75.0).duration_ms() == 3000.0
    assert Training.of(50.0, 2, 60.0).duration_ms(4) == 12.5 + 120.0 + 90.0 + 1187.5


def test_orders_may_be_given_drawn_or_all():
    given = order_study((0, 1, 2), [(0, 2, 1), (0, 1, 2)], n_inputs=3)
    assert given.orders.tolist() == [[0, 1, 2], [0, 2, 1]]
    drawn = order_study("inward", 7, n_inputs=12, spacing_um=1.0, rng=rng())
    assert drawn.orders.shape == (8, 12)
    assert len({tuple(o) for o in drawn.orders.tolist()}) == 8
    most = order_study("inward", 5, n_inputs=3, rng=rng())
    assert most.orders.shape == (6, 3)


@pytest.mark.parametrize(
    ("kw", "name"),
    [
        ({"orders": 6, "n_inputs": 3, "rng": rng()}, "orders"),
        ({"orders": "all", "n_inputs": 9}, "orders"),
        ({"orders": 3}, "rng"),
        ({"orders": [(0, 1)], "n_inputs": 3}, "orders"),
        ({"orders": [(1, 0)], "n_inputs": 2, "trained": (1, 0)}, "orders"),
        ({"trained": (0, 1), "n_inputs": 3}, "trained"),
        ({"n_inputs": 12, "spacing_um": 4.0}, "spacing_um"),
        ({"background_hz": 5.0}, "rng"),
        ({"rule": PairRule()}, "rule"),
        ({"rule": ThresholdRule(), "learner": "pair"}, "rule"),
    ],
)
def test_arguments_that_do_not_fit(kw, name):
    with pytest.raises(ValueError, match=name):
        order_study(**kw)


def test_background_is_felt_and_repeatable():
    kw = {"n_inputs": 3, "background_hz": 20.0, "rng": None}
    quiet = order_study(n_inputs=3)
    for learner in LEARNERS:
        a, b = (order_study(learner=learner, **{**kw, "rng": rng(3)}) for _ in range(2))
        np.testing.assert_array_equal(a.weights, b.weights)
    assert not np.allclose(order_study(**{**kw, "rng": rng(3)}).weights, quiet.weights, atol=1e-4)
    noisy = order_study(**{**kw, "rng": rng(3)}, background_test=True)
    still = order_study(**{**kw, "rng": rng(3)})
    np.testing.assert_array_equal(noisy.weights, still.weights)
    assert (noisy.peak_mV != still.peak_mV).all()
    # background only adds current
    assert (noisy.peak_mV > still.peak_mV - 1e-9).all()


def test_chance_without_diffusion():
    """Place alone neither wins nor loses over many random orders."""
    share = [order_cell(3, learner="no diffusion", rng=rng(s))["share_beaten"] for s in range(60)]
    assert abs(np.mean(share) - 0.5) < 4.0 * np.std(share) / math.sqrt(60)


def test_calcium_beats_chance_with_three_inputs():
    share = [order_cell(3, learner="calcium", rng=rng(s))["share_beaten"] for s in range(40)]
    assert np.mean(share) > 0.6


def test_cells_run_in_a_sweep():
    grid = {"n_inputs": [2, 3], "learner": ["calcium", "no diffusion"], "replicate": [0, 1]}
    results = []
    for workers in (1, 2):
        with ThreadPoolExecutor(workers) as pool:
            results.append(sweep(order_cell, grid, seed=5, executor=pool, progress=False))
    a, b = (r.table for r in results)
    assert len(a) == 8 and a.equals(b)
    assert np.isfinite(a["gain"]).all()
    calcium = a[(a["learner"] == "calcium") & (a["n_inputs"] == 2)]["gain"]
    assert (calcium > 0.03).all()


def test_study_speaks():
    assert "6 orders shown" in order_study(n_inputs=3).summary()


# -- pair rule -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_pair_rule_counts_every_pair(seed):
    """Far from the bounds: the sum over all pairs."""
    r = rng(seed)
    rule = PairRule(a_plus=0.001, a_minus=0.0015, tau_plus_ms=12.0, tau_minus_ms=30.0)
    pre, post = np.sort(r.uniform(0, 300, 8)), np.sort(r.uniform(0, 300, 6))
    apart = post[None, :] - pre[:, None]
    gain = rule.a_plus * np.exp(-apart[apart >= 0.0] / 12.0).sum()
    loss = rule.a_minus * np.exp(apart[apart < 0.0] / 30.0).sum()
    assert rule.after(pre, post, 0.5) == pytest.approx(0.5 + gain - loss, rel=1e-12)


def test_pair_rule_keeps_bounds():
    rule = PairRule(a_plus=0.5, a_minus=0.5)
    t = np.arange(0.0, 100.0, 10.0)
    assert rule.after(t, t + 1.0, 0.9) <= 1.0
    assert rule.after(t + 1.0, t, 0.1) >= 0.0
    assert rule.after([], [1.0], 0.3) == 0.3
    assert rule.after([5.0], [5.0], 0.3) == pytest.approx(0.8)
