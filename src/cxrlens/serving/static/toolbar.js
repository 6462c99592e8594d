// The buttons of the viewer: every action, one tab stop, arrows between them.
// SPDX-License-Identifier: Apache-2.0

import { drawIcon } from "./icons.js";
import { showKey } from "./keys.js";

/** Which groups stand in the bar, in this order, and what a screen reader calls them. */
const GROUPS = [
  ["drag", "What dragging does"],
  ["size", "Size"],
  ["grey", "Greys"],
  ["marks", "What the model marked"],
];

/** The toolbar, the choice of a map with its opacity, and the panel of small steps. */
export class Toolbar {
  /**
   * @param {import("./actions.js").Action[]} actions to make buttons for.
   * @param {object} hand does what is asked: `act(action)`, `end(action)`, `chooseMap(id)`,
   *   `setOpacity(share)`, `help()`.
   */
  constructor(actions, hand) {
    this.hand = hand;
    this.actions = actions.filter((action) => action.group !== undefined);
    this.buttons = new Map(this.actions.map((action) => [action.id, this.makeButton(action)]));
    this.panel = this.buildPanel();
    this.bar = this.buildBar();
    this.setStop(this.bar.querySelector("button"));
    this.element = document.createElement("div");
    this.element.className = "viewer-head";
    this.element.append(this.bar, this.buildMapControls(), this.panel);
  }

  makeButton(action) {
    const button = makeButton(action.label, listKeys(action), action.icon, action.text);
    button.dataset.action = action.id;
    if (action.isOn) button.setAttribute("aria-pressed", "false");
    if (action.stop) this.listenToHold(button, action);
    else button.addEventListener("click", () => this.hand.act(action));
    return button;
  }

  /** A button that works as long as it is held, by pointer or key. */
  listenToHold(button, action) {
    const isKey = (event) => event.key === " " || event.key === "Enter";
    const start = () => this.hand.act(action);
    const end = () => this.hand.end(action);
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      start();
    });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, end);
    button.addEventListener("keydown", (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      if (!event.repeat) start();
    });
    button.addEventListener("keyup", (event) => isKey(event) && end());
  }

  buildBar() {
    const bar = document.createElement("div");
    bar.className = "viewer-bar";
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Viewer");
    for (const [name, label] of GROUPS) bar.append(this.buildGroup(name, label));
    const more = document.createElement("div");
    more.className = "viewer-group";
    this.opener = makeButton("Small steps of window and place", "", "steps");
    this.opener.setAttribute("aria-expanded", "false");
    this.opener.setAttribute("aria-controls", this.panel.id);
    this.opener.addEventListener("click", () => this.openPanel(this.panel.hidden));
    this.help = makeButton("Keys and gestures", "?", "help");
    this.help.addEventListener("click", () => this.hand.help());
    more.append(this.opener, this.help);
    bar.append(more);
    bar.addEventListener("keydown", (event) => this.walk(event));
    bar.addEventListener("focusin", (event) => this.setStop(event.target));
    return bar;
  }

  buildGroup(name, label) {
    const group = document.createElement("div");
    group.className = "viewer-group";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    const own = this.actions.filter((action) => action.group === name);
    group.append(...own.map((action) => this.buttons.get(action.id)));
    return group;
  }

  buildPanel() {
    const panel = this.buildGroup("steps", "Small steps");
    panel.className = "viewer-steps";
    panel.id = `viewer-steps-${Math.random().toString(36).slice(2)}`;
    panel.hidden = true;
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.openPanel(false);
      this.opener.focus();
    });
    return panel;
  }

  /** Open the panel below its button, or close it. */
  openPanel(isOpen) {
    this.panel.hidden = !isOpen;
    const room = this.element.clientWidth - this.panel.offsetWidth;
    this.panel.style.left = `${Math.max(0, Math.min(room, this.opener.offsetLeft))}px`;
    this.opener.setAttribute("aria-expanded", String(isOpen));
  }

  buildMapControls() {
    const controls = document.createElement("div");
    controls.className = "viewer-map-controls";
    this.choice = document.createElement("select");
    this.choice.setAttribute("aria-label", "Which heat map");
    this.choice.title = "Which heat map (O: next)";
    this.choice.addEventListener("change", () => this.hand.chooseMap(this.choice.value));
    this.slider = document.createElement("input");
    Object.assign(this.slider, { type: "range", min: "0", max: "100", step: "5" });
    this.slider.setAttribute("aria-label", "Opacity of the heat map");
    this.slider.title = "Opacity of the heat map (, and .)";
    this.slider.addEventListener("input", () => this.hand.setOpacity(this.slider.value / 100));
    controls.append(this.choice, this.slider);
    return controls;
  }

  /** Arrows walk along the bar, as toolbars have it. */
  walk(event) {
    const buttons = [...this.bar.querySelectorAll("button:not(:disabled)")];
    const at = buttons.indexOf(event.target);
    const ends = { Home: 0, End: buttons.length - 1 };
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1 };
    const next = ends[event.key] ?? steps[event.key];
    if (next === undefined || event.shiftKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length].focus();
  }

  setStop(button) {
    for (const other of this.bar.querySelectorAll("button")) other.tabIndex = -1;
    button.tabIndex = 0;
  }

  /**
   * Show which maps there are.
   *
   * @param {Array<{id: string, label: string}>} maps to choose from.
   */
  listMaps(maps) {
    this.choice.replaceChildren(
      ...maps.map(({ id, label }) => new Option(label, id)),
      ...(maps.length === 0 ? [new Option("no heat map", "")] : []),
    );
  }

  /**
   * Show how things are.
   *
   * @param {function(import("./actions.js").Action): boolean} isReady whether it can be done.
   * @param {{mapId: string|null, opacity: number}} state of the maps.
   */
  refresh(isReady, state) {
    for (const action of this.actions) {
      const button = this.buttons.get(action.id);
      button.disabled = !isReady(action);
      if (action.isOn) button.setAttribute("aria-pressed", String(action.isOn()));
    }
    const hasMap = state.mapId !== null;
    this.choice.disabled = !hasMap;
    this.slider.disabled = !hasMap;
    if (hasMap) this.choice.value = state.mapId;
    this.slider.value = String(Math.round(100 * state.opacity));
    this.slider.setAttribute("aria-valuetext", `${this.slider.value} %`);
    const stop = this.bar.querySelector('button[tabindex="0"]');
    if (stop.disabled) this.setStop(this.bar.querySelector("button:not(:disabled)"));
  }
}

function listKeys(action) {
  return (action.shown ?? action.keys.map(showKey)).join(" or ");
}

function makeButton(label, keys, icon, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "viewer-button";
  button.setAttribute("aria-label", label);
  button.title = keys === "" ? label : `${label} (${keys})`;
  button.append(icon === undefined ? text : drawIcon(icon));
  return button;
}
