// What happens in the room, as it happens; and whether we still hear of it.
// SPDX-License-Identifier: Apache-2.0

/** Milliseconds of quiet before the page asks what has become of it: many things come at once. */
const QUIET = 250;

/** Milliseconds after which a page that hears of ever more asks all the same. */
const LONGEST = 1500;

/** Milliseconds before a stream that the browser gave up is opened again. */
const AGAIN = 3000;

/** The stream of events. A hidden page lets go of it: browsers open six at most for all pages. */
export class Live {
  /**
   * @param {string} url of the stream.
   * @param {function(boolean): void} onState is told whether the room is heard.
   */
  constructor(url, onState) {
    this.url = url;
    this.onState = onState;
    this.listeners = [];
    this.changed = new Set();
    this.isRoomChanged = false;
    this.source = null;
    this.timer = 0;
    this.since = 0;
    document.addEventListener("visibilitychange", () => this.follow());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.follow());
    this.isFirst = true;
    this.follow();
  }

  /**
   * Listen.
   *
   * @param {function({cases: Set<string>, isRoom: boolean, isAll: boolean}): void} listener is told
   *   which cases changed, whether the room did, and whether anything may have been missed.
   */
  listen(listener) {
    this.listeners.push(listener);
  }

  /** Open the stream, unless nobody looks. */
  follow() {
    this.close();
    if (document.visibilityState === "hidden") return;
    const source = new EventSource(this.url);
    this.source = source;
    source.addEventListener("open", () => {
      this.onState(true);
      // What happened while nobody listened is told by nobody.
      if (!this.isFirst) this.tell({ isAll: true });
      this.isFirst = false;
    });
    source.addEventListener("case", (event) => this.tell({ id: JSON.parse(event.data).id }));
    source.addEventListener("room", () => this.tell({ isRoom: true }));
    source.addEventListener("error", () => {
      this.onState(false);
      if (source.readyState !== EventSource.CLOSED || this.source !== source) return;
      this.source = null;
      document.dispatchEvent(new CustomEvent("stream-refused"));
      setTimeout(() => this.source === null && this.follow(), AGAIN);
    });
  }

  close() {
    this.source?.close();
    this.source = null;
  }

  tell({ id, isRoom = false, isAll = false }) {
    if (id !== undefined) this.changed.add(id);
    this.isRoomChanged ||= isRoom;
    this.isAll ||= isAll;
    const now = performance.now();
    if (this.timer === 0) this.since = now;
    clearTimeout(this.timer);
    const pause = Math.max(0, Math.min(QUIET, LONGEST - (now - this.since)));
    this.timer = setTimeout(() => this.pass(), pause);
  }

  pass() {
    const told = { cases: this.changed, isRoom: this.isRoomChanged, isAll: this.isAll ?? false };
    this.timer = 0;
    this.changed = new Set();
    this.isRoomChanged = false;
    this.isAll = false;
    for (const listener of this.listeners) listener(told);
  }
}
