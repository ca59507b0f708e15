"""Input to many plastic connections, and the small network: values of this library.

Nothing here was measured. The rates are of the order reported for cortical pyramidal cells in
vivo; a null model needs a plain input more than an exact one.
"""

from heterolib.parameters.registry import Parameter, ParameterSet

SOURCE = "null model of this library"


def _p(symbol: str, meaning: str, value: float, unit: str = "", note: str = "") -> Parameter:
    return Parameter(symbol, meaning, value, unit, SOURCE, "chosen for teaching", note)


CIRCUITS = ParameterSet(
    key="circuits",
    title="Circuits of this library",
    citation="Heterolib: null models with the synapse of Chindemi et al. 2022.",
    doi="",
    entries={
        "connections": _p("n_c", "connections on a cell of the population", 30.0),
        "pre_rate": _p("r_pre", "mean rate of a presynaptic cell", 1.0, "Hz"),
        "post_rate": _p("r_post", "mean rate of imposed postsynaptic spikes", 2.0, "Hz"),
        "busy_rate": _p("r_b", "both rates where activity is high", 5.0, "Hz"),
        "modulation_rate": _p(
            "f_m", "frequency of the shared modulation of rates", 2.0, "Hz", "a slow rhythm"
        ),
        "cells": _p("n", "cells of the network", 12.0),
        "probability": _p(
            "p_c",
            "chance of a connection between two cells of the network",
            0.3,
            "",
            "several times that of layer 5, so that few cells still meet each other",
        ),
        "delay": _p("d", "delay from a spike to its release, network", 1.5, "ms"),
        "drive_rate": _p("r_d", "imposed spikes of each cell of the network", 5.0, "Hz"),
        "spike_rise": _p(
            "r_a", "rise time over decay time of an action potential drawn for an explorer", 0.2
        ),
        "sample": _p("T", "interval of the records of a circuit", 1000.0, "ms"),
        "step": _p(
            "h",
            "time step of a circuit",
            0.05,
            "ms",
            "c* of an action potential within 2 % of step 0.0125 ms",
        ),
    },
)
