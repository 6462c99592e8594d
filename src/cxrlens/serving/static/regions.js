// The regions over the image: frames and labels that never cover what is inside a frame.
// SPDX-License-Identifier: Apache-2.0

const LINE = "#63cbe4";
const SHADOW = "rgb(0 0 0 / 0.75)";
const PAPER = "rgb(8 12 16 / 0.88)";

/** Sizes in CSS pixels. */
const THICK = 1.5;
const HALO = 1;
const LETTERS = 12;
const PADDING = 4;

/** What is written at a region: its class, and its score where there is one. */
export function nameRegion(region) {
  const score = Number.isFinite(region.score) ? ` ${region.score.toFixed(2)}` : "";
  return `${region.class_name}${score}`;
}

/**
 * Draw the regions on their own canvas.
 *
 * @param {HTMLCanvasElement} canvas of the size of the stage.
 * @param {import("./camera.js").Camera} camera says where the image lies.
 * @param {Array<{class_name: string, score: number, top: number, left: number, height: number,
 *   width: number}>} regions in edge coordinates of the image.
 * @param {number} ratio device pixels for one CSS pixel.
 */
export function drawRegions(canvas, camera, regions, ratio) {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const boxes = regions.map((region) => placeBox(camera, region));
  for (const box of boxes) drawFrame(pen, box, ratio);
  pen.font = `600 ${LETTERS * ratio}px system-ui, "Segoe UI", "DejaVu Sans", sans-serif`;
  pen.textBaseline = "middle";
  const taken = [...boxes];
  const whole = { left: 0, top: 0, right: canvas.width, bottom: canvas.height };
  regions.forEach((region, number) => {
    if (!overlap(boxes[number], whole)) return;
    const text = nameRegion(region);
    const size = {
      width: pen.measureText(text).width + 2 * PADDING * ratio,
      height: (LETTERS + PADDING) * ratio,
    };
    const place = findRoom(boxes[number], size, canvas, taken, ratio);
    // Where every place is taken the pixels go first: the readout names what is pointed at.
    if (place === null) return;
    taken.push(place);
    pen.fillStyle = PAPER;
    pen.fillRect(place.left, place.top, size.width, size.height);
    pen.fillStyle = LINE;
    pen.fillText(text, place.left + PADDING * ratio, place.top + size.height / 2 + ratio / 2);
  });
}

function placeBox(camera, region) {
  const start = camera.toStage(region.left, region.top);
  const end = camera.toStage(region.left + region.width, region.top + region.height);
  return { left: start.x, top: start.y, right: end.x, bottom: end.y };
}

/** The inner edge of the frame is the edge of the region, to a fraction of a device pixel. */
function drawFrame(pen, box, ratio) {
  const thick = Math.round(THICK * ratio);
  fillBetween(pen, box, 0, thick, LINE);
  fillBetween(pen, box, thick, thick + HALO * ratio, SHADOW);
}

function fillBetween(pen, box, inner, outer, colour) {
  pen.beginPath();
  for (const out of [inner, outer]) {
    const { left, top, right, bottom } = box;
    pen.rect(left - out, top - out, right - left + 2 * out, bottom - top + 2 * out);
  }
  pen.fillStyle = colour;
  pen.fill("evenodd");
}

/** The first place beside a box that is on the screen and covers no box and no other label. */
function findRoom(box, { width, height }, canvas, taken, ratio) {
  const gap = Math.round(THICK * ratio) + HALO * ratio;
  const x = Math.min(Math.max(box.left - gap, 0), canvas.width - width);
  const y = Math.min(Math.max(box.top - gap, 0), canvas.height - height);
  const starts = [
    [x, box.top - gap - height],
    [x, box.bottom + gap],
    [box.right + gap, y],
    [box.left - gap - width, y],
  ];
  for (const [left, top] of starts) {
    const place = { left, top, right: left + width, bottom: top + height };
    const isOnScreen = isInside(place, canvas);
    if (isOnScreen && !taken.some((other) => overlap(place, other))) return place;
  }
  return null;
}

function isInside(place, canvas) {
  const isWithin = place.right <= canvas.width && place.bottom <= canvas.height;
  return isWithin && place.left >= 0 && place.top >= 0;
}

function overlap(one, other) {
  const isBeside = one.right <= other.left || other.right <= one.left;
  return !isBeside && one.top < other.bottom && other.top < one.bottom;
}

/** The smallest region that holds a point of the image, or null. */
export function findRegion(regions, col, row) {
  const around = regions.filter(
    ({ left, top, width, height }) =>
      col >= left && col < left + width && row >= top && row < top + height,
  );
  around.sort((one, other) => one.width * one.height - other.width * other.height);
  return around[0] ?? null;
}
