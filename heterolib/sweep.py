"""The same function over a grid of parameters: on all cores, resumable, always the same table.

Every cell is one call of a function and travels to a worker by itself: whatever dies there takes
that cell along and no other. With a `store`, an SQLite file, the caller's process commits each
cell as it comes back: whatever is killed then, the next call starts from the cells that are there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import inspect
import io
import itertools
import json
import math
import multiprocessing
import os
import pickle
import queue
import signal
import sqlite3
import sys
import threading
import time
import traceback
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import threadpoolctl

from heterolib import checks

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
Outputs = dict[str, Array]
Parameters = dict[str, Any]
Axes = dict[str, tuple[Any, ...]]
Task = tuple[Callable[..., Any], Parameters, int, int | None]  # cell's number, and seed
Failure = tuple[str, str]  # what, and the traceback

FORMAT = 1  # of a store
VALUE = "value"  # the column of a function that returns one number
KINDS = "biufc"  # NumPy kinds a cell may return: numbers and truth values
MOST_CELLS = 1_000_000
MOST_WORKERS = 4096
MOST_SEED = 2**53
RETRIES = 2  # of a cell whose worker died
IN_FLIGHT = 1000  # cells handed to a given executor at a time
WAIT_S = 0.5  # between two looks at the keyboard where waiting cannot be interrupted
START_S = 60.0  # for a worker process to come up
DIGEST_BYTES = 16
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
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

    def __init__(self, index: int, parameters: Parameters, error: str, details: str) -> None:
        super().__init__(index, parameters, error, details)
        self.index = index
        self.parameters = parameters

    def __str__(self) -> str:
        _, _, error, details = self.args
        return f"cell {self.index}, {_call(self.parameters)}: {error}\n\n{details}".rstrip()


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
    axes: Axes
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
        other; it is left open. Default: worker processes of our own, started afresh ("spawn", as
        threads of numba do not survive a fork), with one BLAS thread each; one that dies is
        replaced.
    max_workers : int, optional
        How many processes of our own; by default as many as there are cores and cells.
    store : path, optional
        File that keeps finished cells; made if missing. A later call with the same function, grid
        and seed goes on from there; any other is refused. One call at a time can use it.
    seed : int, optional
        For `rng`; required if the function takes it.
    errors : {"raise", "keep"}
        Stop at the first cell that fails, or go on and list it in `SweepResult.failures`. Failed
        cells are not stored: the next call tries them again. A cell fails if its function raises,
        or if it loses its worker three times.
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
    change there, take a new file. While a sweep runs, and after it was killed, files beside the
    store with the endings -wal and -journal belong to it.

    Every cell is sent by itself, which takes a fraction of a millisecond: where a call lasts no
    longer than that, let one cell do the work of many. Cells of worker processes have the same
    bits however many there are. So do those of threads and other executors, unless the function
    calls a BLAS that uses several threads there, or the machines differ.

    What a dead worker of Dask has not delivered is computed again.

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
    from tqdm.auto import tqdm

    start = time.perf_counter()
    axes, cells = _read_grid(grid)
    takes_rng = _check_function(function, tuple(cells[0]))
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
    if not isinstance(progress, bool | np.bool_):
        raise ValueError(f"progress is {progress!r}; allowed: True or False")
    if executor is None or isinstance(executor, futures.ProcessPoolExecutor):
        _check_importable(function, axes or cells)

    outputs: dict[int, Outputs] = {}
    failures: dict[int, Failure] = {}
    with contextlib.ExitStack() as stack:
        kept = None
        if store is not None:
            kept = stack.enter_context(_Store(store, _study(function, axes, cells, seed)))
            outputs = kept.read()
        n_cached = len(outputs)
        tasks = {
            i: (function, cell, i, seed if takes_rng else None)
            for i, cell in enumerate(cells)
            if i not in outputs
        }
        name = getattr(function, "__name__", "sweep")
        bar = tqdm(total=len(cells), initial=n_cached, desc=name, unit="cell", disable=not progress)
        stack.enter_context(bar)
        ended = _compute(tasks, executor, max_workers or _cores())
        stack.enter_context(contextlib.closing(ended))
        try:
            for index, values, failure in ended:
                if failure is None:
                    _check_alike(cells, outputs, index, values)
                    if kept is not None:
                        kept.write(index, values)
                    outputs[index] = values
                elif errors == RAISE:
                    raise CellError(index, cells[index], *failure)
                else:
                    failures[index] = failure
                bar.update()
        except BaseException as error:
            if kept is not None:
                error.add_note(f"Finished cells are in {kept.path}; the same call goes on.")
            raise
    seconds = time.perf_counter() - start
    return SweepResult(*_tabulate(cells, outputs, failures), axes, seconds, n_cached)


# ---- what is to be computed ----------------------------------------------------------------------


def _call(parameters: Parameters) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items())


def _python(value: Any) -> Any:
    """NumPy's numbers as Python's: 0.1 is the same cell however the grid was written."""
    return value.item() if isinstance(value, np.generic) else value


def _read_grid(grid: object) -> tuple[Axes, list[Parameters]]:
    """Return the axes, if the grid is a mapping, and the cells."""
    axes: Axes = {}
    cells: list[Parameters] = []
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            unfit = isinstance(values, str | bytes | Mapping | Set) or not np.iterable(values)
            axes[name] = () if unfit else tuple(_python(v) for v in values)
            if not axes[name]:
                raise ValueError(
                    f"grid[{name!r}] is {values!r}; allowed: a sequence of one or more values"
                )
        n = math.prod(map(len, axes.values()))
        if n > MOST_CELLS:
            raise ValueError(f"grid has {n} cells; allowed: at most {MOST_CELLS}")
        cells = [dict(zip(axes, v, strict=True)) for v in itertools.product(*axes.values())]
    elif isinstance(grid, Sequence) and not isinstance(grid, str | bytes):
        for i, row in enumerate(grid):
            if not isinstance(row, Mapping) or row.keys() != grid[0].keys():
                raise ValueError(f"grid[{i}] is {row!r}; allowed: a dict with the names of grid[0]")
            cells.append({name: _python(row[name]) for name in grid[0]})
    if not cells or not cells[0]:
        raise ValueError(
            f"grid is {grid!r}; allowed: a mapping of names to sequences of values, or a list of "
            "dicts, with at least one parameter and one cell"
        )
    for name in cells[0]:
        if not isinstance(name, str) or not name.isidentifier() or name == "rng":
            raise ValueError(f"grid names {name!r}; allowed: an argument of function but rng")
    return axes, cells


def _check_function(function: Any, names: tuple[str, ...]) -> bool:
    """Refuse a function that cannot take the grid's names; return whether it takes rng."""
    if not callable(function):
        raise ValueError(f"function is {function!r}; allowed: a function")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise ValueError(f"function is {function!r}; allowed: one with a signature") from error
    takes_rng = "rng" in signature.parameters
    try:
        signature.bind(**dict.fromkeys([*names, "rng"] if takes_rng else names))
    except TypeError as error:
        raise ValueError(
            f"grid names {', '.join(names)}, but function takes {signature}: {error}"
        ) from error
    return takes_rng


