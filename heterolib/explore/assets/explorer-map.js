// A heat map: cells coloured by a quantity over two axes, with a colour bar and values in words.
//
// A part of explorer.js, loaded before it, and only where an explorer has a map.
"use strict";
(globalThis.heterolibParts ||= {}).map = ({ make, axes, hatch, nameUnit, DASHES, LEAST_CHANGE }) => {
  // From nothing, near the paper, to most; a change from weakening by nothing to strengthening. The
  // light ones are those of heterolib/plots.py.
  const RAMPS = {
    light: {
      amount: ["#ffffd9", "#c7e9b4", "#41b6c4", "#225ea8", "#081d58"],
      change: ["#7f3b08", "#e08214", "#f7f7f7", "#4393c3", "#053061"],
    },
    dark: {
      amount: ["#21143c", "#3b528b", "#21918c", "#5ec962", "#fde725"],
      change: ["#ffd9a8", "#d9791a", "#26292f", "#3f8fc4", "#cfe8f7"],
    },
  };

  // As HeatMap.words in heterolib/explore/model.py.
  function mapWords(view, found) {
    const cells = found[view.z];
    return (view.change ? [["highest", 1], ["lowest", -1]] : [["highest", 1]]).map(([word, sign]) => {
      let top = -Infinity, size = 0;
      for (const v of cells) { top = Math.max(top, sign * v); size = Math.max(size, Math.abs(v)); }
      const i = cells.findIndex((v) => sign * v >= top - 1e-9 * size);
      const [at, value] = cellWords(view, found, i);
      return `${word} ${nameUnit(view.z_label)[0]}: ${value} at ${at}`;
    }).join("; ");
  }

  function cellWords(view, found, i) {
    const across = found[view.x].length;
    const one = (v, digits, label, plus = "") => `${plus}${v.toFixed(digits)} ${nameUnit(label)[1]}`.trim();
    const [dx, dy, dz] = view.digits;
    const v = found[view.z][i];
    return [
      `${one(found[view.x][i % across], dx, view.x_label)}, ${one(found[view.y][Math.floor(i / across)], dy, view.y_label)}`,
      one(v, dz, view.z_label, view.change && !(v < 0) ? "+" : ""),
    ];
  }

  // The next of 1, 2, 5, 10, ... from v up, as round_up in heterolib/explore/model.py.
  function roundUp(v) {
    const least = Math.max(v, 1e-9);
    const power = Math.floor(Math.log10(least) + 1e-9);
    return [1, 2, 5, 10].map((m) => Number(`${m}e${power}`)).find((x) => x >= least * (1 - 1e-9));
  }

  function heat(holder, view, state, theme) {
    const stops = RAMPS[theme.mode][view.change ? "change" : "amount"];
    const rgb = stops.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));
    const shades = Array.from({ length: 256 }, (_, i) => {
      const at = (i / 255) * (rgb.length - 1), k = Math.min(Math.floor(at), rgb.length - 2);
      return rgb[k].map((c, j) => Math.round(c + (at - k) * (rgb[k + 1][j] - c)));
    });
    const picture = document.createElement("canvas");
    const ticks = make("div", { class: "hl-ticks" });
    const under = make("p", { class: "hl-under" });
    const bar = make("i");
    bar.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
    holder.append(make("div", { class: "hl-scale" }, make("span", {}, view.z_label), bar, ticks));
    const ends = (name) => { const v = state.found[name]; return [v[0], v[v.length - 1]]; };

    // one pixel a cell; uPlot's canvas enlarges it
    function colour() {
      const cells = state.found[view.z], across = state.found[view.x].length, up = state.found[view.y].length;
      let top = 0;
      for (const v of cells) top = Math.max(top, view.change ? Math.abs(v) : v);
      top = roundUp(top);
      const foot = view.change ? -top : view.decades ? top / 10 ** view.decades : 0;
      const share = view.decades
        ? (v) => (v > foot ? Math.log10(v / foot) / view.decades : 0) : (v) => (v - foot) / (top - foot);
      picture.width = across;
      picture.height = up;
      const g = picture.getContext("2d");
      const image = g.createImageData(across, up);
      cells.forEach((v, i) => {
        const row = up - 1 - Math.floor(i / across);
        const shade = shades[Math.round(255 * Math.max(0, Math.min(1, share(v))))];
        image.data.set([...shade, 255], 4 * (row * across + (i % across)));
      });
      g.putImageData(image, 0, 0);
      const count = view.decades || 4;
      ticks.replaceChildren(...Array.from({ length: count + 1 }, (_, i) => {
        const v = view.decades ? top / 10 ** (count - i) : foot + ((top - foot) * i) / count;
        return make("span", {}, `${view.decades && i === 0 ? "≤ " : view.change && v > 0 ? "+" : ""}${+v.toPrecision(3)}`.replace("-", "−"));
      }));
    }

    function paint(u) {
      const { ctx, bbox } = u;
      const [x0, x1] = ends(view.x), [y0, y1] = ends(view.y);
      const dx = (x1 - x0) / (picture.width - 1), dy = (y1 - y0) / (picture.height - 1);
      const at = (x, y) => [u.valToPos(x, "x", true), u.valToPos(y, "y", true)];
      const [left, low] = at(x0 - dx / 2, y0 - dy / 2), [right, high] = at(x1 + dx / 2, y1 + dy / 2);
      ctx.save();
      ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(picture, left, high, right - left, low - high);
      if (view.change) {
        const w = (right - left) / picture.width, h = (low - high) / picture.height;
        ctx.beginPath();
        state.found[view.z].forEach((v, i) => {
          if (v >= -LEAST_CHANGE) return;
          ctx.rect(left + (i % picture.width) * w, low - (Math.floor(i / picture.width) + 1) * h, w, h);
        });
        const pattern = ctx.createPattern(hatch("dots", theme.ink), "repeat");
        pattern.setTransform(new DOMMatrix().scale(devicePixelRatio || 1));
        ctx.fillStyle = pattern;
        ctx.fill();
      }
      ctx.restore();
    }

    // lines across, with a halo, since they lie on any colour
    function mark(u) {
      const { ctx, bbox } = u;
      const ratio = devicePixelRatio || 1;
      // the colour bar is as wide as the plot
      holder.style.setProperty("--hl-left", `${bbox.left / ratio}px`);
      holder.style.setProperty("--hl-width", `${bbox.width / ratio}px`);
      const at = (n) => (n in state.found ? state.found[n][0] : state.values[n]);
      ctx.save();
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      ctx.lineJoin = "round";
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic";
      for (const m of view.markers) {
        const axis = m.x ? "x" : "y", value = at(m.x || m.y);
        if (value < u.scales[axis].min || value > u.scales[axis].max) continue;
        const p = u.valToPos(value, axis, true);
        ctx.beginPath();
        if (m.x) { ctx.moveTo(p, bbox.top); ctx.lineTo(p, bbox.top + bbox.height); }
        else { ctx.moveTo(bbox.left, p); ctx.lineTo(bbox.left + bbox.width, p); }
        for (const [colour, width] of [[theme.paper, 4], [theme.ink, 1.5]]) {
          ctx.strokeStyle = colour;
          ctx.globalAlpha = width > 2 ? 0.75 : 1;
          ctx.lineWidth = width * ratio;
          ctx.setLineDash(width > 2 ? [] : (DASHES[m.style].length ? DASHES[m.style] : [2, 2]).map((d) => d * ratio));
          ctx.stroke();
        }
        ctx.globalAlpha = 1;
        ctx.setLineDash([]);
        const wide = ctx.measureText(m.label).width;
        const x = m.x ? Math.min(p + 5 * ratio, bbox.left + bbox.width - wide - 3 * ratio) : bbox.left + 5 * ratio;
        const y = m.x ? bbox.top + 13 * ratio : Math.max(p - 5 * ratio, bbox.top + 13 * ratio);
        ctx.strokeStyle = theme.paper;
        ctx.lineWidth = 4 * ratio;
        ctx.strokeText(m.label, x, y);
        ctx.fillStyle = theme.ink;
        ctx.fillText(m.label, x, y);
      }
      ctx.restore();
    }

    function read(u) {
      const { left, top } = u.cursor;
      if (!(left >= 0) || !(top >= 0)) { under.textContent = "Point at the map to read a value."; return; }
      const nearest = (name, value) => {
        const [a, b] = ends(name), n = state.found[name].length - 1;
        return Math.max(0, Math.min(n, Math.round(((value - a) / (b - a)) * n)));
      };
      const column = nearest(view.x, u.posToVal(left, "x")), row = nearest(view.y, u.posToVal(top, "y"));
      under.textContent = cellWords(view, state.found, row * picture.width + column).join(": ");
    }

    // uPlot wants a curve to have a scale: this one is not drawn
    const rows = () => [state.found[view.x], Array.from(state.found[view.x], (_, i) => ends(view.y)[i % 2])];
    const common = axes(view, theme).map((a) => ({ ...a, grid: { show: false } }));
    colour();
    const chart = new uPlot({
      width: holder.clientWidth || 320,
      height: 240,
      scales: { x: { time: false, range: () => ends(view.x) }, y: { range: () => ends(view.y) } },
      axes: common,
      series: [{}, { stroke: stops[stops.length - 1], paths: () => null, points: { show: false } }],
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      legend: { show: false },
      hooks: { drawClear: [paint], draw: [mark], setCursor: [read] },
    }, rows(), holder);
    // a finger moves over the map without a mouse's events
    for (const kind of ["pointerdown", "pointermove"]) {
      chart.over.addEventListener(kind, (event) => {
        if (event.pointerType === "mouse") return;
        const box = chart.over.getBoundingClientRect();
        chart.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
      });
    }
    holder.append(under);
    read(chart);
    return { chart, update: () => { colour(); chart.setData(rows()); read(chart); } };
  }

  return { draw: heat, words: mapWords };
};
