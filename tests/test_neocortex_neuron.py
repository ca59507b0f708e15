"""Cells on a tree: closed forms of the cable, reference runs, SWC files, bad input."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterolib.neocortex import (
    Cell,
    CellRun,
    EfficacyRule,
    Membrane,
    Pulse,
    Section,
    Synapse,
    ball_and_stick,
    kernels,
    l4_pyramidal,
    l5_thick_tufted,
    l23_pyramidal,
    neuron,
)
from heterolib.parameters import REDUCED_CELLS

DATA = Path(__file__).parent / "data" / "glusynapse"
FAST = settings(derandomize=True, deadline=None, database=None, max_examples=30)
PASSIVE = Membrane()
CELLS = (ball_and_stick, l5_thick_tufted, l23_pyramidal, l4_pyramidal)


def stick(length=500.0, diameter=2.0, compartments=101, soma=0.5):
    """A cable behind a soma so small that it hardly counts."""
    return Cell.of_sections(
        "stick",
        [
            Section("soma", "soma", soma, diameter, 1, PASSIVE),
            Section("cable", "dendrite", length, diameter, compartments, PASSIVE, "soma"),
        ],
        1.5,
    )


def steady(cell, at=0, pA=10.0):
    """Depolarisation everywhere under a constant current."""
    run = CellRun(cell)
    run.schedule(pulses=[Pulse(0.0, 1000.0, pA, at)])
    run.advance(400.0, 0.1)
    before = run.v_mV.copy()
    run.advance(0.1, 0.1)
    # Crank-Nicolson lets a tiny compartment swing about its value for a while: take the middle
    return 0.5 * (before + run.v_mV) - cell.rest()[0]


# -- the cable -------------------------------------------------------------------------------


def test_one_compartment_charges_like_a_capacitor():
    cell = Cell.of_sections("ball", [Section("soma", "soma", 20.0, 20.0, 1, PASSIVE)])
    area = math.pi * 400.0
    r, tau = 1.0 / (0.001 * area), 10.0  # GOhm; ms: 0.01 pF / 0.001 nS
    errors = []
    for h in (0.2, 0.1):
        run = CellRun(cell)
        run.schedule(pulses=[Pulse(5.0, 20.0, 50.0)])
        rec = run.advance(60.0, h, watch=[0], every=1)
        t = rec.t_ms
        on = np.clip(t - 5.0, 0.0, 20.0)
        wanted = 50.0 * r * (1.0 - np.exp(-on / tau)) * np.exp(-np.clip(t - 25.0, 0, None) / tau)
        errors.append(np.abs(rec.v_mV[0] + 70.0 - wanted).max())
    assert errors[1] < 1e-4 * 50.0 * r
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


def test_cable_follows_the_closed_form():
    """V(x)/V(0) = cosh((l - x)/lambda) / cosh(l/lambda), the error falling with dx²."""
    lam = math.sqrt(2.0 / 4.0 / (1.5e-3 * 0.001))  # sqrt(d/4 / (rho g)), GOhm µm and nS/µm²
    assert lam == pytest.approx(577.35, abs=0.01)
    errors = []
    for n in (25, 51):
        cell = stick(900.0, 2.0, n, soma=0.01)
        dv = steady(cell)
        x = cell.distance_um[1:]
        wanted = np.cosh((900.0 - x) / lam) / math.cosh(900.0 / lam)
        errors.append(np.abs(dv[1:] / dv[0] - wanted).max())
    assert errors[1] < 1e-3 and errors[0] / errors[1] > 3.0
    # input resistance: lambda rho / (pi r²) coth(l / lambda); 51 half compartments of 9 µm
    r_in = lam * 1.5e-3 / math.pi / math.tanh(900.0 / lam)
    assert dv[0] / 10.0 == pytest.approx(r_in, rel=2e-3)


def test_branches_of_rall_equal_one_cable():
    """Two daughters with d^(3/2) halved, and the same length in lambda, act as the parent."""
    whole = stick(600.0, 2.0, 60)
    d = 2.0 / 2.0 ** (2.0 / 3.0)
    scaled = 300.0 * math.sqrt(d / 2.0)
    halves = Cell.of_sections(
        "fork",
        [
            Section("soma", "soma", 0.5, 2.0, 1, PASSIVE),
            Section("stem", "dendrite", 300.0, 2.0, 30, PASSIVE, "soma"),
            Section("a", "dendrite", scaled, d, 30, PASSIVE, "stem"),
            Section("b", "dendrite", scaled, d, 30, PASSIVE, "stem"),
        ],
        1.5,
    )
    one, two = steady(whole), steady(halves)
    assert two[0] == pytest.approx(one[0], rel=1e-6)
    assert two[1:31] == pytest.approx(one[1:31], rel=1e-6)
    for name in "ab":
        mine = [i for i in range(halves.n) if halves.section[i] == name]
        assert two[mine] == pytest.approx(one[31:61], rel=1e-6)
    junction = int(np.flatnonzero(halves.area_um2 == 0.0)[0])
    membrane = math.pi * (0.5 * 2.0 + 300.0 * 2.0 + 2.0 * scaled * d)
    assert halves.area_um2.sum() == pytest.approx(membrane)
    assert halves.section[junction] == "stem" and halves.distance_um[junction] == 300.0


def test_transfer_is_reciprocal():
    """A current at i moves j as much as the same current at j moves i."""
    sections = [
        Section(s, "soma" if s == "soma" else "basal", x, d, n, PASSIVE, p)
        for s, x, d, n, p in (
            ("soma", 20.0, 20.0, 1, None),
            ("a", 100.0, 2.0, 5, "soma"),
            ("b", 80.0, 1.0, 4, "a"),
            ("c", 120.0, 0.7, 6, "a"),
            ("d", 90.0, 1.5, 5, "soma"),
        )
    ]
    cell = Cell.of_sections("tree", sections)
    places = [0, cell.at(150.0, section="b"), cell.at(200.0, section="c"), cell.n - 1]
    table = np.array([[steady(cell, i)[j] for j in places] for i in places])
    assert table == pytest.approx(table.T, rel=1e-9)
    assert (np.diag(table)[:, None] >= table).all()


def test_charge_is_conserved():
    """What a pulse brings leaves through the leak: 2 ms of 100 pA are 0.2 pC."""
    cell = l5_thick_tufted()
    passive = Cell(
        **{
            **{k: getattr(cell, k) for k in cell.__dataclass_fields__},
            "sodium_nS": np.zeros(cell.n),
            "potassium_nS": np.zeros(cell.n),
        }
    )
    run = CellRun(passive)
    run.schedule(pulses=[Pulse(1.0, 2.0, 100.0, passive.n - 1)])
    where = np.flatnonzero(passive.area_um2 > 0.0)
    rec = run.advance(400.0, 0.025, watch=where, every=1)
    leak = (passive.leak_nS[where][:, None] * (rec.v_mV + 75.0)).sum(axis=0)
    assert np.sum(leak) * 0.025 == pytest.approx(200.0, rel=1e-6)


@FAST
@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_tree_solver_against_a_dense_one(n, seed):
    rng = np.random.default_rng(seed)
    parent = np.array([-1, *(rng.integers(0, i) for i in range(1, n))], dtype=float)
    g, cap, leak = rng.uniform(0.1, 5.0, (3, n))
    h = 0.1
    extra, right = rng.uniform(0.0, 3.0, n), rng.normal(size=n)
    dynamic = np.zeros(n)
    for i in rng.integers(0, n, 2):
        while i >= 0 and dynamic[i] == 0.0:
            dynamic[i] = 1.0
            i = int(parent[i])
    extra[dynamic == 0.0] = 0.0
    matrix = np.diag(2.0 * cap / h + leak + extra)
    for i in range(1, n):
        p = int(parent[i])
        matrix[i, i] += g[i]
        matrix[p, p] += g[i]
        matrix[i, p] -= g[i]
        matrix[p, i] -= g[i]
    d, inverse, factor = np.zeros((3, n))
    kernels.tree_factor(n, h, parent, g, cap, leak, dynamic, d, inverse, factor)
    d, b = d + extra, right.copy()
    kernels.tree_solve(n, parent, g, dynamic, d, inverse, factor, b)
    assert b == pytest.approx(np.linalg.solve(matrix, right), rel=1e-9, abs=1e-12)


# -- channels --------------------------------------------------------------------------------


def test_channels_by_hand():
    """Rates at -40 mV, u = 18 mV, from the reference runs' description."""
    u = 18.0
    rates = {
        "m": (
            0.32 * (13 - u) / (math.exp((13 - u) / 4) - 1),
            0.28 * (u - 40) / (math.exp((u - 40) / 5) - 1),
        ),
        "h": (0.128 * math.exp((17 - u) / 18), 4 / (1 + math.exp((40 - u) / 5))),
        "n": (
            0.032 * (15 - u) / (math.exp((15 - u) / 5) - 1),
            0.5 * math.exp((10 - u) / 40),
        ),
    }
    row = np.zeros(6)
    kernels.channel_row(-40.0, 0.1, neuron.channel_constants(), row, 0)
    for k, (a, b) in enumerate(rates.values()):
        assert row[2 * k : 2 * k + 2] == pytest.approx([a / (a + b), math.exp(-0.1 * (a + b))])


