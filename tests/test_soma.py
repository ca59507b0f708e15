"""Figure 5 of Shafiee 2026: soma, training and test, against reference runs, NEURON and LSODA."""

from __future__ import annotations

import csv
import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from heterolib import (
    Branch,
    ThresholdRule,
    kernels,
    protocols,
    scorecard,
    simulate,
    simulate_many,
    studies,
)
from heterolib.cable import Membrane
from heterolib.explore import wasm
from heterolib.parameters import SHAFIEE_2026
from heterolib.soma import (
    Neuron,
    Soma,
    figure_5_branch,
    input_pulses,
    read_peak,
    responses,
    selectivity,
    simulate_neuron,
)
from tests.test_wasm import Machine

DATA = Path(__file__).parent / "data"
S5 = SHAFIEE_2026.variant("figure 5")
RULE = ThresholdRule.of(S5)
ORDERS = ("inward", "outward")
SINGLE = "single presentation (plastic)"
DELAY = 9.25


def rows(scheme):
    with (DATA / "fig5.csv").open(newline="", encoding="utf-8") as file:
        return [r for r in csv.DictReader(file) if r["scheme"] == scheme]


@functools.cache
def trained(on, scheme="published", **kw):
    """A study; `kw` only of things that hash."""
    return studies.sequence(on, scheme=scheme, **kw)


def study(row, scheme):
    if row["training"] == SINGLE:
        return trained(None, scheme, plastic_test=True)
    return trained(None if row["training"] == "none" else row["training"], scheme)


def row_id(row):
    return f"{row['training'].split()[0]}-{row['test']}"


# -- figure 5, published scheme --------------------------------------------------------------


def test_the_reference_is_all_there():
    assert len(rows("be")) == 8 and len(rows("converged")) == 6


@pytest.mark.parametrize("row", rows("be"), ids=row_id)
def test_published_scheme_meets_the_reference(row):
    """Required: 1e-5 relative. Reached: the digits of the file."""
    o, test = study(row, "published"), row["test"]
    assert o.peak_mV[test] == pytest.approx(float(row["soma_max_mV_above_rest"]), rel=1e-8)
    if row["t_max_ms"]:
        assert o.peak_ms[test] == float(row["t_max_ms"])
    wanted = float(row["t_cross_4mV_ms"]) if row["t_cross_4mV_ms"] else None
    assert o.crossing_ms[test] == wanted
    weights = o.weights if row["training"] != SINGLE else o.tests[test].calcium.final_weights
    wanted = [float(row["w0_proximal"]), float(row["w1_distal"])]
    np.testing.assert_allclose(weights, wanted, rtol=1e-9)
    if row["training"] in ORDERS:
        peaks = [float(row["train_peak0_nM"]), float(row["train_peak1_nM"])]
        np.testing.assert_allclose(1000.0 * o.calcium_uM, peaks, rtol=1e-8)


@pytest.mark.parametrize("on", ORDERS)
def test_trained_order_alone_crosses(on):
    o = trained(on)
    other = ORDERS[1 - ORDERS.index(on)]
    assert o.crossing_ms[on] == pytest.approx(25.25, rel=1e-5) and o.crossing_ms[other] is None
    assert o.peak_mV[on] > S5["soma_threshold"] - S5["rest"] > o.peak_mV[other]
    assert o.selectivity > 0.04


def test_without_training_or_diffusion_no_preference():
    o = trained(None)
    assert abs(o.peak_mV["inward"] - o.peak_mV["outward"]) < 0.02
    assert o.crossing_ms == {"inward": None, "outward": None}
    for on in ORDERS:
        o = trained(on, diffusion=False)
        assert abs(o.peak_mV["inward"] - o.peak_mV["outward"]) < 0.02
        assert abs(o.weights[0] - o.weights[1]) < 1e-9 and abs(o.weights[0] - 0.5) > 0.01


