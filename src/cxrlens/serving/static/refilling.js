// What is shown anew without taking the reader's place: what is open stays open, and the focus.
// SPDX-License-Identifier: Apache-2.0

const told = new WeakMap();

/**
 * Fill a box, unless what it is made from is the same as before.
 *
 * Details and controls with the same `data-key` before and after are taken for the same.
 *
 * @param {HTMLElement} box
 * @param {object} facts that it is made from.
 * @param {function(): Node[]} build
 */
export function refill(box, facts, build) {
  const text = JSON.stringify(facts);
  if (told.get(box) === text) return;
  told.set(box, text);
  const find = (key) => [...box.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  const open = [...box.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key);
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  box.replaceChildren(...build());
  for (const key of open) find(key)?.setAttribute("open", "");
  if (focused !== undefined) find(focused)?.focus({ preventScroll: true });
}
