"""The sweep: same table however it ran, nothing finished lost, every refusal clear."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
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
    two = sweep(cells.mixed, GRID, seed=7, max_workers=2, chunk=1, progress=False)
    same(one, two)
    same(one, sweep(cells.mixed, GRID, seed=7, executor=threads, chunk=5, progress=False))
    same(one, sweep(cells.mixed, GRID, seed=7, executor=processes, chunk=3, progress=False))
    stored = sweep(cells.mixed, GRID, seed=7, executor=threads, store=tmp_path / "s", progress=True)
    again = sweep(cells.mixed, GRID, seed=7, executor=threads, store=tmp_path / "s")
    same(one, stored)
    same(one, again)
    assert again.n_cached == 12
    other = sweep(cells.mixed, GRID, seed=8, executor=threads, progress=False)
    assert not np.array_equal(one.table["noise"], other.table["noise"])
    assert one.table["noise"].nunique() == 12


def test_never_more_than_a_few_chunks_under_way():
    class Counting(Executor):
        _max_workers = 3
        most = under_way = 0

        def __init__(self):
            self.pool = ThreadPoolExecutor(3)

        def submit(self, fn, /, *args, **kwargs):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            future = self.pool.submit(fn, *args, **kwargs)
            future.add_done_callback(self.ended)
            return future

        def ended(self, _):
            self.under_way -= 1

    executor = Counting()
    sweep(cells.product, {"x": range(50), "y": range(4)}, executor=executor, chunk=2)
    executor.pool.shutdown()
    assert 1 < executor.most <= module.AHEAD * 3


# ---- failures ------------------------------------------------------------------------------------


def test_failed_cell_reports_its_parameters(processes, tmp_path):
    grid = {"x": range(6), "bad": [3]}
    with pytest.raises(CellError, match=r"cell 3, x=3, bad=3: Awkward: this and that") as info:
        sweep(cells.bad_at, grid, executor=processes, progress=False, store=tmp_path)
    assert info.value.parameters == {"x": 3, "bad": 3} and info.value.index == 3
    assert "in bad_at" in str(info.value)  # the worker's traceback
    assert str(tmp_path) in info.value.__notes__[0]

    result = sweep(
        cells.bad_at, grid, executor=processes, progress=False, store=tmp_path, errors="keep"
    )
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
    # Every cell was finished once, also those that shared a chunk with the one that died.
    assert counts(tmp_path / "marks") == {"died": 2} | {str(x): 1 for x in range(40)}


def test_other_workers_go_on_with_their_cell(tmp_path):
    grid = {"x": range(2), "folder": [str(tmp_path)]}
    sweep(cells.slow_beside_deadly, grid, max_workers=2, progress=False)
    assert counts(tmp_path) == {"begun-0": 2, "begun-1": 1, "died": 1}


def test_cell_that_kills_every_worker_is_reported(tmp_path):
    grid = {"x": range(8), "folder": [str(tmp_path)], "times": [99], "victim": [5]}
    result = sweep(cells.deadly, grid, max_workers=1, retries=1, errors="keep", progress=False)
    assert result.failures[["cell", "x"]].to_dict("records") == [{"cell": 5, "x": 5}]
    assert "its worker died, 2 times of 2" in result.failures["error"][0]
    assert counts(tmp_path).keys() == {"died", "0", "1", "2", "3", "4", "6", "7"}
    assert counts(tmp_path)["died"] <= 3


def test_given_pool_that_breaks_cannot_be_replaced(tmp_path):
    grid = {"x": range(8), "folder": [str(tmp_path)], "times": [99], "victim": [5]}
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(RuntimeError, match="the executor given takes no more cells"),
    ):
        sweep(cells.deadly, grid, executor=pool, progress=False)


def test_executor_that_loses_chunks():
    """As Dask's KilledWorker: the future fails, the executor lives."""

    class Losing(ThreadPoolExecutor):
        lost = 0

        def submit(self, fn, chunk):
            if any(p["x"] == 5 for _, p in chunk.cells) and self.lost < 3:
                self.lost += 1
                future = Future()
                future.set_exception(BrokenProcessPool("gone"))
                return future
            return super().submit(fn, chunk)

    with Losing(1) as pool:
        result = sweep(cells.product, {"x": range(9), "y": [1]}, executor=pool, progress=False)
    assert result.table["value"].tolist() == list(range(9))


# ---- killing and resuming ------------------------------------------------------------------------


