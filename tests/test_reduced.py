"""The fast engine against the grid, against LSODA, and against itself at other steps."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import eigh

from heterolib import Branch, Spine, ThresholdRule, kernels, reduced, simulate, simulate_many

SCHEMES = ("converged", "published")
PAIR = Branch([40.125, 41.125])
SIXTEEN = Branch(
    35.125 + 0.25 * np.array([0, 1, 4, 9, 12, 15, 16, 17, 20, 23, 27, 30, 34, 36, 40, 43])
)
RULE = ThresholdRule(theta_p_uM=0.07, theta_d_uM=0.05)
BRANCHES = {
    "pair": PAIR,
    "sixteen": SIXTEEN,
    "at the ends": Branch([0.0, 79.9], diffusion_um2_per_s=1000.0),
    "neighbours at an end": Branch([0.0, 0.25, 3.0]),
    "slow": Branch([40.125, 40.375, 45.0], diffusion_um2_per_s=0.5),
    "closed": Branch([40.125, 41.125], diffusion_um2_per_s=0.0),
    "consistent": Branch([40.125, 41.125], neck="consistent", radius_um=0.5),
    "two compartments": Branch([0.1, 0.7], length_um=1.0, compartments=2),
    "no loss": Branch(
        [5.0, 7.0],
        length_um=10.0,
        compartments=40,
        decay_ms=math.inf,
        neck="consistent",
        spine=Spine(decay_ms=math.inf),
    ),
}


def symmetric_matrix(branch: Branch, ends: float) -> np.ndarray:
    """Spines, then compartments; every loss positive."""
    n, m = branch.compartments, branch.n_spines
    k_d, k_s, in_d, in_s = branch.exchange_per_ms
    hop = branch.diffusion_um2_per_s / 1000.0 / branch.dx_um**2
    a = np.zeros((m + n, m + n))
    i = np.arange(m, m + n)
    a[i, i] = 2 * hop + 1 / branch.decay_ms
    a[m, m] = a[-1, -1] = hop + ends
    a[i[:-1], i[1:]] = a[i[1:], i[:-1]] = -hop
    for s, k in enumerate(branch.site):
        a[s, s] = k_s + 1 / branch.spine.decay_ms
        a[m + k, m + k] += k_d
        a[s, m + k] = a[m + k, s] = -math.sqrt(in_d * in_s)
    return a


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", BRANCHES)
def test_modes_respond_like_the_whole_branch(name, scheme):
    branch = BRANCHES[name]
    ends = 0.0 if scheme == "published" else 1 / branch.decay_ms
    lam, v = eigh(symmetric_matrix(branch, ends))
    q = v[: branch.n_spines]
    modes = reduced.reduce(branch, scheme)
    bound = 1e-8 if scheme == "published" else 1e-6
    for t in (0.0, 0.1, 1.0, 10.0, 100.0):
        whole = (q * np.exp(-lam * t)) @ q.T
        assert np.abs(modes.response(t) - whole).max() < bound


def test_few_modes_carry_a_branch():
    assert reduced.reduce(PAIR).rates_per_ms.size < 30
    assert reduced.reduce(SIXTEEN).rates_per_ms.size < 90


def test_modes_are_kept_and_read_only():
    assert reduced.reduce(PAIR) is reduced.reduce(Branch([40.125, 41.125]))
    with pytest.raises(ValueError, match="read-only"):
        reduced.reduce(PAIR).vectors[0, 0] = 1.0


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_own_eigenvalue_solver(n):
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, n)) * 10.0 ** rng.uniform(-3, 3, n)
    a = a + a.T
    rows, values = a.ravel().copy(), np.zeros(n)
    kernels.eigen_symmetric(n, rows, values, np.zeros(n))
    v = rows.reshape(n, n)
    size = np.abs(values).max()
    assert np.abs(v @ v.T - np.eye(n)).max() < 1e-12
    assert np.abs(v.T @ (values[:, None] * v) - a).max() < 1e-12 * size
    assert np.abs(np.sort(values) - np.linalg.eigvalsh(a)).max() < 1e-12 * size


def bursts(branch: Branch, seed: int, duration: float) -> list[np.ndarray]:
    """Random trains, some of them bursts, some empty."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(branch.n_spines):
        if i % 3 == 2:
            out.append(np.zeros(0))
            continue
        t = rng.uniform(0, duration, 3)[:, None] + rng.uniform(2, 9) * np.arange(8)
        out.append(np.sort(t.ravel()))
    return out


