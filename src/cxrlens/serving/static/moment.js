// When something was, for people: near moments as how long ago, others as a local date.
// SPDX-License-Identifier: Apache-2.0

import { make } from "./element.js";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DATE_OF_YEAR = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const WHOLE = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "long" });

/**
 * A moment as an element that says it whole when it is pointed at.
 *
 * @param {string} at ISO 8601.
 * @param {Date} [now]
 * @returns {HTMLTimeElement}
 */
export function showMoment(at, now = new Date()) {
  const then = new Date(at);
  return make("time", { datetime: at, title: WHOLE.format(then) }, tellMoment(then, now));
}

/** Say anew how long ago the moments within an element were. */
export function renewMoments(root, now = new Date()) {
  for (const time of root.querySelectorAll("time")) time.textContent = tellMoment(new Date(time.dateTime), now);
}

/** A moment in words, such as `14:32 (5 min ago)`. */
export function tellMoment(then, now) {
  const ago = (now.getTime() - then.getTime()) / 1000;
  const clock = CLOCK.format(then);
  if (then.getFullYear() !== now.getFullYear()) return DATE_OF_YEAR.format(then);
  // Clocks of two machines differ a little.
  if (Math.abs(ago) < MINUTE) return `${clock} (just now)`;
  if (ago > 0 && ago < HOUR) return `${clock} (${Math.floor(ago / MINUTE)} min ago)`;
  if (ago > 0 && ago < DAY && then.getDate() === now.getDate()) {
    return `${clock} (${Math.floor(ago / HOUR)} h ago)`;
  }
  return `${DATE.format(then)}, ${clock}`;
}

/** How long something took, such as `1 min 5 s`. */
export function tellSpan(seconds) {
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${whole % MINUTE} s`;
  return `${Math.floor(whole / HOUR)} h ${Math.floor((whole % HOUR) / MINUTE)} min`;
}
