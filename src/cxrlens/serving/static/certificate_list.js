// The certificates: what each says, whether it holds, and what speaks against it.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { askReason, confirmFirst } from "./confirming.js";
import { makeAgreement, makeDrift } from "./drift_charts.js";
import { find, make, makeSentence } from "./element.js";
import { count, makeFacts, showInterval, showLong, tellInterval, tellNumber, tellShare } from "./figures.js";
import { showMoment } from "./moment.js";
import { nameStake } from "./promise_words.js";
import { refill } from "./refilling.js";

/** Hexadecimal digits that tell models apart. */
const SHORT = 12;

/** The list. */
export class CertificateList {
  /**
   * @param {import("./frame.js").Frame} frame
   * @param {function(): void} onChange is called when something was done to a certificate.
   */
  constructor(frame, onChange) {
    this.frame = frame;
    this.onChange = onChange;
  }

  /** Show certificates, those that hold first. */
  show(certificates) {
    const sorted = certificates.toSorted((one, other) => (other.standing === "valid") - (one.standing === "valid"));
    refill(find("certificates"), certificates, () => (certificates.length === 0
      ? [make("p", { class: "nothing" }, "There is no certificate. One is made when a promise is tested and holds; until then the machine decides nothing.")]
      : sorted.map((one) => this.makeCertificate(one))));
  }

  makeCertificate(one) {
    const isValid = one.standing === "valid";
    return make("article", { class: `item certificate certificate-${one.standing}`, id: `certificate-${one.id}` },
      make("div", { class: "item-head" },
        make("h3", {}, `${one.finding}: decides ${one.decides}`),
        make("span", { class: `chip standing-${one.standing}` }, isValid ? "holds" : "holds no more")),
      isValid ? null : make("div", { class: "why-void" },
        ...(one.voided_at === null ? [] : ["Since ", showMoment(one.voided_at), ". "]), ...showLong(one.why_void ?? "it ended", `why-${one.id}`)),
      make("p", { class: "promise-sentence" }, makeSentence(one.sentence)),
      makeFacts("facts-line", [
        ["Decides alone", ...showInterval(one.automation), make("small", {}, ` of ${one.automation_over}`)],
        ["Threshold", tellNumber(one.threshold)],
        ["Tested on", `${count(one.n_tested, "patient")} ${nameStake(one)}, ${one.n_wrong} wrong`],
        ["Decided by it", count(one.n_decided, "case")],
        ["Ends at the latest", showMoment(one.expires)],
      ]),
      makeFacts("facts-line soft", [
        ["Reference", one.reference],
        ["Model", make("code", { title: one.bundle }, one.bundle.slice(0, SHORT))],
        ["Made", `by ${one.made_by}, `, showMoment(one.made_at)],
      ]),
      make("h4", {}, "Spot checks: what readers found in cases that were drawn"),
      ...makeSpotChecks(one),
      make("h4", {}, "Drift: whether new cases are still like those it was tested on"),
      ...makeDrift(one),
      make("h4", {}, "Agreement of reader and machine"),
      ...makeAgreement(one),
      this.makeActs(one));
  }

  makeActs(one) {
    return make("div", { class: "acts" },
      one.standing === "valid" ? make("button", {
        type: "button", class: "danger", "data-key": `void-${one.id}`, click: () => this.try(() => this.void(one)),
      }, "End the certificate…") : null,
      make("button", {
        type: "button", "data-key": `recall-${one.id}`, disabled: one.n_decided === 0, click: () => this.try(() => this.recall(one)),
      }, "Take back its cases…"));
  }

  async try(act) {
    try {
      await act();
    } catch (error) {
      this.frame.explain(error);
    }
    this.onChange();
  }

  async void(one) {
    const body = [make("ul", {},
      make("li", {}, "The machine decides nothing by it any more, at once. It cannot be made valid again."),
      make("li", {}, "If the room’s level rests on it, the room falls to assistance, and every case that is not decided with it."),
      make("li", {}, "Cases that it has decided stay decided: take them back apart."))];
    const reason = await askReason(`End the certificate of ${one.finding}, ${one.decides}?`, body, "End it");
    if (reason === null) return;
    await ask("POST", `/automation/certificates/${one.id}/void`, { json: { reason } });
    this.frame.say("The certificate holds no more.", { kind: "good" });
  }

  async recall(one) {
    const body = [make("ul", {},
      make("li", {}, `${count(one.n_decided, "case")} decided by it and not yet read ${one.n_decided === 1 ? "goes" : "go"} back to readers.`),
      make("li", {}, "They stand on the worklist as cases to read; the trail says that the promise was broken."))];
    const title = "Take back what was decided by this certificate?";
    if (!(await confirmFirst(title, body, "Take them back"))) return;
    await ask("POST", `/automation/certificates/${one.id}/recall`);
    this.frame.say("The cases are back on the worklist.", { kind: "good" });
  }
}

function makeSpotChecks(one) {
  const { n_drawn: drawn, n_read: read, n_at_stake: stake, n_wrong: wrong, wrong: share, e_value: e, sentence } = one.spot_checks;
  return [
    make("p", {}, makeSentence(sentence)),
    makeFacts("facts-line", [
      ["Drawn", drawn], ["Read", read], [`At stake (${nameStake(one)})`, stake],
      ["Wrong", share === null ? wrong : `${wrong}: ${tellInterval(share)}`],
    ]),
    makeEvidence(e, one),
  ];
}

/** How far the evidence is from ending the certificate: on a logarithmic scale, from 1. */
function makeEvidence(e, { delta }) {
  const limit = 1 / delta;
  const far = Math.min(1, Math.max(0, Math.log(e) / Math.log(limit)));
  const words = `${tellNumber(e)} of ${tellNumber(limit)}`;
  const fill = make("span", { class: far >= 1 ? "meter-fill meter-full" : "meter-fill" });
  fill.style.width = `${(100 * far).toFixed(1)}%`;
  return make("div", { class: "evidence" },
    make("span", {}, "Evidence that the promise is broken"),
    make("div", {
      class: "meter", role: "meter", "aria-label": "Evidence that the promise is broken", "aria-valuemin": 0, "aria-valuemax": 100,
      "aria-valuenow": Math.round(100 * far), "aria-valuetext": words,
    }, fill),
    make("b", {}, words),
    make("small", {}, `e-value; at ${tellNumber(limit)} (1 / ${tellShare(delta)}) the certificate ends by itself`));
}