def _check_importable(function: Any, grid: Any) -> None:
    """Refuse what a new process could not find or be sent."""
    remedy = (
        "allowed for worker processes: values that pickle takes, and a function at the top level "
        "of a module or a script. Move it into a .py file and import it, or give a thread pool as "
        "executor"
    )
    main = getattr(sys.modules["__main__"], "__file__", None)
    if getattr(function, "__module__", None) == "__main__" and not (main and Path(main).is_file()):
        raise ValueError(f"function is {function!r}, defined in a notebook or prompt; {remedy}")
    for name, value in {"function": function, "grid": grid}.items():
        try:
            pickle.dumps(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"{name} cannot be sent: {error}; {remedy}") from error


def _plain(value: Any) -> Any:
    """Return as JSON what JSON does not know."""
    if isinstance(value, np.generic | np.ndarray) and not value.dtype.hasobject:
        return [value.dtype.str, value.shape, value.tobytes().hex()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return [f"{type(value).__module__}.{type(value).__qualname__}", fields]
    raise TypeError(f"holds {value!r}")


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def _fingerprint(where: str, value: Any) -> str:
    try:
        return _digest(json.dumps(value, default=_plain).encode()).hex()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{where}: {error}; allowed with a store: numbers, text, None, arrays, and lists, "
            "dicts and dataclasses of them"
        ) from error


