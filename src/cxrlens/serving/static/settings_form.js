// The form that sets how the room goes about its levels.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { find } from "./element.js";

/**
 * Let a lead set the room.
 *
 * @param {import("./frame.js").Frame} frame
 */
export function openSettings(frame) {
  const form = find("settings-form");
  const done = find("settings-done");
  form.addEventListener("input", () => (done.textContent = ""));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const json = {
      reveal: form.elements.reveal.value,
      asks_first: find("asks-first").checked,
      readers_per_case: find("readers").valueAsNumber,
      spot_check_percent: find("spot-checks").valueAsNumber,
    };
    try {
      frame.take(await ask("PUT", "/room/settings", { json }));
      done.textContent = "Set.";
    } catch (error) {
      frame.explain(error);
    }
  });
  frame.onRoom(({ settings }) => {
    form.elements.reveal.value = settings.reveal;
    find("asks-first").checked = settings.asks_first;
    find("readers").value = settings.readers_per_case;
    find("spot-checks").value = settings.spot_check_percent;
  });
}
