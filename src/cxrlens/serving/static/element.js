// An element with its attributes and what is in it.
// SPDX-License-Identifier: Apache-2.0

/**
 * Make an element. Text goes in as text: nothing that was sent in ever becomes markup.
 *
 * @param {string} tag
 * @param {object} [attributes] true sets an attribute without a value, false and null leave it
 *   out, a function listens to the event that the name says.
 * @param {...(Node|string|number|null)} children nulls are left out.
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null).map(toNode));
  return element;
}

/** The element with an id, which the page's template has. */
export function find(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element "${id}".`);
  return element;
}

/** What a template of the page holds, as a copy. */
export function copyTemplate(selector) {
  return document.querySelector(`template${selector}`).content.cloneNode(true);
}

/** A sentence as people write it: a capital first, a full stop last. */
export function makeSentence(words) {
  const text = words.trim();
  if (text === "") return "";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

function toNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
