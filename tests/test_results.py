"""What a run returns: shapes, units, read-only arrays, tables, and what is recorded when."""

import dataclasses
import math

import numpy as np
import pytest

from heterolib import (
    Branch,
    Result,
    Spine,
    ThresholdRule,
    calcium_of_pulse,
    kernels,
    simulate,
    simulate_spine,
    total_calcium,
)
from heterolib import branch as branch_module

BRANCH = Branch([4.8, 5.3], length_um=10.0, compartments=40)
RULE = ThresholdRule(theta_p_uM=0.03, theta_d_uM=0.01, gamma_p_per_s=30.0, gamma_d_per_s=12.0)
TRAINS = [[1.0, 3.1, 12.0], [4.4]]
SCHEMES = ("converged", "published")


def run(duration=20.0, **kwargs):
    return simulate(BRANCH, TRAINS, RULE, duration, weights=[0.4, 0.7], **kwargs)


def same(a, b):
    """Whether two results hold the same numbers, to the last bit."""
    for field in dataclasses.fields(Result):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y, err_msg=field.name)


# -- shapes and times ------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_shapes_and_times(scheme):
    r = run(scheme=scheme, record="all")
    h = {"converged": 0.05, "published": 0.25}[scheme]
    n_t = round(20.0 / h) + (scheme == "converged")
    np.testing.assert_allclose(r.t_ms, h * np.arange(n_t), rtol=1e-13)
    assert r.t_ms[-1] == pytest.approx(20.0 if scheme == "converged" else 19.75)
    assert r.calcium_uM.shape == r.weights.shape == (2, n_t)
    assert r.peak_uM.shape == r.final_weights.shape == r.initial_weights.shape == (2,)
    assert r.shaft_uM.shape == (n_t, 40) and r.shaft_t_ms.shape == (n_t,)
    assert r.n_spines == 2 and r.scheme == scheme and r.step_ms == h
    assert r.system is BRANCH and r.rule is RULE
    assert [t.tolist() for t in r.spikes_ms] == TRAINS
    assert r.initial_weights.tolist() == [0.4, 0.7]
    np.testing.assert_array_equal(r.weight_change, r.weights[:, -1] - r.weights[:, 0])
    np.testing.assert_array_equal(r.peak_uM, r.calcium_uM.max(axis=1))


def test_one_spine_has_the_same_form():
    r = simulate_spine(Spine(), [1.0], RULE, 20.0)
    assert r.calcium_uM.shape == r.weights.shape == (1, 401)
    assert r.n_spines == 1 and isinstance(r.system, Spine) and r.shaft_uM is None
    assert list(r.to_dataframe().columns) == ["spine", "t_ms", "calcium_uM", "weight"]


def test_step_of_ones_own():
    r = run(step_ms=0.5)
    assert r.step_ms == 0.5 and r.t_ms.size == 41
    r = run(scheme="published", step_ms=0.5)
    assert r.t_ms.tolist() == (0.5 * np.arange(40)).tolist()


def test_every_field_has_a_unit():
    named = {f.name for f in dataclasses.fields(Result)}
    assert set(Result.units) == named - {"system", "rule", "scheme"}
    for name, unit in Result.units.items():
        suffix = name.rsplit("_", 1)[-1]
        assert unit == {"ms": "ms", "uM": "µM"}.get(suffix, ""), name


# -- read-only -------------------------------------------------------------------------------


@pytest.mark.parametrize("record", ["traces", "final", "all"])
def test_arrays_cannot_be_changed(record):
    r = run(record=record)
    arrays = [r.t_ms, r.calcium_uM, r.weights, r.peak_uM, *r.spikes_ms]
    if record == "all":
        arrays += [r.shaft_uM, r.shaft_t_ms]
    for a in arrays:
        with pytest.raises(ValueError, match="read-only"):
            a[...] = 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        r.weights = np.zeros(2)


def test_callers_arrays_stay_theirs():
    trains = [np.array([1.0, 3.0]), np.array([2.0])]
    weights = np.array([0.4, 0.7])
    calcium = (np.array([0.1, 0.2]), np.linspace(0.0, 1.0, 40))
    copies = [a.copy() for a in (*trains, weights, *calcium)]
    r = simulate(BRANCH, trains, RULE, 10.0, weights=weights, initial_calcium_uM=calcium)
    for a, b in zip((*trains, weights, *calcium), copies, strict=True):
        np.testing.assert_array_equal(a, b)
        a[...] = 7.0  # still theirs to write, and no part of the result
    assert r.weights[:, 0].tolist() == [0.4, 0.7]
    assert r.spikes_ms[0].tolist() == [1.0, 3.0]


