"""The compiler: kernels as WebAssembly, run without a browser, against numba."""

import base64
import functools
import gzip
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heterolib.explore import EXPLORERS, notebook, page, vendor, wasm
from tests.data.explore.samples import settings as samples

DATA = Path(__file__).parent / "data" / "explore"
NAMES = sorted(EXPLORERS)
each = pytest.mark.parametrize("name", NAMES)
PAGE = 65536
# What explorer.js puts into a module's "env": functions of Math that mean the same in C.
OFFERED = {"__linear_memory", "__stack_pointer", "__indirect_function_table", *wasm.MATH, "trunc"}
LIMIT_ARITHMETIC, LIMIT_LIBM = 1e-12, 1e-9

# Another exponential than the C library's, as in a browser: reduced by k ln 2, Taylor to r^13.
TAYLOR = " ".join(
    f"(f64.mul (local.get $r)) (f64.add (f64.const {1 / math.factorial(n)!r}))"
    for n in range(12, -1, -1)
)
EXP = f"""
(module
  (func $power (param $k f64) (result f64)
    (f64.reinterpret_i64 (i64.shl (i64.add (i64.trunc_f64_s (local.get $k)) (i64.const 1023))
      (i64.const 52))))
  (func (export "exp") (param $x f64) (result f64) (local $k f64) (local $r f64) (local $half f64)
    (if (f64.ne (local.get $x) (local.get $x)) (then (return (local.get $x))))
    (if (f64.gt (local.get $x) (f64.const 709.7)) (then (return (f64.const inf))))
    (if (f64.lt (local.get $x) (f64.const -745.0)) (then (return (f64.const 0))))
    (local.set $k (f64.nearest (f64.mul (local.get $x) (f64.const 1.4426950408889634))))
    (local.set $r (f64.sub
      (f64.sub (local.get $x) (f64.mul (local.get $k) (f64.const 0.6931471803691238)))
      (f64.mul (local.get $k) (f64.const 1.9082149292705877e-10))))
    (local.set $half (f64.floor (f64.mul (local.get $k) (f64.const 0.5))))
    (f64.const {1 / math.factorial(13)!r}) {TAYLOR}
    (f64.mul (call $power (local.get $half)))
    (f64.mul (call $power (f64.sub (local.get $k) (local.get $half))))))
"""


