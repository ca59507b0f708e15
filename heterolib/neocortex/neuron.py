"""Cells on a tree: cable, sodium and potassium channels, and any number of plastic synapses.

A cell is a tree of cylinders cut into compartments. Each step solves the tree's equations in
time proportional to the number of compartments (Hines 1984): Crank-Nicolson for the voltage,
gates and conductances half a step apart from it, so the error falls with the square of the step.

    c V' = g_l (E_l - V) + g_Na m³ h (E_Na - V) + g_K n⁴ (E_K - V) + axial + synapses + pulses
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from heterolib import checks
from heterolib.checks import FloatArray
from heterolib.neocortex import kernels
from heterolib.neocortex.synapse import (
    CAO_RANGE,
    GAP_STEP_MS,
    MODES,
    EfficacyRule,
    Synapse,
    _generator,
    _threshold,
)
from heterolib.parameters import CHINDEMI_2022 as C
from heterolib.parameters import REDUCED_CELLS as R
from heterolib.parameters import TRAUB_MILES_1991 as TM

SOMA, BASAL, APICAL, DENDRITE = "soma", "basal", "apical", "dendrite"
KINDS = (SOMA, BASAL, APICAL, DENDRITE)
MOST_COMPARTMENTS = 20_000
MOST_SPIKES = 10_000
MOST_RECORDED = 2e8  # numbers; 1.6 GB
# Steps of a silent time: at first, at most while NMDA channels close, growth from step to step,
# and the relative size below which conductances and calcium count as at rest.
GAP_FINE_MS, GAP_MOST_MS, GAP_GROWTH, GAP_TINY = 4.0, 50.0, 1.1, 1e-5
TABLE_LOW_MV, TABLE_STEP_MV, TABLE_ROWS = -150.0, 0.05, 6001  # voltages of the table of gates
SETTLE_MS, SETTLE_STEP_MS = 2000.0, 0.1  # of the search for the state at rest


def channel_constants() -> FloatArray:
    """The sodium and potassium channels in the order that the kernels expect."""
    names = [
        f"{side}_{gate}_{what}"
        for gate in "mhn"
        for side in ("alpha", "beta")
        for what in ("rate", "half", "slope")
    ]
    values = [TM[name] for name in names]
    values += [TM["sodium_reversal"], TM["potassium_reversal"], TM["threshold_shift"]]
    return np.array(values)


@lru_cache(maxsize=32)
def _table(step_ms: float) -> FloatArray:
    table = np.zeros(TABLE_ROWS * kernels.COLUMNS)
    kernels.channel_table(
        TABLE_ROWS, TABLE_LOW_MV, TABLE_STEP_MV, step_ms, channel_constants(), table
    )
    table.setflags(write=False)
    return table


@lru_cache(maxsize=8)
def _tables(step_ms: float, levels: int) -> FloatArray:
    tables = np.stack([_table(step_ms * 2**k) for k in range(levels)])
    tables.setflags(write=False)
    return tables


def _levels(step_ms: float, longest_ms: object) -> int:
    """How many step lengths there are from one to the other, by doubling."""
    longest = checks.number("longest_ms", longest_ms, step_ms, 10.0)
    levels = round(math.log2(longest / step_ms)) + 1
    if abs(step_ms * 2 ** (levels - 1) - longest) > 1e-9 * longest:
        raise ValueError(
            f"longest_ms is {longest:g}; allowed: step_ms ({step_ms:g}) times a power of 2"
        )
    return levels


@dataclass(frozen=True, kw_only=True)
class Membrane:
    """Electrical properties of a square micrometre of membrane. Defaults: the reference runs.

    Parameters
    ----------
    capacitance_pF_per_um2 : float
        0.01 is 1 µF/cm².
    leak_nS_per_um2 : float
        0.001 is 1e-4 S/cm².
    leak_mV : float
    sodium_nS_per_um2, potassium_nS_per_um2 : float
        Largest conductance of the channels; 1 is 0.1 S/cm².

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    capacitance_pF_per_um2: float = R["capacitance"]
    leak_nS_per_um2: float = R["leak"]
    leak_mV: float = R["stick_leak_reversal"]
    sodium_nS_per_um2: float = 0.0
    potassium_nS_per_um2: float = 0.0

    def __post_init__(self) -> None:
        checks.number("capacitance_pF_per_um2", self.capacitance_pF_per_um2, 1e-4, 1.0)
        checks.number("leak_nS_per_um2", self.leak_nS_per_um2, 1e-7, 10.0)
        checks.number("leak_mV", self.leak_mV, -120.0, 0.0)
        checks.number("sodium_nS_per_um2", self.sodium_nS_per_um2, 0.0, 100.0)
        checks.number("potassium_nS_per_um2", self.potassium_nS_per_um2, 0.0, 100.0)

    def with_spines(self, factor: float) -> Membrane:
        """The same with capacitance and leak multiplied, for the membrane of spines."""
        k = checks.number("factor", factor, 1.0, 10.0)
        return Membrane(
            capacitance_pF_per_um2=self.capacitance_pF_per_um2 * k,
            leak_nS_per_um2=self.leak_nS_per_um2 * k,
            leak_mV=self.leak_mV,
            sodium_nS_per_um2=self.sodium_nS_per_um2,
            potassium_nS_per_um2=self.potassium_nS_per_um2,
        )