def test_overflow_is_noticed():
    """A run that leaves the finite numbers must not pass for a result."""
    r = run()
    broken = np.array(r.calcium_uM)
    broken[0, 3] = math.nan
    with pytest.raises(FloatingPointError):
        dataclasses.replace(r, calcium_uM=broken)


# -- records ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_final_is_the_last_column_of_the_traces(scheme):
    final = run(scheme=scheme, record="final", engine="grid")
    traces, everything = (run(scheme=scheme, record=record) for record in ("traces", "all"))
    assert final.t_ms.shape == (1,) and final.weights.shape == (2, 1)
    np.testing.assert_array_equal(final.weights[:, 0], traces.weights[:, -1])
    np.testing.assert_array_equal(final.calcium_uM[:, 0], traces.calcium_uM[:, -1])
    np.testing.assert_array_equal(final.peak_uM, traces.peak_uM)
    np.testing.assert_array_equal(final.final_weights, traces.final_weights)
    assert final.t_ms[0] == pytest.approx(traces.t_ms[-1], rel=1e-14)
    np.testing.assert_array_equal(everything.weights, traces.weights)
    np.testing.assert_array_equal(everything.calcium_uM, traces.calcium_uM)
    assert traces.shaft_uM is None and final.shaft_uM is None
    with pytest.raises(ValueError, match="final"):
        _ = final.initial_weights
    with pytest.raises(ValueError, match="final"):
        _ = final.weight_change


def test_final_keeps_no_traces():
    """Memory does not grow with time."""
    size = run(duration=5.0, record="final").weights.nbytes
    assert run(duration=500.0, record="final").weights.nbytes == size


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("every", [0.25, 0.5, 3.0])
def test_shaft_snapshots_now_and_then(scheme, every):
    full = run(scheme=scheme, record="all", step_ms=0.25)
    some = run(scheme=scheme, record="all", step_ms=0.25, shaft_every_ms=every)
    k = round(every / 0.25)
    np.testing.assert_array_equal(some.shaft_uM, full.shaft_uM[::k])
    np.testing.assert_array_equal(some.shaft_t_ms, full.shaft_t_ms[::k])
    np.testing.assert_array_equal(some.calcium_uM, full.calcium_uM)
    np.testing.assert_array_equal(total_calcium(some), total_calcium(full)[::k])


def test_shaft_interval_longer_than_the_run():
    r = run(record="all", shaft_every_ms=100.0)
    assert r.shaft_t_ms.tolist() == [0.0] and r.shaft_uM.shape == (1, 40)
    np.testing.assert_array_equal(total_calcium(r), [0.0])


def test_total_calcium_needs_the_shaft():
    for r in (run(), run(record="final"), simulate_spine(Spine(), [1.0], RULE, 20.0)):
        with pytest.raises(ValueError, match="record='all'"):
            total_calcium(r)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("chunk", [1, 7, 40, 79, 80, 399])
def test_chunks_leave_no_trace(monkeypatch, scheme, chunk):
    """A run goes in parts, so that it can be interrupted; the seams must not show."""
    whole = run(scheme=scheme, record="all", shaft_every_ms=0.5)
    final = run(scheme=scheme, record="final")
    real, calls = kernels.branch_run, []
    monkeypatch.setattr(kernels, "branch_run", lambda *a: (calls.append(a[1]), real(*a))[1])
    monkeypatch.setattr(branch_module, "CHUNK", chunk)
    same(run(scheme=scheme, record="all", shaft_every_ms=0.5), whole)
    n = whole.t_ms.size - 1
    assert len(calls) == math.ceil(n / chunk) and sum(calls) == n
    same(run(scheme=scheme, record="final"), final)


def test_a_run_longer_than_a_chunk():
    n = branch_module.CHUNK
    small = Branch([0.3, 0.9], length_um=1.0, compartments=4)
    train = [[0.5, 0.0125 * n - 0.1, 0.0125 * n, 0.0125 * n + 0.1], []]
    duration = 0.0125 * (n + 800)
    a = simulate(small, train, RULE, duration, step_ms=0.0125, record="final")
    b = simulate(small, train, RULE, duration, step_ms=0.025, record="final")
    np.testing.assert_allclose(a.final_weights, b.final_weights, rtol=0, atol=1e-4)
    assert abs(a.final_weights - 0.5).max() > 0.05


def test_bar_changes_nothing(capfd, monkeypatch):
    monkeypatch.setattr(branch_module, "CHUNK", 100)
    plain = run()
    assert capfd.readouterr().err == ""
    shown = run(progress=True)
    assert "4/4" in capfd.readouterr().err
    same(plain, shown)


def test_two_runs_are_the_same_run():
    same(run(record="all"), run(record="all"))


