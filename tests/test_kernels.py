"""The kernels: rules that let them compile for the browser, and their linear algebra."""

import ast
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import heterolib
from heterolib import BistableRule, Branch, Spine, ThresholdRule, kernels, simulate, simulate_spine

PACKAGE = Path(heterolib.__file__).parent
TREE = ast.parse((PACKAGE / "kernels.py").read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in ast.walk(TREE) if isinstance(node, ast.FunctionDef)}
BUILTINS = {"range", "int", "float", "min", "max", "abs", "round"}

# Whatever allocates, raises, or needs the Python runtime.
FORBIDDEN = (
    ast.Raise,
    ast.Assert,
    ast.Try,
    ast.With,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.JoinedStr,
    ast.Lambda,
    ast.Yield,
    ast.YieldFrom,
    ast.Global,
    ast.Nonlocal,
    ast.Import,
    ast.ImportFrom,
    ast.ClassDef,
    ast.Starred,
    ast.Delete,
)


def faults(tree):
    """Everything in the functions of a kernel file that breaks its rules, as readable lines."""
    found = []
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = {node.name for node in functions}
    for function in functions:
        for node in function.body:
            for part in ast.walk(node):
                where = f"{function.name}, line {getattr(part, 'lineno', '?')}"
                if isinstance(part, FORBIDDEN) or isinstance(part, ast.FunctionDef):
                    found.append(f"{where}: {type(part).__name__}")
                if isinstance(part, ast.Call):
                    called = ast.unparse(part.func)
                    known = called in BUILTINS | names or called.removeprefix("math.") in dir(math)
                    if not known:
                        found.append(f"{where}: calls {called}")
                if isinstance(part, ast.BinOp) and (
                    isinstance(part.left, ast.Subscript) and isinstance(part.left.slice, ast.Slice)
                ):
                    found.append(f"{where}: arithmetic on a slice makes an array")
    return found


def imports(tree):
    """Every (module, name) that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


# -- rules, read from the source -------------------------------------------------------------


@pytest.mark.parametrize("file", ["kernels.py", "neocortex/kernels.py"])
def test_kernels_allocate_nothing_raise_nothing_and_draw_nothing(file):
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    assert sum(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)) > 10
    assert faults(tree) == []


@pytest.mark.parametrize(
    "line",
    [
        "x = np.zeros(3)",
        "x = [1.0, 2.0]",
        "raise ValueError('no')",
        "assert a > 0",
        "x = np.random.random()",
        "x = random.random()",
        "x = a[1:3] * 2.0",
        "x = a.copy()",
        "x = f'{a}'",
        "print(a)",
        "x = list(a)",
    ],
)
def test_the_rules_are_enforced(line):
    assert faults(ast.parse(f"def kernel(a):\n    {line}\n"))
    assert not faults(ast.parse("def kernel(a):\n    a[0] = math.exp(a[1]) + abs(a[2])\n"))


def test_kernels_import_only_math_and_njit():
    assert set(imports(TREE)) == {("math", ""), ("heterolib.compiler", "njit")}


def test_every_kernel_is_compiled_the_same_way():
    for name, function in FUNCTIONS.items():
        assert [ast.unparse(d) for d in function.decorator_list] == ["jit"], name
    made = [
        ast.unparse(node.value)
        for node in TREE.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "jit"
    ]
    # no fastmath (results would depend on the machine), no threads, no exceptions on 1/0
    assert made == ["njit(cache=True, error_model='numpy', nogil=True)"]


def test_nothing_else_in_the_library_is_compiled():
    # (cfunc is how the build turns a kernel into WebAssembly; nothing of it runs in Python)
    compilers = {"njit", "jit", "vectorize", "guvectorize", "stencil", "jitclass"}
    for path in PACKAGE.rglob("*.py"):
        if path.name in ("kernels.py", "compiler.py"):  # the latter only hands njit on
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for module, name in imports(tree):
            assert not (module.split(".")[0] == "numba" and name in compilers), path
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in compilers:
                assert not ast.unparse(node).startswith(("numba.", "nb.")), path


# -- the same numbers without the compiler ---------------------------------------------------

SMALL = """
import json
import numpy as np
from heterolib import BistableRule, Branch, Spine, ThresholdRule, kernels, simulate, simulate_spine
from heterolib.soma import Neuron, Soma, responses, simulate_neuron

rule = ThresholdRule(theta_p_uM=0.03, theta_d_uM=0.01, gamma_p_per_s=20.0, gamma_d_per_s=9.0)
trains = [[0.3, 2.0, 2.25], [4.1], []]
out = {}
for neck in ("published", "consistent"):
    branch = Branch([2.6, 3.4, 9.9], length_um=10.0, compartments=40, neck=neck)
    for scheme in ("published", "converged"):
        r = simulate(branch, trains, rule, 10.0, scheme=scheme, record="all")
        out[f"{neck} {scheme}"] = [
            r.calcium_uM[:, ::20].tolist(), r.weights[:, ::20].tolist(), r.shaft_uM[-1].tolist()
        ]