def test_published_training_is_the_same_on_the_grid():
    """`sequence` learns with the reduced engine."""
    trains = protocols.sequence((1, 0))
    r = simulate(
        studies.sequence_neuron().branch, trains, RULE, 3000.0,
        scheme="published", record="final", engine="grid",
    )  # fmt: skip
    np.testing.assert_allclose(trained("inward").weights, r.final_weights, rtol=1e-9)


def test_the_voltage_scheme_written_out():
    """Backward Euler for the branch, forward Euler for the soma, with full matrices."""
    neuron, w, h, n = studies.sequence_neuron(), np.array([0.3, 0.8]), 0.25, 320
    trains = protocols.sequence((0, 1), repetitions=1)
    r = simulate_neuron(neuron, trains, None, 60.0, weights=w, scheme="published")
    c = 2.0 * math.pi * 0.25 * 0.01
    g = np.diag(np.full(n + 2, 2.0 * math.pi * 0.25 * 0.01))
    capacitance = np.full(n + 2, c)
    links = [(i, i + 1, 500.0 * math.pi / 0.25) for i in range(n - 1)]
    for s, i in enumerate((160, 164)):
        links.append((i, n + s, 2.5))
        g[n + s, n + s] = 10.0
        capacitance[n + s] = 10.0 * c
    for a, b, by in links:
        g[a, a] += by
        g[b, b] += by
        g[a, b] -= by
        g[b, a] -= by
    step = np.linalg.inv(np.diag(capacitance / h) + g)
    v, u, x, soma = np.zeros(n + 2), 0.0, np.zeros(2), [0.0]
    for k in range(r.t_ms.size - 1):
        x *= math.exp(-h)
        for s in range(2):
            x[s] += 200.0 * np.sum(trains[s] == k * h)
        u += h / 80.0 * (20.0 * (v[138] - u) - u)
        b = capacitance / h * v
        b[n:] += w * x
        v = step @ b
        soma.append(u)
    np.testing.assert_allclose(r.soma_mV, soma, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(r.spine_mV[:, -1], v[n:], rtol=1e-8, atol=1e-12)


def test_every_published_number_of_figure_5_is_met():
    """The authors' data files: peaks, also those in training, and the crossing."""
    entries = tuple(e for e in scorecard.ENTRIES if e.figure.startswith("5"))
    card = scorecard.scorecard(entries)
    assert len(card) == 7 and card["met"].all()
    crossing = card["quantity"].str.contains("first time")
    assert card["ours, converged scheme"].isna().tolist() == crossing.tolist()


# -- figure 5, converged scheme --------------------------------------------------------------


@pytest.mark.parametrize("row", rows("converged"), ids=row_id)
def test_converged_scheme_is_near_the_reference(row):
    """The reference is of first order at 0.0125 ms; see tests/data/README.md."""
    o, test = study(row, "converged"), row["test"]
    assert o.peak_mV[test] == pytest.approx(float(row["soma_max_mV_above_rest"]), abs=2e-3)
    assert o.peak_ms[test] == pytest.approx(float(row["t_max_ms"]), abs=0.05)
    assert o.crossing_ms[test] is None
    wanted = [float(row["w0_proximal"]), float(row["w1_distal"])]
    np.testing.assert_allclose(o.weights, wanted, atol=1e-3)


def test_converged_preference_without_crossing():
    """What changes in converged numerics: the preference stays, the crossing goes."""
    for on in ORDERS:
        o = trained(on, "converged")
        assert o.selectivity == pytest.approx(trained(on).selectivity, rel=0.02)
        assert max(o.peak_mV.values()) < o.tests[on].threshold_mV
    other = trained("inward", "converged", neck="consistent")
    assert 0.0 < other.selectivity < 0.1 * trained("inward", "converged").selectivity


def lsoda(trains, end, rule, neck="published"):
    """Weights of the two spines from the full equations, pulse by pulse."""
    branch = studies.sequence_neuron(neck=neck).branch
    n, site = branch.compartments, list(branch.site)
    k_d, k_s, in_d, in_s = branch.exchange_per_ms
    hop, tau = branch.diffusion_um2_per_s / 1000.0 / branch.dx_um**2, branch.decay_ms
    gain, jump = branch.spine.gain_uM_per_pA_ms, branch.spine.current_pA
    theta_p, theta_d, gamma_p, gamma_d = rule.kernel_arguments()
    x, y = np.zeros(2), np.zeros(n + 4)
    y[n + 2 :] = 0.5

    def rate(t, y, x, t0):
        f, shaft, spine, w = np.zeros(n + 4), y[:n], y[n : n + 2], y[n + 2 :]
        f[:n] = -shaft / tau
        f[1:n] += hop * (shaft[:-1] - shaft[1:])
        f[: n - 1] += hop * (shaft[1:] - shaft[:-1])
        f[site] += in_d * spine - k_d * shaft[site]
        f[n : n + 2] = in_s * shaft[site] - (k_s + 1.0 / tau) * spine
        f[n : n + 2] += gain * w * x * math.exp(t0 - t)
        f[n + 2 :] = gamma_p * (1.0 - w) * (spine > theta_p) - gamma_d * w * (spine > theta_d)
        return f

    times = np.unique(np.concatenate(trains))
    for a, b in zip(times, [*times[1:], end], strict=True):
        x += [jump * np.sum(train == a) for train in trains]
        y = solve_ivp(
            rate, (a, b), y, method="LSODA", args=(x, a), rtol=1e-8, atol=1e-11
        ).y[:, -1]  # fmt: skip
        x *= math.exp(a - b)
    return y[n + 2 :]


@pytest.mark.parametrize("neck", ["published", "consistent"])
def test_converged_training_against_lsoda(neck):
    """Two presentations."""
    trains = protocols.sequence((1, 0), repetitions=2)
    wanted = lsoda(trains, 500.0, RULE, neck)
    branch = studies.sequence_neuron(neck=neck).branch
    for engine in ("grid", "reduced"):
        r = simulate(branch, trains, RULE, 500.0, record="final", engine=engine, step_ms=0.0125)
        np.testing.assert_allclose(r.final_weights, wanted, rtol=0, atol=2e-7)


@pytest.mark.slow
def test_whole_training_against_lsoda():
    wanted = lsoda(protocols.sequence((1, 0)), 3000.0, RULE)
    np.testing.assert_allclose(trained("inward", "converged").weights, wanted, rtol=0, atol=1e-6)


def test_saturation_without_diffusion_has_a_closed_form():
    """24 inputs of several µM bring a closed spine to the ceiling; the tail takes some back."""
    o = trained("inward", "converged", diffusion=False)
    tail = S5["decay"] * math.log(RULE.theta_p_uM / RULE.theta_d_uM)
    wanted = RULE.ceiling * math.exp(-RULE.gamma_d_per_s / 1000.0 * tail)
    np.testing.assert_allclose(o.weights, wanted, atol=2e-6)


def test_second_order_of_the_somatic_peak():
    peaks = [trained(None, "converged", step_ms=h).peak_mV["inward"] for h in (0.1, 0.05, 0.025)]
    limit = trained(None, "converged", step_ms=0.003125).peak_mV["inward"]
    errors = np.abs(np.array(peaks) - limit)
    assert (errors[:-1] / errors[1:] > 3.4).all() and errors[1] < 1e-3


# -- NEURON ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "coupling"), [("branch_alone_mV", "published"), ("loaded_by_soma_mV", "consistent")]
)
def test_agreement_with_neuron(key, coupling):
    """Required: 0.01 mV. Stored numbers; see benchmarks/neuron_cable.py."""
    data = json.loads((DATA / "neuron_cable.json").read_text(encoding="utf-8"))
    assert data["neuron"] and data["date"]
    pulses, wanted = input_pulses(), data[key]
    neuron = studies.sequence_neuron(coupling=coupling)
    trains = [start + pulses for start in data["starts_ms"]]
    for step, allowed in ((0.05, 0.003), (0.0125, 0.0003)):
        r = simulate_neuron(neuron, trains, None, 60.0, weights=data["weights"], step_ms=step)
        every = round(data["every_ms"] / step)
        found = {"spine1": r.spine_mV[0], "spine2": r.spine_mV[1], "branch": r.branch_mV}
        if coupling == "consistent":
            found["soma"] = r.soma_mV
        assert found.keys() == wanted.keys()
        for name, trace in found.items():
            assert np.abs(trace[::every] - wanted[name]).max() < allowed, name
            assert max(wanted[name]) > 2.0


