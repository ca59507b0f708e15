"""Bad input is refused by name, before anything is computed, with a ValueError and nothing else.

The table CALLS names every public callable, a call that works, and for each argument what must
be refused. While bad input is tried, every kernel is replaced by one that complains.
"""

import contextlib
import datetime
import decimal
import fractions
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heterolib
from heterolib import (
    BistableRule,
    Branch,
    Leaf,
    Membrane,
    Neuron,
    PairRule,
    Section,
    Soma,
    Spine,
    ThresholdRule,
    Tree,
    cable,
    calcium_of_pulse,
    checks,
    coursework,
    kernels,
    learner,
    mystery,
    orders,
    parameters,
    protocols,
    responses,
    simulate,
    simulate_neuron,
    simulate_spine,
    soma,
    spike_calcium,
    studies,
    total_calcium,
)

OFTEN = settings(derandomize=True, deadline=None, database=None, max_examples=25)
KERNELS = [n for n, k in vars(kernels).items() if hasattr(k, "py_func")]


class Computed(BaseException):
    """Raised by the stand-ins for kernels; no `except` clause of the library catches it."""


def complain(*args):
    raise Computed


@contextlib.contextmanager
def nothing_may_be_computed():
    with mock.patch.multiple(kernels, **dict.fromkeys(KERNELS, complain)):
        yield


# -- what is bad -----------------------------------------------------------------------------

NAN, INF = math.nan, math.inf


def junk():
    """A fresh list of things that are no argument of anything, unless a `Bad` says so."""
    return [
        None,
        True,
        False,
        "",
        "a",
        "1.0",
        b"1",
        1j,
        object(),
        len,
        list,
        Ellipsis,
        NotImplemented,
        {},
        {"a": 1},
        {1.0: 2.0, 3.0: 4.0},
        frozenset(),
        (),
        [],
        [[]],
        ["a"],
        [None],
        [1.0, "a"],
        [[1.0], [2.0, 3.0]],
        range(-5, 0),
        decimal.Decimal("NaN"),
        decimal.Decimal("sNaN"),
        decimal.Decimal("Infinity"),
        fractions.Fraction(-(10**13), 3),
        10**400,
        -(10**400),
        datetime.date(2026, 1, 1),
        datetime.timedelta(1),
        np.array("a"),
        np.array(1j),
        np.array(None),
        np.zeros((2, 2, 2)),
        np.zeros((0, 3)),
        np.array([NAN, 1.0]),
        np.array([True, False]),
        np.datetime64("2026-01-01"),
        np.str_("a"),
        np.float32("nan"),
        np.float64("-inf"),
        (x for x in ()),
    ]


@dataclass
class Bad:
    """What an argument refuses: drawn values, and all junk but what is `fine`."""

    drawn: st.SearchStrategy[Any] | None
    fine: Callable[[Any], bool] = lambda x: False

    def __or__(self, other):
        drawn = other if self.drawn is None else st.one_of(self.drawn, other)
        return Bad(drawn, self.fine)

    def but(self, fine):
        """The same, where some junk is fine."""
        return Bad(self.drawn, lambda x: fine(x) or self.fine(x))


def none(x):
    return x is None


def cube(x):
    """An array of three dimensions: where arrays of any shape are taken."""
    return isinstance(x, np.ndarray) and x.ndim == 3


def array_like(x):
    """What numpy reads as real numbers, none of them NaN."""
    nothing = isinstance(x, np.ndarray) and x.size == 0
    return (
        cube(x)
        or empty(x)
        or nothing
        or isinstance(x, range)
        or (isinstance(x, list) and x == [[]])
    )


def empty(x):
    """An empty sequence: a silent spine, or an empty trace."""
    return isinstance(x, list | tuple | range) and len(x) == 0


def bad_number(low, high, low_open=False, infinite=False):
    """What is not finite, and numbers outside the range."""
    above = st.floats(high, exclude_min=True, allow_infinity=False)
    below = st.floats(max_value=low, exclude_max=not low_open, allow_infinity=False)
    never = st.sampled_from([NAN, -INF] if infinite else [NAN, INF, -INF])
    return Bad(
        st.one_of(never, above, below),
        lambda x: infinite and isinstance(x, decimal.Decimal) and x.is_infinite(),
    )


def bad_whole(low, high):
    return bad_number(low, high) | st.floats(low + 0.5, high - 0.5).filter(lambda x: x != int(x))


def bad_choice(*allowed):
    other = st.one_of(st.floats(), st.integers(), st.text(max_size=12))
    return Bad(other.filter(lambda x: x not in allowed))


def bad_vector(low, high, size=None):
    """Numbers, wrong shapes, and one bad entry among good ones."""
    good = st.floats(max(low, 0.0), min(high, 1.0))
    outside = st.one_of(
        st.sampled_from([NAN, INF, -INF]),
        st.floats(high, exclude_min=True, allow_infinity=False),
        st.floats(max_value=low, exclude_max=True, allow_infinity=False),
    )
    n = 2 if size is None else size
    spoilt = st.tuples(outside, st.integers(0, n - 1)).map(
        lambda t: [t[0] if i == t[1] else 0.5 for i in range(n)]
    )
    nested = st.sampled_from([[[0.5] * n], np.full((n, 1), 0.5), np.array(0.5), 3])
    if size is None:
        return Bad(st.one_of(nested, spoilt), empty)
    other_size = st.lists(good, max_size=5).filter(lambda x: len(x) != size)
    return Bad(st.one_of(nested, spoilt, other_size))


TIME = st.floats(0.0, 50.0)
UNSORTED = st.lists(TIME, min_size=2, max_size=5, unique=True).map(lambda x: sorted(x)[::-1])
BAD_TRAIN = bad_vector(0.0, 1e9) | UNSORTED
BAD_TRAINS = Bad(
    st.one_of(
        st.floats(),
        st.lists(st.just([1.0]), max_size=5).filter(lambda x: len(x) != 2),
        st.tuples(BAD_TRAIN.drawn, st.just([1.0])),
        st.tuples(st.just([]), BAD_TRAIN.drawn).map(list),
        st.sampled_from([np.array(5.0), np.zeros((2, 2, 2)), [1.0, 2.0], np.ones(2), "ab"]),
    ),
    lambda x: x == [[1.0], [2.0, 3.0]] if isinstance(x, list) else False,
)
JUNK = Bad(None)
NECKS = ("published", "consistent")
THREE = (*NECKS, "sealed")
ARRAY = Bad(st.sampled_from([NAN, [NAN, 0.1], [0.1, 0.2, 0.3]]), cube)


def named_values(x):
    return isinstance(x, dict) and all(isinstance(k, str) for k in x)


def number_like(x):
    """What `checks.numbers` takes for numbers."""
    try:
        checks.numbers("x", x)
    except ValueError:
        return False
    return True


# -- what is public --------------------------------------------------------------------------


@dataclass
class Call:
    """A callable, arguments with which it works, and bad values for each argument."""

    name: str
    function: Any
    good: dict[str, Any]
    bad: dict[str, Any]


