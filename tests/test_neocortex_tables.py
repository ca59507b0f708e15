"""The tables of pairing experiments behind chapter 12, the experiments, and a single synapse."""

import math

import numpy as np
import pandas as pd
import pytest

from heterolib.neocortex import (
    L5_PROTOCOLS,
    PATHWAYS,
    PROTOCOLS,
    EfficacyRule,
    pair_one_synapse,
    precomputed,
    run_synapse,
)
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import PUBLISHED_CURVES, RECORDINGS
from heterolib.parameters import REDUCED_CELLS as R
from tools import pairing_tables as tables

# -- the experiments -------------------------------------------------------------------------

# By hand from the collection: frequency (0 for single pairs), delay, sweeps, interval, ratio, n.
BY_HAND = {
    "mrk97_03": (10, 5, 10, 4, 1.204, 9),
    "mrk97_08": (10, -10, 10, 4, 0.792, 6),
    "sjs01_06": (0, -10, 50, 10, 0.682, 7),
    "sjs01_12": (20, 25, 15, 10, 0.652, 5),
    "sjs01_17": (100, 0, 15, 10, 1.245, 5),
    "sjh06_02": (50, 10, 15, 10, 1.06, 19),
    "egg99_01": (20, 10, 10, 10, 1.299, 12),
    "egg99_02": (1, 10, 10, 10, 0.816, 4),
    "bnr14_01": (0, -15, 100, 5, 0.77, 5),
    "zlb09_01": (0, 10, 40, 5, 0.64, 6),
    "zlb09_03": (10, 10, 40, 5, 0.76, 19),
    "rmp08_01": (0, 10, 100, 5, 1.54, 5),
}


def test_experiments_are_those_of_the_collection():
    for name, (f, dt, sweeps, interval, ratio, n) in BY_HAND.items():
        r = RECORDINGS[name]
        assert (r.frequency_hz, r.pairs) == ((float(f), 5) if f else (1.0, 1))
        assert (r.dt_ms, r.sweeps, r.interval_ms) == (dt, sweeps, 1000.0 * interval)
        assert (r.ratio, r.n) == (ratio, n)
    assert len(RECORDINGS) == 42
    assert {r.pathway for r in RECORDINGS.values()} <= set(PATHWAYS)
    blocked = {name for name, r in RECORDINGS.items() if r.blocked}
    assert blocked == {"rmp08_01", "rmp08_03", "bnr14_02"}
    assert {n for n, r in RECORDINGS.items() if r.cao_mM != 2.0} == {
        f"sjs01_{k:02d}" for k in range(1, 18)
    }
    for name, r in RECORDINGS.items():
        p = PROTOCOLS[name]
        assert (p.frequency_hz, p.dt_ms, p.pairs) == (r.frequency_hz, r.dt_ms, r.pairs)
        assert (p.sweeps, p.interval_ms, p.source) == (r.sweeps, r.interval_ms, r.source)


def test_published_curves_have_the_frequencies_of_ours():
    for curve in PUBLISHED_CURVES.values():
        assert tuple(curve) == precomputed.FREQUENCIES_HZ
    assert PUBLISHED_CURVES[2.0][10.0] == RECORDINGS["mrk97_03"].published


# -- the stored tables -----------------------------------------------------------------------


def stored(name):
    text = (tables.DATA / f"pairing_{name}.csv").read_text()
    first, head, *lines = text.splitlines()
    return first, head, lines


@pytest.mark.parametrize("name", sorted(tables.TABLES))
def test_tables_hold_what_their_command_makes(name):
    first, head, lines = stored(name)
    assert first.startswith(f"# python tools/pairing_tables.py {name} --connections 100, heterolib")
    conditions = tables.TABLES[name]()
    assert head == ",".join([*conditions[0][0], "seed", *tables.KEPT])
    wanted = [
        [*map(str, labels.values()), str(seed)]
        for labels, _, share in conditions
        for seed in range(round(100 * share))
    ]
    assert [line.split(",")[: len(w)] for line, w in zip(lines, wanted, strict=True)] == wanted
    assert all(math.isfinite(float(x)) for line in lines for x in line.split(",")[-5:])


@pytest.mark.parametrize(
    ("name", "labels", "seed"),
    [
        ("invitro", {"experiment": "mrk97_08", "cao_mM": 2.0}, 3),
        ("invitro", {"experiment": "mrk97_06", "cao_mM": 1.2}, 7),
        ("invitro", {"experiment": "sjs01_06", "cao_mM": 2.5}, 1),
        ("invitro", {"experiment": "rmp08_01", "cao_mM": 2.0}, 2),
        ("invitro", {"experiment": "egg99_03", "cao_mM": 2.0}, 0),
        ("innervation", {"case": "all apical", "experiment": "mrk97_08"}, 4),
        ("innervation", {"case": "16 synapses", "experiment": "mrk97_02"}, 1),
        ("placement", {"case": "all apical"}, 2),
        ("invivo", {"experiment": "mrk97_07"}, 399),
        ("physiology", {"case": "u", "experiment": "mrk97_06"}, 2),
        ("physiology", {"case": "g N X", "experiment": "mrk97_08"}, 49),
    ],
)
def test_lines_come_out_again(name, labels, seed):
    """Every digit in the file: the seed alone decides a line."""
    (given,) = (g for own, g, _ in tables.TABLES[name]() if own == labels)
    again = tables.line(labels, seed, tables.FUNCTIONS[name](seed=seed, **given))
    assert again in stored(name)[2]