class Machine:
    """A module in memory laid out as explorer.js does it."""

    def __init__(self, module, sizes, own_exp=False):
        self.sizes, self.top = sizes, module.stack_top
        n_p, n_out, n_work = sizes
        self.at_p = module.stack_top + 16
        self.at_out = self.at_p + 8 * n_p
        self.at_work = self.at_out + 8 * n_out
        self.end = self.at_work + 8 * n_work
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        made = wasmtime.Module(engine, module.code)
        limits = wasmtime.Limits(-(-self.end // PAGE), -(-self.end // PAGE))
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(limits))
        kind = wasmtime.GlobalType(wasmtime.ValType.i32(), True)
        self.stack = wasmtime.Global(self.store, kind, wasmtime.Val.i32(self.top))
        offered = {"__linear_memory": self.memory, "__stack_pointer": self.stack}
        for i in made.imports:
            if i.name == "__indirect_function_table":
                offered[i.name] = wasmtime.Table(self.store, i.type, None)
        if own_exp:
            exp = wasmtime.Instance(self.store, wasmtime.Module(engine, EXP), [])
            offered["exp"] = exp.exports(self.store)["exp"]
        for i in made.imports:
            assert i.module == "env"
            if i.name not in offered:
                assert i.name in OFFERED, f"explorer.js has no {i.name}"
                if i.name == "__indirect_function_table":
                    kind = wasmtime.TableType(wasmtime.ValType.funcref(), wasmtime.Limits(16, None))
                    offered[i.name] = wasmtime.Table(self.store, kind, None)
                    continue
                offered[i.name] = wasmtime.Func(self.store, i.type, c_function(i.name))
        found = wasmtime.Instance(self.store, made, [offered[i.name] for i in made.imports])
        exports = found.exports(self.store)
        assert [e.name for e in made.exports] == [wasm.ENTRY]
        self.entry = exports[wasm.ENTRY]
        self.memory.write(self.store, b"\xa5" * (self.size - self.end), self.end)
        self.tables = self.read(0, self.top - wasm.STACK)

    @property
    def size(self):
        return self.memory.data_len(self.store)

    def read(self, start, stop):
        return bytes(self.memory.read(self.store, start, stop))

    def run(self, p):
        """Outputs; `work` is left as the last run left it, as in the browser."""
        n_out = self.sizes[1]
        self.memory.write(self.store, np.asarray(p, dtype="<f8").tobytes(), self.at_p)
        self.memory.write(self.store, bytes(8 * n_out), self.at_out)
        at = (self.at_p, self.at_out, self.at_work)
        assert self.entry(self.store, self.top, self.top + 8, *at) == 0
        return np.frombuffer(self.read(self.at_out, self.at_work), dtype="<f8")

    def intact(self):
        """Tables, stack pointer and the memory behind the arrays are as they were."""
        return (
            self.read(0, len(self.tables)) == self.tables
            and self.stack.value(self.store) == self.top
            and set(self.read(self.end, self.size)) <= {0xA5}
        )


def c_function(name):
    found = (
        getattr(math, name, None)
        or {
            "cbrt": lambda x: math.copysign(abs(x) ** (1 / 3), x),
            "exp2": lambda x: 2.0**x,
        }[name]
    )

    def call(*x):
        try:
            return float(found(*x))
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return call


# -- every explorer --------------------------------------------------------------------------


@functools.cache
def all_modules():
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(NAMES, pool.map(wasm.compile_explorer, NAMES), strict=True))


@pytest.fixture(scope="session")
def modules():
    """Every explorer's module, compiled once in subprocesses."""
    return all_modules()


def parameters(explorer, changes):
    values = explorer.values(**changes)
    return np.array([values[c.name] * c.scale for c in explorer.controls] + [*explorer.constants])


def native(explorer, p):
    out = np.zeros(explorer.sizes[1])
    explorer.kernel(p, out, np.zeros(explorer.work))
    return out


def largest_difference(explorer, pairs):
    """|a - b| relative to |b|, or to a thousandth of the output's largest value if b is less."""
    worst, at = 0.0, 0
    for o in explorer.outputs:
        a, b = (np.array([pair[i][at : at + o.size] for pair in pairs]) for i in (0, 1))
        scale = np.maximum(np.abs(b), 1e-3 * np.abs(b).max())
        worst = max(worst, float((np.abs(a - b) / np.where(scale > 0.0, scale, 1.0)).max()))
        at += o.size
    return worst


@each
def test_same_numbers_as_numba_at_200_settings(modules, name, record_property):
    """With another exponential than numba's, so that the tolerance is really used."""
    e = EXPLORERS[name]
    machine = Machine(modules[name], e.sizes, own_exp=True)
    pairs = []
    for changes in samples(e, 200, 11):
        p = parameters(e, changes)
        pairs.append((machine.run(p), native(e, p)))
    worst = largest_difference(e, pairs)
    record_property("largest relative difference", worst)
    print(f"{name}: largest relative difference of 200 settings: {worst:.2g}")
    assert np.isfinite([pair[0] for pair in pairs]).all()
    assert worst <= LIMIT_LIBM
    assert machine.intact()


@each
def test_same_numbers_with_the_same_libm(modules, name):
    """What remains is the arithmetic alone."""
    e = EXPLORERS[name]
    machine = Machine(modules[name], e.sizes)
    tried = [{}, *(e.preset(p.name) for p in e.presets[1:]), samples(e, 2, 0)[1]]
    pairs = [(machine.run(p), native(e, p)) for p in (parameters(e, c) for c in tried)]
    assert largest_difference(e, pairs) <= LIMIT_ARITHMETIC