# -- soma ------------------------------------------------------------------------------------


def test_a_vanishing_soma_is_the_published_one():
    branch = figure_5_branch([40.125, 41.125])
    trains = protocols.sequence((1, 0), repetitions=1)
    alone = simulate_neuron(Neuron(branch), trains, None, 60.0)
    apart = []
    for radius in (10.0, 1.0, 0.1):
        soma = Soma(coupling="consistent", radius_um=radius)
        r = simulate_neuron(Neuron(branch, soma=soma), trains, None, 60.0)
        apart.append(np.abs(r.soma_mV - alone.soma_mV).max())
    assert apart[0] > 0.3 and apart[1] < 0.01 and apart[2] < 1e-3


def test_soma_follows_a_held_branch_in_closed_form():
    """U = g / (1 + g) v (1 - exp(-t (1 + g) / tau)) for constant v."""
    t = np.arange(0.0, 20.0, 0.05)
    u = np.zeros(t.size)
    kernels.soma_follow(t.size, 0.05, 0, 80.0, 20.0, np.full(t.size, 7.0), u)
    exact = 7.0 * 20.0 / 21.0 * (1.0 - np.exp(-t * 21.0 / 80.0))
    np.testing.assert_allclose(u, exact, atol=1e-4)


def test_voltage_is_linear_in_the_current():
    """Without the factor 1000 of the published code: microvolts."""
    branch, trains = figure_5_branch([40.125, 41.125]), protocols.sequence((1, 0), repetitions=1)
    one = simulate_neuron(Neuron(branch), trains, None, 60.0)
    small = simulate_neuron(Neuron(branch, current_ratio=1.0), trains, None, 60.0)
    np.testing.assert_allclose(1000.0 * small.soma_mV, one.soma_mV, rtol=1e-10)
    assert 0.003 < small.peak_mV < 0.005
    np.testing.assert_array_equal(small.calcium.calcium_uM, one.calcium.calcium_uM)


