"""The same function over a grid of parameters: on all cores, resumable, always the same table.

Every cell is one call of a function. Cells travel to workers in chunks that last about a quarter
of a second, so a cheap cell costs little and a dear one travels alone. With a `store`, the worker
writes each cell to a file the moment it is finished: whatever is killed then, the parent, a
worker or the machine's shell, the next call starts from the cells that are there.

A store is a folder with `study.json`, which says whose it is, and files of lines, one a cell:
a checksum keyed by the study, and the outputs as JSON with the arrays' bytes in base64. Files are
only ever appended to, by one chunk at a time.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import hashlib
import inspect
import json
import math
import multiprocessing
import os
import pickle
import secrets
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from heterolib import checks

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
Outputs = dict[str, Array]
Parameters = dict[str, Any]

FORMAT = 1  # of the files in a store
STUDY = "study.json"
DAMAGED = "damaged"  # the subfolder for files that fail their checksums
VALUE = "value"  # the column of a function that returns one number
KINDS = "biufc"  # NumPy kinds a cell may return: numbers and truth values
MOST_CELLS = 10_000_000
MOST_WORKERS = 4096
MOST_RETRIES = 100
MOST_SEED = 2**53
MOST_CHUNK = 1000  # cells in one chunk, unless the caller says otherwise
CHUNK_S = 0.25  # a worker returns after the first cell that ends later than this
WAIT_S = 0.5  # between two looks at the keyboard where waiting cannot be interrupted
TINY_S = 1e-9
START_S = 60.0  # for a worker process to come up
AHEAD = 2  # chunks handed to a given executor per worker: one runs, one waits
DIGEST_BYTES = 8
KEY_BYTES = 16
RAISE, KEEP = "raise", "keep"


class CellError(RuntimeError):
    """A cell failed: its function raised, or its worker died again and again.

    Attributes
    ----------
    index : int
        The cell's number, from 0, in the order of the table.
    parameters : dict
        What the function was called with.
    """

    def __init__(self, index: int, parameters: Parameters, error: str, details: str = "") -> None:
        super().__init__(f"cell {index}, {_call(parameters)}: {error}" + details)
        self.index = index
        self.parameters = parameters


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """What a sweep returns.

    Outputs that are single numbers are columns of the table. Arrays stand beside it as one NumPy
    array each, whose row i belongs to row i of the table: a column of arrays would lose their
    shape and be slow, and `on_grid` gives the axes of the grid back without another library.

    Attributes
    ----------
    table : DataFrame
        One row a cell, in the order of the grid (last name fastest): parameters, then outputs.
        Cells that failed hold NaN.
    arrays : dict of str to ndarray
        Outputs that are arrays, shape (cells, ...), read-only.
    failures : DataFrame
        One row per failed cell: cell, its parameters, error, traceback. Empty if all went well.
    axes : dict of str to tuple
        The grid's values by name; empty if it was a list.
    seconds : float
        How long this call took.
    n_cached : int
        How many cells came from the store.
    """

    table: pd.DataFrame
    arrays: Outputs
    failures: pd.DataFrame
    axes: dict[str, tuple[Any, ...]]
    seconds: float
    n_cached: int

    def __repr__(self) -> str:
        return f"<SweepResult: {self.summary()}>"

    def summary(self) -> str:
        """One line that says what happened."""
        n = len(self.table)
        text = f"{n} cells, {n - self.n_cached} computed, {self.n_cached} from the store"
        if len(self.failures):
            text += f", {len(self.failures)} failed"
        return f"{text}, {self.seconds:.3g} s"

    def on_grid(self, name: str) -> Array:
        """An output with the axes of the grid in front: shape (values of first name, ...).

        Parameters
        ----------
        name : str
            A column of the table, or a key of `arrays`.

        Raises
        ------
        ValueError
            If there is no such output, or the grid was a list.

        Examples
        --------
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> def area(width, height):
        ...     return width * height
        >>> with ThreadPoolExecutor(2) as pool:
        ...     r = sweep(area, {"width": [1, 2], "height": [3, 4, 5]}, executor=pool,
        ...               progress=False)
        >>> r.on_grid("value")
        array([[ 3,  4,  5],
               [ 6,  8, 10]])
        """
        if not self.axes:
            raise ValueError("the grid is a list of cells; allowed: a mapping of names to values")
        checks.choice("name", name, [*map(str, self.table.columns), *self.arrays])
        flat = self.arrays[name] if name in self.arrays else self.table[name].to_numpy()
        return flat.reshape(*map(len, self.axes.values()), *flat.shape[1:])


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    executor: futures.Executor | None = None,
    max_workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    errors: str = RAISE,
    retries: int = 2,
    chunk: int | None = None,
    progress: bool = True,
) -> SweepResult:
    """Call a function for every cell of a grid, in parallel.

    Parameters
    ----------
    function : callable
        Called as ``function(**parameters)``; returns a number, or a dict of numbers and arrays
        whose names and shapes are the same for every cell. If it takes an argument `rng`, it is
        given a `numpy.random.Generator` that depends on `seed` and the cell's number alone. For
        worker processes it must stand in a module or script, not in a notebook.
    grid : mapping of str to sequence, or list of dict
        Values of each parameter, of which all combinations are computed; or the cells themselves.
    executor : concurrent.futures.Executor, optional
        Where the cells run: a thread pool, ``distributed.Client(...).get_executor()``, or any
        other; it is left open. What a dead worker of Dask has not delivered is computed again
        there, unless the workers see the `store`. Default: worker processes of our own, started
        afresh ("spawn", as threads of numba do not survive a fork), each replaced if it dies.
    max_workers : int, optional
        How many worker processes; by default as many as there are cores and cells. With an
        `executor`: how many workers it has, if it does not say; twice as many chunks are under
        way at a time.
    store : path, optional
        Folder that keeps finished cells; made if missing. A later call with the same function,
        grid and seed goes on from there; any other is refused. Use it from one call at a time.
    seed : int, optional
        For `rng`; required if the function takes it.
    errors : {"raise", "keep"}
        Stop at the first cell that fails, or go on and list it in `SweepResult.failures`. Failed
        cells are not stored: the next call tries them again.
    retries : int
        How often a cell on its own is tried again if its worker dies. The other cells of its
        chunk lose nothing that was finished.
    chunk : int, optional
        Most cells a worker takes at once. The table does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    SweepResult

    Raises
    ------
    ValueError
        If an argument is not as described, or the store holds another study.
    CellError
        If a cell fails and `errors` is "raise".
    OSError
        If the store cannot be read or written, for instance on a full disk. What is in it stays.

    Notes
    -----
    The study a store belongs to is the function's module, name, source and defaults, the grid,
    the seed and the version of heterolib. What the function calls is not looked at: after a
    change there, take a new folder.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def walk(steps, rng):
    ...     return {"end": rng.normal(size=steps).sum()}
    >>> with ThreadPoolExecutor(2) as pool:
    ...     r = sweep(walk, {"steps": [1, 10, 100]}, seed=1, executor=pool, progress=False)
    >>> list(r.table.columns), len(r.table)
    (['steps', 'end'], 3)
    """
    start = time.perf_counter()
    cells = _Cells.of(grid)
    takes_rng = _check_function(function, cells)
    if seed is not None:
        seed = checks.whole("seed", seed, 0, MOST_SEED)
    elif takes_rng:
        raise ValueError(f"seed is None, and function takes rng; allowed: 0 to {MOST_SEED}")
    if executor is not None and not isinstance(executor, futures.Executor):
        hint = "; a Dask client has one: get_executor()" if hasattr(executor, "submit") else ""
        raise ValueError(f"executor is {executor!r}; allowed: a concurrent.futures.Executor{hint}")
    if max_workers is not None:
        max_workers = checks.whole("max_workers", max_workers, 1, MOST_WORKERS)
    checks.choice("errors", errors, (RAISE, KEEP))
    retries = checks.whole("retries", retries, 0, MOST_RETRIES)
    most = MOST_CHUNK if chunk is None else checks.whole("chunk", chunk, 1, MOST_CELLS)
    if not isinstance(progress, bool | np.bool_):
        raise ValueError(f"progress is {progress!r}; allowed: True or False")
    if executor is None or isinstance(executor, futures.ProcessPoolExecutor):
        _check_importable(function, cells)

    kept = None if store is None else _Store.open(store, _study(function, cells, seed))
    results = _Results(cells, {} if kept is None else kept.read())
    n_cached = len(results.outputs)
    if n_cached < len(cells):
        job = _Job(function, cells, seed if takes_rng else None, kept, most, retries, errors)
        _compute(job, results, executor, max_workers, progress=bool(progress))
    return results.finish(time.perf_counter() - start, n_cached)


# ---- what is to be computed ----------------------------------------------------------------------


def _call(parameters: Parameters) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items())


def _python(value: Any) -> Any:
    """NumPy's numbers as Python's: 0.1 is the same cell however the grid was written."""
    return value.item() if isinstance(value, np.generic) else value


@dataclass(frozen=True)
class _Cells:
    """The cells of a grid by number; those of a product are made when asked for."""

    names: tuple[str, ...]
    axes: tuple[tuple[Any, ...], ...] | None
    rows: tuple[Parameters, ...] | None

    @classmethod
    def of(cls, grid: object) -> _Cells:
        allowed = "allowed: a mapping of names to sequences of values, or a list of dicts"
        if isinstance(grid, Mapping):
            for name, values in grid.items():
                cls._check_name(name)
                if isinstance(values, str | bytes | Mapping | Set) or not (
                    isinstance(values, Sequence) or (hasattr(values, "__len__") and np.ndim(values))
                ):
                    raise ValueError(
                        f"grid[{name!r}] is {values!r}; allowed: a sequence of one or more values"
                    )
                if len(values) == 0:
                    raise ValueError(f"grid[{name!r}] is empty; allowed: one or more values")
            axes = tuple(tuple(_python(v) for v in values) for values in grid.values())
            cells = cls(tuple(grid), axes, None)
        elif isinstance(grid, Sequence) and not isinstance(grid, str | bytes):
            for i, row in enumerate(grid):
                if not isinstance(row, Mapping):
                    raise ValueError(f"grid[{i}] is {row!r}; allowed: a dict of parameters")
                for name in row:
                    cls._check_name(name)
                if set(row) != set(grid[0]):
                    raise ValueError(
                        f"grid[{i}] has the names {sorted(row)}; allowed: those of grid[0], "
                        f"{sorted(grid[0])}"
                    )
            names = tuple(grid[0]) if len(grid) else ()
            rows = tuple({name: _python(row[name]) for name in names} for row in grid)
            cells = cls(names, None, rows)
        else:
            raise ValueError(f"grid is {grid!r}; {allowed}")
        if not cells.names:
            raise ValueError(f"grid is {grid!r}, without a parameter; {allowed}")
        if len(cells) > MOST_CELLS:
            raise ValueError(f"grid has {len(cells)} cells; allowed: at most {MOST_CELLS}")
        return cells

    @staticmethod
    def _check_name(name: object) -> None:
        if not isinstance(name, str) or not name.isidentifier() or name == "rng":
            raise ValueError(f"grid names {name!r}; allowed: an argument of function but rng")

    def __len__(self) -> int:
        if self.axes is not None:
            return math.prod(map(len, self.axes))
        return len(self.rows or ())

    def __getitem__(self, index: int) -> Parameters:
        if self.axes is None:
            assert self.rows is not None
            return dict(self.rows[index])
        values = []
        for axis in reversed(self.axes):
            index, i = divmod(index, len(axis))
            values.append(axis[i])
        return dict(zip(self.names, reversed(values), strict=True))

    def __str__(self) -> str:
        if self.axes is None:
            return f"{', '.join(self.names)} ({len(self)} cells)"
        sizes = (f"{name} ({len(axis)})" for name, axis in zip(self.names, self.axes, strict=True))
        return " x ".join(sizes)


def _check_function(function: Any, cells: _Cells) -> bool:
    """Refuse a function that cannot take the grid's names; return whether it takes rng."""
    if not callable(function):
        raise ValueError(f"function is {function!r}; allowed: a function")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise ValueError(f"function is {function!r}; allowed: one with a signature") from error
    takes_rng = "rng" in signature.parameters
    names = [*cells.names, "rng"] if takes_rng else cells.names
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise ValueError(
            f"grid names {', '.join(cells.names)}, but function takes {signature}: {error}"
        ) from error
    return takes_rng


