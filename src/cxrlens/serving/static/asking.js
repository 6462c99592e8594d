// The room is asked, and answers; or says in a sentence why not.
// SPDX-License-Identifier: Apache-2.0

import { makeSentence } from "./element.js";

const ROOT = "/api/v1";

/** Seconds between tries where nobody says how long to wait; then it is given up. */
const PAUSES = [1, 2, 4];

/** The room said no, or could not be reached; its message is what a person should read. */
export class Problem extends Error {
  /**
   * @param {object} told `detail`, and where there are any `hint`, `code` and `retry_after`.
   * @param {number} status of HTTP; 0 where no answer came.
   */
  constructor(told, status) {
    super([told.detail, told.hint].filter(Boolean).map(makeSentence).join(" "));
    this.name = "Problem";
    this.status = status;
    this.code = told.code ?? "";
    this.retryAfter = told.retry_after ?? null;
  }

  /** Whether the same request may work later. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status === 503;
  }
}

export const NO_ANSWER = {
  code: "no-answer",
  detail: "the room does not answer",
  hint: "check the connection, then try again",
};

/**
 * Ask the room once.
 *
 * @param {string} method of HTTP.
 * @param {string} path below /api/v1.
 * @param {object} [sent]
 * @param {object} [sent.json] the body.
 * @param {string} [sent.key] the Idempotency-Key.
 * @param {boolean} [sent.keepalive] whether it goes out even when the page is left.
 * @param {AbortSignal} [sent.signal] ends it.
 * @returns {Promise<object|null>} what was answered.
 * @throws {Problem} where it was refused or no answer came.
 */
export async function ask(method, path, { json, key, keepalive = false, signal } = {}) {
  const headers = {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers,
      body: json === undefined ? undefined : JSON.stringify(json),
      credentials: "same-origin",
      keepalive,
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(NO_ANSWER, 0);
  }
  if (response.status === 204) return null;
  const text = await readText(response);
  if (response.ok) return JSON.parse(text);
  const problem = new Problem(readProblem(text, response), response.status);
  if (problem.status === 401) document.dispatchEvent(new CustomEvent("signed-out"));
  throw problem;
}

/**
 * Ask the room, and again while it is busy or cannot be reached.
 *
 * @param {string} method of HTTP.
 * @param {string} path below /api/v1.
 * @param {object} sent as for `ask`; with a key, so that what is done twice is done once.
 * @param {function(number, Problem): void} onWait is told how many seconds it waits, and why.
 * @returns {Promise<object|null>} what was answered.
 * @throws {Problem} as `ask`, after the last try.
 */
export async function askSurely(method, path, sent, onWait) {
  for (const pause of PAUSES) {
    try {
      return await ask(method, path, sent);
    } catch (error) {
      if (!(error instanceof Problem) || !error.isPassing) throw error;
      const seconds = error.retryAfter ?? pause;
      onWait(seconds, error);
      await wait(seconds);
    }
  }
  return ask(method, path, sent);
}

/** Let seconds pass. */
export function wait(seconds) {
  return new Promise((go) => setTimeout(go, 1000 * seconds));
}

/** A key for something that should be done once. */
export function makeKey() {
  // Not crypto.randomUUID, which browsers offer to HTTPS and the own machine alone.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a refusal says of itself; something else may stand before the room and answer for it. */
export function readProblem(text, response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) return JSON.parse(text);
  const after = Number(response.headers.get("Retry-After"));
  return {
    code: "no-problem",
    detail: `the room answered ${response.status} ${response.statusText}`.trim(),
    hint: "try again",
    retry_after: after > 0 ? after : null,
  };
}

async function readText(response) {
  try {
    return await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(NO_ANSWER, 0);
  }
}