@pytest.mark.parametrize("name", BRANCHES)
def test_published_scheme_equals_the_grid(name):
    branch = BRANCHES[name]
    trains = bursts(branch, 1, 600.0)
    kw = {"scheme": "published", "record": "final", "weights": 0.4}
    grid = simulate(branch, trains, RULE, 1000.0, engine="grid", **kw)
    fast = simulate(branch, trains, RULE, 1000.0, engine="reduced", **kw)
    size = grid.peak_uM.max()
    assert np.abs(fast.final_weights - grid.final_weights).max() < 1e-10
    assert np.abs(fast.peak_uM - grid.peak_uM).max() < 1e-8 * size
    assert np.abs(fast.calcium_uM - grid.calcium_uM).max() < 1e-8 * size
    assert fast.t_ms == grid.t_ms


@pytest.mark.parametrize("name", BRANCHES)
def test_converged_schemes_approach_each_other(name):
    branch = BRANCHES[name]
    trains = bursts(branch, 2, 200.0)
    kw = {"record": "final", "weights": 0.4}
    fast = simulate(branch, trains, RULE, 400.0, step_ms=0.02, engine="reduced", **kw)
    gaps = []
    for h in (0.1, 0.0125):
        grid = simulate(branch, trains, RULE, 400.0, step_ms=h, engine="grid", **kw)
        gaps.append(np.abs(fast.final_weights - grid.final_weights).max())
    # spikes between grid points cost the grid some of its order, step by step
    assert gaps[1] < max(gaps[0] / 5, 2e-7)
    assert gaps[1] < 5e-6
    assert np.abs(fast.peak_uM - grid.peak_uM).max() < 1e-4 * grid.peak_uM.max()


def test_converged_scheme_is_of_second_order():
    rule = ThresholdRule(theta_p_uM=0.004, theta_d_uM=0.002, gamma_p_per_s=10.0, gamma_d_per_s=10.0)
    trains = [[1.0, 16.3, 27.9], [9.1, 30.2]]

    def final(h: float) -> np.ndarray:
        runs = simulate_many(PAIR, [trains], [rule], 500.0, step_ms=h, tolerance=1e-12)
        return runs.weights[0, 0]

    exact = final(0.002)
    errors = [np.abs(final(h) - exact).max() for h in (0.4, 0.2, 0.1, 0.05)]
    assert all(b < a / 2.8 for a, b in pairwise(errors))
    assert errors[2] < 2e-5


def lsoda(branch, trains, rule, duration, weight):
    """Weights and peaks by LSODA on the full system, restarted at every spike.

    Its steps are bounded, so that no crossing is overlooked.
    """
    n, m = branch.compartments, branch.n_spines
    k_d, k_s, in_d, in_s = branch.exchange_per_ms
    hop = branch.diffusion_um2_per_s / 1000.0 / branch.dx_um**2
    site = np.array(branch.site)
    theta_p, theta_d, gamma_p, gamma_d = rule.kernel_arguments()
    gain, tau_i = branch.spine.gain_uM_per_pA_ms, branch.spine.current_decay_ms

    def right(_, u):
        d, s, x, w = u[:n], u[n : n + m], u[n + m : n + 2 * m], u[n + 2 * m :]
        flow = np.diff(d) * hop
        out = np.empty_like(u)
        out[:n] = -d / branch.decay_ms
        out[: n - 1] += flow
        out[1:n] -= flow
        out[site] += in_d * s - k_d * d[site]
        out[n : n + m] = gain * w * x - (k_s + 1 / branch.spine.decay_ms) * s + in_s * d[site]
        out[n + m : n + 2 * m] = -x / tau_i
        out[n + 2 * m :] = gamma_p * (1 - w) * (s > theta_p) - gamma_d * w * (s > theta_d)
        return out

    y = np.concatenate((np.zeros(n + 2 * m), np.full(m, weight)))
    peak, start = np.zeros(m), 0.0
    for end in np.unique(np.concatenate([*trains, [duration]])):
        run = solve_ivp(right, (start, end), y, "LSODA", rtol=1e-10, atol=1e-12, max_step=0.02)
        peak = np.maximum(peak, run.y[n : n + m].max(axis=1))
        y, start = run.y[:, -1], end
        for i, train in enumerate(trains):
            y[n + m + i] += branch.spine.current_pA * np.sum(np.asarray(train) == end)
    return y[n + 2 * m :], peak