def test_the_exponential_of_these_tests_is_one():
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    exp = wasmtime.Instance(store, wasmtime.Module(engine, EXP), []).exports(store)["exp"]
    x = np.concatenate([np.linspace(-740.0, 709.0, 5001), np.linspace(-1.0, 1.0, 1001), [0.0]])
    found = np.array([exp(store, float(v)) for v in x])
    np.testing.assert_allclose(found, np.exp(x), rtol=1e-14, atol=1e-320)
    assert (found != np.exp(x)).any()  # and not the C library's
    assert math.isnan(exp(store, math.nan)) and exp(store, math.inf) == math.inf
    assert exp(store, -math.inf) == 0.0


@pytest.fixture(scope="session")
def empty_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("numba"))


@pytest.mark.parametrize(
    "name", [NAMES[0], *(pytest.param(n, marks=pytest.mark.slow) for n in NAMES[1:])]
)
def test_a_module_is_reproducible_byte_by_byte(modules, name, empty_cache, monkeypatch):
    """Also with an empty numba cache, and with another order of sets."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", empty_cache)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert wasm.compile_explorer(name) == modules[name]
    assert len(os.listdir(empty_cache)) > 0  # it was really used


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"NUMBA_BOUNDSCHECK": "1"},
        {"NUMBA_DEBUGINFO": "1"},
        {"NUMBA_OPT": "0", "NUMBA_CPU_NAME": "host", "NUMBA_DISABLE_JIT": "1"},
    ],
    ids=lambda v: next(iter(v)),
)
def test_settings_of_numba_do_not_change_the_module(modules, monkeypatch, tmp_path, variables):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert wasm.compile_explorer(NAMES[0]) == modules[NAMES[0]]


@each
def test_code_and_one_model_weigh_less_than_20_kB(modules, name, record_property):
    parts = [notebook.PARTS[part] for part in page.parts(EXPLORERS[name])]
    ours = sum(
        len(gzip.compress(notebook.asset(f).encode()))
        for f in ("explorer.js", "explorer.css", *parts)
    )
    spec = {**page.declaration(EXPLORERS[name]), **modules[name].packed()}
    model = len(gzip.compress(json.dumps(spec, separators=(",", ":")).encode()))
    record_property("bytes", (len(modules[name].code), model, ours))
    print(f"{name}: module {len(modules[name].code)} B, spec {model} B gz, code {ours} B gz")
    assert 1000 < ours + model < 20_000
    assert len(modules[name].code) < 20_000


def test_the_chart_library_weighs_less_than_400_kB():
    charts = vendor.charts()
    weight = sum(
        len(gzip.compress((charts / f).read_bytes())) for f in (vendor.SCRIPT, vendor.STYLE)
    )
    print(f"charts: {weight} B gz")
    assert 5_000 < weight < 400_000


@each
def test_what_a_page_carries_is_the_module(modules, name):
    packed = json.loads(json.dumps(modules[name].packed()))
    assert zlib.decompress(base64.b64decode(packed["wasm"])) == modules[name].code
    assert packed["stack"] % 16 == 0
    assert packed["stack"] - wasm.STACK >= modules[name].data_end


# -- which kernels may --------------------------------------------------------------------


@functools.cache
def built(which):
    """Compile all kernels of a helper module, in one subprocess."""
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, str(DATA / "build_all.py"), which],
        env={**os.environ, **wasm.ENVIRONMENT, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {}
    for line in done.stdout.splitlines():
        said = json.loads(line)
        found[said["name"]] = said  # the second line on a kernel replaces the first
    if done.returncode:
        last = list(found)[-1] if found else ""
        found.setdefault(last, {})["error"] = f"crash, code {done.returncode}: {done.stderr}"
    return found


def load(which):
    if which not in sys.modules:
        spec = importlib.util.spec_from_file_location(which, DATA / f"{which}.py")
        sys.modules[which] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[which])
    return sys.modules[which]


ALLOCATES = ("NRT_", "a kernel allocates nothing")
RANDOM = (r"numba_get_(np|py)_random", "a kernel draws no random numbers")
RAISES = ("", "a kernel .*raises nothing")
UNKNOWN = ("", "numba cannot compile the kernel")
REFUSED = {
    "allocates": ALLOCATES,
    "allocates_without_filling": ALLOCATES,
    "copies": ALLOCATES,
    "makes_a_new_array": ALLOCATES,
    "sorts": ALLOCATES,
    "copies_a_slice": ALLOCATES,
    "draws_with_numpy": RANDOM,
    "draws_normal": RANDOM,
    "draws_with_python": RANDOM,
    "seeds": RANDOM,
    "raises": RAISES,
    "raises_with_a_value": ("", "a kernel (allocates nothing|.*raises nothing)"),
    "asserts": RAISES,
    "prints": ("numba_gil_ensure|Py", "a kernel (calls no function|uses no Python)"),
    "grows_a_list": ALLOCATES,
    "keeps_a_dictionary": ALLOCATES,
    "keeps_a_set": ALLOCATES,
    "writes_text": ALLOCATES,
    "solves": ("NRT_|numba_|Py", "a kernel "),
    "multiplies_matrices": ("NRT_|numba_|Py", "a kernel "),
    "recurs_without_a_type": ("endless", "numba cannot compile the kernel"),
    "calls_python": ("", "a kernel .*(Python|raises nothing)"),
    "calls_a_plain_function": ("plain", "numba cannot compile the kernel"),
    "calls_another_libm_function": ("erf", "only functions of JavaScript Math"),
    "calls_gamma": ("lgamma", "only functions of JavaScript Math"),
    "takes_a_number_apart": ("numba_frexp", "a kernel calls no function of numba's runtime"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_kernel_that_needs_python_is_refused_by_name(name):
    found = built("refused")[name]
    assert found.get("error") == "NotForTheBrowser", found.get("message", "compiled without a word")
    call, rule = REFUSED[name]
    assert re.search(call, found["message"]) and re.search(rule, found["message"]), found["message"]


def test_every_kernel_to_refuse_is_listed():
    """`divides_as_python_does` runs: the entry's error model goes down to what it calls."""
    assert set(built("refused")) == {*REFUSED, "divides_as_python_does"}