BRANCH = Branch([4.8, 5.3], length_um=10.0, compartments=40)
RULE = ThresholdRule(theta_p_uM=0.03, theta_d_uM=0.01)
SPINE = Spine()
BISTABLE = BistableRule()
RESULT = simulate(BRANCH, [[1.0], []], RULE, 5.0, record="all")
SET = parameters.SHAFIEE_2026
POSITIVE = bad_number(0.0, 1e6, low_open=True)
RATE = bad_number(0.0, 1e6)
D = bad_number(0.0, 1e6)
SIZE = bad_number(0.001, 100.0)
UNIT = bad_number(0.0, 1.0)
COUNT = bad_whole(0, 10_000_000)
DURATION = bad_number(0.0, 1e9, low_open=True)
STEP = bad_number(1e-6, 1e3)
START = bad_number(0.0, 1e9)
GAP = bad_number(0.0, 1e9, low_open=True)
DELAY = bad_number(-1e9, 1e9)
TRACE = {"t_ms": [0.0, 1.0, 2.0], "calcium_uM": [0.0, 0.1, 0.2], "weight": 0.5}
# times of another number are named by either argument: see test_traces_of_unequal_length
TIMES = bad_vector(-1e12, 1e12).but(lambda x: isinstance(x, range)) | st.sampled_from(
    [[0.0, 1.0, 3.0], [0.0, 0.0, 0.0], [2.0, 1.0, 0.0], [0.0, 2.0, 1.0]]
)
DELAYS = Bad(bad_vector(-600.0, 600.0).drawn, lambda x: isinstance(x, range))
SCHEME = {
    "scheme": bad_choice("published", "converged"),
    "neck": bad_choice(*NECKS),
    "step_ms": STEP.but(none),
}
GROUPS = ("stimulated", "near", "far")
ARRANGEMENT = studies.Arrangement((100, 104), (True, False), (0.5, 0.6))
RATES = Bad(st.sampled_from([[], ["5 Hz"], [0.0], [NAN], [True], ["2 Hz", 2000.0], "2 Hz", 5.0]))

TREE = Tree([Section(10.0, 1.0, 40)], Membrane(), [
    Leaf(x_um=1.0, coupling_nS=1.0, leak_nS=1.0, capacitance_pF=1.0)
])  # fmt: skip
NEURON = Neuron(BRANCH, soma=Soma(x_um=5.0))
ANSWER = responses(NEURON, [0.0])
SIZE_UM = bad_number(1e-3, 1e4)
NODE = bad_whole(0, 40)
ELECTRIC = bad_number(0.0, 1e9)
FLAG = Bad(
    st.one_of(st.integers(), st.floats(), st.sampled_from(["True", None, [True]])),
    lambda x: isinstance(x, bool),
)
LEARNING = {
    "delay_ms": bad_number(0.0, 1000.0),
    "repetitions": bad_whole(0, 100_000),
    "diffusion_um2_per_s": D,
    "neck": bad_choice(*NECKS),
    "coupling": bad_choice(*NECKS),
    "scheme": bad_choice("published", "converged"),
    "step_ms": STEP.but(none),
    "weight": UNIT,
    "rule": JUNK.but(none),
}
PAIRED = {**LEARNING, "every_ms": bad_number(2.5, 1e5), "trained": bad_choice("inward", "outward")}
DISTANCE = bad_number(0.25, 30.0)
SPACING = DISTANCE
ORDER = Bad(st.sampled_from([(0, 2), (0, 0), (0.5, 1), (1,), "01", (NAN, 0)]))
CYLINDER = {
    "length_um": bad_number(0.01, 1e6),
    "radius_um": SIZE_UM,
    "membrane": JUNK.but(none),
    "current_pA": bad_number(-1e9, 1e9),
}


WORDS = JUNK.but(lambda x: isinstance(x, str) and x.strip())
TASK = learner.SequenceTask([(0, 1), (1, 0)])
SHOWN = TASK.draw(2, np.random.default_rng(1))
NEW = learner.new_learner(2, 1, 2, 2, rng=np.random.default_rng(2))
NOISE = {
    "gap_ms": bad_number(0.0, 1000.0),
    "jitter_ms": bad_number(0.0, 1000.0),
    "missing": UNIT,
    "background_per_s": bad_number(0.0, 1000.0),
}


