// The promises that were made, and how far each is.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { askReason, confirmFirst } from "./confirming.js";
import { find, make, makeSentence } from "./element.js";
import { count, makeFacts, tellShare } from "./figures.js";
import { showMoment } from "./moment.js";
import { makeLeftOut, nameStake, tellPromise } from "./promise_words.js";
import { refill } from "./refilling.js";

const STATES = {
  open: "open", certified: "certified", spent: "not kept: all looks are spent", withdrawn: "withdrawn",
};

/** The list. */
export class PromiseList {
  /**
   * @param {import("./frame.js").Frame} frame
   * @param {function(): void} onChange is called when something was done to a promise.
   */
  constructor(frame, onChange) {
    this.frame = frame;
    this.onChange = onChange;
  }

  /** Show promises, those that wait first. */
  show(promises) {
    const sorted = promises.toSorted((one, other) => (other.state === "open") - (one.state === "open"));
    refill(find("promises"), promises, () => (promises.length === 0
      ? [make("p", { class: "nothing" }, "No promise has been made yet. Without one nothing can be certified, and the machine decides nothing.")]
      : sorted.map((one) => this.makePromise(one))));
  }

  makePromise(promise) {
    const isOpen = promise.state === "open";
    return make("article", { class: `item promise promise-${promise.state}`, id: `promise-${promise.id}` },
      make("div", { class: "item-head" },
        make("h3", {}, `${tellPromise(promise)} (${tellShare(1 - promise.delta)} confidence)`),
        make("span", { class: `chip chip-${promise.state}` }, STATES[promise.state])),
      ...(isOpen ? showProgress(promise) : []),
      ...makeLeftOut(promise.left_out, promise.id),
      promise.tested.length === 0 ? null : make("ul", { class: "tested" }, ...promise.tested.map((one) => make("li", {}, makeSentence(one)))),
      makeFacts("facts-line soft", [
        ["Made", `by ${promise.set_by}, `, showMoment(promise.set_at)],
        ["Tested after", promise.looks.map((one) => one.toLocaleString("en-GB")).join(", ")],
        ["Ends at the latest", showMoment(promise.expires)],
      ]),
      isOpen ? this.makeActs(promise) : null);
  }

  makeActs(promise) {
    return make("div", { class: "acts" },
      make("button", {
        type: "button", class: "main-button", "data-key": `test-${promise.id}`, disabled: promise.n_missing > 0,
        click: () => this.try(() => this.test(promise)),
      }, "Test it…"),
      make("button", {
        type: "button", class: "danger", "data-key": `withdraw-${promise.id}`, click: () => this.try(() => this.withdraw(promise)),
      }, "Withdraw…"));
  }

  async try(act) {
    try {
      await act();
    } catch (error) {
      this.frame.explain(error);
    }
    this.onChange();
  }

  async test(promise) {
    const at = promise.looks.indexOf(promise.next_look) + 1;
    const isLast = at === promise.looks.length;
    const body = [make("ul", {},
      make("li", {}, `This is look ${at} of ${promise.looks.length}, on the first ${promise.next_look} patients ${nameStake(promise)}.`),
      make("li", {}, isLast ? "If it does not pass, the promise is spent: another must be made, on other patients." : "If it does not pass, the next look is left; each look is made once."))];
    if (!(await confirmFirst("Test the promise now?", body, "Test it"))) return;
    const made = await ask("POST", `/automation/promises/${promise.id}/test`);
    this.frame.say(`Certified: ${makeSentence(made.sentence)}`, { kind: "good" });
  }

  async withdraw(promise) {
    const body = [make("p", {}, `${tellPromise(promise)}. It is not tested any more. Another promise begins at 0: it counts only what is entered after it.`)];
    const reason = await askReason("Withdraw the promise?", body, "Withdraw it");
    if (reason === null) return;
    await ask("POST", `/automation/promises/${promise.id}/withdraw`, { json: { reason } });
  }
}

function showProgress(promise) {
  const { n_at_stake: there, next_look: next, n_missing: missing } = promise;
  if (next === null) return [];
  const stake = nameStake(promise);
  const words = missing > 0
    ? `${there.toLocaleString("en-GB")} of ${count(next, "patient")} ${stake}: ${missing.toLocaleString("en-GB")} missing`
    : `${count(there, "patient")} ${stake}: enough for the look after ${next.toLocaleString("en-GB")}`;
  const bar = make("progress", { max: next, value: Math.min(there, next), "aria-label": `Patients ${stake} whose truth is known` });
  return [make("div", { class: "so-far" }, bar, make("span", {}, words))];
}
