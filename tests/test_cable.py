"""Voltage on passive trees against closed forms, dense algebra, and conservation of charge."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heterolib import kernels
from heterolib.cable import (
    Leaf,
    Membrane,
    Section,
    Tree,
    input_conductance_nS,
    input_resistance_Mohm,
    matched_radius_um,
    steady_cylinder,
    steady_state,
    step_cylinder,
    transient,
)

CURRENT = 100.0


def cylinder(compartments=320, length=80.0):
    return Tree([Section(length, 1.0, compartments)])


def dense(tree):
    """G and C of a tree, put together entry by entry."""
    nodes = tree.nodes
    g = np.diag(nodes.leak_nS).astype(float)
    for i in range(1, tree.n_nodes):
        p = int(nodes.parent[i])
        for a, b in ((i, p), (p, i)):
            g[a, a] += nodes.axial_nS[i]
            g[a, b] -= nodes.axial_nS[i]
    return g, nodes.capacitance_pF


def y_tree(radius, refine=1, trunk=50.0, twigs=(60.0, 60.0), membrane=None):
    """A trunk of radius 1 µm that ends in two branches."""
    return Tree(
        [
            Section(trunk, 1.0, 100 * refine),
            Section(twigs[0], radius, 120 * refine, 0),
            Section(twigs[1], radius, 120 * refine, 0),
        ],
        Membrane() if membrane is None else membrane,
    )


# -- constants -------------------------------------------------------------------------------


def test_length_and_time_constants():
    """In SI units, by hand."""
    m = Membrane()
    assert m.time_constant_ms == pytest.approx(1000.0 * 0.1 * 0.01, rel=1e-12)  # R_m C_m in s
    assert m.length_constant_um(1.0) == pytest.approx(
        1e6 * math.sqrt(0.1 * 1e-6 / (2.0 * 2.0)), rel=1e-12
    )
    r_inf = math.sqrt(0.1 * 2.0 / 2.0) / (math.pi * 1e-6**1.5)  # ohm
    assert 1e9 / r_inf == pytest.approx(m.infinite_nS(1.0), rel=1e-12)


def test_conductances_of_compartments():
    tree = cylinder()
    assert tree.nodes.axial_nS[1] == pytest.approx(1e9 * math.pi * 1e-12 / (2.0 * 0.25e-6))
    assert tree.nodes.leak_nS[0] == pytest.approx(1e9 * 2.0 * math.pi * 1e-6 * 0.25e-6 / 0.1)
    assert tree.nodes.capacitance_pF[0] == pytest.approx(1e12 * 2 * math.pi * 1e-6 * 0.25e-6 * 0.01)


# -- the solver ------------------------------------------------------------------------------


def bushy(rng):
    """A tree with branch points, several roots, and leaves."""
    sections = [Section(10.0, 1.0, 7), Section(5.0, 0.7, 5)]
    sections += [Section(8.0, 0.4, 6, int(rng.integers(0, 2))) for _ in range(3)]
    sections += [Section(4.0, 0.3, 3, 2), Section(4.0, 0.2, 1, 2)]
    leaves = [
        Leaf(x_um=2.0, coupling_nS=2.5, leak_nS=10.0, capacitance_pF=0.2, section=s)
        for s in (0, 3, 6)
    ]
    return Tree(sections, Membrane(), leaves)


@pytest.mark.parametrize("seed", range(4))
def test_steady_state_against_dense_algebra(seed):
    rng = np.random.default_rng(seed)
    tree = bushy(rng)
    g, _ = dense(tree)
    current = rng.uniform(-50.0, 50.0, tree.n_nodes)
    v = steady_state(tree, dict(enumerate(current.tolist())))
    np.testing.assert_allclose(v, np.linalg.solve(g, current), rtol=1e-9, atol=1e-12)


def test_parents_come_first_and_leaves_last():
    tree = bushy(np.random.default_rng(0))
    assert tree.nodes.parent[0] == -1.0
    assert (tree.nodes.parent[1:] < np.arange(1, tree.n_nodes)).all()
    assert [tree.leaf(k) for k in range(3)] == list(range(tree.n_nodes - 3, tree.n_nodes))
    assert tree.nodes.parent[tree.leaf(1)] == tree.node(2.0, 3)
    assert tree.section_nodes(1).stop - tree.section_nodes(1).start == 5


@pytest.mark.parametrize("scheme", ["published", "converged"])
def test_transient_against_dense_algebra(scheme):
    """The same scheme, written with full matrices."""
    rng = np.random.default_rng(5)
    tree = bushy(rng)
    g, c = dense(tree)
    h, n_steps, i, j = 0.05, 40, tree.leaf(0), tree.node(3.0, 4)
    current = rng.uniform(0.0, 100.0, n_steps)
    ours = transient(tree, {i: current}, n_steps * h, [j], scheme=scheme, step_ms=h)
    v, trace = np.zeros(tree.n_nodes), [0.0]
    for amp in current:
        b = np.zeros(tree.n_nodes)
        b[i] = amp
        if scheme == "published":
            v = np.linalg.solve(np.diag(c / h) + g, c / h * v + b)
        else:
            gamma = 2.0 - math.sqrt(2.0)
            # trapezoid over gamma h, then the backward difference of second order
            full = np.diag(2.0 * c / (gamma * h)) + g
            middle = np.linalg.solve(full, 2.0 * c / (gamma * h) * v - g @ v + 2.0 * b)
            load = c * (2.0 - gamma) / ((1.0 - gamma) * h)
            past = middle / (gamma * (2.0 - gamma)) - v * (1.0 - gamma) ** 2 / (
                gamma * (2.0 - gamma)
            )
            v = np.linalg.solve(np.diag(load) + g, load * past + b)
        trace.append(v[j])
    np.testing.assert_allclose(ours.voltage_mV[0], trace, rtol=1e-9, atol=1e-12)
    # branch points have no capacitance: what their voltage was plays no part
    np.testing.assert_allclose(ours.final_mV[c > 0.0], v[c > 0.0], rtol=1e-9, atol=1e-12)


def test_a_chain_of_sections_is_one_cylinder():
    whole = cylinder(320)
    parts = Tree([Section(20.0, 1.0, 80), Section(40.0, 1.0, 160, 0), Section(20.0, 1.0, 80, 1)])
    a = steady_state(whole, {whole.node(5.0): CURRENT})
    b = steady_state(parts, {parts.node(5.0): CURRENT})
    joined = np.concatenate([b[parts.section_nodes(s)] for s in range(3)])
    np.testing.assert_allclose(joined, a, rtol=1e-10)


def test_response_is_reciprocal():
    """What a current here does there, it does from there to here, at any time."""
    tree = bushy(np.random.default_rng(2))
    a, b = tree.leaf(0), tree.node(1.0, 5)
    current = np.linspace(80.0, 0.0, 60)
    for scheme in ("published", "converged"):
        one = transient(tree, {a: current}, 3.0, [b], scheme=scheme)
        two = transient(tree, {b: current}, 3.0, [a], scheme=scheme)
        np.testing.assert_allclose(one.voltage_mV, two.voltage_mV, rtol=1e-10, atol=1e-13)


# -- one cylinder ----------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0.0, 31.0, 80.0])
def test_attenuation_and_input_resistance(place):
    """At a converged spacing, 1e-6 of the closed form."""
    tree = cylinder(2560)
    x, i = tree.sections[0].x_um, tree.node(place)
    v = steady_state(tree, {i: CURRENT})
    exact = steady_cylinder(x, x[i], current_pA=CURRENT)
    np.testing.assert_allclose(v, exact, rtol=1e-6)
    np.testing.assert_allclose(v / v[i], exact / exact[i], rtol=1e-6)
    resistance = input_resistance_Mohm(tree, i)
    assert resistance == pytest.approx(1000.0 * float(exact[i]) / CURRENT, rel=1e-6)


def test_closed_form_of_the_end_is_the_textbook_one():
    m = Membrane()
    lam = m.length_constant_um(1.0)
    v = steady_cylinder([0.0, 50.0, 80.0], 0.0)
    x = np.array([0.0, 50.0, 80.0])
    wanted = np.cosh((80.0 - x) / lam) / math.cosh(80.0 / lam) / math.tanh(80.0 / lam)
    np.testing.assert_allclose(v, wanted / m.infinite_nS(1.0), rtol=1e-12)
    assert input_conductance_nS([Section(80.0, 1.0, 1)]) == pytest.approx(1.0 / v[0], rel=1e-12)


def order(errors):
    """log2 of the ratio of errors at successive halvings."""
    e = np.array(errors)
    return np.log2(e[:-1] / e[1:])


def test_second_order_in_space():
    errors = []
    for n in (20, 40, 80, 160):
        tree = cylinder(n)
        x = tree.sections[0].x_um
        v = steady_state(tree, {0: CURRENT})
        errors.append(np.abs(v / steady_cylinder(x, x[0], current_pA=CURRENT) - 1.0).max())
    assert (np.abs(order(errors) - 2.0) < 0.05).all()


def test_second_order_in_time():
    """Against the eigenfunction series, once the first steps are past."""
    tree = cylinder(1280)
    i, j = tree.node(10.0), tree.node(60.0)
    x = tree.sections[0].x_um
    errors = {"converged": [], "published": []}
    for scheme, found in errors.items():
        for h in (0.05, 0.025, 0.0125, 0.00625):
            r = transient(tree, {i: CURRENT}, 2.0, [j], scheme=scheme, step_ms=h)
            at = slice(round(0.5 / h), None, round(0.1 / h))
            exact = step_cylinder(r.t_ms[at], x[j], x[i], current_pA=CURRENT)
            found.append(np.abs(r.voltage_mV[0][at] - exact).max())
    assert (np.abs(order(errors["converged"]) - 2.0) < 0.1).all()
    assert (np.abs(order(errors["published"]) - 1.0) < 0.1).all()
    assert errors["converged"][-1] < 1e-4


@pytest.mark.parametrize("place", [100.0, 250.0])
def test_transient_of_the_finite_cable(place):
    """A cable of 2.5 length constants, so that many eigenfunctions count."""
    tree = cylinder(1600, 400.0)
    x = tree.sections[0].x_um
    i, j = tree.node(100.0), tree.node(place)
    r = transient(tree, {i: CURRENT}, 5.0, [j], step_ms=0.0025)
    late = slice(80, None, 20)
    exact = step_cylinder(r.t_ms[late], x[j], x[i], length_um=400.0, current_pA=CURRENT)
    np.testing.assert_allclose(r.voltage_mV[0][late], exact, rtol=1e-4)
    # and it comes to rest at the steady state
    end = transient(tree, {i: CURRENT}, 30.0, [j], step_ms=0.05).voltage_mV[0, -1]
    steady = float(steady_cylinder(x[j], x[i], length_um=400.0, current_pA=CURRENT))
    assert end == pytest.approx(steady, rel=1e-5)


def test_the_series_satisfies_the_cable_equation():
    """lambda² v'' = tau v_t + v away from the current, by differences."""
    lam, tau = Membrane().length_constant_um(1.0), 1.0

    def v(t, x):
        return float(step_cylinder(t, x, 10.0, current_pA=CURRENT))

    t, x, dt, dx = 1.0, 50.0, 1e-3, 0.1
    second = (v(t, x + dx) - 2.0 * v(t, x) + v(t, x - dx)) / dx**2
    first = (v(t + dt, x) - v(t - dt, x)) / (2.0 * dt)
    assert lam**2 * second == pytest.approx(tau * first + v(t, x), rel=1e-4)


def test_pulse_shorter_than_the_step_of_a_small_compartment():
    """A spine head of 13 µs follows a smooth current without ringing at steps of 50 µs."""
    leaf = Leaf(x_um=40.0, coupling_nS=2.5, leak_nS=10.0, capacitance_pF=0.157)
    tree = Tree([Section(80.0, 1.0, 320)], Membrane(), [leaf])
    v = transient(tree, {tree.leaf(0): CURRENT}, 2.0, [tree.leaf(0)]).voltage_mV[0]
    assert (np.diff(v[2:]) > -1e-9).all()


# -- branching -------------------------------------------------------------------------------


def lengths(radius):
    """Twigs as long, in their own length constants, as 60 µm of the trunk."""
    return 60.0 * math.sqrt(radius)


def test_matched_branching_is_the_equivalent_cylinder():
    """Same voltage in the trunk, and at equal electrotonic distance in the twigs, at any time."""
    r = matched_radius_um(1.0)
    assert 2.0 * r**1.5 == pytest.approx(1.0, rel=1e-12)
    twig = lengths(r)
    y = y_tree(r, twigs=(twig, twig))
    straight = Tree([Section(50.0, 1.0, 100), Section(60.0, 1.0, 120, 0)])
    for source in (0.0, 30.0):
        a = steady_state(y, {y.node(source): CURRENT})
        b = steady_state(straight, {straight.node(source): CURRENT})
        for s, t in ((0, 0), (1, 1), (2, 1)):
            np.testing.assert_allclose(
                a[y.section_nodes(s)], b[straight.section_nodes(t)], rtol=1e-10
            )
        one = transient(y, {y.node(source): CURRENT}, 3.0, [y.node(twig, 1)])
        two = transient(straight, {straight.node(source): CURRENT}, 3.0, [straight.node(60.0, 1)])
        np.testing.assert_allclose(one.voltage_mV, two.voltage_mV, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("radius", [0.3, 1.0, 1.6])
@pytest.mark.parametrize("twigs", [(60.0, 60.0), (20.0, 90.0)])
def test_mismatched_branching_against_the_closed_form(radius, twigs):
    """Input conductance at the root, and voltage along the trunk and the first twig."""
    y = y_tree(radius, refine=8, twigs=twigs)
    m, trunk, twig = y.membrane, y.sections[0], y.sections[1]
    v = steady_state(y, {0: CURRENT})
    own, lam = m.infinite_nS(1.0), m.length_constant_um(1.0)
    at_root = input_conductance_nS(y.sections)
    # from the centre of the first compartment, where the current enters, back to the sealed end
    half = y.sections[0].dx_um / 2.0
    ahead = input_conductance_nS([Section(50.0 - half, 1.0, 1), *y.sections[1:]])
    seen = ahead + own * math.tanh(half / lam)
    assert CURRENT / v[0] == pytest.approx(seen, rel=1e-6)
    assert at_root == pytest.approx(seen, rel=1e-3)
    load = sum(input_conductance_nS(y.sections, section=s) for s in (1, 2))
    left = (50.0 - trunk.x_um) / lam
    shape = np.cosh(left) + load / own * np.sinh(left)
    np.testing.assert_allclose(v[y.section_nodes(0)] / v[0], shape / shape[0], rtol=1e-6)
    far = (twigs[0] - twig.x_um) / m.length_constant_um(radius)
    fork = v[0] / shape[0]  # the closed form of the voltage at the branch point
    exact = fork * np.cosh(far) / math.cosh(twigs[0] / m.length_constant_um(radius))
    np.testing.assert_allclose(v[y.section_nodes(1)], exact, rtol=1e-6)


def test_thicker_branches_than_matched_draw_the_voltage_down():
    r = matched_radius_um(1.0)
    tips = []
    for factor in (0.5, 1.0, 2.0):
        radius = factor * r
        y = y_tree(radius, twigs=(lengths(radius),) * 2)
        tips.append(steady_state(y, {0: CURRENT})[y.node(50.0)])
    assert tips[0] > tips[1] > tips[2]


def test_second_order_in_space_through_a_branch_point():
    errors = []
    for refine in (1, 2, 4, 8):
        y = y_tree(1.3, refine=refine)
        half, own = y.sections[0].dx_um / 2.0, y.membrane.infinite_nS(1.0)
        ahead = input_conductance_nS([Section(50.0 - half, 1.0, 1), *y.sections[1:]])
        exact = ahead + own * math.tanh(half / y.membrane.length_constant_um(1.0))
        errors.append(abs(steady_state(y, {0: 1.0})[0] * exact - 1.0))
    assert (np.abs(order(errors) - 2.0) < 0.1).all()


# -- charge ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["published", "converged"])
def test_charge_in_is_charge_stored_plus_charge_leaked(scheme):
    tree = bushy(np.random.default_rng(7))
    nodes = tree.nodes
    h, n_steps = 0.02, 300
    current = 100.0 * np.exp(-np.arange(n_steps) * h)
    every = [k for k in range(tree.n_nodes) if nodes.leak_nS[k] > 0.0]
    r = transient(tree, {tree.leaf(1): current}, n_steps * h, every, scheme=scheme, step_ms=h)
    stored = float(nodes.capacitance_pF @ r.final_mV)
    leak = nodes.leak_nS[every] @ r.voltage_mV
    if scheme == "published":
        leaked = h * leak[1:].sum()  # backward Euler leaks at the end of each step
        assert h * current.sum() == pytest.approx(stored + leaked, rel=1e-12)
    else:
        leaked = h * (leak.sum() - 0.5 * (leak[0] + leak[-1]))
        assert h * current.sum() == pytest.approx(stored + leaked, rel=1e-4)


def test_charge_is_kept_where_nothing_leaks():
    membrane = Membrane(resistance_ohm_cm2=1e9)
    leaf = Leaf(x_um=40.0, coupling_nS=2.5, leak_nS=0.0, capacitance_pF=0.2)
    tree = Tree([Section(80.0, 1.0, 320)], membrane, [leaf])
    for scheme in ("published", "converged"):
        r = transient(tree, {tree.leaf(0): 10.0}, 20.0, [0], scheme=scheme)
        stored = float(tree.nodes.capacitance_pF @ r.final_mV)
        assert stored == pytest.approx(10.0 * 20.0, rel=1e-4)


# -- bad input -------------------------------------------------------------------------------


def test_a_section_before_its_parent():
    with pytest.raises(ValueError, match=r"sections\[0\].parent is 1"):
        Tree([Section(10.0, 1.0, 10, 1), Section(10.0, 1.0, 10)])


def test_a_leaf_off_its_section():
    leaf = Leaf(x_um=11.0, coupling_nS=1.0, leak_nS=1.0, capacitance_pF=1.0)
    with pytest.raises(ValueError, match=r"leaves\[0\].x_um is 11"):
        Tree([Section(10.0, 1.0, 10)], Membrane(), [leaf])
    with pytest.raises(ValueError, match=r"leaves\[0\].section is 2"):
        Tree(
            [Section(10.0, 1.0, 10)],
            Membrane(),
            [Leaf(x_um=1.0, coupling_nS=1.0, leak_nS=1.0, capacitance_pF=1.0, section=2)],
        )


def test_too_many_numbers():
    with pytest.raises(ValueError, match="duration_ms"):
        transient(cylinder(), {}, 1e9, [0])


def test_kernel_leaves_its_matrix_alone():
    tree = bushy(np.random.default_rng(3))
    nodes, n = tree.nodes, tree.n_nodes
    inverse, ratio = np.zeros(n), np.zeros(n)
    kernels.tree_factor(n, nodes.parent, nodes.axial_nS, nodes.leak_nS, inverse, ratio)
    kept = inverse.copy(), ratio.copy()
    kernels.tree_solve(n, nodes.parent, inverse, ratio, np.ones(n))
    np.testing.assert_array_equal(inverse, kept[0])
    np.testing.assert_array_equal(ratio, kept[1])
