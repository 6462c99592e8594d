// The rows of the worklist.
// SPDX-License-Identifier: Apache-2.0

import { make } from "./element.js";
import { showMoment } from "./moment.js";

const STATES = {
  received: "being checked",
  ready: "ready",
  refused: "refused",
  quarantined: "held back",
  duplicate: "the same image",
  erased: "erased",
};

const PARTS = {
  none: "",
  opened: "opened",
  "first-answer": "answered first",
  committed: "read",
};

/** What the machine did with a case, or would have done. */
const DECIDED = {
  decided: "decided by the machine",
  referred: "referred",
  "would-decide": "would have been decided",
  "would-refer": "would have been referred",
};

/** What a view is called, where the file says one. */
const VIEWS = { unknown: "not said", "": "not said" };

/** The table of cases. */
export class WorklistTable {
  /**
   * @param {HTMLTableElement} table with its head.
   */
  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    this.body.addEventListener("click", (event) => this.click(event));
  }

  /**
   * Show cases; the row that has the focus keeps it.
   *
   * @param {object[]} cases lines of the worklist.
   */
  show(cases) {
    const hasMachine = cases.some((line) => line.priority !== null || line.decision !== null);
    for (const head of this.table.querySelectorAll("th.machine")) head.hidden = !hasMachine;
    const focused = this.links.find((link) => link === document.activeElement)?.dataset.id;
    const at = this.links.findIndex((link) => link.dataset.id === focused);
    this.body.replaceChildren(...cases.map((line) => makeRow(line, hasMachine)));
    if (focused === undefined) return;
    const same = this.links.find((link) => link.dataset.id === focused);
    (same ?? this.links[Math.min(at, this.links.length - 1)])?.focus({ preventScroll: true });
  }

  get links() {
    return [...this.body.querySelectorAll("a.case-link")];
  }

  /** Move the focus by rows. */
  step(change) {
    const { links } = this;
    if (links.length === 0) return;
    const at = links.indexOf(document.activeElement);
    const next = at === -1 ? (change > 0 ? 0 : links.length - 1) : at + change;
    const link = links[Math.min(links.length - 1, Math.max(0, next))];
    link.focus();
    link.closest("tr").scrollIntoView({ block: "nearest" });
  }

  click(event) {
    if (event.target.closest("a") !== null || event.button !== 0) return;
    // Somebody who marks text to copy it does not want the case.
    if (String(getSelection()) !== "") return;
    event.target.closest("tr")?.querySelector("a.case-link").click();
  }
}

function makeRow(line, hasMachine) {
  const link = make("a", { class: "case-link", href: `/cases/${line.id}`, "data-id": line.id },
    make("span", { class: "aside" }, "Case "), line.number);
  const isKnown = line.patient !== "unknown";
  return make("tr", { class: `case-${line.state} part-${line.my_part}` },
    make("td", { class: "number" }, link),
    make("td", { class: isKnown ? "patient" : "patient soft" }, line.patient),
    make("td", { class: "wide" }, VIEWS[line.view] ?? line.view),
    make("td", {}, showMoment(line.received_at)),
    make("td", {}, ...showState(line)),
    make("td", {}, showClaim(line)),
    make("td", {}, PARTS[line.my_part]),
    ...(hasMachine ? [showPriority(line), make("td", { class: "machine" }, showClass(line))] : []),
  );
}

function showState(line) {
  const parts = [make("span", { class: `state state-${line.state}` },
    line.state === "ready" && line.is_read ? "read by all" : STATES[line.state])];
  if (line.reason !== null) parts.push(make("small", { class: "soft" }, ` ${line.reason.replaceAll("-", " ")}`));
  if (line.decided !== null) parts.push(make("span", { class: `chip chip-machine chip-${line.decided}` }, DECIDED[line.decided]));
  if (line.n_warnings > 0) {
    const words = line.n_warnings === 1 ? "1 warning" : `${line.n_warnings} warnings`;
    parts.push(make("span", { class: "chip chip-warning" }, words));
  }
  return parts;
}

function showClaim(line) {
  if (line.is_mine) return make("span", { class: "chip" }, "me");
  return line.claimed_by === null ? null : make("span", { class: "soft" }, line.claimed_by);
}

/** The likeliest class; what was decided where a certified threshold did, which may say otherwise. */
function showClass({ decision, decided, decided_words: words }) {
  return decided === "decided" || decided === "would-decide" ? words.split(":")[0] : (decision ?? "");
}

function showPriority(line) {
  const cell = make("td", { class: "machine" });
  if (line.priority === null) return cell;
  const bar = make("span", { class: "priority", "aria-hidden": "true" }, make("span", {}));
  bar.firstChild.style.width = `${Math.round(100 * line.priority)}%`;
  cell.append(bar, make("span", { class: "priority-number" }, line.priority.toFixed(2)));
  return cell;
}
