"""NEURON as in `neuron_cvode`, with weights moved between crossings that NEURON watches for."""

from __future__ import annotations

from peers import neuron_cvode

LADDER = [{"atol": 1e-7, "rtol": r} for r in (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6)]
KIND = "CVODE, weights by WATCH; relative tolerance"


class Peer(neuron_cvode.Peer):
    synapse = "Watching"