SAMPLES = np.random.default_rng(4).uniform(0.1, 3.0, (20, 8))
EXACT = {
    "arithmetic", "small_table", "large_table", "many_tables", "tuple_by_index", "recursion",
    "functions_and_tuples", "integers", "while_loops", "own_random_numbers", "rounding",
    "special_numbers", "slices", "complex_numbers", "entry", "memory",
}  # fmt: skip
WITH_LIBM = {"libm", "powers", "whole_powers", "float_remainder"}
# LLVM itself calls these; where the page has no such function the build must say so.
OR_REFUSED = {"whole_powers": "exp2|raises", "powers": "raises", "float_remainder": "fmod"}


def test_every_legal_kernel_is_listed():
    assert set(built("legal")) == EXACT | WITH_LIBM


@pytest.mark.parametrize("name", sorted(EXACT | WITH_LIBM))
def test_unusual_kernel_runs_as_under_numba(name):
    found = built("legal")[name]
    if found.get("error") == "NotForTheBrowser" and name in OR_REFUSED:
        assert re.search(OR_REFUSED[name], found["message"])
        return
    assert "error" not in found, found["message"]
    module = wasm.Module(base64.b64decode(found["code"]), found["data_end"])
    sizes = (8, 24, 64)
    machine = Machine(module, sizes)
    kernel = getattr(load("legal"), name)
    tolerance = 1e-12 if name in EXACT else LIMIT_LIBM
    for p in SAMPLES:
        out = np.zeros(24)
        kernel(p.copy(), out, np.zeros(64))
        assert np.isfinite(out).all()
        np.testing.assert_allclose(machine.run(p), out, rtol=tolerance, atol=0.0)
        if name == "arithmetic":
            np.testing.assert_array_equal(machine.run(p), out)
    assert machine.intact()


