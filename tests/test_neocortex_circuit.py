"""Populations and networks of plastic connections: limits, seeds, what reaches what, bad input."""

import math

import numpy as np
import pytest

from heterolib.neocortex import (
    CellRun,
    Connection,
    Synapse,
    ball_and_stick,
    efficacy_relaxed,
    find_action_potential,
    l5_thick_tufted,
    measure_thresholds,
    release_scaling,
    sample_connection,
)
from heterolib.neocortex.circuit import (
    Network,
    modulated_train,
    network_cell,
    population_cell,
    run_network,
    run_population,
    sample_network,
    settled_weights_nS,
)
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import CIRCUITS

L5 = l5_thick_tufted()
# every spike releases the one vesicle: nothing is left to chance
CERTAIN = dict(use_weak=1.0, use_strong=1.0, sites=1, depression_ms=0.01, volume_um3=0.05)


def generator(seed=1):
    return np.random.default_rng(seed)


def drawn(n=3, seed=1):
    rng = generator(seed)
    return [sample_connection(rng, cell=L5) for _ in range(n)]


def basal(rho0, **options):
    places = [L5.at(x, section=f"basal{k}") for k, x in enumerate((36.0, 84.0, 132.0))]
    synapses = tuple(Synapse(**options) for _ in places)
    return Connection(L5, synapses, tuple(places), np.full(3, rho0))


def both_ways(**options):
    """Two cells that reach each other."""
    return Network(2, (basal(0.0, **options), basal(1.0, **options)), (1, 0), (0, 1))


# -- trains ----------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [0.0, 0.5, 1.0])
def test_trains_have_their_rate_and_rhythm(m):
    t = modulated_train(generator(), 40.0, 100_000.0, modulation=m, modulation_hz=3.0)
    assert (np.diff(t) >= 0.0).all() and 0.0 <= t[0] and t[-1] < 100_000.0
    assert abs(t.size - 4000) < 4.0 * math.sqrt(4000)
    # of a Poisson train with rate 1 + m sin, the mean of sin is m / 2
    wave = np.sin(2.0 * math.pi * 3.0 * t / 1000.0)
    assert abs(wave.mean() - m / 2.0) < 4.0 * math.sqrt(0.5 / t.size)


def test_trains_without_rate_are_empty():
    assert modulated_train(generator(), 0.0, 1000.0).size == 0


# -- population ------------------------------------------------------------------------------


def test_without_spikes_nothing_changes():
    r = run_population(
        drawn(), rng=generator(), duration_ms=5000.0, pre_hz=0.0, post_hz=0.0, cao_mM=1.2
    )
    assert r.pre_spikes == 0 and r.imposed == 0 and r.spikes_ms[0].size == 0
    for x in (r.rho, r.U, r.g_ampa_max_nS, r.weight_nS):
        assert np.abs(x - x[:, :1]).max() < 1e-12
    assert not r.strengthened.any() and not r.weakened.any()


def test_without_spikes_the_efficacy_only_relaxes():
    start = basal(0.6)
    r = run_population([start], rng=generator(), duration_ms=4000.0, pre_hz=0.0, post_hz=0.0)
    assert r.rho == pytest.approx(np.tile(efficacy_relaxed(0.6, r.t_ms), (3, 1)), abs=1e-6)
    # and release follows within the time of expression
    synapse = start.synapses[0]
    target = synapse.use_weak + 0.605 * (synapse.use_strong - synapse.use_weak)
    share = 1.0 - math.exp(-4000.0 / C["tau_expression"])
    expected = synapse.use_strong + share * (target - synapse.use_strong)
    assert r.U[:, -1] == pytest.approx(np.full(3, expected), rel=1e-3)


def test_the_seed_makes_the_result():
    kind = dict(duration_ms=2000.0, pre_hz=5.0, post_hz=5.0)
    one, two, other = (run_population(drawn(), rng=generator(s), **kind) for s in (4, 4, 5))
    assert (one.rho == two.rho).all() and (one.U == two.U).all()
    assert (one.spikes_ms[0] == two.spikes_ms[0]).all()
    assert one.spikes_ms[0].tolist() != other.spikes_ms[0].tolist()


def test_records_do_not_touch_the_run():
    """Spikes and pulses that lie across the end of a record are not lost."""
    kind = dict(duration_ms=2000.0, pre_hz=10.0, post_hz=20.0, cao_mM=2.0)
    rare, often = (
        run_population(drawn(), rng=generator(7), sample_ms=s, **kind) for s in (2000.0, 10.0)
    )
    assert rare.spikes_ms[0].size > 30
    assert often.spikes_ms[0] == pytest.approx(rare.spikes_ms[0], abs=1e-6)
    assert often.rho[:, -1] == pytest.approx(rare.rho[:, -1], abs=1e-9)
    assert np.ptp(rare.rho, axis=1).max() > 1e-3  # something did happen


