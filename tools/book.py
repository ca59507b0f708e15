"""Build the book strictly, tell whether a build is current, and show it on localhost.

python tools/book.py build | serve [--port 8000]
"""

import argparse
import functools
import hashlib
import http.server
import shutil
import subprocess
import sys
import threading
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
HTML = BUILD / "html"
STAMP = BUILD / "strict-build.sha256"
SOURCES = (
    *("_config.yml", "_toc.yml", "_ext", "_static", "chapters", "heterolib", "constraints.txt"),
    "benchmarks/results.json",
    "benchmarks/neocortex.json",
    "tests/data/glusynapse",  # drawn in chapter 11
)
# Every warning is an error, every unknown reference a warning; _config.yml forces execution.
RUN = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
COMMAND = [*RUN, "build", "-W", "-n", "--keep-going", str(ROOT)]


def source_digest() -> str:
    """Return one hash over everything the built pages depend on."""
    digest = hashlib.sha256()
    for top in SOURCES:
        path = ROOT / top
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            name = file.relative_to(ROOT)
            if file.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(name.parts):
                digest.update(name.as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current() -> bool:
    """Say whether the last strict build passed and nothing changed since."""
    return HTML.is_dir() and STAMP.is_file() and STAMP.read_text() == source_digest()


def build(**options) -> subprocess.CompletedProcess:
    """Build from nothing, so that no page of an earlier build is left; options go to run()."""
    for old in (HTML, BUILD / ".doctrees"):
        shutil.rmtree(old, ignore_errors=True)
    STAMP.unlink(missing_ok=True)
    digest = source_digest()
    done = subprocess.run(COMMAND, cwd=ROOT, **options)
    if done.returncode == 0:
        STAMP.write_text(digest)
    return done


def serve(port: int) -> None:
    """Serve the built book on this machine only, until interrupted."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(HTML))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        sys.exit(f"Port {port} cannot be used ({error.strerror}). Try: make serve PORT={port + 1}")
    address = f"http://127.0.0.1:{port}/"
    print(f"The book is at {address} (stop with Ctrl-C)", flush=True)
    threading.Timer(0.5, webbrowser.open, [address]).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["build", "serve"])
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.action == "serve":
        serve(arguments.port)
    elif code := build().returncode:
        sys.exit(code)
    else:
        print(f"\nThe book is built: {HTML / 'index.html'}\nTo read it: make serve")


if __name__ == "__main__":
    main()
