"""The sweep: same table however it ran, nothing finished lost, every refusal clear."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pickle
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterolib import ThresholdRule
from heterolib import sweep as module
from heterolib.sweep import CellError, sweep
from tests import sweep_cells as cells

HERE = Path(__file__).parent
SCRIPT = HERE / "sweep_script.py"
GRID = {"x": [0.5, 1.5, 2.5], "y": np.arange(4)}


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


def same(a, b):
    pd.testing.assert_frame_equal(a.table, b.table, check_exact=True)
    assert a.arrays.keys() == b.arrays.keys()
    for name in a.arrays:
        assert a.arrays[name].tobytes() == b.arrays[name].tobytes()


def run_marked(store, marks, executor, **more):
    grid = {"x": range(300), "folder": [str(marks)]}
    return sweep(cells.marked, grid, executor=executor, store=store, seed=3, progress=False, **more)


def counts(folder):
    return {path.name: len(path.read_bytes()) for path in Path(folder).iterdir()}


# ---- the table -----------------------------------------------------------------------------------


def test_table_has_one_row_a_cell_in_the_order_of_the_grid(threads):
    result = sweep(cells.mixed, GRID, seed=1, executor=threads, progress=False)
    table = result.table
    assert list(table.columns) == ["x", "y", "sum", "whole", "more", "noise"]
    assert table["x"].tolist() == np.repeat(GRID["x"], 4).tolist()
    assert table["y"].tolist() == [0, 1, 2, 3] * 3
    assert np.array_equal(table["sum"], table["x"] + 0.1 * table["y"])
    assert table["more"].dtype == bool and table["x"].dtype == float and table["y"].dtype == int
    assert result.arrays["trace"].shape == (12, 2, 3)
    assert not result.arrays["trace"].flags.writeable
    assert result.on_grid("sum").shape == (3, 4) and result.on_grid("trace").shape == (3, 4, 2, 3)
    assert result.on_grid("sum")[1, 2] == 1.5 + 0.1 * 2
    assert result.failures.empty and result.n_cached == 0 and result.seconds > 0
    assert "12 computed" in repr(result)


def test_list_of_cells(threads):
    rows = [{"x": 2, "y": 3}, {"y": 5, "x": 4}, {"x": 2, "y": 3}]
    result = sweep(cells.product, rows, executor=threads, progress=False)
    assert result.table.to_dict("list") == {"x": [2, 4, 2], "y": [3, 5, 3], "value": [6, 20, 6]}
    with pytest.raises(ValueError, match="the grid is a list"):
        result.on_grid("value")
    with pytest.raises(ValueError, match="name is 'z'; allowed: 'x', 'y', 'value'"):
        sweep(cells.product, GRID, executor=threads, progress=False).on_grid("z")


def test_same_bits_whatever_computes_it(threads, processes, tmp_path):
    one = sweep(cells.mixed, GRID, seed=7, max_workers=1, progress=False)
    same(one, sweep(cells.mixed, GRID, seed=7, max_workers=2, progress=False))
    same(one, sweep(cells.mixed, GRID, seed=7, executor=threads, progress=False))
    same(one, sweep(cells.mixed, GRID, seed=7, executor=processes, progress=False))
    stored = sweep(cells.mixed, GRID, seed=7, executor=threads, store=tmp_path / "s", progress=True)
    again = sweep(cells.mixed, GRID, seed=7, executor=threads, store=tmp_path / "s")
    same(one, stored)
    same(one, again)
    assert again.n_cached == 12
    other = sweep(cells.mixed, GRID, seed=8, executor=threads, progress=False)
    assert not np.array_equal(one.table["noise"], other.table["noise"])
    assert one.table["noise"].nunique() == 12


def test_model_has_the_same_bits_whatever_computes_it(threads, processes):
    grid = {"distance_um": [1.0, 2.5], "delay_ms": [-20.0, 0.0, 20.0]}
    one = sweep(cells.weight_change, grid, executor=processes, progress=False)
    assert np.ptp(one.arrays["value"]) > 0
    same(one, sweep(cells.weight_change, grid, executor=threads, progress=False))


def test_never_more_than_so_many_cells_under_way(monkeypatch):
    class Counting(ThreadPoolExecutor):
        most = under_way = 0

        def submit(self, *args):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            future = super().submit(*args)
            future.add_done_callback(self.ended)
            return future

        def ended(self, _):
            self.under_way -= 1

    monkeypatch.setattr(module, "IN_FLIGHT", 6)
    with Counting(3) as pool:
        sweep(cells.product, {"x": range(50), "y": range(4)}, executor=pool, progress=False)
    assert 1 < pool.most <= 6


def test_outputs_are_copied_before_the_next_cell_runs():
    buffer = np.zeros(2)

    def f(x):
        buffer[:] = x
        return buffer

    with ThreadPoolExecutor(1) as pool:
        result = sweep(f, {"x": range(20)}, executor=pool, progress=False)
    assert result.arrays["value"][:, 0].tolist() == list(range(20))


def test_own_workers_have_one_blas_thread(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")  # what a worker starts with
    assert sweep(cells.blas_threads, {"x": [0]}, progress=False).table["value"].tolist() == [1]


# ---- failures ------------------------------------------------------------------------------------


def test_failed_cell_reports_its_parameters(processes, tmp_path):
    store = tmp_path / "s"
    grid = {"x": range(6), "bad": [3]}
    with pytest.raises(CellError, match=r"cell 3, x=3, bad=3: Awkward: this and that") as info:
        sweep(cells.bad_at, grid, executor=processes, progress=False, store=store)
    assert info.value.parameters == {"x": 3, "bad": 3} and info.value.index == 3
    assert "in bad_at" in str(info.value)  # the worker's traceback
    assert str(pickle.loads(pickle.dumps(info.value))) == str(info.value)
    assert str(store) in info.value.__notes__[0]

    for n_cached in (None, 5):  # what was not finished before the error; then what failed
        result = sweep(
            cells.bad_at, grid, executor=processes, progress=False, store=store, errors="keep"
        )
        assert n_cached in (None, result.n_cached)
    assert np.array_equal(result.table["value"], [0, 1, 2, np.nan, 4, 5], equal_nan=True)
    assert result.failures[["cell", "x", "bad"]].to_dict("records") == [
        {"cell": 3, "x": 3, "bad": 3}
    ]
    assert result.failures["error"][0] == "Awkward: this and that"
    assert "1 failed" in result.summary()


def test_all_cells_failed(threads):
    grid = {"x": [1], "bad": [1]}
    result = sweep(cells.bad_at, grid, executor=threads, progress=False, errors="keep")
    assert list(result.table.columns) == ["x", "bad"] and len(result.failures) == 1


@pytest.mark.parametrize(
    ("function", "grid", "message"),
    [
        (cells.form, {"x": [0, 1], "what": ["shape"]}, r"\(1,\).*cell 0.*\(2,\).*cell 1"),
        (cells.form, {"x": [0, 1], "what": ["names"]}, "'a0'.*'a1'"),
        (cells.clash, {"x": [0]}, "function returns 'x', which is also in the grid"),
    ],
)
def test_outputs_must_be_alike(threads, function, grid, message):
    with pytest.raises(ValueError, match=message):
        sweep(function, grid, executor=threads, progress=False)


def test_outputs_must_be_numbers(threads):
    with pytest.raises(CellError, match="function returned 'value': 'no'; allowed: a number"):
        sweep(cells.form, {"x": [0], "what": ["text"]}, executor=threads, progress=False)


# ---- death of a worker ---------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [False, True])
def test_dead_worker_loses_only_its_cell(tmp_path, stored):
    (tmp_path / "marks").mkdir()
    grid = {"x": range(40), "folder": [str(tmp_path / "marks")], "times": [2], "victim": [23]}
    store = tmp_path / "store" if stored else None
    result = sweep(cells.deadly, grid, max_workers=2, progress=False, store=store)
    assert result.table["value"].tolist() == [0.5 * x for x in range(40)]
    # Every cell was finished once, also those that the process had finished before it died.
    assert counts(tmp_path / "marks") == {"died": 2} | {str(x): 1 for x in range(40)}


def test_other_workers_go_on_with_their_cell(tmp_path):
    grid = {"x": range(2), "folder": [str(tmp_path)]}
    sweep(cells.slow_beside_deadly, grid, max_workers=2, progress=False)
    assert counts(tmp_path) == {"begun-0": 2, "begun-1": 1, "died": 1}


def test_cell_that_kills_every_worker_is_reported(tmp_path):
    grid = {"x": range(8), "folder": [str(tmp_path)], "times": [99], "victim": [5]}
    result = sweep(cells.deadly, grid, max_workers=1, errors="keep", progress=False)
    assert result.failures[["cell", "x"]].to_dict("records") == [{"cell": 5, "x": 5}]
    assert "its worker died, 3 times of 3" in result.failures["error"][0]
    assert counts(tmp_path) == {"died": 3} | {str(x): 1 for x in range(8) if x != 5}


def test_given_pool_that_breaks_cannot_be_replaced(tmp_path):
    grid = {"x": range(8), "folder": [str(tmp_path)], "times": [99], "victim": [5]}
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(RuntimeError, match="the executor given takes no more cells"),
    ):
        sweep(cells.deadly, grid, executor=pool, progress=False)


@pytest.mark.parametrize(("times", "lost"), [(2, 0), (3, 1)])
def test_executor_that_loses_cells(times, lost):
    """As Dask's KilledWorker: the future fails, the executor lives."""

    class Losing(ThreadPoolExecutor):
        tries = ()

        def submit(self, fn, task, serial):
            if task[1]["x"] == 5 and len(self.tries) < times:
                self.tries += (serial,)
                future = Future()
                future.set_exception(BrokenProcessPool("gone"))
                return future
            return super().submit(fn, task, serial)

    grid = {"x": range(9), "y": [1]}
    with Losing(1) as pool:
        result = sweep(cells.product, grid, executor=pool, progress=False, errors="keep")
    assert result.failures["x"].tolist() == [5] * lost
    assert result.table["value"].fillna(5).tolist() == list(range(9))
    assert len(set(pool.tries)) == times  # or Dask would answer a second try with the first


