"""Compile an explorer's kernel to WebAssembly, with the LLVM that numba brings along.

numba hands out the LLVM code of a compiled function and llvmlite carries LLVM's WebAssembly
target, so no other compiler is needed. What LLVM writes is a module that lacks only its export
section; `finish` adds it.

A kernel that needs the Python runtime cannot run in a browser, and LLVM would end the whole
process on some of them. `compile_explorer` therefore works in a subprocess, and a guard looks
at every call that is left after optimisation before any code is made.

The compiled module imports its memory, its stack pointer and the functions of `MATH`. Memory is
laid out from 0: constant tables, a stack of `STACK` bytes, then the arrays p, out and work.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from heterolib.explore import vendor

ENTRY = "entry"
STACK = 65536
TUPLE_CHECK = "tuple index out of range"
LONGEST_REASON = 1000  # characters of numba's own words
TRIPLE = "wasm32-unknown-unknown"
FEATURES = "+bulk-memory,+mutable-globals,+nontrapping-fptoint,+sign-ext"
# What explorer.js offers under the name C gives it: JavaScript's Math, and %, 2 ** x.
MATH = frozenset(
    "acos asin atan atan2 cbrt ceil cos cosh exp exp2 expm1 fabs floor fmod hypot log log10 "
    "log1p log2 pow sin sinh sqrt tan tanh".split()
)
RULES = (
    ("NRT_", "a kernel allocates nothing: the caller passes every array"),
    ("numba_unpickle", "a kernel raises nothing and calls nothing outside numba"),
    ("Py", "a kernel uses no Python object, and raises nothing"),
    ("numba_get_np_random", "a kernel draws no random numbers: pass them in"),
    ("numba_get_py_random", "a kernel draws no random numbers: pass them in"),
    ("numba_rnd", "a kernel draws no random numbers: pass them in"),
    ("numba_", "a kernel calls no function of numba's runtime"),
)
# Reproducible code for any machine: no vectors, no special instructions of this processor. More
# optimisation makes the modules larger, not faster.
ENVIRONMENT = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NUMBA_LOOP_VECTORIZE": "0",
    "NUMBA_SLP_VECTORIZE": "0",
    "NUMBA_DISABLE_JIT": "0",
    "NUMBA_OPT": "2",
    "NUMBA_BOUNDSCHECK": "0",
    "NUMBA_DEBUGINFO": "0",
    "NUMBA_FULL_TRACEBACKS": "0",
}


class NotForTheBrowser(ValueError):
    """A kernel breaks a rule that WebAssembly sets. The message names the call and the rule."""


@dataclass(frozen=True)
class Module:
    """A finished WebAssembly module and where its constant tables end."""

    code: bytes
    data_end: int

    @property
    def stack_top(self) -> int:
        """Where the stack starts (it grows down), also where the arrays begin."""
        return -(-self.data_end // 16) * 16 + STACK

    def packed(self) -> dict[str, str | int]:
        """For JSON: the bytes, deflated and in base64, and the layout."""
        packed = zlib.compress(self.code, 9)
        return {"wasm": base64.b64encode(packed).decode(), "stack": self.stack_top}


def compile_explorer(name: str) -> Module:
    """Compile the kernel of an explorer of the catalogue.

    Parameters
    ----------
    name : str
        A key of `heterolib.explore.EXPLORERS`.

    Returns
    -------
    Module
        The same bytes for the same source.

    Raises
    ------
    NotForTheBrowser
        If the kernel needs the Python runtime.
    RuntimeError
        If the compiler itself failed.
    """
    return compile_in_subprocess(f"heterolib.explore.catalogue:EXPLORERS:{name}")


def compile_in_subprocess(target: str) -> Module:
    """Compile ``module:function:n_p:n_out:n_work`` or ``module:EXPLORERS:name`` out of process.

    Raises
    ------
    NotForTheBrowser, RuntimeError
        As `compile_explorer`.
    """
    # numba's disk cache does not tell the settings above apart: these kernels keep their own
    cache = os.environ.get("NUMBA_CACHE_DIR") or str(vendor.folder().parent)
    settings = {
        **ENVIRONMENT,
        "NUMBA_CACHE_DIR": os.path.join(cache, f"wasm-kernels-O{ENVIRONMENT['NUMBA_OPT']}"),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "heterolib.explore.wasm", target],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 3:
        raise NotForTheBrowser(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise RuntimeError(f"compiling {target} ended with code {done.returncode}: {last}")
    found = json.loads(done.stdout)
    return Module(base64.b64decode(found["code"]), int(found["data_end"]))


def build(kernel: Callable[..., None], sizes: tuple[int, int, int]) -> Module:
    """Compile a jitted kernel (p, out, work) in this process; see `compile_in_subprocess`.

    Parameters
    ----------
    kernel : jitted function
    sizes : (int, int, int)
        Lengths of p, out and work.

    Raises
    ------
    NotForTheBrowser
        If the kernel needs the Python runtime.
    """
    import llvmlite.binding as llvm
    from numba import carray, cfunc, types
    from numba.core.errors import NumbaError

    n_p, n_out, n_work = sizes

    def entry(p, out, work):  # type: ignore[no-untyped-def]
        kernel(carray(p, (n_p,)), carray(out, (n_out,)), carray(work, (n_work,)))
        return 0

    pointer = types.CPointer(types.float64)
    try:
        compiled = cfunc(types.int32(pointer, pointer, pointer), error_model="numpy")(entry)
    except NumbaError as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise NotForTheBrowser(f"numba cannot compile the kernel: {reason}") from error
    inner = compiled._wrapper_name.replace("cfunc.", "", 1)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(
        opt=3, reloc="static", codemodel="default", features=FEATURES
    )
    module = llvm.parse_assembly(retarget(compiled.inspect_llvm(), str(machine.target_data)))
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == inner else "internal"
            if function.name == inner:
                function.name = ENTRY
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    _optimise(llvm, module, machine)
    guard(str(f.name) for f in module.functions if f.is_declaration)
    guard_raises((str(v.name), str(v)) for v in module.global_variables)
    finished = finish(machine.emit_object(module))
    guard(name for kind, name in imports(finished.code) if kind == FUNCTION)
    return finished


def _optimise(llvm: Any, module: Any, machine: Any) -> None:
    options = llvm.create_pipeline_tuning_options(2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    unused = llvm.create_new_module_pass_manager()
    unused.add_global_dead_code_eliminate_pass()  # numba's wrappers for Python
    unused.run(module, builder)
    builder.getModulePassManager().run(module, builder)
    module.verify()


def retarget(code: str, layout: str) -> str:
    """LLVM code of this machine, relabelled for WebAssembly.

    numba leaves a recursive call to be bound when it loads the code: a pointer named after the
    function. Here the pointer is bound at once, and the optimiser turns it into a plain call.
    """
    import re

    def bind(found: re.Match[str]) -> str:
        pointer, function = found[1], found[2]
        if f" @{function}(" in defined:
            return f"{pointer} = internal constant ptr @{function}"
        return found[0]

    defined = "\n".join(line for line in code.splitlines() if line.startswith("define "))
    code = re.sub(
        r'^(@"\.numba\.unresolved\$([^"]+)") = external[^\n]*$', bind, code, flags=re.MULTILINE
    )
    code = re.sub(r'target triple = ".*"', f'target triple = "{TRIPLE}"', code)
    code = re.sub(r'target datalayout = ".*"', f'target datalayout = "{layout}"', code)
    return re.sub(r'"(target-cpu|target-features|tune-cpu)"="[^"]*"', "", code)


def guard(declared: Iterator[str]) -> None:
    """Refuse what a browser cannot call.

    Parameters
    ----------
    declared : iterator of str
        Functions that are called but not defined.

    Raises
    ------
    NotForTheBrowser
        Naming the first offending call and the rule it breaks.

    Examples
    --------
    >>> guard(iter(["exp", "llvm.sqrt.f64"]))
    >>> guard(iter(["NRT_Allocate"]))
    Traceback (most recent call last):
        ...
    heterolib.explore.wasm.NotForTheBrowser: the kernel calls NRT_Allocate: a kernel allocates \
