"""Rules of one's own on the same connections, and places on the tree."""

import inspect
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heterolib.neocortex import (
    EfficacyRule,
    Protocol,
    Synapse,
    ball_and_stick,
    kernels,
    l5_thick_tufted,
    pair_one_synapse,
    precomputed,
    run_pairing,
    run_synapse,
    sample_connection,
)
from heterolib.neocortex.places import look_along, spike_shape, width_of_unit_decay
from heterolib.neocortex.rules import GradedRule, PublishedRule, rule_at_one_synapse, run_rule

L5 = l5_thick_tufted()
PAGE = Path(__file__).resolve().parent.parent / "chapters" / "add-a-rule.ipynb"


def drawn(seed=1):
    return sample_connection(np.random.default_rng(seed), cell=L5)


class Held:
    def after(self, rho, t_ms, c_star_uM_ms, theta_d, theta_p):
        return rho


class Seen:
    """Keeps what it was given."""

    def __init__(self):
        self.calls = []

    def after(self, rho, t_ms, c_star_uM_ms, theta_d, theta_p):
        self.calls.append((rho, t_ms.copy(), c_star_uM_ms.copy(), theta_d, theta_p))
        return 1.0


FEW = Protocol(frequency_hz=10.0, dt_ms=10.0, sweeps=3, tests=1)


@pytest.mark.parametrize("cao", [1.2, 2.0])
def test_the_published_rule_does_what_the_kernel_does(cao):
    """Its efficacy at the end, release without chance and expression held.

    Sweeps are far apart, so that the sites are full again after the test before.
    """
    connection, slow = drawn(3), replace(FEW, interval_ms=20_000.0)
    ours = run_rule(
        PublishedRule(), connection, slow, rng=np.random.default_rng(1), release="mean", cao_mM=cao
    )
    still = EfficacyRule(tau_expression_ms=math.inf)
    whole = run_pairing(
        connection, slow, rng=np.random.default_rng(1), rule=still, release="mean", cao_mM=cao
    )
    if cao == 2.0:
        assert np.abs(whole.rho_induced - whole.rho_before).max() > 0.1
    assert ours.rho_after == pytest.approx(whole.rho_induced, abs=0.01)
    settled = run_rule(
        PublishedRule(), connection, slow, rng=np.random.default_rng(1), release="mean",
        cao_mM=cao, settle=True,
    )  # fmt: skip
    assert (settled.rho_after == whole.rho_after).all()
    assert settled.ratio == pytest.approx(whole.linear_ratio, rel=1e-9)


def test_a_rule_that_holds_changes_nothing():
    connection = drawn()
    r = run_rule(Held(), connection, FEW, rng=np.random.default_rng(1))
    assert r.ratio == 1.0 and (r.rho_after == connection.rho0).all()


def test_a_rule_sees_whole_sweeps():
    rule, connection = Seen(), drawn()
    r = run_rule(rule, connection, FEW, rng=np.random.default_rng(1))
    assert (r.rho_after == 1.0).all() and r.ratio >= 1.0
    assert len(rule.calls) == 3 * connection.n
    for k, (_, t, c, low, high) in enumerate(rule.calls):
        assert t[0] == 0.0 and t[-1] == pytest.approx(4000.0) and (np.diff(t) > 0.0).all()
        assert c.shape == t.shape and c.max() > 0.0 and low < high
        assert (low, high) == r.thresholds.pairs[k % connection.n]
    first, second = rule.calls[0][2], rule.calls[connection.n][2]
    assert first[-1] == pytest.approx(second[0], rel=1e-9)  # one sweep goes on from the last


@pytest.mark.parametrize(("frequency", "rho0"), [(5.0, 1.0), (10.0, 1.0), (40.0, 0.0)])
def test_the_published_rule_at_one_synapse(frequency, rho0):
    """As in `pair_one_synapse`, whose efficacy moves within the kernel of the synapse."""
    given = {"cao_mM": 2.0, "rho0": rho0}
    ours = rule_at_one_synapse(PublishedRule(), frequency, 10.0, rest_ms=3.6e6, **given)
    whole = pair_one_synapse(frequency, 10.0, **given)
    assert ours[:-1] == pytest.approx(whole.rho, abs=1e-5)
    assert ours[-1] == pytest.approx(round(ours[-2]), abs=1e-6)


