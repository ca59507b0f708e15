"""The problem sets: references pass, stubs fail, nothing leaks, and the whole loop of nbgrader."""

import copy
import csv
import doctest
import io
import json
import re
import subprocess
import sys

import nbformat
import pytest
import yaml

from heterolib import coursework as numbers_of
from tools import coursework, notebook
from tools.book import HTML, ROOT

SETS = coursework.sources()
STUDENTS = [f"student-{k}" for k in range(5)]
LONG = 25  # characters of a line that is no accident
each = pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)


def about(cell):
    return cell.metadata.get("nbgrader", {})


def graded_cells(content):
    return [c for c in content.cells if about(c).get("grade")]


def secrets(content, marks):
    """Lines of the marked stretches that stand nowhere else in the notebook."""
    cells = [c for c in content.cells if not coursework.is_marking(c)]
    texts = [coursework.without(c.source, coursework.SOLUTION) for c in cells]
    shown = {line.strip() for t in texts for line in without_hidden(t).splitlines()}
    lines = {x.strip() for c in cells for part in coursework.regions(c.source, marks) for x in part}
    return {x for x in lines if len(x) >= LONG and x not in shown}


def without_hidden(text):
    return coursework.without(text, coursework.HIDDEN)


def notes(content):
    return {
        line
        for c in content.cells
        if coursework.is_marking(c) and c.cell_type == "markdown"
        for line in c.source.splitlines()
        if len(line) >= LONG
    }


def leaks(text, content):
    """What of a source's secrets stands in a text."""
    hidden = {*secrets(content, coursework.SOLUTION), *secrets(content, coursework.HIDDEN)}
    marks = {mark[4:] for mark in (*coursework.SOLUTION, *coursework.HIDDEN)}
    return sorted(x for x in {*hidden, *notes(content), *marks} if x in text)


# -- the sources -------------------------------------------------------------------------------


def test_there_are_at_least_six_sets_and_the_table_names_each():
    assert len(SETS) >= 6
    table = (coursework.SOURCE / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"\]\(([\w-]+)\.ipynb\) \|.*\| (\d+ \| \d+) \|", table))
    for path in SETS:
        content = coursework.read(path)
        minutes = int(re.search(r"about (\d+) minutes", content.cells[0].source)[1])
        points = sum(about(c)["points"] for c in graded_cells(content))
        assert f"**Points**: {points}" in content.cells[0].source
        assert rows[path.stem] == f"{minutes} | {points}"
        assert 60 <= minutes <= 90


@each
def test_a_source_is_clean_and_complete(path):
    assert path.read_text(encoding="utf-8") == notebook.stripped(path), notebook.__doc__
    content = coursework.read(path)
    names = [about(c)["grade_id"] for c in content.cells if about(c)]
    assert len(set(names)) == len(names)
    assert len(graded_cells(content)) >= 4
    for k, cell in enumerate(content.cells):
        if not about(cell).get("grade"):
            continue
        # a task, its test with a visible and a hidden part, its marking note
        assert about(content.cells[k - 1])["solution"]
        assert coursework.regions(content.cells[k - 1].source, coursework.SOLUTION)
        assert about(cell)["locked"] and coursework.regions(cell.source, coursework.HIDDEN)
        visible = coursework.without(cell.source, coursework.HIDDEN)
        assert "assert" in visible or "coursework.check" in visible
        assert coursework.is_marking(content.cells[k + 1])
        headings = [c.source for c in content.cells[:k] if c.source.startswith("## Task")]
        assert f"({about(cell)['points']} points)" in headings[-1].splitlines()[0]


@each
def test_the_reference_passes_for_every_student(path):
    content = coursework.read(path)
    for student in STUDENTS:
        marks, space = coursework.run(coursework.with_student(content, student))
        assert not [mark for mark in marks if mark.error], student
        assert space["expected"]


@each
def test_no_stub_passes(path):
    content = coursework.with_student(coursework.read(path), STUDENTS[0])
    marks, _ = coursework.run(content, stubs=True)
    assert len(marks) == len(graded_cells(content))
    assert all(mark.error for mark in marks)


