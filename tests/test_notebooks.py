"""The chapters as they are kept in git: clean, valid, and every figure described."""

import re
import sys
from types import ModuleType

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from tools import notebook
from tools.book import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
REMEDY = "run: python tools/notebook.py strip chapters/*.ipynb"


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


def read(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_there_are_chapters():
    assert CHAPTERS


def test_format_is_valid_and_every_cell_has_an_id(chapter):
    content = read(chapter)
    nbformat.validate(content)
    assert (content.nbformat, content.nbformat_minor) >= (4, 5)
    names = [cell.id for cell in content.cells]
    assert len(set(names)) == len(names)


def test_kernel_is_plain_python(chapter):
    assert read(chapter).metadata.kernelspec.name == "python3"


def test_no_outputs_or_execution_counts(chapter):
    dirty = [c.id for c in code_cells(chapter) if c.outputs or c.execution_count is not None]
    assert not dirty, REMEDY


def test_file_is_in_its_clean_form(chapter):
    # Compared as a yes or no: a difference of two whole notebooks helps nobody.
    is_clean = chapter.read_text(encoding="utf-8") == notebook.stripped(chapter)
    assert is_clean, REMEDY


def test_every_figure_is_described(chapter):
    """A cell that draws is tagged "figure" and says in words what is to be seen.

    That no image on a built page lacks alternative text is checked in test_pages.
    """
    for cell in code_cells(chapter):
        image = cell.metadata.get("mystnb", {}).get("image", {})
        if "figure" in cell.metadata.get("tags", []) or image:
            assert len(image.get("alt", "").split()) >= 5, f"cell {cell.id} needs image.alt"


def test_stripping_removes_what_running_adds_and_keeps_the_rest():
    cells = [
        nbformat.v4.new_code_cell(
            "1 + 1",
            execution_count=3,
            outputs=[nbformat.v4.new_output("stream", text="2")],
            metadata={"tags": ["hide-input"], "execution": {"iopub.status.busy": "now"}},
        )
        for _ in range(2)
    ]
    used = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "my-env", "display_name": "x"}}
    )
    clean = notebook.clean(used)
    assert [c.metadata for c in clean.cells] == [{"tags": ["hide-input"]}] * 2
    assert [(c.outputs, c.execution_count) for c in clean.cells] == [([], None)] * 2
    assert clean.cells[0].id != clean.cells[1].id
    assert clean.metadata.kernelspec.name == "python3"
    assert notebook.text(notebook.clean(clean)) == notebook.text(clean)


def test_a_text_draft_becomes_a_clean_notebook(tmp_path):
    draft = tmp_path / "draft.md"
    draft.write_text(
        "---\nkernelspec: {name: python3, display_name: P}\n---\n# Title\n\n$x$\n\n"
        "```{code-cell} python3\n---\ntags: [figure]\nmystnb:\n  image:\n    alt: A line\n---\n"
        "x = 1\n```\n",
        encoding="utf-8",
    )
    target = tmp_path / "chapter.ipynb"
    notebook.convert(draft, target)
    text, code = read(target).cells
    assert text.source == "# Title\n\n$x$"
    assert code.source == "x = 1"
    assert code.metadata == {"mystnb": {"image": {"alt": "A line"}}, "tags": ["figure"]}
    assert target.read_text(encoding="utf-8") == notebook.stripped(target)


# ---- exercises -------------------------------------------------------------------------------

EXERCISE = re.compile(r"^(`{3,})\{exercise\}[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
HINT = re.compile(r"^`{3,}\{admonition\} (First|Second) hint\n:class: dropdown$", re.MULTILINE)
NUMBERED = [path for path in CHAPTERS if path.stem[:2].isdigit()]


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.stem)
def test_every_exercise_has_two_folded_hints_and_a_folded_solution(path):
    """The ladder: the question, two hints to unfold one by one, then the solution."""
    text = "\n\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    exercises = [(match[2], match.end()) for match in EXERCISE.finditer(text)]
    assert len(exercises) >= 3
    for body, end in exercises:
        label = re.search(r"^:label: (\S+)$", body, re.MULTILINE)[1]
        rungs = [m[1] for m in HINT.finditer(body)]
        assert rungs == ["First", "Second"], f"{label} has hints {rungs}"
        solution = re.search(
            rf"^`{{3,}}\{{solution(?:-start)?\}} {label}\n(.*?)^`{{3,}}", text, re.M | re.S
        )
        assert solution and solution.start() > end, f"{label} has no solution after it"
        assert ":class: dropdown" in solution[1], f"the solution of {label} is not folded"


# ---- on Google Colab -------------------------------------------------------------------------


def test_the_first_code_cell_brings_the_library_and_is_not_shown(chapter):
    first = code_cells(chapter)[0]
    assert first.source == notebook.setup_cell().source
    assert "remove-cell" in first.metadata.tags
    assert sum("setup" in c.metadata.get("tags", []) for c in code_cells(chapter)) == 1


class Shell:
    """Keeps what a cell asks of IPython instead of doing it."""

    def __init__(self):
        self.asked = []

    def system(self, line):
        self.asked.append(line)

    def run_line_magic(self, name, line):
        self.asked.append(f"%{name} {line}")


def run_setup():
    shell = Shell()
    source = TransformerManager().transform_cell(notebook.setup_cell().source)
    exec(compile(source, "cell", "exec"), {"get_ipython": lambda: shell})
    return shell.asked


def test_elsewhere_that_cell_does_nothing(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    assert run_setup() == []
    assert capsys.readouterr() == ("", "")


def test_on_colab_it_installs_the_repository_of_the_configuration(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    clone, install, go = run_setup()
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert clone.startswith("git clone") and config["repository"]["url"] in clone
    place = clone.split()[-1]
    assert install == f"%pip install --quiet {place}"
    assert go == f"%cd -q {place}/chapters"
    assert capsys.readouterr() == ("", "")


def test_a_stale_set_up_cell_is_replaced_and_other_notebooks_get_none(tmp_path):
    stale = nbformat.v4.new_code_cell("import old", metadata={"tags": ["setup"]})
    used = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A"), stale, nbformat.v4.new_code_cell("1")]
    )
    fresh = notebook.with_setup(used)
    assert [c.source for c in fresh.cells] == ["# A", notebook.setup_cell().source, "1"]
    assert [c.source for c in notebook.with_setup(fresh).cells] == [c.source for c in fresh.cells]
    path = tmp_path / "other.ipynb"
    nbformat.write(used, path)
    assert "google.colab" not in notebook.stripped(path)