def test_channels_have_no_hole():
    """Where a rate is 0/0 its neighbours meet."""
    c, rows = neuron.channel_constants(), np.zeros((3, 6))
    for v in (-58.0 + 13.0, -58.0 + 40.0, -58.0 + 15.0):
        for k, dv in enumerate((-1e-3, 0.0, 1e-3)):
            kernels.channel_row(v + dv, 0.1, c, rows[k], 0)
        assert rows[1] == pytest.approx(0.5 * (rows[0] + rows[2]), abs=1e-7)


@FAST
@given(v=st.floats(-140.0, 140.0))
def test_table_equals_the_rates(v):
    c, table = neuron.channel_constants(), neuron._table(0.025)
    row, gates = np.zeros(6), np.array([0.3, 0.6, 0.2])
    kernels.channel_row(v, 0.025, c, row, 0)
    wanted = gates.copy()
    kernels.channel_step(0, wanted, row, 0)
    kernels.channel_from_table(
        0, gates, v, neuron.TABLE_ROWS, neuron.TABLE_LOW_MV, neuron.TABLE_STEP_MV, table
    )
    assert gates == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("make", CELLS)
def test_cells_rest_and_fire_once(make):
    cell = make()
    v, _ = cell.rest()
    assert v == pytest.approx(cell.leak_mV, abs=0.5)
    run = CellRun(cell)
    run.advance(200.0, 0.1)
    assert run.v_mV == pytest.approx(v, abs=1e-4) and run.spikes_ms.size == 0
    run.schedule(pulses=[Pulse(205.0, 1.5, 2000.0 if cell.n < 100 else 3000.0)])
    run.reset_peaks()
    run.advance(60.0)
    assert run.spikes_ms.size == 1 and 205.0 < run.spikes_ms[0] < 208.0
    assert 20.0 < run.soma_peak_mV < 50.0 and run.soma_peak_ms > run.spikes_ms[0]