# ---- killing and resuming ------------------------------------------------------------------------


@pytest.fixture
def start():
    """Return a function that runs the script; whatever it left is ended after the test."""
    started = []

    def run(*arguments, **more):
        command = [sys.executable, SCRIPT, *map(str, arguments)]
        started.append(subprocess.Popen(command, start_new_session=True, **more))
        return started[-1]

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stored_cells(store):
    """Return the numbers of the cells in a store, leaving it as the kill left it."""
    with tempfile.TemporaryDirectory() as folder:
        for path in store.parent.glob(f"{store.name}*"):
            shutil.copy(path, folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / store.name)) as db:
            tables = db.execute("SELECT name FROM sqlite_master").fetchall()
            return [n for (n,) in db.execute("SELECT number FROM cells")] if tables else []


def wait_until_at_work(process, marks):
    before = sum(counts(marks).values())
    while process.poll() is None and sum(counts(marks).values()) == before:
        time.sleep(0.002)


def test_killed_at_random_and_resumed(start, threads, tmp_path):
    reference, marks = tmp_path / "reference", tmp_path / "marks"
    reference.mkdir()
    marks.mkdir()
    expected = run_marked(None, reference, threads)
    store = tmp_path / "store"
    rng = random.Random(0)
    kills, finished = 0, {}  # how often each stored cell had run
    for _ in range(3):
        process = start("marked", store, marks)
        wait_until_at_work(process, marks)
        time.sleep(rng.uniform(0.0, 0.08))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        time.sleep(0.2)  # the workers follow their parent
        times = counts(marks)
        assert all(times[name] == n for name, n in finished.items())
        finished = {str(x): times[str(x)] for x in stored_cells(store)}
    assert kills >= 2 and 0 < len(finished) < 300
    result = run_marked(store, marks, threads)  # any warning would be an error
    pd.testing.assert_frame_equal(
        result.table.drop(columns="folder"), expected.table.drop(columns="folder")
    )
    assert result.arrays["trace"].tobytes() == expected.arrays["trace"].tobytes()
    assert result.n_cached == len(finished)
    times = counts(marks)
    assert times.keys() == {str(x) for x in range(300)}
    assert all(times[name] == n for name, n in finished.items())
    # Run twice were only cells that had not reached the store, at most one a worker.
    assert sum(times.values()) <= 300 + 2 * kills
    assert run_marked(store, marks, threads).n_cached == 300


