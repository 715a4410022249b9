// Small drawings. Each has a table or a sentence beside it that says the same.

import { el, styled, svg } from "./dom.mjs";

// So many colours that are told apart by the colour-blind; what comes after them is little, and all grey.
const COLOURS = 8;
export const colour = (n) => (n < COLOURS ? `var(--c${n})` : "var(--soft)");

// Sums as bars: terms above 0 to the right, below 0 to the left of one line, all on one scale.
// rows: [{ terms: { name: value } }]; names: in the order of their colours. Gives a function that draws one.
export function stacks(rows, names) {
  const side = (row, sign) => Object.values(row.terms).filter((v) => v * sign > 0).reduce((sum, v) => sum + Math.abs(v), 0);
  const right = Math.max(...rows.map((row) => side(row, 1)), 1e-9);
  const left = Math.max(...rows.map((row) => side(row, -1)), 0);
  const scale = 100 / (left + right);
  return (row) => {
    let [up, down] = [left * scale, left * scale];
    const bars = [];
    names.forEach((name, n) => {
      const value = row.terms[name] ?? 0;
      const width = Math.abs(value) * scale;
      if (width < 0.05) return;
      const x = value > 0 ? up : down - width;
      if (value > 0) up += width;
      else down -= width;
      bars.push(styled(svg("rect", { x: `${x}%`, y: 2, width: `${width}%`, height: 14 }), { fill: colour(n), stroke: "var(--page)" }));
    });
    const zero = svg("line", { x1: `${left * scale}%`, x2: `${left * scale}%`, y1: 0, y2: 18, class: "zero" });
    return svg("svg", { class: "stack", width: "100%", height: 18, "aria-hidden": "true" }, bars, styled(zero, { stroke: "var(--ink)" }));
  };
}

export const legend = (names) =>
  el("ul", { class: "terms" }, names.map((name, n) => el("li", {}, styled(el("span", { class: "chip", "aria-hidden": "true" }), { background: colour(n) }), name)));

const pad = (value) => String(value).padStart(2, "0");
const day = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;

// Retrievability against time. lines: [{ name, points: [{ at, retrievability }], dashed }]; marks: times of uses;
// now, due: times or null; threshold: a level. label: what it shows, in words.
export function curves({ lines, marks = [], now = null, due = null, threshold = null, label }) {
  const [w, h, l, t, r, b] = [720, 280, 44, 14, 14, 36];
  const all = lines.flatMap((line) => line.points.map((point) => +new Date(point.at)));
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const x = (time) => l + ((+new Date(time) - from) / Math.max(to - from, 1)) * (w - l - r);
  const y = (level) => t + (1 - level) * (h - t - b);
  const inside = (time) => time && +new Date(time) >= from && +new Date(time) <= to;
  const rule = (props, styles) => styled(svg("line", props), styles);
  const parts = [];
  for (const level of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(rule({ x1: l, x2: w - r, y1: y(level), y2: y(level), class: "axis" }, {}));
    parts.push(svg("text", { x: l - 6, y: y(level) + 4, "text-anchor": "end", class: "softly" }, String(level)));
  }
  for (let n = 0; n <= 4; n += 1) {
    const at = new Date(from + ((to - from) * n) / 4);
    const anchor = n === 0 ? "start" : n === 4 ? "end" : "middle";
    parts.push(svg("text", { x: l + ((w - l - r) * n) / 4, y: h - 14, "text-anchor": anchor, class: "softly" }, day(at)));
  }
  if (threshold !== null) {
    parts.push(rule({ x1: l, x2: w - r, y1: y(threshold), y2: y(threshold) }, { stroke: "var(--warn)", "stroke-dasharray": "5 4" }));
    parts.push(svg("text", { x: w - r, y: y(threshold) - 5, "text-anchor": "end" }, "archived below"));
  }
  lines.forEach((line, n) => {
    if (line.points.length < 2) return;
    const d = line.points.map((point, i) => `${i ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point.retrievability).toFixed(1)}`).join("");
    parts.push(styled(svg("path", { d, fill: "none" }), { stroke: colour(line.colour ?? n), "stroke-width": "2.5", "stroke-dasharray": line.dashed ? "6 4" : "none" }));
  });
  for (const use of marks.filter(inside)) {
    parts.push(rule({ x1: x(use), x2: x(use), y1: h - b, y2: h - b - 12 }, { stroke: "var(--good)", "stroke-width": "2.5" }));
  }
  const named = (time, text, stroke) => {
    if (!inside(time)) return;
    const end = x(time) > w - 120;
    parts.push(rule({ x1: x(time), x2: x(time), y1: t, y2: h - b }, { stroke, "stroke-dasharray": "2 3" }));
    parts.push(svg("text", { x: x(time) + (end ? -5 : 5), y: t + 10, "text-anchor": end ? "end" : "start" }, text));
  };
  named(now, "now", "var(--soft)");
  named(due, `due ${due ? day(new Date(due)) : ""}`, "var(--warn)");
  return svg("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": label, class: "chart" }, parts);
}