CALLS = [
    Call("Numbers", coursework.Numbers, {"values": {"a": 1}}, {"values": JUNK.but(named_values)}),
    Call(
        "numbers",
        coursework.numbers,
        {"problem_set": "x", "student": "ada", "weight": (0.1, 0.9, 0.1), "panel": ["A", "B"]},
        {
            "problem_set": WORDS,
            "student": WORDS,
            "weight": JUNK.but(lambda x: isinstance(x, list) and len(x) > 1)
            | st.sampled_from([(1, 2), (2, 1, 1), (0, 1, 2), (0, 1, 0), (0, NAN, 1), (0, 1, 1e-9)]),
        },
    ),
    Call(
        "check",
        coursework.check,
        {"name": "w", "value": 1.0, "expected": 1.0},
        {
            "name": WORDS,
            "expected": Bad(st.sampled_from([NAN, INF, [1.0, NAN]]), number_like),
            "relative": bad_number(0.0, 10.0),
            "absolute": bad_number(0.0, 1e12),
        },
    ),
    Call(
        "Membrane",
        Membrane,
        {},
        dict.fromkeys(
            ("capacitance_uF_per_cm2", "resistance_ohm_cm2", "axial_ohm_cm"), bad_number(1e-3, 1e9)
        ),
    ),
    *(
        Call(f"Membrane.{f}", getattr(Membrane(), f), {"radius_um": 1.0}, {"radius_um": SIZE_UM})
        for f in ("length_constant_um", "infinite_nS")
    ),
    Call(
        "Section",
        Section,
        {"length_um": 10.0, "radius_um": 1.0, "compartments": 10},
        {
            "length_um": bad_number(0.01, 1e6),
            "radius_um": SIZE_UM,
            "compartments": bad_whole(1, 1_000_000),
            "parent": bad_whole(-1, 1_000_000),
        },
    ),
    Call(
        "Leaf",
        Leaf,
        {"x_um": 1.0, "coupling_nS": 1.0, "leak_nS": 1.0, "capacitance_pF": 1.0},
        {
            "x_um": bad_number(0.0, 1e6),
            "coupling_nS": bad_number(0.0, 1e9, low_open=True),
            "leak_nS": ELECTRIC,
            "capacitance_pF": ELECTRIC,
            "section": bad_whole(0, 1_000_000),
        },
    ),
    Call(
        "Tree",
        Tree,
        {"sections": [Section(10.0, 1.0, 40)]},
        {"sections": JUNK, "membrane": JUNK, "leaves": JUNK.but(empty)},
    ),
    Call(
        "Tree.node",
        TREE.node,
        {"x_um": 1.0},
        {"x_um": bad_number(0.0, 10.0), "section": bad_number(0, 0)},
    ),
    Call("Tree.leaf", TREE.leaf, {"index": 0}, {"index": bad_number(0, 0)}),
    Call("Tree.section_nodes", TREE.section_nodes, {"section": 0}, {"section": bad_number(0, 0)}),
    Call(
        "steady_state",
        cable.steady_state,
        {"tree": TREE, "current_pA": {0: 1.0}},
        {
            "tree": JUNK,
            "current_pA": JUNK.but(lambda x: isinstance(x, dict) and "a" not in x)
            | st.sampled_from([{41: 1.0}, {-1: 1.0}, {0: NAN}, {0.5: 1.0}, {0: "a"}, {"0": 1.0}]),
        },
    ),
    Call(
        "input_resistance_Mohm",
        cable.input_resistance_Mohm,
        {"tree": TREE, "node": 0},
        {"tree": JUNK, "node": NODE},
    ),
    Call(
        "transient",
        cable.transient,
        {"tree": TREE, "current_pA": {0: 1.0}, "duration_ms": 1.0, "probes": [0]},
        {
            "tree": JUNK,
            "current_pA": JUNK.but(lambda x: isinstance(x, dict) and "a" not in x)
            | st.sampled_from([{41: 1.0}, {0: NAN}, {0: [1.0]}, {0: np.full(20, NAN)}]),
            "duration_ms": DURATION | st.just(0.07),
            "probes": JUNK.but(
                lambda x: empty(x) or (isinstance(x, np.ndarray) and x.shape in [(0, 3)])
            )
            | st.sampled_from([[41], [-1], [0.5], 3]),
            "scheme": bad_choice("published", "converged"),
            "step_ms": STEP,
            "initial_mV": Bad(bad_vector(-1e6, 1e6, 41).drawn).but(none),
        },
    ),
    Call(
        "steady_cylinder",
        cable.steady_cylinder,
        {"x_um": [1.0], "at_um": 0.0},
        {
            "x_um": Bad(st.sampled_from([NAN, [81.0], [-1.0], [0.0, NAN]]), array_like),
            "at_um": bad_number(0.0, 80.0),
            **CYLINDER,
        },
    ),
    Call(
        "step_cylinder",
        cable.step_cylinder,
        {"t_ms": [1.0], "x_um": 1.0, "at_um": 0.0},
        {
            "t_ms": Bad(
                st.sampled_from([NAN, [-1.0], [0.0, NAN]]),
                lambda x: array_like(x) and not isinstance(x, range),
            ),
            "x_um": bad_number(0.0, 80.0),
            "at_um": bad_number(0.0, 80.0),
            "terms": bad_whole(1, 1_000_000),
            **CYLINDER,
        },
    ),
    Call(
        "input_conductance_nS",
        cable.input_conductance_nS,
        {"sections": [Section(10.0, 1.0, 40)]},
        {"sections": JUNK, "membrane": JUNK.but(none), "section": bad_number(0, 0)},
    ),
    Call(
        "matched_radius_um",
        cable.matched_radius_um,
        {"radius_um": 1.0},
        {"radius_um": SIZE_UM, "branches": bad_whole(1, 1000)},
    ),
    Call(
        "Soma",
        Soma,
        {},
        {
            "x_um": bad_number(0.0, 1e5),
            "decay_ms": bad_number(0.01, 1e6),
            "gain": bad_number(0.0, 1e6, low_open=True),
            "radius_um": bad_number(1e-3, 1e3),
            "coupling": bad_choice(*NECKS),
        },
    ),
    Call(
        "Neuron",
        Neuron,
        {"branch": BRANCH, "soma": Soma(x_um=5.0)},
        {
            "branch": JUNK,
            "membrane": JUNK,
            "soma": JUNK | st.just(Soma(x_um=10.5)),
            "spine_capacitance_pF": ELECTRIC,
            "spine_leak_nS": ELECTRIC,
            "spine_neck_nS": bad_number(0.0, 1e9, low_open=True),
            "current_ratio": ELECTRIC,
        },
    ),
    Call(
        "simulate_neuron",
        simulate_neuron,
        {"neuron": NEURON, "spikes_ms": [[1.0], []], "rule": RULE, "duration_ms": 5.0},
        {
            "neuron": JUNK,
            "spikes_ms": BAD_TRAINS,
            "rule": JUNK.but(none),
            "duration_ms": DURATION | st.sampled_from([0.07, 1e-4, 4.999]),
            "weights": UNIT | bad_vector(0.0, 1.0, 2).drawn,
            "scheme": bad_choice("converged", "published"),
            "step_ms": STEP.but(none),
            "threshold_mV": bad_number(-1e6, 1e6),
        },
    ),
    Call(
        "responses",
        responses,
        {"neuron": NEURON, "pulses_ms": [0.0, 0.5]},
        {
            "neuron": JUNK,
            "pulses_ms": Bad(BAD_TRAIN.drawn).but(none) | st.sampled_from([[], [2e5]]),
            "scheme": bad_choice("converged", "published"),
            "step_ms": STEP.but(none),
        },
    ),
    Call(
        "Responses.voltage",
        ANSWER.voltage,
        {"inputs_ms": [[1.0], []], "weights": 0.5, "duration_ms": 5.0},
        {
            "inputs_ms": BAD_TRAINS,
            "weights": UNIT | bad_vector(0.0, 1.0, 2).drawn,
            "duration_ms": bad_number(0.0, 1e7, low_open=True) | st.just(0.07),
        },
    ),
    Call(
        "Responses.peaks",
        ANSWER.peaks,
        {"start_ms": [[1.0, 2.0]], "weights": 0.5},
        {
            "start_ms": JUNK
            | st.sampled_from([np.zeros((0, 2)), [[-1.0, 0.0]], [[INF, 0.0]], [[1.0]], [1.0, 2.0]]),
            "weights": UNIT | bad_vector(0.0, 1.0, 2).drawn.filter(lambda x: np.shape(x) != (1, 2)),
            "duration_ms": bad_number(0.0, 1e7, low_open=True).but(none),
            "threshold_mV": bad_number(-1e6, 1e6),
        },
    ),
    Call(
        "read_peak",
        soma.read_peak,
        {"t_ms": [0.0, 1.0, 2.0], "trace_mV": [0.0, 1.0, 0.0], "threshold_mV": 0.5},
        {
            # of another number: named by the trace
            "t_ms": Bad(bad_vector(-1e12, 1e12).drawn, lambda x: isinstance(x, range) or empty(x))
            | st.sampled_from([[0.0, 1.0, 3.0], [0.0, 0.0, 0.0], [2.0, 1.0, 0.0]]),
            "trace_mV": bad_vector(-1e9, 1e9, 3),
            "threshold_mV": bad_number(-1e9, 1e9),
            "scheme": bad_choice("converged", "published"),
        },
    ),
    Call(
        "input_pulses",
        soma.input_pulses,
        {},
        {"pulses": bad_whole(1, 1_000_000), "interval_ms": bad_number(0.0, 1e6, low_open=True)},
    ),
    Call(
        "selectivity",
        soma.selectivity,
        {"preferred": [1.0, 2.0], "other": [1.0, 2.0]},
        {"preferred": ARRAY, "other": ARRAY},
    ),
    Call(
        "figure_5_branch",
        soma.figure_5_branch,
        {"spines_um": [40.0]},
        {
            "spines_um": Bad(bad_vector(0.0, 80.0).drawn) | st.just([]),
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*NECKS),
            "radius_um": bad_number(0.01, 100.0),
        },
    ),
    Call(
        "PairRule",
        PairRule,
        {},
        {
            "a_plus": UNIT,
            "a_minus": UNIT,
            "tau_plus_ms": bad_number(1e-3, 1e6),
            "tau_minus_ms": bad_number(1e-3, 1e6),
        },
    ),
    Call(
        "PairRule.after",
        PairRule().after,
        {"pre_ms": [1.0], "post_ms": [2.0], "weight": 0.5},
        {"pre_ms": BAD_TRAIN, "post_ms": BAD_TRAIN, "weight": UNIT},
    ),
    Call(
        "sequence",
        protocols.sequence,
        {},
        {
            "order": ORDER,
            "delay_ms": bad_number(0.0, 1e9),
            "repetitions": COUNT,
            "every_ms": GAP | st.floats(0.1, 2.25),
            "pulses": COUNT,
            "interval_ms": GAP,
            "start_ms": START,
        },
    ),
    Call(
        "sequence_neuron",
        studies.sequence_neuron,
        {},
        {
            "distance_um": DISTANCE,
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*NECKS),
            "coupling": bad_choice(*NECKS),
        },
    ),
    Call(
        "studies.sequence",
        studies.sequence,
        {"repetitions": 1},
        {
            **PAIRED,
            "trained": bad_choice("inward", "outward").but(none),
            "distance_um": DISTANCE,
            "diffusion": FLAG,
            "plastic_test": FLAG,
        },
    ),
    Call(
        "sequence_curve",
        studies.sequence_curve,
        {"parameter": "delay_ms", "values": [5.0], "repetitions": 1},
        {
            **{k: v for k, v in PAIRED.items() if k != "delay_ms"},
            "distance_um": DISTANCE,
            "parameter": bad_choice(*studies.CURVES),
            "values": Bad(bad_vector(0.0, 1000.0).drawn) | st.just([]),
        },
    ),
    Call("order_map_axes", studies.order_map_axes, {}, {}),
    Call(
        "sequence_map",
        studies.sequence_map,
        {"delays_ms": [5.0], "distances_um": [1.0], "repetitions": 1},
        {
            **{k: v for k, v in PAIRED.items() if k != "delay_ms"},
            "delays_ms": Bad(bad_vector(0.0, 1000.0).drawn).but(none) | st.just([]),
            "distances_um": Bad(bad_vector(0.25, 30.0).drawn).but(none) | st.just([]),
        },
    ),
    Call(
        "sequence_retention",
        studies.sequence_retention,
        {"presentations": 1, "repetitions": 1},
        {
            **PAIRED,
            "distance_um": DISTANCE,
            "shown": JUNK | st.sampled_from([("inward", "up"), "up", 3]),
            "presentations": bad_whole(1, 1000),
        },
    ),
    Call(
        "order_neuron",
        orders.order_neuron,
        {},
        {
            "n_inputs": bad_whole(2, 12),
            "spacing_um": SPACING,
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*NECKS),
            "coupling": bad_choice(*NECKS),
        },
    ),
    Call("all_orders", orders.all_orders, {"n_inputs": 3}, {"n_inputs": bad_whole(2, 8)}),
    Call(
        "sampled_orders",
        orders.sampled_orders,
        {"n_inputs": 3, "count": 2, "rng": np.random.default_rng(1)},
        {"n_inputs": bad_whole(2, 12), "count": bad_whole(1, 6), "rng": JUNK},
    ),
    Call(
        "order_study",
        orders.order_study,
        {"n_inputs": 2, "repetitions": 1, "rng": np.random.default_rng(1)},
        {
            **LEARNING,
            "trained": ORDER | st.sampled_from(["up", (1, 2)]),
            "orders": JUNK | st.sampled_from([0, 2, 1.5, "some", [(0, 2)]]),
            "n_inputs": bad_whole(2, 12),
            "spacing_um": SPACING,
            "every_ms": bad_number(2.5, 1e5).but(none),
            "learner": bad_choice(*orders.LEARNERS),
            "response": bad_choice("peak", "crossing"),
            "background_hz": bad_number(0.0, 1000.0),
            "background_test": FLAG,
            "rng": JUNK.but(none),
        },
    ),
    Call(
        "order_cell",
        orders.order_cell,
        {"n_inputs": 2, "repetitions": 1, "rng": np.random.default_rng(1)},
        {
            **{k: v for k, v in LEARNING.items() if k in ("delay_ms", "repetitions", "neck")},
            "diffusion_um2_per_s": D,
            "n_inputs": bad_whole(2, 12),
            "spacing_um": SPACING,
            "background_hz": bad_number(0.0, 1000.0),
            "learner": bad_choice(*orders.LEARNERS),
            "response": bad_choice("peak", "crossing"),
            "shown": bad_whole(1, 1_000_000),
            "background_test": FLAG,
            "replicate": bad_whole(0, 1_000_000_000),
            "rng": JUNK,
        },
    ),
    Call(
        "SequenceTask",
        learner.SequenceTask,
        {"orders": [(0, 1), (1, 0)]},
        {**NOISE, "orders": Bad(st.sampled_from([[(0, 1), (0, 1)], [(0,)], [(0, 1), (0, 1, 2)]]))},
    ),
    Call(
        "SequenceTask.drawn",
        learner.SequenceTask.drawn,
        {"n_classes": 2, "n_afferents": 3, "rng": np.random.default_rng(1)},
        {"n_classes": bad_whole(1, 6), "n_afferents": bad_whole(2, 40), "rng": JUNK, **NOISE},
    ),
    Call(
        "SequenceTask.draw",
        TASK.draw,
        {"n_per_class": 2, "rng": np.random.default_rng(1)},
        {"n_per_class": bad_whole(1, 50_000), "rng": JUNK},
    ),
    Call(
        "Patterns.features",
        SHOWN.features,
        {},
        {"kind": bad_choice(*learner.FEATURES), "bin_ms": bad_number(0.1, 1e4)},
    ),
    Call(
        "new_learner",
        learner.new_learner,
        {"rng": np.random.default_rng(1)},
        {
            "n_classes": bad_whole(1, 100),
            "n_branches": bad_whole(1, 1000),
            "n_afferents": bad_whole(3, 40),
            "n_spines": bad_whole(2, 12),
            "learner": bad_choice(*learner.LEARNERS),
            "rule": JUNK.but(none),
            "spacing_um": SPACING,
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*NECKS),
            "weight": UNIT,
            "rng": JUNK,
        },
    ),
    Call("Learner.train", NEW.train, {"patterns": SHOWN}, {"patterns": JUNK}),
    Call(
        "Learner.peaks",
        NEW.peaks,
        {"patterns": SHOWN, "noise_mV": 0.1, "rng": np.random.default_rng(1)},
        {"patterns": JUNK, "noise_mV": bad_number(0.0, 1e3), "rng": JUNK},
    ),
    Call(
        "Learner.classify",
        NEW.classify,
        {"patterns": SHOWN, "heard": SHOWN},
        {"patterns": JUNK, "reading": bad_choice(*learner.READINGS), "heard": JUNK},
    ),
    Call(
        "Learner.classify, growth",
        lambda before: NEW.classify(SHOWN, "growth", before=before),
        {"before": NEW},
        {"before": JUNK},
    ),
    Call(
        "linear_readout",
        learner.linear_readout,
        {"seen": [[0.0], [1.0]], "labels": [0, 1], "shown": [[0.5]]},
        {
            "seen": Bad(st.sampled_from([NAN, [[NAN]], [0.1, 0.2]])),
            "labels": Bad(st.sampled_from([[0], [0.5, 1.0], [-1, 0], [0, 100], [NAN, 1.0]])),
            "shown": Bad(st.sampled_from([[[0.0, 1.0]], [0.0], [[INF]]])),
            "ridge": bad_number(0.0, 1e12, low_open=True),
        },
    ),
    Call(
        "learner_cell",
        learner.learner_cell,
        {
            "n_classes": 2,
            "n_branches": 1,
            "presentations": 1,
            "shown": 1,
            "rng": np.random.default_rng(1),
        },
        {
            **NOISE,
            "n_classes": bad_whole(1, 100),
            "n_branches": bad_whole(1, 1000),
            "n_spines": bad_whole(2, 12),
            "n_afferents": bad_whole(3, 40),
            "noise_mV": bad_number(0.0, 1e3),
            "presentations": bad_whole(1, 1000),
            "shown": bad_whole(1, 1000),
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*NECKS),
            "replicate": bad_whole(0, 1_000_000_000),
            "rng": JUNK,
        },
    ),
    Call(
        "Branch",
        Branch,
        {
            "spines_um": [4.8, 5.3],
            "diffusion_um2_per_s": 220.0,
            "length_um": 80.0,
            "radius_um": 1.0,
            "compartments": 320,
            "decay_ms": 80.0,
            "neck": "published",
            "spine": SPINE,
        },
        {
            "spines_um": Bad(bad_vector(0.0, 80.0).drawn)
            | st.sampled_from([np.zeros(0), [80.1], [-0.1], [4.8, 4.9], [1.0, 9.0, 1.0]]),
            "diffusion_um2_per_s": D,
            "length_um": bad_number(0.1, 1e5),
            "radius_um": bad_number(0.01, 100.0),
            "compartments": bad_whole(2, 100_000),
            "decay_ms": bad_number(0.001, 1e9, infinite=True),
            "neck": bad_choice(*NECKS),
            "spine": JUNK,
        },
    ),
    Call(
        "Spine",
        Spine,
        {},
        {
            "head_radius_um": SIZE,
            "neck_radius_um": SIZE,
            "neck_length_um": SIZE,
            "decay_ms": bad_number(0.001, 1e9, infinite=True),
            "current_pA": bad_number(0.0, 1e6),
            "current_decay_ms": bad_number(0.001, 1e6),
            "calcium_fraction": UNIT,
        },
    ),
    Call(
        "Spine.escape_per_ms",
        SPINE.escape_per_ms,
        {"diffusion_um2_per_s": 220.0},
        {"diffusion_um2_per_s": D, "neck": bad_choice(*THREE)},
    ),
    Call(
        "Spine.entry_per_ms",
        SPINE.entry_per_ms,
        {"diffusion_um2_per_s": 220.0, "compartment_um3": 0.5},
        {
            "diffusion_um2_per_s": D,
            "compartment_um3": bad_number(0.0, 1e12, low_open=True),
            "neck": bad_choice(*THREE),
        },
    ),
    Call(
        "Spine.neck_conductance_um3_per_ms",
        SPINE.neck_conductance_um3_per_ms,
        {"diffusion_um2_per_s": 220.0},
        {"diffusion_um2_per_s": D},
    ),
    Call(
        "Spine.clearance_ms",
        SPINE.clearance_ms,
        {"diffusion_um2_per_s": 220.0},
        {"diffusion_um2_per_s": D, "neck": bad_choice(*THREE)},
    ),
    Call(
        "calcium_of_pulse",
        calcium_of_pulse,
        {"t_ms": [0.0, 1.0]},
        {
            "t_ms": Bad(st.sampled_from([NAN, [0.0, NAN]]), array_like),
            "spine": JUNK.but(none),
            "weight": UNIT,
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*THREE),
        },
    ),
    Call(
        "simulate_spine",
        simulate_spine,
        {"spine": SPINE, "spikes_ms": [1.0], "rule": RULE, "duration_ms": 5.0},
        {
            "spine": JUNK,
            "spikes_ms": BAD_TRAIN,
            "rule": JUNK.but(none),
            "duration_ms": DURATION | st.sampled_from([0.07, 1e-4]),
            "weight": UNIT,
            "diffusion_um2_per_s": D,
            "neck": bad_choice(*THREE),
            "step_ms": STEP,
        },
    ),
    Call(
        "simulate",
        simulate,
        {"branch": BRANCH, "spikes_ms": [[1.0], []], "rule": RULE, "duration_ms": 5.0},
        {
            "branch": JUNK,
            "spikes_ms": BAD_TRAINS,
            "rule": JUNK.but(none),
            "duration_ms": DURATION | st.sampled_from([0.07, 1e-4, 4.999]),
            "weights": UNIT | bad_vector(0.0, 1.0, 2).drawn,
            "scheme": bad_choice("converged", "published"),
            "step_ms": STEP.but(none),
            "record": bad_choice("traces", "final", "all"),
            "engine": bad_choice("auto", "grid", "reduced"),
            "shaft_every_ms": bad_number(0.05, 1e9).but(none),
            "initial_calcium_uM": JUNK.but(none)
            | st.one_of(
                st.floats(),
                st.tuples(bad_vector(0.0, 1e9, 2).drawn, st.just(np.zeros(40))),
                st.tuples(st.just([0.0, 0.0]), bad_vector(0.0, 1e9, 40).drawn),
                st.sampled_from([(np.zeros(2),), (np.zeros(2), np.zeros(40), np.zeros(2))]),
            ),
        },
    ),
    Call(
        "ThresholdRule",
        ThresholdRule,
        {"theta_p_uM": 0.5, "theta_d_uM": 0.5},
        {
            "theta_p_uM": POSITIVE,
            "theta_d_uM": POSITIVE | st.floats(0.5, 1e6, exclude_min=True),
            "gamma_p_per_s": RATE,
            "gamma_d_per_s": RATE,
        },
    ),
    Call(
        "ThresholdRule.rate_per_s",
        RULE.rate_per_s,
        {"calcium_uM": [0.1, 0.2], "weight": [0.1, 0.2]},
        {
            "calcium_uM": ARRAY,
            "weight": ARRAY,
        },
    ),
    Call(
        "ThresholdRule.outcome",
        RULE.outcome,
        {"calcium_uM": 0.1},
        {"calcium_uM": bad_number(0.0, 1e9), "weight": UNIT},
    ),
    Call(
        "ThresholdRule.after",
        RULE.after,
        {"calcium_uM": 0.1, "duration_ms": 5.0, "weight": 0.5},
        {
            "calcium_uM": bad_number(0.0, 1e9),
            "duration_ms": bad_number(0.0, 1e12),
            "weight": UNIT,
        },
    ),
    Call(
        "ThresholdRule.evolve",
        RULE.evolve,
        TRACE,
        {
            "t_ms": TIMES,
            "calcium_uM": bad_vector(0.0, 1e9, 3),
            "weight": UNIT,
        },
    ),
    Call("ThresholdRule.of", ThresholdRule.of, {"parameters": SET}, {"parameters": JUNK}),
    Call(
        "BistableRule",
        BistableRule,
        {"theta_p": 1.3, "theta_d": 1.0},
        {
            "theta_p": POSITIVE,
            "theta_d": POSITIVE | st.floats(1.3, 1e6, exclude_min=True),
            "gamma_p": RATE,
            "gamma_d": RATE,
            "rho_star": bad_number(0.001, 0.999),
            "tau_ms": bad_number(1.0, 1e9),
        },
    ),
    Call(
        "BistableRule.evolve",
        BISTABLE.evolve,
        {"t_ms": [0.0, 1.0, 2.0], "calcium": [0.0, 0.1, 0.2], "rho": 0.5},
        {
            "t_ms": TIMES | st.just([0.0, 1e3, 2e3]),
            "calcium": bad_vector(0.0, 1e9, 3),
            "rho": UNIT,
        },
    ),
    Call(
        "spike_calcium",
        spike_calcium,
        {"t_ms": [0.0, 1.0], "pre_ms": [0.0], "post_ms": [0.5]},
        {
            "t_ms": bad_vector(-1e12, 1e12).but(lambda x: isinstance(x, range)),
            "pre_ms": BAD_TRAIN,
            "post_ms": BAD_TRAIN,
            "parameters": JUNK,
        },
    ),
    Call("single", protocols.single, {}, {"at_ms": START}),
    Call(
        "burst",
        protocols.burst,
        {},
        {"pulses": COUNT, "interval_ms": GAP, "start_ms": START},
    ),
    Call(
        "bursts",
        protocols.bursts,
        {},
        {
            "pulses": COUNT,
            "repetitions": COUNT,
            "every_ms": GAP,
            "interval_ms": GAP,
            "start_ms": START,
        },
    ),
    Call(
        "train",
        protocols.train,
        {"rate_hz": 10.0, "pulses": 3},
        {
            "rate_hz": bad_number(0.0, 1e5, low_open=True) | st.just(1e-300),
            "pulses": COUNT,
            "start_ms": START,
        },
    ),
    Call(
        "pairing",
        protocols.pairing,
        {"delay_ms": 5.0},
        {"delay_ms": DELAY, "repetitions": COUNT, "every_ms": GAP, "start_ms": START},
    ),
    Call(
        "triplet",
        protocols.triplet,
        {"delay_ms": 5.0},
        {
            "delay_ms": DELAY | st.floats(-1e9, -200.0, exclude_max=True),
            "interval_ms": GAP,
            "start_ms": START,
        },
    ),
    Call(
        "poisson",
        protocols.poisson,
        {"rate_hz": 5.0, "duration_ms": 10.0, "rng": np.random.default_rng(1)},
        {
            "rate_hz": bad_number(0.0, 1e5),
            "duration_ms": DURATION,
            "rng": JUNK,
            "start_ms": START,
        },
    ),
    Call(
        "compartment_um",
        studies.compartment_um,
        {"index": 3},
        {"index": bad_whole(0, 319), "parameters": JUNK},
    ),
    Call(
        "two_spines",
        studies.two_spines,
        {"panel": "C"},
        {
            "panel": bad_choice("A", "B", "C"),
            "thresholds": bad_choice("4/2", "70/50"),
            "delay_ms": bad_number(-150.0, 150.0),
            "scheme": bad_choice("published", "converged"),
            "neck": bad_choice(*NECKS),
            "step_ms": STEP.but(none),
        },
    ),
    Call(
        "simulate_many",
        heterolib.simulate_many,
        {"branch": BRANCH, "trains": [[[1.0], []]], "rules": [RULE], "duration_ms": 5.0},
        {
            "branch": JUNK,
            "trains": JUNK | BAD_TRAINS.drawn.map(lambda x: [x]),
            "rules": JUNK | st.sampled_from([np.zeros((1, 4)), np.ones((2, 3)), [None], ()]),
            "duration_ms": DURATION,
            "weights": UNIT | bad_vector(0.0, 1.0, 2).drawn.filter(lambda x: np.shape(x) != (1, 2)),
            "scheme": bad_choice("converged", "published"),
            "step_ms": STEP.but(none),
            "tolerance": bad_number(1e-14, 0.1).but(none),
        },
    ),
    Call("map_grid", studies.map_grid, {}, {}),
    Call(
        "window_branch",
        studies.window_branch,
        {"distance_um": 1.0},
        {"distance_um": bad_number(0.25, 30.0), "neck": bad_choice(*NECKS)},
    ),
    Call(
        "delay_curve",
        studies.delay_curve,
        {"delays_ms": [5.0]},
        {
            "distance_um": bad_number(0.25, 30.0),
            "delays_ms": DELAYS | st.just([]),
            "rule": JUNK.but(none),
            "protocol": bad_choice("repeated", "pairing", "triplet"),
            **SCHEME,
        },
    ),
    Call(
        "sign_map",
        studies.sign_map,
        {"grid": [1.0], "delays_ms": [5.0]},
        {
            "axes": bad_choice("rates", "thresholds"),
            "protocol": bad_choice("repeated", "pairing", "triplet"),
            "delays_ms": DELAYS.but(none) | st.just([]),
            "grid": Bad(bad_vector(1e-6, 1e5).drawn).but(none) | st.just([]),
            "distance_um": bad_number(0.25, 30.0),
            **SCHEME,
        },
    ),
    Call(
        "Arrangement",
        studies.Arrangement,
        {"site": (100, 104), "stimulated": (True, False), "weights": (0.5, 0.6)},
        {
            "site": JUNK | st.sampled_from([(104, 100), (100, 100), (1.5, 2), (100, 320)]),
            "stimulated": JUNK | st.sampled_from([(1, 0), (False, False), (True,)]),
            "weights": Bad(bad_vector(0.0, 1.0, 2).drawn),
        },
    ),
    Call("Arrangement.group", ARRANGEMENT.group, {"name": "near"}, {"name": bad_choice(*GROUPS)}),
    Call(
        "random_arrangement",
        studies.random_arrangement,
        {"rng": np.random.default_rng(1)},
        {"rng": JUNK},
    ),
    Call(
        "published_arrangement",
        studies.published_arrangement,
        {"seed": 283},
        {"seed": bad_whole(1, 1000)},
    ),
    Call(
        "published_realisations",
        studies.published_realisations,
        {"count": 1},
        {
            "diffusion_um2_per_s": bad_number(0.0, 1e6) | st.just(100.0),
            "count": bad_whole(1, 100),
            "scheme": SCHEME["scheme"],
            "step_ms": SCHEME["step_ms"],
        },
    ),
    Call(
        "cluster",
        studies.cluster,
        {"arrangement": ARRANGEMENT, "rates": ["100 Hz"]},
        {
            "arrangement": JUNK,
            "rates": RATES,
            "diffusion_um2_per_s": D,
            "rule": JUNK.but(none),
            "radius_um": bad_number(0.01, 100.0),
            **SCHEME,
        },
    ),
    Call(
        "cluster_study",
        studies.cluster_study,
        {"arrangements": [ARRANGEMENT], "rates": ["100 Hz"]},
        {
            "arrangements": JUNK,
            "rates": RATES,
            "diffusion_um2_per_s": Bad(bad_vector(0.0, 1e6).drawn) | st.just([]),
            "rule": JUNK.but(none),
            "radius_um": bad_number(0.01, 100.0),
            **SCHEME,
        },
    ),
    Call(
        "carried_over",
        studies.carried_over,
        {"change": [[0.1, 0.2, 0.3]]},
        {
            "change": JUNK.but(
                lambda x: np.shape(x) == (0, 3) if isinstance(x, np.ndarray) else False
            )
        },
    ),
    Call(
        "Result.time_above_ms",
        RESULT.time_above_ms,
        {"threshold_uM": 0.1},
        {"threshold_uM": JUNK | st.just(NAN)},
    ),
    Call("total_calcium", total_calcium, {"result": RESULT}, {"result": JUNK}),
    Call("ParameterSet.info", SET.info, {"name": "decay"}, {"name": bad_choice(*SET)}),
    Call(
        "ParameterSet.variant",
        SET.variant,
        {"name": "figure 3"},
        {"name": bad_choice(*SET.variants)},
    ),
    Call("mystery.rule_of", mystery.rule_of, {"number": 1}, {"number": bad_whole(1, 999)}),
    Call(
        "mystery.score",
        mystery.score,
        {"number": 1, "theta_d_nM": 50.0, "theta_p_nM": 90.0},
        {
            "number": bad_whole(1, 999),
            **dict.fromkeys(("theta_d_nM", "theta_p_nM"), bad_number(0.0, 1e9, low_open=True)),
        },
    ),
    Call("table", parameters.table, {"parameters": SET}, {"parameters": JUNK}),
    Call(
        "show",
        lambda tables: parameters.show(tables),
        {"tables": parameters.table(SET)},
        {"tables": JUNK},
    ),
    Call("diff", parameters.diff, {"a": SET, "b": SET}, {"a": JUNK, "b": JUNK}),
    Call("cite", parameters.cite, {"parameters": SET}, {"parameters": JUNK}),
]
PAIRS = [pytest.param(c, a, id=f"{c.name}-{a}") for c in CALLS for a in c.bad]
DRAWN = [
    pytest.param(c, a, id=f"{c.name}-{a}")
    for c in CALLS
    for a, b in c.bad.items()
    if b.drawn is not None
]