def test_large_tables_move_the_stack_and_the_arrays():
    found = built("legal")["large_table"]
    module = wasm.Module(base64.b64decode(found["code"]), found["data_end"])
    assert module.data_end >= 80_000 > PAGE
    assert module.stack_top >= module.data_end + wasm.STACK


def imports_of(code):
    return {i.name for i in wasmtime.Module(wasmtime.Engine(), code).imports}


def test_modules_import_only_what_the_page_offers(modules):
    """Else the page would fail where the build should have refused."""
    asked = {name: imports_of(m.code) for name, m in modules.items()}
    for which in ("legal", "refused"):
        for name, found in built(which).items():
            if "code" in found:
                asked[name] = imports_of(base64.b64decode(found["code"]))
    assert len(asked) >= len(EXPLORERS) + 15
    assert not {name: got - OFFERED for name, got in asked.items() if got - OFFERED}


OUT_OF_PROCESS = """
import os
from numba import njit
import numpy as np

@njit
def good(p, out, work):
    out[0] = p[0] + work.size

@njit
def bad(p, out, work):
    out[0] = np.zeros(int(p[0]))[0]
"""


def test_compiling_out_of_process(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(OUT_OF_PROCESS)
    (tmp_path / "crash.py").write_text("import os\nos.abort()\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = wasm.compile_in_subprocess("mine:good:1:1:5")
    assert Machine(module, (1, 1, 5)).run([2.0])[0] == 7.0
    with pytest.raises(wasm.NotForTheBrowser, match=r"calls NRT_\w+: a kernel allocates nothing"):
        wasm.compile_in_subprocess("mine:bad:1:1:5")
    with pytest.raises(RuntimeError, match=r"compiling crash:x:1:1:1 ended with code -?\d+"):
        wasm.compile_in_subprocess("crash:x:1:1:1")
    with pytest.raises(RuntimeError, match="no_such"):
        wasm.compile_in_subprocess("mine:no_such:1:1:1")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("NRT_decref", "allocates nothing"),
        ("PyErr_SetString", "raises nothing"),
        ("numba_rnd_init", "random numbers"),
        ("numba_unpickle", "raises nothing"),
        ("numba_xxgemm", "numba's runtime"),
        ("tgamma", "JavaScript Math"),
        ("llvm.x86.sse2.sqrt", "JavaScript Math"),
        ("lgamma", "JavaScript Math"),
    ],
)
def test_guard(name, rule):
    with pytest.raises(wasm.NotForTheBrowser, match=f"the kernel calls {name}: .*{rule}"):
        wasm.guard(iter(["exp", name, "sin"]))


# -- the binary format -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def raw():
    """Modules as LLVM writes them: with tables and several functions, and a plain one."""
    return {n: base64.b64decode(built("legal")[n]["raw"]) for n in ("many_tables", "libm", "entry")}


def never_worse_than_value_error(call, data):
    try:
        return call(data)
    except ValueError:
        return None


READERS = {
    "finish": wasm.finish,
    "sections": wasm.sections,
    "defined_functions": wasm.defined_functions,
    "end_of_data": wasm.end_of_data,
}


def part(code, kind, name=""):
    for k, body in wasm.sections(code):
        if k != kind:
            continue
        if k != wasm.CUSTOM:
            return body
        reader = wasm.Reader(body)
        if reader.name() == name:
            return reader.take(reader.left)
    raise AssertionError("no such section")


def bodies(raw):
    """What each reader is meant to read."""
    whole = raw["many_tables"]
    linking, data = part(whole, wasm.CUSTOM, "linking"), part(whole, wasm.DATA)
    return {"finish": whole, "sections": whole, "defined_functions": linking, "end_of_data": data}


