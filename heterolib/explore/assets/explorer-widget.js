// In Jupyter: the traits of the widget are the controls, Python sends back the outputs.
//
// Comes after explorer.js, and on no page.
"use strict";
globalThis.heterolib.mountWidget = ({ model, el }) => {
  const { Explorer, unpack, make, giveUp } = globalThis.heterolib;
  const spec = model.get("spec");
  const root = make("section", { class: "hl-explorer", "data-explorer": spec.name, "data-state": "loading" },
    make("p", { class: "hl-title" }, spec.title), make("div", { class: "hl-live" }), make("p", { class: "hl-why" }));
  el.append(root);
  const numbers = () => {
    const view = model.get("outputs");
    return new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  };
  const explorer = new Explorer(root, spec, { words: model.get("engine") }, {
    remote: true,
    found: () => unpack(spec, numbers()),
    send(values) {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
  });
  const values = () => Object.fromEntries(spec.controls.map((c) => [c.name, model.get(c.name)]));
  explorer.state.values = values();
  root.heterolib = explorer;
  try { explorer.start(); } catch (error) { giveUp(root, error); return undefined; }
  const arrived = () => { Object.assign(explorer.state.values, values()); explorer.received(); };
  model.on("change:outputs", arrived);
  // JupyterLab takes the focus back only from what is not in the cell that is clicked at
  const leave = (event) => {
    if (!root.contains(event.target) && root.contains(document.activeElement)) document.activeElement.blur();
  };
  document.addEventListener("pointerdown", leave, true);
  return () => {
    model.off("change:outputs", arrived);
    document.removeEventListener("pointerdown", leave, true);
  };
};
