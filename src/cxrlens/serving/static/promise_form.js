// The form in which a lead promises something of the machine, before anybody looks.
// SPDX-License-Identifier: Apache-2.0

import { ask, makeKey } from "./asking.js";
import { confirmFirst } from "./confirming.js";
import { find, make } from "./element.js";
import { count, tellShare } from "./figures.js";
import { countNeeded, nameStake, spendDelta, tellPromise } from "./promise_words.js";

/** Months after which a certificate is proposed to end. */
const MONTHS = 6;

const MEANS = {
  negative: "it is wrong where it says that the finding is absent, and it is there: a miss",
  positive: "it is wrong where it says that the finding is there, and it is not: a false alarm",
};

/** The form. */
export class PromiseForm {
  /**
   * @param {import("./frame.js").Frame} frame
   * @param {function(): void} onMade is called when there is a new promise.
   */
  constructor(frame, onMade) {
    this.frame = frame;
    this.onMade = onMade;
    this.form = find("promise-form");
    const end = new Date();
    end.setMonth(end.getMonth() + MONTHS);
    this.form.elements.expires.value = end.toISOString().slice(0, 10);
    this.form.addEventListener("input", () => this.explain());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.make();
    });
    this.explain();
  }

  /** What is in the form; parts that are not filled are NaN or nothing. */
  get promise() {
    const { elements } = this.form;
    const looks = elements.looks.value.split(",").map((one) => one.trim()).filter((one) => one !== "").map(Number);
    return {
      finding: elements.finding.value,
      decides: elements.decides.value,
      risk: toShare(elements.risk.valueAsNumber),
      delta: toShare(elements.delta.valueAsNumber),
      looks,
      expires: elements.expires.value,
      drift_window: elements.drift_window.valueAsNumber,
      drift_looks: elements.drift_looks.valueAsNumber,
    };
  }

  /** Say what the promise means, and what it takes. */
  explain() {
    const { promise } = this;
    const { risk, delta } = promise;
    const isFilled = isShare(risk) && isShare(delta);
    find("promise-means").textContent = isFilled
      ? `${tellPromise(promise)}, with ${tellShare(1 - delta)} confidence: ${MEANS[promise.decides]}. Of all such promises at most ${tellShare(delta)} are broken.`
      : "Say how often the machine may be wrong, and this says what it means.";
    find("promise-needs").textContent = isFilled ? tellNeeds(promise) : "";
  }

  async make() {
    const { promise } = this;
    // The whole of the last day, where the reader sits.
    const json = { ...promise, expires: new Date(`${promise.expires}T23:59:59`).toISOString() };
    const looks = promise.looks.map((one) => one.toLocaleString("en-GB")).join(", then ");
    const body = [
      make("p", {}, `${tellPromise(promise)}, with ${tellShare(1 - promise.delta)} confidence.`),
      make("ul", {},
        make("li", {}, `It is tested after ${looks} patients ${nameStake(promise)}.`),
        make("li", {}, "Only patients whose truth is first entered from now on count, by a person who has no reading of the case."),
        make("li", {}, "It cannot be changed afterwards: it can be withdrawn, and another made, which begins at 0.")),
    ];
    if (!(await confirmFirst("Make this promise?", body, "Make it"))) return;
    try {
      await ask("POST", "/automation/promises", { json, key: makeKey() });
      this.frame.say("The promise is made. Enter what is true of new cases, and test it when enough of them are there.", { kind: "good" });
      find("promise-new").open = false;
      this.onMade();
    } catch (error) {
      this.frame.explain(error);
    }
  }
}

function tellNeeds(promise) {
  const { risk, delta, looks } = promise;
  const stake = nameStake(promise);
  const [none, one, two] = [0, 1, 2].map((wrong) => countNeeded(risk, delta, wrong).toLocaleString("en-GB"));
  const needs = `It takes at least ${none} patients ${stake} if the machine decides none of them wrongly, ${one} with one wrong, ${two} with two.`;
  const gap = looks.findIndex((look, at) => at > 0 && look <= looks[at - 1]);
  if (gap !== -1) return `${needs} Give the numbers in ascending order.`;
  const parts = spendDelta(delta, looks);
  const short = looks.findIndex((look, at) => look < countNeeded(risk, parts[at]));
  if (short === -1) return needs;
  const needed = countNeeded(risk, parts[short]);
  const part = looks.length === 1 ? "" : `, since each look spends its part of the ${tellShare(delta)}`;
  return `${needs} After ${count(looks[short], "patient")} nothing could be certified: that takes ${needed.toLocaleString("en-GB")}${part}.`;
}

function toShare(percent) {
  // Without this 7 / 100 would travel as 0.07000000000000001.
  return Number((percent / 100).toPrecision(12));
}

function isShare(value) {
  return value > 0 && value < 1;
}