def _study(
    function: Any, axes: Axes, cells: list[Parameters], seed: int | None
) -> dict[str, str | int | None]:
    """Return all that makes a study what it is."""
    from heterolib import __version__

    inner = inspect.unwrap(function)
    name = f"{getattr(inner, '__module__', '?')}.{getattr(inner, '__qualname__', repr(inner))}"
    allowed = "allowed with a store: a plain function with source; give the rest in the grid"
    if not inspect.isfunction(inner) or inspect.ismethod(function):
        raise ValueError(f"function is {function!r}; {allowed}")
    if around := inner.__code__.co_freevars:
        raise ValueError(f"function is {name}, which uses {', '.join(around)} around it; {allowed}")
    try:
        source = inspect.getsource(inner)
    except (OSError, TypeError) as error:
        raise ValueError(f"function is {name}, whose source is not known; {allowed}") from error
    own = [source, inner.__defaults__, inner.__kwdefaults__]
    sizes = [f"{name} ({len(values)})" for name, values in axes.items()]
    return {
        "format": FORMAT,
        "function": name,
        "source": _fingerprint("defaults of function", own),
        "grid": " x ".join(sizes) or f"{', '.join(cells[0])} ({len(cells)} cells)",
        "values": _fingerprint("grid", axes or cells),
        "seed": seed,
        "heterolib": __version__,
    }


# ---- the store -----------------------------------------------------------------------------------


def _encode(index: int, outputs: Outputs) -> bytes:
    """Return one finished cell: a checksum, the names, the arrays in NumPy's own format."""
    body = io.BytesIO()
    body.write(json.dumps([index, *outputs]).encode() + b"\n")
    for array in outputs.values():
        np.save(body, array, allow_pickle=False)
    return _digest(body.getvalue()) + body.getvalue()


def _decode(index: int, data: Any) -> Outputs | None:
    """Return the outputs of a cell, or None if they fail the checksum."""
    if not isinstance(data, bytes) or data[:DIGEST_BYTES] != _digest(data[DIGEST_BYTES:]):
        return None
    body = io.BytesIO(data[DIGEST_BYTES:])
    number, *names = json.loads(body.readline())
    return {name: np.load(body) for name in names} if number == index else None


