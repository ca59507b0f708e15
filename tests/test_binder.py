"""What Binder and other ways of running need: a Dockerfile, and the library without a compiler."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement

from tools import binder, without_numba
from tools.book import ROOT

# The lines that decide, as repo2docker 2026.4.0 writes them for this repository.
GOOD = """
COPY --chown=1000:1000 build_script_files/-2fconda-2fenvironment-2epy-2d3-2e11-2dlinux-2elock /tmp
COPY --chown=1000:1000 src/requirements.txt ${REPO_DIR}/requirements.txt
COPY --chown=1000:1000 src/ ${REPO_DIR}/
RUN ${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "requirements.txt"
RUN chmod +x postBuild
RUN ./postBuild
"""
LINES = GOOD.strip().splitlines()


def test_a_good_dockerfile_has_no_fault():
    assert binder.faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.replace("3-2e11", "3-2e10"), "Python 3.11"),
        (lambda t: t.replace(LINES[3], ""), "requirements.txt is not installed"),
        (lambda t: t.replace(LINES[2], ""), "not copied"),
        (lambda t: t.replace(LINES[5], ""), "postBuild is not run"),
        (lambda t: t.replace(LINES[2], "") + LINES[2], "copied later"),
        (lambda t: LINES[5] + "\n" + t, "before anything"),
    ],
)
def test_what_is_missing_is_said(change, fault):
    found = binder.faults(change(GOOD))
    assert any(fault in sentence for sentence in found), found


@pytest.mark.slow
def test_repo2docker_makes_a_good_dockerfile():
    program = shutil.which("jupyter-repo2docker")
    place = binder.PLACE / "repo2docker" / "bin" / "jupyter-repo2docker"
    if program is None and place.is_file():
        program = str(place)
    if program is None:
        pytest.skip(
            "repo2docker is kept out of this environment: python tools/binder.py dockerfile"
        )
    assert binder.faults(binder.dockerfile(program)) == []


def test_the_files_of_binder_lie_at_the_top_and_can_be_run():
    assert os.access(ROOT / "postBuild", os.X_OK)
    assert not (ROOT / "binder").exists() and not (ROOT / ".binder").exists()
    wanted = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in wanted if line and not line.startswith("#")] == ["-e ."]


def test_launch_buttons_lead_to_lab_and_colab():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    buttons = config["launch_buttons"]
    assert buttons["notebook_interface"] == "jupyterlab"
    assert buttons["binderhub_url"] == "https://mybinder.org"
    assert buttons["colab_url"] == "https://colab.research.google.com"


@pytest.mark.book
def test_launch_buttons_on_the_page(built_book):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    owner = config["repository"]["url"].removeprefix("https://github.com/")
    page = (built_book / "chapters/05-two-spines.html").read_text(encoding="utf-8")
    file = "chapters/05-two-spines.ipynb"
    assert f"https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/{file}" in page
    assert f"https://colab.research.google.com/github/{owner}/blob/main/{file}" in page


# ---- without the compiler --------------------------------------------------------------------

SMALL = """
from heterolib import Branch, Spine, ThresholdRule, protocols, simulate, simulate_spine
branch, rule = Branch([25.125, 25.875]), ThresholdRule()
for scheme in ("published", "converged"):
    run = simulate(branch, [[1.0, 5.0], []], rule, 12.0, scheme=scheme, record="final")
    print(scheme, *(f"{w:.9f}" for w in run.final_weights))
run = simulate_spine(Spine(), protocols.burst(3, 2.0), rule, 20.0)
print(f"{run.peak_uM[0]:.9f} {run.final_weights[0]:.9f}")
print(f"{rule.after(0.003, 500.0, 0.5):.9f}")
"""


def said(code: str, **variables: str) -> list[str]:
    env = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=Path(ROOT)
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def compiled():
    return said(SMALL)


def test_the_library_gives_the_same_with_the_compiler_switched_off(compiled):
    assert len(compiled) == 4
    assert said(SMALL, NUMBA_DISABLE_JIT="1") == compiled


def test_the_library_gives_the_same_where_there_is_no_numba(compiled):
    words = said(without_numba.HIDE + SMALL + "print('numba' in sys.modules)\n")
    assert words == [*compiled, "False"]


def test_explorers_run_where_there_is_no_numba():
    code = "from heterolib import explore\ne = explore.EXPLORERS['calcium-decides']\n"
    code += "print(e.summary(e.run()))"
    assert said(without_numba.HIDE + code) == said(code)


def test_every_module_can_be_imported_where_there_is_no_numba():
    code = """
import importlib, pkgutil, heterolib
for module in pkgutil.walk_packages(heterolib.__path__, "heterolib."):
    print(importlib.import_module(module.name).__name__)
"""
    names = said(without_numba.HIDE + code)
    assert names == said(code) and "heterolib.explore.wasm" in names


def test_a_chapter_runs_where_there_is_no_numba():
    """With its assertions on the numbers of the text."""
    without_numba.execute(ROOT / "chapters/01-calcium-decides.ipynb", hide=True)


@pytest.mark.parametrize("name", ["numba", "llvmlite.binding"])
def test_a_chapter_that_needs_numba_is_found_out(tmp_path, name):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"import {name}")])
    nbformat.write(book, tmp_path / "a.ipynb")
    without_numba.execute(tmp_path / "a.ipynb", hide=False)
    with pytest.raises(CellExecutionError, match=f"No module named '{name.split('.')[0]}'"):
        without_numba.execute(tmp_path / "a.ipynb", hide=True)


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [("linux", True), ("darwin", True), ("win32", True), ("emscripten", False)],
)
def test_numba_is_asked_for_but_in_a_browser(platform, wanted):
    """Whoever installs the library gets it, where there is one to get."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [Requirement(text) for text in project["dependencies"]]
    names = {
        r.name for r in needed if not r.marker or r.marker.evaluate({"sys_platform": platform})
    }
    assert ("numba" in names) == wanted and "numpy" in names
