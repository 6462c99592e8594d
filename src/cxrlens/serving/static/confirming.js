// A question before something that matters, and copying what must be kept.
// SPDX-License-Identifier: Apache-2.0

import { find } from "./element.js";

/**
 * Ask whether something should be done.
 *
 * @param {string} title
 * @param {Node[]} body what happens then.
 * @param {string} yes the word on the button.
 * @returns {Promise<boolean>}
 */
export function confirmFirst(title, body, yes) {
  const dialog = find("ask");
  find("ask-title").textContent = title;
  find("ask-body").replaceChildren(...body);
  find("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
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
