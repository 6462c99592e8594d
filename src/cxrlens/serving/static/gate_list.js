// What must hold before a level may be set, and whether it does.
// SPDX-License-Identifier: Apache-2.0

import { find, make } from "./element.js";
import { LEVELS, rankLevel } from "./level_words.js";
import { refill } from "./refilling.js";

/** Show the gates as lists to check off, and shut the levels that none opens. */
export function showGates({ gates, level }) {
  refill(find("gates"), [gates, level], () => gates.map((gate) => makeGate(gate, level)));
  for (const radio of find("level-form").elements.level) {
    const isShut = gates.some((gate) => gate.level === radio.value && !gate.is_open);
    // What is lowered asks for nothing.
    radio.disabled = isShut && rankLevel(radio.value) > rankLevel(level);
    radio.closest("label").querySelector(".level-shut").hidden = !radio.disabled;
  }
}

function makeGate(gate, level) {
  const isNow = rankLevel(level) >= rankLevel(gate.level);
  const missing = gate.lines.filter((line) => !line.is_met).length;
  const words = gate.is_open ? "open" : `closed: ${missing} of ${gate.lines.length} not met`;
  return make("section", { class: gate.is_open ? "gate gate-open" : "gate", "aria-labelledby": `gate-${gate.level}` },
    make("div", { class: "item-head" },
      make("h3", { id: `gate-${gate.level}` }, LEVELS[gate.level], isNow ? make("em", { class: "now" }, "now") : null),
      make("span", { class: gate.is_open ? "chip standing-valid" : "chip" }, words)),
    gate.lines.length === 0
      ? make("p", { class: "soft" }, "It asks for nothing.")
      : make("ul", { class: "checks" }, ...gate.lines.map(makeLine)));
}

function makeLine({ name, asked, found, is_met: isMet }) {
  return make("li", { class: isMet ? "check check-met" : "check" },
    make("span", { class: "check-sign", "aria-hidden": "true" }, isMet ? "✓" : "✗"),
    make("span", {}, make("span", { class: "aside" }, isMet ? "Met: " : "Not met: "), make("b", {}, name), ` ${asked}`,
      make("br"), make("span", { class: "soft" }, found)));
}
