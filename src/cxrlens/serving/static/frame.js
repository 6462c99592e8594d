// What works on every page: the level, the stop, sentences for the reader, keys, and signing out.
// SPDX-License-Identifier: Apache-2.0

import { ask, Problem } from "./asking.js";
import { clearDrafts } from "./drafts.js";
import { copyTemplate, find, make } from "./element.js";
import { KeyTable } from "./keys.js";
import { Live } from "./live.js";

/** Milliseconds after which the page says that the room is not heard: a hiccup is nobody's news. */
const PATIENCE = 1500;

/** The frame around a page. */
export class Frame {
  constructor() {
    const { person, role, level } = document.body.dataset;
    this.person = person;
    this.role = role;
    this.level = level;
    this.said = find("said");
    this.badge = find("level");
    this.stopButton = find("stop");
    this.liveSign = find("live");
    this.keys = new KeyTable();
    this.keys.listen();
    this.levelListeners = [];
    this.live = new Live("/api/v1/events", (isHeard) => this.showHeard(isHeard));
    this.live.listen(({ isRoom, isAll }) => (isRoom || isAll) && this.refresh());
    find("keys").addEventListener("click", () => this.keys.toggleHelp());
    this.stopButton.addEventListener("click", () => this.stop());
    document.getElementById("sign-out")?.addEventListener("click", () => this.signOut());
    document.addEventListener("signed-out", () => this.showSignedOut());
    document.addEventListener("stream-refused", () => this.check());
    this.showLevel(level);
  }

  /** Whether the person may do what a lead may. */
  get isLead() {
    return this.role !== "reader";
  }

  /** Be told the room whenever it was set. */
  onRoom(listener) {
    this.levelListeners.push(listener);
  }

  /**
   * Say a sentence on top of the page.
   *
   * @param {string} sentence
   * @param {object} [options]
   * @param {"bad"|"good"} [options.kind]
   * @param {Node[]} [options.actions] buttons beside it.
   */
  say(sentence, { kind = "bad", actions = [] } = {}) {
    if (this.isSignedOut) return;
    const close = make("button", { type: "button", class: "quiet", click: () => this.hush() }, "Close");
    const line = make("div", { class: `sentence sentence-${kind}` }, make("p", {}, sentence));
    line.append(...actions, close);
    this.said.replaceChildren(line);
  }

  /** Say what went wrong; what is no problem of the room's is a fault of ours. */
  explain(error, options = {}) {
    if (!(error instanceof Problem)) throw error;
    if (error.status !== 401) this.say(error.message, options);
  }

  /** Take the sentence away. */
  hush() {
    if (!this.isSignedOut) this.said.replaceChildren();
  }

  /** Ask what the room is set to, and show it. */
  async refresh() {
    try {
      this.take(await ask("GET", "/room"));
    } catch (error) {
      this.explain(error);
    }
  }

  take(room) {
    this.showLevel(room.level);
    for (const listener of this.levelListeners) listener(room);
  }

  showLevel(level) {
    this.level = level;
    document.body.dataset.level = level;
    this.badge.replaceChildren(copyTemplate(`[data-level="${level}"]`));
    const isStopped = level === "human-only";
    this.stopButton.disabled = isStopped;
    this.stopButton.hidden = isStopped;
  }

  async stop() {
    this.stopButton.disabled = true;
    try {
      this.take(await ask("POST", "/room/stop"));
      this.say("The room is human only now, for everybody: no model runs.", { kind: "good" });
    } catch (error) {
      this.stopButton.disabled = false;
      this.explain(error);
    }
  }

  async signOut() {
    try {
      await ask("POST", "/sign-out");
    } catch (error) {
      this.explain(error);
      return;
    }
    clearDrafts();
    location.assign("/sign-in");
  }

  showSignedOut() {
    if (this.isSignedOut) return;
    const link = make("a", { href: `/sign-in?next=${location.pathname}` }, "Sign in again");
    this.say("You are no longer signed in. What you have typed is kept in this tab.", {
      actions: [link],
    });
    this.isSignedOut = true;
  }

  /** A stream that is refused does not say why. */
  async check() {
    try {
      await ask("GET", "/me");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  showHeard(isHeard) {
    clearTimeout(this.hearing);
    if (isHeard) {
      this.liveSign.hidden = true;
      this.liveSign.textContent = "";
      return;
    }
    this.hearing = setTimeout(() => {
      this.liveSign.hidden = false;
      this.liveSign.textContent = "Reconnecting…";
    }, PATIENCE);
  }
}