def test_the_graded_rule_at_one_synapse():
    rule = GradedRule()
    ten, one = (rule_at_one_synapse(rule, 40.0, 10.0, cao_mM=2.0, sweeps=n) for n in (10, 1))
    from_1 = rule_at_one_synapse(rule, 40.0, 10.0, cao_mM=2.0, sweeps=10, rho0=1.0)
    gained, kept = one[1], from_1[1] - one[1]  # linear in rho: each sweep does the same to all
    n = np.arange(11)
    assert ten[:-1] == pytest.approx(gained * (1.0 - kept**n) / (1.0 - kept), abs=1e-12)
    assert (from_1 - ten)[:-1] == pytest.approx(kept**n, abs=1e-12)
    assert ten[-1] == ten[-2] > 0.5
    soft = rule_at_one_synapse(GradedRule(k=5.0), 40.0, 10.0, cao_mM=2.0, rest_ms=3.6e6)
    assert soft[-2] > 0.5 and soft[-1] == pytest.approx(1.0 / (1.0 + math.exp(5.0)), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: GradedRule(per_s=-1.0), "per_s"),
        (lambda: GradedRule(k=math.nan), "k is nan"),
        (lambda: rule_at_one_synapse(3, 40.0, 10.0), "rule"),
        (lambda: rule_at_one_synapse(Held(), math.inf, 10.0), "frequency_hz"),
        (lambda: rule_at_one_synapse(Held(), 40.0, 10.0, rho0=2.0), "rho0"),
        (lambda: rule_at_one_synapse(Held(), 40.0, 10.0, sweeps=0), "sweeps"),
        (lambda: rule_at_one_synapse(Held(), 40.0, 10.0, rest_ms=-1.0), "rest_ms"),
        (lambda: rule_at_one_synapse(Held(), 40.0, 10.0, interval_ms=1.0), "interval_ms"),
        (lambda: run_rule(3, drawn(), FEW, rng=np.random.default_rng(1)), "rule"),
        (lambda: run_rule(Held(), 3, FEW, rng=np.random.default_rng(1)), "connection"),
        (lambda: run_rule(Held(), drawn(), 3, rng=np.random.default_rng(1)), "protocol"),
        (lambda: run_rule(Held(), drawn(), FEW, rng=1), "rng"),
        (lambda: run_rule(Held(), drawn(), FEW, rng=np.random.default_rng(1), cao_mM=-1), "cao"),
        (
            lambda: run_rule(Held(), drawn(), FEW, rng=np.random.default_rng(1), release="full"),
            "release",
        ),
        (lambda: look_along(3), "cell"),
        (lambda: look_along(L5, "axonal"), "kind"),
        (lambda: look_along(ball_and_stick(), "apical"), "kind"),
        (lambda: spike_shape([math.nan], 80.0, 1.0), "t_ms"),
        (lambda: spike_shape([1.0], -80.0, 1.0), "peak_mV"),
        (lambda: spike_shape([1.0], 80.0, 0.0), "half_width_ms"),
        (lambda: spike_shape([1.0], 80.0, 1.0, 1.0), "ratio"),
        (lambda: width_of_unit_decay(0.0), "ratio"),
        (lambda: precomputed.read("nothing"), "name"),
        (lambda: precomputed.summary(precomputed.read("maps"), ["colour"]), "column"),
    ],
)
def test_bad_input_is_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_a_rule_that_leaves_its_range_is_refused():
    class Wild(Held):
        def after(self, *_):
            return 1.5

    with pytest.raises(ValueError, match=r"what the rule returned is 1\.5"):
        run_rule(Wild(), drawn(), FEW, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match=r"what the rule returned is 1\.5"):
        rule_at_one_synapse(Wild(), 40.0, 10.0)


# -- the page that adds one ------------------------------------------------------------------


def test_the_new_rule_takes_less_than_40_lines():
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    (source,) = ("".join(c["source"]) for c in cells if "new-rule" in c["metadata"].get("tags", []))
    kernel = "".join(inspect.getsource(f) for f in (kernels.soft_step, kernels.graded_pull))
    lines = [line for line in (source + "\n" + kernel).splitlines() if line.strip()]
    assert 20 < len(lines) < 40
    space = {}
    exec(source, space)
    rule = space["GradedRule"]()
    rng = np.random.default_rng(2)
    for _ in range(20):
        t, c = np.cumsum(rng.uniform(0.1, 50.0, 300)), rng.uniform(0.0, 200.0, 300)
        low, high, rho = *np.sort(rng.uniform(20.0, 180.0, 2)), rng.random()
        given = {"per_s": rng.uniform(0.0, 5.0), "k": rng.uniform(1.0, 100.0)}
        again = [r(**given).after(rho, t, c, low, high) for r in (space["GradedRule"], GradedRule)]
        assert again[0] == pytest.approx(again[1], abs=1e-12)
    t = np.linspace(0.0, 1000.0, 500)
    quiet, middle, high = (np.full(t.size, c) for c in (1.0, 75.0, 200.0))
    assert rule.after(0.4, t, quiet, 60.0, 90.0) == pytest.approx(0.4, abs=1e-4)
    assert rule.after(0.4, t, middle, 60.0, 90.0) < 0.3
    assert rule.after(0.4, t, high, 60.0, 90.0) > 0.5