class _Store:
    """An SQLite file of finished cells: each is a transaction, there as a whole or not at all."""

    def __init__(self, path: Any, study: dict[str, Any]) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ValueError(f"store is {path!r}; allowed: the path of a file")
        self.path = Path(path).absolute()
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()  # which says better than SQLite why it cannot be done
            self.db = sqlite3.connect(self.path, timeout=0.0, isolation_level=None)
        with contextlib.ExitStack() as stack:
            stack.callback(self.db.close)
            with self._explained():
                self._open(study)
            stack.pop_all()

    def _open(self, study: dict[str, Any]) -> None:
        """Take the file for a study; refuse one that belongs to another, or is not a store."""
        self.db.execute("PRAGMA locking_mode = EXCLUSIVE")
        tables = {name for (name,) in self.db.execute("SELECT name FROM sqlite_master")}
        if tables and tables != {"study", "cells"}:
            raise ValueError(
                f"store is {str(self.path)!r}, an SQLite file of something else; allowed: a new "
                "file, or one made by sweep"
            )
        # With a write-ahead log a commit waits for no disk. Killing a process loses none; after a
        # power cut the last ones may be missing, but those that are there are whole.
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        if not tables:
            self.db.execute("BEGIN IMMEDIATE")
            self.db.execute("CREATE TABLE study (json TEXT)")
            self.db.execute("CREATE TABLE cells (number INTEGER PRIMARY KEY, outputs BLOB)")
            self.db.execute("INSERT INTO study VALUES (?)", [json.dumps(study)])
            self.db.execute("COMMIT")
        rows = self.db.execute("SELECT json FROM study").fetchall()
        try:
            ((text,),) = rows
            other = dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise OSError("the description of its study is damaged") from error
        unlike = [name for name in study if other.get(name) != study[name]]
        if unlike:
            raise ValueError(
                f"store is {str(self.path)!r}, which holds the study [{_say(other)}]; this one is "
                f"[{_say(study)}]: they differ in {', '.join(unlike)}. Allowed: the file of the "
                "same study, or a new one"
            )

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise OSError(
                f"sweep cannot use the store {self.path}: {error}. What is in it stays"
            ) from error

    def read(self) -> dict[int, Outputs]:
        """Return the finished cells."""
        with self._explained():
            rows = self.db.execute("SELECT number, outputs FROM cells ORDER BY number")
            found = {number: _decode(number, data) for number, data in rows}
        good = {number: outputs for number, outputs in found.items() if outputs is not None}
        if len(good) < len(found):
            warnings.warn(
                f"{self.path} is damaged: {len(found) - len(good)} of {len(found)} cells fail "
                "their checksum, and are computed again",
                stacklevel=3,
            )
        return good

    def write(self, number: int, outputs: Outputs) -> None:
        """Add a finished cell."""
        with self._explained():
            self.db.execute(
                "INSERT OR REPLACE INTO cells VALUES (?, ?)", [number, _encode(number, outputs)]
            )


def _say(study: dict[str, Any]) -> str:
    return (
        f"{study.get('function')} over {study.get('grid')}, seed {study.get('seed')}, "
        f"heterolib {study.get('heterolib')}"
    )


# ---- in the worker -------------------------------------------------------------------------------


def _run_cell(task: Task, _serial: str) -> tuple[Outputs, Failure | None]:
    """Call the function. The serial number keeps Dask from taking a second try for the first."""
    function, parameters, index, seed = task
    extra = {}
    if seed is not None:
        sequence = np.random.SeedSequence(seed, spawn_key=(index,))
        extra["rng"] = np.random.default_rng(sequence)
    try:
        return _outputs(function(**parameters, **extra)), None
    except (Exception, SystemExit) as error:
        # As text: not every exception survives the way back.
        return {}, (f"{type(error).__name__}: {error}", traceback.format_exc())


