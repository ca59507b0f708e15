"""Compute the tables of pairing experiments that chapters read, and write them to chapters/data.

python tools/pairing_tables.py invitro [--connections 100] [--workers 2] [--store FILE]

One line of a table is one connection in one experiment; its seed makes both. Runs are resumed
from the store. A table takes minutes to an hour of one core.
"""

import argparse
import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np

import heterolib
from heterolib.neocortex import (
    Connection,
    Protocol,
    Synapse,
    measure_thresholds,
    pairing_cell,
    run_pairing,
    sample_connection,
)
from heterolib.parameters import RECORDINGS
from heterolib.sweep import sweep

DATA = Path(__file__).resolve().parent.parent / "chapters" / "data"
KEPT = ("ratio", "linear_ratio", "before_mV", "strengthened", "weakened")
DIGITS = 7  # of each number in the file
IN_SLICE, IN_VIVO, IN_SJOSTROM = 2.0, 1.2, 2.5  # mM

PUBLISHED, RECIPE = "L5-L5", "L5-L5, recipe of 2024"


def mixed_cell(
    seed: int,
    of_2024: str,
    frequency_hz: float,
    dt_ms: float,
    pathway: str,
    pairs: int,
    sweeps: int,
    interval_ms: float,
) -> dict[str, float]:
    """`pairing_cell` with only some quantities of the recipe of 2024: letters of "u d f g n x".

    Both recipes turn the same draws into synapses, so that each keeps its place and its rank.
    The state at the start goes with u.
    """
    assert pathway == PUBLISHED
    who, chance = np.random.SeedSequence(seed).spawn(2)
    both = [sample_connection(np.random.default_rng(who), p) for p in (PUBLISHED, RECIPE)]
    state = both["u" in of_2024].rho0
    synapses = []
    for i, rho in enumerate(state):
        at = {q: both[q in of_2024] for q in "udfgnx"}
        s = {q: c.synapses[i] for q, c in at.items()}
        synapses.append(
            Synapse.drawn(
                rho0=int(rho),
                use=s["u"].use_strong if rho else s["u"].use_weak,
                g_ampa_nS=s["g"].g_ampa_strong_nS if at["g"].rho0[i] else s["g"].g_ampa_weak_nS,
                sites=s["n"].sites,
                depression_ms=s["d"].depression_ms,
                facilitation_ms=s["f"].facilitation_ms,
                volume_um3=s["x"].volume_um3,
                ampa_decay_ms=s["u"].ampa_decay_ms,
            )
        )
    connection = Connection(both[0].cell, tuple(synapses), both[0].compartments, state, pathway)
    protocol = Protocol(
        frequency_hz=frequency_hz, dt_ms=dt_ms, pairs=pairs, sweeps=sweeps, interval_ms=interval_ms
    )
    r = run_pairing(
        connection,
        protocol,
        rng=np.random.default_rng(chance),
        thresholds=measure_thresholds(connection),
    )
    return {
        "ratio": r.ratio,
        "linear_ratio": r.linear_ratio,
        "before_mV": float(r.before_mV.mean()),
        "strengthened": float(np.sum(r.rho_after > r.rho_before)),
        "weakened": float(np.sum(r.rho_after < r.rho_before)),
    }


def defaults(function: Callable[..., object]) -> dict[str, object]:
    """The arguments that a function may be called without."""
    return {
        name: p.default
        for name, p in inspect.signature(function).parameters.items()
        if p.default is not inspect.Parameter.empty
    }


# A condition: what the table calls it, what the function is given, and how many of the
# connections it takes.
Condition = tuple[dict[str, object], dict[str, object], float]


def experiment(name: str) -> dict[str, object]:
    """The arguments of `pairing_cell` for one of the experiments in slices."""
    r = RECORDINGS[name]
    given = dict(
        frequency_hz=r.frequency_hz,
        dt_ms=r.dt_ms,
        pathway=r.pathway,
        pairs=r.pairs,
        sweeps=r.sweeps,
        interval_ms=r.interval_ms,
    )
    return given | ({"gamma_d": 0.0} if r.blocked else {})