def start(*arguments, **more):
    return subprocess.Popen([sys.executable, SCRIPT, *map(str, arguments)], **more)


def stored_cells(store):
    """Return the numbers of the cells in a store, read without the library."""
    lines = [line for path in store.glob("cells-*") for line in path.read_bytes().split(b"\n")]
    cells = set()
    for line in filter(None, lines):
        with contextlib.suppress(ValueError):  # half a line
            cells.add(json.loads(line.partition(b" ")[2])[0])
    return cells


def test_killed_at_random_and_resumed(threads, tmp_path):
    reference = tmp_path / "reference"
    reference.mkdir()
    expected = run_marked(None, reference, threads)
    store, marks = tmp_path / "store", tmp_path / "marks"
    marks.mkdir()
    rng = random.Random(0)
    kills, finished = 0, {}  # how often each stored cell had run
    for _ in range(4):
        process = start(store, marks)
        before = sum(counts(marks).values())
        while process.poll() is None and sum(counts(marks).values()) == before:
            time.sleep(0.005)  # until its workers are at it
        time.sleep(rng.uniform(0.0, 0.08))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        time.sleep(0.2)  # the workers follow their parent
        times = counts(marks)
        assert all(times[name] == n for name, n in finished.items())
        finished = {str(x): times[str(x)] for x in stored_cells(store)}
    assert kills >= 2 and 0 < len(finished) < 300
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a kill in the middle of a line is reported
        result = run_marked(store, marks, threads)
    pd.testing.assert_frame_equal(
        result.table.drop(columns="folder"), expected.table.drop(columns="folder")
    )
    assert result.arrays["trace"].tobytes() == expected.arrays["trace"].tobytes()
    assert result.n_cached == len(finished)
    times = counts(marks)
    assert times.keys() == {str(x) for x in range(300)}
    assert all(times[name] == n for name, n in finished.items())
    # Run twice were only cells cut off between their last line and the store's, one a worker.
    assert sum(times.values()) <= 300 + 2 * kills
    assert run_marked(store, marks, threads).n_cached == 300