@pytest.mark.parametrize("neck", ["published", "consistent"])
def test_lsoda_agrees(neck):
    branch = Branch([9.4, 10.4], length_um=20.0, compartments=50, neck=neck)
    rule = ThresholdRule(theta_p_uM=0.004, theta_d_uM=0.002, gamma_p_per_s=10.0, gamma_d_per_s=4.0)
    trains = [np.array([1.0, 11.3, 21.0]), np.array([14.1])]
    weights, peak = lsoda(branch, trains, rule, 100.0, 0.5)
    ours = simulate(branch, trains, rule, 100.0, record="final")
    assert np.abs(ours.final_weights - weights).max() < 1e-4
    assert np.abs(ours.peak_uM / peak - 1.0).max() < 1e-4
    fine = simulate(branch, trains, rule, 100.0, record="final", step_ms=0.01)
    assert np.abs(fine.final_weights - weights).max() < 2e-6


# -- jumps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_jumps_change_nothing(scheme):
    """A rule without effect whose threshold lies below all calcium forbids every jump."""
    trains = [np.array([1.0, 5.0, 700.0, 1900.0]), np.zeros(0)]
    kw = {"scheme": scheme, "step_ms": 0.25, "peaks": True}
    rules = np.array([[1e-12, 1e-12, 0.0, 0.0], [1e3, 1e3, 0.0, 0.0]])
    runs = simulate_many(PAIR, [trains], rules, 2500.0, **kw)
    never = simulate_many(PAIR, [trains], rules[:1], 2500.0, **kw).steps
    often = simulate_many(PAIR, [trains], rules[1:], 2500.0, **{**kw, "peaks": False}).steps
    size = runs.peak_uM.max()
    assert np.abs(runs.calcium_uM[0] - runs.calcium_uM[1]).max() < 1e-12 * size
    assert np.abs(runs.peak_uM[0] - runs.peak_uM[1]).max() < 1e-7 * size
    assert often < never / 2


@pytest.mark.parametrize("scheme", SCHEMES)
def test_silence_costs_nothing(scheme):
    trains = [[1.0], [20.0]]
    short = simulate_many(PAIR, [trains], [RULE], 2_000.0, scheme=scheme)
    long = simulate_many(PAIR, [trains], [RULE], 20_000_000.0, scheme=scheme)
    assert long.steps <= short.steps + 1
    assert np.array_equal(long.weights, short.weights)


def test_calcium_after_a_jump_is_the_closed_form():
    alone = Branch([40.125], diffusion_um2_per_s=0.0)
    trains = [[[10.0]]]
    runs = simulate_many(alone, trains, [ThresholdRule(theta_p_uM=9.0, theta_d_uM=9.0)], 200.0)
    spine = alone.spine
    size = 0.5 * spine.gain_uM_per_pA_ms * spine.current_pA
    expected = size * float(kernels.pulse_calcium(190.0, 1.0, 80.0))
    assert abs(runs.calcium_uM[0, 0, 0] / expected - 1.0) < 1e-10


@pytest.mark.parametrize("scheme", SCHEMES)
def test_peaks_of_simulate_are_those_of_the_grid_below_every_threshold(scheme):
    """The far spine peaks long after the last spike and far below the thresholds."""
    branch = Branch([40.125, 52.125])
    trains = [[1.0, 400.0], []]
    kw = {"scheme": scheme, "record": "final"}
    fast = simulate(branch, trains, RULE, 800.0, **kw)
    grid = simulate(branch, trains, RULE, 800.0, engine="grid", **kw)
    assert fast.peak_uM[1] < 0.001 * RULE.theta_d_uM
    assert np.abs(fast.peak_uM / grid.peak_uM - 1.0).max() < 1e-3


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.0, 300.0), max_size=6),
    st.lists(st.floats(0.0, 300.0), max_size=6),
    st.floats(0.0005, 0.1),
    st.floats(0.05, 1.0),
    st.floats(0.0, 1.0),
)
def test_any_spikes_any_threshold(first, second, theta, share, weight):
    trains = [sorted(first), sorted(second)]
    rule = ThresholdRule(theta_p_uM=theta, theta_d_uM=share * theta)
    kw = {"weights": weight, "record": "final"}
    grid = simulate(PAIR, trains, rule, 400.0, engine="grid", scheme="published", **kw)
    fast = simulate(PAIR, trains, rule, 400.0, engine="reduced", scheme="published", **kw)
    # a tie with a threshold may move a weight by one step of the rule
    assert np.abs(grid.final_weights - fast.final_weights).max() <= 2 * 0.25 * 2.3e-3
    assert np.abs(grid.peak_uM - fast.peak_uM).max() < 1e-4 * (1e-3 + grid.peak_uM.max())
    fine = simulate(PAIR, trains, rule, 400.0, engine="grid", step_ms=0.0125, **kw)
    ours = simulate(PAIR, trains, rule, 400.0, engine="reduced", **kw)
    assert np.all((ours.final_weights >= 0.0) & (ours.final_weights <= 1.0))
    # a peak that grazes a threshold is the one thing that no step settles
    grazing = np.abs(ours.peak_uM[:, None] / [theta, share * theta] - 1.0).min() < 1e-2
    assert np.abs(fine.final_weights - ours.final_weights).max() < (1e-2 if grazing else 1e-4)


