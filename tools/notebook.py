"""Turn a MyST text notebook into a chapter, or strip an existing notebook.

python tools/notebook.py convert draft.md chapters/01-name.ipynb
python tools/notebook.py strip chapters/*.ipynb
python tools/notebook.py check chapters/*.ipynb

The result is deterministic: no outputs, no execution counts, only the metadata the book uses,
and cell ids that depend on the text of the cell alone. In a chapter the first code cell installs
the library on Google Colab; it stands here once, and its address in _config.yml.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CELL_METADATA = ("mystnb", "nbgrader", "tags")
NOTEBOOK_METADATA = ("mystnb",)
# "remove-cell" keeps it off the built page. The whole repository comes, for chapters read files.
SETUP_TAGS = ["remove-cell", "setup"]
SETUP = """\
# On Google Colab this brings the library; anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    !git clone --quiet --depth 1 {address} /content/heterolib
    %pip install --quiet /content/heterolib
    %cd -q /content/heterolib/chapters"""
KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook as it is kept in git."""
    seen: dict[str, int] = {}
    cells = []
    for cell in notebook.cells:
        source = cell.source.strip("\n")
        if not source:
            continue
        name = hashlib.sha256(f"{cell.cell_type}\n{source}".encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        kept = {
            "cell_type": cell.cell_type,
            "id": name if seen[name] == 1 else f"{name}-{seen[name]}",
            "metadata": {k: cell.metadata[k] for k in CELL_METADATA if cell.metadata.get(k)},
            "source": source,
        }
        if cell.cell_type == "code":
            kept |= {"execution_count": None, "outputs": []}
        elif cell.get("attachments"):
            kept["attachments"] = cell.attachments
        cells.append(kept)
    metadata = {k: notebook.metadata[k] for k in NOTEBOOK_METADATA if k in notebook.metadata}
    result = nbformat.from_dict(
        {"cells": cells, "metadata": metadata | KERNEL, "nbformat": 4, "nbformat_minor": 5}
    )
    nbformat.validate(result)
    return result


def setup_cell() -> NotebookNode:
    """Return the cell that brings the library to Google Colab."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    source = SETUP.format(address=config["repository"]["url"])
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(SETUP_TAGS)})


def with_setup(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook with that cell, as it is now, before its first code cell."""
    cells = [c for c in notebook.cells if "setup" not in c.metadata.get("tags", [])]
    code = [i for i, c in enumerate(cells) if c.cell_type == "code"]
    if code:
        cells.insert(code[0], setup_cell())
    return nbformat.from_dict({**notebook, "cells": cells})


def text(notebook: NotebookNode) -> str:
    """Return the notebook as the text of its file."""
    return nbformat.writes(notebook, ensure_ascii=False).rstrip("\n") + "\n"


def kept(notebook: NotebookNode, path: Path) -> str:
    """Return the text of a notebook that is kept at `path`; chapters get the set-up cell."""
    is_chapter = path.resolve().parent == ROOT / "chapters"
    return text(clean(with_setup(notebook) if is_chapter else notebook))


def convert(source: Path, target: Path) -> None:
    """Write the MyST text notebook `source` as the stripped notebook `target`."""
    import jupytext

    target.write_text(kept(jupytext.read(source, fmt="md:myst"), target), encoding="utf-8")


def stripped(path: Path) -> str:
    """Return the text that the notebook file ought to have."""
    return kept(nbformat.read(path, as_version=4), path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    action = actions.add_parser("convert", help="MyST .md notebook to .ipynb")
    action.add_argument("source", type=Path)
    action.add_argument("target", type=Path)
    for name, explanation in [
        ("strip", "rewrite notebooks in their clean form"),
        ("check", "only say which notebooks are not clean"),
    ]:
        action = actions.add_parser(name, help=explanation)
        action.add_argument("notebooks", type=Path, nargs="+")
    arguments = parser.parse_args()

    if arguments.action == "convert":
        convert(arguments.source, arguments.target)
        return 0
    dirty = [p for p in arguments.notebooks if p.read_text(encoding="utf-8") != stripped(p)]
    for path in dirty:
        if arguments.action == "strip":
            path.write_text(stripped(path), encoding="utf-8")
        print(f"{'stripped' if arguments.action == 'strip' else 'not clean'}: {path}")
    return int(arguments.action == "check" and bool(dirty))


if __name__ == "__main__":
    sys.exit(main())
