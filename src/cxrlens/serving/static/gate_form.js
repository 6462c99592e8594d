// The form in which an admin sets what the gates ask for.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { find } from "./element.js";

/** The form. */
export class GateForm {
  /**
   * @param {import("./frame.js").Frame} frame
   * @param {function(object): void} onSet is given the automation as it stands then.
   */
  constructor(frame, onSet) {
    this.form = find("gate-form");
    this.isTouched = false;
    this.form.addEventListener("input", () => {
      this.isTouched = true;
      find("gate-done").textContent = "";
    });
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const json = Object.fromEntries(this.fields.map((field) => [field.name, field.valueAsNumber]));
      try {
        const told = await ask("PUT", "/automation/gates", { json });
        this.isTouched = false;
        find("gate-done").textContent = "Set.";
        onSet(told);
      } catch (error) {
        frame.explain(error);
      }
    });
  }

  get fields() {
    return [...this.form.querySelectorAll("input")];
  }

  /** Show what is set, unless somebody is at it. */
  show(settings) {
    if (this.isTouched) return;
    for (const field of this.fields) field.value = settings[field.name];
  }
}
