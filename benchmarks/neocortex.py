"""Cells with neocortical synapses: Heterolib beside NEURON, at equal accuracy, in one run.

    python benchmarks/neocortex.py       writes benchmarks/neocortex.json

Two cells: the ball and stick with one synapse, and the layer 5 cell with seven. Five pairings at
10 Hz, input before action potential by about 10 ms, within one second; every site releases. The
exact solution is NEURON's at its tightest tolerance; ours at its finest step must agree with it.
Each program has a ladder of settings and runs at the coarsest that meets 1e-3 in calcium and in
c*, relative to the largest value of each synapse; they take turns, five rounds.
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
RESULTS = HERE / "neocortex.json"

from heterolib import neocortex as nc  # noqa: E402
from heterolib.neocortex import kernels as k  # noqa: E402
from heterolib.parameters import CHINDEMI_2022, REDUCED_CELLS, TRAUB_MILES_1991  # noqa: E402

TARGET, EVERY_MS, LONGEST_MS, DURATION_MS, ROUNDS, ENOUGH_S = 1e-3, 0.8, 0.8, 1000.0, 5, 0.3
NEURON, OURS = "neuron_cell", "heterolib_cell"
LADDERS = {
    NEURON: [{"atol": a} for a in (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)],
    OURS: [{"step_ms": s} for s in (0.1, 0.05, 0.025, 0.0125)],
}
EXACT, CHECK = {"atol": 1e-7}, {"step_ms": 0.003125}
USUAL_NAME, USUAL = "neuron_usual", {"step_ms": 0.025}  # NEURON's default step
PAIRINGS_MS = tuple(100.0 + 100.0 * np.arange(5))
PROBLEMS = ("ball and stick, 1 synapse", "L5 thick-tufted, 7 synapses")


@dataclass(frozen=True)
class Problem:
    """A cell, its synapses and what happens to them."""

    name: str
    cell: Any
    synapses: tuple[Any, ...]
    compartments: tuple[int, ...]
    thresholds: tuple[tuple[float, float], ...]
    pulses: tuple[Any, ...]
    axial_MOhm_um: float
    duration_ms: float = DURATION_MS

    def start(self) -> Any:
        """The cell at rest with everything scheduled."""
        run = nc.CellRun(self.cell, self.synapses, self.compartments, thresholds=self.thresholds)
        run.schedule([PAIRINGS_MS] * len(self.synapses), self.pulses)
        return run


def problem(name: str) -> Problem:
    """A problem by name."""
    stick = name == PROBLEMS[0]
    cell = nc.ball_and_stick() if stick else nc.l5_thick_tufted()
    basal = [i for i in range(cell.n) if cell.kind[i] == "basal" and cell.area_um2[i] > 0.0]
    trunk = [i for i in range(cell.n) if cell.kind[i] == "apical" and cell.area_um2[i] > 0.0]
    places = (7,) if stick else (*basal[1:20:4][:5], trunk[1], trunk[3])
    synapses = tuple(
        nc.Synapse.drawn(g_ampa_nS=0.8 + 0.2 * j, use=0.5, volume_um3=0.08 + 0.02 * j)
        for j in range(len(places))
    )
    pulse_pA, width = (1500.0, 1.5) if stick else (3000.0, 1.5)
    return Problem(
        name,
        cell,
        synapses,
        places,
        ((60.0, 90.0),) * len(places),
        tuple(nc.Pulse(t + 10.0, width, pulse_pA) for t in PAIRINGS_MS),
        (REDUCED_CELLS if stick else REDUCED_CELLS.variant("L5"))[
            "stick_axial" if stick else "axial"
        ],
    )


def describe(p: Problem) -> dict[str, Any]:
    """Everything NEURON needs, in JSON."""
    c = p.cell
    names = list(dict.fromkeys(c.section))
    sections, rest = [], {}
    v_rest, _ = c.rest()
    for name in names:
        mine = [i for i in range(c.n) if c.section[i] == name and c.area_um2[i] > 0.0]
        first = int(c.parent[mine[0]])
        area, length = float(c.area_um2[mine].sum()), float(c.length_um[mine].sum())
        per = {q: float(getattr(c, q)[mine[0]] / c.area_um2[mine[0]]) for q in
               ("capacitance_pF", "leak_nS", "sodium_nS", "potassium_nS")}  # fmt: skip
        sections.append(
            {
                "name": name,
                "length_um": length,
                "diameter_um": area / (np.pi * length),
                "compartments": len(mine),
                "parent": None if first < 0 else c.section[first],
                "leak_mV": float(c.leak_mV[mine[0]]),
                **{f"{q}_per_um2": x for q, x in per.items()},
            }
        )
        rest[name] = [float(v_rest[i]) for i in mine]
    rows = []
    for s, place, (low, high) in zip(p.synapses, p.compartments, p.thresholds, strict=True):
        mine = [i for i in range(c.n) if c.section[i] == c.section[place] and c.area_um2[i] > 0.0]
        row = s.row(nc.EfficacyRule(), low, high, CHINDEMI_2022["calcium_out"])
        named = {"factora": k.NORM_A, "factorn": k.NORM_N, "tda": k.TAU_DA, "nernst": k.NERNST,
                 "caout": k.CA_OUT, "thetad": k.THETA_D, "thetap": k.THETA_P, "share": k.CA_N,
                 "gammad": k.GAMMA_D, "gammap": k.GAMMA_P, "ud": k.U_D, "up": k.U_P}  # fmt: skip
        values = {key: float(row[i]) for key, i in named.items()}
        values |= {key: 1e-3 * float(row[i]) for key, i in
                   {"gd": k.G_D, "gp": k.G_P, "gnmda": k.G_N, "gv": k.G_V}.items()}  # fmt: skip
        values["gain"] = 1e3 * float(row[k.GAIN])
        rows.append(
            {
                "section": c.section[place],
                "place": mine.index(place),
                "of": len(mine),
                "values": values,
                "spikes_ms": list(PAIRINGS_MS),
            }
        )
    row = p.synapses[0].row(nc.EfficacyRule(), None, None, CHINDEMI_2022["calcium_out"])
    shared = {"tra": k.TAU_RA, "trn": k.TAU_RN, "tdn": k.TAU_DN, "tauca": k.TAU_CA,
              "carest": k.CA_REST, "taustar": k.TAU_STAR, "taurho": k.TAU_RHO,
              "tauexp": k.TAU_EXP, "ena": k.E_CA_N, "eampa": k.E_A, "enmda": k.E_N, "mg": k.MG,
              "mgslope": k.MG_SLOPE, "mghalf": k.MG_HALF, "mhalf": k.VM, "mslope": k.KM,
              "taum": k.TM, "hhalf": k.VH, "hslope": k.KH, "tauh": k.TH}  # fmt: skip
    return {
        "name": p.name,
        "duration_ms": p.duration_ms,
        "every_ms": EVERY_MS,
        "axial_MOhm_um": p.axial_MOhm_um,
        "sodium_reversal_mV": TRAUB_MILES_1991["sodium_reversal"],
        "potassium_reversal_mV": TRAUB_MILES_1991["potassium_reversal"],
        "sections": sections,
        "rest_mV": rest,
        "synapses": rows,
        "globals": {key: float(row[i]) for key, i in shared.items()},
        "pulses": [(q.at_ms, q.width_ms, q.amplitude_pA) for q in p.pulses],
    }


def error(got: dict[str, Any], want: dict[str, Any], what: str) -> float:
    """Largest difference relative to the largest value, the worst of the synapses."""
    late = max(got["first_ms"], want["first_ms"])
    a, b = (np.asarray(x[what])[:, round((late - x["first_ms"]) / EVERY_MS) :] for x in (got, want))
    n = min(a.shape[1], b.shape[1])
    worst = np.abs(a[:, :n] - b[:, :n]).max(axis=1) / np.abs(b[:, :n]).max(axis=1)
    return float(f"{worst.max():.3g}")


def main() -> int:
    """Measure and write the file."""
    import run as driver

    driver.WORK.mkdir(exist_ok=True)
    workers = {n: driver.Worker(n, e) for n, e in ((NEURON, "neuron"), (OURS, ""))}

    def call(name: str, what: str, *arguments: Any) -> Any:
        return workers[name].ask("call", name=what, arguments=list(arguments))["value"]

    versions: dict[str, str] = {}
    for w in workers.values():
        versions |= w.ask("start")["versions"]
    report: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "made_by": "benchmarks/neocortex.py",
        "target": TARGET,
        "machine": driver.machine(),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "versions": versions,
        "problems": {},
    }
    for name in PROBLEMS:
        d = describe(problem(name))
        for w in workers:
            call(w, "build", d)
        want = call(NEURON, "traces", EXACT)
        check = call(OURS, "traces", CHECK)
        part: dict[str, Any] = {
            "simulated_ms": DURATION_MS,
            "compartments": sum(s["compartments"] for s in d["sections"]),
            "synapses": len(d["synapses"]),
            "spikes": int(np.sum(np.diff((np.array(want["soma"][0]) > -20.0).astype(int)) == 1)),
            "two_exact_solutions_differ": {q: error(check, want, q) for q in ("calcium", "c_star")},
            "programs": {},
        }
        chosen = {}
        for w in workers:
            tried = []
            for rung in LADDERS[w]:
                got = call(w, "traces", rung)
                errors = {q: error(got, want, q) for q in ("calcium", "c_star", "soma")}
                tried.append({"rung": rung, "errors": errors})
                print(name, w, rung, errors, flush=True)
                if max(errors["calcium"], errors["c_star"]) <= TARGET:
                    chosen[w] = rung
                    break
            part["programs"][w] = {"ladder": tried, "rung": chosen.get(w)}
        times: dict[str, list[float]] = {w: [] for w in (*chosen, USUAL_NAME)}
        for _ in range(ROUNDS):
            for w, rung in chosen.items():
                times[w].append(call(w, "seconds", rung, ENOUGH_S))
            times[USUAL_NAME].append(call(NEURON, "seconds", USUAL, ENOUGH_S))
        usual = call(NEURON, "traces", USUAL)
        part["programs"][USUAL_NAME] = {
            "rung": USUAL,
            "errors": {q: error(usual, want, q) for q in ("calcium", "c_star", "soma")},
        }
        for w, t in times.items():
            part["programs"][w] |= {
                "cpu_s": float(f"{statistics.median(t):.4g}"),
                "low_cpu_s": float(f"{min(t):.4g}"),
                "high_cpu_s": float(f"{max(t):.4g}"),
            }
        if len(chosen) == len(workers):
            part["ratio"] = float(
                f"{statistics.median(times[NEURON]) / statistics.median(times[OURS]):.3g}"
            )
        print(name, {w: p.get("cpu_s") for w, p in part["programs"].items()}, part.get("ratio"))
        report["problems"][name] = part
    for w in workers.values():
        w.close()
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