def test_workers_end_with_a_killed_parent(tmp_path):
    psutil = pytest.importorskip("psutil")
    process = start("slow", tmp_path / "s", stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("s/cells-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert children
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_interrupt_stops_at_once_and_keeps_finished_cells(tmp_path):
    store = tmp_path / "s"
    process = start("slow", store, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not any(
        path.stat().st_size > 1 for path in store.glob("cells-*")
    ):
        time.sleep(0.01)
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert time.monotonic() - interrupted < 5
    assert "KeyboardInterrupt" in told and f"Finished cells are in {store}" in told
    assert "SpawnProcess" not in told  # no tracebacks from the workers
    lines = sum(
        bool(line) for path in store.glob("cells-*") for line in path.read_bytes().splitlines()
    )
    assert 1 <= lines < 900


def test_function_of_a_script():
    done = subprocess.run(
        [sys.executable, SCRIPT, "own", "-"], capture_output=True, text=True, check=True
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
    def run(function, grid, seed=None):
        return sweep(function, grid, seed=seed, store=tmp_path, executor=threads, progress=False)

    run(cells.product, {"x": [1, 2], "y": [3]})
    before = sorted(path.read_bytes() for path in tmp_path.iterdir())
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
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == before
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
            ("def f(x):\n    return x\n", True),
            ("def f(x):\n    return x + 1\n", False),
            ("N = 1\ndef f(x, n=N):\n    return x\n", False),
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
        (lambda x: x * scale, "depends on scale around it"),
        (Method().method, "allowed with a store: a plain function"),
        (eval("lambda x: x"), "whose source is not known"),
    ]:
        with pytest.raises(ValueError, match=words):
            sweep(function, {"x": [1]}, store=tmp_path, executor=threads, progress=False)
    with pytest.raises(ValueError, match=r"grid\['x'\] holds <object"):
        sweep(
            cells.with_default, {"x": [object()]}, store=tmp_path, executor=threads, progress=False
        )
    assert not any(tmp_path.iterdir())


def test_store_takes_dataclasses(threads, tmp_path):
    def rates(rule, x):
        return rule.theta_p_uM + x

    grid = [{"rule": ThresholdRule(), "x": np.arange(3)}]
    a = sweep(rates, grid, store=tmp_path, executor=threads, progress=False)
    b = sweep(rates, grid, store=tmp_path, executor=threads, progress=False)
    assert b.n_cached == 1 and np.array_equal(a.arrays["value"], b.arrays["value"])


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign", "garbage"])
def test_damaged_file_is_set_aside_and_its_cells_recomputed(threads, tmp_path, damage):
    store, marks = tmp_path / "s", tmp_path / "marks"
    marks.mkdir()
    first = run_marked(store, marks, threads)
    files = list(store.glob("cells-*.jsonl"))
    path = max(files, key=lambda p: p.stat().st_size)
    data = path.read_bytes()
    if damage == "flip":
        data = data[:500] + bytes([data[500] ^ 1]) + data[501:]
    elif damage == "cut":
        data = data[:-100]
    elif damage == "garbage":
        data = bytes(range(256)) * 3
    else:
        sweep(cells.product, GRID, executor=threads, store=tmp_path / "t", progress=False)
        data += next((tmp_path / "t").glob("cells-*.jsonl")).read_bytes()
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged") as told:
        again = run_marked(store, marks, threads)
    assert len(told) == 1
    same(first, again)
    assert (store / "damaged" / path.name).read_bytes() == data
    lost = 300 - again.n_cached
    assert lost == {"flip": 1, "cut": 1, "foreign": 0}.get(damage, lost)
    assert sum(counts(marks).values()) == 300 + lost
    assert run_marked(store, marks, threads).n_cached == 300  # and no warning any more


def test_damaged_study_file(threads, tmp_path):
    run = {"executor": threads, "store": tmp_path, "progress": False}
    sweep(cells.product, GRID, **run)
    (tmp_path / "study.json").write_bytes(b'{"format": \xff')
    with pytest.raises(ValueError, match=r"whose study.json is damaged"):
        sweep(cells.product, GRID, **run)
    assert list(tmp_path.glob("cells-*"))


def test_foreign_folder_and_file_are_refused(threads, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for store, words in [(tmp_path, "holds files but no"), (tmp_path / "notes.txt", "a file")]:
        with pytest.raises(ValueError, match=words):
            sweep(cells.product, GRID, executor=threads, store=store, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_unreadable_store(threads, tmp_path, monkeypatch):
    run = {"executor": threads, "store": tmp_path, "progress": False}
    sweep(cells.product, GRID, **run)

    def refuse(self):
        if self.name.startswith("cells"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return real(self)

    real = Path.read_bytes
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(PermissionError, match=r"cannot read .*: Permission denied. What is"):
            sweep(cells.product, GRID, **run)
    assert sweep(cells.product, GRID, **run).n_cached == 12


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads all")
def test_unreadable_folder_for_a_user(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    text = (
        "from heterolib.sweep import sweep; from tests import sweep_cells as c;"
        f"sweep(c.product, {{'x': [1], 'y': [1]}}, store={str(closed / 's')!r}, max_workers=1)"
    )
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*drop, sys.executable, "-c", text], cwd=HERE.parent, capture_output=True, text=True
    )
    closed.chmod(0o700)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr


def test_full_disk_keeps_what_is_there(threads, tmp_path):
    """The real thing, by a limit on file sizes: a write falls short, then fails."""
    store, marks = tmp_path / "s", tmp_path / "marks"
    marks.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match=r"sweep cannot write to .*File too large") as info:
            run_marked(store, marks, threads)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert info.value.errno == errno.EFBIG
    n = sum(len(path.read_bytes().split()) > 0 for path in store.glob("cells-*"))
    assert n >= 1
    before = sum(counts(marks).values())
    result = run_marked(store, marks, threads)  # and no warning: no half lines were left
    assert 20 < result.n_cached < 300
    assert before - result.n_cached <= 4  # what each of the chunks under way could not write
    assert len(counts(marks)) == 300


def test_full_disk_in_worker_processes(tmp_path):
    """A folder on a real full disk, where this machine lets us make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        marks = tmp_path / "marks"
        marks.mkdir()
        with pytest.raises(OSError, match=r"No space left on device. What is stored there stays"):
            run_marked(disk / "s", marks, None, max_workers=2)
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        with ThreadPoolExecutor(2) as pool:
            assert 20 < run_marked(disk / "s", marks, pool).n_cached < 300
        assert sum(counts(marks).values()) <= 300 + 2
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_full_disk_at_the_start(threads, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot use the folder .*No space left on device"):
        sweep(cells.product, GRID, executor=threads, store=tmp_path / "s", progress=False)
    assert not any((tmp_path / "s").iterdir())


def test_worker_that_does_not_see_the_folder(tmp_path, monkeypatch):
    """As on another machine: the parent writes what comes back."""
    store = tmp_path / "s"

    class Elsewhere(ThreadPoolExecutor):
        def submit(self, fn, chunk):
            from dataclasses import replace

            return super().submit(fn, replace(chunk, file=Path("/nowhere/at/all")))

    marks = tmp_path / "marks"
    marks.mkdir()
    with Elsewhere(2) as pool:
        first = run_marked(store, marks, pool)
        again = run_marked(store, marks, pool)
    same(first, again)
    assert again.n_cached == 300 and sum(counts(marks).values()) == 300


# ---- Dask and Jupyter ----------------------------------------------------------------------------


def test_dask(threads, tmp_path):
    distributed = pytest.importorskip("distributed")
    expected = sweep(cells.mixed, GRID, seed=7, executor=threads, progress=False)
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=tmp_path,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="a Dask client has one: get_executor"):
            sweep(cells.mixed, GRID, seed=7, executor=client)
        run = {"seed": 7, "executor": client.get_executor(), "max_workers": 2, "progress": False}
        same(expected, sweep(cells.mixed, GRID, **run))
        same(expected, sweep(cells.mixed, GRID, store=tmp_path / "s", **run))
        again = sweep(cells.mixed, GRID, store=tmp_path / "s", **run)
        same(expected, again)
        assert again.n_cached == 12
        grid = {"x": range(6), "bad": [3]}
        run = {"executor": client.get_executor(), "progress": False, "errors": "keep"}
        assert sweep(cells.bad_at, grid, **run).failures["x"].tolist() == [3]
        # A worker dies: Dask tries its chunk on another, which finds what is finished.
        marks = tmp_path / "marks"
        marks.mkdir()
        grid = {"x": range(12), "folder": [str(marks)], "times": [1], "victim": [7]}
        run = {"executor": client.get_executor(), "progress": False, "store": tmp_path / "t"}
        sweep(cells.deadly, grid, **run)
        assert counts(marks) == {"died": 1} | {str(x): 1 for x in range(12)}


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
        ({"grid": {}}, "without a parameter"),
        ({"grid": []}, "without a parameter"),
        ({"grid": "xy"}, "grid is 'xy'"),
        ({"grid": {"x": [1], "y": 3}}, r"grid\['y'\] is 3; allowed: a sequence"),
        ({"grid": {"x": [1], "y": "abc"}}, r"grid\['y'\] is 'abc'"),
        ({"grid": {"x": [1], "y": {1, 2}}}, r"grid\['y'\] is {1, 2}"),
        ({"grid": {"x": [1], "y": np.float64(3)}}, r"grid\['y'\] is"),
        ({"grid": {"x": [1], "y": []}}, r"grid\['y'\] is empty"),
        ({"grid": {"x": [1], 5: [1]}}, "grid names 5"),
        ({"grid": {"x": [1], "rng": [1]}}, "grid names 'rng'"),
        ({"grid": {"x": [1]}}, "missing a required argument: 'y'"),
        ({"grid": {"x": [1], "y": [1], "z": [1]}}, "'z'"),
        ({"grid": [{"x": 1, "y": 1}, {"x": 1}]}, r"grid\[1\] has the names \['x'\]"),
        ({"grid": [{"x": 1, "y": 1}, 3]}, r"grid\[1\] is 3"),
        ({"grid": {"x": range(10**4), "y": range(10**4)}}, "100000000 cells; allowed: at most"),
        ({"grid": {"x": [lambda: 0], "y": [1]}}, "grid holds a value that cannot be sent"),
        ({"executor": "pool"}, "executor is 'pool'"),
        ({"max_workers": 0}, r"max_workers is 0; allowed: a number in \[1"),
        ({"store": 3}, "store is 3"),
        ({"store": ""}, "store is ''"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"errors": "ignore"}, "errors is 'ignore'; allowed: 'raise', 'keep'"),
        ({"retries": -1}, "retries is -1"),
        ({"chunk": 0}, "chunk is 0"),
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
    name=st.sampled_from(["grid", "max_workers", "seed", "errors", "retries", "chunk", "progress"]),
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


def test_study_file_says_whose_it_is(threads, tmp_path):
    sweep(cells.product, GRID, executor=threads, store=tmp_path, progress=False)
    study = json.loads((tmp_path / "study.json").read_text())
    assert study["function"].endswith("sweep_cells.product") and study["grid"] == "x (3) x y (4)"
