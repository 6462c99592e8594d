// What a reader has set once and expects to find again: no data of a patient.
// SPDX-License-Identifier: Apache-2.0

/**
 * What was remembered, or nothing where the browser keeps nothing.
 *
 * @param {string} name of the set of preferences.
 * @returns {object}
 */
export function recall(name) {
  const store = openStore();
  const text = store === null ? null : store.getItem(name);
  if (text === null) return {};
  const found = JSON.parse(text);
  return typeof found === "object" && found !== null ? found : {};
}

/**
 * Remember what was set.
 *
 * @param {string} name of the set of preferences.
 * @param {object} values plain.
 */
export function remember(name, values) {
  const store = openStore();
  if (store !== null) store.setItem(name, JSON.stringify(values));
}

/** A browser that is told to keep nothing throws at the mention; then nothing is kept. */
function openStore() {
  try {
    return window.localStorage;
  } catch (error) {
    if (error.name === "SecurityError") return null;
    throw error;
  }
}
