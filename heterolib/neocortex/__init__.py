"""Neocortical synapses: calcium-based plasticity after Chindemi et al. 2022.

>>> from heterolib.neocortex import run_synapse
>>> r = run_synapse([0.0, 40.0], [-70.0, -70.0], pre_ms=[10.0])
>>> r.released.tolist()
[3.0]
"""

from heterolib.neocortex.circuit import (
    CircuitResult,
    Network,
    run_network,
    run_population,
    sample_network,
)
from heterolib.neocortex.connection import (
    PATHWAYS,
    ActionPotential,
    Connection,
    Thresholds,
    find_action_potential,
    measure_thresholds,
    sample_connection,
    sample_physiology,
)
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
from heterolib.neocortex.pairing import (
    L5_PROTOCOLS,
    PROTOCOLS,
    PairingResult,
    Protocol,
    epsp_sizes,
    expected_epsp,
    pairing_cell,
    run_pairing,
)
from heterolib.neocortex.single import OneSynapse, pair_one_synapse
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
    "L5_PROTOCOLS",
    "PATHWAYS",
    "PROTOCOLS",
    "ActionPotential",
    "Cell",
    "CellRecord",
    "CellRun",
    "CircuitResult",
    "Connection",
    "EfficacyRule",
    "Membrane",
    "Network",
    "OneSynapse",
    "PairingResult",
    "Protocol",
    "Pulse",
    "ReleaseResult",
    "Section",
    "Synapse",
    "SynapseResult",
    "Thresholds",
    "ball_and_stick",
    "default_membranes",
    "efficacy_relaxed",
    "epsp_sizes",
    "expected_epsp",
    "find_action_potential",
    "l4_pyramidal",
    "l5_thick_tufted",
    "l23_pyramidal",
    "measure_thresholds",
    "nmda_calcium_share",
    "pair_one_synapse",
    "pairing_cell",
    "release_scaling",
    "run_network",
    "run_pairing",
    "run_population",
    "run_synapse",
    "sample_connection",
    "sample_network",
    "sample_physiology",
    "simulate_release",
]