def test_calcium_of_a_back_propagating_action_potential():
    """1.4 ± 0.6 µM below 60 µm of basal dendrite, about 0.1 µM beyond; more in the trunk."""
    cell = l5_thick_tufted()
    near = [cell.at(d, section="basal0") for d in (12.0, 36.0, 60.0)]
    far = [cell.at(d, section="basal0") for d in (84.0, 108.0, 132.0)]
    trunk = [cell.at(d, kind="apical") for d in (50.0, 150.0, 250.0, 350.0)]
    places = [*near, *far, *trunk]
    run = CellRun(cell, [Synapse()] * len(places), places)
    run.schedule(pulses=[Pulse(5.0, 1.5, 3125.0)])
    run.advance(100.0)
    peak = run.calcium_peak_uM
    assert run.spikes_ms.size == 1
    assert 0.8 < np.average(peak[:3], weights=[2, 2, 1]) < 2.0
    assert (np.diff(peak[:6]) < 0.0).all() and 0.08 < peak[3:6].mean() < 0.2
    assert (peak[6:] > 1.2).all() and (run.c_star_peak_uM_ms[6:] > 15.0).all()


# -- reference runs --------------------------------------------------------------------------

BS = ("bs_x0.2_post1_ca1.3", "bs_x0.2_train10_prepost10_ca2.0", "bs_x0.8_postpre10_ca2.0")


def against_neuron(name, step=None):
    """Largest deviation over largest value: somatic and local voltage, calcium, c*, rho, U, G."""
    z = np.load(DATA / f"{name}.npz")
    m = json.loads(str(z["meta"]))
    cell = ball_and_stick()
    place = cell.at(300.0 * m["loc"], kind="dendrite")
    run = CellRun(
        cell,
        [Synapse()],
        [place],
        cao_mM=m["cao"],
        rho0=m["rho0"],
        thresholds=[(1e3 * m["theta_d"], 1e3 * m["theta_p"])],
    )
    run.schedule([m["pre"]], [Pulse(t, 1.5, 1500.0) for t in m["post"]])
    args = () if step is None else (step,)
    rec = run.advance(float(z["t_ms"][-1]) + 0.2, *args, watch=[0, place], every=1)
    keep = z["t_ms"] > 480.0
    for event in [*m["pre"], *m["post"]]:
        keep &= np.abs(z["t_ms"] - event) > 0.15
    pairs = {
        "v_soma_mV": (rec.v_mV[0], 1.0),
        "v_mV": (rec.v_mV[1], 1.0),
        "ca_mM": (rec.calcium_uM[0], 1e3),
        "c_star_mM_ms": (rec.c_star_uM_ms[0], 1e3),
        "rho": (rec.rho[0], 1.0),
        "U": (rec.U[0], 1.0),
        "g_ampa_max_nS": (rec.g_ampa_max_nS[0], 1.0),
    }
    errors = {}
    for column, (mine, scale) in pairs.items():
        wanted = z[column][keep].astype(float) * scale
        got = np.interp(z["t_ms"][keep], rec.t_ms, mine)
        errors[column] = np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-12)
    return errors


