// Figures as people read them: shares, intervals, numbers of things.
// SPDX-License-Identifier: Apache-2.0

import { make, makeSentence } from "./element.js";

/** Decimal places that a share may have in per cent; smaller shares get as many as they need. */
const PLACES = 1;

/** A share as per cent, such as `34.2 %`. */
export function tellShare(value) {
  const percent = 100 * value;
  if (percent !== 0 && Math.abs(percent) < 1) return `${Number(percent.toPrecision(2))} %`;
  return `${Number(percent.toFixed(PLACES))} %`;
}

/** A share with its 95 % interval and how many it is of, such as `34.2 % (29.1 to 39.2 %, n = 250)`. */
export function tellInterval({ value, low, high, n }) {
  return `${tellShare(value)} (${tellShare(low).replace(" %", "")} to ${tellShare(high)}, n = ${n})`;
}

/** The same as nodes, with the interval in small. */
export function showInterval(share) {
  const [value, rest] = tellInterval(share).split(/ (?=\()/);
  return [value, make("small", {}, ` ${rest}`)];
}

/** A number of things, such as `1 case`, `2 cases`. */
export function count(number, noun, plural = `${noun}s`) {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? noun : plural}`;
}

/** A small number with as many digits as say something. */
export function tellNumber(value, digits = 3) {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(digits - 2);
  return String(Number(value.toPrecision(digits)));
}

/** Letters of a sentence that people read to its end; drift tells a figure of every chart. */
const MOST = 240;

/**
 * A sentence, of which what is too long is opened by whoever wants it.
 *
 * @param {string} words
 * @param {string} key by which it stays open when it is shown anew.
 * @returns {Array<Node|string>}
 */
export function showLong(words, key) {
  const sentence = makeSentence(words);
  if (sentence.length <= MOST) return [sentence];
  const end = sentence.lastIndexOf(" ", MOST);
  return [`${sentence.slice(0, end)} …`, make("details", { class: "long", "data-key": key },
    make("summary", { "data-key": `${key}-summary` }, "All of it"), sentence)];
}

/** Terms and what they are, as a list for `dl`. */
export function makeFacts(className, facts) {
  return make("dl", { class: className }, ...facts.map(([name, ...value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, ...value))));
}

/**
 * A table of figures.
 *
 * @param {string} caption
 * @param {string[]} heads of the columns; the first column names its row.
 * @param {Array<Array<string|number|Node>>} rows
 * @returns {HTMLElement} that scrolls sideways where the screen is narrow.
 */
export function makeTable(caption, heads, rows) {
  const cell = (value, place) => (place === 0
    ? make("th", { scope: "row" }, value)
    : make("td", {}, value));
  const head = make("tr", {}, ...heads.map((one) => make("th", { scope: "col" }, one)));
  // Who has no mouse scrolls by keys, and needs to come here first.
  return make("div", { class: "table-box", tabindex: 0, role: "group", "aria-label": caption },
    make("table", { class: "figures" }, make("caption", {}, caption), make("thead", {}, head),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell))))));
}
