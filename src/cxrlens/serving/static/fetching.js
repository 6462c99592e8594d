// What a fetch came to: a response, or one sentence that a reader can act on.
// SPDX-License-Identifier: Apache-2.0

/** Something could not be shown; its message is one sentence for the reader. */
export class Refusal extends Error {
  /**
   * @param {string} sentence for the reader.
   * @param {Error} [cause] what the browser said.
   */
  constructor(sentence, cause) {
    super(sentence, { cause });
    this.name = "Refusal";
  }
}

/**
 * Fetch from the own server.
 *
 * @param {string} what is fetched, as a sentence begins: "The image".
 * @param {string} url on this server.
 * @param {AbortSignal} signal ends the transfer.
 * @returns {Promise<Response>} with a good status.
 * @throws {Refusal} where no answer came, or not a good one.
 */
export async function fetchOrSay(what, url, signal) {
  let response;
  try {
    response = await fetch(url, { signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(
      `${what} could not be fetched: the server does not answer; check the connection.`,
      error,
    );
  }
  if (response.ok) return response;
  throw new Refusal(`${what} could not be fetched: ${await explain(response)}`);
}

async function explain(response) {
  if (response.status === 401) return "you are no longer signed in; sign in again.";
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) {
    const problem = await response.json();
    const parts = [problem.detail, problem.hint].filter((part) => typeof part === "string");
    if (parts.length > 0) return `${parts.map((part) => part.replace(/\.$/, "")).join("; ")}.`;
  }
  return `${`the server answered ${response.status} ${response.statusText}`.trim()}.`;
}
