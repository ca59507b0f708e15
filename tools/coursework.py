"""Make the problem sets of a course, and grade what students hand in.

python tools/coursework.py make neuro101 [--roster students.txt] [--otter]
python tools/coursework.py grade neuro101

`make` writes into _build/coursework/neuro101:

    students/     one notebook per problem set, to hand out
    instructor/   the same with solutions, outputs and marking notes; with a roster, answers.csv
    nbgrader/     a course folder for nbgrader: source, release, gradebook; hand-ins go to
                  submitted/STUDENT/PROBLEM-SET/PROBLEM-SET.ipynb
    otter/        with --otter, the notebook of each set and its tests as files for otter-grader

`grade` runs every hand-in and writes grades.csv. One that cannot be run is named with the reason,
stays where it is, and does not keep the others from being graded.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import csv
import io
import logging
import os
import pprint
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "coursework"
BUILD = ROOT / "_build" / "coursework"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
STUDENT_LINE = 'STUDENT = ""'
EXAMPLE_STUDENT = "instructor"
MARKING = "marking"  # the tag of cells for the instructor only
SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
TIMEOUT_S = 120
CONFIG = """# Written by tools/coursework.py. Run nbgrader in this folder.
c = get_config()
c.CourseDirectory.course_id = {course!r}
c.ClearSolutions.code_stub = {{"python": "# YOUR CODE HERE\\nraise NotImplementedError()"}}
c.ExecutePreprocessor.timeout = {timeout}  # seconds for one cell
c.ExecutePreprocessor.interrupt_on_timeout = True
"""
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


class Refused(Exception):
    """Something that the person at the keyboard can put right."""


# -- the sources -------------------------------------------------------------------------------


def sources() -> list[Path]:
    """The problem sets in their order."""
    return sorted(SOURCE.glob("*.ipynb"))


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def is_marking(cell: NotebookNode) -> bool:
    return MARKING in cell.metadata.get("tags", [])


def regions(text: str, marks: tuple[str, str]) -> list[list[str]]:
    """The stretches of lines between two marks."""
    found: list[list[str]] = []
    inside: list[str] | None = None
    for line in text.splitlines():
        if line.strip() == marks[0]:
            inside = []
        elif line.strip() == marks[1]:
            found.append(inside or [])
            inside = None
        elif inside is not None:
            inside.append(line)
    return found


def without(text: str, marks: tuple[str, str], stub: str = "") -> str:
    """The text with each marked stretch replaced by a stub at the same depth."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == marks[0]:
            inside = True
            depth = line[: len(line) - len(line.lstrip())]
            lines += [depth + part for part in stub.splitlines()]
        elif line.strip() == marks[1]:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def with_student(notebook: NotebookNode, student: str) -> NotebookNode:
    """A copy in which the student's id stands in its cell."""
    result = copy.deepcopy(notebook)
    cells = [c for c in result.cells if c.cell_type == "code" and c.source.startswith(STUDENT_LINE)]
    if len(cells) != 1:
        raise Refused(f"{len(cells)} cells begin with {STUDENT_LINE}; there should be one")
    cells[0].source = cells[0].source.replace(STUDENT_LINE, f"STUDENT = {student!r}", 1)
    return result


@dataclass
class Mark:
    """One test cell: what it is worth, and the error that it met, if any."""

    name: str
    points: float
    error: str = ""


def run(notebook: NotebookNode, *, stubs: bool = False, tests: NotebookNode | None = None):
    """Run the code cells in this process; return the marks and the last namespace.

    As in nbgrader, an error in one cell does not keep the next from being run. With `stubs` the
    solutions are left out. With `tests`, locked cells are taken from there, after all answers.
    """
    space: dict[str, object] = {"__name__": "__main__"}
    marks: list[Mark] = []
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    if tests is not None:
        answers = [c for c in cells if not c.metadata.get("nbgrader", {}).get("grade")]
        cells = [c for c in answers if not is_marking(c)] + [
            c
            for c in tests.cells
            if c.cell_type == "code"
            and (c.source.startswith("STUDENT = ") or c.metadata.get("nbgrader", {}).get("locked"))
        ]
    for cell in cells:
        text = without(cell.source, SOLUTION, STUB) if stubs else cell.source
        if stubs and is_marking(cell):
            continue
        error = ""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, cell.id, "exec"), space)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade"):
            marks.append(Mark(about["grade_id"], about["points"], error))
        elif error and not stubs:
            marks.append(Mark(cell.id, 0, error))
    return marks, space


# -- the same tests for otter-grader ------------------------------------------------------------