@each
def test_a_neighbours_numbers_earn_less_than_half(path):
    content = coursework.read(path)
    mine, theirs = (coursework.with_student(content, s) for s in STUDENTS[:2])
    marks, _ = coursework.run(theirs, tests=mine)
    graded = [mark for mark in marks if mark.points]
    total = sum(mark.points for mark in graded)
    assert sum(mark.points for mark in graded if not mark.error) < total / 2
    # the same answers under their own number pass, so it is the numbers that differ
    marks, _ = coursework.run(theirs, tests=theirs)
    assert not [mark for mark in marks if mark.error]


LAST = "8-connections-and-learning"
WRONG = [  # plausible, and not right: one change in each task
    [
        ("p = use * release_scaling(cao_mM)", "p = use * (cao_mM / 2) ** 4"),
        ("(1 - p) ** (n_sites - n)", "(1 - p) ** n_sites"),
        ("1 - release_chances(mine.sites, mine.use, cao_wanted_mM)[0]", "mine.use * cao_wanted_mM"),
    ],
    [
        ("brain.c_pre_uM_ms / slice_.c_pre_uM_ms", "release_scaling(mine.cao_mM)"),
        (
            "(slice_.theta_d_uM_ms, slice_.theta_p_uM_ms)",
            "(brain.theta_d_uM_ms, brain.theta_p_uM_ms)",
        ),
        ("if pair_one_synapse(**how", "if pair_one_synapse(**how, rho0=1.0"),
        ("return high", "return high + 0.05"),
    ],
    [
        ("1.96 * fewer.sem()", "1.96 * fewer.sem(ddof=0)"),
        ("1.96 * fewer.sem()", "1.96 * fewer.std()"),
        ("1.96 * fewer.sem()", "fewer.sem()"),
        ("fewer = wide[2.0] - wide[1.2]", "fewer = wide[1.2] - wide[2.0]"),
        ("(half / 0.05) ** 2", "(half / 0.05)"),
        ("sums.strengthened[c] + sums.weakened[c]", "sums.strengthened[c] - sums.weakened[c]"),
        (
            "sqrt(wide[2.0].sem() ** 2 + wide[1.2].sem() ** 2)",
            "(wide[2.0].sem() + wide[1.2].sem())",
        ),
    ],
    [
        ("s.share_beaten for", "s.share_beaten * 23 / 24 for"),
        ("s.selectivity - s.untrained_selectivity", "s.selectivity"),
        ("margin_mV = studies[0].margin_mV", "margin_mV = np.ptp(studies[0].peak_mV)"),
        ("mine.order, n_inputs=4", "mine.order[::-1], n_inputs=4"),
        ("delay_ms=mine.delay_ms, ", ""),
    ],
    [
        ("P_seen.mean(axis=0)", "P.mean(axis=0)"),
        ("(P / P_seen.mean(axis=0)).sum", "(P - P_seen.mean(axis=0)).sum"),
        ("(P / P_seen.mean(axis=0)).sum", "P.sum"),
        (".sum(axis=2)", ".max(axis=2)"),
        ("after = before.train(seen)", "after = before"),
        ("after = before.train(seen)", "after = before.train(new)"),
        ("np.roll(after.weights, 1, axis=2)", "np.roll(after.weights, 1, axis=1)"),
        ("/ len(new.labels)", "/ len(seen.labels)"),
    ],
    [
        ("[mine.seed, k]", "[mine.seed, 0]"),
        ("[mine.seed, k]", "mine.seed + k"),
        ("d.std(ddof=1)", "d.std()"),
        ('between("calcium", "no_diffusion")', 'between("calcium_growth", "no_diffusion")'),
        ('between("pair", "calcium")', 'between("calcium", "pair")'),
        ('between("pair", "calcium")', 'between("pair", "no_diffusion")'),
        (", jitter_ms=mine.jitter_ms", ""),
        ("(half_gain / 0.03) ** 2", "(half_gain / 0.03)"),
    ],
]


@pytest.mark.slow
@pytest.mark.parametrize("k", range(max(map(len, WRONG))))
def test_a_wrong_but_plausible_answer_earns_nothing(k):
    """Of set 8: its tasks do not build upon each other, so each run has a slip in every task."""
    content = coursework.with_student(coursework.read(coursework.SOURCE / f"{LAST}.ipynb"), "ada")
    tests = graded_cells(content)
    assert len(tests) == len(WRONG)
    for test, slips in zip(tests, WRONG, strict=True):
        old, new = slips[k % len(slips)]
        task = content.cells[content.cells.index(test) - 1]
        assert old in task.source
        task.source = task.source.replace(old, new)
    content.cells = [c for c in content.cells if not coursework.is_marking(c)]
    marks, _ = coursework.run(content)
    assert not [mark.name for mark in marks if mark.points and not mark.error]


