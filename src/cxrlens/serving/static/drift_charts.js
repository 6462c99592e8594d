// Whether new cases are still like those that a certificate was tested on, as charts.
// SPDX-License-Identifier: Apache-2.0

import { draw, drawDiamond, drawDot, drawLabel, drawLine, drawTick, makeFigure, makeLegend, scale, scaleLog } from "./charts.js";
import { make, makeSentence } from "./element.js";
import { count, makeTable, tellNumber, tellShare } from "./figures.js";

const SIZE = { width: 480, height: 268, left: 66, right: 466 };

/** Of the p-values, and of the medians below them. */
const UPPER = [20, 140];
const LOWER = [176, 226];

/** Looks that a chart has room for from the beginning. */
const FEWEST_LOOKS = 6;

/** How far below its limit a p-value is drawn in its place; smaller ones stand at the edge. */
const BELOW = 1 / 30;

const SUMS = { width: 680, height: 200, left: 56, right: 660, top: 16, bottom: 158 };

/**
 * The charts of drift of a certificate.
 *
 * @param {object} certificate
 * @returns {Node[]}
 */
export function makeDrift({ id, drift, n_watched: watched, next_drift_look: next, standing }) {
  const sofar = `${count(watched, "patient")} watched since it was made`;
  const words = standing === "valid"
    ? `${sofar}; the next look is after ${next.toLocaleString("en-GB")}. That no chart alarms is no proof that nothing has changed.`
    : `${sofar}. Nobody looks any more: it holds no more.`;
  if (drift.length === 0) return [make("p", {}, `No look at drift has been made yet: ${words}`)];
  const charts = Map.groupBy(drift, (one) => one.chart);
  return [
    make("p", {}, makeSentence(words)),
    make("div", { class: "charts" }, ...[...charts].map(([name, looks]) => makeChart(name, looks, id))),
    make("ul", { class: "legend" },
      makeLegend("swatch-dot", "population stability index (p)"),
      makeLegend("swatch-diamond", "Kolmogorov and Smirnov’s distance (p)"),
      makeLegend("swatch-limit", "at or below it: alarm"),
      makeLegend("swatch-alarm", "alarm")),
  ];
}

function makeChart(name, looks, id) {
  const nAlarms = looks.filter((one) => one.is_alarm).length;
  const last = looks.at(-1);
  const words = `${count(looks.length, "look")}, ${nAlarms === 0 ? "no alarm" : count(nAlarms, "alarm")}; the last: `
    + `p ${tellNumber(last.psi_p_value)} and ${tellNumber(last.distance_p_value)}, limit ${tellNumber(last.limit)}; `
    + `median ${tellNumber(last.median)}, of the reference ${tellNumber(last.reference_median)}`;
  return makeFigure({
    title: `${makeSentence(name).replace(/\.$/, "")}: ${nAlarms === 0 ? "no alarm" : count(nAlarms, "alarm")}`,
    words, ...SIZE, marks: [...drawPValues(looks), ...drawMedians(looks)],
    table: makeTable(`Looks at ${name}`, ["Look", "Up to patient", "Median", "Reference", "PSI", "p", "Distance", "p", "Limit", "Alarm"],
      looks.map((one) => [one.look, one.case, ...[one.median, one.reference_median, one.psi, one.psi_p_value, one.distance,
        one.distance_p_value, one.limit].map((value) => tellNumber(value)), one.is_alarm ? "alarm" : "–"])),
    key: `drift-${id}-${name}`,
  });
}

function placeLooks(looks) {
  return scale([0.5, Math.max(FEWEST_LOOKS, looks.at(-1).look) + 0.5], [SIZE.left, SIZE.right]);
}