@dataclass(frozen=True)
class Section:
    """An unbranched cylinder.

    Parameters
    ----------
    name : str
    kind : {"soma", "basal", "apical", "dendrite"}
    length_um, diameter_um : float
    compartments : int
    membrane : Membrane
    parent : str or None
        The section at whose far end this one begins; None for the soma alone.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    name: str
    kind: str
    length_um: float
    diameter_um: float
    compartments: int
    membrane: Membrane
    parent: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name is {self.name!r}; allowed: a text that is not empty")
        checks.choice("kind", self.kind, KINDS)
        checks.number("length_um", self.length_um, 0.01, 1e5)
        checks.number("diameter_um", self.diameter_um, 0.01, 1e3)
        checks.whole("compartments", self.compartments, 1, MOST_COMPARTMENTS)
        if not isinstance(self.membrane, Membrane):
            raise ValueError(f"membrane is {self.membrane!r}; allowed: a Membrane")


@dataclass(frozen=True, eq=False)
class Cell:
    """A tree of compartments. Compartment 0 is the soma; each parent stands before its children.

    Make one with `Cell.of_sections`, `Cell.from_swc`, or with one of the functions
    `ball_and_stick`, `l5_thick_tufted`, `l23_pyramidal`, `l4_pyramidal`.

    Attributes
    ----------
    name : str
    parent : ndarray of int
        Index of each compartment's parent; -1 for the soma.
    kind : tuple of str
        One of "soma", "basal", "apical", "dendrite" a compartment.
    section : tuple of str
        The section each belongs to.
    distance_um : ndarray
        From the end of the soma along the tree to the middle of the compartment; 0 in the soma.
    length_um : ndarray
        Of each compartment; 0 for a mere junction of branches.
    area_um2 : ndarray
        Membrane; 0 for a mere junction of branches.
    axial_nS : ndarray
        Conductance to the parent.
    capacitance_pF, leak_nS, leak_mV, sodium_nS, potassium_nS : ndarray
        Of each compartment.

    Examples
    --------
    >>> cell = ball_and_stick()
    >>> cell.n, cell.at(60.0)
    (32, 7)
    """

    name: str
    parent: npt.NDArray[np.int64] = field(repr=False)
    kind: tuple[str, ...] = field(repr=False)
    section: tuple[str, ...] = field(repr=False)
    distance_um: FloatArray = field(repr=False)
    length_um: FloatArray = field(repr=False)
    area_um2: FloatArray = field(repr=False)
    axial_nS: FloatArray = field(repr=False)
    capacitance_pF: FloatArray = field(repr=False)
    leak_nS: FloatArray = field(repr=False)
    leak_mV: FloatArray = field(repr=False)
    sodium_nS: FloatArray = field(repr=False)
    potassium_nS: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        if self.n > MOST_COMPARTMENTS:
            raise ValueError(
                f"the cell has {self.n} compartments; allowed: at most {MOST_COMPARTMENTS}"
            )
        for name in self.__dataclass_fields__:
            a = getattr(self, name)
            if isinstance(a, np.ndarray):
                a.setflags(write=False)

    @property
    def n(self) -> int:
        """Number of compartments."""
        return int(self.parent.size)

    @classmethod
    def of_sections(
        cls, name: str, sections: Sequence[Section], axial_MOhm_um: float = R["axial"]
    ) -> Cell:
        """Build a cell; the first section is the soma.

        Parameters
        ----------
        name : str
        sections : sequence of Section
            Each after its parent.
        axial_MOhm_um : float
            Resistivity of the inside; 1 MOhm µm is 100 Ohm cm.

        Raises
        ------
        ValueError
            If a section is listed twice, before its parent, or lacks one.
        """
        ra = checks.number("axial_MOhm_um", axial_MOhm_um, 0.01, 100.0)
        pieces: list[_Piece] = []
        seen: dict[str, Section] = {}
        for i, s in enumerate(sections):
            if not isinstance(s, Section):
                raise ValueError(f"sections[{i}] is {s!r}; allowed: a Section")
            if s.name in seen:
                raise ValueError(f"sections[{i}] is called {s.name!r}, as one before it")
            if (s.parent is None) != (i == 0) or (i > 0 and s.parent not in seen):
                raise ValueError(
                    f"sections[{i}] has the parent {s.parent!r}; allowed: "
                    + ("None, since it is the soma" if i == 0 else ", ".join(seen))
                )
            seen[s.name] = s
            part = s.length_um / s.compartments
            area = math.pi * s.diameter_um * part
            half = ra * 0.5 * part / (0.25 * math.pi * s.diameter_um**2)
            ones = np.ones(s.compartments)
            pieces.append(
                _Piece(
                    s.name,
                    s.kind,
                    s.parent,
                    part * ones,
                    area * ones,
                    half * ones,
                    half * ones,
                    s.membrane,
                )
            )
        if not pieces:
            raise ValueError("sections is empty; allowed: at least the soma")
        return _assemble(name, pieces)

    @classmethod
    def from_swc(
        cls,
        path: str | Path,
        membranes: Mapping[str, Membrane] | None = None,
        *,
        longest_um: float = R["longest_compartment"],
        axial_MOhm_um: float = R["axial"],
        axon: bool = False,
    ) -> Cell:
        """Read a reconstructed cell.

        Parameters
        ----------
        path : str or Path
            A file in SWC format: id, type, x, y, z, radius, parent (µm). Types are 1 soma,
            2 axon, 3 basal, 4 apical; others count as "dendrite".
        membranes : mapping, optional
            A `Membrane` for each kind that occurs. Default: those of `l5_thick_tufted`.
        longest_um : float
            Compartments are no longer than this.
        axial_MOhm_um : float
        axon : bool
            Keep the axon, as "dendrite".

        Raises
        ------
        ValueError
            If the file is no tree with a soma; the message names line and reason.
        OSError
            If it cannot be read.
        """
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        return _cell_of_swc(
            Path(path).name,
            text,
            default_membranes() if membranes is None else membranes,
            checks.number("longest_um", longest_um, 0.1, 1e4),
            checks.number("axial_MOhm_um", axial_MOhm_um, 0.01, 100.0),
            bool(axon),
        )

    def at(self, distance_um: float, kind: str | None = None, section: str | None = None) -> int:
        """The compartment whose middle lies nearest to a distance from the soma.

        Parameters
        ----------
        distance_um : float
            Within the reach of the compartments asked for.
        kind, section : str, optional
            Look among these only. Without either: among all.

        Raises
        ------
        ValueError
            If there is no such compartment, or none that far out.
        """
        d = checks.number("distance_um", distance_um, 0.0, 1e6)
        if kind is not None:
            checks.choice("kind", kind, KINDS)
        found = [
            i
            for i in range(self.n)
            if (kind is None or self.kind[i] == kind)
            and (section is None or self.section[i] == section)
            and self.area_um2[i] > 0.0
        ]
        if not found:
            raise ValueError(
                f"the cell has no compartment with kind {kind!r} and section {section!r}; "
                f"sections: {', '.join(dict.fromkeys(self.section))}"
            )
        gap = np.abs(self.distance_um[found] - d)
        best = int(np.argmin(gap))
        # half the distance to the next compartment is still inside this one
        reach = float(self.distance_um[found].max()) + R["longest_compartment"]
        if d > reach:
            raise ValueError(
                f"distance_um is {d:g}; allowed: [0, {reach:g}] for kind {kind!r} and section "
                f"{section!r}"
            )
        return int(found[best])

    def summary(self) -> str:
        """Size and reach of the cell.

        Examples
        --------
        >>> print(ball_and_stick().summary())
        ball and stick: 32 compartments, 3142 µm² of membrane
        soma: 1 compartment
        dendrite: 31 compartments, out to 295 µm
        """
        rows = [f"{self.name}: {self.n} compartments, {self.area_um2.sum():.0f} µm² of membrane"]
        for kind in dict.fromkeys(self.kind):
            mine = [i for i in range(self.n) if self.kind[i] == kind and self.area_um2[i] > 0.0]
            reach = self.distance_um[mine].max()
            far = f", out to {reach:.0f} µm" if reach > 0.0 else ""
            rows.append(f"{kind}: {len(mine)} compartment{'s'[: len(mine) > 1]}{far}")
        return "\n".join(rows)

    def rest(self) -> tuple[FloatArray, FloatArray]:
        """Voltage (mV) of each compartment and gates of the active ones, with nothing going on.

        Raises
        ------
        ValueError
            If the cell does not come to rest: it fires by itself.
        """
        cached = self.__dict__.get("_rest")
        if cached is None:
            cached = _find_rest(self)
            object.__setattr__(self, "_rest", cached)
        return cached[0].copy(), cached[1].copy()


@dataclass(frozen=True)
class _Piece:
    """A section on its way into a cell; resistances (MOhm) from each compartment's middle."""

    name: str
    kind: str
    parent: str | None
    length_um: FloatArray
    area_um2: FloatArray
    inner_MOhm: FloatArray
    outer_MOhm: FloatArray
    membrane: Membrane


