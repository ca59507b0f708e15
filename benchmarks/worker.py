"""One program under test, in a process of its own, driven line by line from `run.py`.

    python worker.py NAME SCRATCH

Each line on standard input is one order in JSON, each line on the old standard output its answer.
CPU time is user and system time of this process and of the children it has waited for.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


def cpu() -> float:
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + of_children.ru_utime + of_children.ru_stime


def main() -> None:
    # programs print; their words go to standard error
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, scratch = sys.argv[1], Path(sys.argv[2])
    scratch.mkdir(parents=True, exist_ok=True)
    start = cpu()
    peer = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "start":
                module = importlib.import_module(f"peers.{name}")
                peer = module.Peer(scratch)
                answer = {"cpu_s": cpu() - start, "versions": peer.versions()}
            elif order["do"] == "prepare":
                before = cpu()
                peer.prepare(order["problem"], order["rung"])
                answer = {"cpu_s": cpu() - before}
            elif order["do"] == "run":
                before = cpu()
                for _ in range(order["loops"]):
                    got = peer.run()
                spent = (cpu() - before) / order["loops"]
                answer = {
                    "cpu_s": spent,
                    "peak": [float(x) for x in got[0]],
                    "weight": [float(x) for x in got[1]],
                }
            elif order["do"] == "call":
                before, clock = cpu(), time.perf_counter()
                value = getattr(peer, order["name"])(*order["arguments"])
                wall = time.perf_counter() - clock
                answer = {"cpu_s": cpu() - before, "wall_s": wall, "value": value}
            else:
                raise ValueError(order["do"])
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
