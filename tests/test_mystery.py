"""The mystery synapse: its thresholds spread, cannot be guessed, and can be found by experiment."""

import numpy as np
import pytest

from heterolib import Spine, ThresholdRule, mystery, protocols, simulate_spine
from heterolib.explore import EXPLORERS

NUMBERS = range(1, mystery.MOST + 1)
E = EXPLORERS["mystery-synapse"]


def test_thresholds_fill_their_range_and_no_two_synapses_are_alike():
    rules = [mystery.rule_of(n) for n in NUMBERS]
    low = np.array([r.theta_d_uM for r in rules])
    ratio = np.array([r.theta_p_uM for r in rules]) / low
    for values, start, span in (
        (low, mystery.LOW_UM, mystery.SPAN_UM),
        (ratio, mystery.LOW_RATIO, mystery.SPAN_RATIO),
    ):
        assert values.min() >= start and values.max() <= start + span
        counts, _ = np.histogram(values, 10, (start, start + span))
        assert counts.min() > 90
        assert len(np.unique(values.round(9))) == len(values)
    # neither threshold tells the other, nor does the number tell either
    assert abs(np.corrcoef(low, ratio)[0, 1]) < 0.1
    assert abs(np.corrcoef(low, NUMBERS)[0, 1]) < 0.1
    assert {(r.gamma_p_per_s, r.gamma_d_per_s) for r in rules} == {(2.3, 1.0)}


def test_the_explorer_hides_the_same_thresholds():
    for number in (1, 2, 77, 999):
        shown, rule = E.run(number=float(number)), mystery.rule_of(number)
        assert shown["theta_d"][0] == pytest.approx(1e3 * rule.theta_d_uM)
        assert shown["theta_p"][0] == pytest.approx(1e3 * rule.theta_p_uM)


def test_nothing_on_screen_tells_them():
    told = {r.output for r in E.readouts}
    drawn = {y for v in E.views for y in ([x.y for x in getattr(v, "lines", ())])}
    assert not {"theta_d", "theta_p"} & (told | drawn)
    assert all(not getattr(v, "bands", None) for v in E.views)


@pytest.mark.parametrize(
    ("error_d", "error_p", "points"),
    [
        (0.0, 0.0, 100),
        (0.02, -0.02, 100),
        (0.26, 0.0, 75),
        (0.26, -0.26, 50),
        (0.5, 0.0, 50),
        (0.5, 3.0, 0),
    ],
)
def test_points(error_d, error_p, points):
    rule = mystery.rule_of(5)
    found = mystery.score(
        5, 1e3 * rule.theta_d_uM * (1 + error_d), 1e3 * rule.theta_p_uM * (1 + error_p)
    )
    assert found == points


def burst(number, weight, pulses):
    rule = mystery.rule_of(number)
    run = simulate_spine(Spine(), protocols.burst(pulses, 2.0), rule, 60.0, weight=weight)
    return 1e3 * run.peak_uM[0], float(run.weight_change[0])


@pytest.mark.parametrize("number", [1, 34, 500, 998])
def test_a_careful_learner_gets_nearly_all_points(number):
    """Only peaks and changes are used: where weakening sets in, then where the fit bends."""
    levels = np.arange(1, 101) / 100
    tried = np.array([burst(number, w, n) for n in (1, 2) for w in levels])
    weight, pulses = np.tile(levels, 2), np.repeat((1, 2), levels.size)
    peak, change = tried.T
    theta_d = 0.5 * (peak[change == 0].max() + peak[change < 0].min())
    # of all thresholds of strengthening, the one that explains the changes best
    best = min(
        np.linspace(1.05, 2.4, 55) * theta_d,
        key=lambda theta_p: sum(
            abs(predicted(theta_d, theta_p, w, n) - c)
            for w, n, c in zip(weight[::10], pulses[::10], change[::10], strict=True)
        ),
    )
    assert mystery.score(number, theta_d, best) >= 90


def predicted(theta_d, theta_p, weight, pulses):
    rule = ThresholdRule(theta_d_uM=theta_d / 1e3, theta_p_uM=theta_p / 1e3)
    train = protocols.burst(int(pulses), 2.0)
    return float(simulate_spine(Spine(), train, rule, 60.0, weight=weight).weight_change[0])


# ---- on the page -----------------------------------------------------------------------------


@pytest.mark.book
def test_the_notebook_records_and_judges_as_python_does(site, browser):
    page = browser.new_page()
    page.goto(site + "chapters/mystery-synapse.html", wait_until="load")
    root = "[data-explorer='mystery-synapse']"
    page.wait_for_selector(f"{root}[data-state='ready']")
    form, status = page.locator("form.hl-mystery"), page.locator("form.hl-mystery [role=status]")

    def set_to(**values):
        page.evaluate(
            "([root, values]) => { const e = document.querySelector(root).heterolib;"
            " e.set({...e.state.values, ...values}); }",
            [root, values],
        )
        page.wait_for_timeout(100)

    set_to(number=42.0, pulses=1.0, weight=0.9)
    form.get_by_role("button", name="Write down").click()
    set_to(number=42.0, pulses=2.0, weight=0.9)
    form.get_by_role("button", name="Write down").click()
    rows = form.locator("tbody tr")
    assert rows.count() == 2
    shown = E.run(number=42.0, pulses=2.0, weight=0.9)
    assert f"{shown['change'][0]:.5f}" in rows.nth(1).inner_text()

    rule = mystery.rule_of(42)
    assert f"{1e3 * rule.theta_d_uM:.1f}" not in form.inner_text()
    answers = (round(1.1e3 * rule.theta_d_uM, 1), round(0.8e3 * rule.theta_p_uM, 1))
    form.get_by_label("threshold of weakening (nM)").fill(f"{answers[0]}")
    form.get_by_label("threshold of strengthening (nM)").fill(f"{answers[1]}")
    form.get_by_role("button", name="Commit").click()
    words = status.inner_text()
    assert f"Synapse 42: {mystery.score(42, *answers)} of 100 points, 2 experiments" in words
    assert f"weakening begins at {1e3 * rule.theta_d_uM:.1f} nM" in words

    # another synapse starts a new page of the notebook
    set_to(number=43.0)
    form.get_by_role("button", name="Write down").click()
    assert rows.count() == 1 and "Experiment 1 on synapse 43" in status.inner_text()
    page.close()
