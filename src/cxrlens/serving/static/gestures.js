// What a hand does on the stage, by mouse, pen and fingers, told as window, pan and zoom.
// SPDX-License-Identifier: Apache-2.0

/** CSS pixels a finger moves before it drags, so that a second finger can come down. */
const TREMOR = 6;

/** A second tap within so many milliseconds and CSS pixels makes a double tap. */
const SOON = 320;
const NEAR = 32;

/** What was dragged before a second finger came down this soon is taken back. */
const HASTE = 250;

/** Zoom of one CSS pixel of a wheel, of a pinch on a trackpad, of a drag. */
const WHEEL = 0.0016;
const TRACKPAD = 0.01;
const DRAG = 0.007;

/** CSS pixels of a wheel that counts in lines. */
const LINE = 24;

/** Wheels report jumps; no single one zooms more than so many CSS pixels. */
const LARGEST_JUMP = 240;

/** Turns events of pointers into what they mean. */
export class Gestures {
  /**
   * @param {HTMLElement} stage listens; places are CSS pixels from its corner.
   * @param {object} hand is told: `start()`, `takeBack()`, `window(dx, dy)`, `pan(dx, dy)`,
   *   `zoom(factor, x, y)`, `hover(x, y)`, `leave()`, `fit()`, and asked `mode()`:
   *   "window" or "pan".
   */
  constructor(stage, hand) {
    this.stage = stage;
    this.hand = hand;
    /** Whether a key says that any drag pans. */
    this.isPanHeld = false;
    this.pointers = new Map();
    this.meaning = null;
    this.lastTap = { time: -Infinity, x: 0, y: 0 };
    const listen = (name, answer, options) => stage.addEventListener(name, answer, options);
    listen("pointerdown", (event) => this.press(event));
    listen("pointermove", (event) => this.move(event));
    listen("pointerup", (event) => this.lift(event));
    listen("pointercancel", (event) => this.lift(event));
    listen("lostpointercapture", (event) => this.lift(event));
    listen("pointerleave", () => hand.leave());
    listen("contextmenu", (event) => event.preventDefault());
    // The middle button would begin to scroll.
    listen("mousedown", (event) => event.button === 1 && event.preventDefault());
    listen("wheel", (event) => this.turn(event), { passive: false });
  }

  locate(event) {
    const corner = this.stage.getBoundingClientRect();
    return { x: event.clientX - corner.left, y: event.clientY - corner.top };
  }

  press(event) {
    const isTouch = event.pointerType === "touch";
    const place = this.locate(event);
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { ...place, first: place, isTouch, time: event.timeStamp });
    if (this.pointers.size === 2 && isTouch) this.beginPinch(event.timeStamp);
    else if (this.pointers.size > 2) this.meaning = "nothing";
    else if (this.pointers.size === 1) this.begin(event, place);
  }

  begin(event, place) {
    this.origin = place;
    this.beganAt = event.timeStamp;
    this.meaning = this.read(event);
    this.isMoving = event.pointerType !== "touch";
    this.hand.start();
    this.stage.dataset.drag = this.meaning;
  }

  read(event) {
    if (event.button === 2) return "zoom";
    if (event.button === 1 || this.isPanHeld) return "pan";
    return this.hand.mode();
  }

  beginPinch(now) {
    if (this.isMoving && now - this.beganAt < HASTE) this.hand.takeBack();
    this.meaning = "pinch";
    this.pinch = this.measurePinch();
  }

  measurePinch() {
    const [one, other] = [...this.pointers.values()];
    return {
      x: (one.x + other.x) / 2,
      y: (one.y + other.y) / 2,
      apart: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)),
    };
  }

  move(event) {
    const place = this.locate(event);
    this.hand.hover(place.x, place.y);
    const pointer = this.pointers.get(event.pointerId);
    if (pointer === undefined) return;
    const [dx, dy] = [place.x - pointer.x, place.y - pointer.y];
    if (!this.isMoving && this.meaning !== "pinch") {
      const gone = Math.hypot(place.x - pointer.first.x, place.y - pointer.first.y);
      if (gone < TREMOR) return;
      this.isMoving = true;
    }
    Object.assign(pointer, place);
    this.drag(dx, dy);
  }

  drag(dx, dy) {
    if (this.meaning === "window") this.hand.window(dx, dy);
    else if (this.meaning === "pan") this.hand.pan(dx, dy);
    else if (this.meaning === "zoom") {
      this.hand.zoom(Math.exp(-dy * DRAG), this.origin.x, this.origin.y);
    } else if (this.meaning === "pinch") {
      const now = this.measurePinch();
      this.hand.pan(now.x - this.pinch.x, now.y - this.pinch.y);
      this.hand.zoom(now.apart / this.pinch.apart, now.x, now.y);
      this.pinch = now;
    }
  }

  lift(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (pointer === undefined) return;
    this.pointers.delete(event.pointerId);
    if (event.type === "pointerup" && pointer.isTouch) this.tap(event, pointer);
    if (this.pointers.size > 0) {
      // The finger that stays after a pinch means nothing until it is lifted.
      this.meaning = "nothing";
      return;
    }
    this.meaning = null;
    delete this.stage.dataset.drag;
  }

  tap(event, pointer) {
    if (this.isMoving || this.meaning !== this.hand.mode()) return;
    const last = this.lastTap;
    const isNear = Math.hypot(pointer.x - last.x, pointer.y - last.y) < NEAR;
    if (event.timeStamp - last.time < SOON && isNear) {
      this.lastTap = { time: -Infinity, x: 0, y: 0 };
      this.hand.fit();
      return;
    }
    this.lastTap = { time: event.timeStamp, x: pointer.x, y: pointer.y };
  }

  turn(event) {
    event.preventDefault();
    const { x, y } = this.locate(event);
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1;
    const jump = Math.max(-LARGEST_JUMP, Math.min(LARGEST_JUMP, event.deltaY * pixels));
    // Browsers report a pinch on a trackpad as a wheel with Ctrl.
    this.hand.zoom(Math.exp(-jump * (event.ctrlKey ? TRACKPAD : WHEEL)), x, y);
  }
}
