"""A branching cable beside NEURON, and the numbers of NEURON that chapter 9 quotes."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from heterolib.cable import Membrane, Section, Tree, steady_state, transient

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "chapters" / "09-voltage-cable-soma.ipynb"


def stored(name):
    return json.loads((ROOT / "tests" / "data" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def beside():
    """What NEURON found, our tree, and the nodes of its input and its probes."""
    there = stored("neuron_branch_point.json")
    tree = Tree([Section(*s) for s in there["sections"]], Membrane(**there["membrane"]))
    node = tree.node(there["input"]["x_um"], there["input"]["section"])
    return there, tree, node, [tree.node(x, k) for k, x in there["probes"]]


def test_steady_state_agrees_with_neuron(beside):
    there, tree, node, probes = beside
    ours = 1000.0 * steady_state(tree, {node: 1.0})[probes]
    np.testing.assert_allclose(ours, there["resistance_Mohm"], rtol=1e-10)


def error(beside, step_ms):
    there, tree, node, probes = beside
    t, wanted = np.array(there["t_ms"]), np.array(there["voltage_mV"])
    i = there["input"]
    begin = np.arange(round(t[-1] / step_ms)) * step_ms
    on = (begin > i["start_ms"] - 1e-9) & (begin < i["stop_ms"] - 1e-9)
    run = transient(tree, {node: i["current_pA"] * on}, float(t[-1]), probes, step_ms=step_ms)
    ours = run.voltage_mV[:, :: round((t[1] - t[0]) / step_ms)]
    assert ours.shape == wanted.shape
    return np.abs(ours - wanted).max()


def test_traces_agree_with_neuron_at_second_order(beside):
    """NEURON ran with a variable step at a tight tolerance: what differs is our step."""
    errors = [error(beside, h) for h in (0.05, 0.025, 0.0125)]
    assert errors[0] < 0.01
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2.0, atol=0.1)


def test_the_chapter_quotes_what_neuron_found():
    cells = nbformat.read(CHAPTER, as_version=4).cells
    (source,) = (c.source for c in cells if c.cell_type == "code" and '"NEURON":' in c.source)
    lists = re.findall(r"^neuron_\w+ = \[(.+)\]$", source, re.MULTILINE)
    quoted = [float(x) for x in ", ".join(lists).split(", ")]
    split, loaded = stored("neuron_branch_point.json"), stored("neuron_cable.json")
    at = split["t_ms"].index(3.0)
    soma = loaded["loaded_by_soma_mV"]
    places = (("spine1", 24), ("spine2", 15), ("branch", 15), ("soma", 17))
    wanted = [*split["resistance_Mohm"], *(v[at] for v in split["voltage_mV"])]
    wanted += [soma[name][round(t / loaded["every_ms"])] for name, t in places]
    np.testing.assert_allclose(quoted, wanted, rtol=0.0, atol=5.1e-7)
    for made in (split["made_with"], f"NEURON {loaded['neuron']}"):
        assert made == "NEURON 9.0.2"  # the version and the day that the text names
    assert {split["on"], loaded["date"]} == {"2026-11-21"}
    assert any("21 November 2026 with NEURON 9.0.2" in c.source for c in cells)
