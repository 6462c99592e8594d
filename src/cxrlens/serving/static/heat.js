// The heat map over the image: one picture, stretched over exactly the whole of it.
// SPDX-License-Identifier: Apache-2.0

import { fetchOrSay, Refusal } from "./fetching.js";

/** Pixels of the map drawn beyond the screen, so that interpolation at its edge is right. */
const MARGIN = 2;

/**
 * Fetch a map.
 *
 * @param {string} url of a PNG with transparency.
 * @param {AbortSignal} signal ends the transfer.
 * @returns {Promise<ImageBitmap>}
 * @throws {Refusal} with a sentence, where it did not come.
 */
export async function fetchMap(url, signal) {
  const response = await fetchOrSay("The heat map", url, signal);
  const blob = await response.blob();
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch (error) {
    throw new Refusal("The heat map cannot be shown: what came is not a picture.", error);
  }
}

/**
 * Draw a map on its own canvas.
 *
 * @param {HTMLCanvasElement} canvas of the size of the stage.
 * @param {import("./camera.js").Camera} camera says where the image lies.
 * @param {ImageBitmap|null} bitmap covers the whole image; null clears.
 */
export function drawMap(canvas, camera, bitmap) {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (bitmap === null) return;
  const { image, stage, seen } = camera;
  const across = image.width / bitmap.width;
  const down = image.height / bitmap.height;
  const start = camera.toImage(0, 0);
  const end = camera.toImage(stage.width, stage.height);
  // Only what is near the screen: a browser draws a very large rectangle imprecisely.
  const left = Math.max(0, Math.floor(start.col / across) - MARGIN);
  const top = Math.max(0, Math.floor(start.row / down) - MARGIN);
  const right = Math.min(bitmap.width, Math.ceil(end.col / across) + MARGIN);
  const bottom = Math.min(bitmap.height, Math.ceil(end.row / down) + MARGIN);
  const from = camera.toStage(left * across, top * down);
  const to = camera.toStage(right * across, bottom * down);
  pen.save();
  // The image ends on whole device pixels, and so must what lies over it.
  pen.beginPath();
  pen.rect(seen.left, seen.top, seen.right - seen.left, seen.bottom - seen.top);
  pen.clip();
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "medium";
  pen.drawImage(
    bitmap, left, top, right - left, bottom - top, from.x, from.y, to.x - from.x, to.y - from.y,
  );
  pen.restore();
}