KILL_AT = """
import os, signal, sqlite3, sys
from concurrent.futures import ThreadPoolExecutor
from heterolib.sweep import sweep
from tests import sweep_cells

class Connection(sqlite3.Connection):
    left = int(sys.argv[2])

    def execute(self, *arguments):
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return super().execute(*arguments)

def connect(*arguments, real=sqlite3.connect, **more):
    return real(*arguments, factory=Connection, **more)

sqlite3.connect = connect
with ThreadPoolExecutor(1) as pool:
    grid = {"x": range(3), "y": range(2)}
    sweep(sweep_cells.product, grid, executor=pool, store=sys.argv[1], progress=False)
"""


@pytest.mark.parametrize("step", [2, 6, 8])
def test_killed_before_any_step_of_the_store(threads, tmp_path, step):
    """Of its first commands, the ones that open it, make its tables, and add the first cells."""
    command = [sys.executable, "-c", KILL_AT, str(tmp_path / "s"), str(step)]
    assert subprocess.run(command, cwd=HERE.parent).returncode == -signal.SIGKILL
    run = {"grid": {"x": range(3), "y": range(2)}, "executor": threads, "progress": False}
    result = sweep(cells.product, store=tmp_path / "s", **run)
    same(result, sweep(cells.product, **run))


def test_workers_end_with_a_killed_parent(start, tmp_path):
    (tmp_path / "marks").mkdir()
    process = start("slow", tmp_path / "s", tmp_path / "marks", stderr=subprocess.DEVNULL)
    wait_until_at_work(process, tmp_path / "marks")
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=cells.LONG_S)[1]