def _assemble(name: str, pieces: Sequence[_Piece]) -> Cell:
    """Number the compartments; where branches meet, put a junction without membrane."""
    children: dict[str, int] = {}
    for p in pieces:
        if p.parent is not None:
            children[p.parent] = children.get(p.parent, 0) + 1
    parent: list[int] = []
    kind: list[str] = []
    section: list[str] = []
    distance: list[float] = []
    length: list[float] = []
    axial: list[float] = []
    rows: list[tuple[float, Membrane]] = []  # area and membrane
    # for each section: its last node, the resistance from there to its end, and that distance
    end: dict[str, tuple[int, float, float]] = {}
    for p in pieces:
        node, before, far = end[p.parent] if p.parent is not None else (-1, 0.0, 0.0)
        is_soma = p.parent is None
        for k in range(p.length_um.size):
            parent.append(node)
            resistance = before + float(p.inner_MOhm[k])
            axial.append(0.0 if node < 0 else 1e3 / resistance)
            distance.append(0.0 if is_soma else far + 0.5 * float(p.length_um[k]))
            far += 0.0 if is_soma else float(p.length_um[k])
            length.append(float(p.length_um[k]))
            kind.append(p.kind)
            section.append(p.name)
            rows.append((float(p.area_um2[k]), p.membrane))
            node, before = len(parent) - 1, float(p.outer_MOhm[k])
        if children.get(p.name, 0) > 1:
            parent.append(node)
            axial.append(1e3 / before)
            distance.append(far)
            length.append(0.0)
            kind.append(p.kind)
            section.append(p.name)
            rows.append((0.0, p.membrane))
            node, before = len(parent) - 1, 0.0
        end[p.name] = (node, before, far)
    area = np.array([a for a, _ in rows])
    return Cell(
        name=name,
        parent=np.array(parent, dtype=np.int64),
        kind=tuple(kind),
        section=tuple(section),
        distance_um=np.array(distance),
        length_um=np.array(length),
        area_um2=area,
        axial_nS=np.array(axial),
        capacitance_pF=area * np.array([m.capacitance_pF_per_um2 for _, m in rows]),
        leak_nS=area * np.array([m.leak_nS_per_um2 for _, m in rows]),
        leak_mV=np.array([m.leak_mV for _, m in rows]),
        sodium_nS=area * np.array([m.sodium_nS_per_um2 for _, m in rows]),
        potassium_nS=area * np.array([m.potassium_nS_per_um2 for _, m in rows]),
    )


# -- SWC files ---------------------------------------------------------------------------------

SWC_KINDS = {1: SOMA, 2: "axon", 3: BASAL, 4: APICAL}
SWC_LIMIT_UM = 1e6


@dataclass(frozen=True)
class _Sample:
    line: int
    type: int
    x: float
    y: float
    z: float
    radius: float
    parent: int


def _read_swc(text: str) -> dict[int, _Sample]:
    samples: dict[int, _Sample] = {}
    for line, row in enumerate(text.splitlines(), 1):
        content = row.split("#", 1)[0].split()
        if not content:
            continue

        def refuse(reason: str, line: int = line) -> ValueError:
            return ValueError(f"SWC line {line}: {reason}")

        if len(content) != 7:
            raise refuse(f"{len(content)} columns; allowed: 7 (id type x y z radius parent)")
        try:
            number, kind, parent = (int(content[k]) for k in (0, 1, 6))
        except ValueError:
            raise refuse("id, type and parent must be whole numbers") from None
        try:
            x, y, z, radius = (float(c) for c in content[2:6])
        except ValueError:
            raise refuse("x, y, z and radius must be numbers") from None
        if not all(math.isfinite(q) and abs(q) <= SWC_LIMIT_UM for q in (x, y, z, radius)):
            raise refuse("x, y, z and radius must be finite and below 1e6 µm")
        if radius <= 0.0:
            raise refuse(f"radius is {radius:g}; allowed: above 0")
        if number < 0 or kind < 0:
            raise refuse("id and type must be at least 0")
        if number in samples:
            raise refuse(f"id {number} was used in line {samples[number].line}")
        if parent == number:
            raise refuse(f"sample {number} is its own parent")
        samples[number] = _Sample(line, kind, x, y, z, radius, parent)
    return samples


