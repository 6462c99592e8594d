// A case is kept for its reader as long as they have it open, and given back when they leave.
// SPDX-License-Identifier: Apache-2.0

import { ask, Problem } from "./asking.js";

/** Milliseconds between words that the reader is still at it. */
const STILL = 4 * 60_000;

/** The claim on one case. */
export class Claim {
  /**
   * @param {string} caseId
   * @param {function(object): void} onCase is given the case as it stands when it was claimed.
   * @param {function(Problem): void} onRefused is told why it was not.
   */
  constructor(caseId, onCase, onRefused) {
    this.path = `/cases/${caseId}/claim`;
    this.onCase = onCase;
    this.onRefused = onRefused;
    this.isHeld = false;
    this.timer = 0;
    window.addEventListener("pagehide", () => this.release());
  }

  /** Claim the case, and keep it. */
  async take() {
    clearInterval(this.timer);
    try {
      const found = await ask("PUT", this.path);
      this.isHeld = true;
      this.timer = setInterval(() => this.take(), STILL);
      this.onCase(found);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.isHeld = false;
      // Somebody else has it, or the room was not reached: then it is tried again.
      if (error.isPassing) this.timer = setInterval(() => this.take(), STILL / 8);
      this.onRefused(error);
    }
  }

  /** Forget it: it has ended by itself, as with a commit. */
  forget() {
    clearInterval(this.timer);
    this.isHeld = false;
  }

  /** Give it back; goes out even when the page is being left. */
  release() {
    if (!this.isHeld) return;
    this.forget();
    ask("DELETE", this.path, { keepalive: true }).catch((error) => {
      // Nobody is there any more to be told; the claim runs out by itself.
      if (!(error instanceof Problem) && error.name !== "AbortError") throw error;
    });
  }
}