@pytest.mark.parametrize(("call", "argument"), PAIRS)
def test_junk_is_refused_by_name(call, argument):
    """Whatever it is: ValueError, no other exception, no result, and nothing computed."""
    wrong = []
    for value in junk():
        if call.bad[argument].fine(value):
            continue
        try:
            with nothing_may_be_computed():
                call.function(**{**call.good, argument: value})
            wrong.append(f"{value!r:.20}: taken")
        except ValueError as error:
            if argument not in str(error):
                wrong.append(f"{value!r:.20}: not named in {str(error)[:60]!r}")
        except BaseException as error:
            wrong.append(f"{value!r:.20}: {type(error).__name__}")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(("call", "argument"), DRAWN)
@OFTEN
@given(data=st.data())
def test_bad_values_are_refused_by_name(call, argument, data):
    value = data.draw(call.bad[argument].drawn)
    with nothing_may_be_computed(), pytest.raises(ValueError) as caught:
        call.function(**{**call.good, argument: value})
    message = str(caught.value)
    assert argument in message
    if isinstance(value, float):  # numbers are shown
        assert repr(value) in message or f"{value:g}" in message


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.name)
def test_good_values_are_taken(call):
    """Otherwise a refusal would prove nothing."""
    call.function(**call.good)


# What functions return, and helpers that are handed checked arguments.
RESULTS = {
    "DelayCurve", "SignMap", "ClusterResult", "ClusterStudy", "Sequence5", "OrderTable",
    "Retention", "Voltages", "run_tree", "NeuronResult", "Readings", "Responses", "OrderStudy",
    "Patterns", "Learner",
}  # fmt: skip