def _check_swc(samples: dict[int, _Sample]) -> int:
    """Refuse what is no tree that grows from a soma; return the root's id."""
    if not samples:
        raise ValueError("SWC line 1: the file holds no samples")
    roots = [i for i, s in samples.items() if s.parent < 0]
    for s in samples.values():
        if s.parent >= 0 and s.parent not in samples:
            raise ValueError(f"SWC line {s.line}: parent {s.parent} is not in the file")
    if len(roots) > 1:
        line = samples[roots[1]].line
        raise ValueError(
            f"SWC line {line}: a second root; the first is in line {samples[roots[0]].line}"
        )
    reached = set(roots)
    for start in samples:
        trail: list[int] = []
        on_trail: set[int] = set()
        i = start
        while i not in reached:
            if i in on_trail:
                line = samples[i].line
                raise ValueError(f"SWC line {line}: sample {i} is among its own ancestors")
            trail.append(i)
            on_trail.add(i)
            i = samples[i].parent
        reached.update(trail)
    root = samples[roots[0]]
    if root.type != 1:
        raise ValueError(f"SWC line {root.line}: the root has type {root.type}; allowed: 1, a soma")
    for s in samples.values():
        if s.type == 1 and s.parent >= 0 and samples[s.parent].type != 1:
            raise ValueError(f"SWC line {s.line}: a soma sample that grows from a neurite")
    return roots[0]


def _apart(a: _Sample, b: _Sample) -> float:
    return math.dist((a.x, a.y, a.z), (b.x, b.y, b.z))


def _soma_diameter(samples: dict[int, _Sample], root: int) -> float:
    """Diameter of the cylinder, as long as wide, that has the soma's membrane.

    One sample is a sphere. So are three of one radius of which two stand one radius to either
    side of the first (the convention of NeuroMorpho.org). Otherwise: the cones between samples.
    """
    soma = [i for i, s in samples.items() if s.type == 1]
    first = samples[root]
    others = [samples[i] for i in soma if i != root]
    beside = len(others) == 2 and all(
        s.parent == root and abs(_apart(s, first) - first.radius) < 0.05 * first.radius
        for s in others
    )
    if not others or beside:
        return 2.0 * first.radius
    area = 0.0
    for s in others:
        p = samples[s.parent]
        slant = math.hypot(_apart(s, p), s.radius - p.radius)
        area += math.pi * (s.radius + p.radius) * slant
    if area <= 0.0:
        raise ValueError(f"SWC line {first.line}: all samples of the soma stand in one place")
    return math.sqrt(area / math.pi)