@pytest.mark.parametrize("name", BS)
def test_ball_and_stick_of_neuron(name):
    errors = against_neuron(name)
    assert errors["v_soma_mV"] < 1e-2 and errors["v_mV"] < 1e-2
    for column in ("ca_mM", "c_star_mM_ms", "rho", "U", "g_ampa_max_nS"):
        assert errors[column] < 2e-3, column


def test_ball_and_stick_improves_at_second_order():
    coarse, fine = (against_neuron(BS[0], h) for h in (0.025, 0.0125))
    for column in ("v_soma_mV", "v_mV", "ca_mM"):
        assert coarse[column] / fine[column] > 3.0, column


# -- running ---------------------------------------------------------------------------------


def kicked(**options):
    run = CellRun(
        l5_thick_tufted(),
        [Synapse(), Synapse(volume_um3=0.05)],
        [5, 105],
        thresholds=[(20.0, 60.0), (20.0, 60.0)],
        rho0=[0.0, 1.0],
        **options,
    )
    run.schedule([[20.0, 30.0], [20.0]], [Pulse(25.0, 1.5, 3125.0)])
    return run


def test_step_may_change_on_the_way():
    same, mixed = kicked(), kicked()
    same.advance(300.0, 0.0125)
    for duration, h in ((15.0, 0.1), (45.0, 0.0125), (100.0, 0.05), (140.0, 0.1)):
        mixed.advance(duration, h)
    assert mixed.t_ms == pytest.approx(same.t_ms)
    assert mixed.c_star_peak_uM_ms == pytest.approx(same.c_star_peak_uM_ms, rel=1e-3)
    assert mixed.rho == pytest.approx(same.rho, abs=1e-3)
    assert mixed.v_mV == pytest.approx(same.v_mV, abs=0.02)


def test_conductances_are_exact_whatever_the_steps():
    """Through changes of step and between grid points: the sum of exponentials."""
    run = CellRun(ball_and_stick(), [Synapse()], [7])
    spikes = np.array([3.33, 11.0, 11.01])
    run.schedule([spikes])
    for duration, h in ((5.0, 0.1), (6.0, 0.025), (4.0, 0.5), (1.0, 0.0125), (3.0, 0.1)):
        run.advance(duration, h)
        since = run._clock[kernels.CLOCK_GATES] - spikes
        since = since[since >= 0.0]
        for place, tau in (
            (kernels.RA, 0.2),
            (kernels.DA, 1.74),
            (kernels.RN, 0.29),
            (kernels.DN, 70.0),
        ):
            rise = 0.2 if tau in (0.2, 1.74) else 0.29
            norm = kernels.double_exponential_scale(rise, 1.74 if rise == 0.2 else 70.0)
            wanted = norm * np.exp(-since / tau).sum()
            assert run._s[place] == pytest.approx(wanted, rel=1e-10)


def test_second_order_with_spikes_between_grid_points():
    """NMDA-rich synapses on a thin dendrite, so that the block bends while it depolarises."""
    strong = Synapse(g_nmda_nS=8.0, g_ampa_weak_nS=2.0)

    def run(h):
        r = CellRun(l5_thick_tufted(), [strong, strong], [7, 8])
        r.schedule([[10.013, 14.0], [11.007]])
        r.advance(40.0, h)
        return np.array([*r.v_mV[[0, 7, 8]], *r.calcium_peak_uM, *r.c_star_peak_uM_ms])

    best = run(0.1 / 32)
    errors = [np.abs(run(h) / best - 1.0) for h in (0.1, 0.05)]
    assert errors[1].max() < 5e-4
    assert errors[0].max() / errors[1].max() > 3.0


def test_silence_may_be_skipped():
    full, short = kicked(), kicked()
    full.advance(250.0)
    full.advance(4000.0, 0.1)
    short.advance(250.0)
    short.skip(4000.0)
    assert short.t_ms == pytest.approx(full.t_ms)
    assert full.rho[0] > 0.01 and full.rho[1] < 0.9
    for name in ("rho", "U", "g_ampa_max_nS", "c_star_peak_uM_ms"):
        assert getattr(short, name) == pytest.approx(getattr(full, name), rel=3e-4), name
    assert short.v_mV == pytest.approx(full.v_mV, abs=1e-3)