for coupling in ("published", "consistent"):
    neuron = Neuron(branch, soma=Soma(x_um=5.0, coupling=coupling, decay_ms=2.0))
    for scheme in ("published", "converged"):
        r = simulate_neuron(neuron, trains, rule, 5.0, scheme=scheme, step_ms=0.25)
        answer = responses(neuron, [0.0], scheme=scheme, step_ms=0.25)
        read = answer.peaks([[0.3, 1.0, 2.0]], 0.5, duration_ms=5.0, threshold_mV=0.1)
        out[f"neuron {coupling} {scheme}"] = [
            r.soma_mV.tolist(), r.spine_mV.tolist(), answer.unit_mV[:, ::5].tolist(),
            [read.peak_mV[0], read.peak_ms[0], read.crossing_ms[0]],
        ]
one = simulate_spine(Spine(), [1.03, 2.0], rule, 10.0)
out["spine"] = [one.calcium_uM[0, ::20].tolist(), one.weights[0, ::20].tolist()]
t = np.arange(0.0, 50.0, 1.0)
c = 1.2 + np.sin(t / 3.0)
out["threshold"] = rule.evolve(t, 0.02 * c, 0.4).tolist()
out["bistable"] = BistableRule(tau_ms=2000.0).evolve(t, c, 0.4).tolist()
out["compiled"] = hasattr(kernels.branch_run, "signatures")
"""


def test_same_numbers_without_the_compiler():
    code = SMALL + "\nprint(json.dumps(out))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    plain = json.loads(done.stdout)
    scope = {}
    exec(SMALL, scope)
    compiled = scope["out"]
    assert not plain.pop("compiled") and compiled.pop("compiled")
    assert plain.keys() == compiled.keys() and len(plain) == 11
    for case in plain:
        for a, b in zip(plain[case], compiled[case], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-18, err_msg=case)


# -- what reaches the compiler ---------------------------------------------------------------


def test_whole_numbers_do_not_compile_a_second_copy():
    """An int where a float is meant would cost seconds of compilation."""
    rule = ThresholdRule()
    simulate(Branch([40.125]), [[1.5]], rule, 10.0)
    simulate_spine(Spine(), [1.5], rule, 10.0)
    before = [set(k.signatures) for k in (kernels.branch_run, kernels.spine_run)]
    spine = Spine(current_pA=1, current_decay_ms=2, decay_ms=50, calcium_fraction=1)
    whole = ThresholdRule(theta_p_uM=2, theta_d_uM=1, gamma_p_per_s=3, gamma_d_per_s=1)
    branch = Branch([40], diffusion_um2_per_s=200, length_um=80, decay_ms=100, spine=spine)
    simulate(branch, [[1, 2]], whole, 10, weights=1, step_ms=1)
    simulate(branch, [[1, 2]], whole, 10, weights=[1], scheme="published", step_ms=1)
    simulate_spine(spine, [1, 2], whole, 10, weight=1, diffusion_um2_per_s=200, step_ms=1)
    after = [set(k.signatures) for k in (kernels.branch_run, kernels.spine_run)]
    assert after == before


def test_public_calls_pass_only_one_dimensional_float64_arrays(monkeypatch):
    seen = []
    for name in ("branch_run", "spine_run", "branch_factor", "threshold_run", "bistable_run"):
        real = getattr(kernels, name)

        def spy(*args, real=real, name=name):
            seen.extend((name, a) for a in args)
            return real(*args)

        monkeypatch.setattr(kernels, name, spy)
    rule = ThresholdRule()
    simulate(Branch([40.125]), [[1, 2]], rule, 10.0, weights=[1], record="all")
    simulate_spine(Spine(), [1, 2], rule, 10.0)
    rule.evolve([0, 1, 2], [1, 2, 1], 0)
    BistableRule().evolve([0, 1, 2], [1, 2, 1], 1)
    assert {name for name, _ in seen} >= {"branch_run", "spine_run", "threshold_run"}
    for name, a in seen:
        if isinstance(a, np.ndarray):
            assert a.dtype == np.float64 and a.ndim == 1 and a.flags.c_contiguous, name
        else:
            assert type(a) in (float, int), (name, type(a))


# -- linear algebra --------------------------------------------------------------------------


def random_system(rng, n=23):
    """Rates times q, as the factorisation takes them; spines at both ends and in between."""
    site = np.array([0.0, 5.0, 6.0, 14.0, n - 1.0])
    hop, loss, loss_end, loss_spine, k_d, k_s, in_d, in_s = rng.uniform(0.0, 2.0, 8)
    matrix = np.zeros((n + site.size, n + site.size))
    for i in range(n):
        matrix[i, i] = 1.0 + (loss_end if i in (0, n - 1) else loss)
        for j in (i - 1, i + 1):
            if 0 <= j < n:
                matrix[i, i] += hop
                matrix[i, j] -= hop
    for s, i in enumerate(site.astype(int)):
        matrix[i, i] += k_d
        matrix[i, n + s] -= in_d
        matrix[n + s, n + s] = 1.0 + k_s + loss_spine
        matrix[n + s, i] -= in_s
    return site, (hop, loss, loss_end, loss_spine, k_d, k_s, in_d, in_s), matrix


@pytest.mark.parametrize("seed", range(8))
def test_solver_against_a_dense_matrix(seed):
    rng = np.random.default_rng(seed)
    n = 23
    site, rates, matrix = random_system(rng, n)
    hop, _, _, loss_spine, _, k_s, in_d, in_s = rates
    ratio, pivot = np.zeros(n), np.zeros(n)
    kernels.branch_factor(n, site.size, site, *rates, ratio, pivot)
    kept = ratio.copy(), pivot.copy()
    for _ in range(2):  # the factors serve again and again
        b = rng.uniform(-1.0, 1.0, n + site.size)
        shaft, spine = b[:n].copy(), b[n:].copy()
        kernels.branch_solve(
            n, site.size, site, hop, 1.0 + k_s + loss_spine, in_d, in_s, ratio, pivot, shaft, spine
        )
        wanted = np.linalg.solve(matrix, b)
        np.testing.assert_allclose(np.append(shaft, spine), wanted, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(ratio, kept[0])
    np.testing.assert_array_equal(pivot, kept[1])


@pytest.mark.parametrize("seed", range(50))
def test_time_above_against_counting(seed):
    rng = np.random.default_rng(seed)
    c0, c1, theta = rng.uniform(0.0, 1.0, 3)
    h = rng.uniform(0.1, 3.0)
    s = (np.arange(100_000) + 0.5) / 100_000
    counted = h * float(((c0 + (c1 - c0) * s) > theta).mean())
    assert kernels.time_above(theta, c0, c1, h) == pytest.approx(counted, abs=2e-5 * h)


def test_time_above_at_the_edges():
    assert kernels.time_above(1.0, 1.0, 1.0, 2.0) == 0.0  # at the threshold is not above it
    assert kernels.time_above(1.0, 1.0, 2.0, 2.0) == 2.0
    assert kernels.time_above(1.0, 2.0, 1.0, 2.0) == 2.0
    assert kernels.time_above(1.0, 0.5, 1.5, 2.0) == pytest.approx(1.0)
    assert kernels.time_above(1.0, 1.5, 0.5, 2.0) == pytest.approx(1.0)


@pytest.mark.parametrize("exponent", range(-14, 0))
def test_pulse_shape_has_no_jump_where_the_time_constants_meet(exponent):
    """Against the series of the response around equal time constants."""
    tau_i = 2.0
    tau_c = 1.0 / (1.0 / tau_i - 10.0**exponent)
    for s in (0.01, 1.0, 7.0, 30.0):
        gap = 1.0 / tau_i - 1.0 / tau_c
        wanted = -math.exp(-s / tau_c) * math.expm1(-gap * s) / gap if gap else s * math.exp(-s / 2)
        assert kernels.pulse_calcium(s, tau_i, tau_c) == pytest.approx(wanted, rel=2e-7)


def test_run_changes_only_what_it_says():
    branch = Branch([40.125, 41.125])
    n, h = branch.compartments, 0.05
    rates = [0.5 * h * k for k in branch.exchange_per_ms]
    k_d, k_s, in_d, in_s = rates
    hop = 0.5 * h * 0.22 / 0.0625
    loss = 0.5 * h / 80.0
    site = np.array(branch.site, dtype=float)
    ratio, pivot = np.zeros(n), np.zeros(n)
    kernels.branch_factor(n, 2, site, hop, loss, loss, loss, k_d, k_s, in_d, in_s, ratio, pivot)
    spikes, stop = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    fixed = [site, ratio, pivot, spikes, stop]
    copies = [a.copy() for a in fixed]
    following, spine, weight, shaft = (
        np.array([0.0, 1.0]),
        np.zeros(2),
        np.full(2, 0.5),
        np.zeros(n),
    )
    calcium_out, weight_out = np.full(2 * 11, -1.0), np.full(2 * 11, -1.0)
    shaft_out = np.full(n, -1.0)
    kernels.branch_run(
        0, 100, h, 0, n, 2, site, hop, loss, k_s, in_d, in_s, ratio, pivot, spikes, stop,
        following, 3.46, 0.1, 1.0, 0.004, 0.002, 0.0023, 0.001, 1, shaft, np.zeros(n), spine,
        np.zeros(2), np.zeros(2), weight, np.zeros(2), 10, 11, calcium_out, weight_out, 0,
        shaft_out,
    )  # fmt: skip
    for a, b in zip(fixed, copies, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(following, stop)  # both spikes were used
    assert (shaft_out == -1.0).all()
    rows = calcium_out.reshape(2, 11)
    assert (rows[:, 0] == -1.0).all()  # the start is the caller's
    np.testing.assert_array_equal(rows[:, -1], spine)
    np.testing.assert_array_equal(weight_out.reshape(2, 11)[:, -1], weight)
    assert spine[1] > spine[0] > 0.0  # the later spike
    assert shaft.max() > 0.0