def doctested(source: str) -> str:
    """Statements as a doctest that passes if none of them raises."""
    lines, out = source.splitlines(), []
    for statement in ast.parse(source).body:
        part = lines[statement.lineno - 1 : statement.end_lineno]
        if isinstance(statement, ast.Expr):  # what it shows would count as unexpected
            part[0] = f"_ = {part[0]}"
        out += [f">>> {part[0]}", *(f"... {line}".rstrip() for line in part[1:])]
    return "\n".join(out)


def otter_tests(source: NotebookNode) -> dict[str, str]:
    """One test file for each test cell, by name, in the format that otter calls OK.

    A file has a case that the student may see, worth nothing, and a hidden one with all the
    points: as in nbgrader, a task counts as a whole. Otter tests after the last cell, and its
    cases share no names, so the hidden one begins with the locked cells above it. That also
    makes the student's numbers anew.
    """
    given: list[str] = []
    files = {}
    for cell in source.cells:
        about = cell.metadata.get("nbgrader", {})
        if not about.get("grade"):
            given += [cell.source] if about.get("locked") else []
            continue
        visible = {"code": doctested(without(cell.source, HIDDEN)), "hidden": False, "points": 0}
        whole = doctested("\n".join([*given, cell.source]))
        cases = [visible, {"code": whole, "hidden": True, "points": about["points"]}]
        suite = {"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        test = {"name": about["grade_id"], "points": None, "suites": [suite]}
        text = pprint.pformat(test, sort_dicts=False, width=100)
        files[f"{about['grade_id']}.py"] = f"OK_FORMAT = True\n\ntest = {text}\n"
    return files


# -- making a course ---------------------------------------------------------------------------


def named(kind: str, name: str) -> str:
    if not NAME.fullmatch(name):
        raise Refused(f"{kind} is {name!r}; allowed: letters, digits, '.', '-' and '_'")
    return name


def roster(path: Path | None) -> list[str]:
    """Student ids, one a line; a comma ends the id, # begins a remark."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Refused(f"the roster cannot be read: {error}") from error
    ids = [line.split("#")[0].split(",")[0].strip() for line in lines]
    ids = [named("a student's id", i) for i in ids if i]
    twice = sorted({i for i in ids if [j.casefold() for j in ids].count(i.casefold()) > 1})
    if twice:
        raise Refused(f"the roster names {', '.join(twice)} more than once")
    return ids


def environment() -> dict[str, str]:
    """For subprocesses: the environment's programs first, and heterolib importable."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": os.pathsep.join(p for p in paths if p),
    }


