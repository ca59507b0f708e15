// Draw the curve you expect, then run: the place to draw, and what is said of the sketch.
//
// A part of explorer.js, loaded before it, and only where an explorer has a curve to be drawn.
"use strict";
(globalThis.heterolibParts ||= {}).sketch = ({ make, axes, nameUnit, decimals, drawBands, drawOnTop, OWN_KEYS }) => {
  const STEPS = 100; // positions of a handle
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

  const height = (s, step) => s.low + ((s.high - s.low) * step) / STEPS;

  // The sketch between its handles, at the places xs; nothing beyond them.
  function along(at, drawn, xs) {
    const step = at[1] - at[0], last = at.length - 1;
    return Array.from(xs, (x) => {
      const p = (x - at[0]) / step;
      if (p < -1e-9 || p > last + 1e-9) return null;
      const k = clamp(Math.floor(p), 0, last - 1);
      return drawn[k] + (p - k) * (drawn[k + 1] - drawn[k]);
    });
  }

  // What the reader got right; the rules stand at Sketch in heterolib/explore/model.py.
  function judge(s, at, drawn, xs, ys, [xUnit, yUnit]) {
    const step = at[1] - at[0], slack = 1e-9 * step;
    const off = (v) => v - s.base;
    const least = (s.high - s.low) / 50;
    const side = (v) => (Math.abs(off(v)) < least ? 0 : Math.sign(off(v)));
    const x = (v) => `${+v.toPrecision(4)} ${xUnit}`.trim();
    const y = (v) => `${off(v) < 0 ? "" : "+"}${+off(v).toPrecision(2)} ${yUnit}`.trim();
    if (!ys.some(side)) {
      const flat = !drawn.some(side);
      const end = flat ? ", as you drew it" : "; your sketch leaves it";
      return { right: +flat, asked: 1, words: `The model's curve stays at ${s.base}${end}.` };
    }
    const model = at.map((p) => {
      const j = clamp(xs.findIndex((v) => v >= p - slack), 1, xs.length - 1);
      return ys[j - 1] + ((p - xs[j - 1]) / (xs[j] - xs[j - 1])) * (ys[j] - ys[j - 1]);
    });
    const good = model.filter((v, j) => side(v) === side(drawn[j])).length;
    const marks = [5 * good >= 4 * at.length];
    const told = [`direction right at ${good} of ${at.length} points`];
    for (const [sign, word] of [[1, "highest"], [-1, "lowest"]]) {
      const far = (v) => v.reduce((best, w, n) => (sign * w > sign * v[best] ? n : best), 0);
      const i = far(ys), k = far(drawn);
      if (side(ys[i]) !== sign) continue;
      const theirs = `the model's ${y(ys[i])} at ${x(xs[i])}`;
      if (side(drawn[k]) !== sign) {
        marks.push(false, false);
        told.push(`${word}: none drawn, ${theirs}`);
        continue;
      }
      const tops = at.filter((_, j) => off(drawn[j]) / off(drawn[k]) > 0.99);
      const place = tops.some((p) => xs.some((v, j) => Math.abs(v - p) <= step + slack && off(ys[j]) / off(ys[i]) >= 0.9));
      const ratio = off(drawn[k]) / off(ys[i]);
      const size = ratio >= 0.5 && ratio <= 2;
      marks.push(place, size);
      const right = place && size ? "place and size right" : place ? "place right, size not" : size ? "size right, place not" : "neither right";
      told.push(`${word} ${y(drawn[k])} at ${x(at[k])}, ${theirs} (${right})`);
    }
    return { right: marks.filter(Boolean).length, asked: marks.length, words: `Your sketch: ${told.join("; ")}.` };
  }

  // A chart without the curve, and for each handle a native slider, which the pointer moves too.
  // `values` gives the settings now, `kept` the heights of an earlier pad.
  function pad(s, spec, found, { theme, values, kept }) {
    const view = spec.views.find((v) => v.lines?.some((l) => l.y === s.y));
    const line = view.lines.find((l) => l.y === s.y);
    const bare = { ...view, lines: [line], markers: [], log_y: false };
    const from = found[line.x][0], to = found[line.x].at(-1);
    const step = (to - from) / (s.points - 1);
    const at = Array.from({ length: s.points }, (_, i) => from + step * i);
    const drawn = kept || at.map(() => s.base);
    const name = `${line.label ? `${line.label}, ` : ""}${view.y_label}`;
    const [xName, xUnit] = nameUnit(view.x_label), yUnit = nameUnit(view.y_label)[1];
    const digits = decimals((s.high - s.low) / STEPS);
    const holder = make("div", { class: "hl-pad", role: "group", "aria-label": `Sketch of ${name}` });
    const inputs = at.map((x, i) => {
      const input = make("input", {
        type: "range", class: "hl-handle", min: 0, max: STEPS, step: 1, ...OWN_KEYS,
        "aria-label": `${name} at ${xName} ${+x.toPrecision(4)} ${xUnit}`.trim(),
      });
      input.addEventListener("input", () => { drawn[i] = height(s, +input.value); changed(); });
      input.style.left = `${(100 * (i + 0.5)) / at.length}%`;
      return input;
    });
    let chart = null;

    function changed() {
      chart.setData([at, drawn]);
      inputs.forEach((input, i) => {
        input.value = Math.round((STEPS * (drawn[i] - s.low)) / (s.high - s.low));
        input.setAttribute("aria-valuetext", `${drawn[i].toFixed(digits)} ${yUnit}`.trim());
      });
    }

    function draw() {
      const look = theme();
      chart?.destroy();
      chart = new uPlot({
        width: holder.clientWidth || 320,
        height: 230,
        scales: {
          x: { time: false, range: () => [from - step / 2, to + step / 2] },
          y: { range: () => [s.low, s.high] },
        },
        axes: axes(bare, look),
        series: [{}, { stroke: look.ink, width: 2, points: { show: true, size: 11, width: 2, stroke: look.ink, fill: look.paper } }],
        cursor: { show: false },
        legend: { show: false },
        hooks: {
          drawClear: [(u) => drawBands(u, bare, values(), look.fills)],
          draw: [(u) => drawOnTop(u, bare, values(), {}, look)],
        },
      }, [at, drawn], holder);
      const { over } = chart;
      over.append(...inputs);
      let last = null;
      const stroke = (event) => {
        const box = over.getBoundingClientRect();
        const column = clamp(Math.floor(((event.clientX - box.left) / box.width) * at.length), 0, at.length - 1);
        const level = STEPS * clamp(1 - (event.clientY - box.top) / box.height, 0, 1);
        const [k, y] = last || [column, level];
        const n = Math.max(1, Math.abs(column - k)); // a fast stroke jumps over handles: these lie between
        for (let j = 0; j <= n; j++) {
          drawn[Math.round(k + ((column - k) * j) / n)] = height(s, Math.round(y + ((level - y) * j) / n));
        }
        last = [column, level];
        changed();
      };
      over.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        over.setPointerCapture(event.pointerId);
        last = null;
        stroke(event);
      });
      over.addEventListener("pointermove", (event) => { if (last && event.buttons) stroke(event); });
      changed();
    }

    return {
      drawn,
      draw,
      resize() {
        const width = holder.clientWidth;
        if (chart && width && width !== chart.width) chart.setSize({ width, height: chart.height });
      },
      close() { chart?.destroy(); },
      form: [
        make("p", {}, `Move the controls, then draw the curve you expect: ${name}. Draw with a mouse or a finger, or step through the points with Tab and move them with the arrow keys.`),
        holder,
        make("p", { class: "hl-small" }, "Judged will be the direction at each point, and of the highest and the lowest point the place, to one step between points, and the size, to a factor of 2."),
      ],
      judge: (now) => judge(s, at, drawn, now[line.x], now[line.y], [xUnit, yUnit]),
      sketch: { view, drawn, along: (xs) => along(at, drawn, xs) },
    };
  }

  return { pad, judge };
};
