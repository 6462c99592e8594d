// The form in which a person says what they see.
// SPDX-License-Identifier: Apache-2.0

import { find, make } from "./element.js";

/** What each step of sureness means. */
const STEPS = ["a guess", "unsure", "fairly sure", "sure", "certain"];

/** Where sureness begins when it is set by key. */
const MIDDLE = 3;

/** Letters of a name of which two fit on a line. */
const SHORT = 12;

/** Classes that have a digit as a key. */
const DIGITS = 9;

/**
 * @typedef {object} Draft
 * @property {Object<string, boolean>} present class → whether it is there; only those answered.
 * @property {number|null} sureness of all classes without one of their own.
 * @property {Object<string, number>} own class → sureness of its own.
 * @property {string} text
 * @property {string} reason of an amendment.
 */

/** The form. In a room whose classes exclude each other exactly one is present. */
export class ReadingForm {
  /**
   * @param {{classes: Array<{name: string}>, is_multilabel: boolean}} room
   * @param {function(): void} onChange is called whenever a person changed something.
   */
  constructor(room, onChange) {
    this.names = room.classes.map((one) => one.name);
    this.isMultilabel = room.is_multilabel;
    this.onChange = onChange;
    this.form = find("form");
    this.words = find("words");
    this.reason = find("reason");
    this.buildFindings();
    this.buildSureness();
    this.form.addEventListener("input", () => onChange());
    this.empty();
  }

  buildFindings() {
    const box = find("findings");
    find("findings-title").textContent = this.isMultilabel ? "What do you see?" : "Which of these is it?";
    box.append(...this.names.map((name, at) =>
      this.isMultilabel ? this.makeFinding(name, at) : this.makeChoice(name, at)));
    const isShort = this.names.every((name) => name.length <= SHORT);
    box.classList.toggle("is-short", isShort && !this.isMultilabel);
    if (this.isMultilabel) {
      const rest = make("button", { type: "button", class: "quiet rest", click: () => this.setRestAbsent() },
        "All others are absent ", make("kbd", {}, "0"));
      box.append(rest);
    }
  }

  makeChoice(name, at) {
    return make("label", { class: "choice" },
      make("input", { type: "radio", name: "finding", value: name }),
      make("span", { class: "choice-name" }, name), ...showDigit(at));
  }

  makeFinding(name, at) {
    const option = (value, words) => make("label", { class: "pick" },
      make("input", { type: "radio", name: `present-${at}`, value, class: "aside" }), make("span", {}, words));
    const own = make("select", { name: `own-${at}`, "aria-label": `How sure of ${name}` },
      make("option", { value: "" }, "as below"),
      ...STEPS.map((words, step) => make("option", { value: step + 1 }, `${step + 1} ${words}`)));
    return make("div", { class: "finding", role: "group", "aria-label": name },
      make("span", { class: "finding-name" }, name, " ", ...showDigit(at)),
      make("span", { class: "picks" }, option("no", "absent"), option("yes", "present")), own);
  }

  buildSureness() {
    const picks = STEPS.map((words, at) => make("label", { class: "pick", title: words },
      make("input", { type: "radio", name: "sureness", value: at + 1, class: "aside", "aria-label": `${at + 1}: ${words}` }),
      make("span", { "aria-hidden": "true" }, make("b", {}, at + 1), make("small", {}, words))));
    find("sureness").append(make("div", { class: "picks steps" }, ...picks));
  }

  /** What is in the form. */
  get draft() {
    const { elements } = this.form;
    const present = {};
    const own = {};
    if (this.isMultilabel) {
      this.names.forEach((name, at) => {
        const value = elements[`present-${at}`].value;
        if (value !== "") present[name] = value === "yes";
        if (elements[`own-${at}`].value !== "") own[name] = Number(elements[`own-${at}`].value);
      });
    } else if (elements.finding !== undefined && this.chosen !== "") {
      for (const name of this.names) present[name] = name === this.chosen;
    }
    const sureness = elements.sureness.value === "" ? null : Number(elements.sureness.value);
    return { present, sureness, own, text: this.words.value, reason: this.reason.value };
  }