def test_interrupt_stops_at_once_and_keeps_finished_cells(start, tmp_path):
    store, marks = tmp_path / "s", tmp_path / "marks"
    marks.mkdir()
    process = start("slow", store, marks, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(counts(marks)) < 6:
        time.sleep(0.002)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    os.killpg(process.pid, signal.SIGINT)  # as the keyboard does: to the workers as well
    _, told = process.communicate(timeout=cells.LONG_S)
    assert "KeyboardInterrupt" in told and f"Finished cells are in {store}" in told
    assert "SpawnProcess" not in told  # no tracebacks from the workers
    assert stored_cells(store) == [0, 1, 2, 3]
    assert not psutil.wait_procs(children, timeout=cells.LONG_S)[1]


def test_interrupt_waits_until_a_cell_is_handed_out():
    """In the middle of it a lock of the pool may be held."""
    handed = []

    class Interrupted(ThreadPoolExecutor):
        def submit(self, *args, **options):
            signal.raise_signal(signal.SIGINT)
            handed.append(1)
            return super().submit(*args, **options)

    before = signal.getsignal(signal.SIGINT)
    with Interrupted(1) as pool, pytest.raises(KeyboardInterrupt):
        sweep(cells.product, {"x": [1.0, 2.0, 3.0], "y": [2.0]}, executor=pool, progress=False)
    assert len(handed) == 3
    assert signal.getsignal(signal.SIGINT) is before is signal.default_int_handler


def test_function_of_a_script():
    done = subprocess.run(
        [sys.executable, SCRIPT, "own", "-", "-"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "5.0"


def test_script_without_a_guard_is_told(tmp_path):
    (tmp_path / "bare.py").write_text(
        "from heterolib.sweep import sweep\n"
        "def f(x):\n    return x\n"
        "sweep(f, {'x': [1]}, max_workers=1, progress=False)\n"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "bare.py"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
    )
    assert done.returncode == 1
    assert 'must call sweep below if __name__ == "__main__":' in done.stderr.splitlines()[-1]


# ---- the store -----------------------------------------------------------------------------------


def test_store_of_another_study_is_refused(threads, tmp_path):
    store = tmp_path / "s"

    def run(function, grid, seed=None):
        return sweep(function, grid, seed=seed, store=store, executor=threads, progress=False)

    run(cells.product, {"x": [1, 2], "y": [3]})
    before = store.read_bytes()
    for function, grid, seed, words in [
        (cells.product, {"x": [1, 2], "y": [4]}, None, "they differ in values"),
        (cells.product, {"y": [3], "x": [1, 2]}, None, "they differ in grid, values"),
        (cells.product, {"x": [1, 2], "y": [3.0]}, None, "they differ in values"),
        (cells.product, {"x": [1, 2], "y": [3]}, 1, "they differ in seed"),
        (cells.with_default, {"x": [1, 2]}, None, "they differ in function, source"),
    ]:
        with pytest.raises(ValueError, match=words) as info:
            run(function, grid, seed)
        assert "sweep_cells.product over x (2) x y (1), seed None" in str(info.value)
        assert f"{function.__name__} over" in str(info.value).split("this one is")[1]
    assert store.read_bytes() == before and list(tmp_path.iterdir()) == [store]
    # The same numbers from another library's type are the same study.
    assert run(cells.product, {"x": np.array([1, 2]), "y": (3,)}).n_cached == 2


def load(path, text):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("edited", path)
    edited = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(edited)
    return edited.f


def test_edited_function_is_another_study(threads, tmp_path):
    for i, (text, ok) in enumerate(
        [
            ("N = 1\ndef f(x, n=N):\n    return x\n", True),
            ("N = 1\ndef f(x, n=N):\n    return x + 1\n", False),
            ("N = 2\ndef f(x, n=N):\n    return x\n", False),
        ]
    ):
        function = load(tmp_path / f"{i}.py", text)
        arguments = {"executor": threads, "store": tmp_path / "s", "progress": False}
        if ok:
            sweep(function, {"x": [1]}, **arguments)
        else:
            with pytest.raises(ValueError, match="they differ in source"):
                sweep(function, {"x": [1]}, **arguments)


class Method:
    def method(self, x):
        return x


def test_store_wants_a_function_it_can_tell_apart(threads, tmp_path):
    scale = 2.0
    for function, words in [
        (lambda x: x * scale, "uses scale around it"),
        (Method().method, "allowed with a store: a plain function"),
        (eval("lambda x: x"), "whose source is not known"),
    ]:
        with pytest.raises(ValueError, match=words):
            sweep(function, {"x": [1]}, store=tmp_path / "s", executor=threads, progress=False)
    for value, words in [
        (object(), "grid: holds <object"),
        ({(1, 2): 3}, "grid: keys must be str"),
    ]:
        with pytest.raises(ValueError, match=words):
            sweep(
                cells.with_default,
                {"x": [value]},
                store=tmp_path / "s",
                executor=threads,
                progress=False,
            )
    assert not any(tmp_path.iterdir())


def test_store_takes_dataclasses(threads, tmp_path):
    def rates(rule, x):
        return rule.theta_p_uM + x

    grid = [{"rule": ThresholdRule(), "x": np.arange(3)}]
    run = {"store": tmp_path / "s", "executor": threads, "progress": False}
    a = sweep(rates, grid, **run)
    b = sweep(rates, grid, **run)
    assert b.n_cached == 1 and np.array_equal(a.arrays["value"], b.arrays["value"])
    grid[0]["rule"] = ThresholdRule(theta_p_uM=0.5)
    with pytest.raises(ValueError, match="they differ in values"):
        sweep(rates, grid, **run)


def change(store, sql, *values):
    with contextlib.closing(sqlite3.connect(store)) as db:
        db.execute(sql, values)
        db.commit()


@pytest.mark.parametrize("damage", ["flip", "cut", "exchange", "type"])
def test_damaged_cell_is_computed_again(threads, tmp_path, damage):
    store, marks = tmp_path / "s", tmp_path / "marks"
    marks.mkdir()
    first = run_marked(store, marks, threads)
    with contextlib.closing(sqlite3.connect(store)) as db:
        data, other = (
            db.execute("SELECT outputs FROM cells WHERE number = ?", [n]).fetchone()[0]
            for n in (7, 8)
        )
    spoilt = {
        "flip": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        "cut": data[:-1],
        "exchange": other,  # sound, but of another cell
        "type": 3.5,
    }[damage]
    change(store, "UPDATE cells SET outputs = ? WHERE number = 7", spoilt)
    with pytest.warns(UserWarning, match="s is damaged: 1 of 300 cells fail their checksum"):
        again = run_marked(store, marks, threads)
    same(first, again)
    assert again.n_cached == 299 and counts(marks)["7"] == 2
    assert run_marked(store, marks, threads).n_cached == 300  # and no warning any more


def test_any_damaged_byte_gives_the_same_table_or_a_clear_error(threads, tmp_path):
    store = tmp_path / "s"
    run = {"executor": threads, "store": store, "progress": False}
    expected = sweep(cells.product, GRID, **run)
    data = store.read_bytes()
    rng = random.Random(0)
    ends = {"same": 0, "error": 0}
    for _ in range(150):
        at = rng.choice([rng.randrange(100), rng.randrange(len(data))])
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << rng.randrange(8)
        store.write_bytes(spoilt)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* is damaged")
            try:
                result = sweep(cells.product, GRID, **run)
            except (OSError, ValueError) as error:
                assert str(store) in str(error)
                ends["error"] += 1
            else:
                same(expected, result)
                ends["same"] += 1
    assert min(ends.values()) > 5


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[: len(data) // 2], "malformed"),
        (lambda data: bytes(range(256)) * 9, "file is not a database"),
        (lambda data: data.replace(b'{"format"', b'{"format'), "its study is damaged"),
    ],
)
def test_unreadable_store_is_left_as_it_is(threads, tmp_path, spoil, words):
    store, marks = tmp_path / "s", tmp_path / "marks"
    marks.mkdir()
    run_marked(store, marks, threads)
    store.write_bytes(spoil(store.read_bytes()))
    before = store.read_bytes()
    with pytest.raises(OSError, match=f"cannot use the store {store}: .*{words}.* What is in it"):
        run_marked(store, marks, threads)
    assert store.read_bytes() == before
    assert sum(counts(marks).values()) == 300


def test_foreign_files_and_folders_are_refused(threads, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    change(tmp_path / "other", "CREATE TABLE places (x)")
    before = (tmp_path / "other").read_bytes()
    for store, kind, words in [
        (tmp_path / "notes.txt", OSError, "file is not a database"),
        (tmp_path / "other", ValueError, "an SQLite file of something else"),
        (tmp_path, OSError, "unable to open database file"),
        (tmp_path / "notes.txt" / "s", OSError, "Not a directory|File exists"),
    ]:
        with pytest.raises(kind, match=words):
            sweep(cells.product, GRID, executor=threads, store=store, progress=False)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "other").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_store_in_use_is_refused(threads, tmp_path):
    run = {"executor": threads, "progress": False}

    def second():
        with pytest.raises(OSError, match="database is locked"):
            sweep(cells.product, GRID, store=tmp_path / "s", **run)

    class Busy(ThreadPoolExecutor):
        def submit(self, *arguments):
            second()
            return super().submit(*arguments)

    with Busy(1) as pool:
        sweep(cells.product, GRID, store=tmp_path / "s", executor=pool, progress=False)
    assert sweep(cells.product, GRID, store=tmp_path / "s", **run).n_cached == 12


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads all")
@pytest.mark.parametrize(
    ("closed", "words"),
    [("folder", "Permission denied"), ("file", "unable to open database file|readonly database")],
)
def test_store_that_may_not_be_read(threads, tmp_path, closed, words):
    folder = tmp_path / "folder"
    folder.mkdir()
    store = folder / "s"
    grid = {"x": [1], "y": [1]}
    sweep(cells.product, grid, executor=threads, store=store, progress=False)
    before = store.read_bytes()
    text = (
        "from heterolib.sweep import sweep; from tests import sweep_cells as c;"
        f"sweep(c.product, {grid}, store={str(store)!r}, max_workers=1)"
    )
    (folder if closed == "folder" else store).chmod(0o000)
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*drop, sys.executable, "-c", text], cwd=HERE.parent, capture_output=True, text=True
    )
    folder.chmod(0o700)
    store.chmod(0o600)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "cannot use the store" in last and re.search(words, last)
    assert store.read_bytes() == before