def invitro() -> list[Condition]:
    """Every experiment at 2.0 mM; some at 1.2 mM, too, and at 2.5 mM where that was used.

    The experiments of Markram et al. on all connections, the others on the first half of them.
    """
    out = []
    for name, r in RECORDINGS.items():
        levels = [IN_SLICE]
        if name.startswith("mrk97"):
            levels.append(IN_VIVO)
        if r.cao_mM == IN_SJOSTROM:
            levels.append(IN_SJOSTROM)
        for cao in levels:
            share = 1.0 if IN_VIVO in levels else 0.5
            given = experiment(name) | {"cao_mM": cao}
            out.append(({"experiment": name, "cao_mM": cao}, given, share))
    return out


INNERVATION: dict[str, dict[str, object]] = {
    "all basal": {"apical_share": 0.0},
    "all apical": {"apical_share": 1.0},
    "1 synapse": {"n_synapses": 1},
    "16 synapses": {"n_synapses": 16},
    "recipe of 2024": {"pathway": "L5-L5, recipe of 2024"},
}


def innervation() -> list[Condition]:
    """The same rule with synapses elsewhere, fewer or more of them, or with other physiology.

    On half of the connections.
    """
    return [
        ({"case": case, "experiment": name}, experiment(name) | change, 0.5)
        for case, change in INNERVATION.items()
        for name in ("mrk97_02", "mrk97_07", "mrk97_08", "mrk97_06")
    ]


def placement() -> list[Condition]:
    """Connections from layer 2/3 to layer 5 with all synapses on the apical trunk."""
    return [({"case": "all apical"}, experiment("sjh06_02") | INNERVATION["all apical"], 0.5)]


def physiology() -> list[Condition]:
    """Connections with one quantity of the recipe of 2024, the others as published."""
    return [
        ({"case": case, "experiment": name}, experiment(name) | {"of_2024": letters}, 0.5)
        for case, letters in {"u": "u", "D": "d", "F": "f", "g N X": "gnx"}.items()
        for name in ("mrk97_08", "mrk97_06")
    ]


def invivo() -> list[Condition]:
    """The three experiments at 10 Hz at 1.2 mM, on four times as many connections."""
    return [
        ({"experiment": name}, experiment(name) | {"cao_mM": IN_VIVO}, 4.0)
        for name in ("mrk97_03", "mrk97_07", "mrk97_08")
    ]


TABLES = {
    "invitro": invitro,
    "innervation": innervation,
    "placement": placement,
    "invivo": invivo,
    "physiology": physiology,
}
FUNCTIONS = {name: mixed_cell if name == "physiology" else pairing_cell for name in TABLES}


def line(labels: dict[str, object], seed: int, values: dict[str, float]) -> str:
    """One line of a table."""
    shown = [*map(str, labels.values()), str(seed)]
    return ",".join([*shown, *(f"{values[name]:.{DIGITS}g}" for name in KEPT)])


def compute(name: str, n: int, **options: object) -> str:
    """The text of a table of n connections a condition; options are those of `sweep`."""
    conditions, function = TABLES[name](), FUNCTIONS[name]
    todo = [
        (
            labels,
            seed,
            defaults(function) | given | {"seed": seed},
        )  # sweep wants all names in every cell
        for labels, given, share in conditions
        for seed in range(max(round(share * n), 1))
    ]
    result = sweep(function, [given for _, _, given in todo], **options)
    rows = [
        line(labels, seed, values)
        for (labels, seed, _), values in zip(todo, result.table.to_dict("records"), strict=True)
    ]
    command = f"python tools/pairing_tables.py {name} --connections {n}"
    head = ",".join([*conditions[0][0], "seed", *KEPT])
    first = f"# {command}, heterolib {heterolib.__version__}"
    return "\n".join([first, head, *rows]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--store", default=None, help="file in which finished cells are kept")
    parser.add_argument("--out", type=Path, default=None)
    a = parser.parse_args()
    text = compute(a.table, a.connections, max_workers=a.workers, store=a.store)
    target = a.out or DATA / f"pairing_{a.table}.csv"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    print(f"{target}: {len(text)} bytes")


if __name__ == "__main__":
    main()
