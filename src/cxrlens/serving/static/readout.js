// The line of numbers below the image: window, zoom, what the pointer is on, and a scale bar.
// SPDX-License-Identifier: Apache-2.0

/** Lengths that a scale bar may have, in millimetres. */
const LENGTHS = [1000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1];

/** CSS pixels of the longest scale bar. */
const LONGEST = 130;

/** The line of numbers. */
export class Readout {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "viewer-readout";
    this.window = this.add("viewer-readout-window", "Window width and centre");
    this.zoom = this.add("viewer-readout-zoom", "Pixels of the screen for a pixel of the image");
    this.point = this.add("viewer-readout-point", "Column, row and value under the pointer");
    this.bar = this.add("viewer-readout-scale", "");
    this.rule = document.createElement("span");
    this.rule.className = "viewer-readout-rule";
    this.length = document.createElement("span");
    this.bar.append(this.rule, this.length);
  }

  add(name, title) {
    const part = document.createElement("span");
    part.className = name;
    part.title = title;
    this.element.append(part);
    return part;
  }

  /** Show nothing. */
  clear() {
    for (const part of [this.window, this.zoom, this.point]) part.textContent = "";
    this.bar.hidden = true;
  }

  /** Show the window and whether it is inverted. */
  showWindow({ centre, width }, isInverted) {
    const sign = isInverted ? " inverted" : "";
    this.window.textContent = `W ${write(width)}  C ${write(centre)}${sign}`;
  }

  /**
   * Show the zoom and the scale bar.
   *
   * @param {number} scale device pixels for one column.
   * @param {number} ratio device pixels for one CSS pixel.
   * @param {{row: number, col: number}|null} spacing in mm.
   */
  showZoom(scale, ratio, spacing) {
    const percent = 100 * scale;
    this.zoom.textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
    this.bar.hidden = spacing === null;
    if (spacing === null) return;
    const perMillimetre = scale / ratio / spacing.col;
    const length = LENGTHS.find((one) => one * perMillimetre <= LONGEST) ?? LENGTHS.at(-1);
    this.rule.style.width = `${length * perMillimetre}px`;
    this.length.textContent = length >= 10 ? `${length / 10} cm` : `${length} mm`;
    this.bar.title = "At the detector: the body is smaller, as far as it stood away from it";
  }

  /**
   * Show what the pointer is on.
   *
   * @param {{col: number, row: number, value: number, region: string}|null} point or none.
   */
  showPoint(point) {
    if (point === null) {
      this.point.textContent = "";
      return;
    }
    const region = point.region === "" ? "" : `  ${point.region}`;
    this.point.textContent = `${point.col}, ${point.row}  value ${point.value}${region}`;
  }
}

function write(number) {
  return Number.isInteger(number) ? String(number) : number.toFixed(Math.abs(number) < 100 ? 1 : 0);
}
