"""The page on the architecture says what the code is."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tools.book import ROOT

PAGE = (ROOT / "chapters" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "heterolib"


def file_of(module: str) -> Path | None:
    """The file of a module named as on the page, such as explore.page."""
    place = PACKAGE.joinpath(*module.split("."))
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


@cache
def imports(module: str) -> frozenset[str]:
    """What a module imports of the library, also within functions; packages by their own name."""
    found = set()
    for node in ast.walk(ast.parse(file_of(module).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("heterolib"):
            continue
        base = node.module.removeprefix("heterolib").removeprefix(".")
        for alias in node.names:
            inner = f"{base}.{alias.name}".removeprefix(".")
            found.add(inner if file_of(inner) else base)
    return frozenset(found)


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


LAYERS = [named(row[1]) for row in rows("Layers")]
LEVEL = {module: level for level, layer in enumerate(LAYERS) for module in layer}


def level_of(module: str) -> int | None:
    """The layer of a module; parts of a package that is named as a whole share its layer."""
    return LEVEL.get(module, LEVEL.get(module.split(".")[0]))


@pytest.mark.parametrize("module", LEVEL)
def test_every_module_of_the_table_exists_and_imports_only_upwards(module):
    assert file_of(module), module
    levels = {m: level_of(m) for m in imports(module)}
    wrong = {m for m, level in levels.items() if level is not None and level > LEVEL[module]}
    assert not wrong


def test_every_module_is_in_the_table():
    files = PACKAGE.rglob("*.py")
    names = [".".join(f.relative_to(PACKAGE).with_suffix("").parts) for f in files]
    modules = {n for n in names if n.split(".")[-1] != "__init__"}
    missing = {m for m in modules if level_of(m) is None} - {"sweep"}
    assert not missing, "name them in chapters/architecture.md"


def test_the_table_is_no_trivial_one():
    assert len(LAYERS) >= 5 and len(LEVEL) > 25
    # read downwards it would not hold: layers are not mere lists
    assert any(
        level_of(m) is not None and level_of(m) < LEVEL[k] for k in LEVEL for m in imports(k)
    )
    assert level_of("parameters.registry") == LEVEL["parameters"]


@pytest.mark.parametrize("row", rows("One kernel, three ways out"), ids=lambda row: row[0])
def test_the_front_ends_import_what_is_said(row):
    (module,), (wanted,) = named(row[0]), named(row[1])
    assert wanted in imports(module)


def test_the_catalogue_imports_the_kernels():
    assert "kernels" in imports("explore.catalogue")


def test_sweeps_know_nothing_of_synapses():
    assert imports("sweep") <= {"checks", ""}


def test_every_file_that_is_named_exists():
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    names = {n for n in named(prose) if "/" in n}
    assert len(names) > 8
    assert not [n for n in names if not (ROOT / n).exists()]
    in_flow = PAGE.split("```text")[1].split("```")[0]
    for word in ("parameters", "protocols", "spine", "branch", "soma", "kernels", "results"):
        assert re.search(rf"\b{word}\b", in_flow) and file_of(word)
