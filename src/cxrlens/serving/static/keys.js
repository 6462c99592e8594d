// The keys of the page: one table of what each does, and the help that lists it.
// SPDX-License-Identifier: Apache-2.0

import { drawIcon } from "./icons.js";
import { recall, remember } from "./preferences.js";

const MEMORY = "cxrlens-keys";

/**
 * One line of the table.
 *
 * @typedef {object} Binding
 * @property {string[]} keys as in `KeyboardEvent.key`, letters small, "Shift+" before named keys;
 *   none for a line that only informs, as of the mouse.
 * @property {string[]} [shown] what the help writes for the keys, where it is not the keys.
 * @property {string} label what it does, for the help.
 * @property {string} [icon] of the button that does the same, from `icons.js`.
 * @property {function(): void} [run] what it does, at every press.
 * @property {function(): void} [stop] what ends it, where it lasts as long as the key is held.
 * @property {HTMLElement} [within] where the key works even when single keys are switched off.
 * @property {boolean} [onlyWithin] whether it works nowhere else.
 */

/** Keys, what they do, and the help. */
export class KeyTable {
  constructor() {
    this.groups = new Map();
    this.held = new Map();
    this.isOn = recall(MEMORY).isOn ?? true;
    this.dialog = null;
    const run = () => this.toggleHelp();
    this.add("Help", [{ keys: ["?"], label: "Show or hide these keys", icon: "help", run }]);
  }

  /**
   * Add lines to the table.
   *
   * @param {string} group heading in the help.
   * @param {Binding[]} bindings of keys that nobody has yet.
   * @returns {function(): void} takes them out again.
   * @throws {Error} where a key is taken.
   */
  add(group, bindings) {
    const taken = new Set(this.list().flatMap((binding) => binding.keys));
    for (const key of bindings.flatMap((binding) => binding.keys)) {
      if (taken.has(key)) throw new Error(`The key "${key}" is taken: choose another one.`);
      taken.add(key);
    }
    this.groups.set(group, [...(this.groups.get(group) ?? []), ...bindings]);
    return () => {
      const left = (this.groups.get(group) ?? []).filter((one) => !bindings.includes(one));
      if (left.length > 0) this.groups.set(group, left);
      else this.groups.delete(group);
    };
  }

  /** All lines of the table. */
  list() {
    return [...this.groups.values()].flat();
  }

  /**
   * Begin to listen.
   *
   * @param {Document|HTMLElement} target hears the keys.
   * @returns {function(): void} ends it.
   */
  listen(target = document) {
    const press = (event) => this.press(event);
    const release = (event) => this.release(event.key);
    const releaseAll = () => this.releaseAll();
    target.addEventListener("keydown", press);
    target.addEventListener("keyup", release);
    // A key that is let go in another window is never reported.
    window.addEventListener("blur", releaseAll);
    return () => {
      this.releaseAll();
      target.removeEventListener("keydown", press);
      target.removeEventListener("keyup", release);
      window.removeEventListener("blur", releaseAll);
    };
  }

  press(event) {
    const key = nameKey(event);
    if (event.defaultPrevented || key === null || isTyping(event)) return;
    const binding = this.list().find((one) => one.keys.includes(key));
    if (binding === undefined || !this.mayRun(binding, key, event.target)) return;
    event.preventDefault();
    if (binding.stop === undefined) {
      binding.run();
    } else if (!event.repeat && !this.held.has(event.key.toLowerCase())) {
      this.held.set(event.key.toLowerCase(), binding);
      binding.run();
    }
  }

  mayRun(binding, key, target) {
    // A question on top of the page has the keys to itself.
    if (document.querySelector("dialog[open]") !== null) return this.dialog?.open === true && key === "?";
    const isWithin = binding.within?.contains(target) ?? false;
    if (binding.onlyWithin) return isWithin;
    // Dictation types letters: what is said must not become commands (WCAG 2.1.4).
    return isWithin || this.isOn || key.length > 1;
  }

  release(key) {
    const name = key.toLowerCase();
    const binding = this.held.get(name);
    this.held.delete(name);
    binding?.stop();
  }

  releaseAll() {
    for (const key of [...this.held.keys()]) this.release(key);
  }

  /** Show the help, or hide it. */
  toggleHelp() {
    if (this.dialog?.open) {
      this.dialog.close();
      return;
    }
    this.dialog?.remove();
    this.dialog = this.buildHelp();
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  buildHelp() {
    const dialog = make("dialog", "keys-help");
    dialog.setAttribute("aria-labelledby", "keys-help-title");
    const head = make("div", "keys-help-head");
    const title = make("h2", "", "Keys and gestures");
    title.id = "keys-help-title";
    const close = make("button", "keys-help-close", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    head.append(title, close);
    const body = make("div", "keys-help-body");
    // In the order in which they were added, but the help itself last.
    const [help, ...groups] = this.groups;
    body.append(...[...groups, help].map(([name, lines]) => listGroup(name, lines)));
    dialog.append(head, body, this.buildSwitch());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    return dialog;
  }

  buildSwitch() {
    const label = make("label", "keys-help-switch");
    const box = make("input");
    box.type = "checkbox";
    box.checked = this.isOn;
    box.addEventListener("change", () => {
      this.isOn = box.checked;
      remember(MEMORY, { isOn: this.isOn });
    });
    label.append(box, "Single keys work everywhere on the page (switch off when you dictate)");
    return label;
  }
}

/** The name of what was pressed; null where it belongs to the browser. */
function nameKey(event) {
  // AltGr types brackets on many keyboards, and is reported as Ctrl and Alt by some systems.
  const isTyped = event.getModifierState("AltGraph");
  if (event.isComposing || (!isTyped && (event.ctrlKey || event.altKey || event.metaKey))) {
    return null;
  }
  if (event.key.length === 1) return event.key.toLowerCase();
  return event.shiftKey ? `Shift+${event.key}` : event.key;
}

/** Whether the key belongs to the control that has the focus. */
function isTyping(event) {
  const { target, key } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  const isPressing = key === " " || key === "Enter";
  if (!(target instanceof HTMLInputElement)) {
    return isPressing && target.matches("button, a, summary");
  }
  const isTicked = ["checkbox", "radio", "button", "submit", "range"].includes(target.type);
  return !isTicked || key === " " || key.startsWith("Arrow") || key === "Home" || key === "End";
}

function listGroup(name, bindings) {
  const section = make("section", "keys-help-group");
  const list = make("dl");
  for (const binding of bindings) {
    const line = make("div");
    const term = make("dt");
    const shown = binding.shown ?? binding.keys.map(showKey);
    term.append(...shown.map((text) => make("kbd", "", text)));
    const meaning = make("dd");
    meaning.append(...(binding.icon === undefined ? [] : [drawIcon(binding.icon)]), binding.label);
    line.append(term, meaning);
    list.append(line);
  }
  section.append(make("h3", "", name), list);
  return section;
}

/** A key as it is written on a keyboard. */
export function showKey(key) {
  const names = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  return key
    .split(/(?<=Shift)\+/)
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(" ");
}

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.textContent = text;
  return element;
}
