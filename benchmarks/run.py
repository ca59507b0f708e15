"""Heterolib beside NEURON, Brian2, Arbor, Jaxley and SciPy, at equal accuracy, in one run.

    python benchmarks/run.py            everything; writes benchmarks/results.json
    python benchmarks/run.py --quick    P1 alone, one round; writes .work/quick.json
    python benchmarks/run.py --resume   go on with the problems that are not done yet

What is measured is said in README.md. Every program runs in a process of its own, in an
environment of its own, made here. All of them are alive at once and take turns.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import math
import os
import platform
import queue
import re
import statistics
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORK, ENVIRONMENTS, RESULTS = HERE / ".work", HERE / ".envs", HERE / "results.json"
sys.path.insert(0, str(HERE))

import problems  # noqa: E402

# name: label, environment ("" is that of this program)
PEERS = {
    "heterolib_auto": ("Heterolib, reduced engine", ""),
    "heterolib_grid": ("Heterolib, Crank-Nicolson grid", ""),
    "scipy_lsoda": ("SciPy, LSODA banded", ""),
    "neuron_watch": ("NEURON, CVODE with WATCH", "neuron"),
    "neuron_cvode": ("NEURON, CVODE", "neuron"),
    "jaxley_cn": ("Jaxley, Crank-Nicolson", "jaxley"),
    "brian2_cpp": ("Brian2, C++ standalone", "brian2"),
    "arbor_fixed": ("Arbor", "arbor"),
}
SWEEPERS = {"heterolib_auto": "", "numpy_superposition": ""}  # these do all of P3
LABELS = {name: label for name, (label, _) in PEERS.items()} | {
    "numpy_superposition": "NumPy, superposition",
    "neuron_fixed": "NEURON, fixed step",
}
SAME_STEP = {
    "heterolib_grid": "",
    "jaxley_cn": "jaxley",
    "brian2_cpp": "brian2",
    "arbor_fixed": "arbor",
    "neuron_fixed": "neuron",
}
OURS = "heterolib_auto"
STEP_MS = 0.1  # of the comparison at equal steps
ENOUGH_S = 0.2  # shorter runs are looped until they take this long
PATIENCE_S = 3600.0  # for one answer, on a busy machine
ONE_THREAD = {
    **{f"{x}_NUM_THREADS": "1" for x in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")},
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


class Failed(Exception):
    """A program could not do what was asked; the message says why, in one line."""


def plain(message: str) -> str:
    """A message without directories."""
    return re.sub(r"(?:/[\w.+=@-]+)+/", "", " ".join(str(message).split()))[:300]


# ---- environments --------------------------------------------------------------------------------


def environment(name: str) -> Path:
    """The interpreter of an environment, made and filled if it is not there."""
    if not name:
        return Path(sys.executable)
    home, wanted = ENVIRONMENTS / name, HERE / f"requirements-{name}.txt"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    if stamp.is_file() and stamp.read_text() == wanted.read_text():
        return python
    say(f"installing {name} ...")
    if not python.is_file():
        venv.create(home, with_pip=True)
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "-q", "-r", wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        (WORK / f"pip-{name}.log").write_text(done.stdout + done.stderr)
        raise Failed(f"could not be installed; see pip-{name}.log")
    stamp.write_text(wanted.read_text())
    return python


class Worker:
    """A program under test and the two pipes to it."""

    def __init__(self, name: str, environment_name: str) -> None:
        self.name = name
        python = environment(environment_name)
        self.scratch = WORK / "scratch" / name
        self.log = (WORK / f"{name}.log").open("a")
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            [python, HERE / "worker.py", name, self.scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
            cwd=WORK,
            env={**os.environ, **ONE_THREAD, "PATH": path},
        )
        self.answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put("")

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
            line = self.answers.get(timeout=PATIENCE_S)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self.close()
            raise Failed(f"no answer within {PATIENCE_S:g} s") from None
        if not line:
            raise Failed(f"its process ended; see {self.name}.log")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(plain(answer["error"]))
        return answer

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


class Team:
    """The workers, started when first needed; one that failed stays out of the way."""

    def __init__(self, report: dict[str, Any], partial: Path) -> None:
        self.report, self.partial = report, partial
        self.workers: dict[str, Worker] = {}

    def __getitem__(self, name: str) -> Worker:
        worker = self.workers.get(name)
        if worker is not None and worker.process.poll() is None:
            return worker
        start = {**{k: e for k, (_, e) in PEERS.items()}, **SWEEPERS, **SAME_STEP}[name]
        worker = self.workers[name] = Worker(name, start)
        answer = worker.ask("start")
        self.report["versions"].update(answer["versions"])
        self.report["start_cpu_s"][name] = round(answer["cpu_s"], 3)
        return worker

    def picked(self, problem: str) -> dict[str, Any]:
        """Settings found so far for a problem, by program; kept when a run is broken off."""
        return self.report.setdefault("picked", {}).setdefault(problem, {})

    def save(self) -> None:
        self.partial.write_text(json.dumps(self.report, indent=1))

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


# ---- measuring -----------------------------------------------------------------------------------


def ladder(name: str) -> tuple[list[dict[str, float]], str]:
    """LADDER and KIND of a peer, read without importing the program it drives."""
    source = (HERE / "peers" / f"{name}.py").read_text()
    found: dict[str, Any] = {}
    for key in ("LADDER", "KIND"):
        match = re.search(rf"^{key} = (.*?)\n(?=\S)(?!\])", source + "\n#", re.S | re.M)
        assert match, (name, key)
        found[key] = eval(match[1], {}, {})
    return found["LADDER"], found["KIND"]


def rounded(x: float) -> float:
    return float(f"{x:.4g}")


def pick(worker: Worker, problem: str, want: Any) -> dict[str, Any]:
    """The coarsest setting that meets the target together with the next finer one.

    One setting can be lucky; two in a row are taken at their word. The last of the ladder has no
    next one.
    """
    rungs, kind = ladder(worker.name)
    tried: list[dict[str, Any]] = []
    for rung in rungs:
        prepare = worker.ask("prepare", problem=problem, rung=rung)["cpu_s"]
        answer = worker.ask("run", loops=1)
        if answer["cpu_s"] < ENOUGH_S:  # warm by now; longer runs need no second
            answer = worker.ask("run", loops=1)
        error = problems.errors((answer["peak"], answer["weight"]), want)
        ok = all(math.isfinite(e) and e <= problems.TARGET for e in error)
        tried.append(
            {
                "rung": rung,
                "peak_error": rounded(error[0]),
                "weight_error": rounded(error[1]),
                "cpu_s": rounded(answer["cpu_s"]),
                "prepare_cpu_s": rounded(prepare),
                "ok": ok,
            }
        )
        say(f"  {problem} {worker.name} {rung} {error[0]:.1e} {error[1]:.1e}")
        if ok and len(tried) > 1 and tried[-2]["ok"]:
            break
    runs_of_ok = [k for k in range(len(tried)) if all(t["ok"] for t in tried[k : k + 2])]
    if not runs_of_ok:
        best = min(tried, key=lambda t: max(t["peak_error"], t["weight_error"]))
        worst = max(best["peak_error"], best["weight_error"])
        reason = f"no setting met {problems.TARGET:g}; the best came to {worst:.2g}"
        return {"status": "missed", "reason": reason, "kind": kind, "ladder": tried}
    chosen = tried[runs_of_ok[0]]
    return {
        "status": "ok",
        "kind": kind,
        "rung": chosen["rung"],
        "peak_error": chosen["peak_error"],
        "weight_error": chosen["weight_error"],
        "prepare_cpu_s": chosen["prepare_cpu_s"],
        "ladder": tried,
        "expected_s": chosen["cpu_s"],
    }


def take_turns(
    team: Team, cells: dict[str, dict[str, Any]], problem: str, rounds: int
) -> dict[str, list[float]]:
    """Every program that met the target prepares, then all run in turn, round after round."""
    times: dict[str, list[float]] = {}

    def attempt(name: str, do: str, **order: Any) -> dict[str, Any] | None:
        try:
            return team[name].ask(do, **order)
        except Failed as error:
            cells[name] = {"status": "failed", "reason": str(error)}
            times.pop(name, None)
            return None

    for name in [n for n, c in cells.items() if c["status"] == "ok"]:
        if attempt(name, "prepare", problem=problem, rung=cells[name]["rung"]):
            times[name] = []
            if cells[name]["expected_s"] < ENOUGH_S:
                attempt(name, "run", loops=1)
    for k in range(rounds):
        for name in list(times):
            loops = max(1, math.ceil(ENOUGH_S / max(cells[name]["expected_s"], 1e-6)))
            answer = attempt(name, "run", loops=loops)
            if answer:
                times[name].append(answer["cpu_s"])
                cells[name]["loops"] = loops
        say(f"  {problem} round {k + 1} of {rounds}")
    return times


def summary(times: list[float]) -> dict[str, Any]:
    return {
        "cpu_s": rounded(statistics.median(times)),
        "low_cpu_s": rounded(min(times)),
        "high_cpu_s": rounded(max(times)),
        "rounds": len(times),
    }


def compare(team: Team, problem: str, rounds: int) -> dict[str, Any]:
    """One problem, all programs."""
    want = problems.exact(problems.named(problem))
    cells: dict[str, dict[str, Any]] = {}
    for name in PEERS:
        found = team.picked(problem)
        try:
            if name not in found:
                found[name] = pick(team[name], problem, want)
                team.save()
            cells[name] = dict(found[name])
        except Failed as error:
            cells[name] = {"status": "failed", "reason": str(error)}
            say(f"  {problem} {name}: {error}")
    load = os.getloadavg()[0]
    times = take_turns(team, cells, problem, rounds)
    for name, values in times.items():
        cells[name].update(summary(values))
        cells[name].pop("expected_s")
    mine = cells[OURS].get("cpu_s")
    for cell in cells.values():
        if mine and "cpu_s" in cell:
            cell["ratio"] = rounded(cell["cpu_s"] / mine)
    p = problems.named(problem)
    out = {
        "simulated_ms": p.duration,
        "compartments": p.n,
        "spines": len(p.spines),
        "load_average": [round(load, 2), round(os.getloadavg()[0], 2)],
        "reference": {
            "peak_uM": [float(x) for x in want[0]],
            "weight": [float(x) for x in want[1]],
        },
        "programs": cells,
    }
    if cells[OURS]["status"] == "ok":
        out["ours"] = team[OURS].ask("call", name="count", arguments=["run"])["value"]
    return out


def sweep_p3(team: Team, rounds: int) -> dict[str, Any]:
    """All of P3: whole where a program can, one run of 5000 where it cannot."""
    share_one = compare(team, "P3", rounds)
    runs = problems.DELAYS.size * problems.DISTANCES.size
    cells = {}
    for name, cell in share_one["programs"].items():
        cells[name] = dict(cell)
        if "cpu_s" in cell:
            for key in ("cpu_s", "low_cpu_s", "high_cpu_s"):
                cells[name][key] = rounded(cell[key] * runs)
            cells[name]["share_run"] = 1.0 / runs
        cells[name].pop("ratio", None)
        cells[name].pop("loops", None)
    want = {
        f"{i},{j}": problems.exact(
            problems.p3(float(problems.DELAYS[j]), float(problems.DISTANCES[i]))
        )
        for i, j in problems.P3_CHECKED
    }
    chosen: dict[str, dict[str, Any]] = {}
    for name in SWEEPERS:
        tried = []
        try:
            rungs, kind = ladder(name)
            for rung in rungs:
                got = team[name].ask("call", name="sweep", arguments=[rung])["value"]
                error = [
                    max(e)
                    for e in zip(
                        *(problems.errors(got[key], want[key]) for key in want), strict=True
                    )
                ]
                ok = max(error) <= problems.TARGET
                tried.append(
                    {
                        "rung": rung,
                        "peak_error": rounded(error[0]),
                        "weight_error": rounded(error[1]),
                        "ok": ok,
                    }
                )
                if ok and len(tried) > 1 and tried[-2]["ok"]:
                    break
            first = next(k for k in range(len(tried)) if all(t["ok"] for t in tried[k : k + 2]))
            chosen[name] = {**tried[first], "kind": kind, "ladder": tried}
        except Failed as error:
            cells[name] = {"status": "failed", "reason": str(error)}
        except StopIteration:
            cells[name] = {"status": "missed", "reason": "no setting met the target"}
    times: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, entry in chosen.items():
            answer = team[name].ask("call", name="sweep", arguments=[entry["rung"]])
            times[name].append(answer["cpu_s"])
    for name, entry in chosen.items():
        entry.pop("ok")
        cells[name] = {"status": "ok", **entry, **summary(times[name]), "share_run": 1.0}
    mine = cells[OURS].get("cpu_s")
    for cell in cells.values():
        if mine and "cpu_s" in cell:
            cell["ratio"] = rounded(cell["cpu_s"] / mine)
    out = {
        "runs": runs,
        "checked": [
            [float(problems.DISTANCES[i]), float(problems.DELAYS[j])]
            for i, j in problems.P3_CHECKED
        ],
        "load_average": share_one["load_average"],
        "reference": share_one["reference"],
        "simulated_ms": share_one["simulated_ms"],
        "compartments": share_one["compartments"],
        "spines": share_one["spines"],
        "one_run": {
            name: {k: cell[k] for k in ("cpu_s", "low_cpu_s", "high_cpu_s")}
            for name, cell in share_one["programs"].items()
            if "cpu_s" in cell
        },
        "programs": cells,
    }
    if cells[OURS]["status"] == "ok":
        worker = team[OURS]
        worker.ask("prepare", problem="P3", rung=cells[OURS]["rung"])
        out["ours"] = worker.ask("call", name="count", arguments=["P3"])["value"]
    return out


def same_step(team: Team, rounds: int) -> dict[str, Any]:
    """P1 at one step for all that have a step: how quick the code is, and what the step costs."""
    problem = "P1 D=220"
    want = problems.exact(problems.named(problem))
    cells: dict[str, dict[str, Any]] = {}
    for name in SAME_STEP:
        try:
            worker = team[name]
            rung = {"step_ms": STEP_MS}
            worker.ask("prepare", problem=problem, rung=rung)
            answer = worker.ask("run", loops=1)
            error = problems.errors((answer["peak"], answer["weight"]), want)
            cells[name] = {
                "status": "ok",
                "rung": rung,
                "peak_error": rounded(error[0]),
                "weight_error": rounded(error[1]),
                "expected_s": answer["cpu_s"],
            }
        except Failed as error:
            cells[name] = {"status": "failed", "reason": str(error)}
    for name, values in take_turns(team, cells, problem, rounds).items():
        cells[name].update(summary(values))
        cells[name].pop("expected_s")
    return {"step_ms": STEP_MS, "problem": problem, "programs": cells}


def studies(team: Team, rounds: int) -> dict[str, Any]:
    """The two studies of the book that have a time to keep."""
    out = {}
    for key, name, times in (
        ("figure 4A", "sign_map", rounds),
        ("figure 3", "cluster_study", 1),
    ):
        try:
            team[OURS].ask("call", name="sign_map", arguments=[])  # warm
            answers = [team[OURS].ask("call", name=name, arguments=[]) for _ in range(times)]
            out[key] = {
                **summary([a["cpu_s"] for a in answers]),
                "wall_s": rounded(statistics.median(a["wall_s"] for a in answers)),
                "processes": 1 if key == "figure 4A" else 2,
                "ours": team[OURS].ask("call", name="count", arguments=[key])["value"],
            }
        except Failed as error:
            out[key] = {"status": "failed", "reason": str(error)}
        say(f"  {key}: {out[key]}")
    return out


def ceilings(team: Team, rounds: int) -> dict[str, float]:
    measured = [
        team[OURS].ask("call", name="ceilings", arguments=[])["value"] for _ in range(rounds)
    ]
    return {k: rounded(statistics.median(m[k] for m in measured)) for k in measured[0]}


def padding() -> dict[str, Any]:
    """Arbor's padding lanes: see padding_lanes.py."""
    try:
        python = environment("arbor")
    except Failed as error:
        return {"status": "failed", "reason": str(error)}
    command = [python, HERE / "padding_lanes.py", WORK / "scratch" / "padding"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, **ONE_THREAD, "PATH": path, "PYTHONPATH": str(HERE)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        (WORK / "padding.log").write_text(done.stdout + done.stderr)
        return {"status": "failed", "reason": "padding_lanes.py failed; see padding.log"}
    return {"status": "ok", **json.loads(done.stdout.splitlines()[-1])}


def check_reference() -> dict[str, float]:
    """The exact solution of P1 against LSODA at 1e-10: largest differences."""
    spec = importlib.util.spec_from_file_location("lsoda", HERE / "peers" / "scipy_lsoda.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    peer = module.Peer(None)
    peer.prepare("P1 D=220", {"rtol": 1e-10, "sample_ms": 0.005})
    error = problems.errors(peer.run(), problems.exact(problems.named("P1 D=220")))
    return {"peak": rounded(error[0]), "weight": rounded(error[1])}


# ---- the whole -----------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    model = platform.processor() or "unknown"
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = re.findall(r"^model name\s*:\s*(.*)$", info.read_text(), re.M)
        model = names[0] if names else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="P1 alone, one round")
    parser.add_argument("--resume", action="store_true", help="keep the parts that are done")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    target = WORK / "quick.json" if options.quick else RESULTS
    partial = WORK / ("quick-partial.json" if options.quick else "partial.json")
    report: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "target": problems.TARGET,
        "machine": machine(),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "labels": LABELS,
        "ours": OURS,
        "versions": {},
        "start_cpu_s": {},
        "parts": {},
    }
    if options.resume and partial.is_file():
        report = json.loads(partial.read_text())
    rounds = 1 if options.quick else options.rounds
    team = Team(report, partial)
    parts = {
        "reference_check": check_reference,
        "ceilings": lambda: ceilings(team, rounds),
        "P1 D=220": lambda: compare(team, "P1 D=220", rounds),
        "same step": lambda: same_step(team, rounds),
        "P1 D=20": lambda: compare(team, "P1 D=20", rounds),
        "P3": lambda: sweep_p3(team, rounds),
        "studies": lambda: studies(team, rounds),
        "padding_lanes": padding,
        "P2": lambda: compare(team, "P2", max(rounds - 2, 1)),
    }
    if options.quick:
        parts = {key: parts[key] for key in ("reference_check", "P1 D=220")}
    try:
        for key, part in parts.items():
            if key in report["parts"]:
                continue
            say(key)
            report["parts"][key] = part()
            report.get("picked", {}).pop(key, None)
            team.save()
    finally:
        team.close()
    report.pop("picked", None)
    report["load_average"] = report["load_average"][:3] + [round(x, 2) for x in os.getloadavg()]
    target.write_text(json.dumps(report, indent=1) + "\n")
    say(f"wrote {target.name}")
    failed = [
        f"{part}: {name}: {cell['reason']}"
        for part, content in report["parts"].items()
        if isinstance(content, dict)
        for name, cell in content.get("programs", {}).items()
        if cell["status"] == "failed"
    ]
    for line in failed:
        say(f"failed  {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