def test_events_are_kept_across_pieces():
    """The same release in one go and in pieces, also for a spike on a seam."""
    one, two = kicked(), kicked()
    one.advance(60.0, 0.025)
    for _ in range(6):
        two.advance(10.0, 0.025)
    assert two.calcium_peak_uM == pytest.approx(one.calcium_peak_uM, rel=1e-9)
    assert two.v_mV == pytest.approx(one.v_mV, rel=1e-9)


def test_stochastic_release_repeats_with_its_seed():
    def run(seed):
        r = CellRun(l5_thick_tufted(), [Synapse()] * 3, [5, 9, 105], release="stochastic")
        r.schedule([[5.0, 9.0]] * 3, rng=np.random.default_rng(seed))
        r.advance(30.0, 0.1)
        return r.soma_peak_mV

    assert run(1) == run(1) and len({run(k) for k in range(6)}) > 2


def test_settle_carries_the_drift_to_its_end():
    run = CellRun(ball_and_stick(), [Synapse()] * 2, [5, 6], rho0=[0.49, 0.51])
    assert run.U == pytest.approx([0.5, 0.5**0.2])
    run.skip(3e6)
    drifted = run.rho, run.U, run.g_ampa_max_nS
    run.settle()
    assert run.rho.tolist() == [0.0, 1.0]
    for a, b in zip(drifted, (run.rho, run.U, run.g_ampa_max_nS), strict=True):
        assert a == pytest.approx(b, abs=5e-6)
    run.set_thresholds([(1.0, None), (None, None)])
    assert run._p[kernels.THETA_D] == 1.0 and run._p[kernels.THETA_P] == -1.0


def test_synapses_load_the_dendrite():
    """An excitatory current depolarises; at its reversal it does nothing."""
    run = CellRun(ball_and_stick(), [Synapse()], [7])
    run.schedule([[5.0]])
    run.advance(30.0, 0.025)
    assert 0.5 < run.soma_peak_mV + 70.0 < 20.0
    silent = CellRun(ball_and_stick(), [Synapse()], [7])
    silent.advance(30.0, 0.025)
    assert silent.soma_peak_mV + 70.0 < 0.01


# -- SWC -------------------------------------------------------------------------------------

STICK_SWC = """# a ball and a stick
1 1 0 0 0 10 -1
2 4 10 0 0 1 1
3 4 110 0 0 1 2
4 4 310 0 0 1 3
"""
LEAK = {k: PASSIVE for k in neuron.KINDS}


def swc(tmp_path, text, **options):
    path = tmp_path / "cell.swc"
    path.write_text(text, encoding="utf-8")
    return Cell.from_swc(path, **{"membranes": LEAK, **options})


def test_swc_stick_equals_the_built_one(tmp_path):
    cell = swc(tmp_path, STICK_SWC, longest_um=10.0, axial_MOhm_um=1.5)
    built = Cell.of_sections(
        "built",
        [
            Section("soma", "soma", 20.0, 20.0, 1, PASSIVE),
            Section("cable", "apical", 300.0, 2.0, 30, PASSIVE, "soma"),
        ],
        1.5,
    )
    assert cell.n == built.n == 31
    for name in ("area_um2", "axial_nS", "distance_um", "capacitance_pF", "leak_nS"):
        assert getattr(cell, name) == pytest.approx(getattr(built, name), rel=1e-12), name
    assert cell.kind == built.kind


def test_swc_cone_has_the_area_and_resistance_of_a_cone(tmp_path):
    cell = swc(tmp_path, "1 1 0 0 0 5 -1\n2 3 5 0 0 3 1\n3 3 105 0 0 1 2\n", longest_um=30.0)
    assert cell.n == 5
    assert cell.area_um2[1:].sum() == pytest.approx(math.pi * 4.0 * math.hypot(100.0, 2.0))
    # between the middles of the first and the last compartment: rho l / (pi r1 r2)
    r1, r2 = 3.0 - 2.0 / 8.0, 3.0 - 14.0 / 8.0
    wanted = 1.0 * 75.0 / (math.pi * r1 * r2)
    assert np.sum(1e3 / cell.axial_nS[2:]) == pytest.approx(wanted, rel=1e-9)