def test_llvms_modules_are_read_right(raw):
    for name, code in raw.items():
        kinds = [k for k, _ in wasm.sections(code)]
        assert wasm.EXPORT not in kinds and wasm.CUSTOM in kinds
        names = wasm.defined_functions(part(code, wasm.CUSTOM, "linking"))
        assert wasm.ENTRY in names
        module = wasm.finish(code)
        made = [k for k, _ in wasm.sections(module.code)]
        assert made.count(wasm.EXPORT) == 1 and wasm.CUSTOM not in made
        assert made == sorted(made, key=lambda k: 9.5 if k == 12 else k)
        wasmtime.Module.validate(wasmtime.Engine(), module.code)
        assert (module.data_end > 0) == (name == "many_tables")
        body = part(module.code, wasm.EXPORT)
        expected = b"\x01\x05entry\x00" + wasm.number(names[wasm.ENTRY])
        assert body == expected


@pytest.mark.parametrize("reader", READERS)
def test_a_module_cut_short_is_refused(raw, reader):
    whole = bodies(raw)[reader]
    good = READERS[reader](whole)
    accepted = []
    for n in range(len(whole)):
        try:
            accepted.append(READERS[reader](whole[:n]))
        except ValueError:
            continue
    if reader == "end_of_data":
        assert not accepted
    if reader == "finish":  # what was cut off is not needed: sections for a linker
        assert all(found == good for found in accepted)
    # a list of sections, or of subsections, may end after any of them
    assert len(accepted) <= 12


def flips(data, places):
    out = bytearray(data)
    for at, value in places:
        out[at % len(out)] ^= value
    return bytes(out)


FUZZ = settings(
    max_examples=400,
    deadline=500,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PLACES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=6)


@pytest.mark.parametrize("reader", READERS)
@FUZZ
@given(places=PLACES)
def test_flipped_bytes_give_a_value_error_or_an_answer(raw, reader, places):
    data = flips(bodies(raw)[reader], places)
    found = never_worse_than_value_error(READERS[reader], data)
    if reader == "finish" and found is not None:
        assert isinstance(found, wasm.Module) and found.data_end >= 0
        assert found.code.startswith(wasm.HEADER)


@pytest.mark.parametrize("reader", READERS)
@FUZZ
@given(data=st.binary(max_size=200), with_header=st.booleans())
def test_random_bytes_give_a_value_error_or_an_answer(reader, data, with_header):
    never_worse_than_value_error(READERS[reader], (wasm.HEADER if with_header else b"") + data)


def test_every_single_flipped_byte_of_the_linking_section(raw):
    """All of it, not a sample: this is where names and indices come from."""
    linking = bodies(raw)["defined_functions"]
    good = wasm.defined_functions(linking)
    changed = 0
    for at in range(len(linking)):
        for value in (0x01, 0x7F, 0x80, 0xFF):
            found = never_worse_than_value_error(
                wasm.defined_functions, flips(linking, [(at, value)])
            )
            changed += found != good
    assert changed > len(linking)


def section(kind, body):
    return bytes([kind]) + wasm.number(len(body)) + body


def linking(*symbols):
    table = wasm.number(len(symbols)) + b"".join(symbols)
    return section(0, b"\x07linking\x02" + section(wasm.SYMBOL_TABLE, table))


def symbol(name, index=0, flags=0, kind=wasm.FUNCTION):
    return bytes([kind]) + wasm.number(flags) + wasm.number(index) + wasm.number(len(name)) + name


