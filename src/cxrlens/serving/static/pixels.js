// The image as numbers: fetched, checked, and halved again and again for small views.
// SPDX-License-Identifier: Apache-2.0

import { fetchOrSay, Refusal } from "./fetching.js";
import { chooseWindow, TABLE_SIZE } from "./window.js";

/** Stored numbers for one grey of an 8-bit image, once greys are averaged or interpolated. */
const FINE = 256;

/** No level of the pyramid is smaller than this on its long side. */
const SMALLEST = 256;

/** What is left out at each end where a 16-bit image says no window of its own. */
const OUTLIERS = 0.002;

/**
 * Fetch the pixels of one image.
 *
 * @param {string} url of raw little-endian pixels, with X-Width, X-Height and X-Bits.
 * @param {AbortSignal} signal ends the transfer.
 * @returns {Promise<Pixels>}
 * @throws {Refusal} with a sentence, where it did not come, or not whole.
 */
export async function fetchPixels(url, signal) {
  const response = await fetchOrSay("The image", url, signal);
  const width = readCount(response, "X-Width");
  const height = readCount(response, "X-Height");
  const bits = readCount(response, "X-Bits");
  if (bits !== 8 && bits !== 16) {
    throw new Refusal(`The image has ${bits} bits a pixel, and only 8 or 16 can be shown.`);
  }
  const bytes = await readWhole(response, (width * height * bits) / 8);
  const values = bits === 8 ? new Uint8Array(bytes) : new Uint16Array(bytes);
  return new Pixels(values, width, height, readSpacing(response));
}

async function readWhole(response, expected) {
  let bytes;
  try {
    bytes = await response.arrayBuffer();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The image did not come whole: the connection broke off.", error);
  }
  if (bytes.byteLength !== expected) {
    const came = bytes.byteLength.toLocaleString("en");
    throw new Refusal(
      `The image is not whole: ${came} bytes came instead of ${expected.toLocaleString("en")}.`,
    );
  }
  return bytes;
}

function readCount(response, name) {
  const text = response.headers.get(name);
  if (text === null || !/^[1-9][0-9]*$/.test(text)) {
    throw new Refusal(`The image cannot be shown: the server's ${name} is ${text ?? "missing"}.`);
  }
  return Number(text);
}

/** Some scanners write a spacing of zero, which is none. */
function readSpacing(response) {
  const text = response.headers.get("X-Spacing-Mm");
  if (text === null) return null;
  const [row, col] = text.split(",").map(Number);
  return row > 0 && col > 0 && Number.isFinite(row * col) ? { row, col } : null;
}

/** One image with its pyramid. */
export class Pixels {
  /**
   * @param {Uint8Array|Uint16Array} values row by row.
   * @param {number} width columns.
   * @param {number} height rows.
   * @param {{row: number, col: number}|null} spacing of rows and of columns in mm, if known.
   */
  constructor(values, width, height, spacing) {
    this.values = values;
    this.width = width;
    this.height = height;
    this.spacing = spacing;
    this.bits = values.BYTES_PER_ELEMENT * 8;
    /** Stored numbers for one of the image's units. */
    this.unit = this.bits === 8 ? FINE : 1;
    this.levels = [{ values, width, height, unit: this.unit, reduction: 1 }];
    let level = this.levels[0];
    while (Math.max(level.width, level.height) > SMALLEST) {
      level = halve(level);
      this.levels.push(level);
    }
  }

  /** Height of a pixel over its width; square where the spacing says nothing. */
  get aspect() {
    return this.spacing === null ? 1 : this.spacing.row / this.spacing.col;
  }

  /** The value of one pixel, or null outside. */
  valueAt(col, row) {
    if (col < 0 || row < 0 || col >= this.width || row >= this.height) return null;
    return this.values[row * this.width + col];
  }

  /** The coarsest level that still has a pixel for every pixel of the screen. */
  levelFor(scale) {
    let chosen = this.levels[0];
    for (const level of this.levels) {
      if (scale * level.reduction <= 1) chosen = level;
    }
    return chosen;
  }

  /** The window an image is first shown in when nothing is said: 8 bits were made to be seen. */
  chooseWindow() {
    if (this.bits === 8) return { centre: 128, width: 256 };
    const counts = new Uint32Array(TABLE_SIZE);
    const level = this.levels.find((one) => one.width * one.height <= 1e6) ?? this.levels.at(-1);
    for (const value of level.values) counts[value] += 1;
    return chooseWindow(counts, this.unit, OUTLIERS);
  }
}

/** Half as many rows and columns, each the mean of up to four pixels. */
function halve(level) {
  const width = Math.ceil(level.width / 2);
  const height = Math.ceil(level.height / 2);
  const values = new Uint16Array(width * height);
  const { values: from, width: stride, unit } = level;
  // In 8 bits four greys are added and stored as 1/256 of a grey: nothing is rounded away.
  const factor = unit / 4;
  for (let row = 0; row < height; row += 1) {
    const upper = 2 * row * stride;
    // An odd last row or column counts twice.
    const lower = 2 * row + 1 < level.height ? upper + stride : upper;
    const start = row * width;
    const pairs = stride >> 1;
    for (let col = 0, at = 0; col < pairs; col += 1, at += 2) {
      const sum = from[upper + at] + from[upper + at + 1] + from[lower + at] + from[lower + at + 1];
      values[start + col] = sum * factor + 0.5;
    }
    if (pairs < width) {
      const last = stride - 1;
      values[start + pairs] = (from[upper + last] + from[lower + last]) * 2 * factor + 0.5;
    }
  }
  return { values, width, height, unit: 1, reduction: level.reduction * 2 };
}