def test_swc_branches_kinds_and_axon(tmp_path):
    text = (
        "1 1 0 0 0 8 -1\n2 3 8 0 0 1 1\n3 3 50 0 0 1 2\n4 3 90 20 0 0.5 3\n5 3 90 -20 0 0.5 3\n"
        "6 4 0 8 0 2 1\n7 4 0 200 0 1 6\n8 5 0 260 0 0.4 7\n9 2 0 -8 0 0.5 1\n10 2 0 -90 0 0.5 9\n"
    )
    cell = swc(tmp_path, text)
    assert set(cell.kind) == {"soma", "basal", "apical", "dendrite"}
    assert len(dict.fromkeys(cell.section)) == 6
    thin = [k == "dendrite" for k in cell.kind]  # its width does not taper from the trunk's
    assert cell.area_um2[thin].sum() == pytest.approx(2.0 * math.pi * 0.4 * 60.0)
    with_axon = swc(tmp_path, text, axon=True)
    assert with_axon.area_um2.sum() - cell.area_um2.sum() == pytest.approx(math.pi * 82.0)
    reach = 42.0 + math.hypot(40.0, 20.0)
    basal = cell.distance_um[[k == "basal" for k in cell.kind]]
    assert reach - 12.5 <= basal.max() <= reach
    assert (cell.parent[1:] < np.arange(1, cell.n)).all()
    run = CellRun(Cell.from_swc(tmp_path / "cell.swc"), [Synapse()], [3])
    run.schedule([[5.0]], [Pulse(10.0, 1.5, 3000.0)])
    run.advance(60.0, 0.025)
    assert run.spikes_ms.size == 1


def test_swc_somas(tmp_path):
    """One sphere, the three samples of NeuroMorpho.org, and a chain of cones."""
    tail = "{} 3 20 0 0 1 1\n{} 3 60 0 0 1 {}\n"
    for text, area in (
        ("1 1 0 0 0 8 -1\n" + tail.format(2, 3, 2), 4 * math.pi * 64),
        (
            "1 1 0 0 0 8 -1\n2 1 0 8 0 8 1\n3 1 0 -8 0 8 1\n" + tail.format(4, 5, 4),
            4 * math.pi * 64,
        ),
        ("1 1 0 0 0 5 -1\n2 1 0 9 0 5 1\n" + tail.format(3, 4, 3), 2 * math.pi * 5 * 9),
    ):
        assert swc(tmp_path, text).area_um2[0] == pytest.approx(area), text


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "no samples"),
        ("# nothing\n", 1, "no samples"),
        ("1 1 0 0 0 5\n", 1, "6 columns"),
        ("1 1 0 0 0 5 -1 9\n", 1, "8 columns"),
        ("# a\n\n1 1 0 0 zero 5 -1\n", 3, "must be numbers"),
        ("1 soma 0 0 0 5 -1\n", 1, "whole numbers"),
        ("1.5 1 0 0 0 5 -1\n", 1, "whole numbers"),
        ("1 1 0 0 0 -5 -1\n", 1, "radius is -5"),
        ("1 1 0 0 0 0 -1\n", 1, "radius is 0"),
        ("1 1 0 0 0 nan -1\n", 1, "finite"),
        ("1 1 0 0 0 5 -1\n2 3 1e9 0 0 1 1\n", 2, "finite"),
        ("1 1 0 0 0 5 -1\n1 3 9 0 0 1 1\n", 2, "was used in line 1"),
        ("1 1 0 0 0 5 -1\n2 3 9 0 0 1 7\n", 2, "parent 7"),
        ("1 1 0 0 0 5 -1\n2 3 9 0 0 1 2\n", 2, "own parent"),
        ("1 1 0 0 0 5 -1\n2 3 9 0 0 1 3\n3 3 19 0 0 1 2\n", 2, "own ancestors"),
        ("1 1 0 0 0 5 -1\n2 1 9 0 0 1 -1\n", 2, "second root"),
        ("1 3 0 0 0 5 -1\n", 1, "a soma"),
        ("1 1 0 0 0 5 -1\n2 3 9 0 0 1 1\n3 1 19 0 0 1 2\n", 3, "grows from a neurite"),
        ("1 1 0 0 0 5 -1\n-2 3 9 0 0 1 1\n", 2, "at least 0"),
        ("1 1 0 0 0 5 -1\n2 1 0 0 0 5 1\n", 1, "one place"),
    ],
)
def test_bad_swc_is_refused_with_line_and_reason(tmp_path, text, line, reason):
    with pytest.raises(ValueError, match=rf"SWC line {line}: .*{reason}"):
        swc(tmp_path, text)


