// Draws the charts of this page as SVG from the JSON in #drawing. Hovering shows values in all charts of the same axis.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("drawing").textContent);
  const root = document.getElementById("charts");
  if (!root || !data.charts) return;
  const tip = document.getElementById("tip"), showAll = document.getElementById("all");
  let zoom = null; // [from, to] of the time axis in seconds
  const charts = [];

  // Numbers for people; the units are those of format.go.
  const plain = v => {
    const a = Math.abs(v);
    if (a >= 999.5) return Math.round(v).toLocaleString("en");
    return a < 0.001 ? String(+v.toPrecision(2)) : String(+v.toPrecision(3));
  };
  const bytes = v => {
    const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let i = 0;
    for (; Math.abs(v) >= 1000 && i < names.length - 1; i++) v /= 1024;
    return plain(v) + " " + names[i];
  };
  const units = {
    ms: v => Math.abs(v) >= 1000 ? plain(v / 1000) + " s" : Math.abs(v) < 1 && v ? plain(v * 1000) + " µs" : plain(v) + " ms",
    us: v => plain(v) + " µs", rate: v => plain(v) + "/s", bytes, cores: v => plain(v), count: plain,
  };
  const short = v => Math.abs(v) >= 1e6 ? +(v / 1e6).toPrecision(3) + "M" : Math.abs(v) >= 1e4 ? +(v / 1e3).toPrecision(3) + "k" : plain(v);
  const onAxis = unit => unit === "ms" || unit === "bytes" ? units[unit] : short;
  const clock = s => {
    s = Math.round(s);
    const two = n => String(n).padStart(2, "0");
    return data.end < 3600 ? Math.floor(s / 60) + ":" + two(s % 60) : Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
  };
  const percentile = n => {
    const whole = Math.abs(n - Math.round(n)) < 0.01, digits = whole ? Math.round(n) - 2 : Math.ceil(n) - 1;
    return (100 - Math.pow(10, 2 - n)).toFixed(Math.max(0, digits)) + " %";
  };

  const node = (name, attrs, parent, text) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const k in attrs) e.setAttribute(k, attrs[k]);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  };
  const html = (name, cls, parent, text) => {
    const e = document.createElement(name);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  };

  // Ticks of a linear axis: 1, 2 or 5 times a power of ten (of two for bytes).
  const linear = (max, want, unit) => {
    const base = unit === "bytes" ? Math.pow(1024, Math.max(0, Math.floor(Math.log2(max) / 10 - 1e-9))) : 1;
    const raw = max / base / want, power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw - 1e-12) * base;
    const ticks = [];
    for (let i = 0; i * step <= max * 1.0001; i++) ticks.push(i * step);
    if (ticks[ticks.length - 1] < max) ticks.push(ticks.length * step);
    return ticks;
  };
  const logarithmic = (min, max, want) => {
    const decades = Math.log10(max / min);
    const of = decades > want ? [1] : decades > want / 2 ? [1, 3] : [1, 2, 5];
    const skip = decades > want ? Math.ceil(decades / want) : 1, ticks = [];
    for (let p = Math.floor(Math.log10(min)); p <= Math.ceil(Math.log10(max)); p++)
      if (p % skip === 0) for (const m of of) ticks.push(m * Math.pow(10, p));
    return ticks.filter(t => t >= min * 0.999 && t <= max * 1.001);
  };
  const timeTicks = (from, to, want) => {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
    const step = steps.find(s => (to - from) / s <= want) || 86400 * Math.ceil((to - from) / 86400 / want);
    const ticks = [];
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
    return ticks;
  };

  // The range of both axes over the lines that are shown.
  function ranges(c) {
    let x0 = Infinity, x1 = -Infinity, min = Infinity, max = -Infinity;
    for (const l of c.lines) {
      const xs = data.xs[l.x];
      if (xs.length) { x0 = Math.min(x0, xs[0], xs[xs.length - 1]); x1 = Math.max(x1, xs[0], xs[xs.length - 1]); }
    }
    if (c.x === "time") [x0, x1] = zoom || [0, data.end];
    if (c.x === "nines") x0 = 0;
    if (c.x === "rate") {
      for (const l of c.lines) for (const x of data.xs[l.x]) { x0 = Math.min(x0, x); x1 = Math.max(x1, x); }
      x0 = 0; x1 *= 1.05;
    }
    if (!(x1 > x0)) x1 = x0 + 1;
    for (const l of c.lines) {
      if (c.hidden.has(l)) continue;
      const xs = data.xs[l.x];
      l.y.forEach((v, i) => {
        if (v === null || xs[i] < x0 || xs[i] > x1 || (c.log && v <= 0)) return;
        min = Math.min(min, v); max = Math.max(max, v);
      });
    }
    if (max < min) { min = 0; max = 1; }
    return { x0, x1, min, max };
  }

  function draw(c, given) {
    const width = given || Math.max(240, Math.floor(c.box.clientWidth)), narrow = width < 480;
    const height = c.wide ? (narrow ? 220 : 270) : 200;
    const r = ranges(c), label = onAxis(c.unit);
    let low = 0, high = r.max || 1, ticks;
    if (c.log) {
      low = r.min > 0 ? r.min * 0.85 : 0.1; high = Math.max(r.max * 1.15, low * 3);
      ticks = logarithmic(low, high, 4);
    } else {
      ticks = linear(high, c.wide ? 5 : 4, c.unit); high = ticks[ticks.length - 1];
    }
    const labelled = c.wide && c.x === "time" && data.marks;
    const left = 10 + Math.max(...ticks.map(t => label(t).length)) * 6.9, right = 14, top = labelled ? 26 : 10, bottom = 24;
    const X = v => left + (v - r.x0) / (r.x1 - r.x0) * (width - left - right);
    const Y = v => c.log ? height - bottom - Math.log(v / low) / Math.log(high / low) * (height - top - bottom) : height - bottom - v / high * (height - top - bottom);
    c.view = { r, X, Y, left, right, top, bottom, width, height };
    c.svg.replaceChildren();
    c.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);

    for (const t of ticks) {
      node("line", { x1: left, x2: width - right, y1: Y(t), y2: Y(t), class: t === 0 ? "base" : "grid" }, c.svg);
      node("text", { x: left - 8, y: Y(t) + 4, "text-anchor": "end" }, c.svg, label(t));
    }
    xAxis(c, narrow);
    const clip = "clip-" + c.id;
    const cp = node("clipPath", { id: clip }, c.svg);
    node("rect", { x: left, y: 0, width: width - left - right, height: height - bottom + 1 }, cp);
    const plot = node("g", { "clip-path": `url(#${clip})` }, c.svg);
    if (c.x === "time") marks(c, plot, labelled);
    for (const l of c.lines) if (!c.hidden.has(l)) curve(c, l, plot);
    c.cross = node("g", {}, c.svg);
  }

  function xAxis(c, narrow) {
    const { r, X, width, height, bottom } = c.view, y = height - 6;
    let free = -Infinity; // labels that would touch the one before are left out
    const text = (v, s) => {
      const half = s.length * 3.4;
      if (X(v) - half < free) return;
      free = X(v) + half + 10;
      node("text", { x: Math.min(X(v), width - half - 1), y, "text-anchor": "middle" }, c.svg, s);
    };
    if (c.x === "time") {
      for (const t of timeTicks(r.x0, r.x1, narrow ? 4 : width > 800 ? 10 : 6)) text(t, clock(t));
    } else if (c.x === "nines") {
      const whole = Math.floor(r.x1 + 1e-9), step = narrow && whole > 4 ? 2 : 1;
      text(0, "0 %");
      if (!narrow) text(Math.log10(2), "50 %");
      for (let n = 1; n <= whole; n += step) {
        node("line", { x1: X(n), x2: X(n), y1: c.view.top, y2: height - bottom, class: "grid" }, c.svg);
        text(n, percentile(n));
      }
    } else {
      for (const t of linear(r.x1, narrow ? 4 : 8, "rate").filter(t => t <= r.x1)) text(t, short(t) + "/s");
    }
  }

  function marks(c, plot, labelled) {
    const { r, X, top, height, bottom, width, right } = c.view;
    let free = -Infinity;
    for (const m of data.marks || []) {
      const end = Math.max(m.end, m.at);
      if (end < r.x0 || m.at > r.x1) continue;
      if (m.end > m.at) node("rect", { x: X(m.at), y: top - 4, width: Math.max(2, X(m.end) - X(m.at)), height: height - bottom - top + 4, class: m.kind }, plot);
      else if (m.at > r.x0) node("line", { x1: X(m.at), x2: X(m.at), y1: top - 4, y2: height - bottom, class: m.kind }, plot);
      const at = Math.max(X(m.at), X(r.x0)), w = m.label.length * 6.5;
      const x = Math.min(at, width - right - w);
      if (!labelled || x < free) continue;
      node("text", { x, y: top - 10, class: "mark " + m.kind }, plot, m.label);
      free = x + w + 12;
    }
  }

  // A line breaks where there is no value; a value on its own is a dot.
  function curve(c, l, plot) {
    const { X, Y, height, bottom, r } = c.view, xs = data.xs[l.x], ink = `var(--${l.color})`;
    const ok = i => i >= 0 && i < l.y.length && l.y[i] !== null && (!c.log || l.y[i] > 0);
    if (l.style === "dots") {
      l.y.forEach((v, i) => ok(i) && node("circle", { cx: X(xs[i]), cy: Y(v), r: 4.5, fill: l.color === "bad" ? "var(--card)" : ink, stroke: ink, "stroke-width": 2 }, plot));
      return;
    }
    const span = r.x1 - r.x0;
    let path = "", fill = "", lone = "", from = null;
    for (let i = 0; i < l.y.length; i++) {
      if (xs[i] < r.x0 - span || xs[i] > r.x1 + span || !ok(i)) continue;
      const p = X(xs[i]).toFixed(1) + " " + Y(l.y[i]).toFixed(1);
      if (!ok(i - 1) || path === "") {
        path += "M" + p; from = i; fill += "M" + X(xs[i]).toFixed(1) + " " + (height - bottom);
      }
      if (!ok(i + 1) && from === i) lone += "M" + p + "h.01";
      path += "L" + p; fill += "L" + p;
      if (!ok(i + 1)) fill += "L" + X(xs[i]).toFixed(1) + " " + (height - bottom) + "Z";
      else if (i + 1 < l.y.length && xs[i + 1] > r.x1 + span) fill += "V" + (height - bottom) + "Z";
    }
    if (l.style === "area") node("path", { d: fill, fill: ink, class: "fill" }, plot);
    if (lone) node("path", { d: lone, stroke: ink, class: "lone" }, plot);
    node("path", { d: path, stroke: ink, class: "curve " + l.style + (l.y.length > c.view.width * 0.6 ? " dense" : "") + (l.dash ? " dash" + l.dash : "") }, plot);
  }

  function nearest(xs, x) {
    let a = 0, b = xs.length - 1;
    while (b - a > 1) { const m = (a + b) >> 1; if (xs[m] < x) a = m; else b = m; }
    return Math.abs(xs[a] - x) <= Math.abs(xs[b] - x) ? a : b;
  }

  // hover marks x in all charts with that axis and shows the values of c beside the pointer.
  function hover(c, x, px, py) {
    for (const o of charts) {
      if (!o.cross) continue;
      o.cross.replaceChildren();
      const v = o.view;
      if (o.x !== c.x || c.x === "rate" || x < v.r.x0 || x > v.r.x1) continue;
      const at = v.X(x);
      node("line", { x1: at, x2: at, y1: v.top - 4, y2: v.height - v.bottom, class: "cross" }, o.cross);
      for (const l of o.lines) {
        if (o.hidden.has(l)) continue;
        const i = nearest(data.xs[l.x], x), y = l.y[i];
        if (y !== null && y !== undefined && (!o.log || y > 0)) node("circle", { cx: v.X(data.xs[l.x][i]), cy: v.Y(y), r: 3, fill: `var(--${l.color})` }, o.cross);
      }
    }
    tip.replaceChildren();
    html("b", "", tip, c.x === "time" ? clock(x) : c.x === "nines" ? percentile(x) : "");
    if (c.x === "time") for (const m of data.marks || []) if (m.kind === "fault" && x >= m.at && x <= Math.max(m.end, m.at + data.end / 400)) html("em", "", tip, m.label);
    const table = html("table", "", tip);
    for (const l of c.lines) {
      if (c.hidden.has(l)) continue;
      const xs = data.xs[l.x];
      let i = nearest(xs, x);
      if (c.x === "rate") { i = 0; xs.forEach((v, k) => { if (Math.abs(v - x) < Math.abs(xs[i] - x)) i = k; }); }
      const tr = html("tr", "", table), td = html("td", "", tr);
      html("i", "", td).style.background = `var(--${l.color})`;
      td.append(l.name + (c.x === "rate" ? " at " + units.rate(xs[i]) : ""));
      html("td", "", tr, l.y[i] === null || l.y[i] === undefined ? "–" : units[c.unit](l.y[i]));
    }
    tip.hidden = false;
    const w = tip.offsetWidth, page = document.documentElement.clientWidth;
    tip.style.left = Math.max(4, px + 16 + w > page ? px - w - 16 : px + 16) + "px";
    tip.style.top = Math.max(0, py - tip.offsetHeight - 12) + "px";
  }
  function leave() {
    tip.hidden = true;
    for (const c of charts) if (c.cross) c.cross.replaceChildren();
  }

  function setZoom(z) {
    zoom = z;
    showAll.hidden = !z;
    leave();
    for (const c of charts) if (c.x === "time") draw(c);
  }

  function listen(c) {
    let from = null;
    const at = e => {
      const box = c.svg.getBoundingClientRect(), v = c.view;
      const x = v.r.x0 + ((e.clientX - box.left) * v.width / box.width - v.left) / (v.width - v.left - v.right) * (v.r.x1 - v.r.x0);
      return Math.min(v.r.x1, Math.max(v.r.x0, x));
    };
    c.svg.addEventListener("pointerdown", e => { if (c.x === "time" && e.pointerType === "mouse" && e.button === 0) { from = at(e); c.svg.setPointerCapture(e.pointerId); } });
    c.svg.addEventListener("pointermove", e => {
      const x = at(e);
      hover(c, x, e.pageX, e.pageY);
      if (from !== null) {
        const v = c.view, a = v.X(Math.min(from, x)), b = v.X(Math.max(from, x));
        node("rect", { x: a, y: v.top, width: b - a, height: v.height - v.top - v.bottom, class: "brush" }, c.cross);
      }
    });
    c.svg.addEventListener("pointerup", e => {
      if (from === null) return;
      const a = Math.min(from, at(e)), b = Math.max(from, at(e));
      from = null;
      if (c.view.X(b) - c.view.X(a) > 12 && b - a > 2) setZoom([a, b]);
    });
    c.svg.addEventListener("pointerleave", leave);
    c.svg.addEventListener("pointercancel", () => { from = null; leave(); });
    c.svg.addEventListener("dblclick", () => setZoom(null));
    c.svg.addEventListener("keydown", e => {
      const v = c.view, step = (v.r.x1 - v.r.x0) / 60;
      if (e.key === "Escape") { leave(); if (zoom) setZoom(null); return; }
      if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
      e.preventDefault();
      c.at = Math.min(v.r.x1, Math.max(v.r.x0, (c.at === undefined ? (v.r.x0 + v.r.x1) / 2 : c.at) + (e.key === "ArrowLeft" ? -step : step)));
      const box = c.svg.getBoundingClientRect();
      hover(c, c.at, box.left + window.scrollX + v.X(c.at) * box.width / v.width, box.top + window.scrollY + 40);
    });
    c.svg.addEventListener("blur", leave);
  }

  // Charts of half the width that would leave a hole at the end of their row share it.
  const small = data.charts.filter(c => !c.wide).length;
  let seen = 0;
  for (const spec of data.charts) {
    const c = Object.assign({ hidden: new Set() }, spec);
    const box = html("div", "chart" + (c.wide ? " wide" : ""), root);
    if (!c.wide && small % 2 === 1 && small >= 3 && seen++ >= small - 3) box.classList.add("third");
    const h = html("h2", "", box, c.title);
    if (c.about) html("small", "", h, c.about);
    const legend = html("div", "legend", box);
    for (const l of c.lines) {
      const b = html("button", "", legend);
      b.setAttribute("aria-pressed", "true");
      const swatch = node("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" }, b);
      if (l.style === "dots") node("circle", { cx: 9, cy: 4, r: 3, fill: l.color === "bad" ? "none" : `var(--${l.color})`, stroke: `var(--${l.color})`, "stroke-width": 2 }, swatch);
      else node("path", { d: "M1 4H17", stroke: `var(--${l.color})`, "stroke-width": l.style === "thin" ? 1.5 : 3, "stroke-dasharray": ["none", "5 3", "2 3", "7 2 2 2"][l.dash || 0] }, swatch);
      b.append(l.name);
      b.addEventListener("click", () => {
        if (!c.hidden.delete(l)) c.hidden.add(l);
        b.setAttribute("aria-pressed", String(!c.hidden.has(l)));
        draw(c);
      });
    }
    c.box = html("div", "", box);
    c.svg = node("svg", { role: "img", tabindex: 0, "aria-label": c.title + ": " + c.lines.map(l => l.name).join(", ") }, c.box);
    charts.push(c);
    listen(c);
  }
  showAll.addEventListener("click", () => setZoom(null));
  const resized = new ResizeObserver(entries => {
    for (const e of entries) {
      const c = charts.find(c => c.box === e.target), w = Math.floor(e.contentRect.width);
      if (c.drawn !== w) { c.drawn = w; draw(c); }
    }
  });
  // A4 and Letter have about 690 pixels between the margins; the charts are drawn for that before the page is laid out.
  window.addEventListener("beforeprint", () => { for (const c of charts) draw(c, c.wide ? 660 : 316); });
  window.addEventListener("afterprint", () => { for (const c of charts) draw(c); });
  for (const c of charts) { draw(c); c.drawn = Math.floor(c.box.clientWidth); resized.observe(c.box); }
})();
