// Which grey a value is shown in: the window of centre and width, as a look-up table.
// SPDX-License-Identifier: Apache-2.0

/** Entries of a table: one for every 16-bit value. */
export const TABLE_SIZE = 65536;

/** The narrowest window: DICOM allows none below 1. */
export const NARROWEST = 1;

/**
 * The grey of a value by DICOM's linear function (PS3.3 C.11.2.1.2.1).
 *
 * @param {number} value in the image's own units.
 * @param {{centre: number, width: number}} window of at least width 1.
 * @param {boolean} isInverted whether the largest value is black.
 * @returns {number} an integer from 0 (black) to 255.
 */
export function shade(value, window, isInverted) {
  const slope = Math.max(window.width - 1, 1e-6);
  const share = (value - (window.centre - 0.5)) / slope + 0.5;
  const grey = Math.floor(255 * Math.min(1, Math.max(0, share)) + 0.5);
  return isInverted ? 255 - grey : grey;
}

/**
 * Write the opaque RGBA pixel of every stored number into a table.
 *
 * @param {Uint32Array} table of 65,536 entries, overwritten.
 * @param {{centre: number, width: number}} window in the image's units.
 * @param {number} unit stored numbers for one of the image's units (256 for 8-bit images).
 * @param {boolean} isInverted whether the largest value is black.
 */
export function fillTable(table, window, unit, isInverted) {
  for (let stored = 0; stored < TABLE_SIZE; stored += 1) {
    const grey = shade(stored / unit, window, isInverted);
    // Every machine that runs a browser of today is little-endian: red is the lowest byte.
    table[stored] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
}

/**
 * The window that leaves out what is rarer than a share at both ends.
 *
 * @param {Uint32Array} counts how often each stored number occurs.
 * @param {number} unit stored numbers for one of the image's units.
 * @param {number} share left out at each end, such as 0.005.
 * @returns {{centre: number, width: number}} in the image's units.
 */
export function chooseWindow(counts, unit, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const low = findRank(counts, share * total) / unit;
  const high = findRank(counts, (1 - share) * total) / unit;
  const width = Math.max(NARROWEST, Math.round(high - low) + 1);
  return { centre: Math.round(low + (width - 1) / 2 + 0.5), width };
}

function findRank(counts, rank) {
  let sum = 0;
  let last = 0;
  for (let stored = 0; stored < counts.length; stored += 1) {
    if (counts[stored] === 0) continue;
    sum += counts[stored];
    last = stored;
    if (sum > rank) return stored;
  }
  return last;
}