def test_swc_needs_its_membranes(tmp_path):
    with pytest.raises(ValueError, match="no Membrane for 'apical'"):
        swc(tmp_path, STICK_SWC, membranes={"soma": PASSIVE})
    with pytest.raises(OSError):
        Cell.from_swc(tmp_path / "none.swc")


@FAST
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-1, 6),
            st.integers(0, 5),
            st.floats(-50.0, 50.0),
            st.floats(-1.0, 5.0),
            st.integers(-1, 6),
        ),
        max_size=6,
    )
)
def test_any_swc_makes_a_tree_or_is_refused(rows):
    text = "".join(f"{i} {k} {x} 0 0 {r} {p}\n" for i, k, x, r, p in rows)
    try:
        cell = neuron._cell_of_swc("any", text, LEAK, 25.0, 1.0, False)
    except ValueError as error:
        assert str(error).startswith("SWC line ")
        return
    assert (cell.parent[1:] < np.arange(1, cell.n)).all() and cell.kind[0] == "soma"
    assert np.isfinite(cell.axial_nS).all() and (cell.axial_nS[1:] > 0.0).all()


# -- bad input -------------------------------------------------------------------------------

SOMA = Section("soma", "soma", 20.0, 20.0, 1, PASSIVE)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: Membrane(leak_nS_per_um2=0.0), "leak_nS_per_um2"),
        (lambda: Membrane(sodium_nS_per_um2=-1.0), "sodium"),
        (lambda: PASSIVE.with_spines(0.5), "factor"),
        (lambda: Section("a", "root", 1.0, 1.0, 1, PASSIVE), "kind"),
        (lambda: Section("a", "basal", -1.0, 1.0, 1, PASSIVE), "length_um"),
        (lambda: Section("a", "basal", 1.0, 1.0, 0, PASSIVE), "compartments"),
        (lambda: Section("a", "basal", 1.0, 1.0, 1, 3.0), "membrane"),
        (lambda: Section("", "basal", 1.0, 1.0, 1, PASSIVE), "name"),
        (lambda: Cell.of_sections("none", []), "sections"),
        (lambda: Cell.of_sections("two", [SOMA, SOMA]), "as one before"),
        (
            lambda: Cell.of_sections("lost", [SOMA, Section("a", "basal", 1, 1, 1, PASSIVE, "b")]),
            "parent",
        ),
        (lambda: Cell.of_sections("odd", [SOMA, 3]), r"sections\[1\]"),
        (lambda: ball_and_stick().at(1000.0), "distance_um"),
        (lambda: ball_and_stick().at(-1.0), "distance_um"),
        (lambda: ball_and_stick().at(1.0, kind="apical"), "no compartment"),
        (lambda: Pulse(0.0, 0.0, 1.0), "width_ms"),
        (lambda: CellRun("cell"), "cell"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], []), "compartments"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], [99]), "compartments"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], [1.5]), "compartments"),
        (lambda: CellRun(ball_and_stick(), [3], [1]), "synapses"),
        (lambda: CellRun(ball_and_stick(), cao_mM=-2.0), "cao_mM"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], [1], cao_mM=-2.0), "cao_mM"),
        (lambda: CellRun(ball_and_stick(), rule=3), "rule"),
        (lambda: CellRun(ball_and_stick(), release="none"), "release"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], [1], thresholds=[]), "thresholds"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], [1], thresholds=[3.0]), "thresholds"),
        (lambda: CellRun(ball_and_stick(), [Synapse()], [1], rho0=2.0), "rho0"),
        (lambda: CellRun(ball_and_stick()).advance(-1.0), "duration_ms"),
        (lambda: CellRun(ball_and_stick()).advance(1.0, 0.0), "step_ms"),
        (lambda: CellRun(ball_and_stick()).skip(-1.0), "duration_ms"),
        (lambda: CellRun(ball_and_stick()).schedule([[1.0]]), "pre_ms"),
        (lambda: CellRun(ball_and_stick()).schedule(pulses=[1]), "pulses"),
        (lambda: CellRun(ball_and_stick()).schedule(pulses=[Pulse(0, 1, 1, 500)]), "pulses"),
        (lambda: CellRun(ball_and_stick()).advance(1e8, 0.1, watch=[0], every=1), "every"),
        (lambda: neuron.default_membranes("L9"), "cell"),
    ],
)
def test_bad_input_is_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_schedule_refuses_bad_trains():
    run = CellRun(ball_and_stick(), [Synapse()], [1], release="stochastic")
    for trains, word in (([[5.0, 1.0]], "ascending"), ([[-1.0]], "pre_ms"), ([[math.nan]], "pre")):
        with pytest.raises(ValueError, match=word):
            run.schedule(trains, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="rng"):
        run.schedule([[5.0]])


