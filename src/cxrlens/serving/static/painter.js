// The canvas of the image: values at the resolution of the screen become greys by the table.
// SPDX-License-Identifier: Apache-2.0

import { resample } from "./resample.js";
import { chooseWindow, fillTable, TABLE_SIZE } from "./window.js";

/** What the automatic window leaves out at each end. */
const AUTO_OUTLIERS = 0.005;

/**
 * Keeps the values that are on the screen, so that a change of window reads only those: a tenth
 * of a large image, and none of its rows and columns is visited again.
 */
export class Painter {
  /** @param {HTMLCanvasElement} canvas to paint on. */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.table = new Uint32Array(TABLE_SIZE);
    this.resize(1, 1);
  }

  /** Take another size in device pixels. */
  resize(width, height) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.values = new Uint16Array(width * height);
    this.screen = new ImageData(width, height);
    this.dots = new Uint32Array(this.screen.data.buffer);
    this.seen = { left: 0, top: 0, right: 0, bottom: 0 };
  }

  /** Compute the values again, after the image or its place has changed. */
  look(pixels, camera, isSmooth) {
    this.seen = camera.seen;
    resample(pixels, camera, isSmooth, this.values);
  }

  /** Make another table, after the window has changed. */
  setWindow(window, unit, isInverted) {
    fillTable(this.table, window, unit, isInverted);
  }

  /** Paint the values through the table, black around them. */
  paint() {
    const { values, dots, table, canvas, pen } = this;
    const { left, top, right, bottom } = this.seen;
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    if (right <= left || bottom <= top) return;
    for (let row = top; row < bottom; row += 1) {
      const end = row * canvas.width + right;
      for (let at = row * canvas.width + left; at < end; at += 1) dots[at] = table[values[at]];
    }
    pen.putImageData(this.screen, 0, 0, left, top, right - left, bottom - top);
  }

  /** Show nothing. */
  clear() {
    this.seen = { left: 0, top: 0, right: 0, bottom: 0 };
    this.paint();
  }

  /** The window that suits what is on the screen. */
  chooseWindow(unit) {
    const counts = new Uint32Array(TABLE_SIZE);
    const { left, top, right, bottom } = this.seen;
    for (let row = top; row < bottom; row += 1) {
      const end = row * this.canvas.width + right;
      for (let at = row * this.canvas.width + left; at < end; at += 1) counts[this.values[at]] += 1;
    }
    return chooseWindow(counts, unit, AUTO_OUTLIERS);
  }
}
