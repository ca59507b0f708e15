"""Connections and pairing experiments: statistics, thresholds, plans, ratios, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from heterolib.neocortex import (
    L5_PROTOCOLS,
    PATHWAYS,
    PROTOCOLS,
    Cell,
    CellRun,
    Connection,
    EfficacyRule,
    Membrane,
    Protocol,
    Pulse,
    Section,
    Synapse,
    ball_and_stick,
    connection,
    epsp_sizes,
    expected_epsp,
    find_action_potential,
    l5_thick_tufted,
    l23_pyramidal,
    measure_thresholds,
    nmda_calcium_share,
    pairing,
    pairing_cell,
    release_scaling,
    run_pairing,
    sample_connection,
    sample_physiology,
    simulate_release,
)
from heterolib.parameters import CHINDEMI_2022 as C

FAST = settings(derandomize=True, deadline=None, database=None, max_examples=60)
L5 = l5_thick_tufted()
FEW = dict(sweeps=2, tests=3, interval_ms=2000.0)


def generator(seed=1):
    return np.random.default_rng(seed)


def basal(n=2, **options):
    """A small connection that is the same every time."""
    places = [L5.at(x, section=f"basal{k}") for k, x in enumerate((36.0, 84.0, 132.0)[:n])]
    synapses = [Synapse(**{"volume_um3": 0.1 + 0.05 * k, **options}) for k in range(n)]
    return Connection(L5, tuple(synapses), tuple(places), np.zeros(n))


# -- statistics ------------------------------------------------------------------------------


def test_correlations_are_possible():
    r = connection.correlations()
    assert (r == r.T).all() and (np.diag(r) == 1.0).all()
    assert np.linalg.eigvalsh(r).min() > 0.0
    # u, g, n, x by hand from the specification
    assert r[0].tolist() == [1.0, 0.9, 0.81, 0.792]
    assert r[1, 2:].tolist() == [0.9, 0.88] and r[2, 3] == 0.92


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_moments_of_the_pathways(pathway):
    n = 40_000
    drawn = sample_physiology(generator(), n, pathway)
    v = C.variant(pathway)
    for name in ("u", "g", "d", "x"):
        x = drawn[name]
        assert abs(x.mean() - v[f"{name}_mean"]) < 4.0 * v[f"{name}_sd"] / math.sqrt(n) + 2e-3
        spread = v[f"{name}_sd"]
        error = spread * math.sqrt((stats.kurtosis(x) + 2.0) / (4.0 * n))
        assert abs(x.std() - spread) < 4.0 * error + 2e-3 * spread, name
    sites = drawn["n"]
    assert sites.min() >= 1.0 and (sites == np.round(sites)).all()
    assert abs(sites.mean() - v["sites_mean"]) < 4.0 * sites.std() / math.sqrt(n)
    assert sites.var() == pytest.approx(v["sites_mean"] - 1.0, rel=0.05)  # 1 + Poisson
    assert drawn["g_nmda"] == pytest.approx(v["nmda_ratio"] * drawn["g"])
    assert abs(drawn["rho0"].mean() - drawn["u"].mean()) < 4.0 * 0.5 / math.sqrt(n)
    assert drawn["rho0"][drawn["u"] > 0.5].mean() > drawn["rho0"][drawn["u"] < 0.5].mean()


def test_copula_has_the_correlations():
    """In normal scores, where the copula lives; D and F are independent of everything."""
    n = 20_000
    drawn = sample_physiology(generator(3), n)
    score = {
        k: stats.norm.ppf((stats.rankdata(drawn[k]) - 0.5) / n) for k in ("u", "g", "x", "d", "f")
    }
    for a, b, r in (("u", "g", 0.9), ("x", "g", 0.88), ("u", "x", 0.792), ("d", "f", 0.0)):
        assert np.corrcoef(score[a], score[b])[0, 1] == pytest.approx(r, abs=0.03), (a, b)
    assert abs(np.corrcoef(score["d"], score["g"])[0, 1]) < 0.03


def test_connections_of_layer_5():
    rng = generator(2)
    many = [sample_connection(rng, cell=L5) for _ in range(400)]
    n = np.array([c.n for c in many])
    assert set(n) == {4, 5, 6, 7, 8} and abs(n.mean() - 6.0) < 4.0 * math.sqrt(2.0 / 400)
    where = np.concatenate([c.locations for c in many])
    share = np.mean(where == "apical")
    assert abs(share - 19.0 / 98.0) < 4.0 * math.sqrt(share * (1.0 - share) / where.size)
    x = np.concatenate([c.distance_um for c in many])
    spread = 240.0 / math.sqrt(12.0 * np.sum(where == "basal"))
    assert abs(x[where == "basal"].mean() - 120.0) < 4.0 * spread
    assert x[where == "apical"].max() < 400.0
    for s, rho in zip(many[0].synapses, many[0].rho0, strict=True):
        now = s.use_strong if rho else s.use_weak
        assert s.use_strong == pytest.approx(s.use_weak**0.2) and 0.0 < now <= 1.0
        assert s.g_ampa_strong_nS == pytest.approx(2.0 * s.g_ampa_weak_nS)


def test_every_micrometre_is_equally_likely():
    """Compartments of 50 and of 5 µm: ten times as many synapses on the long ones."""
    passive = Membrane()
    cell = Cell.of_sections(
        "uneven",
        [
            Section("soma", "soma", 20.0, 20.0, 1, passive),
            Section("long", "basal", 100.0, 1.0, 2, passive, "soma"),
            Section("short", "basal", 100.0, 1.0, 20, passive, "soma"),
        ],
    )
    c = sample_connection(generator(), cell=cell, n_synapses=900, apical_share=0.0)
    on_long = np.mean([cell.section[i] == "long" for i in c.compartments])
    assert abs(on_long - 0.5) < 4.0 * 0.5 / 30.0


def test_the_seed_makes_the_connection():
    one, two, other = (sample_connection(generator(s), cell=L5) for s in (5, 5, 6))
    assert one.synapses == two.synapses and one.compartments == two.compartments
    assert one.synapses != other.synapses
    assert one.summary().splitlines()[0].startswith("L5-L5: ")
    assert len(one.summary().splitlines()) == one.n + 1


def test_every_pathway_has_its_cell():
    for name in PATHWAYS:
        c = sample_connection(generator(), name)
        assert c.pathway == name
        wanted = {"L5": "L5 thick-tufted", "3": "L2/3 pyramidal", "L4": "L4 pyramidal"}
        assert c.cell.name == wanted[name.split(",")[0].split("-")[1].split("/")[-1]]


# -- thresholds ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [ball_and_stick, l5_thick_tufted, l23_pyramidal])
def test_action_potential_is_one_and_on_time(make):
    cell = make()
    ap = find_action_potential(cell)
    run = CellRun(cell)
    run.schedule(pulses=[ap.pulse(20.0), ap.pulse(120.0)])
    run.advance(200.0, 0.025)
    assert run.spikes_ms == pytest.approx([20.0, 120.0], abs=0.05)
    weak = Pulse(5.0, ap.width_ms, ap.amplitude_pA / 1.25 - 250.0)
    run = CellRun(cell)
    run.schedule(pulses=[weak])
    run.advance(60.0, 0.025)
    assert run.spikes_ms.size == 0


def test_thresholds_by_hand():
    c = basal()
    t = measure_thresholds(c)
    for pre, post, (d, p) in zip(t.c_pre, t.c_post, t.pairs, strict=True):
        assert d == pytest.approx(1.0018099627 * pre + 1.9535568661 * post)
        assert p == pytest.approx(1.1593870631 * pre + 2.4827933785 * post)
    ap = find_action_potential(L5)
    run = CellRun(L5, c.synapses, c.compartments)
    run.schedule(pulses=[ap.pulse(20.0)])
    run.advance(400.0)
    # c* starts at 0 in both, and the current at rest has had less time here
    assert t.c_post == pytest.approx(run.c_star_peak_uM_ms, rel=2e-2, abs=0.15)
    run = CellRun(L5, c.synapses, c.compartments, rho0=1.0)
    run.schedule([[5.0]] * 2)
    run.advance(500.0)
    assert t.c_pre == pytest.approx(run.c_star_peak_uM_ms, rel=3e-3)


def test_apical_synapses_take_the_apical_coefficients():
    c = Connection(L5, (Synapse(),), (L5.at(200.0, section="trunk"),), np.zeros(1))
    t = measure_thresholds(c)
    assert c.locations == ("apical",)
    wanted = EfficacyRule().thresholds(float(t.c_pre[0]), float(t.c_post[0]), "apical")
    assert t.pairs[0] == wanted and wanted[1] > 3.0 * wanted[0] / 1.5


def test_sisters_help_and_calcium_scales():
    """Neighbours released together depolarise each other; less [Ca]o brings less calcium in."""
    places = tuple(L5.at(x, section="basal0") for x in (130.0, 160.0))
    two = Connection(L5, (Synapse(), Synapse()), places, np.zeros(2))
    one = Connection(L5, (Synapse(),), places[:1], np.zeros(1))
    assert measure_thresholds(two).c_pre[0] > 1.1 * measure_thresholds(one).c_pre[0]
    ratio = measure_thresholds(one, 1.2).c_pre[0] / measure_thresholds(one, 2.0).c_pre[0]
    assert ratio == pytest.approx(nmda_calcium_share(1.2) / nmda_calcium_share(2.0), rel=0.02)


# -- protocols -------------------------------------------------------------------------------


def test_delay_means_post_minus_pre():
    for dt in (10.0, -10.0):
        pre, post = Protocol(frequency_hz=10.0, dt_ms=dt).times_ms()
        assert post - pre == pytest.approx(dt) and min(pre.min(), post.min()) == 0.0
        assert np.diff(pre) == pytest.approx(100.0) and pre.size == 5
    assert Protocol(frequency_hz=10.0, dt_ms=5.0, pre=False).times_ms()[0].size == 0
    assert Protocol(frequency_hz=10.0, dt_ms=5.0, post=False).times_ms()[1].size == 0


def test_protocols_of_the_table():
    by_hand = {
        "mrk97_01": (2, 5),
        "mrk97_02": (5, 5),
        "mrk97_03": (10, 5),
        "mrk97_04": (20, 5),
        "mrk97_06": (40, 5),
        "mrk97_07": (10, 10),
        "mrk97_08": (10, -10),
    }
    assert {k: (p.frequency_hz, p.dt_ms) for k, p in L5_PROTOCOLS.items()} == by_hand
    assert all((p.pairs, p.sweeps, p.interval_ms) == (5, 10, 4000.0) for p in L5_PROTOCOLS.values())
    single = PROTOCOLS["sjs01_06"]
    assert (single.pairs, single.sweeps, single.interval_ms, single.dt_ms) == (1, 50, 10_000, -10)
    train = PROTOCOLS["sjh06_02"]
    assert (train.pairs, train.sweeps, train.interval_ms, train.dt_ms) == (5, 15, 10_000.0, 10.0)
    assert all(name == p.name and p.source for name, p in PROTOCOLS.items())


@FAST
@given(
    f=st.sampled_from([2.0, 5.0, 10.0, 33.3, 50.0, 100.0]),
    dt=st.floats(-60.0, 60.0),
    latency=st.floats(0.3, 5.0),
    post=st.booleans(),
    pre=st.booleans(),
)
def test_plan_covers_the_sweep(f, dt, latency, post, pre):
    p = Protocol(frequency_hz=f, dt_ms=dt, pre=pre, post=post)
    zero, pieces = pairing._plan(p, latency)
    edges = np.concatenate([[0.0], np.cumsum([d for _, d in pieces])])
    what = [w for w, _ in pieces]
    assert all(d > 0.0 and abs(d / 0.1 - round(d / 0.1)) < 1e-6 for _, d in pieces)
    t_pre, t_post = (zero + t for t in p.times_ms())
    if not pre and not post:
        assert not pieces
        return
    assert edges[-1] >= max([*t_pre, *t_post]) + 150.0 - 1e-6

    def at(t):
        return what[min(int(np.searchsorted(edges, t, "right")) - 1, len(what) - 1)]

    for t in t_post:  # from the pulse to well after the spike
        assert all(at(x) == "fine" for x in np.linspace(t - latency + 1e-6, t + 5.9, 30))
    for t in t_pre:
        assert at(t + 1e-6) != "skip" and at(t + 1.0) != "skip"
    for w, a, b in zip(what, edges[:-1], edges[1:], strict=True):
        if w == "skip":  # nothing happens inside, and nothing shortly before
            late = [t for t in (*t_pre, *t_post) if a - 150.0 + 1e-6 < t < b - 1e-6]
            assert not late


# -- experiments -----------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "dt"), [(2.0, 5.0), (10.0, -10.0), (40.0, 5.0)])
def test_short_cuts_of_the_induction_change_nothing(f, dt):
    """Coarse steps and skipped silence against fine steps all the way; no chance in either."""
    p = Protocol(frequency_hz=f, dt_ms=dt, pairs=3, sweeps=2, interval_ms=2500.0)
    c = basal(2, use_weak=0.9, depression_ms=100.0)
    theta = measure_thresholds(c)
    pairs = [(0.8 * d, 0.8 * q) for d, q in theta.pairs]  # low, so that much happens
    args = dict(rho0=[0.1, 0.9], thresholds=pairs, release="mean")
    quick = CellRun(L5, c.synapses, c.compartments, **args)
    pairing._induce(quick, p, generator())
    ap = find_action_potential(L5)
    zero, _ = pairing._plan(p, ap.latency_ms)
    pre, post = p.times_ms()
    slow = CellRun(L5, c.synapses, c.compartments, **args)
    for _ in range(2):
        start = slow.t_ms
        spikes = [ap.pulse(start + zero + t) for t in post]
        slow.schedule([start + zero + pre] * 2, spikes)
        slow.advance(2500.0, 0.025)
    assert np.abs(slow.rho - args["rho0"]).max() > 0.1
    assert quick.t_ms == pytest.approx(slow.t_ms)
    assert quick.spikes_ms == pytest.approx(slow.spikes_ms, abs=0.01)
    assert quick.rho == pytest.approx(slow.rho, abs=3e-3)
    assert quick.c_star_peak_uM_ms == pytest.approx(slow.c_star_peak_uM_ms, rel=2e-3)


def test_pre_before_post_brings_more_calcium():
    """NMDA channels that are already open meet the action potential: more than the sum."""
    c = basal(1)
    ap = find_action_potential(L5)

    def peak(pre, post):
        run = CellRun(L5, c.synapses, c.compartments)
        run.schedule([pre], [ap.pulse(t) for t in post])
        run.advance(80.0, 0.025)
        run.skip(500.0)
        return run.c_star_peak_uM_ms[0]

    alone = peak([20.0], []) + peak([], [20.0])
    assert peak([20.0], [30.0]) > 1.2 * alone
    assert peak([30.0], [20.0]) < 1.1 * alone


def test_without_thresholds_nothing_changes():
    c = basal()
    off = connection.Thresholds(np.zeros(2), np.zeros(2), ((None, None),) * 2)
    r = run_pairing(
        c, Protocol(frequency_hz=20.0, dt_ms=5.0, **FEW), rng=generator(), thresholds=off
    )
    assert r.linear_ratio == 1.0 and (r.rho_after == 0.0).all() and (r.rho_induced == 0.0).all()
    assert r.post_spikes == 10 and r.before_mV.size == r.after_mV.size == 3
    assert r.ratio == r.after_mV.mean() / r.before_mV.mean()
    assert "0 strengthened, 0 weakened" in r.summary()


def test_either_side_alone_changes_nothing():
    """theta_d lies above c_pre and above c_post, so single spikes of one side do not reach it."""
    c = basal()
    for side in ("pre", "post"):
        p = Protocol(frequency_hz=1.0, dt_ms=5.0, pairs=1, **{side: False}, **FEW)
        r = run_pairing(c, p, rng=generator())
        assert (r.rho_induced == 0.0).all() and r.linear_ratio == 1.0


def test_strong_pairing_strengthens_and_the_epsp_follows():
    c = basal(2, use_weak=0.9)
    p = Protocol(frequency_hz=40.0, dt_ms=5.0, tests=40)
    r = run_pairing(c, p, rng=generator())
    assert (r.rho_after == 1.0).all() and (r.rho_induced > 0.5).all()
    strong = np.ones(2, dtype=bool)
    wanted = expected_epsp(c, strong) / expected_epsp(c, ~strong)
    assert r.linear_ratio == pytest.approx(wanted) and wanted > 1.5
    error = r.ratio * math.hypot(
        r.before_mV.std() / r.before_mV.mean(), r.after_mV.std() / r.after_mV.mean()
    )
    # chance, and EPSPs that add up to less than their sum
    assert abs(r.ratio - wanted) < 4.0 * error / math.sqrt(40) + 0.1 * wanted


def test_linear_epsp_is_the_mean_of_simulated_ones():
    """One synapse: no sum to go wrong, so only chance is left, and EPSPs bend a little."""
    c = basal(1)
    off = connection.Thresholds(np.zeros(1), np.zeros(1), ((None, None),))
    p = Protocol(frequency_hz=10.0, dt_ms=5.0, sweeps=1, tests=300)
    r = run_pairing(c, p, rng=generator(4), thresholds=off)
    both = np.concatenate([r.before_mV, r.after_mV])
    error = both.std() / math.sqrt(both.size)
    assert abs(both.mean() - expected_epsp(c, [False])) < 4.0 * error + 0.05 * both.mean()
    weak, strong = epsp_sizes(c)
    assert 1.0 < strong[0] / weak[0] < 2.0  # the conductance doubles, the EPSP does not quite


@pytest.mark.parametrize(("interval", "use"), [(300.0, 0.8), (4000.0, 0.5), (50.0, 0.3)])
def test_share_of_ready_sites_is_where_the_recursion_ends(interval, use):
    synapse = Synapse(sites=5, use_weak=use, depression_ms=700.0, facilitation_ms=0.1)
    r = simulate_release(interval * np.arange(1, 400), synapse, release="mean")
    wanted = r.released[0, -1] / (5.0 * use)
    assert connection.steady_share(synapse, use, interval) == pytest.approx(wanted, rel=1e-9)


def test_in_vivo_calcium_shrinks_the_epsp():
    c = basal()
    small, large = (expected_epsp(c, [False, True], cao) for cao in (1.2, 2.0))
    assert small / large == pytest.approx(release_scaling(1.2), rel=0.02)
    often = expected_epsp(c, [False, True], interval_ms=200.0)
    assert 0.3 * large < often < 0.7 * large  # sites recover within 671 ms


def test_one_seed_is_one_connection_everywhere():
    kind = dict(frequency_hz=20.0, dt_ms=5.0, sweeps=2, tests=4)
    one, two = pairing_cell(3, **kind), pairing_cell(3, **kind)
    assert one == two
    vivo = pairing_cell(3, cao_mM=1.2, **kind)
    assert vivo["synapses"] == one["synapses"] and vivo["before_mV"] < one["before_mV"]
    mixed = pairing_cell(3, threshold_cao_mM=2.5, **kind)
    assert mixed["before_mV"] == one["before_mV"]  # higher thresholds do not touch the tests
    scaled = pairing_cell(3, release_cao_mM=1.2, **kind)
    assert scaled["before_mV"] < one["before_mV"]


@pytest.mark.slow
def test_frequency_curve_rises():
    """A few connections: 40 Hz strengthens, 2 Hz does not."""

    def mean(frequency):
        ratios = [pairing_cell(s, frequency, 5.0, tests=20)["ratio"] for s in range(10)]
        return np.mean(ratios)

    slow, fast = mean(2.0), mean(40.0)
    assert fast > 1.15 and fast > slow + 0.2


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: sample_physiology(generator(), 3, "L6-L6"), "pathway"),
        (lambda: sample_physiology(1, 3), "rng"),
        (lambda: sample_physiology(generator(), 0), "n is"),
        (lambda: sample_connection(generator(), "thalamus"), "pathway"),
        (lambda: sample_connection(None), "rng"),
        (lambda: sample_connection(generator(), n_synapses=0), "n_synapses"),
        (lambda: sample_connection(generator(), cell="L5"), "cell"),
        (lambda: sample_connection(generator(), cell=ball_and_stick()), "no basal"),
        (lambda: sample_connection(generator(), apical_share=1.5), "apical_share"),
        (lambda: Connection(L5, (), (), np.zeros(0)), "synapses"),
        (lambda: Connection(L5, (Synapse(),), (999,), np.zeros(1)), "compartments"),
        (lambda: Connection(L5, (Synapse(),), (1, 2), np.zeros(1)), "compartments"),
        (lambda: Connection(L5, (Synapse(),), (5,), np.ones(1) * 2.0), "rho0"),
        (lambda: measure_thresholds(3), "connection"),
        (lambda: measure_thresholds(basal(), -1.0), "cao_mM"),
        (lambda: Protocol(frequency_hz=0.0, dt_ms=5.0), "frequency_hz"),
        (lambda: Protocol(frequency_hz=1.0, dt_ms=5.0), "interval_ms"),
        (lambda: Protocol(frequency_hz=10.0, dt_ms=math.nan), "dt_ms"),
        (lambda: Protocol(frequency_hz=10.0, dt_ms=5.0, pairs=0), "pairs"),
        (lambda: Protocol(frequency_hz=10.0, dt_ms=5.0, tests=0), "tests"),
        (lambda: run_pairing(3, L5_PROTOCOLS["mrk97_01"], rng=generator()), "connection"),
        (lambda: run_pairing(basal(), 3, rng=generator()), "protocol"),
        (lambda: run_pairing(basal(), L5_PROTOCOLS["mrk97_01"], rng=3), "rng"),
        (
            lambda: run_pairing(
                basal(), L5_PROTOCOLS["mrk97_01"], rng=generator(), thresholds=(1.0, 2.0)
            ),
            "thresholds",
        ),
        (
            lambda: run_pairing(basal(), L5_PROTOCOLS["mrk97_01"], rng=generator(), release="full"),
            "release",
        ),
        (lambda: expected_epsp(basal(), [True]), "strong"),
        (lambda: pairing_cell(-1, 10.0, 5.0), "seed"),
        (lambda: pairing_cell(1, 10.0, 5.0, -1.2), "cao_mM"),
        (lambda: pairing_cell(1, 10.0, 5.0, pathway="L6"), "pathway"),
    ],
)
def test_bad_input_is_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()
