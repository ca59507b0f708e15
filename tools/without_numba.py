"""Run chapters where numba cannot be imported: python tools/without_numba.py CHAPTER.ipynb ...

For each: the processor time with numba (its cache filled before) and without. A browser's Python
has no numba: what fails or takes long here does so there.
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 3600  # of a cell

# Code that makes numba and its compiler be missing, wherever it runs first.
HIDE = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone())
"""
# The last cell then: it was so to the end.
GONE = "import sys\nassert not {'numba', 'llvmlite'} & set(sys.modules)"


def execute(chapter: Path, *, hide: bool) -> float:
    """Run every cell of a notebook in its own folder; return the processor time in s.

    Raises CellExecutionError where a cell fails.
    """
    book = nbformat.read(chapter, as_version=4)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        if hide:
            # Python runs a module of this name when it starts.
            Path(folder, "sitecustomize.py").write_text(HIDE, encoding="utf-8")
            book.cells.append(nbformat.v4.new_code_cell(GONE))
            paths.insert(0, folder)
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        place = {"metadata": {"path": str(chapter.resolve().parent)}}
        client = NotebookClient(book, timeout=TIMEOUT_S, kernel_name="python3", resources=place)
        client.execute(env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", type=Path, nargs="+")
    failed = 0
    for chapter in parser.parse_args().chapter:
        execute(chapter, hide=False)  # to fill the cache
        try:
            without = f"{execute(chapter, hide=True):.1f} s"
        except CellExecutionError as error:
            without = f"it fails: {error.ename}: {error.evalue}"
            failed += 1
        print(f"{chapter.stem}: {execute(chapter, hide=False):.1f} s, without numba {without}")
        sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