@contextlib.contextmanager
def files_of_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def check_full_disk(store, marks, threads, words):
    """Fill the disk; return a function that checks what is left once there is room."""
    with pytest.raises(OSError, match=f"cannot use the store {store}: {words}.* What is in it"):
        run_marked(store, marks, None, max_workers=2)

    def resume():
        result = run_marked(store, marks, threads)
        assert 20 < result.n_cached < 300
        assert len(counts(marks)) == 300
        # Computed twice: the one that did not fit, and one that the other worker had finished.
        assert sum(counts(marks).values()) <= 302

    return resume


def test_full_disk_keeps_what_is_there(threads, tmp_path):
    """A limit on file sizes: a write falls short, then fails."""
    marks = tmp_path / "marks"
    marks.mkdir()
    with files_of_at_most(300_000):
        resume = check_full_disk(tmp_path / "s", marks, threads, "disk I/O error")
    resume()


def test_real_full_disk(threads, tmp_path):
    """Where this machine lets us make one."""
    disk, marks = tmp_path / "disk", tmp_path / "marks"
    disk.mkdir()
    marks.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        resume = check_full_disk(disk / "s", marks, threads, "database or disk is full")
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)
        resume()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_full_disk_at_the_start(threads, tmp_path):
    run = {"executor": threads, "store": tmp_path / "s", "progress": False}
    with files_of_at_most(2000), pytest.raises(OSError, match="cannot use the store"):
        sweep(cells.product, GRID, **run)
    assert len(sweep(cells.product, GRID, **run).table) == 12


