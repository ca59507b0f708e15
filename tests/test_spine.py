"""One spine against closed forms."""

import csv
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp, trapezoid

from heterolib import Branch, Spine, ThresholdRule, calcium_of_pulse, simulate, simulate_spine

DATA = Path(__file__).parent / "data"
with (DATA / "constants.csv").open(encoding="utf-8") as file:
    CONSTANTS = {row["name"]: float(row["value"]) for row in csv.DictReader(file)}

FAST = settings(derandomize=True, deadline=None, database=None, max_examples=40)
NECKS = ("published", "consistent", "sealed")
D = 220.0
CUBIC_METRE = 1e18  # µm³ in one m³


def sum_of_pulses(t, spikes, spine, weight, neck):
    """What a spine with a fixed weight must do: one closed form for each spike, added up."""
    return sum(
        (calcium_of_pulse(t - s, spine, weight=weight, neck=neck) for s in spikes),
        np.zeros_like(t),
    )


# -- constants -------------------------------------------------------------------------------


def test_constants_against_the_reference():
    spine = Spine()
    v_comp = CONSTANTS["V_comp_m3"] * CUBIC_METRE
    pairs = {
        "k_s_per_s": 1000.0 * spine.escape_per_ms(D),
        "k_d_per_s": 1000.0 * spine.entry_per_ms(D, v_comp),
        "V_spine_m3": spine.volume_um3 / CUBIC_METRE,
        "V_comp_m3": Branch([40.125]).compartment_um3 / CUBIC_METRE,
        # µM per pA ms into mol/m³ per A s: 1e-3 mol/m³ in a µM, 1e15 pA ms in an A s
        "gain_molm3_per_s_per_A": spine.gain_uM_per_pA_ms * 1e-3 * 1e15,
        "dx_m": Branch([40.125]).dx_um * 1e-6,
        "lambda_um": Branch([40.125]).length_constant_um,
        "cond_g_m3_per_s": 1000.0 * spine.neck_conductance_um3_per_ms(D) / CUBIC_METRE,
        "cond_k_s_per_s": 1000.0 * spine.escape_per_ms(D, "consistent"),
        "cond_k_d_per_s": 1000.0 * spine.entry_per_ms(D, v_comp, "consistent"),
    }
    assert pairs.keys() == CONSTANTS.keys()
    for name, value in pairs.items():
        assert value == pytest.approx(CONSTANTS[name], rel=2e-9), name


def test_gain_by_hand():
    """0.1 pA for 1 ms: 1e-16 C, 11 % of it calcium of charge two, into 0.1646 femtolitres."""
    ions_mol = 1e-16 * 0.11 / (2.0 * 96485.309)
    litres = 4.0 / 3.0 * math.pi * (0.34e-5) ** 3  # dm³: 0.34 µm = 0.34e-5 dm
    assert 0.1 * Spine().gain_uM_per_pA_ms == pytest.approx(1e6 * ions_mol / litres, rel=1e-12)
    assert ions_mol * 6.02214076e23 == pytest.approx(34.3, abs=0.05)  # ions


def test_rates_by_hand():
    d, a, length, r = 0.22, 0.1, 0.5, 0.34  # µm²/ms, µm
    v_s = 4.0 / 3.0 * math.pi * r**3
    search, passage = v_s / (4.0 * d * a), length * length / (2.0 * d)
    assert Spine().escape_per_ms(D) == pytest.approx(1.0 / (search + passage), rel=1e-13)
    g = d * math.pi * a * a / (length + math.pi * a / 2.0)
    assert Spine().escape_per_ms(D, "consistent") == pytest.approx(g / v_s, rel=1e-13)
    assert Spine().entry_per_ms(D, 0.5) == pytest.approx(4.0 * d * a / 0.5, rel=1e-13)
    assert Spine().entry_per_ms(D, 0.5, "consistent") == pytest.approx(g / 0.5, rel=1e-13)


@pytest.mark.parametrize("neck", NECKS)
def test_clearance_adds_the_rates(neck):
    spine = Spine(decay_ms=30.0)
    rate = spine.escape_per_ms(D, neck) + 1.0 / 30.0
    assert spine.clearance_ms(D, neck) == pytest.approx(1.0 / rate)
    assert spine.clearance_ms(0.0, neck) == pytest.approx(30.0)  # no diffusion: a closed neck
    assert math.isinf(Spine(decay_ms=math.inf).clearance_ms(D, "sealed"))