def test_weights_that_move_are_felt_by_the_voltage():
    trains = protocols.sequence((1, 0), repetitions=1)
    neuron = studies.sequence_neuron()
    held = simulate_neuron(neuron, trains, None, 60.0)
    moving = simulate_neuron(neuron, trains, RULE, 60.0)
    assert moving.peak_mV > held.peak_mV  # high calcium strengthens
    assert moving.calcium.weight_change.max() > 0.01
    assert (held.calcium.weights == 0.5).all()


def test_second_order_while_weights_move():
    """A rule a hundred times as fast, so that a weight taken half a step too early shows."""
    fast = ThresholdRule(
        theta_p_uM=0.11, theta_d_uM=0.06, gamma_p_per_s=1300.0, gamma_d_per_s=586.0
    )
    trains, neuron = protocols.sequence((1, 0), repetitions=1), studies.sequence_neuron()

    def peak(h):
        return simulate_neuron(neuron, trains, fast, 60.0, weights=0.1, step_ms=h).peak_mV

    errors = np.abs(np.array([peak(h) for h in (0.1, 0.05, 0.025)]) - peak(0.00125))
    assert errors[0] > 10.0 * errors[2] and errors[1] < 1e-3


def test_result_speaks():
    o = trained("inward")
    assert "crosses at 25.25 ms" in o.summary() and "stays below" in o.summary()
    r = o.tests["inward"]
    assert "above 4 mV from 25.25 ms" in r.summary()
    table = r.to_dataframe()
    assert len(table) == r.t_ms.size and "calcium2_uM" in table.columns
    assert not r.soma_mV.flags.writeable


