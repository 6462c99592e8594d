// The trail, newest first, page by page.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { copyField } from "./confirming.js";
import { find, make } from "./element.js";
import { showMoment } from "./moment.js";

/** Lines on a page. */
const LIMIT = 50;

/** Hexadecimal digits of an id that tell cases apart. */
const SHORT = 8;

/** The trail. */
export class TrailTable {
  /** @param {import("./frame.js").Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.last = null;
    find("trail-newest").addEventListener("click", () => this.show(null));
    find("trail-older").addEventListener("click", () => this.show(this.last));
    find("trail-copy").addEventListener("click", () => copyField(find("trail-head"), find("trail-copied")));
    frame.live.listen(() => this.isNewest && this.show(null));
    this.show(null);
  }

  /** Show the lines before one, or the newest. */
  async show(before) {
    this.isNewest = before === null;
    const query = before === null ? "" : `&before=${before}`;
    try {
      const [lines, head] = await Promise.all([
        ask("GET", `/trail?limit=${LIMIT}${query}`), ask("GET", "/trail/head"),
      ]);
      find("trail").replaceChildren(...lines.map(makeRow));
      find("trail-head").value = `${head.seq} ${head.hash}`;
      this.last = lines.at(-1)?.seq ?? null;
      find("trail-newest").disabled = this.isNewest;
      find("trail-older").disabled = this.last === null || this.last <= 1;
    } catch (error) {
      this.frame.explain(error);
    }
  }
}

function makeRow({ seq, at, actor, action, subject, details, hash }) {
  const told = Object.entries(details).filter(([, value]) => value !== null).map(([name, value]) => `${name.replaceAll("_", " ")}: ${tell(value)}`);
  return make("tr", { title: `hash ${hash}` },
    make("td", { class: "number" }, seq), make("td", {}, showMoment(at)), make("td", {}, actor),
    make("td", {}, action.replaceAll("-", " ")), make("td", {}, showSubject(action, subject)),
    make("td", { class: "soft details" }, told.join(" · ")));
}

function showSubject(action, subject) {
  const kind = /^(promise|certificate)-/.exec(action)?.[1];
  if (kind !== undefined) return make("a", { href: `/automation#${kind}-${subject}` }, subject.slice(0, SHORT));
  if (/^[0-9a-f]{32}$/.test(subject)) {
    return make("a", { href: `/cases/${subject}`, title: subject }, subject.slice(0, SHORT));
  }
  return subject;
}

function tell(value) {
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, SHORT)}…` : text;
}
