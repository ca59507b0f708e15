"""Neocortical synapses: calcium-based plasticity after Chindemi et al. 2022.

>>> from heterolib.neocortex import run_synapse
>>> r = run_synapse([0.0, 40.0], [-70.0, -70.0], pre_ms=[10.0])
>>> r.released.tolist()
[3.0]
"""

from heterolib.neocortex.neuron import (
    Cell,
    CellRecord,
    CellRun,
    Membrane,
    Pulse,
    Section,
    ball_and_stick,
    default_membranes,
    l4_pyramidal,
    l5_thick_tufted,
    l23_pyramidal,
)
from heterolib.neocortex.synapse import (
    EfficacyRule,
    ReleaseResult,
    Synapse,
    SynapseResult,
    efficacy_relaxed,
    nmda_calcium_share,
    release_scaling,
    run_synapse,
    simulate_release,
)

__all__ = [
    "Cell",
    "CellRecord",
    "CellRun",
    "EfficacyRule",
    "Membrane",
    "Pulse",
    "ReleaseResult",
    "Section",
    "Synapse",
    "SynapseResult",
    "ball_and_stick",
    "default_membranes",
    "efficacy_relaxed",
    "l4_pyramidal",
    "l5_thick_tufted",
    "l23_pyramidal",
    "nmda_calcium_share",
    "release_scaling",
    "run_synapse",
    "simulate_release",
]