# -- the front door --------------------------------------------------------------------------


def test_auto_takes_the_reduced_engine_for_final_weights_only():
    trains = [[1.0, 20.0], [30.0]]
    kw = {"record": "final"}
    auto = simulate(PAIR, trains, RULE, 200.0, **kw)
    assert np.array_equal(
        auto.final_weights,
        simulate(PAIR, trains, RULE, 200.0, engine="reduced", **kw).final_weights,
    )
    traces = simulate(PAIR, trains, RULE, 200.0).final_weights
    grid = simulate(PAIR, trains, RULE, 200.0, engine="grid", **kw).final_weights
    start = (np.zeros(2), np.zeros(PAIR.compartments))
    from_rest = simulate(PAIR, trains, RULE, 200.0, initial_calcium_uM=start, **kw).final_weights
    assert np.array_equal(traces, grid) and np.array_equal(from_rest, grid)
    assert not np.array_equal(auto.final_weights, grid)


def test_fixed_weights():
    trains = [[1.0], []]
    fast = simulate(PAIR, trains, None, 100.0, record="final", scheme="published")
    grid = simulate(PAIR, trains, None, 100.0, record="final", scheme="published", engine="grid")
    assert np.array_equal(fast.final_weights, [0.5, 0.5])
    assert np.abs(fast.peak_uM - grid.peak_uM).max() < 1e-10


def test_many_runs_equal_single_ones():
    rules = [ThresholdRule(gamma_p_per_s=g) for g in (1.0, 5.0)]
    sets = [[[1.0, 9.0], []], [[1.0], [31.0]], [[], []]]
    start = np.array([[0.2, 0.3], [0.5, 0.6], [0.7, 0.8]])
    for scheme in SCHEMES:
        runs = simulate_many(PAIR, sets, rules, 300.0, weights=start, scheme=scheme, peaks=True)
        for i, rule in enumerate(rules):
            for j, trains in enumerate(sets):
                one = simulate(
                    PAIR, trains, rule, 300.0, weights=start[j], scheme=scheme, record="final"
                )
                assert np.array_equal(runs.weights[i, j], one.final_weights)
                assert np.array_equal(runs.peak_uM[i, j], one.peak_uM)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_interrupted_runs_go_on_where_they_were(scheme, monkeypatch):
    sets = [bursts(PAIR, seed, 300.0) for seed in (1, 2)]
    kw = {"scheme": scheme, "peaks": True, "weights": 0.4}
    whole = simulate_many(PAIR, sets, [RULE], 600.0, **kw)
    monkeypatch.setattr(reduced, "CHUNK", 7)
    parts = simulate_many(PAIR, sets, [RULE], 600.0, progress=True, **kw)
    assert np.array_equal(parts.weights, whole.weights)
    assert np.array_equal(parts.peak_uM, whole.peak_uM)
    assert parts.steps == whole.steps


def test_spikes_at_or_after_the_end_have_no_effect():
    for scheme in SCHEMES:
        runs = simulate_many(PAIR, [[[100.0, 300.0], []]], [RULE], 100.0, scheme=scheme, peaks=True)
        assert np.array_equal(runs.peak_uM, np.zeros((1, 1, 2)))


def test_thresholds_in_either_order():
    """theta_D above theta_P: between them the weight only grows."""
    table = np.array([[0.005, 0.5, 5.0, 1.0]])
    for scheme in SCHEMES:
        runs = simulate_many(PAIR, [[[1.0], []]], table, 500.0, scheme=scheme)
        assert runs.weights[0, 0, 0] > 0.5 and runs.weights[0, 0, 1] == 0.5


