// The levels over time: a drawing, and who set each and why.
// SPDX-License-Identifier: Apache-2.0

import { drawDot, drawLabel, drawLine, drawTick, makeFigure, makeLegend, scale } from "./charts.js";
import { find, make } from "./element.js";
import { makeTable, showLong } from "./figures.js";
import { LEVELS, rankLevel } from "./level_words.js";
import { showMoment } from "./moment.js";
import { refill } from "./refilling.js";

const SIZE = { width: 800, height: 224, left: 132, right: 784, top: 18, bottom: 174 };

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** Who sets a level by no hand. */
const SYSTEM = "system";

/** Whether the room fell by itself. */
export function isFall({ by, before, level }) {
  return by === SYSTEM && rankLevel(level) < rankLevel(before);
}

/** Show the levels, newest first as they are told. */
export function showLevels(steps) {
  refill(find("levels"), steps, () => {
    if (steps.length === 0) return [make("p", { class: "nothing" }, "The level was never changed.")];
    const rows = steps.map((one) => [showMoment(one.at), isFall(one) ? make("b", {}, "by itself") : one.by,
      `${LEVELS[one.before]} → ${LEVELS[one.level]}`,
      make("div", {}, ...showLong(one.reason, `reason-${one.at}`)), one.protocol ?? "–"]);
    const table = makeTable("Levels, newest first", ["When", "Who", "Level", "Why", "Protocol"], rows);
    return [drawSteps(steps.toReversed()), table];
  });
}

function drawSteps(steps) {
  const { left, right, top, bottom } = SIZE;
  const now = Date.now();
  const first = Date.parse(steps[0].at);
  const x = scale([first, Math.max(now, first + 1)], [left + 10, right]);
  const y = scale([0, Object.keys(LEVELS).length - 1], [bottom, top]);
  const place = (level) => y(rankLevel(level));
  const points = [[left, place(steps[0].before)]];
  for (const one of steps) {
    const at = x(Date.parse(one.at));
    points.push([at, points.at(-1)[1]], [at, place(one.level)]);
  }
  points.push([right, points.at(-1)[1]]);
  const marks = Object.entries(LEVELS).map(([level, name]) => drawTick(place(level), name, { left, right }));
  marks.push(drawLine(points, "line-main"));
  for (const one of steps) {
    const isOwn = isFall(one);
    marks.push(drawDot([x(Date.parse(one.at)), place(one.level)], isOwn ? "dot-alarm" : "dot-main",
      `${DAY.format(new Date(one.at))}: ${LEVELS[one.level]}, ${isOwn ? "by itself" : one.by}: ${one.reason}`, 5));
  }
  marks.push(drawLabel(left + 10, bottom + 26, DAY.format(new Date(first)), "start"), drawLabel(right, bottom + 26, "now", "end"));
  const told = steps.map((one) => `${DAY.format(new Date(one.at))}: ${LEVELS[one.level]}`).join("; ");
  return makeFigure({
    title: "The room’s level", words: told, ...SIZE, marks,
    legend: [makeLegend("swatch-dot", "set by a person"), makeLegend("swatch-fell", "fell by itself")],
  });
}
