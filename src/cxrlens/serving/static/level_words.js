// The levels in words, in ascending order.
// SPDX-License-Identifier: Apache-2.0

export const LEVELS = {
  "human-only": "Human only",
  shadow: "Shadow",
  assistance: "Assistance",
  partial: "Partial automation",
  full: "Full automation",
};

/** Where a level stands among the others, from 0. */
export function rankLevel(level) {
  return Object.keys(LEVELS).indexOf(level);
}

/** Whether the machine may decide at a level. */
export function isAutomated(level) {
  return level === "partial" || level === "full";
}
