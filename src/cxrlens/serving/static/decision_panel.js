// What the machine did with a case at an automated level, and how it is taken back.
// SPDX-License-Identifier: Apache-2.0

import { confirmFirst } from "./confirming.js";
import { find, make, makeSentence } from "./element.js";
import { showMoment } from "./moment.js";

/** Hexadecimal digits that tell certificates apart. */
const SHORT = 8;

const TITLES = {
  decided: "Decided by the machine",
  referred: "Referred to a reader",
  "would-decide": "The machine would have decided this",
  "would-refer": "The machine would have referred this",
};

const RECALLS = {
  "new-information": "something new is known of the patient",
  "looks-wrong": "the decision looks wrong",
  "promise-broken": "the promise behind it is broken",
  other: "another reason",
};

/**
 * Show the decision, where there is one that may be seen.
 *
 * @param {object} found the case.
 * @param {object} hand `isLead`, and `recall()`, which takes the case back.
 */
export function showDecision({ decision, may }, { isLead, recall }) {
  const box = find("verdict");
  box.hidden = decision === null;
  if (decision === null) {
    box.replaceChildren();
    return;
  }
  const { kind, words, at, is_spot_check: isDrawn, recalled_at: back } = decision;
  const isDecided = kind === "decided" && back === null;
  box.classList.toggle("verdict-decided", isDecided);
  box.replaceChildren(
    make("h2", {}, kind === "decided" && isDrawn ? "Decided by the machine, and drawn for a reader" : TITLES[kind]),
    make("p", {}, makeSentence(words)),
    ...(isDecided && !isDrawn ? [make("p", {}, "Nobody is asked to read it.")] : []),
    ...(isDrawn ? [make("p", {}, "It was drawn by lot as a spot check before the machine decided: what you find is held against the promise.")] : []),
    ...(back === null ? [] : [make("p", {}, `Taken back by ${decision.recalled_by ?? "the room"}, `, showMoment(back), `: ${RECALLS[decision.recall_reason]}.`)]),
    make("p", { class: "soft small" }, showMoment(at), ...showCertificates(decision.certificates, isLead)),
    ...(may.includes("recall") ? [make("button", { type: "button", click: recall }, "Take it back…")] : []));
}

function showCertificates(ids, isLead) {
  if (ids.length === 0) return [];
  const links = ids.flatMap((id, at) => [at === 0 ? "" : ", ", isLead
    ? make("a", { href: `/automation#certificate-${id}` }, id.slice(0, SHORT))
    : make("code", {}, id.slice(0, SHORT))]);
  return [ids.length === 1 ? ", by certificate " : ", by certificates ", ...links];
}

/** Ask why a case is taken back; null where it is left. */
export async function askRecall() {
  const choices = Object.entries(RECALLS).map(([value, words]) => make("label", { class: "tick" },
    make("input", { type: "radio", name: "recall", value, required: true }), words));
  const box = make("fieldset", { class: "recall" }, make("legend", {}, "Why (stands on the trail)"), ...choices);
  const body = [make("p", {}, "The case goes to the readers’ worklist, and is read like any other. What the machine decided stays on record."), box];
  const isMeant = await confirmFirst("Take this case back from the machine?", body, "Take it back");
  return isMeant ? box.querySelector(":checked").value : null;
}