def test_every_public_callable_is_in_the_table():
    public = {n for n in heterolib.__all__ if callable(getattr(heterolib, n))} - {"Result"}
    names = {c.name for c in CALLS}
    assert public <= names
    for module in (protocols, studies, cable, soma, orders, coursework, learner):
        here = {
            n for n, f in vars(module).items()
            if callable(f) and not n.startswith("_") and f.__module__ == module.__name__
        } - RESULTS  # fmt: skip
        assert here <= names, here - names


def test_the_stand_ins_do_complain():
    assert len(KERNELS) > 10
    with nothing_may_be_computed(), pytest.raises(Computed):
        simulate(BRANCH, [[1.0], []], RULE, 5.0)
    with nothing_may_be_computed(), pytest.raises(Computed):
        simulate_spine(SPINE, [1.0], RULE, 5.0)


# -- numbers of other types ------------------------------------------------------------------

OTHER = [
    np.float32,
    np.float64,
    np.array,
    lambda x: decimal.Decimal(repr(x)),
    lambda x: fractions.Fraction(x).limit_denominator(10_000),
]
OTHER_IDS = ["float32", "float64", "0-d array", "Decimal", "Fraction"]


def uses_of_numbers(other):
    """Calls whose numbers are of another type."""
    return (
        lambda: simulate(
            Branch([4.8], length_um=10.0, compartments=40, decay_ms=other(60.5),
                   diffusion_um2_per_s=other(100.5), radius_um=other(0.5)),
            [[1.0]], None, other(5.0), weights=other(0.5), step_ms=other(0.125),
        ),
        lambda: simulate_spine(
            Spine(current_pA=other(0.25), current_decay_ms=other(1.5), decay_ms=other(60.5),
                  head_radius_um=other(0.25), neck_radius_um=other(0.125)),
            [1.0], None, 5.0,
        ),
        lambda: simulate(
            BRANCH, [[1.0], []],
            ThresholdRule(theta_p_uM=other(0.5), theta_d_uM=other(0.25),
                          gamma_p_per_s=other(2.5), gamma_d_per_s=other(1.5)),
            5.0,
        ),
        lambda: ThresholdRule(gamma_p_per_s=other(2.5)).rate_per_s(1.0, 0.5),
        lambda: ThresholdRule(gamma_p_per_s=other(2.5)).ceiling,
        lambda: BistableRule(tau_ms=other(500.5), gamma_p=other(2.5)).evolve([0, 1], [1, 2], 1),
        lambda: calcium_of_pulse([1.0], Spine(current_pA=other(0.5)), weight=other(0.5)),
    )  # fmt: skip


