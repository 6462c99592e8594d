// The page of what came of it: each model and level on its own, nothing pooled.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { find, make, makeSentence } from "./element.js";
import { Frame } from "./frame.js";
import { LEVELS } from "./level_words.js";

/** Hexadecimal digits that tell models apart. */
const SHORT = 12;

const frame = new Frame();
show();

async function show() {
  try {
    const { parts } = await ask("GET", "/outcomes");
    find("outcomes-empty").hidden = parts.length > 0;
    find("outcomes-files").hidden = parts.length === 0;
    find("outcomes").replaceChildren(...parts.map(makePart));
  } catch (error) {
    frame.explain(error);
  }
}

function makePart({ level, bundle, facts }) {
  const { outcome, verdicts, seconds, notes } = facts;
  const model = bundle === null ? "no model ran" : `model ${bundle.slice(0, SHORT)}`;
  return make("section", { class: "outcome" },
    make("h2", {}, `${LEVELS[level]}: ${model}`),
    make("p", {}, `${count(outcome.n_readings, "reading")} of ${count(outcome.n_patients, "patient")}. `,
      ...seconds.map((told) => `${makeSentence(told)} `)),
    ...outcome.per_class.map((one, place) => makeClass(one, verdicts[place])),
    make("details", {},
      make("summary", {}, "How to read these figures"),
      make("ul", {}, ...notes.map((note) => make("li", {}, note)))),
  );
}

function makeClass(one, verdict) {
  const told = [verdict.agreement, verdict.reference, verdict.switches].flat().filter(Boolean);
  return make("article", { class: "outcome-class" },
    make("h3", {}, one.class_name),
    ...told.map((sentence) => make("p", {}, makeSentence(sentence))),
    make("div", { class: "outcome-figures" }, makeCounts(one.agreement), makeRates(one), makeSwitches(one.switches)),
  );
}

function makeCounts({ counts, share, kappa, pabak }) {
  return make("div", { class: "outcome-table" },
    make("table", {},
      make("caption", {}, "Reader alone and model"),
      make("thead", {}, makeRow(["", "model: present", "model: absent"], "th")),
      make("tbody", {},
        makeRow(["reader: present", counts.both_present, counts.only_reader]),
        makeRow(["reader: absent", counts.only_machine, counts.both_absent]))),
    make("dl", {},
      ...makeTerm("Agreement", show95(share)),
      ...makeTerm("Cohen’s κ", show95(kappa)),
      ...makeTerm("PABAK", show95(pabak))));
}

function makeRates({ against_reader: against, reference }) {
  const rows = [
    ["Model, the reader taken for the truth", against],
    ["Model, against the reference", reference.machine],
    ["Reader alone, against the reference", reference.reader],
    ["Reader with the model, against the reference", reference.aided],
  ];
  return make("div", { class: "outcome-table" },
    make("table", {},
      make("caption", {}, "How often right (95 % interval)"),
      make("thead", {}, makeRow(["", "sensitivity", "n", "specificity", "n"], "th")),
      make("tbody", {}, ...rows.map(([name, { sensitivity, specificity }]) => makeRow([
        name, show95(sensitivity), sensitivity.n, show95(specificity), specificity.n,
      ])))),
    make("p", { class: "soft" }, showTest(reference)));
}

function makeSwitches(switches) {
  if (switches.n_readings === 0) return null;
  const rows = [
    ["changed at all", switches.changed],
    ["toward the model", switches.toward],
    ["away from it", switches.away],
    ["to the right", switches.to_right],
    ["to the wrong", switches.to_wrong],
  ];
  return make("div", { class: "outcome-table" },
    make("table", {},
      make("caption", {}, "Answers after the model was shown"),
      make("thead", {}, makeRow(["", "changed", "of", "share (95 % interval)"], "th")),
      make("tbody", {}, ...rows.map(([name, one]) => makeRow([name, one.n_changed, one.n_open, show95(one.share)])))));
}

function showTest({ n_known: known, n_unknown: unknown, on_all: test }) {
  if (test === null) return `A reference is known of none of ${count(unknown, "reading")}.`;
  const { only_first: reader, only_second: model, method } = test.discordance;
  // Of several classes that are asked about at once one differs by chance more easily.
  const p = test.adjusted_p_value ?? test.discordance.p_value;
  const told = test.adjusted_p_value === null ? method : `${method}, after Holm over the classes`;
  return `Reference known of ${known} of ${known + unknown}. Only the reader right: ${reader}; `
    + `only the model right: ${model} (${told}, p ${p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`}).`;
}

/** A figure with its interval, or why there is none. */
function show95({ value, low, high, method }) {
  if (value === null) return make("span", { class: "soft", title: method }, "–");
  if (low === null) return make("span", { title: method }, value.toFixed(3), make("small", {}, " no interval"));
  return make("span", { title: method }, value.toFixed(3), make("small", {}, ` ${low.toFixed(3)} to ${high.toFixed(3)}`));
}

function makeRow(cells, tag = "td") {
  return make("tr", {}, ...cells.map((cell, place) => {
    if (place > 0) return make(tag, { class: "number", scope: tag === "th" ? "col" : null }, cell);
    return cell === "" ? make("td", {}) : make("th", { scope: "row" }, cell);
  }));
}

function makeTerm(name, value) {
  return [make("dt", {}, name), make("dd", {}, value)];
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
