// The live explorer: native controls, uPlot charts, a result in words.
//
// One declaration (see heterolib/explore/model.py) drives it. On a page the model is a
// WebAssembly module made from the library's own kernel; in Jupyter, Python computes.
// The charts are uPlot's; drawn on them are threshold bands, markers, and the cells of a heat map.
(() => {
  "use strict";

  const STROKES = {
    light: ["#0072B2", "#D55E00", "#00795A", "#A8487E", "#3A8FC4", "#B87A00"],
    dark: ["#63BDF2", "#FF9A57", "#43D3A5", "#EBA3CC", "#A7DBFA", "#F2C14E"],
  };
  const DASHES = [[], [7, 4], [7, 3, 2, 3], [2, 3], [12, 4], [12, 3, 2, 3]];
  const BORDERS = ["solid", "dashed", "dotted", "dotted", "dashed", "dotted"];
  const FILLS = {
    light: { weaken: "rgba(240, 228, 66, .42)", strengthen: "rgba(86, 180, 233, .20)", ink: "rgba(0,0,0,.28)" },
    dark: { weaken: "rgba(240, 228, 66, .20)", strengthen: "rgba(86, 180, 233, .22)", ink: "rgba(255,255,255,.30)" },
  };
  const LEAST_CHANGE = 1e-9;
  const PAGE = 65536;
  const C_NAMES = { fabs: Math.abs, fmod: (a, b) => a % b, exp2: (x) => 2 ** x };

  // ---- the model -------------------------------------------------------------------------

  async function wasmEngine(spec) {
    if (typeof WebAssembly !== "object") throw new Error("this browser has WebAssembly switched off");
    const packed = Uint8Array.from(atob(spec.wasm), (c) => c.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = await new Response(plain).arrayBuffer();
    const module = await WebAssembly.compile(bytes);
    const nOut = spec.outputs.reduce((n, o) => n + o.size, 0);
    const nP = spec.controls.length + spec.constants.length;
    // after the stack: two words numba wants for its return value, then p, out, work
    const atP = spec.stack + 16;
    const atOut = atP + 8 * nP;
    const atWork = atOut + 8 * nOut;
    const memory = new WebAssembly.Memory({ initial: Math.ceil((atWork + 8 * spec.work) / PAGE) });
    const env = {
      __linear_memory: memory,
      __stack_pointer: new WebAssembly.Global({ value: "i32", mutable: true }, spec.stack),
    };
    for (const i of WebAssembly.Module.imports(module)) {
      if (i.kind === "function") env[i.name] = C_NAMES[i.name] || Math[i.name];
      if (i.kind === "table") env[i.name] = new WebAssembly.Table({ initial: 16, element: "anyfunc" });
    }
    const { exports } = await WebAssembly.instantiate(module, { env });
    const p = new Float64Array(memory.buffer, atP, nP);
    const out = new Float64Array(memory.buffer, atOut, nOut);
    return {
      words: `Computed in your browser by the library's own kernel (WebAssembly, ${(bytes.byteLength / 1000).toFixed(1)} kB).`,
      run(values) {
        spec.controls.forEach((c, i) => { p[i] = values[c.name] * c.scale; });
        p.set(spec.constants, spec.controls.length);
        out.fill(0);
        if (exports.entry(spec.stack, spec.stack + 8, atP, atOut, atWork) !== 0) {
          throw new Error("the model stopped at these settings");
        }
        return unpack(spec, out);
      },
    };
  }

  function unpack(spec, out) {
    const found = {};
    let at = 0;
    for (const o of spec.outputs) {
      const part = out.slice(at, at + o.size);
      if (o.scale !== 1) for (let i = 0; i < o.size; i++) part[i] *= o.scale;
      for (let i = 0; i < o.size; i++) {
        if (!Number.isFinite(part[i])) throw new Error("the model left the range of finite numbers");
      }
      found[o.name] = part;
      at += o.size;
    }
    return found;
  }

  // ---- words -----------------------------------------------------------------------------

  const decimals = (step) => (step.toFixed(6).replace(/0+$/, "").split(".")[1] || "").length;
  const shown = (c, v) => (c.options.length ? c.options[v] : v.toFixed(decimals(c.step)));
  const direction = (x) => (x > LEAST_CHANGE ? "strengthens" : x < -LEAST_CHANGE ? "weakens" : "stays");

  function say(r, value) {
    let text = `${r.label}: ${r.signed && !(value < 0) ? "+" : ""}${value.toFixed(r.digits)}`;
    if (r.unit) text += ` ${r.unit}`;
    if (r.signed) text += ` (${direction(value)})`;
    return text;
  }

  const summary = (spec, found) => `${[
    ...spec.readouts.map((r) => say(r, found[r.output][0])),
    ...spec.views.filter((v) => v.z).map((v) => part("map").words(v, found)),
  ].join("; ")}.`;

  const code = (spec, values) =>
    spec.code.replace(/\{(\w+)\}/g, (_, name) => {
      const c = spec.controls.find((k) => k.name === name);
      return c.options.length ? shown(c, values[name]) : String(+values[name].toPrecision(10));
    });

  const nameUnit = (label) => /^(.*) \((.*)\)$/.exec(label)?.slice(1) || [label, ""];

  // ---- small helpers ---------------------------------------------------------------------

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) {
      if (k === "onclick") node.addEventListener("click", v);
      else if (v !== false && v !== undefined) node.setAttribute(k, v === true ? "" : v);
    }
    node.append(...children);
    return node;
  }

  function isDark() {
    const set = document.documentElement.dataset.theme;
    if (set === "dark" || set === "light") return set === "dark";
    const lab = document.body.dataset.jpThemeLight;
    if (lab !== undefined) return lab === "false";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // Else JupyterLab takes the arrows of a slider to walk through the notebook.
  const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

  const kept = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* storage may be off */ } },
  };

  // ---- charts ----------------------------------------------------------------------------

  function hatch(kind, ink) {
    const size = kind === "dots" ? 6 : 11;
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const g = tile.getContext("2d");
    g.fillStyle = g.strokeStyle = ink;
    if (kind === "dots") { g.beginPath(); g.arc(3, 3, 1, 0, 2 * Math.PI); g.fill(); }
    else { g.lineWidth = 1; g.beginPath(); g.moveTo(0, size); g.lineTo(size, 0); g.stroke(); }
    return tile;
  }

  function limits(view, found, values, drawn = []) {
    let high = Math.max(...drawn), low = Math.min(...drawn);
    for (const line of view.lines) for (const y of found[line.y]) {
      if (y === view.missing) continue;
      if (y > high) high = y;
      if (y < low) low = y;
    }
    const bands = view.bands && !view.bands_along_x ? view.bands.map((n) => values[n]) : [];
    for (const b of bands) high = Math.max(high, 1.4 * b);
    if (view.log_y) {
      // whole powers of ten: uPlot counts its ticks from there
      const foot = bands.length ? Math.min(...bands) / 30 : Math.max(high, 1e-9) / 1e4;
      const low10 = Math.floor(Math.log10(foot));
      const high10 = Math.ceil(Math.log10(1.5 * Math.max(high, 10 * foot)));
      return [10 ** low10, 10 ** Math.max(high10, low10 + 1)];
    }
    if (bands.length || view.zero_line) low = Math.min(low, 0);
    const size = Math.max(Math.abs(high), 0.2);  // less than rounding is flat: no ticks fit in
    const room = high - low > 1e-12 * size ? 0.06 * (high - low) : 0.05 * size;
    return [low - (bands.length ? 0 : room), high + room];
  }

  // What a chart needs beyond uPlot: shaded bands below the curves, words and markers above.
  function drawBands(u, view, values, fills) {
    if (!view.bands) return;
    const { ctx, bbox } = u;
    const along = view.bands_along_x;
    const scale = along ? "x" : "y";
    const clamp = (v) => Math.max(u.scales[scale].min, Math.min(u.scales[scale].max, v));
    const theta = view.bands.map((n) => u.valToPos(clamp(values[n]), scale, true));
    const end = u.valToPos(u.scales[scale].max, scale, true);
    const ratio = devicePixelRatio || 1;
    ctx.save();
    [["weaken", "dots", theta[0], theta[1]], ["strengthen", "lines", theta[1], end]].forEach(([fill, kind, a, b]) => {
      const box = along ? [a, bbox.top, b - a, bbox.height] : [bbox.left, b, bbox.width, a - b];
      ctx.fillStyle = fills[fill];
      ctx.fillRect(...box);
      const pattern = ctx.createPattern(hatch(kind, fills.ink), "repeat");
      pattern.setTransform(new DOMMatrix().scale(ratio));
      ctx.fillStyle = pattern;
      ctx.fillRect(...box);
    });
    ctx.restore();
  }

  function drawOnTop(u, view, values, found, theme) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.setLineDash([]);
    if (view.bands && !view.bands_along_x) {
      const foot = view.bands.map((n) => u.valToPos(values[n], "y", true));
      const top = [foot[1], bbox.top];
      ["weakens", "strengthens"].forEach((word, i) => {
        const thin = foot[i] - top[i] < 13 * ratio && i === 0;
        if (thin && view.log_y === false) return;
        const width = ctx.measureText(word).width;
        const beside = thin ? ctx.measureText("strengthens").width + 7 * ratio : 0;
        const x = bbox.left + bbox.width - width - beside - 5 * ratio;
        const y = Math.min(foot[i] - 3 * ratio, bbox.top + bbox.height - 3 * ratio);
        ctx.fillStyle = theme.paper;
        ctx.globalAlpha = 0.8;
        ctx.fillRect(x - 2 * ratio, y - 10 * ratio, width + 4 * ratio, 13 * ratio);
        ctx.globalAlpha = 1;
        ctx.fillStyle = theme.ink;
        ctx.fillText(word, x, y);
      });
    }
    if (view.zero_line && u.scales.y.min < 0) {
      const y = u.valToPos(0, "y", true);
      ctx.strokeStyle = theme.ink;
      ctx.lineWidth = ratio;
      ctx.beginPath(); ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y); ctx.stroke();
    }
    for (const m of view.markers || []) {
      const at = (n) => (n in found ? found[n][0] : values[n]);
      const x = u.valToPos(at(m.x), "x", true), y = u.valToPos(at(m.y), "y", true);
      ctx.fillStyle = theme.strokes[m.style];
      ctx.strokeStyle = theme.paper;
      ctx.lineWidth = 1.5 * ratio;
      ctx.beginPath(); ctx.rect(x - 5 * ratio, y - 5 * ratio, 10 * ratio, 10 * ratio); ctx.fill(); ctx.stroke();
    }
    ctx.restore();
  }

  const POWER = (v) => (Math.abs(Math.log10(v) % 1) < 1e-9 ? String(+v.toPrecision(6)) : "");

  function axes(view, theme) {
    const common = {
      stroke: theme.ink, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
      grid: { stroke: theme.grid, width: 1 }, ticks: { stroke: theme.grid, width: 1 },
    };
    const y = { ...common, label: view.y_label, labelSize: 20, space: 26 };
    y.size = (_, words) => Math.max(54, 17 + 7 * Math.max(0, ...(words || []).map((w) => w.length)));
    // uPlot's own words have three decimals: 0.0025 would read 0.003
    const word = view.log_y ? POWER : (v) => String(+v.toPrecision(6));
    y.values = (_, splits) => splits.map((v) => (v === null ? "" : word(v)));
    return [{ ...common, label: view.x_label, labelSize: 20, size: 34 }, y];
  }

  // Told apart without colour: full, ring, small.
  const dots = (style, theme) => ({
    show: true,
    size: style === 2 ? 5 : 10,
    width: 2,
    stroke: theme.strokes[style],
    fill: style === 1 ? theme.paper : theme.strokes[style],
  });

  function traces(holder, view, state, theme) {
    const sketch = state.sketch?.view === view ? state.sketch : null;
    const rows = () => [
      ...data(view, state.found), ...(sketch ? [sketch.along(state.found[view.lines[0].x])] : []),
    ];
    const chart = new uPlot({
      width: holder.clientWidth || 320,
      height: 210,
      scales: {
        x: { time: false, range: (_, a, b) => view.x_range || [a, b] },
        y: { distr: view.log_y ? 3 : 1, range: () => limits(view, state.found, state.values, sketch?.drawn) },
      },
      axes: axes(view, theme),
      series: [
        { label: view.x_label },
        ...view.lines.map((line) => ({
          label: line.label || view.y_label,
          stroke: theme.strokes[line.style],
          dash: dashes(DASHES[line.style]),
          width: view.points ? 0 : 2,
          points: view.points ? dots(line.style, theme) : { show: false },
          value: told,
        })),
        ...(sketch ? [{ label: "your sketch", stroke: theme.ink, dash: dashes([1, 5]), width: 3, cap: "round", points: { show: false }, value: told }] : []),
      ],
      cursor: { drag: { x: false, y: false } },
      legend: {
        live: true,
        markers: { width: 3, dash: (_, i) => BORDERS[view.lines[i - 1]?.style] || (i > view.lines.length ? "dotted" : "solid") },
      },
      hooks: {
        drawClear: [(u) => drawBands(u, view, state.values, theme.fills)],
        draw: [(u) => drawOnTop(u, view, state.values, state.found, theme)],
      },
    }, rows(), holder);
    return { chart, update: () => chart.setData(rows()) };
  }

  // uPlot scales the width of a line to the screen, its dashes not
  const dashes = (list) => list.map((d) => d * (devicePixelRatio || 1));
  const told = (_, v) => (v === null || v === undefined ? "" : v.toPrecision(4));

  // A curve on a logarithmic axis has no place for zero: it ends there.
  const data = (view, found) => [
    found[view.lines[0].x],
    ...view.lines.map((l) => {
      if (view.log_y) return Array.from(found[l.y], (v) => (v > 0 ? v : null));
      if (view.missing !== null) return Array.from(found[l.y], (v) => (v === view.missing ? null : v));
      return found[l.y];
    }),
  ];

  function bars(holder, view, state, theme) {
    const heights = () => view.bars.map(([output]) => state.found[output][0]);
    const reach = () => 1.45 * Math.max(1e-3, ...heights().map(Math.abs));
    const common = axes({ x_label: "", y_label: view.y_label }, theme);
    const x = view.bars.map((_, i) => i);
    const rows = () => [x, ...view.bars.map((_, k) => x.map((i) => (i === k ? heights()[k] : null)))];
    const chart = new uPlot({
      width: holder.clientWidth || 320,
      height: 160,
      scales: {
        x: { time: false, range: () => [-0.6, view.bars.length - 0.4] },
        y: { range: () => [-reach(), reach()] },
      },
      axes: [
        { ...common[0], label: undefined, grid: { show: false }, splits: () => x,
          values: () => view.bars.map(([, label]) => label) },
        common[1],
      ],
      series: [
        {},
        ...view.bars.map(([, label], i) => ({
          label, fill: theme.strokes[i], stroke: theme.strokes[i], points: { show: false },
          paths: uPlot.paths.bars({ size: [0.5, 90] }),
        })),
      ],
      cursor: { show: false },
      legend: { show: false },
      hooks: {
        draw: [(u) => {
          const { ctx, bbox } = u;
          const ratio = devicePixelRatio || 1;
          ctx.save();
          ctx.fillStyle = ctx.strokeStyle = theme.ink;
          ctx.font = `${12 * ratio}px system-ui, sans-serif`;
          ctx.textAlign = "center";
          ctx.textBaseline = "alphabetic";
          const zero = u.valToPos(0, "y", true);
          ctx.beginPath(); ctx.moveTo(bbox.left, zero); ctx.lineTo(bbox.left + bbox.width, zero); ctx.stroke();
          heights().forEach((v, i) => {
            const y = u.valToPos(v, "y", true) + (v < 0 ? 15 : -6) * ratio;
            ctx.fillText(`${v < 0 ? "" : "+"}${v.toFixed(4)} ${direction(v)}`, u.valToPos(i, "x", true), y);
          });
          ctx.restore();
        }],
      },
    }, rows(), holder);
    return { chart, update: () => chart.setData(rows()) };
  }

  // What not every page needs lies in files of its own, loaded before this one.
  const parts = {};
  function part(name) {
    if (!globalThis.heterolibParts?.[name]) throw new Error("a part of its program did not load");
    parts[name] ||= globalThis.heterolibParts[name]({
      make, axes, hatch, nameUnit, decimals, drawBands, drawOnTop, DASHES, LEAST_CHANGE, OWN_KEYS,
    });
    return parts[name];
  }

  // ---- the explorer ----------------------------------------------------------------------

  class Explorer {
    constructor(root, spec, engine, options = {}) {
      Object.assign(this, { root, spec, engine, options });
      this.defaults = Object.fromEntries(spec.controls.map((c) => [c.name, c.value]));
      this.state = { values: { ...this.defaults }, found: null };
      this.inputs = {};
      this.charts = [];
      this.guessing = false;
    }

    start() {
      if (!this.options.remote) Object.assign(this.state.values, this.fromLink());
      this.build();
      this.compute();
      this.root.dataset.state = "ready";
      this.drawCharts();
      this.show();
      const sized = new ResizeObserver(() => this.resize());
      sized.observe(this.panel);
      sized.observe(this.guess);
      const again = () => { this.drawCharts(); this.pad?.draw(); };
      new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
      new MutationObserver(again).observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    }

    // -- page state

    build() {
      const { spec } = this;
      const live = this.root.querySelector(".hl-live");
      const id = (name) => `hl-${spec.name}-${name}`;
      this.says = make("p", { class: "hl-says" });
      this.presets = make("div", { class: "hl-buttons", role: "group", "aria-label": "Presets" });
      for (const preset of spec.presets) {
        this.presets.append(make("button", {
          type: "button", "aria-pressed": "false", "data-preset": preset.name,
          onclick: () => {
            this.set({ ...this.defaults, ...preset.values });
            this.says.textContent = this.guessing ? "" : preset.says; // it would tell the answer
          },
        }, preset.name));
      }
      this.presets.append(make("button", {
        type: "button", class: "hl-plain", onclick: () => { this.set(this.defaults); this.says.textContent = ""; },
      }, "Reset"));
      const controls = make("div", { class: "hl-controls" });
      for (const c of spec.controls) {
        const label = make("label", { for: id(c.name) }, c.label);
        const read = make("output", { for: id(c.name) });
        let input;
        if (c.options.length) {
          input = make("select", { id: id(c.name), name: c.name, ...OWN_KEYS },
            ...c.options.map((word, i) => make("option", { value: i }, word)));
          input.addEventListener("change", () => this.changed());
        } else {
          input = make("input", {
            type: "range", id: id(c.name), name: c.name, min: c.low, max: c.high, step: c.step, ...OWN_KEYS,
          });
          input.addEventListener("input", () => this.soon());
        }
        this.inputs[c.name] = { input, read, control: c };
        controls.append(make("div", { class: "hl-control" }, label, input, read));
      }
      this.status = make("p", { class: "hl-status", role: "status" });
      this.panel = make("div", { class: "hl-charts" });
      this.guess = make("div", { class: "hl-guess", hidden: true });
      const mode = (kind, words) => make("button", {
        type: "button", class: "hl-plain", "aria-pressed": "false", onclick: () => this.toggleGuess(kind),
      }, words);
      this.modes = { words: mode("words", "Predict first") };
      if (spec.sketch) this.modes.curve = mode("curve", "Draw first");
      this.forget = make("button", { type: "button", class: "hl-plain", hidden: true, onclick: () => this.forgetSketch() }, "Remove sketch");
      this.told = make("span", { class: "hl-told", "aria-live": "polite" });
      this.codeBox = make("pre", { tabindex: "0" });
      const tools = make("div", { class: "hl-buttons" }, ...Object.values(this.modes), this.forget,
        make("button", { type: "button", class: "hl-plain", onclick: () => this.copy(this.codeBox.textContent, "Code") }, "Copy as code"));
      if (!this.options.remote) {
        tools.append(make("button", { type: "button", class: "hl-plain", onclick: () => this.copy(this.link(), "Link") }, "Copy link"));
      }
      tools.append(this.told);
      live.replaceChildren(this.presets, this.says, controls, this.guess, this.status, this.panel, tools,
        make("details", {}, make("summary", {}, "As code"), this.codeBox),
        make("p", { class: "hl-small" }, [spec.note, this.engine.words].filter(Boolean).join(" ")));
      this.write();
    }

    write() {
      for (const { input, read, control } of Object.values(this.inputs)) {
        const v = this.state.values[control.name];
        input.value = v;
        if (!control.options.length) {
          const text = `${shown(control, v)}${control.unit ? ` ${control.unit}` : ""}`;
          read.textContent = text;
          input.setAttribute("aria-valuetext", text);
        }
      }
      for (const button of this.presets.querySelectorAll("[data-preset]")) {
        const preset = this.spec.presets.find((p) => p.name === button.dataset.preset);
        const target = { ...this.defaults, ...preset.values };
        const same = Object.keys(target).every((n) => Math.abs(target[n] - this.state.values[n]) < 1e-9);
        button.setAttribute("aria-pressed", String(same));
      }
    }

    // -- computing

    soon() {
      if (this.waiting) return;
      this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.changed(); });
    }

    changed() {
      const values = {};
      for (const [name, { input }] of Object.entries(this.inputs)) values[name] = Number(input.value);
      this.says.textContent = "";
      this.set(values);
    }

    set(values) {
      Object.assign(this.state.values, values);
      this.write();
      if (this.guessing === "words") this.ask();
      if (this.options.remote) { this.options.send(this.state.values); return; }
      try { this.compute(); this.show(); } catch (error) { this.fail(error); return; }
      clearTimeout(this.saving);
      this.saving = setTimeout(() => history.replaceState(history.state, "", this.link()), 250);
    }

    ordered() {
      const values = { ...this.state.values };
      for (const [small, large] of this.spec.ordered) values[small] = Math.min(values[small], values[large]);
      return values;
    }

    compute() {
      const values = this.ordered();
      const begun = performance.now();
      this.state.found = this.options.remote ? this.options.found() : this.engine.run(values);
      this.shownValues = values;
      this.root.dataset.ms = (performance.now() - begun).toFixed(2);
    }

    received() {
      try { this.compute(); this.write(); this.show(); } catch (error) { this.fail(error); }
    }

    show() {
      const begun = performance.now();
      this.codeBox.textContent = code(this.spec, this.shownValues);
      if (this.guessing) {
        this.status.textContent = "The result is hidden until you commit your prediction.";
        if (this.guessing === "curve") this.askCurve();
        return;
      }
      this.status.textContent = summary(this.spec, this.state.found);
      this.view.values = this.shownValues;
      this.view.found = this.state.found;
      for (const c of this.charts) c.update();
      this.panel.setAttribute("aria-label", `${this.spec.title}: ${this.status.textContent}`);
      this.root.dataset.drawMs = (performance.now() - begun).toFixed(2);
    }

    // -- charts

    get view() { return this.shownState ||= { values: this.shownValues, found: this.state.found }; }

    drawCharts() {
      if (!this.state.found) return;
      const theme = this.theme();
      for (const c of this.charts) c.chart.destroy();
      this.panel.replaceChildren();
      this.panel.setAttribute("role", "img");
      this.charts = this.spec.views.map((view) => {
        const holder = make("div", { class: `hl-chart${view.lines && view.lines.length > 1 ? " hl-legend" : ""}` });
        this.panel.append(holder);
        return (view.lines ? traces : view.bars ? bars : part("map").draw)(holder, view, this.view, theme);
      });
    }

    theme() {
      const mode = isDark() ? "dark" : "light";
      const ink = getComputedStyle(this.root).color;
      this.inked = Boolean(ink);
      return {
        mode, strokes: STROKES[mode], fills: FILLS[mode], ink,
        paper: mode === "dark" ? "#1b1d22" : "#ffffff",
        grid: mode === "dark" ? "rgba(255,255,255,.14)" : "rgba(0,0,0,.10)",
      };
    }

    resize() {
      this.pad?.resize();
      const width = this.panel.clientWidth;
      if (!width || width === this.width) return;
      this.width = width;
      // drawn before it was in the document, where no style is known
      if (!this.inked) { this.drawCharts(); return; }
      for (const c of this.charts) c.chart.setSize({ width, height: c.chart.height });
    }

    // -- predict, then run

    // kind: "words" (say what comes out) or "curve" (draw it)
    toggleGuess(kind = this.guessing || "words") {
      const same = this.guessing === kind;
      if (!this.guessing) this.before = this.state.found;
      this.told.textContent = "";
      this.says.textContent = "";
      if (same) {
        this.reveal();
      } else {
        this.guessing = kind;
        for (const [name, button] of Object.entries(this.modes)) button.setAttribute("aria-pressed", String(name === kind));
        if (kind === "words") this.ask();
      }
      this.show();
    }

    open(...children) {
      this.guess.replaceChildren(...children);
      this.guess.hidden = false;
      this.panel.hidden = true;
    }

    ask() {
      const { spec } = this;
      this.open(
        make("p", {}, "Move the controls, then say what will come out. The comparison is with the result you saw last."),
        ...spec.readouts.map((r, i) => {
          const words = r.signed ? ["strengthens", "weakens", "stays"] : ["higher", "lower", "the same"];
          return make("fieldset", {}, make("legend", {}, r.label),
            ...words.map((word) => make("label", {},
              make("input", { type: "radio", name: `hl-${spec.name}-guess-${i}`, value: word, ...OWN_KEYS }), ` ${word}`)));
        }),
        make("button", { type: "button", onclick: () => this.judge() }, "Commit and run"));
    }

    reveal() {
      this.guessing = false;
      for (const button of Object.values(this.modes)) button.setAttribute("aria-pressed", "false");
      this.pad?.close();
      this.pad = null;
      this.guess.replaceChildren();
      this.guess.hidden = true;
      this.panel.hidden = false;
      this.resize();
    }

    // Adds to the chapter's score, which stays in this browser.
    score(right, asked) {
      const key = `hl-score:${location.pathname}`;
      const old = kept.get(key);
      const sound = Number.isInteger(old?.right) && Number.isInteger(old?.asked) && old.right >= 0 && old.right <= old.asked;
      const score = sound ? old : { right: 0, asked: 0 };
      score.right += right;
      score.asked += asked;
      kept.set(key, score);
      return `On this page so far: ${score.right} of ${score.asked}.`;
    }

    judge() {
      const chosen = [...this.guess.querySelectorAll("fieldset")].map((f) => f.querySelector("input:checked")?.value);
      if (chosen.some((c) => !c)) { this.told.textContent = "Choose one answer in each row."; return; }
      const truth = this.spec.readouts.map((r) => {
        const now = this.state.found[r.output][0];
        if (r.signed) return direction(now);
        const was = this.before[r.output][0];
        const same = Math.abs(now - was) <= 1e-6 * Math.max(Math.abs(now), Math.abs(was));
        return same ? "the same" : now > was ? "higher" : "lower";
      });
      const right = truth.filter((t, i) => t === chosen[i]).length;
      const wrong = this.spec.readouts.map((r, i) => (truth[i] === chosen[i] ? "" : `${r.label}: ${truth[i]}, not ${chosen[i]}`)).filter(Boolean);
      this.reveal();
      this.show();
      this.modes.words.focus({ preventScroll: true }); // the button that was pressed is gone
      this.told.textContent = `${right} of ${truth.length} right. ${wrong.length ? `${wrong.join("; ")}. ` : ""}${this.score(right, truth.length)}`;
    }

    // -- draw the curve, then run

    askCurve() {
      // at other settings the handles may stand elsewhere; what was drawn stays
      const kept = this.pad?.drawn;
      this.pad?.close();
      this.pad = part("sketch").pad(this.spec.sketch, this.spec, this.state.found, {
        theme: () => this.theme(), values: () => this.ordered(), kept,
      });
      this.open(...this.pad.form, make("button", { type: "button", onclick: () => this.judgeCurve() }, "Commit and run"));
      this.pad.draw();
    }

    judgeCurve() {
      const { right, asked, words } = this.pad.judge(this.state.found);
      const { sketch } = this.pad;
      this.reveal();
      this.show();
      this.view.sketch = sketch;
      this.forget.hidden = false;
      this.drawCharts();
      this.modes.curve.focus({ preventScroll: true });
      this.told.textContent = `${words} ${right} of ${asked} right. ${this.score(right, asked)}`;
    }

    forgetSketch() {
      this.view.sketch = null;
      this.forget.hidden = true;
      this.told.textContent = "";
      this.drawCharts();
    }

    // -- link and clipboard

    link() {
      const url = new URL(location.href);
      const changed = this.spec.controls
        .filter((c) => Math.abs(this.state.values[c.name] - c.value) > 1e-12)
        .map((c) => `${c.name}:${+this.state.values[c.name].toPrecision(9)}`);
      if (changed.length) url.searchParams.set(this.spec.name, changed.join(","));
      else url.searchParams.delete(this.spec.name);
      return url.href;
    }

    fromLink() {
      const found = {};
      const text = new URL(location.href).searchParams.get(this.spec.name) || "";
      for (const part of text.split(",")) {
        const [name, value] = part.split(":");
        const c = this.spec.controls.find((k) => k.name === name);
        const v = Number(value);
        if (!c || value === "" || !Number.isFinite(v)) continue;
        const steps = Math.round((Math.min(c.high, Math.max(c.low, v)) - c.low) / c.step);
        found[name] = Math.min(c.high, +(c.low + steps * c.step).toPrecision(12));
      }
      return found;
    }

    async copy(text, what) {
      try {
        await navigator.clipboard.writeText(text);
        this.told.textContent = `${what} copied.`;
      } catch {
        this.told.textContent = `${what}: ${text}`;
      }
    }

    fail(error) { giveUp(this.root, error); }
  }

  function giveUp(root, error) {
    root.dataset.state = "static";
    const why = root.querySelector(".hl-why");
    const reason = error instanceof RangeError ? "there was not enough memory" : error.message;
    if (why) why.textContent = `This explorer cannot run here: ${reason}. The figure shows the model at its start values.`;
  }

  async function mount(root) {
    try {
      const spec = JSON.parse(root.querySelector("script.hl-spec").textContent);
      if (typeof uPlot !== "function") throw new Error("the chart library did not load");
      const explorer = new Explorer(root, spec, await wasmEngine(spec));
      root.heterolib = explorer;
      explorer.start();
    } catch (error) {
      giveUp(root, error);
    }
  }

  globalThis.heterolib = { mount, Explorer, unpack, make, giveUp };
  const scan = () => {
    for (const root of document.querySelectorAll("[data-explorer][data-state=loading]")) {
      if (root.querySelector("script.hl-spec")) mount(root);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", scan);
  else scan();
})();