# -- numbers of one's own ----------------------------------------------------------------------


def test_numbers_stay_as_they_are():
    """Pinned: marks given last year must be found again this year."""
    mine = numbers_of.numbers("1-one-spine", "ada", weight=(0.1, 0.9, 0.1), panel=["A", "B"])
    again = numbers_of.numbers("1-one-spine", " ADA ", panel=["A", "B"], weight=(0.1, 0.9, 0.1))
    assert dict(mine) == dict(again) == PINNED
    values = {numbers_of.numbers("x", f"s{k}", n=(1, 4, 1)).n for k in range(60)}
    assert values == {1, 2, 3, 4} and all(type(v) is int for v in values)
    with pytest.raises(AttributeError, match="cannot be changed"):
        mine.weight = 0.3
    with pytest.raises(AttributeError, match="no number 'other'"):
        mine.other  # noqa: B018


PINNED = {"weight": 0.9, "panel": "B"}


def test_a_hand_in_under_another_name_is_refused(tmp_path, monkeypatch):
    place = tmp_path / "autograded" / "ada" / "1-one-spine"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    numbers_of.numbers("1-one-spine", "Ada", n=(1, 4, 1))
    with pytest.raises(ValueError, match="'ada' handed this in"):
        numbers_of.numbers("1-one-spine", "bob", n=(1, 4, 1))


@pytest.mark.parametrize(
    ("value", "expected", "said"),
    [
        (..., 1.0, "give a number"),
        ([1.0, 2.0], 1.0, "give one number"),
        (1.0, [1.0, 2.0], "has the shape"),
        (1.02, 1.0, "not right to within 1 %"),
        ([1.0, 2.1], [1.0, 2.0], "has values that are not right"),
        (float("nan"), 1.0, "not right"),
    ],
)
def test_a_wrong_answer_is_told_why_but_not_the_answer(value, expected, said):
    with pytest.raises(AssertionError, match=re.escape(said)):
        numbers_of.check("answer", value, expected)
    numbers_of.check("answer", expected, expected)


# -- a course ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Every set, made as `make coursework COURSE=test` makes it, with a roster."""
    place = tmp_path_factory.mktemp("coursework")
    return coursework.make("test", ["ada", "bob"], place, otter=True)


@pytest.mark.slow
def test_student_notebooks_hold_stubs_and_no_secret(course):
    for path in SETS:
        source = coursework.read(path)
        assert leaks(path.read_text(encoding="utf-8").replace("\\n", "\n"), source)
        for copy_of in (
            course / "students" / path.name,
            course / "nbgrader" / "release" / path.stem / path.name,
        ):
            release = coursework.read(copy_of)
            whole = "\n".join(c.source for c in release.cells)
            assert not leaks(whole, source)
            assert not [c for c in release.cells if coursework.is_marking(c)]
            assert not [c for c in release.cells if c.get("outputs")]
            tasks = [c for c in release.cells if about(c).get("solution")]
            assert tasks and all(coursework.STUB.splitlines()[0] in c.source for c in tasks)
            # nothing in metadata or outputs either: the file holds the cells and little else
            assert not leaks(copy_of.read_text(encoding="utf-8").replace("\\n", "\n"), source)


@pytest.mark.slow
def test_instructor_notebooks_are_executed_and_annotated(course):
    for path in SETS:
        teach = coursework.read(course / "instructor" / path.name)
        code = [c for c in teach.cells if c.cell_type == "code"]
        assert all(c.execution_count for c in code)
        assert not [o for c in code for o in c.outputs if o.output_type == "error"]
        last = "".join(o.data["text/plain"] for o in code[-1].outputs if "data" in o)
        _, space = coursework.run(
            coursework.with_student(coursework.read(path), coursework.EXAMPLE_STUDENT)
        )
        assert all(repr(name) in last for name in space["expected"])
        assert notes(coursework.read(path)) <= {
            x for c in teach.cells for x in c.source.split("\n")
        }
    with (course / "instructor" / "answers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(r["set"], r["student"]) for r in rows} == {
        (p.stem, s) for p in SETS for s in ("ada", "bob")
    }