def test_escape_grows_with_diffusion_and_falls_with_neck_length():
    for neck in ("published", "consistent"):
        by_d = [Spine().escape_per_ms(d, neck) for d in (0.0, 1.0, 20.0, 65.0, 220.0)]
        assert by_d[0] == 0.0 and np.all(np.diff(by_d) > 0.0)
        by_l = [Spine(neck_length_um=x).escape_per_ms(D, neck) for x in (0.1, 0.5, 1.0, 3.0)]
        assert np.all(np.diff(by_l) < 0.0)


def test_neck_conductance_has_the_limits_of_a_tube_and_of_a_hole():
    """Long neck: D pi a²/l. No neck: 2 D a, the conductance of one mouth of a round hole."""
    g = Spine(neck_length_um=100.0).neck_conductance_um3_per_ms(D)
    assert g == pytest.approx(0.22 * math.pi * 0.01 / 100.0, rel=2e-3)
    g = Spine(neck_length_um=0.001, neck_radius_um=1.0).neck_conductance_um3_per_ms(D)
    assert g == pytest.approx(2.0 * 0.22 * 1.0, rel=1e-3)


# -- one pulse -------------------------------------------------------------------------------


@pytest.mark.parametrize("neck", NECKS)
@pytest.mark.parametrize("tau_i", [0.3, 1.0, 40.0])
def test_pulse_is_the_current_folded_with_the_decay(neck, tau_i):
    """The closed form against numerical quadrature of the convolution."""
    spine = Spine(current_decay_ms=tau_i)
    clearance = spine.clearance_ms(D, neck)
    for t in (0.05, 1.0, 6.0, 90.0):
        area, _ = quad(
            lambda s, t=t: math.exp(-s / tau_i - (t - s) / clearance), 0.0, t, epsabs=1e-14
        )
        wanted = 0.7 * spine.gain_uM_per_pA_ms * 0.1 * area
        assert calcium_of_pulse([t], spine, weight=0.7, neck=neck)[0] == pytest.approx(wanted)


def test_pulse_is_zero_before_the_spike_and_keeps_the_shape():
    t = np.array([[-5.0, 0.0], [1.0, 2.0]])
    c = calcium_of_pulse(t)
    assert c.shape == t.shape
    assert (c[0] == 0.0).all() and (c[1] > 0.0).all()
    assert calcium_of_pulse(3.0).shape == ()


def test_pulse_starts_at_the_unit_gain():
    """Right after the spike nothing was removed yet: C(t) = w g I0 t."""
    c = calcium_of_pulse([1e-6], weight=0.4)[0]
    assert c == pytest.approx(0.4 * Spine().gain_uM_per_pA_ms * 0.1 * 1e-6, rel=3e-6)


def test_peak_of_a_pulse():
    """Where d/dt = 0: t* = ln(T / tau_I) / (1/tau_I - 1/T)."""
    big_t = Spine().clearance_ms(D)
    at = math.log(big_t / 1.0) / (1.0 - 1.0 / big_t)
    t = np.arange(0.0, 6.0, 1e-4)
    c = calcium_of_pulse(t)
    assert t[c.argmax()] == pytest.approx(at, abs=2e-4)
    peak = Spine().gain_uM_per_pA_ms * 0.1 * math.exp(-at / big_t)
    assert c.max() == pytest.approx(peak, rel=1e-7)


@pytest.mark.parametrize("neck", NECKS)
def test_late_decay_is_the_slower_of_the_two(neck):
    spine = Spine()
    late = calcium_of_pulse([60.0, 61.0], spine, neck=neck)
    slope = math.log(late[0] / late[1])
    assert 1.0 / slope == pytest.approx(max(1.0, spine.clearance_ms(D, neck)), rel=1e-6)


def test_area_of_a_pulse_is_charge_times_clearance():
    t = np.linspace(0.0, 60.0, 200_001)
    area = trapezoid(calcium_of_pulse(t), t)
    wanted = Spine().gain_uM_per_pA_ms * 0.1 * 1.0 * Spine().clearance_ms(D)
    assert area == pytest.approx(wanted, rel=1e-6)