@pytest.mark.parametrize("other", OTHER, ids=OTHER_IDS)
def test_other_numbers_are_refused_or_work_as_floats(other):
    """What is accepted must be a plain float by the time it reaches a compiled kernel."""
    seen = []

    def watch(name):
        real = getattr(kernels, name)

        def spy(*args):
            seen.extend(
                (name, type(a)) for a in args if not isinstance(a, np.ndarray) or a.ndim != 1
            )
            return real(*(float(a) if np.ndim(a) == 0 and type(a) is not int else a for a in args))

        return spy

    for use in uses_of_numbers(float):  # numba cannot compile through the spies
        use()
    with mock.patch.multiple(kernels, **{n: watch(n) for n in KERNELS}):
        for use in uses_of_numbers(other):
            with contextlib.suppress(ValueError):
                use()
    assert {t for _, t in seen} <= {float, int, bool, np.float64}, set(seen)


# -- arguments that depend on each other -----------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_traces_of_unequal_length(n):
    for rule in (RULE, BISTABLE):
        with pytest.raises(ValueError, match=r"t_ms|calcium"):
            rule.evolve(np.arange(n), [0.0, 0.1, 0.2], 0.5)
        with pytest.raises(ValueError, match=r"t_ms|calcium"):
            rule.evolve(np.arange(n) * 2.0, np.zeros(n + 1), 0.5)
    with pytest.raises(ValueError, match="t_ms"):
        RULE.evolve([1.0], [1.0], 0.5)


