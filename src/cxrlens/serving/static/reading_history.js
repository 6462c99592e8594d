// What was said of a case, in the order in which it was said.
// SPDX-License-Identifier: Apache-2.0

import { make } from "./element.js";
import { showMoment, tellSpan } from "./moment.js";
import { nameSureness } from "./reading_form.js";

const KINDS = { first: "Answered first", final: "Committed", amendment: "Amended" };

/**
 * Show readings.
 *
 * @param {HTMLElement} box is filled; hidden where there are none.
 * @param {object[]} readings
 * @param {boolean} isMultilabel whether several classes may be present.
 */
export function showHistory(box, readings, isMultilabel) {
  box.hidden = readings.length === 0;
  box.replaceChildren(make("h2", {}, "Readings"),
    make("ol", {}, ...readings.map((reading) => showReading(reading, isMultilabel))));
}

function showReading(reading, isMultilabel) {
  const { kind, person, at, seconds, text, reason } = reading;
  const took = kind === "amendment" ? "" : `, after ${tellSpan(seconds)}`;
  return make("li", { class: `said-${kind}` },
    make("p", { class: "said-what" }, tellFindings(reading.findings, isMultilabel)),
    ...(text === "" ? [] : [make("p", { class: "said-words" }, text)]),
    ...(reason === null ? [] : [make("p", { class: "said-reason" }, `Why: ${reason}`)]),
    make("p", { class: "soft" }, `${KINDS[kind]} by ${person}, `, showMoment(at),
      `${took}${reading.machine_was_shown ? "; the model’s answer had been shown" : ""}`));
}

function tellFindings(findings, isMultilabel) {
  const tell = ({ class_name: name, sureness }) => `${name} (${sureness}, ${nameSureness(sureness)})`;
  const present = findings.filter((one) => one.present);
  const there = present.length === 0 ? "nothing present" : present.map(tell).join(", ");
  const absent = findings.filter((one) => !one.present).map((one) => one.class_name);
  return isMultilabel && absent.length > 0 ? `${there}; absent: ${absent.join(", ")}` : there;
}