def test_current_without_the_weight():
    free = simulate_many(PAIR, [[[1.0], []]], [RULE], 50.0, weights=0.3, feedback=False, peaks=True)
    one = simulate(PAIR, [[1.0], []], None, 50.0, weights=1.0, record="final")
    assert np.abs(free.peak_uM[0, 0] / one.peak_uM - 1.0).max() < 1e-12


BAD = {
    "engine": lambda: simulate(PAIR, [[], []], RULE, 1.0, engine="warp"),
    "engine is 'reduced'": lambda: simulate(PAIR, [[], []], RULE, 1.0, engine="reduced"),
    "branch": lambda: simulate_many("branch", [[[], []]], [RULE], 1.0),
    "trains": lambda: simulate_many(PAIR, [], [RULE], 1.0),
    "trains[0]": lambda: simulate_many(PAIR, [[[1.0]]], [RULE], 1.0),
    "trains[1][0]": lambda: simulate_many(PAIR, [[[], []], [[-1.0], []]], [RULE], 1.0),
    "rules": lambda: simulate_many(PAIR, [[[], []]], [], 1.0),
    "rules has shape": lambda: simulate_many(PAIR, [[[], []]], np.ones((1, 3)), 1.0),
    "rules[0]": lambda: simulate_many(PAIR, [[[], []]], ["rule"], 1.0),
    "rules[:, 0]": lambda: simulate_many(PAIR, [[[], []]], np.zeros((1, 4)), 1.0),
    "weights has shape": lambda: simulate_many(
        PAIR, [[[], []]], [RULE], 1.0, weights=np.ones((2, 2))
    ),
    "weights": lambda: simulate_many(PAIR, [[[], []]], [RULE], 1.0, weights=1.5),
    "scheme": lambda: simulate_many(PAIR, [[[], []]], [RULE], 1.0, scheme="best"),
    "duration_ms": lambda: simulate_many(PAIR, [[[], []]], [RULE], 1.1, scheme="published"),
    "step_ms": lambda: simulate_many(PAIR, [[[], []]], [RULE], 1.0, step_ms=math.nan),
    "feedback": lambda: simulate_many(
        PAIR, [[[], []]], [RULE], 1.0, scheme="published", feedback=False
    ),
    "tolerance": lambda: reduced.reduce(PAIR, "converged", 1.0),
    "rules hold": lambda: simulate_many(
        PAIR, [[[], []]], np.array([[1.0, 1.0, 5e3, 0.0]]), 1.0, scheme="published"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_name(name):
    with pytest.raises(ValueError) as info:
        BAD[name]()
    assert str(info.value).startswith(name)
    assert "allowed" in str(info.value)


BLAS_THREADS = """
import time
from concurrent.futures import ThreadPoolExecutor

import scipy.linalg
from threadpoolctl import threadpool_info

from heterolib import Branch, reduced

def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

def slow_modes(*arguments, real=reduced._modes):
    time.sleep(0.02 * (1 + len(seen)))  # but for the lock, one ends in the middle of another
    seen.append(threads())
    return real(*arguments)

seen, before = [], threads()
reduced._modes = slow_modes
with ThreadPoolExecutor(2) as pool:
    list(pool.map(reduced.reduce, [Branch([40.125, x]) for x in (41.125, 42.125, 43.125)]))
print(before, seen, threads())
"""


def test_blas_has_one_thread_here_and_its_own_number_afterwards():
    env = os.environ | {"OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", BLAS_THREADS], env=env, capture_output=True, text=True, check=True
    )
    if done.stdout.startswith("{1}"):
        pytest.skip("BLAS has one thread on this machine")
    assert done.stdout == "{2} [{1}, {1}, {1}] {2}\n"


@pytest.mark.parametrize("engine", ["auto", "grid"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_memory_does_not_grow_with_time_when_only_final_weights_are_kept(engine, scheme):
    def peak(duration_ms, **options):
        tracemalloc.start()
        try:
            simulate(PAIR, [[1.0, 201.0], []], RULE, duration_ms, scheme=scheme, **options)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    final = {"record": "final", "engine": engine}
    peak(1000.0, **final)  # compiled, cached
    short, long = peak(1000.0, **final), peak(20_000.0, **final)
    assert long < short + 20_000  # bytes
    assert peak(20_000.0) > short + 1_000_000  # a record of all times does grow