def _outputs(value: Any) -> Outputs:
    """Check what a cell returned."""
    named = dict(value) if isinstance(value, Mapping) else {VALUE: value}
    arrays = {name: np.array(item) for name, item in named.items()}
    for name, array in arrays.items():
        if not isinstance(name, str) or array.dtype.kind not in KINDS:
            raise TypeError(
                f"function returned {name!r}: {named[name]!r}; allowed: a number, or a dict of "
                "numbers and numeric arrays"
            )
    return arrays


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One thread of BLAS, as the other cores have workers of their own: in the libraries that are
    # loaded, and in those to come.
    threadpoolctl.threadpool_limits(1)
    os.environ |= dict.fromkeys(BLAS_THREADS, "1")
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
            with contextlib.suppress(futures.CancelledError, futures.BrokenExecutor, TimeoutError):
                pid = self.pid.result(timeout=START_S)
                for process in multiprocessing.active_children():
                    if process.pid == pid:
                        process.terminate()
                        process.join()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _compute(
    tasks: dict[int, Task], executor: futures.Executor | None, n_workers: int
) -> Generator[tuple[int, Outputs, Failure | None], None, None]:
    """Yield each cell's number, and its outputs or failure, in the order in which they end."""
    todo = deque(tasks)
    deaths: Counter[int] = Counter()
    running: dict[futures.Future[Any], tuple[int, _Worker | None]] = {}
    ended: queue.SimpleQueue[futures.Future[Any] | None] = queue.SimpleQueue()
    workers: set[_Worker] = set()
    # Ctrl-C in the middle of handing out a cell could leave a lock of the pool taken, and the end
    # would wait for it. So it only leaves a word, read where nothing is held.
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, lambda *_: ended.put(None))
    # A process has one cell at a time: there is no doubt which one killed it, and no other is lost.
    free: list[_Worker | None] = [None] * (n_workers if executor is None else IN_FLIGHT)
    try:
        while todo or running:
            while todo and free:
                worker = free.pop()
                if executor is None and worker is None:
                    workers.add(worker := _Worker())
                pool = worker.pool if worker else executor
                assert pool is not None
                try:
                    future = pool.submit(_run_cell, tasks[todo[0]], uuid.uuid4().hex)
                except RuntimeError as error:
                    if worker is None:
                        raise RuntimeError(
                            f"the executor given takes no more cells: {error!r}. Without one, "
                            "sweep replaces workers that die"
                        ) from error
                    free.append(None)  # the process died between two cells
                    continue
                running[future] = todo.popleft(), worker
                future.add_done_callback(ended.put)
            try:
                done = ended.get(timeout=WAIT_S)
            except queue.Empty:
                continue
            if done is None:
                raise KeyboardInterrupt
            index, worker = running.pop(done)
            try:
                outputs, failure = done.result()
            except Exception as error:
                if worker and worker.pid.exception() is not None:
                    raise RuntimeError(
                        "worker processes do not come up; their own message is on the terminal. A "
                        'script must call sweep below if __name__ == "__main__":'
                    ) from error
                free.append(None)
                deaths[index] += 1
                if deaths[index] <= RETRIES:
                    todo.appendleft(index)
                    continue
                times = deaths[index]
                outputs = {}
                failure = f"its worker died, {times} times of {times} ({error!r})", ""
            else:
                free.append(worker)
            yield index, outputs, failure
        if not ended.empty():
            raise KeyboardInterrupt
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        for worker in workers:
            worker.stop(now=bool(running))
        if executor is not None:
            futures.wait([future for future in running if not future.cancel()])


# ---- the table -----------------------------------------------------------------------------------


def _shapes(outputs: Outputs) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in outputs.items()}


def _check_alike(
    cells: list[Parameters], outputs: dict[int, Outputs], index: int, values: Outputs
) -> None:
    """Refuse a cell whose outputs have other names or shapes than an earlier one's."""
    for name in values.keys() & cells[index].keys():
        raise ValueError(f"function returns {name!r}, which is also in the grid")
    for other, earlier in itertools.islice(outputs.items(), 1):
        (i, a), (j, b) = sorted([(other, _shapes(earlier)), (index, _shapes(values))])
        if a != b:
            raise ValueError(
                f"function returns shapes {a} for cell {i}, {_call(cells[i])}, and {b} for cell "
                f"{j}, {_call(cells[j])}; allowed: the same for all"
            )


def _tabulate(
    cells: list[Parameters], outputs: dict[int, Outputs], failures: dict[int, Failure]
) -> tuple[pd.DataFrame, Outputs, pd.DataFrame]:
    """Return the table, the outputs that are arrays, and the table of failures."""
    import pandas as pd

    names = list(cells[0])
    columns = {name: pd.Series([cell[name] for cell in cells], dtype=object) for name in names}
    table = pd.DataFrame(columns).infer_objects()
    arrays = {}
    for name, sample in next(iter(outputs.values()), {}).items():
        missing = {name: np.full(sample.shape, np.nan)}
        stacked = np.stack([outputs.get(i, missing)[name] for i in range(len(cells))])
        if sample.shape:
            stacked.setflags(write=False)
            arrays[name] = stacked
        else:
            table[name] = stacked
    failed = [
        {"cell": i, **cells[i], "error": error, "traceback": details}
        for i, (error, details) in sorted(failures.items())
    ]
    return table, arrays, pd.DataFrame(failed, columns=["cell", *names, "error", "traceback"])