# ---- Dask and Jupyter ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(action="ignore"),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=tmp_path_factory.mktemp("dask"),
        ) as cluster,
    ):
        yield cluster


def test_dask(cluster, threads, tmp_path):
    expected = sweep(cells.mixed, GRID, seed=7, executor=threads, progress=False)
    with warnings.catch_warnings(action="ignore"), cluster.get_client() as client:
        with pytest.raises(ValueError, match="a Dask client has one: get_executor"):
            sweep(cells.mixed, GRID, seed=7, executor=client)
        run = {"seed": 7, "executor": client.get_executor(), "progress": False}
        same(expected, sweep(cells.mixed, GRID, **run))
        same(expected, sweep(cells.mixed, GRID, store=tmp_path / "s", **run))
        again = sweep(cells.mixed, GRID, store=tmp_path / "s", **run)
        same(expected, again)
        assert again.n_cached == 12
        grid = {"x": range(6), "bad": [3]}
        run = {"executor": client.get_executor(), "progress": False, "errors": "keep"}
        assert sweep(cells.bad_at, grid, **run).failures["x"].tolist() == [3]
        # A worker dies: Dask computes again what it has not delivered, and nothing else is lost.
        marks = tmp_path / "marks"
        marks.mkdir()
        grid = {"x": range(12), "folder": [str(marks)], "times": [1], "victim": [7]}
        run = {"executor": client.get_executor(), "progress": False, "store": tmp_path / "t"}
        result = sweep(cells.deadly, grid, **run)
        assert result.table["value"].tolist() == [0.5 * x for x in range(12)]
        assert counts(marks)["died"] == 1
        assert sweep(cells.deadly, grid, **run).n_cached == 12