def test_closed_spine_without_removal_keeps_every_ion():
    spine = Spine(decay_ms=math.inf)
    r = simulate_spine(spine, [1.0, 3.3, 20.0], None, 80.0, weight=0.6, neck="sealed")
    assert r.calcium_uM[0, -1] == pytest.approx(
        3 * 0.6 * spine.gain_uM_per_pA_ms * 0.1 * 1.0, rel=1e-12
    )
    np.testing.assert_allclose(
        r.calcium_uM[0], sum_of_pulses(r.t_ms, [1.0, 3.3, 20.0], spine, 0.6, "sealed"), rtol=1e-12
    )


@pytest.mark.parametrize("neck", NECKS)
@pytest.mark.parametrize("exponent", [None, *range(-15, -1)])
def test_equal_time_constants_are_a_smooth_limit(neck, exponent):
    """tau_I -> T: C(t) -> w g I0 t exp(-t/T); off by less than the relative difference times t."""
    big_t = Spine().clearance_ms(D, neck)
    off = 0.0 if exponent is None else 10.0**exponent
    spine = Spine(current_decay_ms=big_t * (1.0 + off))
    t = np.array([0.1, 1.0, 2.0, 3.0]) * big_t
    limit = spine.gain_uM_per_pA_ms * 0.1 * t * np.exp(-t / big_t)
    np.testing.assert_allclose(calcium_of_pulse(t, spine, neck=neck), limit, rtol=2.0 * off + 2e-6)
    duration = round(3.0 * big_t, 2)
    r = simulate_spine(spine, [0.0], None, duration, weight=1.0, neck=neck, step_ms=duration / 16)
    limit = spine.gain_uM_per_pA_ms * 0.1 * r.t_ms * np.exp(-r.t_ms / big_t)
    np.testing.assert_allclose(r.calcium_uM[0], limit, rtol=2.0 * off + 2e-6)


# -- trains with a fixed weight --------------------------------------------------------------


@FAST
@given(
    spikes=st.lists(st.floats(0.0, 45.0), max_size=12).map(sorted),
    steps=st.sampled_from([1, 3, 8, 40, 1000]),
    weight=st.floats(0.0, 1.0),
    neck=st.sampled_from(NECKS),
    tau_i=st.sampled_from([0.2, 1.0, 15.0]),
)
@example([0.0, 0.0, 5.0, 40.0], 8, 1.0, "published", 1.0)  # together, and on the edge of a step
def test_simulation_is_exact_for_any_step(spikes, steps, weight, neck, tau_i):
    spine = Spine(current_decay_ms=tau_i)
    r = simulate_spine(spine, spikes, None, 40.0, weight=weight, neck=neck, step_ms=40.0 / steps)
    wanted = sum_of_pulses(r.t_ms, [s for s in spikes if s < 40.0], spine, weight, neck)
    np.testing.assert_allclose(r.calcium_uM[0], wanted, rtol=1e-9, atol=1e-14)
    assert (r.weights == weight).all()
    assert r.peak_uM[0] == r.calcium_uM.max()


@pytest.mark.parametrize("neck", NECKS)
@pytest.mark.parametrize("period", [2.0, 7.3, 50.0])
def test_steady_periodic_state(neck, period):
    """After many periods calcium repeats: a geometric series of pulses, in closed form."""
    spine = Spine()
    big_t = spine.clearance_ms(D, neck)
    n = math.ceil(30.0 * big_t / period)
    per = 50
    r = simulate_spine(
        spine,
        period * np.arange(n),
        None,
        n * period,
        weight=0.8,
        neck=neck,
        step_ms=period / per,
    )
    phase = period * np.arange(1, per + 1) / per  # the samples of the last period
    amplitude = 0.8 * spine.gain_uM_per_pA_ms * 0.1 / (1.0 - 1.0 / big_t)
    wanted = amplitude * (
        np.exp(-phase / big_t) / -np.expm1(-period / big_t) - np.exp(-phase) / -np.expm1(-period)
    )
    np.testing.assert_allclose(r.calcium_uM[0, -per:], wanted, rtol=1e-10)
    # and its mean is influx per period times clearance
    fine = simulate_spine(
        spine, period * np.arange(n), None, n * period, weight=0.8, neck=neck, step_ms=period / 2000
    )
    last = fine.calcium_uM[0, -2001:]
    mean = trapezoid(last, dx=1.0 / 2000)
    assert mean == pytest.approx(
        0.8 * spine.gain_uM_per_pA_ms * 0.1 * 1.0 * big_t / period, rel=1e-4
    )