# -- superposition ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["published", "converged"])
@pytest.mark.parametrize("coupling", ["published", "consistent"])
def test_responses_equal_whole_runs(scheme, coupling):
    neuron = studies.sequence_neuron(3.0, coupling=coupling)
    w, answer = [0.2, 0.9], responses(neuron, scheme=scheme)
    for order in ((0, 1), (1, 0)):
        trains = protocols.sequence(order, repetitions=1)
        h = 0.25 if scheme == "published" else 0.05
        end = 80.0 + (h if scheme == "published" else 0.0)
        r = simulate_neuron(neuron, trains, None, end, weights=w, scheme=scheme)
        starts = [train[0] for train in trains]
        t, trace = answer.voltage([[s] for s in starts], w, 80.0)
        np.testing.assert_allclose(trace, r.soma_mV, rtol=1e-9, atol=1e-8)
        np.testing.assert_allclose(t, r.t_ms, atol=1e-9)
        o = answer.peaks([starts], w, duration_ms=80.0, threshold_mV=1.0)
        whole = read_peak(r.t_ms, r.soma_mV, 1.0, scheme)
        np.testing.assert_allclose([o.peak_mV[0], o.peak_ms[0], o.crossing_ms[0]], whole, rtol=1e-8)


def test_responses_between_samples():
    """A start within a step: what is left is the error of the step, 2e-3 mV at 0.05 ms."""
    neuron, pulses = studies.sequence_neuron(), input_pulses()
    for step, allowed in ((0.05, 3e-3), (0.0125, 2e-4)):
        answer = responses(neuron, step_ms=step)
        for start in (12.5123, 12.5499):
            r = simulate_neuron(neuron, [start + pulses, []], None, 60.0, weights=1.0, step_ms=step)
            t, trace = answer.voltage([[start], []], 1.0, 60.0)
            assert t.size == r.t_ms.size and np.abs(trace - r.soma_mV).max() < allowed


def test_single_pulses_add_up_to_an_input():
    neuron, pulses = studies.sequence_neuron(), input_pulses()
    _, a = responses(neuron).voltage([[5.0], []], 0.7, 50.0)
    _, b = responses(neuron, [0.0]).voltage([5.0 + pulses, []], 0.7, 50.0)
    np.testing.assert_allclose(a, b, atol=1e-7)


