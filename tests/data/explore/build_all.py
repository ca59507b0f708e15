"""Compile every kernel of a module of this folder; one line of JSON each, on standard output.

usage: build_all.py legal|refused, with the environment of heterolib.explore.wasm
"""

import base64
import importlib.util
import json
import sys
from pathlib import Path

from heterolib.explore import wasm

SIZES = (8, 24, 64)


def main(which: str) -> None:
    path = Path(__file__).with_name(f"{which}.py")
    spec = importlib.util.spec_from_file_location(which, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[which] = module
    spec.loader.exec_module(module)
    raw = []
    finish = wasm.finish
    wasm.finish = lambda code: (raw.append(code), finish(code))[1]
    for name, kernel in vars(module).items():
        made = getattr(kernel, "py_func", None)
        if made is None or made.__code__.co_varnames[:3] != ("p", "out", "work"):
            continue
        print(json.dumps({"name": name}), flush=True)  # whoever crashes is known
        try:
            built = wasm.build(kernel, SIZES)
        except Exception as error:
            found = {"error": type(error).__name__, "message": str(error)}
        else:
            found = {"data_end": built.data_end, "code": base64.b64encode(built.code).decode()}
            found["raw"] = base64.b64encode(raw[-1]).decode()
        print(json.dumps({"name": name, **found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