function drawPValues(looks) {
  const x = placeLooks(looks);
  const { left, right } = SIZE;
  const lowest = BELOW * Math.min(...looks.map((one) => one.limit));
  const y = scaleLog([1, lowest], UPPER);
  const at = (p) => y(Math.max(lowest, p));
  const decades = Array.from({ length: Math.floor(-Math.log10(lowest)) + 1 }, (_, power) => 10 ** -power);
  const every = Math.ceil(decades.length / 5);
  const marks = decades.filter((_, power) => power % every === 0).map((one) => drawTick(y(one), tellPower(one), { left, right }));
  const limit = [...looks.flatMap((one) => [[x(one.look - 0.5), y(one.limit)], [x(one.look + 0.5), y(one.limit)]]), [right, y(looks.at(-1).limit)]];
  marks.push(drawLine(limit, "limit"), drawLabel(left, UPPER[0] - 10, "p-values of each look", "start"));
  for (const one of looks) {
    if (one.is_alarm) {
      const lower = Math.max(at(one.psi_p_value), at(one.distance_p_value));
      marks.push(draw("circle", { class: "alarm", cx: x(one.look), cy: lower, r: 10 }));
    }
    const told = `Look ${one.look}`;
    marks.push(
      drawDot([x(one.look), at(one.psi_p_value)], "dot-main", `${told}: population stability index ${tellNumber(one.psi)}, p = ${tellNumber(one.psi_p_value)}`),
      drawDiamond([x(one.look), at(one.distance_p_value)], "dot-second", `${told}: distance ${tellNumber(one.distance)}, p = ${tellNumber(one.distance_p_value)}`));
  }
  return marks;
}

/** A power of ten, such as `10⁻⁴`. */
function tellPower(value) {
  const power = -Math.round(Math.log10(value));
  return power < 3 ? String(value) : `10⁻${[...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}

function drawMedians(looks) {
  const x = placeLooks(looks);
  const { left, right } = SIZE;
  const reference = looks.at(-1).reference_median;
  const all = [...looks.map((one) => one.median), reference];
  const spread = Math.max(...all.map((one) => Math.abs(one - reference)), Math.abs(reference) / 10, 1e-9);
  const y = scale([reference - spread, reference + spread], [LOWER[1], LOWER[0]]);
  const points = looks.map((one) => [x(one.look), y(one.median)]);
  const every = Math.ceil(looks.at(-1).look / 12);
  return [
    drawTick(y(reference), tellNumber(reference), { left, right, className: "reference" }),
    drawLabel(left, LOWER[0] - 10, "median of each look; the line: of the reference", "start"),
    drawLine(points, "line-main"),
    ...points.map((point, at) => drawDot(point, "dot-main", `Look ${looks[at].look}: median ${tellNumber(looks[at].median)}`, 3)),
    ...looks.filter((one) => one.look % every === 0).map((one) => drawLabel(x(one.look), LOWER[1] + 20, one.look)),
    drawLabel((left + right) / 2, LOWER[1] + 38, "look"),
  ];
}

/**
 * Whether reader and machine come to differ more often, as a chart.
 *
 * @param {object} certificate
 * @returns {Node[]}
 */
export function makeAgreement({ id, agreement, agreement_note: note }) {
  if (agreement === null) return [make("p", {}, makeSentence(note ?? "agreement is not watched"))];
  const { usual, worse, limit, sums, n_differing: differing, alarm } = agreement;
  const told = [
    alarm === null ? null : make("p", { class: "why-void" }, makeSentence(alarm)),
    make("p", {}, `${count(sums.length, "case")} read first without the machine, ${differing} of them otherwise than the machine. Usual are ${tellShare(usual)}; the sum is made to find ${tellShare(worse)}.`),
  ].filter((one) => one !== null);
  if (sums.length === 0) return told;
  return [...told, makeFigure({
    title: `Sum of differences: ${sums.at(-1)} of ${limit}`,
    words: `After ${count(sums.length, "case")} the sum is ${sums.at(-1)}; the highest was ${Math.max(...sums)}; at ${limit} there is an alarm.`,
    ...SUMS, marks: drawSums(sums, limit),
    legend: [makeLegend("swatch-line", "up with each difference, down with each agreement"), makeLegend("swatch-limit", "at or above it: alarm")],
    table: makeTable("Sum after each case, the last 50", ["Case", "Sum"],
      sums.map((sum, at) => [at + 1, sum]).slice(-50)),
    key: `agreement-${id}`,
  })];
}

function drawSums(sums, limit) {
  const { left, right, top, bottom } = SUMS;
  const x = scale([0, sums.length], [left, right]);
  const y = scale([0, Math.max(limit, ...sums) * 1.1], [bottom, top]);
  return [
    drawTick(y(0), "0", { left, right }), drawTick(y(limit), String(limit), { left, right, className: "limit" }),
    drawLine([[x(0), y(0)], ...sums.map((sum, at) => [x(at + 1), y(sum)])], "line-main"),
    drawLabel(left, bottom + 18, "0"), drawLabel(right, bottom + 18, sums.length, "end"),
    drawLabel((left + right) / 2, bottom + 34, "cases read since it was made"),
  ];
}