@pytest.mark.parametrize(
    ("letters", "name", "labels"),
    [
        ("", "invitro", {"experiment": "mrk97_06", "cao_mM": 2.0}),
        ("udfgnx", "innervation", {"case": "recipe of 2024", "experiment": "mrk97_06"}),
    ],
)
def test_mixing_nothing_or_all_gives_one_of_the_two_recipes(letters, name, labels):
    for seed in (0, 3):
        given = tables.experiment("mrk97_06") | {"of_2024": letters}
        again = tables.line(labels, seed, tables.mixed_cell(seed=seed, **given))
        assert again in stored(name)[2]


def means(cao=2.0):
    runs = pd.read_csv(tables.DATA / "pairing_invitro.csv", comment="#")
    found = runs[runs["cao_mM"] == cao].groupby("experiment")["ratio"]
    return found.mean(), found.sem()


def test_layer_5_lies_near_the_published_simulations():
    ours, _ = means()
    for name in L5_PROTOCOLS:
        r = RECORDINGS[name]
        assert abs(ours[name] - r.published) < 0.15, name
        if abs(r.published - 1.0) > 2.0 * r.published_sem:
            assert (ours[name] > 1.0) == (r.published > 1.0), name


def test_in_vivo_calcium_leaves_slow_pairing_nearly_without_effect():
    """Within 0.06 of 1 below 20 Hz, but for one of five of 100 connections; of 400, for none."""
    ours, error = means(1.2)
    slow = [n for n in L5_PROTOCOLS if RECORDINGS[n].frequency_hz < 20.0]
    beyond = {n for n in slow if abs(ours[n] - 1.0) > 0.06}
    assert len(slow) == 5 and beyond == {"mrk97_07"}
    assert abs(ours["mrk97_07"] - 1.0) < 0.065 and error["mrk97_07"] > 0.02
    more = pd.read_csv(tables.DATA / "pairing_invivo.csv", comment="#").groupby("experiment").ratio
    assert (more.count() == 400).all() and (abs(more.mean() - 1.0) < 0.03).all()
    runs = pd.read_csv(tables.DATA / "pairing_invitro.csv", comment="#")
    first = runs[(runs["cao_mM"] == 1.2) & (runs["experiment"] == "mrk97_07")]["ratio"]
    assert list(more.get_group("mrk97_07")[:100]) == list(first)


# -- one synapse -----------------------------------------------------------------------------


def test_one_synapse_makes_its_thresholds_from_its_own_peaks():
    r = pair_one_synapse(10.0, 10.0)
    assert (r.theta_d_uM_ms, r.theta_p_uM_ms) == EfficacyRule().thresholds(
        r.c_pre_uM_ms, r.c_post_uM_ms
    )
    # c_post: the template and nothing else
    t = np.arange(0.0, 600.0, 0.05)
    since = np.maximum(t - 10.0, 0.0)
    rise, decay = R["template_rise"], R["template_decay"]
    wave = np.exp(-since / decay) - np.exp(-since / rise)
    v = R["template_rest"] + R["template_height"] * wave / wave.max()
    # with ticks of 0.25 ms the wave loses a little of its tip
    fine = run_synapse(t, v).c_star_uM_ms.max()
    assert 0.94 * fine < r.c_post_uM_ms < fine


def test_one_synapse_has_the_timing_it_is_asked_for():
    for dt in (10.0, -10.0, 0.0):
        r = pair_one_synapse(20.0, dt, sweeps=2)
        assert np.diff(r.sweep.pre_ms) == pytest.approx(50.0) and r.sweep.pre_ms.size == 5
        v = r.sweep.v_mV - R["template_rest"]
        top = r.sweep.t_ms[1:-1][(np.diff(v)[:-1] > 0) & (np.diff(v)[1:] <= 0) & (v[1:-1] > 40.0)]
        delay = np.mean(top - r.sweep.pre_ms)
        assert delay == pytest.approx(dt + 0.8, abs=0.3)  # the template peaks 0.8 ms after onset
        assert r.rho.size == 3


def test_less_calcium_outside_means_less_release_and_fewer_changes():
    slice_, vivo = (pair_one_synapse(40.0, 10.0, cao_mM=c) for c in (2.0, 1.2))
    assert slice_.rho[-1] > 0.5 and vivo.rho[-1] == 0.0
    assert vivo.sweep.released[0] == pytest.approx(0.158 * slice_.sweep.released[0], rel=0.01)
    assert vivo.theta_d_uM_ms < slice_.theta_d_uM_ms
    assert "sweeps" in vivo.summary()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (dict(frequency_hz=0.0), "frequency_hz"),
        (dict(dt_ms=math.nan), "dt_ms"),
        (dict(pairs=0), "pairs"),
        (dict(sweeps=0), "sweeps"),
        (dict(interval_ms=100.0), "interval_ms"),
        (dict(cao_mM=-1.0), "cao_mM"),
        (dict(use=1.5), "use"),
        (dict(height_mV=-1.0), "height_mV"),
        (dict(rho0=2.0), "rho0"),
        (dict(thresholds=(math.nan, 1.0)), "thresholds"),
        (dict(rule=3), "rule"),
        (dict(duration_ms=10.0), "duration_ms"),
    ],
)
def test_bad_input_is_refused(options, word):
    with pytest.raises(ValueError, match=word):
        pair_one_synapse(**{"frequency_hz": 10.0, "dt_ms": 5.0, **options})


def test_apical_factors_are_another_rule():
    assert C["apical_p_pre"] > 4.0 * C["basal_p_pre"]  # what swapped labels would mix up
