// The form that sets the level of the room.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { confirmFirst } from "./confirming.js";
import { find, make } from "./element.js";
import { rankLevel } from "./level_words.js";

/** What a level does with cases that arrive from now on. */
const FROM_NOW = {
  "human-only": "No model runs from now on.",
  shadow: "The model reads new cases in silence.",
  assistance: "New cases show the model’s answer beside the image.",
  partial: "The machine decides new cases that a certificate covers, and nobody is asked to read them. All others go to readers.",
  full: "The machine decides every new case, and nobody is asked to read it; only cases with reservations go to readers.",
};

/** The form, which offers some of the levels. */
export class LevelForm {
  /**
   * @param {import("./frame.js").Frame} frame
   * @param {function(string, string|null): string[]} [tellMore] says what else a level brings,
   *   under a protocol if any is named.
   */
  constructor(frame, tellMore = () => []) {
    this.frame = frame;
    this.tellMore = tellMore;
    this.form = find("level-form");
    this.reason = find("level-reason");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.set();
    });
    this.form.addEventListener("change", () => this.refresh());
    frame.onRoom((room) => this.take(room));
    this.refresh();
  }

  get chosen() {
    return this.form.elements.level.value;
  }

  refresh() {
    const radio = this.form.querySelector("[name=level]:checked");
    find("level-set").disabled = radio === null || radio.disabled || radio.value === this.frame.level;
  }

  take(room) {
    for (const radio of this.form.elements.level) {
      radio.checked = radio.value === room.level;
      radio.closest("label").querySelector(".now").hidden = radio.value !== room.level;
    }
    this.refresh();
  }

  async set() {
    const level = this.chosen;
    const name = this.form.querySelector(":checked").closest("label").querySelector("b").textContent;
    const protocol = this.form.elements.protocol?.value.trim() || null;
    try {
      const { n_open: open } = await ask("GET", "/cases?shown=open&limit=1");
      const lines = [FROM_NOW[level], ...this.tellMore(level, protocol), ...tellConsequences(this.frame.level, level, open)];
      const body = lines.map((line) => make("li", {}, line));
      if (!(await confirmFirst(`Set the room to “${name}”?`, [make("ul", {}, ...body)], `Set to ${name}`))) {
        return;
      }
      const json = { level, reason: this.reason.value.trim(), ...(protocol === null ? {} : { protocol }) };
      this.frame.take(await ask("PUT", "/room/level", { json }));
      this.reason.value = "";
      this.frame.say(`The room is set to “${name}”.`, { kind: "good" });
    } catch (error) {
      this.frame.explain(error);
    }
  }
}

function tellConsequences(from, to, nOpen) {
  const waiting = nOpen === 1 ? "The 1 case that waits" : `The ${nOpen} cases that wait`;
  return [
    rankLevel(to) < rankLevel(from)
      ? `${waiting} for you, and all others that have not been read, fall to this level at once.`
      : `${waiting} for you and all others that are here already keep the level with which they came, or a lower one.`,
    "Readings that are committed stay as they are.",
    "Everybody in the room sees the new level at once; your reason stands on the trail.",
  ];
}