def test_memory_guard(monkeypatch):
    for kwargs in ({}, {"record": "all"}):
        with pytest.raises(ValueError, match="record") as caught:
            simulate(Branch([40.125]), [[]], RULE, 1e7, **kwargs)
        assert "record='final'" in str(caught.value)
    # 20 ms: 401 samples of calcium and weight for two spines, 401 shafts of 40 compartments
    monkeypatch.setattr(branch_module, "MOST_RECORDED", 4 * 401)
    run()
    with pytest.raises(ValueError, match="record"):
        run(record="all", shaft_every_ms=20.0)
    monkeypatch.setattr(branch_module, "MOST_RECORDED", 4 * 401 + 40 * 2)
    run(record="all", shaft_every_ms=20.0)
    monkeypatch.setattr(branch_module, "MOST_RECORDED", 4 * 401 - 1)
    with pytest.raises(ValueError, match="record"):
        run()
    run(record="final")


def test_one_step_of_the_published_scheme():
    """Times run below the duration, so one step of duration is one sample: the start."""
    r = simulate(BRANCH, TRAINS, RULE, 0.25, scheme="published", weights=0.3)
    assert r.t_ms.tolist() == [0.0] and r.weights[:, 0].tolist() == [0.3, 0.3]


# -- time above a threshold ------------------------------------------------------------------


def test_time_above_against_the_closed_form():
    r = simulate_spine(Spine(), [1.0], None, 40.0, weight=1.0)
    fine = np.arange(0.0, 40.0, 1e-4)
    calcium = calcium_of_pulse(fine - 1.0)
    for threshold in (0.004, 0.02, 0.1):
        wanted = 1e-4 * (calcium > threshold).sum()
        assert r.time_above_ms(threshold)[0] == pytest.approx(wanted, abs=2e-3)
    assert r.time_above_ms(0.3)[0] == 0.0


def test_time_above_counts_crossings_within_a_step():
    values = np.array([[0.0, 2.0, 2.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    kwargs = {
        "t_ms": 0.5 * np.arange(5),
        "calcium_uM": values,
        "weights": np.zeros((2, 5)),
        "peak_uM": values.max(axis=1),
        "spikes_ms": (np.zeros(0), np.zeros(0)),
        "system": BRANCH,
        "rule": None,
        "step_ms": 0.5,
    }
    exact = Result(scheme="converged", **kwargs)
    # up through 1 half way, above, above until it meets 1, above again
    assert exact.time_above_ms(1.0).tolist() == [0.25 + 0.5 + 0.5 + 0.5, 0.0]
    assert exact.time_above_ms(0.5).tolist() == [0.375 + 0.5 + 0.5 + 0.5, 2.0]
    # whole steps, judged at their start
    steps = Result(scheme="published", **kwargs)
    assert steps.time_above_ms(1.0).tolist() == [1.0, 0.0]
    assert steps.time_above_ms(0.5).tolist() == [1.5, 2.0]


def test_time_above_needs_a_trace():
    with pytest.raises(ValueError, match="final"):
        run(record="final").time_above_ms(0.01)


# -- words and tables ------------------------------------------------------------------------


def test_table_and_back():
    r = run()
    t = r.to_dataframe()
    assert len(t) == 2 * r.t_ms.size and not t.isna().any().any()
    for name, array in (("calcium_uM", r.calcium_uM), ("weight", r.weights)):
        back = t.pivot(index="spine", columns="t_ms", values=name)
        np.testing.assert_array_equal(back.to_numpy(), array)
        np.testing.assert_array_equal(back.columns, r.t_ms)
        assert back.index.tolist() == [0, 1]


def test_table_of_final_values():
    r = run(record="final")
    t = r.to_dataframe()
    assert t["spine"].tolist() == [0, 1] and t["t_ms"].tolist() == [20.0, 20.0]
    np.testing.assert_array_equal(t["weight"], r.final_weights)


def test_table_is_a_copy():
    r = run()
    before = r.weights.copy()
    t = r.to_dataframe()
    t.loc[:, "weight"] = -1.0
    np.testing.assert_array_equal(r.weights, before)


@pytest.mark.parametrize("record", ["traces", "final"])
def test_summary(record):
    r = run(record=record)
    first, *lines = r.summary().splitlines()
    assert "converged" in first and "20 ms" in first and "0.05 ms" in first
    assert len(lines) == 2
    for s, line in enumerate(lines):
        assert f"{1000 * r.peak_uM[s]:.3g} nM" in line
        assert line.endswith(f"{r.final_weights[s]:.4f}")
        assert ("0.4000 ->" in line or "0.7000 ->" in line) == (record == "traces")