def test_a_cell_that_fires_by_itself_is_refused():
    hot = Membrane(leak_mV=-40.0, sodium_nS_per_um2=1.0, potassium_nS_per_um2=0.2)
    cell = Cell.of_sections("hot", [Section("soma", "soma", 20.0, 20.0, 1, hot)])
    with pytest.raises(ValueError, match="does not come to rest"):
        cell.rest()


def test_a_junction_takes_no_synapse():
    cell = l5_thick_tufted()
    junction = int(np.flatnonzero(cell.area_um2 == 0.0)[0])
    with pytest.raises(ValueError, match="junction"):
        CellRun(cell, [Synapse()], [junction])


def test_cells_are_those_of_the_registry():
    cell = l5_thick_tufted()
    trunk = [i for i, s in enumerate(cell.section) if s == "trunk" and cell.area_um2[i] > 0.0]
    assert len(trunk) == REDUCED_CELLS["trunk_compartments"] == 16
    assert cell.area_um2[trunk].sum() == pytest.approx(math.pi * 3.0 * 400.0)
    assert cell.capacitance_pF[trunk].sum() == pytest.approx(0.02 * math.pi * 3.0 * 400.0)
    assert cell.sodium_nS[0] == pytest.approx(1.5 * math.pi * 400.0)
    assert {c().n for c in CELLS} == {32, 1 + 1 + 100 + 17 + 24, 1 + 1 + 40 + 11 + 12, 2 + 42}
    assert EfficacyRule() == CellRun(cell).rule


# -- steps that grow -------------------------------------------------------------------------


def paired(cell, where, pulses, pre, step, **options):
    synapses = [Synapse() for _ in where]
    run = CellRun(cell, synapses, where, thresholds=[(40.0, 60.0)] * len(where))
    run.schedule([pre] * len(where), pulses)
    out = run.advance(400.0, step, watch=[0], **options)
    return run, out


@pytest.mark.parametrize("make", [ball_and_stick, neuron.l5_thick_tufted])
def test_growing_steps_stay_accurate(make):
    """Beside fixed steps of a quarter: calcium and c* within 1e-3."""
    cell = make()
    pulses = [Pulse(60.0 + 50.0 * k, 1.5, 3000.0) for k in range(3)]
    case = (cell, [7, 9], pulses, [50.0, 100.0, 150.0, 300.3])
    fine, want = paired(*case, 0.003125, every=256)
    grown, b = paired(*case, 0.0125, longest_ms=0.8, every=1)
    assert b.t_ms == pytest.approx(want.t_ms) and fine.spikes_ms.size == grown.spikes_ms.size >= 3
    for what in ("calcium_uM", "c_star_uM_ms", "v_mV"):
        ref = getattr(want, what)
        size = np.abs(ref).max()
        off = np.abs(getattr(b, what) - ref).max() / size
        assert 0.0 < off < 1e-3 * (4 if what == "v_mV" else 1), what
    assert grown.rho == pytest.approx(fine.rho, abs=1e-4) and grown.rho.max() > 0.01


def test_a_spike_that_no_event_announces_is_not_stepped_over():
    """A long weak current: the cell fires while steps have grown; the piece is run again."""
    cell = ball_and_stick()
    times = []
    for options in ({}, {"longest_ms": 0.8}):
        run = CellRun(cell)
        run.schedule(pulses=[Pulse(5.0, 400.0, 120.0)])
        run.advance(400.0, 0.0125, **options)
        times.append(run.spikes_ms)
    assert times[0].size > 50 and times[0][0] > 8.0  # long after the onset
    assert abs(times[1].size - times[0].size) <= 1
    assert times[1][:20] == pytest.approx(times[0][:20], abs=0.1)


@pytest.mark.parametrize("longest", [0.03, 0.0125 / 2, 20.0, math.nan, "x"])
def test_longest_step_is_a_doubling(longest):
    with pytest.raises(ValueError, match="longest_ms"):
        CellRun(ball_and_stick()).advance(1.0, 0.0125, longest_ms=longest)


def test_a_longest_step_like_the_shortest_changes_nothing():
    runs = []
    for options in ({}, {"longest_ms": 0.025}):
        run = CellRun(ball_and_stick(), [Synapse()], [7])
        run.schedule([[5.0]], [Pulse(10.0, 1.5, 1500.0)])
        run.advance(50.0, 0.025, **options)
        runs.append((*run.v_mV, *run.rho, *run.c_star_peak_uM_ms))
    assert runs[0] == runs[1]