  set draft({ present, sureness, own, text, reason }) {
    const { elements } = this.form;
    this.names.forEach((name, at) => {
      if (!this.isMultilabel) return;
      const value = name in present ? (present[name] ? "yes" : "no") : "";
      for (const radio of elements[`present-${at}`]) radio.checked = radio.value === value;
      elements[`own-${at}`].value = name in own ? String(own[name]) : "";
    });
    if (!this.isMultilabel) {
      for (const radio of this.choices) radio.checked = present[radio.value] === true;
    }
    for (const radio of elements.sureness) radio.checked = Number(radio.value) === sureness;
    this.words.value = text;
    this.reason.value = reason;
  }

  get choices() {
    return [...this.form.querySelectorAll('input[name="finding"]')];
  }

  get chosen() {
    return this.choices.find((radio) => radio.checked)?.value ?? "";
  }

  /** Whether somebody answered anything. */
  get isEmpty() {
    const { present, sureness, own, text, reason } = this.draft;
    return (
      Object.keys(present).length + Object.keys(own).length === 0 && sureness === null &&
      text === "" && reason === ""
    );
  }

  empty() {
    this.draft = { present: {}, sureness: null, own: {}, text: "", reason: "" };
  }

  /** Begin from what was said before. */
  fill(reading) {
    const present = Object.fromEntries(reading.findings.map((one) => [one.class_name, one.present]));
    const steps = reading.findings.map((one) => one.sureness);
    const count = (step) => steps.filter((one) => one === step).length;
    const most = steps.toSorted((one, other) => count(other) - count(one))[0] ?? null;
    const own = Object.fromEntries(reading.findings.filter((one) => one.sureness !== most)
      .map((one) => [one.class_name, one.sureness]));
    this.draft = {
      present, sureness: most, own: this.isMultilabel ? own : {}, text: reading.text, reason: "",
    };
  }

  /** Mark the class with a digit as present; once more as absent where several may be present. */
  mark(at) {
    if (this.isOff || at >= this.names.length) return;
    if (this.isMultilabel) {
      const radios = this.form.elements[`present-${at}`];
      const isPresent = radios.value === "yes";
      for (const radio of radios) radio.checked = radio.value === (isPresent ? "no" : "yes");
      radios[isPresent ? 0 : 1].closest(".finding").scrollIntoView({ block: "nearest" });
    } else {
      this.choices[at].checked = true;
      this.choices[at].closest(".choice").scrollIntoView({ block: "nearest" });
    }
    this.onChange();
  }

  setRestAbsent() {
    if (this.isOff || !this.isMultilabel) return;
    const draft = this.draft;
    for (const name of this.names) draft.present[name] ??= false;
    this.draft = draft;
    this.onChange();
  }

  /** One step surer, or less sure; the first press begins in the middle. */
  stepSureness(change) {
    if (this.isOff) return;
    const draft = this.draft;
    const step = draft.sureness === null ? MIDDLE : draft.sureness + change;
    draft.sureness = Math.min(STEPS.length, Math.max(1, step));
    this.draft = draft;
    this.onChange();
  }

  /** Switch the form on or off. */
  setOff(isOff) {
    this.isOff = isOff;
    for (const element of this.form.elements) {
      if (element.id !== "commit") element.disabled = isOff;
    }
  }

  /**
   * What is missing before it can be sent.
   *
   * @param {boolean} needsReason
   * @returns {{sentence: string, field: HTMLElement}|null}
   */
  findGap(needsReason) {
    const { present, sureness, own, reason } = this.draft;
    const open = this.names.findIndex((name) => !(name in present));
    if (open !== -1) {
      const field = this.isMultilabel ? this.form.elements[`present-${open}`][0] : this.choices[0];
      const sentence = this.isMultilabel
        ? `Say whether ${this.names[open]} is absent or present (0: all that are left are absent).`
        : "Say which of them it is.";
      return { sentence, field };
    }
    if (sureness === null && this.names.some((name) => !(name in own))) {
      return { sentence: "Say how sure you are.", field: this.form.elements.sureness[0] };
    }
    if (needsReason && reason.trim().length < 3) {
      return { sentence: "Say why it is amended, in a few words.", field: this.reason };
    }
    return null;
  }

  /** What is sent: one finding a class. */
  get answer() {
    const { present, sureness, own, text } = this.draft;
    const findings = this.names.map((name) => ({
      class_name: name, present: present[name], sureness: own[name] ?? sureness,
    }));
    return { findings, text };
  }
}

/** What a step of sureness is called. */
export function nameSureness(step) {
  return STEPS[step - 1];
}

function showDigit(at) {
  return at < DIGITS ? [make("kbd", {}, at + 1)] : [];
}