@OFTEN
@given(theta_p=st.floats(1e-6, 1e6), more=st.floats(1.0, 10.0, exclude_min=True))
def test_theta_d_above_theta_p_is_refused(theta_p, more):
    theta_d = theta_p * more
    for rule, names in (
        (ThresholdRule, ("theta_p_uM", "theta_d_uM")),
        (BistableRule, ("theta_p", "theta_d")),
    ):
        if theta_d > theta_p:
            with pytest.raises(ValueError, match="theta_d"):
                rule(**dict(zip(names, (theta_p, theta_d), strict=True)))
        rule(**dict(zip(names, (theta_p, theta_p), strict=True)))


@OFTEN
@given(
    places=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=12),
    compartments=st.integers(2, 30),
)
def test_one_spine_for_each_compartment(places, compartments):
    """Refused if two share one, taken if not."""
    dx = 10.0 / compartments
    cells = [min(int(x / dx + 1e-9), compartments - 1) for x in places]
    if len(set(cells)) == len(cells):
        branch = Branch(places, length_um=10.0, compartments=compartments)
        assert branch.site == tuple(cells)
    else:
        with pytest.raises(ValueError, match=r"spines_um.*compartment"):
            Branch(places, length_um=10.0, compartments=compartments)


def test_more_spines_than_compartments():
    with pytest.raises(ValueError, match="spines_um"):
        Branch(np.linspace(0.0, 10.0, 11), length_um=10.0, compartments=10)


