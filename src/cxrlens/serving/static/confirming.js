// A question before something that matters, and copying what must be kept.
// SPDX-License-Identifier: Apache-2.0

import { find, make } from "./element.js";

/** Fewest letters of a reason. */
const FEWEST = 3;

/** Most letters of a reason. */
const MOST = 500;

/**
 * Ask whether something should be done.
 *
 * @param {string} title
 * @param {Node[]} body what happens then; fields in it must be filled before a yes is taken.
 * @param {string} yes the word on the button.
 * @returns {Promise<boolean>}
 */
export function confirmFirst(title, body, yes) {
  const dialog = find("ask");
  const no = find("ask-no");
  find("ask-title").textContent = title;
  find("ask-body").replaceChildren(...body);
  find("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  // No button of the form: it would ask for its fields, and take an Enter in them for a no.
  no.onclick = () => dialog.close("no");
  dialog.showModal();
  (find("ask-body").querySelector("input") ?? no).focus();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

/**
 * Ask for a reason, which stands on the trail.
 *
 * @param {string} title
 * @param {Node[]} body what happens then.
 * @param {string} yes the word on the button.
 * @returns {Promise<string|null>} the reason; null where it is left.
 */
export async function askReason(title, body, yes) {
  const field = make("input", {
    id: "ask-reason", type: "text", required: true, minlength: FEWEST, maxlength: MOST, autocomplete: "off",
  });
  const label = make("label", { for: "ask-reason" }, "Why (stands on the trail)");
  const isMeant = await confirmFirst(title, [...body, label, field], yes);
  return isMeant ? field.value.trim() : null;
}

/**
 * Copy what a field holds; where the browser does not allow it, mark it so that a person can.
 *
 * @param {HTMLInputElement} field
 * @param {HTMLElement} sign says what came of it.
 */
export async function copyField(field, sign) {
  field.select();
  // Browsers offer the clipboard to HTTPS and the own machine alone.
  if (navigator.clipboard === undefined) {
    sign.textContent = "Marked: copy it with Ctrl C.";
    return;
  }
  try {
    await navigator.clipboard.writeText(field.value);
    sign.textContent = "Copied.";
  } catch (error) {
    if (error.name !== "NotAllowedError") throw error;
    sign.textContent = "Marked: copy it with Ctrl C.";
  }
}