def test_sources_are_kept_from_the_site_and_the_package():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert "coursework/*" in config["exclude_patterns"] and config["only_build_toc_files"]
    assert "coursework/" not in (ROOT / "_toc.yml").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'include = ["heterolib", "heterolib.*"]' in project


@pytest.mark.book
def test_nothing_of_the_sources_is_on_the_site(built_book):
    marks = {*coursework.HIDDEN, *coursework.SOLUTION}
    secret = set()
    for path in SETS:
        content = coursework.read(path)
        secret |= secrets(content, coursework.HIDDEN) | notes(content)

    def told(text):
        """Marks, or more lines than a chapter shares by chance, such as a loop's head."""
        lines = [x for x in secret if x in text]
        return [x for x in marks if x in text] + lines * (len(lines) > 2)

    assert told(SETS[0].read_text(encoding="utf-8"))
    kinds = {".html", ".js", ".json", ".txt", ".ipynb", ".md", ".inv"}
    files = [f for f in HTML.rglob("*") if f.suffix in kinds and f.is_file()]
    assert files
    for file in files:
        assert not told(file.read_text(encoding="utf-8", errors="replace")), file


# -- the loop of nbgrader ----------------------------------------------------------------------

FIRST = SETS[0].stem


def solved(course, student, change=lambda name, text: text):
    """The student notebook with the reference solutions put in, changed by task."""
    source = coursework.read(course / "nbgrader" / "source" / FIRST / f"{FIRST}.ipynb")
    answers = {about(c)["grade_id"]: c.source for c in source.cells if about(c).get("solution")}
    filled = handed_out(course, student)
    for cell in filled.cells:
        name = about(cell).get("grade_id")
        if name in answers:
            cell.source = change(name, answers[name])
    return filled


def handed_out(course, student):
    release = coursework.read(course / "students" / f"{FIRST}.ipynb")
    return coursework.with_student(copy.deepcopy(release), student)


def hand_in(course, student, content):
    place = course / "nbgrader" / "submitted" / student / FIRST
    place.mkdir(parents=True)
    file = place / f"{FIRST}.ipynb"
    if isinstance(content, str):
        file.write_text(content, encoding="utf-8")
    else:
        nbformat.write(content, file)
    return file


def at(task, new):
    return lambda name, text: new if name == task else text


@pytest.mark.slow
def test_the_loop_of_nbgrader(course):
    """Generate, hand in, grade: all, nothing, in part, and clear errors with nothing lost."""
    done = {
        "perfect": solved(course, "perfect"),
        "empty": handed_out(course, "empty"),
        "wrong": solved(course, "wrong", at("how-long", "t_reach_ms = 5.0")),
        "fails": solved(course, "fails", at("how-long", "t_reach_ms = 1 / 0")),
        "crashes": solved(course, "crashes", at("how-long", "import os\nos._exit(1)")),
        "damaged": '{"cells": [',
        "copies": solved(course, "perfect"),  # under the id of another
    }
    files = {student: hand_in(course, student, content) for student, content in done.items()}
    before = {student: file.read_bytes() for student, file in files.items()}
    rows = {row["student"]: row for row in coursework.grade("test", course.parent)}

    assert set(rows) == set(done)
    scores = {s: (r["score"], r["of"]) for s, r in rows.items() if "score" in r}
    assert scores == {
        "perfect": (12, 12),
        "empty": (0, 12),
        "wrong": (10, 12),
        "fails": (10, 12),
        "copies": (0, 12),
    }
    assert "Kernel died" in rows["crashes"]["problem"]
    assert "no notebook" in rows["damaged"]["problem"]
    assert {student: file.read_bytes() for student, file in files.items()} == before
    with (course / "grades.csv").open(encoding="utf-8") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    assert float(table["perfect"]["score"]) == 12 and table["crashes"]["problem"]
    assert not table["crashes"]["score"]

    # making the course anew keeps hand-ins, grades and answers
    beside = course / "otter" / FIRST / "ada.ipynb"
    beside.write_text("handed in")
    coursework.make("test", [], course.parent, otter=True)
    assert beside.read_text() == "handed in"
    assert {student: file.read_bytes() for student, file in files.items()} == before
    # a crash put right is graded, and the others keep their grades
    nbformat.write(solved(course, "crashes"), files["crashes"])
    for student in set(done) - {"crashes", "wrong"}:
        (course / "nbgrader" / "submitted" / student).rename(course / student)
    rows = {row["student"]: row for row in coursework.grade("test", course.parent)}
    assert {s: r["score"] for s, r in rows.items()} == {"crashes": 12, "wrong": 10}


