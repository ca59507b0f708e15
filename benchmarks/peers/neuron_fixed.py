"""NEURON as in `neuron_cvode`, with its fixed step."""

from __future__ import annotations

from peers import neuron_cvode

LADDER = [{"step_ms": 0.1}]
KIND = "implicit, fixed step (ms)"


class Peer(neuron_cvode.Peer):
    fixed = True
