// Files on their way into the room: a few at a time, and what became of each.
// SPDX-License-Identifier: Apache-2.0

import { Problem } from "./asking.js";
import { find, make, makeSentence } from "./element.js";
import { send } from "./sending.js";

/** Files that travel at once. */
const AT_ONCE = 3;

/** Lines of the list: of thousands of files nobody reads each, but each refusal must be found. */
const MOST_LINES = 300;

const WORDS = { accepted: "accepted", known: "known already", refused: "refused" };

/** The files that are being sent. */
export class HandingIn {
  constructor() {
    this.box = find("outbox");
    this.bar = find("outbox-bar");
    this.sum = find("outbox-sum");
    this.list = find("outbox-list");
    this.again = find("outbox-again");
    this.closer = find("outbox-close");
    this.again.addEventListener("click", () => this.sendAgain());
    this.closer.addEventListener("click", () => this.clear());
    window.addEventListener("beforeunload", (event) => this.isBusy && event.preventDefault());
    this.clear();
  }

  get isBusy() {
    return this.nDone < this.nFiles;
  }

  clear() {
    this.queue = [];
    this.failed = [];
    this.nFiles = 0;
    this.nDone = 0;
    this.nRunning = 0;
    this.shares = new Map();
    this.counts = { accepted: 0, known: 0, refused: 0, failed: 0 };
    this.waiting = "";
    this.list.replaceChildren();
    this.box.hidden = true;
  }

  /**
   * Send files.
   *
   * @param {File[]} files
   * @param {string} patient whose they are, or nothing.
   */
  add(files, patient) {
    if (files.length === 0) return;
    if (!this.isBusy && this.failed.length === 0) this.clear();
    this.nFiles += files.length;
    this.queue.push(...files.map((file) => ({ file, patient })));
    this.box.hidden = false;
    this.show();
    this.run();
  }

  sendAgain() {
    const again = this.failed;
    this.failed = [];
    this.counts.failed = 0;
    this.nDone -= again.length;
    this.queue.push(...again);
    for (const line of this.list.querySelectorAll(".outcome-failed")) line.remove();
    this.show();
    this.run();
  }

  run() {
    while (this.nRunning < AT_ONCE && this.queue.length > 0) this.sendNext(this.queue.shift());
  }

  async sendNext(one) {
    this.nRunning += 1;
    const told = {
      onShare: (share) => {
        this.shares.set(one, share);
        this.waiting = "";
        this.show();
      },
      onWait: (seconds, problem) => {
        this.waiting =
          problem.status === 0
            ? `The room does not answer: trying again in ${seconds} s.`
            : `The room is busy: going on in ${seconds} s.`;
        this.show();
      },
    };
    try {
      const lines = await send(one.file, one.patient, told);
      this.note(one.file.name, lines);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.noteFailure(one, error);
    } finally {
      this.nRunning -= 1;
      this.nDone += 1;
      this.shares.delete(one);
      if (this.nDone === this.nFiles) this.waiting = "";
      this.show();
      this.run();
    }
  }

  note(name, lines) {
    for (const { status } of lines) this.counts[status] += 1;
    const isArchive = lines.length !== 1;
    // Known ones that somebody must look at have a message too.
    const isTold = (line) => line.status === "refused" || line.message !== null;
    const rest = lines.filter((line) => !isTold(line));
    for (const { index, message, status } of lines.filter(isTold)) {
      const place = isArchive ? `${name}, image ${index + 1}` : name;
      this.write(status, place, makeSentence(message ?? "refused"));
    }
    if (!isArchive && rest.length === 1) this.write(rest[0].status, name, WORDS[rest[0].status]);
    if (isArchive) this.write(lines.length > 0 ? "accepted" : "refused", name, sumUp(lines));
  }

  noteFailure(one, problem) {
    // What is refused for good is no better the second time.
    const status = problem.isPassing || problem.status === 401 ? "failed" : "refused";
    this.counts[status] += 1;
    if (status === "failed") this.failed.push(one);
    this.write(status, one.file.name, problem.message);
  }

  /** Write a line; bad news stay on top. */
  write(status, name, words) {
    const line = make("li", { class: `outcome outcome-${status}` },
      make("span", { class: "outcome-name", title: name }, name), make("span", {}, words));
    const isBad = status === "refused" || status === "failed";
    if (isBad) this.list.prepend(line);
    else this.list.append(line);
    const good = this.list.querySelectorAll(".outcome-accepted, .outcome-known");
    if (good.length > MOST_LINES) good[0].remove();
  }

  show() {
    const part = [...this.shares.values()].reduce((sum, share) => sum + share, 0);
    this.bar.max = Math.max(1, this.nFiles);
    this.bar.value = this.nDone + 0.95 * part;
    const files = this.nFiles === 1 ? "file" : "files";
    const told = Object.entries(this.counts).filter(([, count]) => count > 0);
    const words = told.map(([status, count]) => `${count} ${WORDS[status] ?? "not sent"}`);
    const sum = [`${this.nDone} of ${this.nFiles} ${files} sent`, ...words].join(" · ");
    this.sum.textContent = this.waiting === "" ? sum : `${sum} · ${this.waiting}`;
    this.closer.hidden = this.isBusy;
    this.again.hidden = this.isBusy || this.failed.length === 0;
  }
}

function sumUp(lines) {
  if (lines.length === 0) return "The archive holds no image.";
  const count = (status) => lines.filter((line) => line.status === status).length;
  const parts = Object.keys(WORDS).filter((status) => count(status) > 0);
  return `archive: ${parts.map((status) => `${count(status)} ${WORDS[status]}`).join(", ")}`;
}