def test_responses_of_a_slow_branch_are_followed_to_their_end():
    """The membrane, not the soma, is what takes long here."""
    branch = figure_5_branch([40.125])
    slow = Neuron(branch, membrane=Membrane(resistance_ohm_cm2=50_000.0), spine_leak_nS=0.001)
    unit, step = responses(slow).unit_mV[0], responses(slow).step_ms
    assert unit[-1] < 1e-8 * unit.max() and unit.size * step > 500.0
    t = 10 * int(slow.membrane.time_constant_ms / step)
    assert unit[t] == pytest.approx(unit[t // 2] * math.exp(-t // 2 * step / 50.0), rel=0.2)


def test_silent_spines_and_rows_of_weights():
    answer = responses(studies.sequence_neuron())
    o = answer.peaks([[5.0, np.nan], [np.nan, np.nan], [5.0, np.nan]], [[1, 0], [1, 1], [0.5, 1]])
    assert o.peak_mV[1] == 0.0 and np.isnan(o.crossing_ms[1])
    assert o.peak_mV[0] == pytest.approx(2.0 * o.peak_mV[2], rel=1e-12)


def test_read_peak():
    t = np.arange(0.0, 3.0, 0.5)
    trace = 5.0 - 4.0 * (t - 1.1) ** 2
    assert read_peak(t, trace, 9.0) == (pytest.approx(5.0), pytest.approx(1.1), None)
    assert read_peak(t, trace, 2.0, "published") == (trace[2], 1.0, 0.5)
    peak, _, crossing = read_peak(t + 7.0, trace, 2.0)
    assert peak == pytest.approx(5.0)
    assert crossing == pytest.approx(7.0 + 0.5 * (2.0 - trace[0]) / (trace[1] - trace[0]))
    # a peak between samples can cross where no sample does
    assert read_peak([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 0.0], 1.05)[2] == pytest.approx(1.5)


def test_selectivity():
    assert selectivity(0.0, 0.0) == 0.0 and selectivity(1.0, 0.0) == 1.0
    np.testing.assert_allclose(selectivity([3.0, 1.0], 1.0), [0.5, 0.0])
    with pytest.raises(ValueError, match="preferred"):
        selectivity([1.0, 2.0], [1.0, 2.0, 3.0])


# -- maps and curves -------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["published", "converged"])
@pytest.mark.parametrize("on", ORDERS)
def test_map_cells_equal_single_studies(on, scheme):
    delays, distances = [5.0, DELAY], [1.0, 4.0]
    table = studies.sequence_map(delays, distances, trained=on, scheme=scheme)
    assert table.weights.shape == table.peak_mV.shape == (2, 2, 2)
    for i, delay in enumerate(delays):
        for j, distance in enumerate(distances):
            o = trained(on, scheme, delay_ms=delay, distance_um=distance)
            np.testing.assert_allclose(table.weights[i, j], o.weights, rtol=1e-8)
            wanted = [o.peak_mV[k] for k in ORDERS]
            np.testing.assert_allclose(table.peak_mV[i, j], wanted, rtol=1e-7)
            assert table.selectivity[i, j] == pytest.approx(o.selectivity, abs=1e-7)
            untrained = trained(None, scheme, delay_ms=delay, distance_um=distance)
            wanted = [untrained.peak_mV[k] for k in ORDERS]
            np.testing.assert_allclose(table.untrained_mV[i, j], wanted, rtol=1e-7)


def test_map_has_its_size_and_meets_the_figure():
    delays, distances = studies.order_map_axes()
    assert (delays.size, distances.size) == (40, 20)
    table = studies.sequence_map([DELAY], [1.0], scheme="published")
    np.testing.assert_allclose(table.crossing_ms[0, 0], [25.25, np.nan])


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("delay_ms", [4.0, 12.0]),
        ("distance_um", [0.5, 3.0]),
        ("repetitions", [1, 7]),
        ("every_ms", [60.0, 120.0]),
        ("diffusion_um2_per_s", [20.0, 300.0]),
    ],
)
def test_curves_equal_single_studies(parameter, values):
    table = studies.sequence_curve(parameter, values, trained="outward")
    assert table.selectivity.shape == (2,)
    for k, value in enumerate(values):
        o = trained("outward", "converged", **{parameter: value})
        np.testing.assert_allclose(table.weights[k], o.weights, rtol=1e-7)
        np.testing.assert_allclose(table.peak_mV[k], [o.peak_mV[x] for x in ORDERS], rtol=1e-7)


def test_curves_say_what_the_book_says():
    """A few presentations suffice; without diffusion nothing is selected."""
    s = studies.sequence_curve("repetitions", [0, 1, 2, 8, 24]).selectivity
    assert (np.diff(s[:4]) > 0.0).all() and s[0] < 0.002
    assert s[4] == pytest.approx(s[3], rel=0.05) and s[4] > 0.04
    table = studies.sequence_curve("diffusion_um2_per_s", [0.0, 220.0])
    assert table.selectivity[0] == pytest.approx(table.untrained_selectivity[0], abs=1e-6)
    assert table.selectivity[1] > 0.04


