// What is known of a case before anybody reads it.
// SPDX-License-Identifier: Apache-2.0

import { find, make, makeSentence } from "./element.js";
import { showMoment } from "./moment.js";

/**
 * Show the facts of a case.
 *
 * @param {object} found the case.
 */
export function showFacts(found) {
  const { line, pixels } = found;
  find("number").textContent = `Case ${line.number}`;
  find("title").textContent = line.patient === "unknown" ? "Patient unknown" : line.patient;
  document.title = document.title.replace(/^Case( \d+)?/, `Case ${line.number}`);
  const facts = [
    ["View", line.view === "unknown" || line.view === "" ? "not said" : line.view],
    ["Received", showMoment(line.received_at)],
  ];
  if (pixels !== null) facts.push(["Image", tellPixels(pixels)]);
  find("facts").replaceChildren(...facts.map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  const warnings = find("warnings");
  warnings.hidden = found.warnings.length === 0;
  warnings.replaceChildren(...found.warnings.map((one) => make("li", {}, makeSentence(one.message))));
  showEarlier(found.earlier);
}

function tellPixels({ width, height, bits, spacing_mm: spacing }) {
  const size = `${width} × ${height}, ${bits} bits`;
  return spacing === null ? `${size}, scale not said` : `${size}, ${spacing[0].toFixed(3)} mm`;
}

function showEarlier(lines) {
  find("earlier").hidden = lines.length === 0;
  const words = lines.length === 1 ? "1 other image" : `${lines.length} other images`;
  find("earlier-title").textContent = `${words} of this patient`;
  find("earlier-list").replaceChildren(...lines.map((line) => make("li", {},
    make("a", { href: `/cases/${line.id}` }, `Case ${line.number}`), " ",
    make("span", { class: "soft" }, showMoment(line.received_at),
      line.my_part === "committed" ? ", you have read it" : ""))));
}
