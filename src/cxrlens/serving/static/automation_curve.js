// What share could be automated at which promise: for planning, no certificate.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { draw, drawDot, drawLabel, drawTick, makeFigure, makeLegend, scale } from "./charts.js";
import { find, make, makeSentence } from "./element.js";
import { count, makeTable, tellInterval, tellNumber, tellShare } from "./figures.js";
import { makeLeftOut, nameStake } from "./promise_words.js";

const SIZE = { width: 680, height: 270, left: 56, right: 660, top: 14, bottom: 214 };

/** The part of the page. */
export class AutomationCurve {
  /** @param {import("./frame.js").Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.form = find("curve-form");
    this.asked = 0;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.show();
    });
    this.form.addEventListener("change", () => this.form.reportValidity() && this.show());
    this.show();
  }

  /** Ask for the curve; of several questions the last one counts. */
  async show() {
    this.asked += 1;
    const own = this.asked;
    const { finding, decides, delta } = this.form.elements;
    const query = new URLSearchParams({
      finding: finding.value, decides: decides.value, delta: String(delta.valueAsNumber / 100),
    });
    find("curve").setAttribute("aria-busy", "true");
    try {
      const curve = await ask("GET", `/automation/curve?${query}`);
      if (own === this.asked) find("curve").replaceChildren(...makeCurve(curve));
    } catch (error) {
      if (own === this.asked) this.frame.explain(error);
    }
    find("curve").removeAttribute("aria-busy");
  }
}

function makeCurve(curve) {
  const stake = nameStake(curve);
  const told = [make("p", {}, `${makeSentence(`the truth is known of ${count(curve.n_at_stake, "patient")} ${stake}`)} `,
    ...makeLeftOut(curve.left_out, "curve"))];
  if (curve.points.every((one) => one.automation === null)) {
    const least = Math.min(...curve.points.map((one) => one.n_missing));
    const words = Number.isFinite(least) && least > 0
      ? `Nothing can be certified from these cases yet, at any promise shown here: at least ${count(least, "more patient")} ${stake} would be needed.`
      : "No threshold could be certified from these cases, at any promise shown here.";
    return [...told, make("p", { class: "nothing" }, words), makeNumbers(curve)];
  }
  return [...told, makeFigure({
    title: `Share of cases that could be decided ${curve.decides} (${curve.finding})`,
    words: curve.points.map((one) => `${tellShare(one.risk)} wrong: ${tellPoint(one)}`).join("; "),
    ...SIZE, marks: drawCurve(curve),
    legend: [makeLegend("swatch-dot", "share, with its 95 % interval"),
      makeLegend("swatch-none", "nothing can be certified; +: at least so many patients are missing")],
    table: makeNumbers(curve), key: "curve-numbers",
  })];
}

function drawCurve({ points }) {
  const { left, right, top, bottom } = SIZE;
  const y = scale([0, 1], [bottom, top]);
  const step = (right - left) / points.length;
  const x = (at) => left + (at + 0.5) * step;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((one) => drawTick(y(one), tellShare(one), { left, right }));
  points.forEach((one, at) => {
    marks.push(drawLabel(x(at), bottom + 18, tellShare(one.risk)));
    if (one.automation === null) {
      const words = one.n_missing > 0 ? `+${one.n_missing.toLocaleString("en-GB")}` : "";
      marks.push(draw("path", { class: "mark-none", d: `M${x(at) - 4} ${bottom - 4}l8 8m0 -8l-8 8` }),
        drawLabel(x(at), bottom - 12, words));
      return;
    }
    const { value, low, high } = one.automation;
    marks.push(draw("path", {
      class: "whisker", d: `M${x(at)} ${y(low)}V${y(high)}M${x(at) - 5} ${y(low)}h10M${x(at) - 5} ${y(high)}h10`,
    }), drawDot([x(at), y(value)], "dot-main", `at most ${tellShare(one.risk)} wrong: ${tellPoint(one)}`, 5));
  });
  marks.push(drawLabel((left + right) / 2, bottom + 42, "promise: at most so many of the patients at stake decided wrongly"));
  return marks;
}

function makeNumbers({ points }) {
  return makeTable("What could be automated at which promise",
    ["At most wrong", "Could be decided alone", "Of", "Threshold", "Patients missing"],
    points.map((one) => [tellShare(one.risk), one.automation === null ? "nothing" : tellInterval(one.automation), one.over,
      one.threshold === null ? "–" : tellNumber(one.threshold), one.n_missing]));
}

function tellPoint({ automation, n_missing: missing }) {
  if (automation !== null) return tellInterval(automation);
  return missing > 0 ? `nothing: ${count(missing, "patient")} missing` : "nothing";
}