def test_snippet_of_the_book(cluster, tmp_path, monkeypatch):
    """What the page on sweeps shows and cannot run: it goes as it stands, but for the address."""
    page = json.loads((HERE.parent / "chapters" / "sweeps.ipynb").read_text(encoding="utf-8"))
    texts = ["".join(cell["source"]) for cell in page["cells"]]
    (file,) = (text for text in texts if text.startswith("%%writefile windows.py\n"))
    (snippet,) = re.findall(r"```python\n(.*?)```", "\n".join(texts), re.DOTALL)
    assert snippet.count('"tcp://scheduler:8786"') == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("windows.py").write_text(file.partition("\n")[2], encoding="utf-8")
    windows = importlib.import_module("windows")
    grid = {"distance_um": [1.0, 2.0], "delay_ms": [0, 20]}
    monkeypatch.setattr(windows, "GRID", grid)
    names = {}
    with warnings.catch_warnings(action="ignore"):
        exec(snippet.replace("tcp://scheduler:8786", cluster.scheduler_address), names)
    table = names["result"].table
    assert len(table) == 4
    for row in table.to_dict("records"):
        place = {name: row[name] for name in grid}
        assert windows.weight_change(**place) == {name: row[name] for name in ("first", "second")}
    assert stored_cells(tmp_path / "windows.sqlite") == [0, 1, 2, 3]


def test_notebook_function_is_explained(monkeypatch, threads):
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    monkeypatch.setattr(cells.product, "__module__", "__main__")
    with pytest.raises(ValueError, match=r"defined in a notebook.*\.py file.*thread pool"):
        sweep(cells.product, GRID)
    assert len(sweep(cells.product, GRID, executor=threads, progress=False).table) == 12