def test_zero_delay_selects_nothing():
    table = studies.sequence_curve("delay_ms", [0.0])
    np.testing.assert_allclose(table.peak_mV[0, 0], table.peak_mV[0, 1], rtol=1e-12)
    assert table.weights[0, 0] == pytest.approx(table.weights[0, 1], rel=1e-9)


@pytest.mark.parametrize("scheme", ["published", "converged"])
def test_retention(scheme):
    kept = studies.sequence_retention("inward", "inward", 3, scheme=scheme)
    assert kept.shown == ("inward",) * 3 and kept.weights.shape == (4, 2)
    np.testing.assert_allclose(kept.weights[0], trained("inward", scheme).weights, rtol=1e-7)
    # the weights after the last presentation: one run from the trained ones
    runs = simulate_many(
        studies.sequence_neuron().branch, [protocols.sequence((1, 0), repetitions=3)], [RULE],
        1500.0, weights=kept.weights[0], scheme=scheme,
    )  # fmt: skip
    np.testing.assert_allclose(kept.weights[-1], runs.weights[0, 0], atol=5e-6)
    lost = studies.sequence_retention("inward", "outward", 8, scheme=scheme).selectivity
    assert lost[0] > 0.04 and lost[-1] < -0.02  # the other order takes over
    mirrored = studies.sequence_retention("outward", "inward", 8, scheme=scheme).selectivity
    np.testing.assert_allclose(mirrored, lost, atol=5e-3)
    mixed = studies.sequence_retention("inward", presentations=4, scheme=scheme)
    assert mixed.shown == ("inward", "outward") * 2


def test_retention_waits_until_calcium_has_left():
    """In closed spines calcium stays above the thresholds for hundreds of ms."""
    kept = studies.sequence_retention("inward", "inward", 1, diffusion_um2_per_s=0.0)
    again = studies.sequence_curve("repetitions", [24], diffusion_um2_per_s=0.0)
    # saturated before and after: where it ends does not depend on where it began
    np.testing.assert_allclose(kept.weights[1], again.weights[0], atol=0.02)
    branch = studies.sequence_neuron(diffusion_um2_per_s=0.0).branch
    runs = simulate_many(
        branch, [protocols.sequence((1, 0), repetitions=1)], [RULE], 3000.0,
        weights=kept.weights[0],
    )  # fmt: skip
    np.testing.assert_allclose(kept.weights[1], runs.weights[0, 0], atol=2e-5)


def test_branch_of_figure_5():
    assert figure_5_branch([40.125]).spine.current_pA == 0.2
    assert Branch([40.125]).spine.current_pA == 0.1
    assert studies.sequence_neuron(2.5).branch.site == (160, 170)
    assert studies.sequence_neuron().tree.n_nodes == 322
    assert studies.sequence_neuron(coupling="consistent").tree.n_nodes == 323


# -- in the browser --------------------------------------------------------------------------