def _check_importable(function: Any, cells: _Cells) -> None:
    """Refuse a function that a new process could not find."""
    remedy = (
        "allowed for worker processes: a function at the top level of a module or a script. Move "
        "it into a .py file and import it, or give a thread pool as executor"
    )
    main = getattr(sys.modules["__main__"], "__file__", None)
    if getattr(function, "__module__", None) == "__main__" and not (main and Path(main).is_file()):
        raise ValueError(f"function is {function!r}, defined in a notebook or prompt; {remedy}")
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"function is {function!r}, which cannot be sent; {remedy}") from error
    try:
        pickle.dumps(cells)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"grid holds a value that cannot be sent to a worker process ({error}); allowed: "
            "values that pickle takes"
        ) from error


def _plain(where: str, value: Any) -> Any:
    """Return a value as JSON that is equal only for equal values."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return [type(value).__name__, repr(value)]
    if isinstance(value, enum.Enum):
        return [type(value).__qualname__, value.name]
    if isinstance(value, list | tuple):
        return [type(value).__name__, [_plain(where, v) for v in value]]
    if isinstance(value, Mapping):
        return ["mapping", [[_plain(where, k), _plain(where, v)] for k, v in value.items()]]
    if isinstance(value, np.generic | np.ndarray) and not value.dtype.hasobject:
        return [value.dtype.str, list(value.shape), value.tobytes().hex()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [
            [f.name, _plain(where, getattr(value, f.name))] for f in dataclasses.fields(value)
        ]
        return [f"{type(value).__module__}.{type(value).__qualname__}", fields]
    raise ValueError(
        f"{where} holds {value!r}; allowed with a store: numbers, text, None, arrays, and lists, "
        "tuples, mappings and dataclasses of them"
    )


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=KEY_BYTES).hexdigest()


def _study(function: Any, cells: _Cells, seed: int | None) -> dict[str, Any]:
    """Return all that makes a study what it is."""
    from heterolib import __version__

    inner = inspect.unwrap(function)
    name = f"{getattr(inner, '__module__', '?')}.{getattr(inner, '__qualname__', repr(inner))}"
    allowed = "allowed with a store: a plain function with source; give the rest in the grid"
    if not inspect.isfunction(inner) or inspect.ismethod(function):
        raise ValueError(f"function is {function!r}; {allowed}")
    if inner.__closure__:
        held = ", ".join(inner.__code__.co_freevars)
        raise ValueError(f"function is {name}, which depends on {held} around it; {allowed}")
    try:
        source = inspect.getsource(inner)
    except (OSError, TypeError) as error:
        raise ValueError(f"function is {name}, whose source is not known; {allowed}") from error
    if cells.axes is not None:
        values = [
            [n, _plain(f"grid[{n!r}]", a)] for n, a in zip(cells.names, cells.axes, strict=True)
        ]
    else:
        values = [_plain(f"grid[{i}]", row) for i, row in enumerate(cells.rows or ())]
    defaults = [
        [p.name, _plain(f"function's default of {p.name}", p.default)]
        for p in inspect.signature(inner).parameters.values()
        if p.default is not p.empty
    ]
    return {
        "format": FORMAT,
        "function": name,
        "source": _digest([source, defaults]),
        "grid": str(cells),
        "values": _digest(values),
        "seed": seed,
        "heterolib": __version__,
    }


# ---- the store -----------------------------------------------------------------------------------


def _encode(key: bytes, index: int, outputs: Outputs) -> bytes:
    """Return one finished cell as a line, with its checksum in front."""
    packed = {
        name: [a.dtype.str, list(a.shape), base64.b64encode(a.tobytes()).decode()]
        for name, a in outputs.items()
    }
    body = json.dumps([index, packed]).encode()
    digest = hashlib.blake2b(body, digest_size=DIGEST_BYTES, key=key).hexdigest()
    return f"{digest} ".encode() + body + b"\n"


def _decode(key: bytes, line: bytes) -> tuple[int, Outputs] | None:
    """Return the cell of a line, or None if the line is damaged or of another study."""
    digest, _, body = line.strip().partition(b" ")
    if digest != hashlib.blake2b(body, digest_size=DIGEST_BYTES, key=key).hexdigest().encode():
        return None
    index, packed = json.loads(body)
    return index, {
        name: np.frombuffer(base64.b64decode(data), dtype).reshape(shape)
        for name, (dtype, shape, data) in packed.items()
    }


def _append(path: Path, lines: Iterable[bytes], *, afresh: bool = False) -> None:
    """Add lines to a file, each handed to the system at once; leave no half line on an error."""
    with path.open("wb" if afresh else "ab", buffering=0) as file:
        whole = file.seek(0, os.SEEK_END)
        try:
            # A line that a killed worker left half written must not spoil the next one.
            for line in chain([b"\n"], lines):
                rest = memoryview(line)
                while rest:
                    rest = rest[file.write(rest) :]
                whole += len(line)
            if not afresh:
                os.fsync(file.fileno())
        except OSError:
            file.truncate(whole)
            raise


def _scan(key: bytes, data: bytes) -> tuple[dict[int, Outputs], list[bytes], int]:
    """Return the cells of a file, their lines in the same order, and how many are damaged."""
    cells: dict[int, Outputs] = {}
    good, bad = [], 0
    for line in filter(None, data.split(b"\n")):
        cell = _decode(key, line)
        if cell is None:
            bad += 1
        elif cell[0] not in cells:
            cells[cell[0]] = cell[1]
            good.append(line + b"\n")
    return cells, good, bad


def _trouble(error: OSError, doing: str, path: Path) -> OSError:
    """Return an error that says what could not be done and what becomes of the rest."""
    return OSError(
        error.errno,
        f"sweep cannot {doing} {path}: {error.strerror or error}. What is stored there stays; "
        "the same call goes on from it",
    )


@dataclass(frozen=True)
class _Store:
    """A folder of finished cells. Without a study: scratch, which outlives a worker, not a call."""

    folder: Path
    key: bytes
    run: str = field(default_factory=lambda: secrets.token_hex(DIGEST_BYTES))
    scratch: bool = False

    @classmethod
    def open(cls, path: object, study: dict[str, Any]) -> _Store:
        """Open a folder for a study, or make it; refuse one that belongs to another."""
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ValueError(f"store is {path!r}; allowed: the path of a folder")
        folder = Path(path).absolute()
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"store is {str(folder)!r}, a file; allowed: a folder")
        key = _digest(study).encode()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / STUDY).exists():
                cls._compare(folder, study)
            elif any(not name.startswith(STUDY) for name in os.listdir(folder)):
                raise ValueError(
                    f"store is {str(folder)!r}, which holds files but no {STUDY}; allowed: an "
                    "empty or new folder, or one made by sweep"
                )
            else:
                cls._write(folder / STUDY, json.dumps(study, indent=2).encode() + b"\n")
        except OSError as error:
            raise _trouble(error, "use the folder", folder) from error
        return cls(folder, key)

    @staticmethod
    def _compare(folder: Path, study: dict[str, Any]) -> None:
        try:
            other = json.loads((folder / STUDY).read_bytes())
            if not isinstance(other, dict):
                raise ValueError
        except ValueError as error:
            raise ValueError(
                f"store is {str(folder)!r}, whose {STUDY} is damaged; allowed: a folder made by "
                "sweep, or a new one"
            ) from error
        unlike = [name for name in study if other.get(name) != study[name]]
        if unlike:
            raise ValueError(
                f"store is {str(folder)!r}, which holds the study [{_say(other)}]; this one is "
                f"[{_say(study)}]: they differ in {', '.join(unlike)}. Allowed: the folder of the "
                "same study, or a new one"
            )

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        """Write a file whole or not at all."""
        part = path.with_name(f"{path.name}.{secrets.token_hex(DIGEST_BYTES)}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def file(self, slot: int) -> Path:
        """The file for the chunks of one slot, used by one chunk at a time."""
        return self.folder / f"cells-{self.run}-{slot}.jsonl"

    def read(self) -> dict[int, Outputs]:
        """Return the finished cells; set damaged files aside, keeping what is sound in them."""
        cells: dict[int, Outputs] = {}
        try:
            for i, path in enumerate(sorted(self.folder.glob("cells-*.jsonl"))):
                found, good, bad = _scan(self.key, path.read_bytes())
                cells.update(found)
                if bad:
                    if good:
                        saved = self.folder / f"cells-{self.run}-saved-{i}.jsonl"
                        self._write(saved, b"".join(good))
                    (self.folder / DAMAGED).mkdir(exist_ok=True)
                    path.replace(self.folder / DAMAGED / path.name)
                    warnings.warn(
                        f"{path} is damaged: {bad} of its {bad + len(good)} lines fail their "
                        f"checksum. It is kept in {self.folder / DAMAGED}; the cells lost with "
                        "those lines are computed again",
                        stacklevel=3,
                    )
        except OSError as error:
            raise _trouble(error, "read the folder", self.folder) from error
        return cells


def _say(study: dict[str, Any]) -> str:
    return (
        f"{study.get('function')} over {study.get('grid')}, seed {study.get('seed')}, "
        f"heterolib {study.get('heterolib')}"
    )


# ---- in the worker -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chunk:
    """Some cells on their way to a worker. `serial` keeps Dask from taking two for the same."""

    serial: int
    function: Callable[..., Any]
    cells: list[tuple[int, Parameters]]
    seed: int | None
    key: bytes
    file: Path | None
    offset: int  # size of the file before this chunk: what follows was written for it
    scratch: bool

    def earlier(self) -> dict[int, tuple[Outputs, bytes]]:
        """Return what a try at this chunk that did not come back has left in the file."""
        if self.file is None or not self.file.exists():
            return {}
        with self.file.open("rb") as file:
            file.seek(self.offset)
            cells, good, _ = _scan(self.key, file.read())
        ours = {i for i, _ in self.cells}
        found = zip(cells.items(), good, strict=True)
        return {i: (values, line) for (i, values), line in found if i in ours}


@dataclass
class _Done:
    """What became of a chunk. Cells that are neither finished nor failed were not begun."""

    lines: list[bytes] = field(default_factory=list)
    failed: list[tuple[int, str, str]] = field(default_factory=list)
    stored: bool = False
    trouble: OSError | None = None
    seconds: float = 0.0


def _outputs(value: Any) -> Outputs:
    """Check what a cell returned."""
    named = dict(value) if isinstance(value, Mapping) else {VALUE: value}
    arrays = {}
    for name, item in named.items():
        array = np.asarray(item)
        if not isinstance(name, str) or array.dtype.kind not in KINDS:
            raise TypeError(
                f"function returned {name!r}: {item!r}; allowed: a number, or a dict of numbers "
                "and numeric arrays"
            )
        arrays[name] = array
    return arrays


def _run_cells(chunk: _Chunk, done: _Done, skip: Set[int]) -> Iterator[bytes]:
    start = time.perf_counter()
    for index, parameters in chunk.cells:
        if index in skip:
            continue
        extra = {}
        if chunk.seed is not None:
            sequence = np.random.SeedSequence(chunk.seed, spawn_key=(index,))
            extra["rng"] = np.random.default_rng(sequence)
        try:
            outputs = _outputs(chunk.function(**parameters, **extra))
        except (Exception, SystemExit) as error:
            # As text: not every exception survives the way back.
            done.failed.append((index, f"{type(error).__name__}: {error}", traceback.format_exc()))
        else:
            line = _encode(chunk.key, index, outputs)
            yield line
            done.lines.append(line)
        done.seconds = time.perf_counter() - start
        if done.seconds > CHUNK_S:
            return


def _run_chunk(chunk: _Chunk) -> _Done:
    done = _Done()
    # A worker on another machine does not see the folder: then the parent writes.
    if chunk.file is None or not chunk.file.parent.is_dir():
        deque(_run_cells(chunk, done, set()), maxlen=0)
        return done
    done.stored = True
    try:
        # Dask sends the chunk of a dead worker to another one by itself.
        earlier = {} if chunk.scratch else chunk.earlier()
        done.lines = [line for _, line in earlier.values()]
        _append(chunk.file, _run_cells(chunk, done, earlier.keys()), afresh=chunk.scratch)
    except OSError as error:
        done.trouble = error
    return done


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


# ---- in the parent -------------------------------------------------------------------------------


class _Worker:
    """One process. In a pool of several, one death takes the others' cells with it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pool = futures.ProcessPoolExecutor(1, context, _start_worker)
        self.pid = self.pool.submit(os.getpid)

    def stop(self, *, now: bool) -> None:
        """End the process; with `now`, in the middle of its cell."""
        self.pool.shutdown(wait=not now, cancel_futures=True)
        if now:
            ours = {p.pid: p for p in multiprocessing.active_children()}
            try:
                process = ours.get(self.pid.result(timeout=START_S))
            except (futures.CancelledError, futures.TimeoutError, BrokenProcessPool):
                return
            if process is not None:
                process.terminate()
                process.join()


