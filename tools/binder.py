"""Check the Binder path without Docker: python tools/binder.py dockerfile | install | all

dockerfile   what repo2docker would build from this repository: the right Python, our
             requirements, the warm-up, and the folder as it is
install      the same steps in an environment made from nothing, then JupyterLab for real: a
             chapter run, a slider moved, a trait read (tests/lab_drive.py)

Both make their environments under _build/binder; they need a network for the packages.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "_build" / "binder"
REPO2DOCKER = "jupyter-repo2docker>=2024.7"
# What the base image of Binder brings, and what the drive needs beside it.
IMAGE = ["jupyterlab>=4,<5", "notebook>=7,<8", "playwright>=1.45"]
CHAPTER = "chapters/05-two-spines.ipynb"


def environment(name: str, packages: list[str]) -> Path:
    """Return the bin folder of a fresh environment under _build/binder, with packages."""
    place = PLACE / name
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    if packages:
        install(place / "bin", packages)
    return place / "bin"


def install(folder: Path, arguments: list[str]) -> None:
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [folder / "python", "-m", "pip", "install", *quiet, *arguments], check=True, cwd=ROOT
    )


def dockerfile(program: str | Path) -> str:
    """Return the Dockerfile that repo2docker makes of this repository."""
    command = [str(program), "--no-build", "--debug", "--user-id", "1000", "--user-name", "jovyan"]
    done = subprocess.run([*command, "."], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"repo2docker failed:\n{done.stderr[-2000:]}")
    # --debug prints the file to the log, each line as it is
    return done.stdout + done.stderr


def plain(text: str) -> str:
    """Return file names as they are: repo2docker writes a dash and a code for a sign."""
    return re.sub(r"-(2d|2e|2f)", lambda found: chr(int(found[1], 16)), text)


def faults(text: str) -> list[str]:
    """Return what is missing in a Dockerfile, as a list of sentences."""
    wanted = (ROOT / "runtime.txt").read_text(encoding="utf-8").strip()
    version = re.fullmatch(r"python-(\d+\.\d+)", wanted)
    found = []
    if version is None:
        return [f"runtime.txt is {wanted!r}; a version such as python-3.11 was expected"]
    # the file that fixes the base environment, as repo2docker spells its name in the log
    if "environment.py-{}.{}-".format(*version[1].split(".")) not in plain(text):
        found.append(f"Python {version[1]} of runtime.txt is not what it installs")
    source = re.search(r"^COPY --chown=\S+ src/ ", text, re.MULTILINE)
    requirements = re.search(r'pip install .*-r "?requirements\.txt', text)
    warm_up = re.search(r"^RUN \./postBuild", text, re.MULTILINE)
    if source is None:
        found.append("the repository is not copied into the image")
    if requirements is None:
        found.append("requirements.txt is not installed")
    elif source and source.start() > requirements.start():
        found.append("requirements.txt says -e . but the repository is copied later")
    if warm_up is None:
        found.append("postBuild is not run")
    elif requirements and warm_up.start() < requirements.start():
        found.append("postBuild is run before anything is installed")
    if (ROOT / "binder").exists() or (ROOT / ".binder").exists():
        found.append("a folder binder/ hides requirements.txt, runtime.txt and postBuild")
    return found


def check_dockerfile() -> int:
    program = shutil.which("jupyter-repo2docker")
    if program is None:
        program = environment("repo2docker", [REPO2DOCKER]) / "jupyter-repo2docker"
    wrong = faults(dockerfile(program))
    print("\n".join(wrong) if wrong else "The Dockerfile is as it should be.")
    return len(wrong)


def check_install() -> int:
    folder = environment("run", [])
    install(folder, ["-r", "requirements.txt"])
    cache = PLACE / "numba"
    shutil.rmtree(cache, ignore_errors=True)
    names = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "NUMBA_CACHE_DIR": str(cache),
        "XDG_CACHE_HOME": str(PLACE / "cache"),
    }
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | names
    done = subprocess.run(["bash", "postBuild"], cwd=ROOT, env=env, capture_output=True, text=True)
    print(done.stdout, done.stderr, sep="", end="")
    warm = sum(1 for _ in cache.rglob("*.nbi"))
    print(f"postBuild left {warm} compiled kernels")
    if done.returncode or "did not run" in done.stdout or not warm:
        return 1
    install(folder, IMAGE)
    drive = [folder / "python", "tests/lab_drive.py", "--notebook", CHAPTER]
    return subprocess.run(drive, cwd=ROOT, env=env).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["dockerfile", "install", "all"])
    action = parser.parse_args().action
    wrong = 0
    if action in ("dockerfile", "all"):
        wrong += check_dockerfile()
    if action in ("install", "all"):
        wrong += check_install()
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