nothing: the caller passes every array
    """
    for name in sorted(declared):
        if name in MATH or (name.startswith("llvm.") and not name.startswith("llvm.x86")):
            continue
        rule = next((text for start, text in RULES if name.startswith(start)), None)
        raise NotForTheBrowser(
            f"the kernel calls {name}: {rule or 'only functions of JavaScript Math can be called'}"
        )


def guard_raises(variables: Iterator[tuple[str, str]]) -> None:
    """Refuse a kernel that can raise: numba keeps each exception as a pickled constant.

    The check of a tuple's index is numba's own and stays: it ends the run with a code that the
    page reports.

    Parameters
    ----------
    variables : iterator of (str, str)
        Names and LLVM text of the constants that the compiled code still uses.

    Raises
    ------
    NotForTheBrowser
        If one of them is an exception.
    """
    for name, text in variables:
        if "unresolved" in name:
            raise NotForTheBrowser(
                f"the kernel calls {name}, a recursion that numba binds only when it loads the "
                "code: give the function an explicit signature, or write a loop"
            )
        held = "pickledata" in name and not name.endswith(".sha1")
        if held and TUPLE_CHECK not in text:
            raise NotForTheBrowser(
                f"the kernel keeps {name}, so it can raise or call Python: a kernel raises "
                "nothing and uses no Python object"
            )


# -- the binary format -----------------------------------------------------------------------
#
# A module is a header and sections: one byte of kind, the length, the body. Numbers are LEB128:
# seven bits a byte, low bits first. See the WebAssembly core specification, chapter 5.

HEADER = b"\0asm\x01\0\0\0"
CUSTOM, IMPORT, EXPORT, START, DATA = 0, 2, 7, 8, 11
AFTER_EXPORT = (8, 9, 10, 11, 12)
SYMBOL_TABLE = 8
FUNCTION, DATA_SYMBOL, GLOBAL, SECTION, TAG, TABLE = range(6)
UNDEFINED, EXPLICIT_NAME = 0x10, 0x40


class Reader:
    """Reads the numbers and names of a WebAssembly binary, never past its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self.data) - self.at

    def take(self, n: int) -> bytes:
        """The next n bytes."""
        if n < 0 or n > self.left:
            raise ValueError(f"WebAssembly ends early: {n} bytes wanted, {self.left} left")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self) -> int:
        """An unsigned number of at most 32 bits."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 28:
                raise ValueError("WebAssembly holds a number of more than 32 bits")
        if value >= 1 << 32:
            raise ValueError("WebAssembly holds a number of more than 32 bits")
        return value

    def signed(self) -> int:
        """A signed number of at most 32 bits."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if byte & 0x40 else value
            if shift > 28:
                raise ValueError("WebAssembly holds a number of more than 32 bits")

    def name(self) -> str:
        """A name, as its length and its UTF-8 bytes."""
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError as error:
            raise ValueError("WebAssembly holds a name that is not UTF-8") from error


