// The image at the resolution of the screen: means when it shrinks, interpolation when it grows.
// SPDX-License-Identifier: Apache-2.0

/**
 * Compute the stored number of every device pixel that shows the image.
 *
 * Values are averaged before they are windowed, so that a narrow window adds no steps.
 *
 * @param {import("./pixels.js").Pixels} pixels of the image.
 * @param {import("./camera.js").Camera} camera says where it lies.
 * @param {boolean} isSmooth whether to interpolate above one device pixel for a pixel.
 * @param {Uint16Array} target of the size of the stage, row by row; only what is seen is written.
 */
export function resample(pixels, camera, isSmooth, target) {
  const level = pixels.levelFor(Math.max(camera.scale, camera.scaleY));
  const { left, top, right, bottom } = camera.seen;
  if (right <= left || bottom <= top) return;
  const across = { scale: camera.scale * level.reduction, origin: camera.left };
  const down = { scale: camera.scaleY * level.reduction, origin: camera.top };
  const cols = weigh(left, right, { ...across, size: level.width }, isSmooth);
  const rows = weigh(top, bottom, { ...down, size: level.height }, isSmooth);
  const factor = level.unit;
  const line = new Float32Array(level.width);
  for (let row = 0; row < bottom - top; row += 1) {
    mixRows(level, rows, row, cols, factor, line);
    mixColumns(line, cols, target, (top + row) * camera.stage.width + left);
  }
}

/**
 * Which pixels of one axis make up each device pixel, and in which shares.
 *
 * @returns {{n: number, places: Int32Array, shares: Float32Array, first: number, last: number}}
 *   n places and shares for each device pixel, one after the other.
 */
function weigh(start, end, axis, isSmooth) {
  if (axis.scale < 1) return weighMeans(start, end, axis);
  const isExact = axis.scale === 1 && Number.isInteger(axis.origin);
  const isLinear = isSmooth && !isExact;
  return isLinear ? weighLinear(start, end, axis) : weighNearest(start, end, axis);
}

function weighNearest(start, end, { scale, origin, size }) {
  const taps = makeTaps(1, end - start, size);
  for (let at = start; at < end; at += 1) {
    setTap(taps, at - start, Math.floor((at + 0.5 - origin) / scale), 1);
  }
  return taps;
}

function weighLinear(start, end, { scale, origin, size }) {
  const taps = makeTaps(2, end - start, size);
  for (let at = start; at < end; at += 1) {
    const centre = (at + 0.5 - origin) / scale - 0.5;
    const before = Math.floor(centre);
    setTap(taps, 2 * (at - start), before, 1 - (centre - before));
    setTap(taps, 2 * (at - start) + 1, before + 1, centre - before);
  }
  return taps;
}

/** The mean over the area of a device pixel. */
function weighMeans(start, end, { scale, origin, size }) {
  const reach = 1 / scale;
  const n = Math.ceil(reach) + 1;
  const taps = makeTaps(n, end - start, size);
  for (let at = start; at < end; at += 1) {
    const from = Math.max(0, Math.min(size - 1e-6, (at - origin) / scale));
    const to = Math.max(from + 1e-6, Math.min(size, (at + 1 - origin) / scale));
    const first = Math.floor(from);
    for (let tap = 0; tap < n; tap += 1) {
      const overlap = Math.min(to, first + tap + 1) - Math.max(from, first + tap);
      setTap(taps, n * (at - start) + tap, first + tap, Math.max(0, overlap) / (to - from));
    }
  }
  return taps;
}

function makeTaps(n, count, size) {
  const places = new Int32Array(n * count);
  return { n, places, shares: new Float32Array(n * count), size, first: size, last: 0 };
}

/** Beyond its edge the image goes on as its last pixel. */
function setTap(taps, at, place, share) {
  const inside = Math.min(taps.size - 1, Math.max(0, place));
  taps.places[at] = inside;
  taps.shares[at] = share;
  if (inside < taps.first) taps.first = inside;
  if (inside > taps.last) taps.last = inside;
}

/** One line of the screen, still in the columns of the image; loops written out for speed. */
function mixRows({ values, width }, rows, row, cols, factor, line) {
  const { n, places, shares } = rows;
  const { first, last } = cols;
  for (let tap = 0; tap < n; tap += 1) {
    const at = n * row + tap;
    const share = shares[at] * factor;
    if (share === 0 && tap > 0) continue;
    const start = places[at] * width;
    if (tap === 0) {
      for (let col = first; col <= last; col += 1) line[col] = share * values[start + col];
    } else {
      for (let col = first; col <= last; col += 1) line[col] += share * values[start + col];
    }
  }
}

function mixColumns(line, { n, places, shares }, target, start) {
  const count = places.length / n;
  if (n === 1) {
    for (let at = 0; at < count; at += 1) target[start + at] = line[places[at]] + 0.5;
    return;
  }
  for (let at = 0, tap = 0; at < count; at += 1) {
    let sum = 0.5;
    for (const end = tap + n; tap < end; tap += 1) sum += shares[tap] * line[places[tap]];
    target[start + at] = sum;
  }
}