EXPLORER = """
from heterolib import kernels
from heterolib.kernels import (
    cable_nodes, jit, read_peak, soma_follow, spike_current, tree_factor, tree_run
)

@jit
def soma_of_two(p, out, work):
    n, n_steps, h, w_1, w_2, delay = int(p[0]), int(p[1]), p[2], p[3], p[4], p[5]
    m = n + 2
    site, leaf = work[0:2], work[2:8]
    site[0] = int(p[6])
    site[1] = int(p[7])
    for s in range(2):
        leaf[s] = p[9]
        leaf[2 + s] = p[10]
        leaf[4 + s] = p[11]
    parent, axial, own, load = work[8:8 + m], work[8 + m:8 + 2 * m], work[8 + 2 * m:8 + 3 * m], \
        work[8 + 3 * m:8 + 4 * m]
    inverse, ratio, v, old = work[8 + 4 * m:8 + 5 * m], work[8 + 5 * m:8 + 6 * m], \
        work[8 + 6 * m:8 + 7 * m], work[8 + 7 * m:8 + 8 * m]
    rest = work[8 + 8 * m:]
    cable_nodes(n, p[12], p[13], p[14], p[15], p[16], 2, site, leaf, parent, axial, own, load)
    for i in range(m):
        load[i] /= kernels.TR_LOAD * h
        own[i] += load[i]
        v[i] = 0.0
    tree_factor(m, parent, axial, own, inverse, ratio)
    place, probe, one = rest[0:2], rest[2:3], rest[3:4]
    place[0] = n
    place[1] = n + 1.0
    probe[0] = int(p[8])
    current, current_end = rest[4:4 + 2 * n_steps], rest[4 + 2 * n_steps:4 + 4 * n_steps]
    branch = rest[4 + 4 * n_steps:5 + 5 * n_steps]
    train = rest[5 + 5 * n_steps:]
    for s in range(2):
        one[0] = w_1 if s == 0 else w_2
        train[0] = 1.0 + (delay if s == 0 else 0.0)
        spike_current(
            n_steps, h, 0, p[17], 1.0, train, 1, one, 1,
            current[s * n_steps:(s + 1) * n_steps], current_end[s * n_steps:(s + 1) * n_steps],
        )
    tree_run(
        n_steps, 0, m, parent, inverse, ratio, load, v, old, 2, place, current, current_end,
        1, probe, 1, n_steps + 1, branch,
    )
    out[0] = 0.0
    soma_follow(n_steps + 1, h, 0, p[18], p[19], branch, out)
    read_peak(n_steps + 1, h, 0, 4.0, out, out[n_steps + 1:])
"""


def test_voltage_kernels_run_in_the_browser(tmp_path, monkeypatch):
    """Compiled to WebAssembly, the kernels give what the library gives."""
    (tmp_path / "somawasm.py").write_text(EXPLORER)
    monkeypatch.syspath_prepend(tmp_path)
    n_steps, neuron = 600, studies.sequence_neuron()
    m = neuron.membrane
    p = [
        320, n_steps, 0.05, 0.3, 0.8, 4.0, *neuron.branch.site, 138, neuron.spine_neck_nS,
        neuron.spine_leak_nS, neuron.spine_capacitance_pF, 0.25, 1.0, m.capacitance_pF_per_um2,
        m.leak_nS_per_um2, m.axial_nS_per_um, 200.0, 80.0, 20.0,
    ]  # fmt: skip
    sizes = (len(p), n_steps + 4, 8 + 8 * 322 + 6 + 5 * n_steps)
    module = wasm.compile_in_subprocess("somawasm:soma_of_two:" + ":".join(map(str, sizes)))
    out = Machine(module, sizes).run(p)
    r = simulate_neuron(neuron, [[5.0], [1.0]], None, 30.0, weights=[0.3, 0.8])
    np.testing.assert_allclose(out[: n_steps + 1], r.soma_mV, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(out[n_steps + 1 : n_steps + 3], [r.peak_mV, r.peak_ms], rtol=1e-9)


def test_a_straight_branch_as_a_tree():
    neuron = studies.sequence_neuron(coupling="consistent")
    tree, m = neuron.tree, neuron.membrane
    leaf = np.array([[x.coupling_nS, x.leak_nS, x.capacitance_pF] for x in tree.leaves]).T.ravel()
    site = np.array([*neuron.branch.site, 138.0])
    parent, axial, own, load = np.zeros((4, tree.n_nodes))
    kernels.cable_nodes(
        320, 0.25, 1.0, m.capacitance_pF_per_um2, m.leak_nS_per_um2, m.axial_nS_per_um, 3, site,
        leaf, parent, axial, own, load,
    )  # fmt: skip
    nodes = tree.nodes
    wanted = (nodes.parent, nodes.axial_nS, nodes.leak_nS, nodes.capacitance_pF)
    for a, b in zip((parent, axial, own, load), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