def number(value: int) -> bytes:
    """An unsigned number in LEB128.

    Examples
    --------
    >>> number(5).hex(), number(300).hex()
    ('05', 'ac02')
    """
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def sections(code: bytes) -> list[tuple[int, bytes]]:
    """The sections of a module.

    Raises
    ------
    ValueError
        If the bytes are no WebAssembly module of version 1, or end early.
    """
    reader = Reader(code)
    if reader.left < len(HEADER) or reader.take(len(HEADER)) != HEADER:
        raise ValueError("not a WebAssembly module of version 1")
    found = []
    while reader.left:
        kind = reader.take(1)[0]
        found.append((kind, reader.take(reader.number())))
    return found


def defined_functions(linking: bytes) -> dict[str, int]:
    """Names and indices of the functions a module defines, from its "linking" section.

    Raises
    ------
    ValueError
        If the section is malformed.
    """
    reader = Reader(linking)
    reader.number()  # version
    found: dict[str, int] = {}
    while reader.left:
        kind = reader.take(1)[0]
        part = Reader(reader.take(reader.number()))
        if kind != SYMBOL_TABLE:
            continue
        for _ in range(part.number()):
            symbol = part.take(1)[0]
            flags = part.number()
            if symbol in (FUNCTION, GLOBAL, TAG, TABLE):
                index = part.number()
                if not flags & UNDEFINED or flags & EXPLICIT_NAME:
                    name = part.name()
                    if symbol == FUNCTION and not flags & UNDEFINED:
                        found[name] = index
            elif symbol == DATA_SYMBOL:
                part.name()
                if not flags & UNDEFINED:
                    for _ in range(3):
                        part.number()
            elif symbol == SECTION:
                part.number()
            else:
                raise ValueError(f"WebAssembly holds a symbol of unknown kind {symbol}")
    return found


