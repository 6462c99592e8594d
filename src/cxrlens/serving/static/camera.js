// Where the image lies on the screen: scale and place, in device pixels.
// SPDX-License-Identifier: Apache-2.0

/** Device pixels for one image pixel, at most. */
const LARGEST_SCALE = 40;

/** The smallest scale, as a share of the one that fits. */
const SMALLEST_SHARE = 0.25;

/** Device pixels of the image that never leave the screen. */
const KEPT = 64;

/** Whether pixels of the image, or two by two of them, can fall on pixels of the screen. */
function isWhole(scale) {
  return Number.isInteger(scale) || Number.isInteger(1 / scale);
}

/** The place of one image on one stage. */
export class Camera {
  constructor() {
    this.stage = { width: 1, height: 1 };
    this.image = { width: 1, height: 1, aspect: 1 };
    /** Device pixels for one column. */
    this.scale = 1;
    this.isFitted = true;
    this.x = 0;
    this.y = 0;
  }

  /** Device pixels for one row. */
  get scaleY() {
    return this.scale * this.image.aspect;
  }

  /** Left edge of the image; on whole device pixels where that makes it sharp. */
  get left() {
    return isWhole(this.scale) ? Math.round(this.x) : this.x;
  }

  /** Upper edge of the image. */
  get top() {
    return isWhole(this.scaleY) ? Math.round(this.y) : this.y;
  }

  /** Take another image, fitted. */
  setImage(width, height, aspect) {
    this.image = { width, height, aspect };
    this.fit();
  }

  /** Take another size of the screen; the image stays fitted, or its middle where it is. */
  setStage(width, height) {
    const dx = (width - this.stage.width) / 2;
    const dy = (height - this.stage.height) / 2;
    this.stage = { width, height };
    if (this.isFitted) this.fit();
    else this.panBy(dx, dy);
  }

  /** The scale at which the whole image is seen. */
  get fittingScale() {
    const { width, height, aspect } = this.image;
    return Math.min(this.stage.width / width, this.stage.height / (height * aspect));
  }

  fit() {
    this.scale = this.fittingScale;
    this.x = (this.stage.width - this.image.width * this.scale) / 2;
    this.y = (this.stage.height - this.image.height * this.scaleY) / 2;
    this.isFitted = true;
  }

  /** Zoom so that what lies under a point of the stage stays there. */
  zoomTo(scale, stageX, stageY) {
    const smallest = Math.min(1, this.fittingScale) * SMALLEST_SHARE;
    const largest = Math.max(LARGEST_SCALE, this.fittingScale);
    const at = this.toImage(stageX, stageY);
    this.scale = Math.min(largest, Math.max(smallest, scale));
    this.x = stageX - at.col * this.scale;
    this.y = stageY - at.row * this.scaleY;
    this.isFitted = false;
    this.keepInSight();
  }

  panBy(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.keepInSight();
  }

  keepInSight() {
    const wide = this.image.width * this.scale;
    const high = this.image.height * this.scaleY;
    const keptX = Math.min(KEPT, wide, this.stage.width);
    const keptY = Math.min(KEPT, high, this.stage.height);
    this.x = Math.min(this.stage.width - keptX, Math.max(keptX - wide, this.x));
    this.y = Math.min(this.stage.height - keptY, Math.max(keptY - high, this.y));
  }

  /** From device pixels of the stage to edge coordinates of the image. */
  toImage(stageX, stageY) {
    return { col: (stageX - this.left) / this.scale, row: (stageY - this.top) / this.scaleY };
  }

  /** From edge coordinates of the image to device pixels of the stage. */
  toStage(col, row) {
    return { x: this.left + col * this.scale, y: this.top + row * this.scaleY };
  }

  /** The whole device pixels that show the image, as half-open ranges. */
  get seen() {
    const end = this.toStage(this.image.width, this.image.height);
    return {
      left: Math.max(0, Math.round(this.left)),
      top: Math.max(0, Math.round(this.top)),
      right: Math.min(this.stage.width, Math.round(end.x)),
      bottom: Math.min(this.stage.height, Math.round(end.y)),
    };
  }
}
