// Small drawings of figures, each with its words and its numbers beside it.
// SPDX-License-Identifier: Apache-2.0

import { make } from "./element.js";

const SVG = "http://www.w3.org/2000/svg";

let made = 0;

/**
 * Make a part of a drawing.
 *
 * @param {string} tag
 * @param {object} attributes null leaves one out.
 * @param {...(Node|string)} children
 * @returns {SVGElement}
 */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * A drawing with what it is called, what it shows, and its numbers.
 *
 * @param {object} told
 * @param {string} told.title
 * @param {string} told.words what it shows, for who does not see it.
 * @param {number} told.width of the grid that the marks are drawn on.
 * @param {number} told.height
 * @param {SVGElement[]} told.marks
 * @param {Node[]} [told.legend] what its marks mean.
 * @param {Node|null} [told.table] the same in numbers; null where they stand beside it.
 * @param {string} [told.key] by which its numbers stay open when it is drawn anew.
 * @returns {HTMLElement}
 */
export function makeFigure({ title, words, width, height, marks, legend = [], table = null, key = "" }) {
  made += 1;
  const [titleId, wordsId] = [`chart-${made}-title`, `chart-${made}-words`];
  const picture = draw("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img", class: "chart-picture", "aria-labelledby": titleId,
    "aria-describedby": wordsId,
  }, draw("title", { id: titleId }, title), draw("desc", { id: wordsId }, words), ...marks);
  picture.style.maxWidth = `${width}px`;
  return make("figure", { class: "chart" },
    make("figcaption", {}, title), picture,
    legend.length === 0 ? null : make("ul", { class: "legend" }, ...legend),
    table === null ? null : make("details", { "data-key": key },
      make("summary", { "data-key": `${key}-summary` }, "As numbers"), table));
}

/** What a mark means, in a legend. */
export function makeLegend(className, words) {
  return make("li", {}, make("span", { class: `swatch ${className}`, "aria-hidden": "true" }), words);
}

/** From numbers to places, evenly. */
export function scale([low, high], [start, end]) {
  const span = high - low || 1;
  return (value) => start + ((value - low) / span) * (end - start);
}

/** From positive numbers to places, by their logarithm. */
export function scaleLog([low, high], range) {
  const even = scale([Math.log(low), Math.log(high)], range);
  return (value) => even(Math.log(value));
}

/** A line across the drawing at a height, with its words at the left. */
export function drawTick(y, words, { left, right, className = "grid" }) {
  return draw("g", {},
    draw("line", { class: className, x1: left, x2: right, y1: y, y2: y }),
    draw("text", { class: "tick-words", x: left - 6, y: y + 4, "text-anchor": "end" }, words));
}

/** Words below the drawing. */
export function drawLabel(x, y, words, anchor = "middle") {
  return draw("text", { class: "tick-words", x, y, "text-anchor": anchor }, words);
}

/** A line through points. */
export function drawLine(points, className) {
  return draw("polyline", { class: className, points: points.map(([x, y]) => `${round(x)},${round(y)}`).join(" ") });
}

/** A round mark, which says what it stands for when it is pointed at. */
export function drawDot([x, y], className, words, radius = 4) {
  return draw("circle", { class: className, cx: round(x), cy: round(y), r: radius }, draw("title", {}, words));
}

/** A square mark standing on its corner. */
export function drawDiamond([x, y], className, words, radius = 5) {
  const [a, b] = [round(x), round(y)];
  const corners = `${a},${b - radius} ${a + radius},${b} ${a},${b + radius} ${a - radius},${b}`;
  return draw("polygon", { class: className, points: corners }, draw("title", {}, words));
}

function round(number) {
  return Math.round(10 * number) / 10;
}
