"""The explorer in Jupyter: the same look as on the page, computed by Python.

Each control is a trait of the widget: read it, set it, observe it. A change runs the Python
kernel, so whoever edits the model sees the edited model.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from heterolib.explore import figure, page, vendor
from heterolib.explore.model import Control, Explorer, decimals

ASSETS = Path(__file__).parent / "assets"
# Parts of the program that not every explorer needs (see page.parts); loaded before explorer.js.
PARTS = {"map": "explorer-map.js", "sketch": "explorer-sketch.js"}
WIDGET = "explorer-widget.js"  # in Jupyter only; comes after explorer.js
ENGINE = "Computed by Python (heterolib's numba kernel in this notebook)."
MOUNT = "\nexport default { render: (context) => globalThis.heterolib.mountWidget(context) };\n"


@lru_cache(maxsize=1)
def front_end() -> tuple[str, str]:
    """The script and the style sheet of the widget: uPlot and ours.

    Raises
    ------
    heterolib.explore.vendor.ChartsMissing
        If uPlot is not here and cannot be fetched.
    """
    charts = vendor.charts()
    script = (charts / vendor.SCRIPT).read_text(encoding="utf-8")
    ours = "".join(asset(name) for name in (*PARTS.values(), "explorer.js", WIDGET))
    style = (charts / vendor.STYLE).read_text(encoding="utf-8")
    return f"{script}\n{ours}{MOUNT}", f"{style}\n{asset('explorer.css')}"


def asset(name: str) -> str:
    """A file of the front end as it is sent: without indents and lines that are comments only.

    Parameters
    ----------
    name : str
        Its name in `ASSETS`.
    """
    text = (ASSETS / name).read_text(encoding="utf-8")
    text = re.sub(r"^\s*(//.*|/\*.*\*/)\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^\s+", "", text, flags=re.MULTILINE)


class ControlTrait(traitlets.CFloat):
    """A control as a trait: a number in its range, set to the nearest step of its slider."""

    def __init__(self, control: Control) -> None:
        super().__init__(control.value, min=control.low, max=control.high)
        self.control = control

    def validate(self, obj: Any, value: Any) -> float:
        """Snap, or refuse with a TraitError."""
        try:
            return self.control.snap(super().validate(obj, value))
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from error


class ExplorerWidget(anywidget.AnyWidget):
    """Base of the widgets that `widget` makes; adds one trait per control."""

    spec = traitlets.Dict().tag(sync=True)
    engine = traitlets.Unicode(ENGINE).tag(sync=True)
    outputs = traitlets.Bytes().tag(sync=True)

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        super().__init__(spec=page.declaration(explorer))
        self.observe(self._run, names=[c.name for c in explorer.controls])
        self._run()

    def values(self) -> dict[str, float]:
        """The controls as they stand."""
        return {c.name: float(getattr(self, c.name)) for c in self.explorer.controls}

    @property
    def found(self) -> dict[str, np.ndarray]:
        """Every output of the kernel at the present values, in the units shown."""
        return self.explorer.run(**self.values())

    @property
    def summary(self) -> str:
        """The result in words."""
        return self.explorer.summary(self.found)

    def _run(self, _change: object = None) -> None:
        found = self.found
        # the front end multiplies by the scales itself, as it does on the page
        raw = [found[o.name] / o.scale for o in self.explorer.outputs]
        self.outputs = np.concatenate(raw).astype("<f8").tobytes()


def widget(explorer: Explorer) -> Any:
    """A live widget for Jupyter.

    Parameters
    ----------
    explorer : Explorer

    Returns
    -------
    ExplorerWidget, or ipywidgets.VBox
        Each control is a trait of the widget. Where the chart library cannot be had, plain
        sliders with a drawn figure; their `controls` maps names to sliders.
    """
    try:
        front_end()
    except vendor.ChartsMissing as missing:
        return plain_widget(explorer, why=str(missing))
    return _class_of(explorer)(explorer)


def _class_of(explorer: Explorer) -> type[ExplorerWidget]:
    script, style = front_end()
    traits = {c.name: ControlTrait(c).tag(sync=True) for c in explorer.controls}
    return type("ExplorerWidget", (ExplorerWidget,), {"_esm": script, "_css": style, **traits})


def plain_widget(explorer: Explorer, why: str = "") -> Any:
    """Sliders, preset buttons and a drawn figure, with ipywidgets alone.

    Parameters
    ----------
    explorer : Explorer
    why : str
        Shown below the figure: why these are not the live charts.
    """
    import ipywidgets as widgets

    controls = {c.name: _control(c) for c in explorer.controls}
    image = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", width="34rem"))
    words = widgets.HTML()

    def redraw(_change: object = None) -> None:
        now = {name: float(w.value) for name, w in controls.items()}
        image.value = figure.png(figure.draw(explorer, **now))
        words.value = f"<p role='status'>{html.escape(explorer.summary(explorer.run(**now)))}</p>"

    def go_to(target: dict[str, float]) -> None:
        for name, w in controls.items():
            w.unobserve(redraw, "value")
            w.value = int(target[name]) if isinstance(w, widgets.Dropdown) else target[name]
            w.observe(redraw, "value")
        redraw()

    for w in controls.values():
        w.observe(redraw, "value")
    buttons = []
    for name in (*(p.name for p in explorer.presets), "reset"):
        target = explorer.defaults if name == "reset" else explorer.preset(name)
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _button, target=target: go_to(target))
        buttons.append(button)
    go_to(explorer.defaults)
    row = widgets.HBox(buttons, layout=widgets.Layout(flex_flow="row wrap"))
    note = widgets.HTML(f"<small>{html.escape(f'{ENGINE} {why}')}</small>")
    box = widgets.VBox([row, *controls.values(), words, image, note])
    box.controls = controls
    return box


def _control(control: Control) -> Any:
    import ipywidgets as widgets

    common: dict[str, Any] = {
        "description": control.text,
        "style": {"description_width": "16rem"},
        "layout": widgets.Layout(width="34rem", max_width="100%"),
    }
    if control.options:
        options = [(word, i) for i, word in enumerate(control.options)]
        return widgets.Dropdown(options=options, value=int(control.value), **common)
    return widgets.FloatSlider(
        value=control.value,
        min=control.low,
        max=control.high,
        step=control.step,
        readout_format=f".{decimals(control.step)}f",
        continuous_update=False,
        **common,
    )
