"""Neighbourhood learning: patterns, groups of branches, and what they are compared with."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from heterolib import PairRule, ThresholdRule, simulate
from heterolib.learner import (
    LEARNERS,
    Learner,
    SequenceTask,
    learner_cell,
    linear_readout,
    new_learner,
)
from heterolib.orders import order_study
from heterolib.parameters import SHAFIEE_2026
from heterolib.soma import input_pulses, simulate_neuron
from heterolib.sweep import sweep
from tools import learner_tables

ROOT = Path(__file__).resolve().parent.parent
CLEAN = {"jitter_ms": 0.0, "missing": 0.0, "background_per_s": 0.0}


def rng(seed=1):
    return np.random.default_rng(seed)


def one_branch(order, wiring, learner="calcium", **options):
    """A learner with one group of one branch, wired as given, and a task of one class."""
    task = SequenceTask([order], **{**CLEAN, **options})
    new = new_learner(1, 1, len(order), len(wiring), learner=learner, rng=rng())
    return task, dataclasses.replace(new, wiring=np.array([[wiring]]))


# -- patterns --------------------------------------------------------------------------------


def test_a_clean_pattern_is_its_order():
    task = SequenceTask([(2, 0, 1), (0, 1, 2)], gap_ms=7.0, **CLEAN)
    p = task.draw(3, rng())
    assert p.labels.tolist() == [0, 0, 0, 1, 1, 1] and p.spikes_ms.shape == (6, 3, 1)
    np.testing.assert_allclose(p.spikes_ms[0, :, 0], 12.5 + 7.0 * np.array([1, 2, 0]))
    np.testing.assert_allclose(p.spikes_ms[5, :, 0], 12.5 + 7.0 * np.array([0, 1, 2]))
    assert p.window_ms == 2 * 12.5 + 2 * 7.0


def test_noise_is_as_large_as_it_says():
    """Mean and spread of the spikes, the share that is missing, and the rate of the others."""
    task = SequenceTask([(0, 1, 2, 3)], 8.0, 1.5, 0.2, 0.0)
    t = task.draw(20_000, rng()).spikes_ms
    assert t.shape[2] == 1
    n = t.shape[0]
    for k in range(4):
        own = t[:, k, 0][~np.isnan(t[:, k, 0])]
        assert len(own) / n == pytest.approx(0.8, abs=5 * math.sqrt(0.16 / n))
        assert own.mean() == pytest.approx(12.5 + 8.0 * k, abs=5 * 1.5 / math.sqrt(n))
        assert own.std() == pytest.approx(1.5, rel=0.03)
    noise = SequenceTask([(0, 1, 2, 3)], missing=1.0, background_per_s=20.0).draw(20_000, rng())
    expected = 0.020 * noise.window_ms
    counts = noise.features("counts")
    assert counts.mean() == pytest.approx(expected, abs=5 * math.sqrt(expected / counts.size))
    assert counts.var() == pytest.approx(expected, rel=0.05)  # of a Poisson count


def test_patterns_lie_in_their_window_and_are_sorted():
    task = SequenceTask([(0, 1), (1, 0)], jitter_ms=50.0, missing=0.3, background_per_s=40.0)
    p = task.draw(500, rng())
    t = p.spikes_ms
    given = t[~np.isnan(t)]
    assert given.min() >= 0.0 and given.max() <= p.window_ms
    assert not np.isnan(t[:, :, 0]).all() and np.isnan(t[:, :, -1]).any()
    for row in t.reshape(-1, t.shape[2]):
        own = row[~np.isnan(row)]
        assert (np.diff(own) >= 0.0).all() and np.isnan(row[own.size :]).all()
    with pytest.raises(ValueError, match="read-only"):
        t[0, 0, 0] = 1.0


def test_features():
    p = SequenceTask([(1, 0)], 8.0, 0.0, 0.0, 60.0).draw(50, rng())
    bins = p.features("bins", 2.0).reshape(50, 2, -1)
    assert bins.shape[2] == math.ceil(p.window_ms / 2.0)
    np.testing.assert_array_equal(bins.sum(axis=2), p.features("counts"))
    first = p.features("first spikes")
    at = (first / 2.0).astype(int)
    for i in range(50):
        for k in range(2):
            assert bins[i, k, : at[i, k]].sum() == 0 and bins[i, k, at[i, k]] > 0
    silent = SequenceTask([(0, 1)], missing=1.0, background_per_s=0.0).draw(1, rng())
    assert (silent.features("first spikes") == silent.window_ms).all()
    assert (silent.features("counts") == 0).all() and (silent.features("bins") == 0).all()


def test_drawn_classes_differ():
    task = SequenceTask.drawn(6, 3, rng())
    assert len(set(task.orders)) == 6  # all there are


# -- one branch ------------------------------------------------------------------------------


def test_training_is_a_run_of_the_branch():
    """Weights after noisy patterns, against compartments on a grid."""
    task, new = one_branch((0, 1, 2, 3), (2, 0, 3), jitter_ms=2.0, background_per_s=5.0)
    seen = task.draw(6, rng(4))
    trained = new.train(seen)
    every = seen.window_ms + 75.0
    trains = []
    for k in (2, 0, 3):
        starts = (seen.spikes_ms[:, k] + every * np.arange(6)[:, None]).ravel()
        starts = starts[~np.isnan(starts)]
        trains.append(np.sort((starts[:, None] + input_pulses()).ravel()))
    rule = ThresholdRule.of(SHAFIEE_2026.variant("figure 5"))
    run = simulate(new.neuron.branch, trains, rule, math.ceil(6 * every + 500.0), engine="grid",
                   record="final")  # fmt: skip
    np.testing.assert_allclose(trained.weights[0, 0], run.final_weights, atol=2e-4)
    assert np.ptp(run.final_weights) > 0.05


def test_peaks_are_those_of_whole_runs():
    task, new = one_branch((0, 1, 2), (1, 2, 0), jitter_ms=3.0, background_per_s=30.0)
    w = np.array([0.3, 0.6, 0.45])
    new = dataclasses.replace(new, weights=w[None, None])
    shown = task.draw(4, rng(2))
    assert shown.spikes_ms.shape[2] > 1  # some afferents fire more than once
    peaks = new.peaks(shown)
    for i in range(4):
        trains = []
        for k in (1, 2, 0):
            t = shown.spikes_ms[i, k]
            trains.append(np.sort((t[~np.isnan(t)][:, None] + input_pulses()).ravel()))
        whole = simulate_neuron(new.neuron, trains, None, 120.0, weights=w)
        assert peaks[i, 0, 0] == pytest.approx(whole.peak_mV, rel=5e-3)  # a step of 0.25 ms


def test_no_diffusion_is_spines_on_their_own():
    """Zero diffusion: what one spine ends at depends on its own spikes alone."""
    task, three = one_branch((0, 1, 2), (1, 2, 0), "no diffusion", jitter_ms=2.0)
    seen = task.draw(5, rng(3))
    together = three.train(seen).weights[0, 0]
    _, two = one_branch((0, 1, 2), (2, 0), "no diffusion")
    np.testing.assert_allclose(two.train(seen).weights[0, 0], together[1:], rtol=1e-9)
    _, calcium = one_branch((0, 1, 2), (1, 2, 0))
    assert np.abs(calcium.train(seen).weights[0, 0] - together).max() > 0.05
    still = new_learner(1, 1, 3, 3, diffusion_um2_per_s=0.0, rng=rng())
    still = dataclasses.replace(still, wiring=three.wiring)
    np.testing.assert_array_equal(still.train(seen).weights[0, 0], together)


def test_silence_teaches_nothing():
    task = SequenceTask([(0, 1, 2)], missing=1.0, background_per_s=0.0)
    quiet = task.draw(3, rng())
    for name in LEARNERS:
        new = new_learner(1, 2, 3, 2, learner=name, rng=rng())
        np.testing.assert_array_equal(new.train(quiet).weights, new.weights)
    assert (new.peaks(quiet) == 0.0).all()
    assert new.classify(quiet, heard=quiet).tolist() == [0, 0, 0]


def test_clean_training_prefers_its_order_as_in_chapter_10():
    """One branch, all afferents in the order of the spines: the study of orders, another pause."""
    task, new = one_branch((2, 1, 0), (0, 1, 2), gap_ms=9.25)
    w = new.train(task.draw(24, rng())).weights[0, 0]
    every = task.window_ms + 75.0
    study = order_study((2, 1, 0), n_inputs=3, delay_ms=9.25, every_ms=every)
    np.testing.assert_allclose(w, study.weights, atol=1e-6)


def test_pair_rule_written_out():
    rule = PairRule(a_plus=0.05, a_minus=0.08)
    task, new = one_branch((0, 1, 2), (1, 2, 0), "pair", jitter_ms=1.0)
    new = dataclasses.replace(new, rule=rule)
    seen = task.draw(3, rng(5))
    every, w, post = seen.window_ms + 75.0, np.full(3, 0.5), []
    pre = [seen.spikes_ms[:, k, 0] + every * np.arange(3) for k in (1, 2, 0)]
    for k in range(3):
        trains = [x[k] - every * k + input_pulses() for x in pre]
        post.append(every * k + simulate_neuron(new.neuron, trains, None, 80.0, weights=w).peak_ms)
        w = np.array([rule.after(x[: k + 1], post, 0.5) for x in pre])
    np.testing.assert_allclose(new.train(seen).weights[0, 0], w, atol=1e-3)
    assert np.abs(w - 0.5).max() > 0.03


# -- groups ----------------------------------------------------------------------------------


def test_names_of_afferents_do_not_matter():
    """Afferents renamed in the task and in the wiring: the same weights and answers."""
    task = SequenceTask([(0, 1, 2, 3), (3, 1, 0, 2)], jitter_ms=1.0)
    seen, shown = task.draw(5, rng(1)), task.draw(5, rng(2))
    new = new_learner(2, 3, 4, 3, rng=rng(3))
    rename = np.array([2, 0, 3, 1])  # afferent k is called rename[k]
    back = np.argsort(rename)
    seen_2, shown_2 = (
        dataclasses.replace(p, spikes_ms=p.spikes_ms[:, back].copy()) for p in (seen, shown)
    )
    new_2 = dataclasses.replace(new, wiring=rename[new.wiring])
    a, b = new.train(seen), new_2.train(seen_2)
    np.testing.assert_array_equal(a.weights, b.weights)
    np.testing.assert_array_equal(a.peaks(shown), b.peaks(shown_2))


def test_groups_and_classes_may_be_exchanged():
    task = SequenceTask([(0, 1, 2), (2, 0, 1)], jitter_ms=1.0)
    seen, shown = task.draw(6, rng(1)), task.draw(6, rng(2))
    new = new_learner(2, 2, 3, 3, rng=rng(3))
    swapped = dataclasses.replace(new, wiring=new.wiring[::-1].copy())
    other = dataclasses.replace(seen, labels=1 - seen.labels)
    a = new.train(seen).classify(shown, heard=seen)
    b = swapped.train(other).classify(shown, heard=seen)
    np.testing.assert_array_equal(a, 1 - b)


def test_a_group_learns_from_its_own_class_only():
    task = SequenceTask([(0, 1, 2), (2, 0, 1)])
    seen = task.draw(4, rng(1))
    new = new_learner(2, 2, 3, 3, rng=rng(3))
    trained = new.train(seen)
    first = dataclasses.replace(
        seen, spikes_ms=seen.spikes_ms[:4].copy(), labels=seen.labels[:4].copy()
    )
    alone = new.train(first)
    np.testing.assert_array_equal(alone.weights[0], trained.weights[0])
    np.testing.assert_array_equal(alone.weights[1], new.weights[1])


def test_readings():
    """What each reading gives, written out from the peaks."""
    task = SequenceTask([(0, 1, 2), (2, 0, 1), (1, 0, 2)])
    seen, shown = task.draw(6, rng(1)), task.draw(20, rng(2))
    new = new_learner(3, 4, 3, 3, rng=rng(3))
    after = new.train(seen)
    peaks = after.peaks(shown)
    levels = {
        "plain": 1.0,
        "own mean": after.peaks(seen).mean(axis=0),
        "growth": new.peaks(shown),
    }
    for reading, level in levels.items():
        found = after.classify(shown, reading, heard=seen, before=new)
        np.testing.assert_array_equal(found, (peaks / level).sum(axis=2).argmax(axis=1))
    noisy = after.peaks(shown, 0.5, rng(9)) - peaks
    assert noisy.std() == pytest.approx(0.5, rel=0.2)
    np.testing.assert_array_equal(noisy, after.peaks(shown, 0.5, rng(9)) - peaks)


def test_untrained_is_at_chance_and_calcium_is_not():
    """Ten wirings. Labels are not looked at when patterns are told apart."""
    cells = [learner_cell(rng=rng([15, k])) for k in range(10)]
    mean = {k: np.mean([c[k] for c in cells]) for k in cells[0]}
    spread = {k: np.std([c[k] for c in cells], ddof=1) / math.sqrt(10) for k in cells[0]}
    for key in ("untrained", "no_diffusion", "no_diffusion_growth", "linear_counts"):
        assert abs(mean[key] - 0.25) < 4 * max(spread[key], 0.02), key
    for key in ("calcium", "calcium_growth", "pair", "pair_growth", "linear_first"):
        assert mean[key] - 0.25 > 3 * spread[key], key
    assert mean["linear_bins"] > 0.95


def test_same_seed_same_result():
    a, b, c = (learner_cell(2, 2, shown=20, rng=rng(seed)) for seed in (1, 1, 2))
    assert a == b and a != c


def test_wrong_patterns_are_refused():
    new = new_learner(2, 8, 5, 3, rng=rng())
    few = SequenceTask([(0, 1), (1, 0)]).draw(1, rng())
    with pytest.raises(ValueError, match=r"patterns have 2 afferents; allowed: at least 5"):
        new.peaks(few)
    many = SequenceTask.drawn(3, 5, rng()).draw(1, rng())
    with pytest.raises(ValueError, match=r"patterns have class 2; allowed: up to 1"):
        new.train(many)
    assert new.peaks(many).shape == (3, 2, 8)
    with pytest.raises(ValueError, match="before"):
        new.classify(many, "growth", before=new_learner(2, 8, 5, 3, rng=rng(2)))
    with pytest.raises(ValueError, match="spacing_um"):
        new_learner(n_afferents=12, n_spines=12, spacing_um=9.0, rng=rng())
    assert isinstance(new, Learner)


# -- the linear read-out ---------------------------------------------------------------------


def test_linear_readout_is_ridge_regression():
    """Against the normal equations with all coefficients, and its two limits."""
    r = rng(7)
    x, y, z = r.normal(size=(30, 5)), r.integers(0, 3, 30), r.normal(size=(200, 5))
    for ridge in (0.1, 10.0):
        mid, sd = x.mean(axis=0), x.std(axis=0)
        xs, zs = (x - mid) / sd, (z - mid) / sd
        one = (y[:, None] == np.arange(3)) * 1.0
        w = np.linalg.solve(xs.T @ xs + ridge * np.eye(5), xs.T @ (one - one.mean(axis=0)))
        wanted = (zs @ w + one.mean(axis=0)).argmax(axis=1)
        np.testing.assert_array_equal(linear_readout(x, y, z, ridge), wanted)
    common = np.bincount(y).argmax()
    assert (linear_readout(x, y, z, 1e11) == common).all()
    constant = np.hstack((x, np.ones((30, 1))))
    np.testing.assert_array_equal(
        linear_readout(constant, y, np.hstack((z, np.ones((200, 1))))), linear_readout(x, y, z)
    )


# -- the table of the chapter ----------------------------------------------------------------


def rows():
    with learner_tables.FILE.open(encoding="utf-8") as file:
        assert "python tools/learner_tables.py" in next(file)
        return list(csv.DictReader(file))


def test_table_has_every_cell():
    cells = learner_tables.cells()
    found = rows()
    assert len(found) == len(cells)
    for row, (study, given) in zip(found, cells, strict=True):
        assert row["study"] == study
        for name, value in given.items():
            same = row[name] == value if isinstance(value, str) else float(row[name]) == value
            assert same, (study, name)


def test_lines_of_the_table_are_computed_again():
    found = rows()
    cells = learner_tables.cells()
    small = [i for i, (_, g) in enumerate(cells) if g["n_branches"] <= 4 and g["n_classes"] <= 4]
    for i in [0, *small[::97]]:
        own = np.random.default_rng(np.random.SeedSequence(learner_tables.SEED, spawn_key=(i,)))
        again = learner_cell(**cells[i][1], rng=own)
        for name, value in again.items():
            assert float(found[i][name]) == pytest.approx(value, abs=1e-5), (i, name)


# -- sweeps ----------------------------------------------------------------------------------

GRID = {"n_classes": [2], "n_branches": [1], "jitter_ms": [0.0, 2.0], "replicate": [0, 1],
        "presentations": [2], "shown": [4]}  # fmt: skip


def test_a_sweep_of_cells():
    with ThreadPoolExecutor(2) as pool:
        table = sweep(learner_cell, GRID, seed=3, executor=pool, progress=False).table
    for i, row in enumerate(table.to_dict("records")):
        own = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(i,)))
        given = {name: row[name] for name in GRID}
        again = learner_cell(**given, rng=own)
        assert again == {name: row[name] for name in again}


def test_snippet_of_the_book(tmp_path, monkeypatch):
    """What chapter 15 shows and cannot run: it goes as it stands, but for the address."""
    distributed = pytest.importorskip("distributed")
    path = ROOT / "chapters" / "15-neighbourhood-learning.ipynb"
    page = json.loads(path.read_text(encoding="utf-8"))
    texts = ["".join(cell["source"]) for cell in page["cells"]]
    (snippet,) = re.findall(r"```python\n(.*?)```", "\n".join(texts), re.DOTALL)
    assert snippet.count('"tcp://scheduler:8786"') == 1
    monkeypatch.chdir(tmp_path)
    names = {"grid": GRID}
    with (
        warnings.catch_warnings(action="ignore"),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path
        ) as cluster,
    ):
        exec(snippet.replace("tcp://scheduler:8786", cluster.scheduler_address), names)
    with ThreadPoolExecutor(1) as pool:
        here = sweep(learner_cell, GRID, seed=15, executor=pool, progress=False).table
    assert names["result"].table.equals(here)
