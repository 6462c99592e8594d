// What the reader can do with a case now, and how the form speaks of it.
// SPDX-License-Identifier: Apache-2.0

/**
 * @typedef {object} Stage
 * @property {"first-answer"|"commit"|"amend"} action
 * @property {string} path below the case's.
 * @property {string} title of the form.
 * @property {string} why below the title, or nothing.
 * @property {string} button
 */

const STAGES = {
  "first-answer": {
    action: "first-answer",
    path: "first-answer",
    title: "Your own answer first",
    why: "Then the model’s answer is shown, and you answer again.",
    button: "Answer first",
  },
  commit: {
    action: "commit", path: "reading", title: "Your reading", why: "", button: "Commit",
  },
  final: {
    action: "commit",
    path: "reading",
    title: "Your final reading",
    why: "Now that you have seen the model’s answer: it stands as you answered first.",
    button: "Commit",
  },
  amend: {
    action: "amend",
    path: "amendments",
    title: "Amend your reading",
    why: "What you committed stays, and this is added to it.",
    button: "Save the amendment",
  },
};

/**
 * Find the stage of a case.
 *
 * @param {object} found the case.
 * @param {boolean} isAmending whether the reader wants to amend.
 * @returns {Stage|null} null where there is nothing to answer.
 */
export function findStage(found, isAmending) {
  if (found.may.includes("first-answer")) return STAGES["first-answer"];
  if (found.may.includes("commit")) {
    return found.line.my_part === "first-answer" && found.machine !== null ? STAGES.final : STAGES.commit;
  }
  return found.may.includes("amend") && isAmending ? STAGES.amend : null;
}

/** The reader's newest answer to begin from, or null. */
export function findOwn(readings, name) {
  return readings.filter((one) => one.person === name).at(-1) ?? null;
}
