// What the machine did: decided, would have decided, referred; and the work that waits.
// SPDX-License-Identifier: Apache-2.0

import { draw, drawLabel, drawTick, makeFigure, makeLegend, scale } from "./charts.js";
import { find, make } from "./element.js";
import { count, makeFacts, makeTable, showInterval } from "./figures.js";
import { tellSpan } from "./moment.js";
import { refill } from "./refilling.js";

const REASONS = {
  "not-confident": "Referred: the score is on the wrong side of every certified threshold",
  "out-of-distribution": "Referred: unlike the training images, or not measured",
  view: "Referred: no frontal view, or none that says so",
  quality: "Referred: the file check had reservations",
  policy: "Referred: another rule",
};

/** Weeks that are drawn. */
const WEEKS = 26;

const SIZE = { width: 680, height: 210, left: 48, right: 668, top: 14, bottom: 160 };

/** Show what the machine did. */
export function showCounts({ counts, out_of_distribution: unlike }) {
  refill(find("counts"), [counts, unlike], () => makeCounts(counts, unlike));
}

function makeCounts(counts, unlike) {
  const referred = Object.entries(counts.n_referred);
  const all = counts.n_decided + counts.n_would_decide + referred.reduce((sum, [, number]) => sum + number, 0);
  const share = unlike === null ? ["not measured by this model"] : showInterval(unlike);
  if (all === 0) {
    return [make("p", { class: "nothing" }, "The machine has decided nothing and referred nothing: no case came in at an automated level."),
      makeFacts("facts-line", [["Unlike the training images", ...share]])];
  }
  const rows = [
    ["Decided", counts.n_decided, "bar-decided"],
    ["Would have decided, had it been allowed to", counts.n_would_decide, "bar-would"],
    ...referred.map(([reason, number]) => [REASONS[reason] ?? reason, number, "bar-referred"]),
  ].filter(([, number]) => number > 0);
  return [
    makeFacts("facts-line", [
      ["Automated", ...(counts.automation === null ? ["–"] : showInterval(counts.automation))],
      ["Taken back", counts.n_recalled],
      ["Unlike the training images", ...share],
    ]),
    make("table", { class: "bars" },
      make("caption", { class: "aside" }, "Cases at an automated level"),
      make("tbody", {}, ...rows.map(([name, number, kind]) => makeBar(name, number, all, kind)))),
    ...(counts.by_week.length === 0 ? [] : [makeWeeks(counts.by_week)]),
  ];
}

function makeBar(name, number, all, kind) {
  const bar = make("span", { class: `count-bar ${kind}` });
  bar.style.width = `${(100 * number / all).toFixed(1)}%`;
  return make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "number" }, number.toLocaleString("en-GB")),
    make("td", { class: "count-track", "aria-hidden": "true" }, bar));
}

function makeWeeks(weeks) {
  const drawn = weeks.slice(-WEEKS);
  return makeFigure({
    title: weeks.length > WEEKS ? `By week, the last ${WEEKS}` : "By week",
    words: drawn.map((one) => `${one.week}: ${one.n_decided} decided, ${one.n_referred} referred`).join("; "),
    ...SIZE, marks: drawWeeks(drawn),
    legend: [makeLegend("swatch-decided", "decided, or would have been"), makeLegend("swatch-referred", "referred")],
    table: makeTable("By week", ["Week of", "Decided", "Referred"], weeks.map((one) => [one.week, one.n_decided, one.n_referred])),
    key: "weeks",
  });
}

function drawWeeks(weeks) {
  const { left, right, top, bottom } = SIZE;
  const most = Math.max(...weeks.map((one) => one.n_decided + one.n_referred));
  const y = scale([0, most], [bottom, top]);
  const step = Math.min(64, (right - left) / weeks.length);
  const width = Math.max(4, Math.min(36, 0.7 * step));
  const every = Math.ceil(56 / step);
  const marks = [drawTick(y(0), "0", { left, right }), drawTick(y(most), String(most), { left, right })];
  weeks.forEach(({ week, n_decided: decided, n_referred: referred }, at) => {
    const x = left + (at + 0.5) * step;
    const bar = (kind, from, to) => draw("rect", {
      class: kind, x: x - width / 2, y: y(to), width, height: Math.max(0, y(from) - y(to)),
    }, draw("title", {}, `${week}: ${decided} decided, ${referred} referred`));
    marks.push(bar("fill-decided", 0, decided), bar("fill-referred", decided, decided + referred));
    if (at % every === 0) marks.push(drawLabel(x, bottom + 18, week.slice(5)));
  });
  marks.push(drawLabel((left + right) / 2, bottom + 40, "week that begins on (month-day)"));
  return marks;
}

/** Show what waits, and how long it takes. */
export function showWork(times) {
  refill(find("work"), times, () => {
    const took = (median, p95) => (median === null ? "–" : `${tellSeconds(median)}, 95 % within ${tellSeconds(p95)}`);
    const waits = times.n_checks + times.n_answers === 0
      ? "nothing"
      : `${count(times.n_checks, "file check")}, ${count(times.n_answers, "answer")}`;
    return [makeFacts("facts-line", [
      ["Waits", waits],
      ["The longest for", times.oldest_seconds === null ? "–" : tellSpan(times.oldest_seconds)],
      ["Failed", times.n_failed],
      ["The model takes for an image, median", took(times.inference_median, times.inference_p95)],
      ["From arrival to answer, median", took(times.turnaround_median, times.turnaround_p95)],
    ])];
  });
}

function tellSeconds(seconds) {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : tellSpan(seconds);
}