def test_one_connection_is_a_cell_run():
    """The same spikes, given to the cell by hand."""
    kind = dict(pre_hz=10.0, post_hz=10.0)
    connection = basal(0.0, **CERTAIN)
    r = run_population([connection], rng=generator(3), duration_ms=1000.0, **kind)
    rng, h = generator(3), CIRCUITS["step"]
    pre = np.floor(modulated_train(rng, 10.0, 1000.0) / h)
    post = modulated_train(rng, 10.0, 1000.0)
    run = CellRun(
        L5,
        connection.synapses,
        connection.compartments,
        thresholds=measure_thresholds(connection).pairs,
    )
    ap = find_action_potential(L5)
    run.schedule([(pre + 0.25) * h] * 3, [ap.pulse(t) for t in post])
    run.advance(1000.0, h)
    assert run.spikes_ms == pytest.approx(r.spikes_ms[0], abs=1e-6)
    assert run.rho == pytest.approx(r.rho[:, -1], abs=1e-9) and run.rho.max() > 1e-3


def test_weights():
    connections = drawn(4)
    kind = dict(rng=generator(), duration_ms=1000.0, pre_hz=0.0, post_hz=0.0)
    slice_, brain = (run_population(connections, cao_mM=c, **kind) for c in (2.0, 1.2))
    ratio = brain.connection_weight_nS()[:, 0] / slice_.connection_weight_nS()[:, 0]
    assert ratio == pytest.approx(np.full(4, release_scaling(1.2)))
    now = [
        s.g_ampa_strong_nS * s.use_strong if rho else s.g_ampa_weak_nS * s.use_weak
        for s, rho in zip(connections[2].synapses, connections[2].rho0, strict=True)
    ]
    assert slice_.connection_weight_nS()[2, -1] == pytest.approx(sum(now))
    assert settled_weights_nS(connections, slice_)[2] == pytest.approx(sum(now))
    assert slice_.connection.tolist() == [k for k, c in enumerate(connections) for _ in range(c.n)]
    apical = [where == "apical" for c in connections for where in c.locations]
    assert slice_.apical.tolist() == apical and any(apical)


def test_busy_slices_change_and_the_brain_changes_less():
    kind = dict(pre_hz=20.0, post_hz=20.0, duration_ms=4000.0, connections=4)
    slice_, brain = (population_cell(2, cao_mM=c, **kind) for c in (2.0, 1.2))
    changed = [r["strengthened"][-1] + r["weakened"][-1] for r in (slice_, brain)]
    assert changed[0] > changed[1] and slice_["synapses"] == brain["synapses"]
    assert slice_["before_nS"].shape == slice_["after_nS"].shape == (4,)
    again = population_cell(2, **kind)
    assert all(np.array_equal(again[k], slice_[k]) for k in slice_)


# -- network ---------------------------------------------------------------------------------


def test_sampled_networks():
    network = sample_network(generator(), 20, 0.3, cell=L5)
    pairs = set(zip(network.pre, network.post, strict=True))
    assert len(pairs) == len(network.connections)
    assert abs(len(pairs) - 0.3 * 380) < 4.0 * math.sqrt(380 * 0.3 * 0.7)
    assert list(network.post) == sorted(network.post)
    sparse = sample_network(generator(), 5, 0.0, cell=L5)
    assert sorted(sparse.post) == [0, 1, 2, 3, 4]  # each receives one


def test_a_silent_network_does_not_change():
    r = run_network(both_ways(), rng=generator(), duration_ms=2000.0, drive_hz=0.0)
    assert r.pre_spikes == 0 and np.abs(r.rho - r.rho[:, :1]).max() < 1e-12


def test_spikes_arrive_after_the_delay():
    """Each cell alone, given the spikes of the other one, does what it did in the network."""
    network, delay, h = both_ways(**CERTAIN), 3.0, CIRCUITS["step"]
    r = run_network(network, rng=generator(2), duration_ms=1000.0, drive_hz=8.0, delay_ms=delay)
    rng = generator(2)
    pulses = []
    for _ in range(2):
        pulses.append(modulated_train(rng, 8.0, 1000.0))
        rng.integers(2**63)
    ap = find_action_potential(L5)
    arrived = 0
    for cell in range(2):
        connection = network.connections[cell]
        run = CellRun(
            L5,
            connection.synapses,
            connection.compartments,
            rho0=connection.rho0,
            thresholds=measure_thresholds(connection).pairs,
        )
        at = np.floor((r.spikes_ms[1 - cell] + delay) / h)
        at = at[at < 1000.0 / h]
        arrived += at.size
        run.schedule([(at + 0.25) * h] * 3, [ap.pulse(t) for t in pulses[cell]])
        run.advance(1000.0, h)
        assert run.spikes_ms == pytest.approx(r.spikes_ms[cell], abs=1e-6)
        mine = r.connection == cell
        assert run.rho == pytest.approx(r.rho[mine, -1], abs=1e-9)
    assert r.pre_spikes == arrived > 5
    assert np.ptp(r.rho, axis=1).max() > 1e-3


