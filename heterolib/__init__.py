"""Heterolib: calcium, dendrites and learning.

The library behind the book of the same name. Units are the same everywhere: µm, ms, mV, µM,
nS, pA; rates that papers print per second carry ``_per_s`` in their name.

>>> from heterolib import Branch, ThresholdRule, simulate
>>> result = simulate(Branch([40.125, 41.125]), [[1.0], []], ThresholdRule(), 100.0)
>>> result.n_spines
2
"""

from heterolib import parameters, protocols
from heterolib.batch import simulate_many
from heterolib.branch import Branch, simulate, total_calcium
from heterolib.cable import Leaf, Membrane, Section, Tree
from heterolib.plasticity import BistableRule, PairRule, ThresholdRule, spike_calcium
from heterolib.results import Result
from heterolib.soma import Neuron, Soma, responses, simulate_neuron
from heterolib.spine import Spine, calcium_of_pulse, simulate_spine

__version__ = "0.1.0"

__all__ = [
    "BistableRule",
    "Branch",
    "Leaf",
    "Membrane",
    "Neuron",
    "PairRule",
    "Result",
    "Section",
    "Soma",
    "Spine",
    "ThresholdRule",
    "Tree",
    "calcium_of_pulse",
    "parameters",
    "protocols",
    "responses",
    "simulate",
    "simulate_many",
    "simulate_neuron",
    "simulate_spine",
    "spike_calcium",
    "total_calcium",
]