def imports(code: bytes) -> list[tuple[int, str]]:
    """What a module imports: kind (0 function, 1 table, 2 memory, 3 global) and name.

    Raises
    ------
    ValueError
        If the module is malformed.
    """
    found = []
    for section, body in sections(code):
        if section != IMPORT:
            continue
        reader = Reader(body)
        for _ in range(reader.number()):
            reader.name()
            name = reader.name()
            kind = reader.take(1)[0]
            if kind == 0:
                reader.number()
            elif kind in (1, 2):
                reader.take(1 if kind == 1 else 0)
                if reader.number() & 1:
                    reader.number()
                reader.number()
            elif kind == 3:
                reader.take(2)
            else:
                raise ValueError(f"WebAssembly imports something of unknown kind {kind}")
            found.append((kind, name))
    return found


def end_of_data(body: bytes) -> int:
    """Where the last constant table ends, in bytes from 0.

    Raises
    ------
    ValueError
        If a segment does not lie at a fixed address.
    """
    reader, end = Reader(body), 0
    for _ in range(reader.number()):
        if reader.number() != 0 or reader.take(1) != b"\x41":  # active, i32.const
            raise ValueError("WebAssembly holds data without a fixed address")
        start = reader.signed()
        if reader.take(1) != b"\x0b" or start < 0:
            raise ValueError("WebAssembly holds data without a fixed address")
        size = reader.number()
        reader.take(size)
        end = max(end, start + size)
    return end


def finish(code: bytes, export: str = ENTRY) -> Module:
    """Give LLVM's module an export section and drop what only a linker would read.

    Parameters
    ----------
    code : bytes
        A relocatable module that needs no second one: its addresses count from 0 already.
    export : str
        The function to export, under its own name.

    Raises
    ------
    ValueError
        If the module is malformed, or does not define the function.
    """
    parts = sections(code)
    names: dict[str, int] = {}
    data_end = 0
    for kind, body in parts:
        if kind == EXPORT:
            raise ValueError("the WebAssembly module has exports already")
        if kind == DATA:
            data_end = end_of_data(body)
        if kind == CUSTOM:
            reader = Reader(body)
            if reader.name() == "linking":
                names = defined_functions(reader.take(reader.left))
    if export not in names:
        raise ValueError(f"the WebAssembly module does not define {export}")
    raw = export.encode()
    body = number(1) + number(len(raw)) + raw + b"\0" + number(names[export])
    out, done = bytearray(HEADER), False
    for kind, content in [*((k, b) for k, b in parts if k != CUSTOM), (-1, b"")]:
        if not done and (kind in AFTER_EXPORT or kind == -1):
            out += bytes([EXPORT]) + number(len(body)) + body
            done = True
        if kind != -1:
            out += bytes([kind]) + number(len(content)) + content
    return Module(bytes(out), data_end)


def _main(target: str) -> int:
    import importlib

    module_name, attribute, *rest = target.split(":")
    found = getattr(importlib.import_module(module_name), attribute)
    if len(rest) == 1:
        explorer = found[rest[0]]
        kernel, sizes = explorer.kernel, explorer.sizes
    else:
        kernel, sizes = found, tuple(int(n) for n in rest)
    try:
        module = build(kernel, sizes)
    except NotForTheBrowser as error:
        print(error, file=sys.stderr)
        return 3
    code = base64.b64encode(module.code).decode()
    print(json.dumps({"code": code, "data_end": module.data_end}))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
