// Promises in words, and how many patients they take.
// SPDX-License-Identifier: Apache-2.0

import { make } from "./element.js";
import { count, tellShare } from "./figures.js";

/** The patients that a promise is about, as words behind `patients`. */
export function nameStake({ finding, decides }) {
  return `${decides === "negative" ? "with" : "without"} ${finding}`;
}

/** A promise as people read it. */
export function tellPromise(promise) {
  return `At most ${tellShare(promise.risk)} of the patients ${nameStake(promise)} are decided ${promise.decides} by the machine`;
}

/**
 * The smallest number of patients at stake that can bear a promise.
 *
 * @param {number} risk the largest share that may be decided wrongly, in (0, 1).
 * @param {number} delta how often the promise may be broken, in (0, 1).
 * @param {number} nWrong how many of them are decided wrongly.
 * @returns {number} the first n of which so few wrong have a chance of at most delta, if the true
 *   share were risk (Clopper and Pearson 1934); without one wrong (1 − risk)ⁿ ≤ delta.
 */
export function countNeeded(risk, delta, nWrong = 0) {
  let low = nWrong;
  let high = nWrong + 1;
  while (findChance(nWrong, high, risk) > delta) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (findChance(nWrong, middle, risk) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** The part of delta that each look spends, in proportion to the patients since the one before. */
export function spendDelta(delta, looks) {
  return looks.map((look, at) => (delta * (look - (looks[at - 1] ?? 0))) / looks.at(-1));
}

/** Cases that do not count, by reason, to be opened. */
export function makeLeftOut(leftOut, key) {
  const reasons = Object.entries(leftOut).filter(([, number]) => number > 0);
  if (reasons.length === 0) return [];
  const all = reasons.reduce((sum, [, number]) => sum + number, 0);
  return [make("details", { class: "left-out", "data-key": `left-out-${key}` },
    make("summary", { "data-key": `left-out-${key}-summary` }, `${count(all, "case")} left out`),
    make("ul", {}, ...reasons.map(([reason, number]) => make("li", {}, `${number.toLocaleString("en-GB")}: ${reason}`))))];
}

/** The chance of at most so many among n (binomial). */
function findChance(most, n, share) {
  let term = n * Math.log1p(-share);
  let sum = Math.exp(term);
  for (let k = 1; k <= most; k += 1) {
    term += Math.log((n - k + 1) / k) + Math.log(share / (1 - share));
    sum += Math.exp(term);
  }
  return sum;
}
