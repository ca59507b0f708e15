"""Neocortical synapses: calcium-based plasticity after Chindemi et al. 2022.

>>> from heterolib.neocortex import run_synapse
>>> r = run_synapse([0.0, 40.0], [-70.0, -70.0], pre_ms=[10.0])
>>> r.released.tolist()
[3.0]
"""

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
    "EfficacyRule",
    "ReleaseResult",
    "Synapse",
    "SynapseResult",
    "efficacy_relaxed",
    "nmda_calcium_share",
    "release_scaling",
    "run_synapse",
    "simulate_release",
]
