// What the model says of a case: classes with their operating points, regions, and what it is.
// SPDX-License-Identifier: Apache-2.0

import { make, makeSentence } from "./element.js";

/** Hexadecimal digits of a digest that people compare. */
const SHORT = 12;

/**
 * Make what shows the model's answer.
 *
 * @param {object} machine the answer.
 * @param {object} hand `highlight(region|null)`, and `orders`, an element that offers maps.
 * @returns {Node[]}
 */
export function showMachine(machine, hand) {
  return [
    make("h2", {}, "The model’s answer: ", make("span", { class: "decision" }, machine.decision)),
    make("ul", { class: "classes" }, ...machine.classes.map(showClass)),
    make("p", { class: "soft small" }, tellCalibration(machine.classes)),
    ...showWarnings(machine.warnings),
    ...showRegions(machine.regions, hand.highlight),
    hand.orders,
    make("dl", { class: "provenance soft small" },
      makeFact("Out of distribution", tellDistance(machine)),
      makeFact("Model", make("code", { title: machine.bundle }, machine.bundle.slice(0, SHORT))),
      makeFact("Engine", machine.engine)),
  ];
}

function showClass({ name, probability, threshold, is_decided: isDecided }) {
  const fill = make("span", { class: "bar-fill" });
  fill.style.width = share(probability);
  const bar = make("span", { class: "bar", "aria-hidden": "true" }, fill);
  if (threshold !== null) {
    const line = make("span", { class: "bar-line" });
    line.style.left = share(threshold);
    bar.append(line);
  }
  const point = threshold === null
    ? null
    : make("span", { class: "point", title: "Operating point" },
      make("span", { class: "aside" }, ", operating point "), threshold.toFixed(2));
  return make("li", { class: isDecided ? "class decided" : "class" },
    make("span", { class: "class-name" }, name,
      isDecided ? make("span", { class: "aside" }, " (decided)") : null),
    bar, make("span", { class: "class-number" }, probability.toFixed(2)), point);
}

function share(number) {
  return `${(100 * Math.min(1, Math.max(0, number))).toFixed(1)}%`;
}

function tellCalibration(classes) {
  const words = classes.every((one) => one.is_calibrated)
    ? "Calibrated probabilities."
    : "Not calibrated: these numbers order cases, and are no probabilities.";
  return classes.some((one) => one.threshold !== null)
    ? `${words} The line is the operating point.`
    : `${words} The likeliest class decides.`;
}

function showWarnings(warnings) {
  if (warnings.length === 0) return [];
  return [make("ul", { class: "warnings", "aria-label": "Warnings of the model" },
    ...warnings.map((one) => make("li", {}, makeSentence(one.message))))];
}

function showRegions(regions, highlight) {
  if (regions.length === 0) return [make("p", { class: "soft small" }, "No region stands out.")];
  const items = regions.map((region) => {
    const on = () => highlight(region);
    const off = () => highlight(null);
    const place = region.place === null ? "" : `, ${region.place}`;
    const button = make("button", {
      type: "button", class: "quiet region frame", title: "Shown alone while you point at it",
      mouseenter: on, mouseleave: off, focus: on, blur: off,
    }, `${region.class_name} ${region.score.toFixed(2)}${place}`);
    return make("li", {}, button);
  });
  return [make("div", { class: "regions" },
    make("h3", { class: "aside" }, regions.length === 1 ? "Region" : "Regions"),
    make("ul", { class: "region-list" }, ...items))];
}

function tellDistance({ out_of_distribution: p, out_of_distribution_limit: limit }) {
  if (p === null) return "not measured by this model";
  const [told, least] = [p, limit].map((one) => Number(one.toPrecision(2)));
  if (p > limit) return `nothing unusual (p = ${told})`;
  return make("strong", { class: "strange" },
    `unlike the training images (p = ${told}, limit ${least}): do not rely on this answer`);
}

function makeFact(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}
