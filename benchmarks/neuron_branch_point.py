"""The same branching cable in NEURON, and its numbers for the tests and for chapter 9.

    pip install neuron
    python benchmarks/neuron_branch_point.py tests/data/neuron_branch_point.json

NEURON is needed only to make the file anew. This script imports nothing of Heterolib, so that
the two share no code: the constants stand here, and go into the file beside the numbers.
A trunk splits into two unlike daughters; a current is on for a while in the middle of one.
"""

import datetime
import json
import sys
from pathlib import Path

import neuron
from neuron import h

TREE = {
    "membrane": {
        "capacitance_uF_per_cm2": 1.0,
        "resistance_ohm_cm2": 1000.0,
        "axial_ohm_cm": 200.0,
    },
    # length (µm), radius (µm), compartments, parent
    "sections": [[80.0, 1.0, 161, -1], [80.0, 0.63, 161, 0], [80.0, 0.4, 161, 0]],
    "input": {"section": 1, "x_um": 40.0, "current_pA": 100.0, "start_ms": 1.0, "stop_ms": 3.0},
    # section, place (µm from its near end): centres of compartments
    "probes": [[0, 40.0], [1, 40.0], [2, 40.0]],
}
DURATION_MS, EVERY_MS = 10.0, 0.25


def build() -> list:
    """Return the sections as NEURON has them."""
    m = TREE["membrane"]
    made = []
    for k, (length, radius, compartments, parent) in enumerate(TREE["sections"]):
        section = h.Section(name=f"s{k}")
        section.L, section.diam, section.nseg = length, 2.0 * radius, compartments
        section.cm, section.Ra = m["capacitance_uF_per_cm2"], m["axial_ohm_cm"]
        section.insert("pas")
        for segment in section:
            segment.pas.g, segment.pas.e = 1.0 / m["resistance_ohm_cm2"], 0.0
        if parent >= 0:
            section.connect(made[parent](1.0))
        made.append(section)
    return made


def run() -> dict:
    """Return steady resistances and traces."""
    sections = build()

    def at(section: int, x_um: float):
        return sections[section](x_um / TREE["sections"][section][0])

    places = [at(*p) for p in TREE["probes"]]
    stimulus = TREE["input"]
    site = at(stimulus["section"], stimulus["x_um"])

    # steady state: input resistance at the place of the input, transfer resistance to the others
    h.finitialize(0.0)
    impedance = h.Impedance()
    impedance.loc(site)
    impedance.compute(0.0)
    resistance = [impedance.input(p) if p == site else impedance.transfer(p) for p in places]

    clamp = h.IClamp(site)
    clamp.delay = stimulus["start_ms"]
    clamp.dur = stimulus["stop_ms"] - stimulus["start_ms"]
    clamp.amp = stimulus["current_pA"] / 1000.0  # nA
    solver = h.CVode()
    solver.active(True)  # variable step, so that the error in time is that of the tolerance
    solver.atol(1e-9)
    times = h.Vector([k * EVERY_MS for k in range(round(DURATION_MS / EVERY_MS) + 1)])
    traces = [h.Vector().record(p._ref_v, times) for p in places]
    h.finitialize(0.0)
    h.continuerun(DURATION_MS + EVERY_MS)  # a record stops short of its last time
    return {
        "resistance_Mohm": resistance,
        "t_ms": list(times),
        "voltage_mV": [[round(v, 9) for v in trace] for trace in traces],
    }


def main() -> None:
    h.load_file("stdrun.hoc")
    found = {
        "made_with": f"NEURON {neuron.__version__}",
        "on": datetime.date.today().isoformat(),
        "by": "benchmarks/neuron_branch_point.py",
        **TREE,
        **run(),
    }
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
    print("resistance (MΩ):", found["resistance_Mohm"])
    print("peaks (mV):", [max(trace) for trace in found["voltage_mV"]])


if __name__ == "__main__":
    main()