@dataclass(frozen=True)
class _Job:
    function: Callable[..., Any]
    cells: _Cells
    seed: int | None
    store: _Store | None
    most: int
    retries: int
    errors: str


class _Results:
    """Outputs and failures by cell, and the table made of them."""

    def __init__(self, cells: _Cells, outputs: dict[int, Outputs]) -> None:
        self.cells = cells
        self.outputs: dict[int, Outputs] = {}
        self.failures: dict[int, tuple[str, str]] = {}
        self.first: tuple[int, dict[str, tuple[int, ...]]] | None = None
        for index, values in outputs.items():
            self.add(index, values)

    def add(self, index: int, values: Outputs) -> None:
        """Take in one cell, which must have the names and shapes of the others."""
        form = {name: a.shape for name, a in values.items()}
        if self.first is None:
            self.first = index, form
            for name in form:
                if name in self.cells.names:
                    raise ValueError(f"function returns {name!r}, which is also in the grid")
        elif form != self.first[1]:
            a, b = sorted([self.first, (index, form)])
            raise ValueError(
                f"function returns shapes {a[1]} for cell {a[0]}, {_call(self.cells[a[0]])}, and "
                f"{b[1]} for cell {b[0]}, {_call(self.cells[b[0]])}; allowed: the same for all"
            )
        self.outputs[index] = values

    def finish(self, seconds: float, n_cached: int) -> SweepResult:
        """Make the table."""
        import pandas as pd

        n = len(self.cells)
        rows = [self.cells[i] for i in range(n)]
        table = pd.DataFrame(
            {
                name: pd.Series([row[name] for row in rows], dtype=object).infer_objects()
                for name in self.cells.names
            }
        )
        arrays = {}
        for name, shape in self.first[1].items() if self.first else ():
            found = {i: values[name] for i, values in self.outputs.items()}
            dtypes = {a.dtype for a in found.values()}
            if len(found) < n:
                dtypes.add(np.dtype(np.float64))  # for NaN
            stacked = np.full((n, *shape), np.nan if len(found) < n else 0, np.result_type(*dtypes))
            for i, a in found.items():
                stacked[i] = a
            if shape:
                stacked.setflags(write=False)
                arrays[name] = stacked
            else:
                table[name] = stacked
        failed = [
            {"cell": i, **self.cells[i], "error": error, "traceback": details}
            for i, (error, details) in sorted(self.failures.items())
        ]
        columns = ["cell", *self.cells.names, "error", "traceback"]
        axes = dict(zip(self.cells.names, self.cells.axes or (), strict=False))
        return SweepResult(
            table, arrays, pd.DataFrame(failed, columns=columns), axes, seconds, n_cached
        )