@OFTEN
@given(place=st.one_of(st.floats(10.0, 1e6, exclude_min=True), st.floats(-1e6, -1e-9)))
def test_spines_outside_the_branch(place):
    with pytest.raises(ValueError, match="spines_um"):
        Branch([5.0, place], length_um=10.0, compartments=40)


@OFTEN
@given(steps=st.integers(1, 10_000), share=st.floats(0.01, 0.99), step=st.floats(1e-3, 10.0))
def test_steps_that_do_not_divide(steps, share, step):
    duration = (steps + share) * step
    with nothing_may_be_computed():
        for run in (
            lambda: simulate(BRANCH, [[], []], None, duration, step_ms=step),
            lambda: simulate(BRANCH, [[], []], None, duration, step_ms=step, scheme="published"),
            lambda: simulate_spine(SPINE, [], None, duration, step_ms=step),
        ):
            with pytest.raises(ValueError, match="duration_ms"):
                run()
        with pytest.raises(ValueError, match="shaft_every_ms"):
            simulate(
                BRANCH, [[], []], None, 50 * step, step_ms=step, record="all",
                shaft_every_ms=(1.0 + share) * step,
            )  # fmt: skip
    assert checks.steps("duration_ms", steps * step, step) == steps


@OFTEN
@given(step=st.sampled_from([0.05, 0.25, 1.0]), excess=st.floats(1.0001, 100.0))
def test_published_scheme_refuses_rates_beyond_its_step(step, excess):
    rule = ThresholdRule(gamma_p_per_s=600.0 / step * excess, gamma_d_per_s=400.0 / step)
    with nothing_may_be_computed(), pytest.raises(ValueError, match="gamma_p_per_s"):
        simulate(BRANCH, [[], []], rule, 5.0, step_ms=step, scheme="published")
    simulate(BRANCH, [[], []], rule, 5.0, step_ms=step)  # the converged scheme takes them


def test_too_many_numbers_are_refused_before_they_are_allocated():
    for run in (
        lambda: simulate(BRANCH, [[], []], None, 1e9),
        lambda: simulate(BRANCH, [[], []], None, 1e9, step_ms=1e-6),
        lambda: simulate_spine(SPINE, [], None, 1e9),
        lambda: simulate_spine(SPINE, [], None, 1e9, step_ms=1e-6),
    ):
        with nothing_may_be_computed(), pytest.raises(ValueError, match=r"duration_ms|record"):
            run()
    with pytest.raises(ValueError, match=r"pulses|repetitions"):
        protocols.bursts(10_000_000, 10_000_000)
    with pytest.raises(ValueError, match="rate_hz"):
        protocols.poisson(1e5, 1e9, np.random.default_rng(1))


def test_messages_name_argument_value_and_range():
    with pytest.raises(ValueError) as caught:
        ThresholdRule(theta_p_uM=-3.5)
    assert str(caught.value) == "theta_p_uM is -3.5; allowed: a number in (0, 1e+06]"
    with pytest.raises(ValueError, match=r"weights\[1\] is 1\.5; allowed: .* of 2 .*\[0, 1\]"):
        simulate(BRANCH, [[], []], None, 5.0, weights=[0.5, 1.5])
    with pytest.raises(ValueError, match=r"spikes_ms\[1\]\[2\] is 3\.0, after 9\.0"):
        simulate(BRANCH, [[], [1.0, 9.0, 3.0]], None, 5.0)
    with pytest.raises(ValueError, match=r"scheme is 'magic'; allowed: 'converged', 'published'"):
        simulate(BRANCH, [[], []], None, 5.0, scheme="magic")


# -- the checks themselves -------------------------------------------------------------------


@OFTEN
@given(x=st.floats(0.0, 1.0))
def test_number_returns_what_it_takes(x):
    assert checks.number("x", x, 0.0, 1.0) == x
    assert type(checks.number("x", np.float32(0.5), 0.0, 1.0)) is float


def test_number_at_the_ends_of_its_range():
    assert checks.number("x", 0, 0.0, 1.0) == 0.0 and checks.number("x", 1, 0.0, 1.0) == 1.0
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        checks.number("x", 0, 0.0, 1.0, low_open=True)
    assert checks.number("x", INF, 0.0, 1.0, infinite=True) == INF
    for bad in (INF, -INF, NAN):
        with pytest.raises(ValueError, match="x is"):
            checks.number("x", bad, -INF, INF)


def test_whole_takes_whole_floats_only():
    assert checks.whole("n", 3.0, 0, 5) == 3 and type(checks.whole("n", 3.0, 0, 5)) is int
    with pytest.raises(ValueError, match="whole"):
        checks.whole("n", 3.5, 0, 5)


def test_vector_is_a_new_array():
    a = np.array([1.0, 2.0])
    b = checks.vector("a", a, 0.0, 5.0)
    b[0] = 4.0
    assert a[0] == 1.0
    assert checks.vector("a", [1, 2], 0.0, 5.0).dtype == np.float64
    assert checks.vector("a", [], 0.0, 5.0).shape == (0,)


def test_trains_may_repeat_a_time_and_may_be_empty():
    trains = checks.spike_trains("spikes_ms", [[1.0, 1.0, 2.0], ()], 2)
    assert [t.tolist() for t in trains] == [[1.0, 1.0, 2.0], []]