CODE = section(10, b"\x01\x02\x00\x0b")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"", "not a WebAssembly module"),
        (b"\0asm", "not a WebAssembly module"),
        (b"\0asm\x02\0\0\0", "not a WebAssembly module"),
        (b"MZ" + bytes(40), "not a WebAssembly module"),
        (wasm.HEADER, "does not define entry"),
        (wasm.HEADER + linking(symbol(b"other")) + CODE, "does not define entry"),
        (wasm.HEADER + linking(symbol(b"entry", flags=0x10)[:3]), "does not define entry|ends"),
        (wasm.HEADER + linking(symbol(b"entry", kind=wasm.GLOBAL)), "does not define entry"),
        (wasm.HEADER + linking(symbol(b"entry", kind=9)), "symbol of unknown kind 9"),
        (wasm.HEADER + linking(symbol(b"\xff\xfe")), "not UTF-8"),
        (wasm.HEADER + linking(symbol(b"entry")) + section(7, b"\0"), "has exports already"),
        (wasm.HEADER + b"\x0a\x80\x80\x80\x80\x80\x00", "more than 32 bits"),
        (wasm.HEADER + b"\x0a\xff\xff\xff\xff\x7f", "more than 32 bits"),
        (wasm.HEADER + b"\x0a\xff\xff\xff\xff\x0f", "ends early"),
        (wasm.HEADER + section(11, b"\x01\x01\x00"), "without a fixed address"),
        (wasm.HEADER + section(11, b"\x01\x00\x23\x00\x0b\x01a"), "without a fixed address"),
        (wasm.HEADER + section(11, b"\x01\x00\x41\x7f\x0b\x01a"), "without a fixed address"),
        (wasm.HEADER + section(11, b"\x01\x00\x41\x00\x0c\x01a"), "without a fixed address"),
        (wasm.HEADER + section(11, b"\x01\x00\x41\x00\x0b\x05a"), "ends early"),
        (wasm.HEADER + section(11, b"\x01\x00\x41\x80\x80\x80\x80\x80\x01\x0b\x01a"), "32 bits"),
        (wasm.HEADER + section(11, b"\xff\xff\xff\xff\x0f"), "ends early"),
    ],
)
def test_malformed_modules_say_what_is_wrong(code, message):
    with pytest.raises(ValueError, match=message):
        wasm.finish(code)


def test_the_export_stands_where_the_format_wants_it():
    """Before the code, or last if nothing follows."""
    code = wasm.HEADER + section(3, b"\x01\x00") + CODE + linking(symbol(b"f", 5))
    assert [k for k, _ in wasm.sections(wasm.finish(code, "f").code)] == [3, 7, 10]
    bare = wasm.HEADER + section(3, b"\x01\x00") + linking(symbol(b"f", 300))
    made = wasm.finish(bare, "f").code
    assert made.endswith(b"\x01\x01f\x00" + wasm.number(300))


def test_defined_functions_skips_what_is_no_function():
    body = (
        symbol(b"log", 0, flags=0x50)  # imported, under its own name
        + bytes([wasm.FUNCTION, 0x10, 1])  # imported, no name given
        + symbol(b"table", 0, kind=wasm.TABLE)
        + bytes([wasm.DATA_SYMBOL, 0]) + b"\x01d" + bytes([0, 0, 8])
        + bytes([wasm.DATA_SYMBOL, 0x10]) + b"\x01e"
        + bytes([wasm.SECTION, 0, 3])
        + symbol(b"mine", 7)
    )  # fmt: skip
    text = b"\x02" + section(5, b"ignored") + section(wasm.SYMBOL_TABLE, wasm.number(7) + body)
    assert wasm.defined_functions(text) == {"mine": 7}


@given(st.integers(0, 2**32 - 1))
def test_numbers_survive_their_encoding(value):
    reader = wasm.Reader(wasm.number(value))
    assert reader.number() == value and reader.left == 0


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", 0),
        (b"\x7f", -1),
        (b"\xff\x00", 127),
        (b"\x80\x7f", -128),
        (b"\xc0\xbb\x78", -123456),
    ],
)
def test_signed_numbers(data, value):
    assert wasm.Reader(data).signed() == value


def test_end_of_data_is_that_of_the_last_byte():
    def segment(start, data):
        return b"\x00\x41" + start + b"\x0b" + wasm.number(len(data)) + data

    assert wasm.end_of_data(b"\x00") == 0
    body = b"\x02" + segment(b"\xe4\x00", b"abc") + segment(b"\x04", b"z" * 10)
    assert wasm.end_of_data(body) == 103
    assert wasm.Module(b"", 103).stack_top == 112 + wasm.STACK