class _Run:
    """Keeps the workers busy until every cell is finished or has failed."""

    def __init__(
        self,
        job: _Job,
        results: _Results,
        executor: futures.Executor | None,
        max_workers: int | None,
        store: _Store | None,
    ) -> None:
        self.job, self.results, self.executor, self.store = job, results, executor, store
        self.todo = deque(i for i in range(len(job.cells)) if i not in results.outputs)
        self.alone: set[int] = set()  # cells that were in a chunk whose worker died
        self.deaths: Counter[int] = Counter()
        self.serial = count(secrets.randbits(8 * DIGEST_BYTES))
        self.per_cell_s = CHUNK_S  # as measured on the last chunk
        self.running: dict[futures.Future[_Done], tuple[int, _Chunk]] = {}
        n = max_workers or getattr(executor, "_max_workers", None) or _cores()
        n = min(n, len(self.todo)) if executor is None else AHEAD * n
        self.free = list(range(n))
        self.workers: dict[int, _Worker] = {}

    def work(self, bar: Any) -> None:
        """Go on to the end, or to the first failed cell if the job says so."""
        while self.todo or self.running:
            while self.todo and self.free:
                self._submit(self.free.pop())
            ended, _ = futures.wait(
                self.running, timeout=WAIT_S, return_when=futures.FIRST_COMPLETED
            )
            for future in ended:
                bar.update(self._take(future))
            if self.results.failures:
                bar.set_postfix(failed=len(self.results.failures))
                if self.job.errors == RAISE:
                    index = min(self.results.failures)
                    error, details = self.results.failures[index]
                    raise CellError(index, self.job.cells[index], error, f"\n\n{details}")

    def stop(self) -> None:
        """After an error: let go of what runs, but of nothing that is finished."""
        for worker in self.workers.values():
            worker.stop(now=True)
        if self.executor is not None:
            for future in [f for f in self.running if not f.cancel()]:
                self._take(future)

    def close(self) -> None:
        """End our own processes."""
        for worker in self.workers.values():
            worker.stop(now=False)

    def _next_cells(self) -> list[int]:
        share = math.ceil(len(self.todo) / (AHEAD * (len(self.free) + len(self.running) + 1)))
        size = max(1, min(self.job.most, share, int(CHUNK_S / max(self.per_cell_s, TINY_S))))
        cells = [self.todo.popleft()]
        while self.todo and len(cells) < size and not self.alone & {cells[0], self.todo[0]}:
            cells.append(self.todo.popleft())
        return cells

    def _submit(self, slot: int) -> None:
        job, store = self.job, self.store
        file = store.file(slot) if store else None
        try:
            offset = file.stat().st_size if file and store and not store.scratch else 0
        except FileNotFoundError:
            offset = 0
        chunk = _Chunk(
            next(self.serial),
            job.function,
            [(i, job.cells[i]) for i in self._next_cells()],
            job.seed,
            store.key if store else b"",
            file,
            offset,
            bool(store and store.scratch),
        )
        try:
            future = self._pool(slot).submit(_run_chunk, chunk)
        except (futures.BrokenExecutor, RuntimeError) as error:
            if self.executor is not None:
                raise RuntimeError(
                    f"the executor given takes no more cells: {error!r}. Without one, sweep "
                    "replaces workers that die"
                ) from error
            # The process died between two chunks.
            self.workers.pop(slot).stop(now=False)
            future = self._pool(slot).submit(_run_chunk, chunk)
        self.running[future] = slot, chunk

    def _pool(self, slot: int) -> futures.Executor:
        if self.executor is not None:
            return self.executor
        if slot not in self.workers:
            self.workers[slot] = _Worker()
        return self.workers[slot].pool

    def _take(self, future: futures.Future[_Done]) -> int:
        """Take in a chunk that ended, one way or another; return how many cells that settles."""
        slot, chunk = self.running.pop(future)
        self.free.append(slot)
        try:
            done = future.result()
        except Exception as error:
            return self._bury(slot, chunk, error)
        if self.store is not None and not done.stored:
            try:
                _append(self.store.file(slot), done.lines)
            except OSError as error:
                done.trouble = error
        settled = {}
        for line in done.lines:
            cell = _decode(chunk.key, line)
            assert cell is not None
            settled[cell[0]] = cell[1]
        for index, values in settled.items():
            self.results.add(index, values)
        for index, error_text, details in done.failed:
            self.results.failures[index] = error_text, details
        if done.trouble is not None:
            assert self.store is not None
            raise _trouble(done.trouble, "write to", self.store.folder) from done.trouble
        left = [i for i, _ in chunk.cells if i not in settled and i not in self.results.failures]
        self.todo.extendleft(reversed(left))
        n = len(chunk.cells) - len(left)
        self.per_cell_s = done.seconds / max(n, 1)
        return n

    def _bury(self, slot: int, chunk: _Chunk, error: BaseException) -> int:
        """Sort the cells of a chunk that did not come back: finished, or to be tried again."""
        if slot in self.workers and isinstance(error, futures.BrokenExecutor):
            worker = self.workers.pop(slot)
            worker.stop(now=False)
            if worker.pid.exception() is not None:
                raise RuntimeError(
                    "worker processes do not come up; their own message is on the terminal. A "
                    'script must call sweep below if __name__ == "__main__":'
                ) from error
        settled: dict[int, Outputs] = {}
        if self.store is not None:
            try:
                settled = {i: values for i, (values, _) in chunk.earlier().items()}
            except OSError as unread:
                raise _trouble(unread, "read", self.store.folder) from unread
            for index, values in settled.items():
                self.results.add(index, values)
        left = [i for i, _ in chunk.cells if i not in settled]
        self.alone.update(left)
        # Whoever was in company is tried alone, where a second death leaves no doubt.
        if len(chunk.cells) == 1 and left:
            self.deaths[left[0]] += 1
            if self.deaths[left[0]] > self.job.retries:
                guilty = left.pop(0)
                times = self.deaths[guilty]
                text = f"its worker died, {times} times of {times} ({error!r})"
                self.results.failures[guilty] = text, ""
        self.todo.extendleft(reversed(left))
        return len(chunk.cells) - len(left)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _compute(
    job: _Job,
    results: _Results,
    executor: futures.Executor | None,
    max_workers: int | None,
    *,
    progress: bool,
) -> None:
    from tqdm.auto import tqdm

    with ExitStack() as stack:
        store = job.store
        if store is None and executor is None:
            # So that a worker's death costs no finished cell even then.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="heterolib-sweep-"))
            store = _Store(Path(folder), secrets.token_bytes(KEY_BYTES), scratch=True)
        run = _Run(job, results, executor, max_workers, store)
        bar = stack.enter_context(
            tqdm(
                total=len(job.cells),
                initial=len(results.outputs),
                desc=getattr(job.function, "__name__", "sweep"),
                unit="cell",
                disable=not progress,
            )
        )
        try:
            run.work(bar)
        except BaseException as error:
            run.stop()
            if job.store is not None:
                error.add_note(f"Finished cells are in {job.store.folder}; the same call goes on.")
            raise
        finally:
            run.close()