def nbgrader(folder: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "nbgrader", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def instructor_edition(source: NotebookNode, student: str) -> NotebookNode:
    """The notebook with one student's numbers, executed."""
    from nbclient import NotebookClient

    result = with_student(source, student)
    NotebookClient(result, timeout=TIMEOUT_S, kernel_name="python3").execute(env=environment())
    return result


def answers(students: list[str]) -> list[dict[str, object]]:
    """What each student of the roster should find, one row per answer."""
    rows = []
    for path in sources():
        for student in students:
            _, space = run(with_student(read(path), student))
            expected = space["expected"]
            assert isinstance(expected, dict)
            rows += [
                {"set": path.stem, "student": student, "answer": name, "value": value}
                for name, value in expected.items()
            ]
    return rows


def make(
    course: str, students: list[str], target: Path | None = None, *, otter: bool = False
) -> Path:
    """Write the course; hand-ins and grades of an earlier call stay."""
    folder = (target or BUILD) / named("COURSE", course)
    hand_out, teach, grader = folder / "students", folder / "instructor", folder / "nbgrader"
    for old in (hand_out, teach, grader / "source", grader / "release"):
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir(parents=True)
    (grader / "submitted").mkdir(exist_ok=True)
    config = CONFIG.format(course=course, timeout=TIMEOUT_S)
    (grader / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for path in sources():
        name, source = path.stem, read(path)
        print(f"{name} ...", flush=True)
        plain = copy.deepcopy(source)
        plain.cells = [c for c in plain.cells if not is_marking(c)]
        place = grader / "source" / name
        place.mkdir()
        nbformat.write(plain, place / f"{name}.ipynb")
        done = nbgrader(grader, "generate_assignment", name, "--force", "--create")
        release = grader / "release" / name / f"{name}.ipynb"
        if done.returncode or not release.is_file():
            raise Refused(f"nbgrader could not make {name}:\n{done.stderr}")
        shutil.copy2(release, hand_out)
        if otter:
            tests = folder / "otter" / name / "tests"  # hand-ins beside them stay
            shutil.rmtree(tests, ignore_errors=True)
            tests.mkdir(parents=True)
            shutil.copy2(release, tests.parent)
            for file, text in otter_tests(source).items():
                (tests / file).write_text(text, encoding="utf-8")
        nbformat.write(instructor_edition(source, EXAMPLE_STUDENT), teach / f"{name}.ipynb")
    for student in students:
        nbgrader(grader, "db", "student", "add", student)
    if students:
        with (teach / "answers.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ["set", "student", "answer", "value"])
            table.writeheader()
            table.writerows(answers(students))
    return folder


# -- grading -----------------------------------------------------------------------------------


def hand_ins(grader: Path) -> Iterator[tuple[str, str]]:
    """(student, problem set) of everything under submitted."""
    for place in sorted((grader / "submitted").glob("*/*")):
        if place.is_dir():
            yield place.parent.name, place.name


def why(log: str) -> str:
    """The line of an nbgrader log that says what went wrong."""
    lines = [re.sub(r"^\[\w+\]\s*", "", line.strip()) for line in log.splitlines() if line.strip()]
    named_errors = [x for x in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", x)]
    tell = [x for x in named_errors if "NbGraderException" not in x]
    return (tell or [x for x in lines if "died" in x] or lines or ["no reason was given"])[-1]


def damage(path: Path) -> str:
    """Why the file cannot be graded at all, or ""."""
    if not path.is_file():
        return f"there is no {path.name} in what was handed in"
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception as error:  # nbformat raises many kinds on a file that is no notebook
        return f"{path.name} is no notebook: {type(error).__name__}: {error}".splitlines()[0]
    return ""


def grade(course: str, target: Path | None = None) -> list[dict[str, object]]:
    """Run every hand-in; return one row each, and write them to grades.csv."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbgrader and its database, about themselves
        return _grade(course, target)


def _grade(course: str, target: Path | None) -> list[dict[str, object]]:
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    folder = (target or BUILD) / named("COURSE", course)
    grader = folder / "nbgrader"
    if not (grader / "gradebook.db").is_file():
        raise Refused(f"there is no course {course!r} here: make coursework COURSE={course}")
    config = Config()
    config.CourseDirectory.root = str(grader)
    config.CourseDirectory.course_id = course
    config.ExecutePreprocessor.timeout = TIMEOUT_S
    config.ExecutePreprocessor.interrupt_on_timeout = True
    for key in ("PATH", "PYTHONPATH"):  # the kernels inherit them
        os.environ[key] = environment()[key]
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    rows: list[dict[str, object]] = []
    for student, name in hand_ins(grader):
        row: dict[str, object] = {"student": student, "set": name}
        if not (grader / "release" / name).is_dir():
            rows.append(row | {"problem": f"there is no problem set {name!r}"})
            continue
        if problem := damage(grader / "submitted" / student / name / f"{name}.ipynb"):
            rows.append(row | {"problem": problem})
            continue
        done = api.autograde(name, student, force=True, create=True)
        if not done["success"]:
            rows.append(row | {"problem": why(f"{done.get('log', '')}\n{done.get('error', '')}")})
            continue
        with Gradebook(f"sqlite:///{grader / 'gradebook.db'}", course) as book:
            try:
                found = book.find_submission(name, student)
            except MissingEntry:
                rows.append(row | {"problem": "nbgrader kept no grade"})
                continue
            rows.append(row | {"score": found.score, "of": found.max_score})
    with (folder / "grades.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["student", "set", "score", "of", "problem"])
        table.writeheader()
        table.writerows(rows)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for name, help_text in (("make", "write the notebooks"), ("grade", "grade the hand-ins")):
        action = actions.add_parser(name, help=help_text)
        action.add_argument("course")
        if name == "make":
            action.add_argument("--roster", type=Path)
            action.add_argument("--otter", action="store_true", help="files for otter-grader too")
    given = parser.parse_args()
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    try:
        if given.action == "make":
            folder = make(given.course, roster(given.roster), otter=given.otter)
            print(f"\nThe problem sets are in {folder}\nTo grade: see coursework/README.md")
            return
        rows = grade(given.course)
    except Refused as refused:
        sys.exit(str(refused))
    for row in rows:
        result = row.get("problem") or f"{row['score']:g} of {row['of']:g}"
        print(f"{row['student']:20} {row['set']:24} {result}")
    if not rows:
        print("nothing was handed in")


if __name__ == "__main__":
    main()