# -- files for otter-grader --------------------------------------------------------------------


def passes(case, space):
    """What otter does with one case: a doctest that sees the names of the notebook."""
    examples = doctest.DocTestParser().get_examples(case["code"])
    assert examples
    test = doctest.DocTest(examples, space, "case", None, None, case["code"])
    return not doctest.DocTestRunner().run(test, out=io.StringIO().write, clear_globs=False).failed


@each
def test_otter_s_files_grade_as_nbgrader_does(path):
    """Their form and their points, by Python alone; that otter agrees is tested below."""
    source = coursework.with_student(coursework.read(path), STUDENTS[0])
    marks, space = coursework.run(source)
    _, empty = coursework.run(source, stubs=True)
    files = coursework.otter_tests(coursework.read(path))
    assert list(files) == [f"{mark.name}.py" for mark in marks if mark.points]
    for (file, text), mark in zip(files.items(), [m for m in marks if m.points], strict=True):
        read = {}
        exec(text, read)
        assert read["OK_FORMAT"] and f"{read['test']['name']}.py" == file
        (suite,) = read["test"]["suites"]
        shown, hidden = suite["cases"]
        assert suite["type"] == "doctest" and (shown["hidden"], hidden["hidden"]) == (False, True)
        assert (shown["points"], hidden["points"]) == (0, mark.points)
        assert not leaks(shown["code"].replace(">>> ", "").replace("... ", ""), source)
        assert passes(shown, space) and passes(hidden, space)
        assert not passes(hidden, empty)


@pytest.mark.slow
def test_otter_s_folder_holds_every_set(course):
    for path in SETS:
        place = course / "otter" / path.stem
        assert (place / path.name).read_bytes() == (course / "students" / path.name).read_bytes()
        files = coursework.otter_tests(coursework.read(path))
        found = {f.name: f.read_text(encoding="utf-8") for f in (place / "tests").iterdir()}
        assert found == files


EASIER = """class mine:  # numbers of one's own choice
    t_P_ms, extra_ms = 1.0, 0.0


w_star = 2.3 / 3.3"""


@pytest.mark.slow
def test_otter_itself_gives_the_same_marks(course, tmp_path):
    """Its autograder for the first set, and three hand-ins, in processes of their own."""
    pytest.importorskip("otter")

    def otter(*words):
        command = [sys.executable, "-m", "otter", *map(str, words)]
        place, env = course / "otter" / FIRST, coursework.environment()
        done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    otter("generate", "-t", "tests", "-o", tmp_path / "autograder.zip")
    scores = {}
    for student, content in {
        "perfect": solved(course, "perfect"),
        "empty": handed_out(course, "empty"),
        "wrong": solved(course, "wrong", at("how-long", "t_reach_ms = 5.0")),
        "easier": solved(course, "easier", at("balance", EASIER)),
    }.items():
        place = tmp_path / student
        place.mkdir()
        nbformat.write(content, place / f"{FIRST}.ipynb")
        otter("run", place / f"{FIRST}.ipynb", "-a", tmp_path / "autograder.zip", "-o", place)
        found = json.loads((place / "results.json").read_text(encoding="utf-8"))["tests"]
        scores[student] = sum(test.get("score") or 0 for test in found)
        assert {test["visibility"] for test in found if test.get("max_score")} == {"hidden"}
    assert scores == {"perfect": 12, "empty": 0, "wrong": 10, "easier": 10}


# -- at the keyboard ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["make", "../out"], "COURSE is '../out'"),
        (["make", "x", "--roster", "no-such-file"], "roster cannot be read"),
        (["grade", "never-made"], "there is no course 'never-made'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, said):
    command = [sys.executable, str(ROOT / "tools" / "coursework.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_roster_holds_each_student_once(tmp_path):
    file = tmp_path / "students.txt"
    file.write_text("# autumn\nada, Ada Lovelace\n\nbob\n", encoding="utf-8")
    assert coursework.roster(file) == ["ada", "bob"]
    file.write_text("ada\nADA\n", encoding="utf-8")
    with pytest.raises(coursework.Refused, match="more than once"):
        coursework.roster(file)
