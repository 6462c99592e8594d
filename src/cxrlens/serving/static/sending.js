// One file is sent to the room, as often as it takes.
// SPDX-License-Identifier: Apache-2.0

import { NO_ANSWER, Problem, readProblem, wait } from "./asking.js";

/** Seconds between tries while the room cannot be reached; then the file counts as failed. */
const PAUSES = [1, 2, 4, 8, 15];

/** How often a busy room is asked: each time it says itself how long to wait. */
const MOST_BUSY = 200;

/**
 * Send a file, and wait as long as the room says while it is busy.
 *
 * @param {File} file
 * @param {string} patient ID, or nothing.
 * @param {object} told `onShare(share)` of what is sent, `onWait(seconds, problem)`.
 * @returns {Promise<Array<object>>} lines of the receipt: several for an archive.
 * @throws {Problem} where it was refused as a whole, or the room was not reached.
 */
export async function send(file, patient, told) {
  let lost = 0;
  let busy = 0;
  for (;;) {
    try {
      return (await sendOnce(file, patient, told.onShare)).images;
    } catch (error) {
      if (!(error instanceof Problem) || !error.isPassing) throw error;
      const seconds = error.status === 0 ? PAUSES[lost] : (error.retryAfter ?? 2);
      if (error.status === 0) lost += 1;
      else busy += 1;
      if (seconds === undefined || busy > MOST_BUSY) throw error;
      told.onWait(seconds, error);
      await wait(seconds);
    }
  }
}

/** Send a file once; a fetch would not say how much of it has gone. */
function sendOnce(file, patient, onShare) {
  const form = new FormData();
  form.append("file", file, file.name);
  if (patient !== "") form.append("patient_id", patient);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/images");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onShare(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status === 202) {
        resolve(JSON.parse(request.responseText));
        return;
      }
      if (request.status === 401) document.dispatchEvent(new CustomEvent("signed-out"));
      const headers = { get: (name) => request.getResponseHeader(name) };
      const { status, statusText } = request;
      reject(new Problem(readProblem(request.responseText, { status, statusText, headers }), status));
    });
    for (const name of ["error", "abort", "timeout"]) {
      request.addEventListener(name, () => reject(new Problem(NO_ANSWER, 0)));
    }
    request.send(form);
  });
}