def test_spike_at_or_after_the_end_has_no_effect():
    with_late = simulate_spine(Spine(), [5.0, 20.0, 30.0], None, 20.0)
    without = simulate_spine(Spine(), [5.0], None, 20.0)
    np.testing.assert_array_equal(with_late.calcium_uM, without.calcium_uM)


def test_linear_in_weight_and_current():
    a = simulate_spine(Spine(), [1.0, 3.5], None, 20.0, weight=0.2).calcium_uM
    b = simulate_spine(Spine(), [1.0, 3.5], None, 20.0, weight=0.8).calcium_uM
    c = simulate_spine(Spine(current_pA=0.4), [1.0, 3.5], None, 20.0, weight=0.2).calcium_uM
    np.testing.assert_allclose(b, 4.0 * a, rtol=1e-13)
    np.testing.assert_allclose(c, 4.0 * a, rtol=1e-13)


# -- with a rule -----------------------------------------------------------------------------

RULE = ThresholdRule(theta_p_uM=0.03, theta_d_uM=0.01, gamma_p_per_s=30.0, gamma_d_per_s=12.0)
TRAIN = [1.0, 3.0, 5.0, 25.0, 27.0]


def by_lsoda(spine, rule, spikes, duration, weight):
    """Calcium, weight and current as one system, restarted at every spike."""
    loss = 1.0 / spine.clearance_ms(D)
    gain = spine.gain_uM_per_pA_ms
    p, d = rule.gamma_p_per_s / 1000.0, rule.gamma_d_per_s / 1000.0

    def slope(_, u):
        c, w, i = u
        up = p * (1.0 - w) * (c > rule.theta_p_uM)
        return [gain * w * i - loss * c, up - d * w * (c > rule.theta_d_uM), -i]

    u = np.array([0.0, weight, 0.0])
    edges = [0.0, *[s for s in spikes if s > 0.0], duration]
    for start, stop in itertools.pairwise(edges):
        u[2] += spine.current_pA * sum(s == start for s in spikes)
        done = solve_ivp(
            slope, (start, stop), u, method="LSODA", rtol=1e-10, atol=1e-13, max_step=0.5
        )
        u = done.y[:, -1].copy()
    return u


def test_plastic_spine_against_lsoda():
    calcium, weight, _ = by_lsoda(Spine(), RULE, TRAIN, 30.0, 0.4)
    r = simulate_spine(Spine(), TRAIN, RULE, 30.0, weight=0.4)
    assert r.final_weights[0] == pytest.approx(weight, abs=1e-5)
    assert r.calcium_uM[0, -1] == pytest.approx(calcium, rel=1e-4)
    assert abs(weight - 0.4) > 0.01


def test_plastic_spine_is_of_second_order():
    def run(h):
        r = simulate_spine(Spine(), TRAIN, RULE, 30.0, weight=0.4, step_ms=float(h))
        every = round(0.2 / h)
        return r.weights[0, ::every], r.calcium_uM[0, ::every]

    steps = np.array([0.2, 0.1, 0.05, 0.025, 0.0125])
    exact = run(0.0015625)
    for i in range(2):
        errors = [abs(run(h)[i] - exact[i]).max() for h in steps]
        order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
        assert order == pytest.approx(2.0, abs=0.25)


def test_weight_moves_only_above_threshold():
    r = simulate_spine(Spine(), [10.0], RULE, 60.0)
    moved = np.flatnonzero(np.diff(r.weights[0]) != 0.0)
    above = np.flatnonzero(r.calcium_uM[0] > RULE.theta_d_uM)
    assert moved[0] == above[0] - 1 and moved[-1] == above[-1]


def test_wide_branch_is_a_branch_at_zero():
    """A branch of 100 µm radius swallows what comes: the spine then follows the closed form."""
    branch = Branch([40.125], radius_um=100.0, neck="consistent")
    r = simulate(branch, [[1.0, 4.0]], None, 30.0, weights=1.0, step_ms=0.01)
    wanted = sum_of_pulses(r.t_ms, [1.0, 4.0], Spine(), 1.0, "consistent")
    np.testing.assert_allclose(r.calcium_uM[0], wanted, atol=2e-5 * wanted.max())