def test_strong_connections_pass_spikes_on():
    strong = both_ways(**{**CERTAIN, "g_ampa_weak_nS": 60.0, "g_ampa_strong_nS": 60.0})
    weak = both_ways(**{**CERTAIN, "g_ampa_weak_nS": 0.1, "g_ampa_strong_nS": 0.1})
    kind = dict(duration_ms=1000.0, drive_hz=4.0, delay_ms=2.0)
    a, b = (run_network(n, rng=generator(5), **kind) for n in (strong, weak))
    assert a.imposed == b.imposed > 2
    assert sum(t.size for t in a.spikes_ms) > sum(t.size for t in b.spikes_ms)
    assert a.unasked > 0 == b.unasked  # spikes that no pulse asked for


def test_the_seed_makes_the_network():
    one, two = (network_cell(3, duration_ms=1000.0, n_cells=3) for _ in range(2))
    assert all(np.array_equal(one[k], two[k]) for k in one)


# -- bad input -------------------------------------------------------------------------------

P = dict(rng=generator(), duration_ms=1000.0)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: modulated_train(3, 1.0, 10.0), "rng"),
        (lambda: modulated_train(generator(), -1.0, 10.0), "rate_hz"),
        (lambda: modulated_train(generator(), 1.0, math.nan), "duration_ms"),
        (lambda: modulated_train(generator(), 1.0, 10.0, modulation=1.5), "modulation"),
        (lambda: modulated_train(generator(), 1.0, 10.0, modulation_hz=-2.0), "modulation_hz"),
        (lambda: run_population([], **P), "connections"),
        (lambda: run_population([3], **P), r"connections\[0\]"),
        (lambda: run_population(3, **P), "connections"),
        (
            lambda: run_population(
                [basal(0.0), Connection(ball_and_stick(), (Synapse(),), (3,), np.zeros(1))], **P
            ),
            "another cell",
        ),
        (lambda: run_population([basal(0.0)], **{**P, "rng": 1}), "rng"),
        (lambda: run_population([basal(0.0)], **{**P, "duration_ms": -5.0}), "duration_ms"),
        (lambda: run_population([basal(0.0)], **{**P, "duration_ms": 1500.5}), "duration_ms"),
        (lambda: run_population([basal(0.0)], **P, pre_hz=-1.0), "pre_hz"),
        (lambda: run_population([basal(0.0)], **P, post_hz=1e4), "post_hz"),
        (lambda: run_population([basal(0.0)], **P, cao_mM=-1.2), "cao_mM"),
        (lambda: run_population([basal(0.0)], **P, sample_ms=0.0), "sample_ms"),
        (lambda: run_population([basal(0.0)], **P, step_ms=2.0), "step_ms"),
        (
            lambda: run_population([basal(0.0)], rng=generator(), duration_ms=1e6, post_hz=100.0),
            "post_hz",
        ),
        (lambda: Network(1, (basal(0.0),), (0,), (0,)), "n_cells"),
        (lambda: Network(2, (basal(0.0),), (0, 1), (1, 0)), "pre"),
        (lambda: Network(2, (basal(0.0), basal(0.0)), (0, 1), (0, 1)), "another cell"),
        (lambda: Network(2, (basal(0.0),), (0,), (1,)), "receives"),
        (lambda: Network(2, (basal(0.0), basal(0.0)), (0, 2), (1, 0)), "pre"),
        (lambda: Network(2, (basal(0.0), basal(0.0)), (0, 1), (1, 0)), "ascending"),
        (lambda: sample_network(1), "rng"),
        (lambda: sample_network(generator(), 1), "n_cells"),
        (lambda: sample_network(generator(), 3, 1.5), "probability"),
        (lambda: sample_network(generator(), 3, pathway="L6"), "pathway"),
        (lambda: run_network(3, **P), "network"),
        (lambda: run_network(both_ways(), **P, drive_hz=-1.0), "drive_hz"),
        (lambda: run_network(both_ways(), **P, delay_ms=0.0), "delay_ms"),
        (lambda: run_network(both_ways(), **P, delay_ms=1.02), "delay_ms"),
        (lambda: run_network(both_ways(), **P, cao_mM=math.inf), "cao_mM"),
        (lambda: settled_weights_nS([basal(0.0)], 3), "result"),
        (lambda: population_cell(-1), "seed"),
        (lambda: population_cell(1, connections=0), "connections"),
        (lambda: network_cell(0.5), "seed"),
    ],
)
def test_bad_input_is_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()