@pytest.mark.slow
def test_in_jupyter(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    text = f"""
import sys; sys.path.insert(0, {str(HERE.parent)!r})
from heterolib.sweep import sweep
from tests import sweep_cells
r = sweep(sweep_cells.product, {{"x": [1, 2], "y": [3]}}, max_workers=2)
assert r.table["value"].tolist() == [3, 6]
def here(x):
    return x
try:
    sweep(here, {{"x": [1]}})
except ValueError as error:
    assert "notebook" in str(error)
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    for cached in (0, 2):
        r = sweep(here, {{"x": [1, 2]}}, executor=pool, store={str(tmp_path / "s")!r})
        assert r.n_cached == cached
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nbclient.NotebookClient(book, kernel_name="python3", timeout=60).execute()


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"function": 3}, "function is 3; allowed: a function"),
        ({"function": lambda x, y: x}, "cannot be sent"),
        ({"grid": 3}, "grid is 3; allowed: a mapping"),
        ({"grid": {}}, "at least one parameter"),
        ({"grid": []}, "at least one parameter and one cell"),
        ({"grid": "xy"}, "grid is 'xy'"),
        ({"grid": {"x": [1], "y": 3}}, r"grid\['y'\] is 3; allowed: a sequence"),
        ({"grid": {"x": [1], "y": "abc"}}, r"grid\['y'\] is 'abc'"),
        ({"grid": {"x": [1], "y": {1, 2}}}, r"grid\['y'\] is {1, 2}"),
        ({"grid": {"x": [1], "y": np.float64(3)}}, r"grid\['y'\] is"),
        ({"grid": {"x": [1], "y": []}}, r"grid\['y'\] is \[\]; allowed: a sequence of one"),
        ({"grid": {"x": [1], 5: [1]}}, "grid names 5"),
        ({"grid": {"x": [1], "rng": [1]}}, "grid names 'rng'"),
        ({"grid": {"x": [1]}}, "missing a required argument: 'y'"),
        ({"grid": {"x": [1], "y": [1], "z": [1]}}, "'z'"),
        ({"grid": [{}]}, "at least one parameter"),
        ({"grid": [{"x": 1, "y": 1}, {"x": 1}]}, r"grid\[1\] is {'x': 1}; allowed: a dict with"),
        ({"grid": [{"x": 1, "y": 1}, 3]}, r"grid\[1\] is 3"),
        ({"grid": {"x": range(10**4), "y": range(10**4)}}, "100000000 cells; allowed: at most"),
        ({"grid": {"x": [lambda: 0], "y": [1]}}, "grid cannot be sent"),
        ({"executor": "pool"}, "executor is 'pool'"),
        ({"max_workers": 0}, r"max_workers is 0; allowed: a number in \[1"),
        ({"store": 3}, "store is 3"),
        ({"store": ""}, "store is ''"),
        ({"store": b"s"}, "store is b's'"),
        ({"store": ["s"]}, r"store is \['s'\]"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"errors": "ignore"}, "errors is 'ignore'; allowed: 'raise', 'keep'"),
        ({"progress": 1}, "progress is 1"),
        ({"function": cells.mixed}, "seed is None, and function takes rng"),
    ],
)
def test_bad_input_is_named(change, words):
    arguments = {"function": cells.product, "grid": GRID} | change
    with pytest.raises(ValueError, match=words):
        sweep(**arguments)


junk = st.one_of(
    st.none(),
    st.integers(max_value=0),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@settings(max_examples=30, deadline=None)
@given(
    # (not the store: a text is a good name of one, anywhere)
    name=st.sampled_from(["grid", "max_workers", "seed", "errors", "progress"]),
    value=junk,
)
def test_junk_is_refused_with_its_name_or_taken(name, value):
    with ThreadPoolExecutor(1) as pool:
        arguments = {"grid": {"x": [1], "y": [2]}, "executor": pool, "progress": False}
        try:
            result = sweep(cells.product, **arguments | {name: value})
        except ValueError as error:
            assert name in str(error)
        else:
            assert result.table["value"].tolist() == [2]


def test_store_says_whose_it_is(threads, tmp_path):
    sweep(cells.product, GRID, executor=threads, store=tmp_path / "s", progress=False)
    with contextlib.closing(sqlite3.connect(tmp_path / "s")) as db:
        study = json.loads(db.execute("SELECT json FROM study").fetchone()[0])
    assert study["function"].endswith("sweep_cells.product") and study["grid"] == "x (3) x y (4)"
