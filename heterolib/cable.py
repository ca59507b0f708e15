"""Voltage on a passive tree of cables: steady state, transients, and closed forms to compare with.

    c dv/dt = g_a d²v/dx² - g_m v + i        c = 2 pi r C_m, g_m = 2 pi r / R_m, g_a = pi r² / R_i

Voltages are mV above rest. All ends are sealed. A tree is made of sections, each a cylinder; point
compartments such as spine heads hang on it through a conductance (`Leaf`). Compartments are
numbered from the root to the tips, so that the equations of one time step are solved by one sweep
to the root and one back, however the tree branches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from heterolib import checks, kernels
from heterolib.parameters import SHAFIEE_2026 as S

CONVERGED, PUBLISHED = "converged", "published"
SCHEMES = (CONVERGED, PUBLISHED)
MOST_RECORDED = 2e8  # numbers; 1.6 GB
MOST_NODES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Membrane:
    """Passive electrical constants. Defaults: figure 5 of Shafiee 2026.

    Parameters
    ----------
    capacitance_uF_per_cm2 : float
        C_m (µF/cm²).
    resistance_ohm_cm2 : float
        R_m (Ω cm²).
    axial_ohm_cm : float
        R_i, resistivity of the cytoplasm (Ω cm).

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> Membrane().time_constant_ms
    1.0
    >>> round(Membrane().length_constant_um(1.0), 2)
    158.11
    """

    capacitance_uF_per_cm2: float = S["membrane_capacitance"]
    resistance_ohm_cm2: float = S["membrane_resistance"]
    axial_ohm_cm: float = S["axial_resistance"]

    def __post_init__(self) -> None:
        for name in ("capacitance_uF_per_cm2", "resistance_ohm_cm2", "axial_ohm_cm"):
            value = checks.number(name, getattr(self, name), 1e-3, 1e9)
            object.__setattr__(self, name, value)

    @property
    def time_constant_ms(self) -> float:
        """tau_m = R_m C_m (ms); 1 Ω cm² times 1 µF/cm² is 1 µs."""
        return self.resistance_ohm_cm2 * self.capacitance_uF_per_cm2 / 1000.0

    @property
    def capacitance_pF_per_um2(self) -> float:
        """C_m; 1 µF/cm² is 0.01 pF/µm²."""
        return self.capacitance_uF_per_cm2 / 100.0

    @property
    def leak_nS_per_um2(self) -> float:
        """1 / R_m; 1 S/cm² is 10 nS/µm²."""
        return 10.0 / self.resistance_ohm_cm2

    @property
    def axial_nS_per_um(self) -> float:
        """1 / R_i; 1 S/cm is 1e5 nS/µm."""
        return 1e5 / self.axial_ohm_cm

    def length_constant_um(self, radius_um: float) -> float:
        """lambda = sqrt(r R_m / (2 R_i)) (µm)."""
        r = checks.number("radius_um", radius_um, 1e-3, 1e4)
        return math.sqrt(r * self.axial_nS_per_um / (2.0 * self.leak_nS_per_um2))

    def infinite_nS(self, radius_um: float) -> float:
        """Input conductance of a half-infinite cylinder, 2 pi r lambda / R_m (nS).

        Examples
        --------
        >>> round(Membrane().infinite_nS(1.0), 3)
        9.935
        """
        length = self.length_constant_um(radius_um)
        return 2.0 * math.pi * radius_um * length * self.leak_nS_per_um2


@dataclass(frozen=True)
class Section:
    """A cylinder of a tree.

    Parameters
    ----------
    length_um, radius_um : float
    compartments : int
        Number of equal compartments.
    parent : int
        The section whose far end it joins, by its place in the tree's list; -1 at the root.

    Raises
    ------
    ValueError
        If a value lies outside its range.

    Examples
    --------
    >>> Section(80.0, 1.0, 320).dx_um
    0.25
    """

    length_um: float
    radius_um: float
    compartments: int
    parent: int = -1

    def __post_init__(self) -> None:
        values = {
            "length_um": checks.number("length_um", self.length_um, 0.01, 1e6),
            "radius_um": checks.number("radius_um", self.radius_um, 1e-3, 1e4),
            "compartments": checks.whole("compartments", self.compartments, 1, MOST_NODES),
            "parent": checks.whole("parent", self.parent, -1, MOST_NODES),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def dx_um(self) -> float:
        """Length of a compartment (µm)."""
        return self.length_um / self.compartments

    @property
    def x_um(self) -> checks.FloatArray:
        """Centres of the compartments (µm from the near end)."""
        return (np.arange(self.compartments) + 0.5) * self.dx_um


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A point compartment that hangs on a section through a conductance: a spine head, a soma.

    Parameters
    ----------
    x_um : float
        Where it joins (µm from the near end of the section); the compartment that holds the
        point is taken.
    coupling_nS, leak_nS, capacitance_pF : float
    section : int

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    x_um: float
    coupling_nS: float
    leak_nS: float
    capacitance_pF: float
    section: int = 0

    def __post_init__(self) -> None:
        values = {
            "x_um": checks.number("x_um", self.x_um, 0.0, 1e6),
            "coupling_nS": checks.number("coupling_nS", self.coupling_nS, 0.0, 1e9, low_open=True),
            "leak_nS": checks.number("leak_nS", self.leak_nS, 0.0, 1e9),
            "capacitance_pF": checks.number("capacitance_pF", self.capacitance_pF, 0.0, 1e9),
            "section": checks.whole("section", self.section, 0, MOST_NODES),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class _Nodes:
    """A tree as the kernels take it. Arrays are read-only."""

    parent: checks.FloatArray
    axial_nS: checks.FloatArray
    leak_nS: checks.FloatArray
    capacitance_pF: checks.FloatArray
    first: tuple[int, ...]  # node of the first compartment of each section
    leaf: tuple[int, ...]


@dataclass(frozen=True)
class Tree:
    """Sections joined end to end, with leaves.

    Several sections may begin at the root; where sections meet they share one point.

    Parameters
    ----------
    sections : sequence of Section
        A section stands after its parent.
    membrane : Membrane
    leaves : sequence of Leaf

    Raises
    ------
    ValueError
        If a section names a parent that does not stand before it, or a leaf lies off its section.

    Examples
    --------
    A trunk that splits in two:

    >>> y = Tree([Section(50.0, 1.0, 100), Section(80.0, 0.6, 160, 0), Section(80.0, 0.6, 160, 0)])
    >>> y.n_nodes
    421
    """

    sections: Sequence[Section]
    membrane: Membrane = field(default_factory=Membrane)
    leaves: Sequence[Leaf] = ()

    def __post_init__(self) -> None:
        for name, kind, least in (("sections", Section, 1), ("leaves", Leaf, 0)):
            value = getattr(self, name)
            listed = isinstance(value, list | tuple) and len(value) >= least
            if not listed or not all(isinstance(x, kind) for x in value):
                raise ValueError(f"{name} is {value!r}; allowed: a list of {kind.__name__}s")
            object.__setattr__(self, name, tuple(value))
        if not isinstance(self.membrane, Membrane):
            raise ValueError(f"membrane is {self.membrane!r}; allowed: a Membrane")
        for i, s in enumerate(self.sections):
            if s.parent >= i:
                raise ValueError(f"sections[{i}].parent is {s.parent}; allowed: from -1 to {i - 1}")
        if sum(s.compartments for s in self.sections) > MOST_NODES:
            raise ValueError(f"sections hold more than {MOST_NODES} compartments together")
        for k, leaf in enumerate(self.leaves):
            if leaf.section >= len(self.sections):
                raise ValueError(
                    f"leaves[{k}].section is {leaf.section}; allowed: from 0 to "
                    f"{len(self.sections) - 1}"
                )
            length = self.sections[leaf.section].length_um
            checks.number(f"leaves[{k}].x_um", leaf.x_um, 0.0, length)

    @cached_property
    def nodes(self) -> _Nodes:
        """Parents, conductances and capacitances of all nodes."""
        m = self.membrane
        parent: list[int] = []
        axial: list[float] = []
        leak: list[float] = []
        capacitance: list[float] = []

        def add(to: int, by: float, g: float, c: float) -> int:
            parent.append(to)
            axial.append(by)
            leak.append(g)
            capacitance.append(c)
            return len(parent) - 1

        children = [[s for s in self.sections if s.parent == i] for i in range(len(self.sections))]
        roots = sum(s.parent == -1 for s in self.sections)
        root = add(-1, 0.0, 0.0, 0.0) if roots > 1 else -1
        first: list[int] = []
        end: list[int] = []
        for i, s in enumerate(self.sections):
            area = 2.0 * math.pi * s.radius_um * s.dx_um
            hop = m.axial_nS_per_um * math.pi * s.radius_um**2 / s.dx_um
            at = root if s.parent == -1 else end[s.parent]
            first.append(len(parent))
            for k in range(s.compartments):
                # the first one is half a compartment away from the point where it joins
                by = hop if k else (2.0 * hop if at >= 0 else 0.0)
                at = add(at, by, area * m.leak_nS_per_um2, area * m.capacitance_pF_per_um2)
            end.append(add(at, 2.0 * hop, 0.0, 0.0) if children[i] else at)
        leaf = tuple(
            add(first[x.section] + self._compartment(x.section, x.x_um), x.coupling_nS, x.leak_nS,
                x.capacitance_pF)
            for x in self.leaves
        )  # fmt: skip
        arrays = [np.array(a, dtype=np.float64) for a in (parent, axial, leak, capacitance)]
        for a in arrays:
            a.setflags(write=False)
        return _Nodes(arrays[0], arrays[1], arrays[2], arrays[3], tuple(first), leaf)

    @property
    def n_nodes(self) -> int:
        """Compartments, branch points and leaves together."""
        return self.nodes.parent.size

    def _compartment(self, section: int, x_um: float) -> int:
        s = self.sections[section]
        return min(int(x_um / s.dx_um + 1e-9), s.compartments - 1)

    def node(self, x_um: float, section: int = 0) -> int:
        """The node of the compartment that holds a point.

        Examples
        --------
        >>> Tree([Section(80.0, 1.0, 320)]).node(40.0)
        160
        """
        k = checks.whole("section", section, 0, len(self.sections) - 1)
        x = checks.number("x_um", x_um, 0.0, self.sections[k].length_um)
        return self.nodes.first[k] + self._compartment(k, x)

    def leaf(self, index: int) -> int:
        """The node of a leaf."""
        if not self.leaves:
            raise ValueError(f"index is {index!r}; allowed: none, the tree has no leaves")
        return self.nodes.leaf[checks.whole("index", index, 0, len(self.leaves) - 1)]

    def section_nodes(self, section: int = 0) -> slice:
        """The nodes of a section, from its near to its far end."""
        k = checks.whole("section", section, 0, len(self.sections) - 1)
        return slice(self.nodes.first[k], self.nodes.first[k] + self.sections[k].compartments)


def _of_tree(tree: object) -> None:
    if not isinstance(tree, Tree):
        raise ValueError(f"tree is {tree!r}; allowed: a Tree")


def _factor(tree: Tree, load: checks.FloatArray) -> tuple[checks.FloatArray, checks.FloatArray]:
    """Eliminate load + G, where load (nS) is 0 for the steady state."""
    nodes = tree.nodes
    inverse, ratio = np.zeros(tree.n_nodes), np.zeros(tree.n_nodes)
    own = load + nodes.leak_nS
    kernels.tree_factor(tree.n_nodes, nodes.parent, nodes.axial_nS, own, inverse, ratio)
    return inverse, ratio


def steady_state(tree: Tree, current_pA: Mapping[int, float]) -> checks.FloatArray:
    """The voltage of every node (mV above rest) under constant currents.

    Parameters
    ----------
    tree : Tree
    current_pA : mapping of node to current
        See `Tree.node` and `Tree.leaf`.

    Returns
    -------
    ndarray, shape (n_nodes,)

    Raises
    ------
    ValueError
        If a node or a current is not as described.

    Examples
    --------
    >>> tree = Tree([Section(80.0, 1.0, 320)])
    >>> v = steady_state(tree, {tree.node(0.0): 100.0})
    >>> round(float(v[-1] / v[0]), 3)
    0.885
    """
    _of_tree(tree)
    if not isinstance(current_pA, Mapping):
        raise ValueError(f"current_pA is {current_pA!r}; allowed: a mapping of nodes to currents")
    v = np.zeros(tree.n_nodes)
    for node, current in current_pA.items():
        i = checks.whole("current_pA (node)", node, 0, tree.n_nodes - 1)
        v[i] += checks.number(f"current_pA[{i}]", current, -1e9, 1e9)
    inverse, ratio = _factor(tree, np.zeros(tree.n_nodes))
    kernels.tree_solve(tree.n_nodes, tree.nodes.parent, inverse, ratio, v)
    return v


def input_resistance_Mohm(tree: Tree, node: int) -> float:
    """Steady voltage at a node over the current into it (MΩ).

    Examples
    --------
    >>> tree = Tree([Section(80.0, 1.0, 320)])
    >>> round(input_resistance_Mohm(tree, tree.node(0.0)), 1)
    215.6
    """
    _of_tree(tree)
    i = checks.whole("node", node, 0, tree.n_nodes - 1)
    return 1000.0 * float(steady_state(tree, {i: 1.0})[i])


@dataclass(frozen=True, eq=False)
class Voltages:
    """Voltage at some nodes of a tree. Arrays are read-only.

    Attributes
    ----------
    t_ms : ndarray, shape (n_t,)
    voltage_mV : ndarray, shape (n_probes, n_t)
        Above rest.
    probes : tuple of int
        Nodes.
    final_mV : ndarray, shape (n_nodes,)
        Of every node, at the end.
    """

    t_ms: checks.FloatArray
    voltage_mV: checks.FloatArray
    probes: tuple[int, ...]
    final_mV: checks.FloatArray

    def __post_init__(self) -> None:
        for a in (self.t_ms, self.voltage_mV, self.final_mV):
            if not np.isfinite(a).all():
                raise FloatingPointError("the run left the range of finite numbers")
            a.setflags(write=False)


def transient(
    tree: Tree,
    current_pA: Mapping[int, float | npt.ArrayLike],
    duration_ms: float,
    probes: Sequence[int],
    *,
    scheme: str = CONVERGED,
    step_ms: float = S["converged_step"],
    initial_mV: npt.ArrayLike | None = None,
) -> Voltages:
    """Run the voltage of a tree.

    Parameters
    ----------
    tree : Tree
    current_pA : mapping of node to current
        A number is a constant current from time 0 on; an array holds the mean current over each
        step.
    duration_ms : float
        A whole number of steps.
    probes : sequence of int
        Nodes to record.
    scheme : {"converged", "published"}
        TR-BDF2, of second order, or backward Euler.
    step_ms : float
    initial_mV : array_like, shape (n_nodes,), optional
        Default: rest.

    Returns
    -------
    Voltages

    Raises
    ------
    ValueError
        If an argument lies outside its range; before anything is computed.

    Examples
    --------
    >>> tree = Tree([Section(80.0, 1.0, 320)])
    >>> v = transient(tree, {tree.node(0.0): 100.0}, 5.0, [tree.node(80.0)])
    >>> round(float(v.voltage_mV[0, -1]), 2)
    18.94
    """
    _of_tree(tree)
    checks.choice("scheme", scheme, SCHEMES)
    h = checks.number("step_ms", step_ms, 1e-6, 1e3)
    duration = checks.number("duration_ms", duration_ms, 0.0, 1e9, low_open=True)
    n_steps = checks.steps("duration_ms", duration, h)
    probe = checks.wholes("probes", probes, 0, tree.n_nodes - 1)
    if not isinstance(current_pA, Mapping):
        raise ValueError(f"current_pA is {current_pA!r}; allowed: a mapping of nodes to currents")
    wanted = float(n_steps) * (len(current_pA) + len(probe) + 1.0)
    if wanted > MOST_RECORDED:
        raise ValueError(
            f"duration_ms is {duration:g}: {wanted:.2g} numbers; allowed: at most "
            f"{MOST_RECORDED:.0g}. Use a longer step"
        )
    site = [checks.whole("current_pA (node)", i, 0, tree.n_nodes - 1) for i in current_pA]
    current = np.zeros((len(site), n_steps))
    for k, (i, value) in enumerate(zip(site, current_pA.values(), strict=True)):
        if isinstance(value, list | tuple | np.ndarray):
            current[k] = checks.vector(f"current_pA[{i}]", value, -1e9, 1e9, size=n_steps)
        else:
            current[k] = checks.number(f"current_pA[{i}]", value, -1e9, 1e9)
    v: checks.FloatArray = np.zeros(tree.n_nodes)
    if initial_mV is not None:
        v = checks.vector("initial_mV", initial_mV, -1e6, 1e6, size=tree.n_nodes)
    out = run_tree(tree, site, current, current, h, scheme == PUBLISHED, probe, v)
    return Voltages(np.arange(n_steps + 1) * h, out, tuple(probe), v)


def run_tree(
    tree: Tree,
    site: Sequence[int],
    current: checks.FloatArray,
    current_end: checks.FloatArray,
    h: float,
    published: bool,
    probe: Sequence[int],
    v: checks.FloatArray,
) -> checks.FloatArray:
    """Advance `v` in place; arguments were checked before.

    current, current_end (n_inputs, n_steps): mean over each step, and value as it ends.
    """
    n, n_steps = tree.n_nodes, current.shape[1]
    load = tree.nodes.capacitance_pF / (h if published else kernels.TR_LOAD * h)
    inverse, ratio = _factor(tree, load)
    out = np.zeros((len(probe), n_steps + 1))
    kernels.tree_run(
        n_steps,
        int(published),
        n,
        tree.nodes.parent,
        inverse,
        ratio,
        load,
        v,
        np.zeros(n),
        len(site),
        np.array(site, dtype=np.float64),
        np.ascontiguousarray(current).ravel(),
        np.ascontiguousarray(current_end).ravel(),
        len(probe),
        np.array(probe, dtype=np.float64),
        1,
        n_steps + 1,
        out.ravel(),
    )
    return out


# -- closed forms ----------------------------------------------------------------------------


def _cylinder(length_um: float, radius_um: float, membrane: object) -> tuple[float, float]:
    if not isinstance(membrane, Membrane):
        raise ValueError(f"membrane is {membrane!r}; allowed: a Membrane")
    length = checks.number("length_um", length_um, 0.01, 1e6)
    return length, checks.number("radius_um", radius_um, 1e-3, 1e4)


def steady_cylinder(
    x_um: npt.ArrayLike,
    at_um: float,
    *,
    length_um: float = S["branch_length"],
    radius_um: float = S["branch_radius"],
    membrane: Membrane | None = None,
    current_pA: float = 1.0,
) -> checks.FloatArray:
    """Closed form: steady voltage (mV) of a sealed cylinder with a current at one point.

    v = I cosh(x< / lambda) cosh((L - x>) / lambda) / (G_inf sinh(L / lambda)), with x< and x>
    the smaller and the larger of the place read and the place of the current.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> v = steady_cylinder([0.0, 80.0], 0.0)
    >>> round(float(v[1] / v[0]), 4)
    0.8844
    """
    membrane = Membrane() if membrane is None else membrane
    length, r = _cylinder(length_um, radius_um, membrane)
    x = checks.numbers("x_um", x_um)
    if x.size and (x.min() < 0.0 or x.max() > length):
        raise ValueError(f"x_um is {x_um!r}; allowed: places in [0, {length:g}]")
    y = checks.number("at_um", at_um, 0.0, length)
    current = checks.number("current_pA", current_pA, -1e9, 1e9)
    lam = membrane.length_constant_um(r)
    near, far = np.minimum(x, y) / lam, (length - np.maximum(x, y)) / lam
    # cosh a cosh b / sinh L without the overflow of long cables
    top = (1.0 + np.exp(-2.0 * near)) * (1.0 + np.exp(-2.0 * far)) * np.exp(-np.abs(x - y) / lam)
    return np.asarray(
        current * top / (-2.0 * np.expm1(-2.0 * length / lam)) / membrane.infinite_nS(r)
    )


def step_cylinder(
    t_ms: npt.ArrayLike,
    x_um: float,
    at_um: float,
    *,
    length_um: float = S["branch_length"],
    radius_um: float = S["branch_radius"],
    membrane: Membrane | None = None,
    current_pA: float = 1.0,
    terms: int = 2000,
) -> checks.FloatArray:
    """Closed form: voltage (mV) of a sealed cylinder after a current is switched on at time 0.

    The steady state minus a sum over the eigenfunctions cos(n pi x / L), of which number n decays
    with the rate (1 + (n pi lambda / L)²) / tau_m. The first `terms` of them are summed; at times
    above (L / (terms lambda))² tau_m the rest is negligible.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> v = step_cylinder([0.0, 1.0, 20.0], 80.0, 0.0)
    >>> bool(abs(v[0]) < 1e-5 and abs(v[2] - steady_cylinder(80.0, 0.0)) < 1e-7)
    True
    """
    t = checks.numbers("t_ms", t_ms)
    if t.size and t.min() < 0.0:
        raise ValueError(f"t_ms is {t_ms!r}; allowed: times from 0 up")
    n = np.arange(checks.whole("terms", terms, 1, 1_000_000))
    x = checks.number("x_um", x_um, 0.0, 1e6)
    steady = steady_cylinder(
        x, at_um, length_um=length_um, radius_um=radius_um, membrane=membrane, current_pA=current_pA
    )
    membrane = Membrane() if membrane is None else membrane
    length, r = _cylinder(length_um, radius_um, membrane)
    rate = 1.0 + (n * math.pi * membrane.length_constant_um(r) / length) ** 2
    shape = np.cos(n * math.pi * x / length) * np.cos(n * math.pi * at_um / length) / rate
    shape[1:] *= 2.0
    leak = 2.0 * math.pi * r * length * membrane.leak_nS_per_um2
    flat = np.atleast_1d(t).ravel() / membrane.time_constant_ms
    left = np.array([np.sum(shape * np.exp(-rate * s)) for s in flat]).reshape(t.shape)
    return np.asarray(steady - current_pA * left / leak)


def input_conductance_nS(
    sections: Sequence[Section], membrane: Membrane | None = None, section: int = 0
) -> float:
    """Closed form: input conductance (nS) at the near end of a section, looking away from the root.

    A cylinder that ends in a load G_L shows G_inf (G_L + G_inf tanh) / (G_inf + G_L tanh) with
    tanh of L / lambda; the load is the sum over the sections that follow, and 0 at a tip.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> g = input_conductance_nS([Section(80.0, 1.0, 1)])
    >>> round(g, 3)
    4.637
    """
    membrane = Membrane() if membrane is None else membrane
    tree = Tree(sections, membrane)
    k = checks.whole("section", section, 0, len(tree.sections) - 1)
    seen = [0.0] * len(tree.sections)
    for i in range(len(tree.sections) - 1, -1, -1):
        s = tree.sections[i]
        load = sum(g for g, child in zip(seen, tree.sections, strict=True) if child.parent == i)
        own = membrane.infinite_nS(s.radius_um)
        fall = math.tanh(s.length_um / membrane.length_constant_um(s.radius_um))
        seen[i] = own * (load + own * fall) / (own + load * fall)
    return seen[k]


def matched_radius_um(radius_um: float, branches: int = 2) -> float:
    """The radius of equal branches that together load a parent as its own continuation would.

    r_parent^(3/2) = sum of r^(3/2) (Rall 1959). Branches of this radius and of equal length in
    units of their length constant make, with the parent, one equivalent cylinder.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> round(matched_radius_um(1.0), 4)
    0.63
    """
    r = checks.number("radius_um", radius_um, 1e-3, 1e4)
    return r / checks.whole("branches", branches, 1, 1000) ** (2.0 / 3.0)