# -- places ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["basal", "apical"])
def test_places_lie_in_order_and_thresholds_follow_the_rule(kind):
    found = look_along(L5, kind)
    assert (np.diff(found.distance_um) > 0.0).all()
    assert all(L5.kind[i] == kind for i in found.compartment)
    assert len({L5.section[i] for i in found.compartment}) == 1
    p = getattr(EfficacyRule(), kind)
    assert found.theta_d_uM_ms == pytest.approx(
        p[0] * found.c_pre_uM_ms + p[1] * found.c_post_uM_ms
    )
    assert found.theta_p_uM_ms == pytest.approx(
        p[2] * found.c_pre_uM_ms + p[3] * found.c_post_uM_ms
    )


def test_a_larger_spine_sees_less_calcium():
    small, large = (look_along(L5, synapse=Synapse(volume_um3=v)).c_pre_uM_ms for v in (0.1, 0.2))
    assert (small > 1.5 * large).all()


@pytest.mark.parametrize("ratio", [0.05, 0.2, 0.8])
def test_shape_of_a_drawn_spike(ratio):
    t = np.arange(-1.0, 100.0, 0.002)
    v = spike_shape(t, 70.0, 2.5, ratio)
    assert v.max() == pytest.approx(70.0, rel=1e-4) and (v[t <= 0.0] == 0.0).all()
    assert (v > 35.0).sum() * 0.002 == pytest.approx(2.5, abs=0.01)


def test_a_drawn_spike_stands_for_the_real_one():
    """The explorer's claim: c_post within 15 % where it matters."""
    t = np.arange(0.0, 60.0, 0.02)
    for kind in ("basal", "apical"):
        found = look_along(L5, kind)
        near = found.c_post_uM_ms > 3.0
        assert near.sum() >= 3
        for i in np.flatnonzero(near):
            v = spike_shape(t, found.peak_mV[i], found.half_width_ms[i]) - 75.0
            c_post = run_synapse(t, v, release="full").c_star_uM_ms.max()
            assert c_post == pytest.approx(found.c_post_uM_ms[i], rel=0.15)


# -- what is stored --------------------------------------------------------------------------


def test_stored_places_are_those_of_the_cell():
    stored, fresh = precomputed.read_places(), precomputed.places_table()
    for kind, rows in stored.items():
        again = fresh[fresh.kind == kind].drop(columns="kind").to_numpy()
        assert rows == pytest.approx(again, rel=5e-6)


@pytest.mark.parametrize(
    ("name", "rows"), [("maps", (3, 1400, 2939)), ("causes", (100, 700)), ("series", (5, 811))]
)
def test_stored_pairings_can_be_had_again(name, rows):
    table, study = precomputed.read(name), precomputed.STUDIES[name]
    cells = study.cells()
    assert len(table) == len(cells)
    for i in rows:
        assert all(table[k].iloc[i] == v for k, v in cells[i].items())
        again = study.function(**cells[i])
        for key in study.keep:
            assert float(f"{again[key]:.6g}") == pytest.approx(table[key].iloc[i], rel=5e-6)


def test_means_of_the_maps():
    table = precomputed.summary(precomputed.read("maps"), ["cao_mM", "frequency_hz", "dt_ms"])[
        "mean"
    ]
    means = precomputed.read_map_means()
    assert means.shape == (2, 7, 7)
    for k, cao in enumerate((2.0, 1.2)):
        assert means[k] == pytest.approx(table[cao].unstack().to_numpy())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["population", "network"])
def test_stored_circuits_can_be_had_again(name):
    table, study = precomputed.read(name), precomputed.STUDIES[name]
    cells = study.cells()
    assert len(table) == len(cells)
    i = 1
    assert all(table[k].iloc[i] == v for k, v in cells[i].items())
    again = study.function(**cells[i])
    for key in study.keep:
        if np.ndim(again[key]) == 0:
            assert table[key].iloc[i] == pytest.approx(again[key], rel=5e-6)
        else:
            stored = [table[f"{key}_{k}"].iloc[i] for k in range(len(again[key]))]
            assert stored == pytest.approx(again[key], rel=5e-6)