def _cable(
    points: Sequence[tuple[float, float]], n: int, ra: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Cut cones, given as (path, radius), into n compartments of equal length.

    Returns length, area, and the resistances of the inner and the outer half of each.
    """
    path = np.array([s for s, _ in points])
    radius = np.array([r for _, r in points])
    total = float(path[-1] - path[0])
    cuts = path[0] + total * np.arange(2 * n + 1) / (2 * n)
    at = np.unique(np.concatenate([path, cuts]))
    r = np.interp(at, path, radius)
    length = np.diff(at)
    area = math.pi * (r[1:] + r[:-1]) * np.hypot(length, np.diff(r))
    resistance = ra * length / (math.pi * r[1:] * r[:-1])
    half = np.clip(np.searchsorted(cuts, 0.5 * (at[1:] + at[:-1]), "right") - 1, 0, 2 * n - 1)
    areas, resistances = np.zeros(2 * n), np.zeros(2 * n)
    np.add.at(areas, half, area)
    np.add.at(resistances, half, resistance)
    return (
        np.full(n, total / n),
        areas[0::2] + areas[1::2],
        resistances[0::2],
        resistances[1::2],
    )


def _cell_of_swc(
    name: str,
    text: str,
    membranes: Mapping[str, Membrane],
    longest: float,
    ra: float,
    axon: bool,
) -> Cell:
    samples = _read_swc(text)
    root = _check_swc(samples)

    def kind_of(i: int) -> str:
        kind = SWC_KINDS.get(samples[i].type, DENDRITE)
        return DENDRITE if kind == "axon" and axon else kind

    def membrane_of(kind: str, line: int) -> Membrane:
        if not isinstance(membranes.get(kind), Membrane):
            raise ValueError(
                f"membranes has no Membrane for {kind!r}, which SWC line {line} needs; "
                f"it holds: {', '.join(membranes)}"
            )
        return membranes[kind]

    children: dict[int, list[int]] = {i: [] for i in samples}
    for i, s in samples.items():
        if s.parent >= 0:
            children[s.parent].append(i)
    width = _soma_diameter(samples, root)
    half = np.array([ra * 0.5 * width / (0.25 * math.pi * width**2)])
    pieces = [
        _Piece(
            "soma",
            SOMA,
            None,
            np.array([width]),
            np.array([math.pi * width**2]),
            half,
            half,
            membrane_of(SOMA, samples[root].line),
        )
    ]
    stack = [
        (child, i, "soma")
        for i, s in samples.items()
        if s.type == 1
        for child in children[i]
        if samples[child].type != 1
    ][::-1]
    while stack:
        first, before, parent = stack.pop()
        kind = kind_of(first)
        if kind == "axon":
            continue
        run = [first]
        while len(children[run[-1]]) == 1 and kind_of(children[run[-1]][0]) == kind:
            run.append(children[run[-1]][0])
        chain = [samples[i] for i in run]
        if parent != "soma":
            chain = [samples[before], *chain]
        elif len(chain) == 1:  # a lone sample beside the soma: a stub of its own length
            a = samples[before]
            out = max(_apart(a, chain[0]) - 0.5 * width, chain[0].radius)
            points = [(0.0, chain[0].radius), (out, chain[0].radius)]
        if parent != "soma" or len(chain) > 1:
            steps = [_apart(a, b) for a, b in pairwise(chain)]
            path = np.concatenate([[0.0], np.cumsum(steps)])
            radii = [s.radius for s in chain]
            if parent != "soma" and kind_of(before) != kind:
                radii[0] = radii[1]  # the radius of another kind of branch says nothing here
            # samples in one place: keep the last
            points = [
                (float(q), r)
                for k, (q, r) in enumerate(zip(path, radii, strict=True))
                if k + 1 == len(radii) or path[k + 1] > q
            ]
        label = f"{kind}[{run[0]}]"
        grown = label
        if len(points) > 1:
            n = max(1, math.ceil((points[-1][0] - points[0][0]) / longest))
            length, area, inner, outer = _cable(points, n, ra)
            m = membrane_of(kind, chain[-1].line)
            pieces.append(_Piece(label, kind, parent, length, area, inner, outer, m))
        else:
            grown = parent  # no length at all: what grows from it grows from its parent
        stack += [(c, run[-1], grown) for c in reversed(children[run[-1]])]
    return _assemble(name, pieces)


# -- running a cell ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pulse:
    """A current into one compartment.

    Parameters
    ----------
    at_ms, width_ms : float
        Onset and duration (ms).
    amplitude_pA : float
        Positive depolarises.
    compartment : int
        Default: the soma.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    at_ms: float
    width_ms: float
    amplitude_pA: float
    compartment: int = 0

    def __post_init__(self) -> None:
        checks.number("at_ms", self.at_ms, -1e12, 1e12)
        checks.number("width_ms", self.width_ms, 0.0, 1e9, low_open=True)
        checks.number("amplitude_pA", self.amplitude_pA, -1e6, 1e6)
        checks.whole("compartment", self.compartment, 0, MOST_COMPARTMENTS)


class CellRun:
    """A cell with synapses, at a moment in time. It starts at rest, at time 0; c* starts at 0.

    Synapses may differ in everything. `advance` moves on step by step, `skip` crosses a silent
    time by closed forms. Presynaptic spikes and pulses are set for the time ahead with
    `schedule`.

    Parameters
    ----------
    cell : Cell
    synapses : sequence of Synapse
    compartments : sequence of int
        Where each synapse sits.
    rule : EfficacyRule, optional
    cao_mM : float
        Extracellular calcium.
    release_cao_mM : float, optional
        Scales release alone; default: `cao_mM`.
    rho0 : float or sequence
        Efficacy at the start.
    thresholds : sequence of (theta_d, theta_p) in µM ms, optional
        None switches plasticity off, for all or for one.
    release : {"stochastic", "full", "mean"}

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    A postsynaptic action potential, and the calcium it brings to a spine 60 µm out:

    >>> run = CellRun(ball_and_stick(), [Synapse()], [7])
    >>> run.schedule(pulses=[Pulse(5.0, 1.5, 1500.0)])
    >>> run.advance(100.0)
    >>> print(f"{run.spikes_ms.size} spike, c* up to {run.c_star_peak_uM_ms[0]:.1f} µM ms")
    1 spike, c* up to 18.4 µM ms
    """

    def __init__(
        self,
        cell: Cell,
        synapses: Sequence[Synapse] = (),
        compartments: Sequence[int] = (),
        *,
        rule: EfficacyRule | None = None,
        cao_mM: float = C["calcium_out"],
        release_cao_mM: float | None = None,
        rho0: npt.ArrayLike = 0.0,
        thresholds: Sequence[tuple[float | None, float | None]] | None = None,
        release: str = "full",
    ) -> None:
        if not isinstance(cell, Cell):
            raise ValueError(f"cell is {cell!r}; allowed: a Cell")
        rule = EfficacyRule() if rule is None else rule
        if not isinstance(rule, EfficacyRule):
            raise ValueError(f"rule is {rule!r}; allowed: an EfficacyRule or None")
        checks.number("cao_mM", cao_mM, *CAO_RANGE)
        synapses = tuple(synapses)
        for i, synapse in enumerate(synapses):
            if not isinstance(synapse, Synapse):
                raise ValueError(f"synapses[{i}] is {synapse!r}; allowed: a Synapse")
        m = len(synapses)
        self.cell, self.synapses, self.rule = cell, synapses, rule
        self.where = _places(cell, compartments, m)
        self.mode = MODES[checks.choice("release", release, tuple(MODES))]
        theta = _pairs(thresholds, m)
        rho = np.broadcast_to(checks.numbers("rho0", rho0), (m,))
        self._p = np.concatenate(
            [
                np.zeros(0),
                *(
                    s.row(rule, d, p, cao_mM, release_cao_mM)
                    for s, (d, p) in zip(synapses, theta, strict=True)
                ),
            ]
        )
        self._s = np.concatenate(
            [np.zeros(0), *(s.state(float(r)) for s, r in zip(synapses, rho, strict=True))]
        )
        self._f = np.zeros(max(m, 1) * kernels.SIZE_F)
        self._v_rest, self._gates_rest = cell.rest()
        self._tree = _Tree(cell, self.where)
        self.v_mV = self._v_rest.copy()
        self._gates = self._gates_rest.copy()
        self._clock = np.zeros(kernels.SIZE_CLOCK)
        self._spikes = np.zeros(MOST_SPIKES)
        for k in range(m):
            kernels.synapse_rest(
                self._s,
                k * kernels.SIZE_S,
                self._p,
                k * kernels.SIZE_P,
                float(self._v_rest[int(self.where[k])]),
            )
        self._rows()[:, kernels.CS] = 0.0  # as `run_synapse` and the published code begin
        self.reset_peaks()
        self.schedule()

    # -- what is ahead ---------------------------------------------------------------------

    def schedule(
        self,
        pre_ms: Sequence[npt.ArrayLike] | None = None,
        pulses: Sequence[Pulse] = (),
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Set the presynaptic spikes and the pulses ahead; earlier ones still ahead are dropped.

        Parameters
        ----------
        pre_ms : sequence of array_like, optional
            One sorted train per synapse (ms), none before now.
        pulses : sequence of Pulse
        rng : numpy.random.Generator
            Needed for stochastic release, if there are spikes.

        Raises
        ------
        ValueError
            If an argument lies outside its range.
        """
        m = len(self.synapses)
        trains = [np.zeros(0)] * m if pre_ms is None else list(pre_ms)
        if len(trains) != m:
            raise ValueError(f"pre_ms holds {len(trains)} trains; allowed: {m}, one a synapse")
        clean = []
        for k, train in enumerate(trains):
            t = checks.vector(f"pre_ms[{k}]", train, self.t_ms, 1e12)
            if (np.diff(t) < 0.0).any():
                raise ValueError(f"pre_ms[{k}] is {train!r}; allowed: times in ascending order")
            clean.append(t)
        times = np.concatenate([np.zeros(0), *clean])
        who = np.repeat(np.arange(m, dtype=np.float64), [t.size for t in clean])
        order = np.argsort(times, kind="stable")
        stochastic = self.mode == kernels.STOCHASTIC and times.size > 0
        generator = _generator(rng, "stochastic", "stochastic release") if stochastic else None
        self._event_t, self._event_syn = times[order], who[order]
        size = 2 * times.size
        self._draws = generator.random(size) if generator is not None else np.zeros(size)
        self._clock[kernels.CLOCK_EVENT] = 0.0
        for i, pulse in enumerate(pulses):
            if not isinstance(pulse, Pulse) or pulse.compartment >= self.cell.n:
                raise ValueError(
                    f"pulses[{i}] is {pulse!r}; allowed: a Pulse into one of "
                    f"{self.cell.n} compartments"
                )
        self._pulses = tuple(
            np.array(
                [
                    q[k]
                    for q in (
                        (p.compartment, p.at_ms, p.at_ms + p.width_ms, p.amplitude_pA)
                        for p in pulses
                    )
                ],
                dtype=np.float64,
            )
            for k in range(4)
        )

    # -- moving on -------------------------------------------------------------------------

    def advance(
        self,
        duration_ms: float,
        step_ms: float = R["step"],
        *,
        longest_ms: float | None = None,
        watch: Sequence[int] = (),
        every: int = 0,
    ) -> CellRecord | None:
        """Integrate for a duration; with ``every > 0`` record each so many steps.

        Parameters
        ----------
        duration_ms : float
            Rounded up to whole steps.
        step_ms : float
        longest_ms : float, optional
            While the voltage is calm, steps grow by doubling up to this. It is `step_ms` times a
            power of 2, and then the step that `duration_ms` and `every` count in.
        watch : sequence of int
            Compartments whose voltage is recorded.
        every : int

        Raises
        ------
        ValueError
            If an argument lies outside its range.
        """
        h = checks.number("step_ms", step_ms, 1e-4, 1.0)
        duration = checks.number("duration_ms", duration_ms, 0.0, 1e9)
        levels = 1 if longest_ms is None else _levels(h, longest_ms)
        n_steps = math.ceil(duration / (h * 2 ** (levels - 1)) - 1e-9)
        every = checks.whole("every", every, 0, 1_000_000_000)
        places = _places(self.cell, watch, None)
        m = len(self.synapses)
        rows = n_steps // every if every else 0
        size = rows * (1 + places.size + m * kernels.RECORDED)
        if size > MOST_RECORDED:
            raise ValueError(
                f"every is {every}: {size:.2g} numbers; allowed: at most {MOST_RECORDED:.0g}"
            )
        t_out, v_out = np.zeros(rows), np.zeros(rows * places.size)
        s_out = np.zeros(rows * m * kernels.RECORDED)
        self._clock[kernels.CLOCK_ROW] = 0.0
        cell, tree = self.cell, self._tree
        before = (
            cell.n,
            tree.parent,
            cell.axial_nS,
            cell.capacitance_pF,
            cell.leak_nS,
            cell.leak_mV,
            tree.dynamic,
        )
        channels = (
            tree.active.size,
            tree.active,
            tree.g_na,
            tree.g_k,
            tree.channels,
            TABLE_ROWS,
            TABLE_LOW_MV,
            TABLE_STEP_MV,
        )
        after = (
            self._event_t.size,
            self._event_t,
            self._event_syn,
            self._draws,
            self.mode,
            self._pulses[0].size,
            *self._pulses,
            R["spike_threshold"],
            self._spikes,
            places.size,
            places,
            every,
            t_out,
            v_out,
            s_out,
            self._clock,
            self.v_mV,
            self._gates,
            tree.work[0],
            tree.work[1],
            tree.row,
        )
        synapses = (m, self.where, self._p, self._s)
        if levels == 1:
            kernels.cell_run(
                n_steps, h, 0, *before, *tree.factors(h), *channels, _table(h), *synapses,
                self._f, *after,
            )  # fmt: skip
        else:
            kernels.cell_run_adaptive(
                n_steps, h, levels, R["change"], *before, *tree.stacked(h, levels), *channels,
                _tables(h, levels), *synapses, np.zeros((levels, self._f.size)), *after,
                np.zeros(levels),
                np.zeros(cell.n + self._gates.size + self._s.size + kernels.SIZE_CLOCK),
            )  # fmt: skip
        if not np.isfinite(self.v_mV).all():
            raise FloatingPointError("the run left the range of finite numbers")
        if not every:
            return None
        s = s_out.reshape(rows, m, kernels.RECORDED)
        return CellRecord(
            t_ms=t_out,
            v_mV=np.ascontiguousarray(v_out.reshape(rows, places.size).T),
            calcium_uM=np.ascontiguousarray(s[:, :, 0].T),
            c_star_uM_ms=np.ascontiguousarray(s[:, :, 1].T),
            rho=np.ascontiguousarray(s[:, :, 2].T),
            U=np.ascontiguousarray(s[:, :, 3].T),
            g_ampa_max_nS=np.ascontiguousarray(s[:, :, 4].T),
        )

    def skip(self, duration_ms: float) -> None:
        """Cross a silent time: the cell falls to rest at once, its synapses relax exactly.

        Use it when the voltage has come back to rest; what calcium, c* and the efficacy still
        have to do is kept. Events scheduled within the time are lost.

        Raises
        ------
        ValueError
            If the duration is negative.
        """
        duration = checks.number("duration_ms", duration_ms, 0.0, 1e12)
        kernels.cell_gap(
            duration,
            GAP_FINE_MS,
            GAP_MOST_MS,
            GAP_STEP_MS,
            GAP_GROWTH,
            GAP_TINY,
            self.cell.n,
            self._v_rest,
            self._tree.active.size,
            self._gates_rest,
            len(self.synapses),
            self.where,
            self._p,
            self._s,
            self._f,
            self._clock,
            self.v_mV,
            self._gates,
        )

    def settle(self) -> None:
        """Carry every synapse to the end of its drift: rho to 0 or 1, U and G to their targets."""
        s = self._rows()
        p = self._p.reshape(len(self.synapses), kernels.SIZE_P)
        strong = s[:, kernels.RHO] >= C["rho_star"]
        s[:, kernels.RHO] = strong
        s[:, kernels.U] = np.where(strong, p[:, kernels.U_P], p[:, kernels.U_D])
        s[:, kernels.G] = np.where(strong, p[:, kernels.G_P], p[:, kernels.G_D])

    def set_thresholds(
        self, thresholds: Sequence[tuple[float | None, float | None]] | None
    ) -> None:
        """New thresholds (theta_d, theta_p) in µM ms, one pair a synapse; None: off."""
        p = self._p.reshape(len(self.synapses), kernels.SIZE_P)
        for k, pair in enumerate(_pairs(thresholds, len(self.synapses))):
            for place, value in zip((kernels.THETA_D, kernels.THETA_P), pair, strict=True):
                p[k, place] = -1.0 if value is None else value

    def reset_peaks(self) -> None:
        """Begin anew with the largest calcium, c* and somatic voltage."""
        s = self._rows()
        s[:, kernels.CA_PEAK] = s[:, kernels.CA]
        s[:, kernels.CS_PEAK] = s[:, kernels.CS]
        self._clock[kernels.CLOCK_TOP] = self.v_mV[0]
        self._clock[kernels.CLOCK_TOP_AT] = self.t_ms

    # -- looking in ------------------------------------------------------------------------

    def _rows(self) -> FloatArray:
        return self._s.reshape(len(self.synapses), kernels.SIZE_S)

    @property
    def t_ms(self) -> float:
        """The time now."""
        return float(self._clock[kernels.CLOCK_T])

    @property
    def spikes_ms(self) -> FloatArray:
        """Times at which the soma rose through the threshold of detection, so far."""
        return self._spikes[: int(self._clock[kernels.CLOCK_SPIKES])].copy()

    @property
    def soma_peak_mV(self) -> float:
        """Largest somatic voltage since `reset_peaks`."""
        return float(self._clock[kernels.CLOCK_TOP])

    @property
    def soma_peak_ms(self) -> float:
        """When that was."""
        return float(self._clock[kernels.CLOCK_TOP_AT])

    @property
    def calcium_peak_uM(self) -> FloatArray:
        """Largest calcium of each synapse since `reset_peaks`."""
        return self._rows()[:, kernels.CA_PEAK].copy()

    @property
    def c_star_peak_uM_ms(self) -> FloatArray:
        """Largest c* of each synapse since `reset_peaks`."""
        return self._rows()[:, kernels.CS_PEAK].copy()

    @property
    def rho(self) -> FloatArray:
        """Efficacy of each synapse."""
        return self._rows()[:, kernels.RHO].copy()

    @property
    def U(self) -> FloatArray:
        """Utilisation of each synapse, as at 2 mM extracellular calcium."""
        return self._rows()[:, kernels.U].copy()

    @property
    def g_ampa_max_nS(self) -> FloatArray:
        """AMPA conductance of each synapse when all sites release."""
        return self._rows()[:, kernels.G].copy()


@dataclass(frozen=True, eq=False)
class CellRecord:
    """Traces of a run: voltage by watched compartment, the rest by synapse, along `t_ms`.

    Attributes
    ----------
    t_ms : ndarray, shape (n_t,)
    v_mV : ndarray, shape (n_watched, n_t)
    calcium_uM, c_star_uM_ms, rho, U, g_ampa_max_nS : ndarray, shape (n_synapses, n_t)
    """

    t_ms: FloatArray
    v_mV: FloatArray
    calcium_uM: FloatArray
    c_star_uM_ms: FloatArray
    rho: FloatArray
    U: FloatArray
    g_ampa_max_nS: FloatArray

    units: ClassVar[dict[str, str]] = {
        "t_ms": "ms",
        "v_mV": "mV",
        "calcium_uM": "µM",
        "c_star_uM_ms": "µM ms",
        "rho": "",
        "U": "",
        "g_ampa_max_nS": "nS",
    }


class _Tree:
    """What the kernel needs of a cell, in its form; factors are kept for each step used."""

    def __init__(self, cell: Cell, where: FloatArray) -> None:
        self.cell = cell
        self.parent = cell.parent.astype(np.float64)
        self.active = np.flatnonzero((cell.sodium_nS > 0.0) | (cell.potassium_nS > 0.0)).astype(
            np.float64
        )
        places = self.active.astype(np.int64)
        self.g_na, self.g_k = cell.sodium_nS[places].copy(), cell.potassium_nS[places].copy()
        self.channels = channel_constants()
        self.dynamic = np.zeros(cell.n)
        for i in (*places.tolist(), *where.astype(np.int64).tolist()):
            while i >= 0 and self.dynamic[i] == 0.0:
                self.dynamic[i] = 1.0
                i = int(cell.parent[i])
        self.work = np.zeros((2, cell.n))
        self.row = np.zeros(kernels.COLUMNS)
        self._factors: dict[float, FloatArray] = {}

    def factors(self, h: float) -> FloatArray:
        if h not in self._factors:
            out = np.zeros((3, self.cell.n))
            cell = self.cell
            kernels.tree_factor(
                cell.n,
                h,
                self.parent,
                cell.axial_nS,
                cell.capacitance_pF,
                cell.leak_nS,
                self.dynamic,
                *out,
            )
            self._factors[h] = out
        return self._factors[h]

    def stacked(self, h: float, levels: int) -> FloatArray:
        """Factors for h, 2 h, 4 h ...: three arrays, a row a step length."""
        return np.stack([self.factors(h * 2**k) for k in range(levels)], axis=1)


def _places(cell: Cell, value: Sequence[int], size: int | None) -> FloatArray:
    x = checks.vector("compartments", list(value), 0.0, float(cell.n - 1), size=size)
    if (x != np.floor(x)).any():
        raise ValueError(f"compartments is {value!r}; allowed: whole numbers")
    if (cell.capacitance_pF[x.astype(np.int64)] <= 0.0).any():
        raise ValueError(f"compartments is {value!r}; one of them is a mere junction of branches")
    return x


def _pairs(
    thresholds: Sequence[tuple[float | None, float | None]] | None, m: int
) -> list[tuple[float | None, float | None]]:
    if thresholds is None:
        return [(None, None)] * m
    pairs = list(thresholds)
    if len(pairs) != m or not all(
        isinstance(p, Sequence | np.ndarray) and len(p) == 2 for p in pairs
    ):
        raise ValueError(
            f"thresholds is {thresholds!r}; allowed: {m} pairs (theta_d, theta_p) or None"
        )
    return [
        (_threshold(f"thresholds[{k}][0]", d), _threshold(f"thresholds[{k}][1]", p))
        for k, (d, p) in enumerate(pairs)
    ]


def _find_rest(cell: Cell) -> tuple[FloatArray, FloatArray]:
    """Run the cell without input until nothing moves."""
    tree = _Tree(cell, np.zeros(0))
    v = cell.leak_mV.copy()
    gates = np.zeros(3 * tree.active.size)
    row = np.zeros(kernels.COLUMNS)
    for q, i in enumerate(tree.active.astype(np.int64)):
        kernels.channel_row(float(v[i]), 0.0, tree.channels, row, 0)
        gates[3 * q : 3 * q + 3] = row[0::2]
    probe = CellRun.__new__(CellRun)
    probe.cell, probe.synapses, probe.rule = cell, (), EfficacyRule()
    probe.where, probe.mode = np.zeros(0), kernels.FULL
    probe._p, probe._s, probe._f = np.zeros(0), np.zeros(0), np.zeros(kernels.SIZE_F)
    probe._tree, probe.v_mV, probe._gates = tree, v, gates
    probe._clock, probe._spikes = np.zeros(kernels.SIZE_CLOCK), np.zeros(MOST_SPIKES)
    probe.schedule()
    probe.advance(SETTLE_MS, SETTLE_STEP_MS)
    before = v.copy()
    probe.advance(10.0, SETTLE_STEP_MS)
    if float(np.abs(v - before).max()) > 1e-6 or probe.spikes_ms.size:
        raise ValueError(
            f"cell {cell.name!r} does not come to rest within {SETTLE_MS:g} ms; allowed: a cell "
            "that is silent without input"
        )
    return v, gates


# -- cells -------------------------------------------------------------------------------------


def ball_and_stick() -> Cell:
    """The cell of the reference runs: an active soma and one passive dendrite of 300 µm."""
    passive = Membrane()
    active = Membrane(
        sodium_nS_per_um2=R["stick_soma_sodium"], potassium_nS_per_um2=R["stick_soma_potassium"]
    )
    size = R["stick_soma_diameter"]
    return Cell.of_sections(
        "ball and stick",
        [
            Section("soma", SOMA, size, size, 1, active),
            Section(
                "dend",
                DENDRITE,
                R["stick_length"],
                R["stick_diameter"],
                int(R["stick_compartments"]),
                passive,
                "soma",
            ),
        ],
        R["stick_axial"],
    )


def default_membranes(cell: str = "L5") -> dict[str, Membrane]:
    """The membranes of a reduced pyramidal cell, by kind of compartment.

    Parameters
    ----------
    cell : {"L5", "L2/3", "L4"}
    """
    v = R.variant(checks.choice("cell", cell, tuple(R.variants)))
    base = Membrane(
        capacitance_pF_per_um2=v["capacitance"],
        leak_nS_per_um2=v["leak"],
        leak_mV=v["leak_reversal"],
    )

    def active(sodium: float, potassium: float) -> Membrane:
        return Membrane(
            capacitance_pF_per_um2=v["capacitance"],
            leak_nS_per_um2=v["leak"],
            leak_mV=v["leak_reversal"],
            sodium_nS_per_um2=sodium,
            potassium_nS_per_um2=potassium,
        )

    spines = v["spine_factor"]
    return {
        SOMA: active(v["soma_sodium"], v["soma_potassium"]),
        BASAL: base.with_spines(spines),
        APICAL: active(v["trunk_sodium"], v["trunk_potassium"]).with_spines(spines),
        DENDRITE: base.with_spines(spines),
    }


def _pyramidal(name: str, key: str) -> Cell:
    v = R.variant(key)
    membranes = default_membranes(key)
    size = v["soma_diameter"]
    sections = [Section("soma", SOMA, size, size, 1, membranes[SOMA])]
    for k in range(int(v["basal_number"])):
        sections.append(
            Section(
                f"basal{k}",
                BASAL,
                v["basal_length"],
                v["basal_diameter"],
                int(v["basal_compartments"]),
                membranes[BASAL],
                "soma",
            )
        )
    sections.append(
        Section(
            "trunk",
            APICAL,
            v["trunk_length"],
            v["trunk_diameter"],
            int(v["trunk_compartments"]),
            membranes[APICAL],
            "soma",
        )
    )
    for k in range(int(v["tuft_number"])):
        sections.append(
            Section(
                f"tuft{k}",
                DENDRITE,
                v["tuft_length"],
                v["tuft_diameter"],
                int(v["tuft_compartments"]),
                membranes[DENDRITE],
                "trunk",
            )
        )
    return Cell.of_sections(name, sections, v["axial"])


def l5_thick_tufted() -> Cell:
    """A reduced thick-tufted pyramidal cell of layer 5.

    Its geometry was chosen so that the calcium of a back-propagating action potential matches
    measured values; plasticity had no part in it.
    """
    return _pyramidal("L5 thick-tufted", "L5")


def l23_pyramidal() -> Cell:
    """A reduced pyramidal cell of layer 2/3: smaller, with a short apical dendrite."""
    return _pyramidal("L2/3 pyramidal", "L2/3")


def l4_pyramidal() -> Cell:
    """A reduced pyramidal cell of layer 4: small, with a thin apical dendrite."""
    return _pyramidal("L4 pyramidal", "L4")
