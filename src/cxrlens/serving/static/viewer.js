// The viewer of a radiograph: joins image, map, regions, hand, keys and buttons on one stage.
// SPDX-License-Identifier: Apache-2.0

import { GESTURES, listActions } from "./actions.js";
import { Camera } from "./camera.js";
import { Refusal } from "./fetching.js";
import { Gestures } from "./gestures.js";
import { drawMap, fetchMap } from "./heat.js";
import { KeyTable } from "./keys.js";
import { Painter } from "./painter.js";
import { fetchPixels } from "./pixels.js";
import { recall, remember } from "./preferences.js";
import { Readout } from "./readout.js";
import { drawRegions, findRegion, nameRegion } from "./regions.js";
import { Toolbar } from "./toolbar.js";
import { NARROWEST } from "./window.js";

const MEMORY = "cxrlens-viewer";

/** CSS pixels of a drag that change the window by as much as it is wide at first. */
const DRAG = 400;

/** Milliseconds of quiet before a screen reader is told what has changed. */
const QUIET = 250;

/** A viewer in a container of the page, which gives it its size. */
export class Viewer {
  /**
   * @param {HTMLElement} container becomes the viewer; events are dispatched on it.
   * @param {object} [options]
   * @param {KeyTable} [options.keys] of the page; without one the viewer makes its own and listens.
   * @param {boolean} [options.showMap] whether the map is on when a case opens; false.
   * @param {boolean} [options.showRegions] whether the regions are; true.
   * @param {number} [options.opacity] of the map, for who has not chosen one; 0.4.
   */
  constructor(container, options = {}) {
    const kept = recall(MEMORY);
    this.container = container;
    this.camera = new Camera();
    this.pixels = null;
    this.regions = [];
    this.maps = [];
    this.mapId = null;
    this.bitmaps = new Map();
    this.bitmap = null;
    this.window = { centre: 128, width: 256 };
    this.firstWindow = this.window;
    this.isInverted = false;
    this.isSmooth = kept.isSmooth ?? true;
    this.dragMode = kept.dragMode ?? "window";
    this.opacity = kept.opacity ?? options.opacity ?? 0.4;
    this.isMapOn = options.showMap ?? false;
    this.areRegionsOn = options.showRegions ?? true;
    this.isPeeking = false;
    this.pointer = null;
    this.stale = { view: false, grey: false };
    this.frame = 0;
    this.transfer = new AbortController();
    this.endings = [];
    this.actions = listActions(this);
    this.build();
    this.listen(options.keys);
    this.refresh();
  }

  build() {
    this.container.classList.add("viewer");
    this.toolbar = new Toolbar(this.actions, {
      act: (action) => this.act(action),
      end: (action) => action.stop(),
      chooseMap: (id) => this.chooseMap(id),
      setOpacity: (share) => this.setOpacity(share),
      help: () => this.keys.toggleHelp(),
    });
    this.stage = make("div", "viewer-stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-label", "Radiograph");
    this.stage.setAttribute("aria-keyshortcuts", "?");
    this.canvases = ["image", "map", "regions"].map((name) => {
      const canvas = make("canvas", `viewer-canvas viewer-canvas-${name}`);
      canvas.setAttribute("aria-hidden", "true");
      return canvas;
    });
    this.painter = new Painter(this.canvases[0]);
    this.stage.append(...this.canvases);
    this.waiting = make("p", "viewer-waiting", "Loading the image…");
    this.waiting.hidden = true;
    this.alert = make("div", "viewer-alert");
    this.alert.setAttribute("role", "alert");
    this.live = make("div", "viewer-live");
    this.live.setAttribute("aria-live", "polite");
    this.readout = new Readout();
    const middle = make("div", "viewer-middle");
    middle.append(this.stage, this.waiting, this.alert);
    const parts = [this.toolbar.element, middle, this.readout.element, this.live];
    this.container.replaceChildren(...parts);
    this.readout.clear();
  }

  listen(keys) {
    this.gestures = new Gestures(this.stage, this.makeHand());
    const observer = new ResizeObserver((entries) => this.resize(entries.at(-1)));
    observe(observer, this.stage);
    this.endings.push(() => observer.disconnect());
    this.keys = keys ?? new KeyTable();
    if (keys === undefined) this.endings.push(this.keys.listen());
    for (const topic of new Set(this.actions.map((action) => action.topic))) {
      const own = this.actions.filter((one) => one.topic === topic && one.keys.length > 0);
      this.endings.push(this.keys.add(topic, own.map((action) => this.bind(action))));
    }
    const notes = GESTURES.map(([shown, label]) => ({ keys: [], shown, label }));
    this.endings.push(this.keys.add("Mouse and fingers", notes));
  }

  bind(action) {
    const { keys, shown, label, icon, stop, onlyWithin } = action;
    const run = () => this.act(action);
    return { keys, shown, label, icon, run, stop, within: this.stage, onlyWithin };
  }

  makeHand() {
    return {
      mode: () => this.dragMode,
      start: () => (this.beforeDrag = { window: this.window, x: this.camera.x, y: this.camera.y }),
      takeBack: () => this.takeBack(),
      window: (dx, dy) => this.dragWindow(dx, dy),
      pan: (dx, dy) => this.panBy(dx * this.ratio, dy * this.ratio),
      zoom: (factor, x, y) => this.zoomBy(factor, x * this.ratio, y * this.ratio),
      hover: (x, y) => this.point({ x: x * this.ratio, y: y * this.ratio }),
      leave: () => this.point(null),
      fit: () => this.fit(),
    };
  }

  /** Device pixels for one CSS pixel of the stage. */
  get ratio() {
    const width = this.stage.clientWidth;
    return width > 0 ? this.camera.stage.width / width : window.devicePixelRatio;
  }

  /** How things are, as plain numbers; `left`, `top` and `scale` in device pixels. */
  get state() {
    const { camera } = this;
    const map = this.maps.find((one) => one.id === this.mapId);
    return {
      hasImage: this.pixels !== null,
      imageWidth: this.pixels?.width ?? 0,
      imageHeight: this.pixels?.height ?? 0,
      centre: this.window.centre,
      width: this.window.width,
      inverted: this.isInverted,
      smooth: this.isSmooth,
      drag: this.dragMode,
      scale: camera.scale,
      left: camera.left,
      top: camera.top,
      fitted: camera.isFitted,
      zoomPercent: Math.round(100 * camera.scale),
      map: this.isMapOn && map !== undefined,
      mapId: this.mapId,
      mapLabel: map?.label ?? "",
      opacity: this.opacity,
      regions: this.areRegionsOn,
      peeking: this.isPeeking,
    };
  }

  /**
   * Show a case; the one before is gone at once.
   *
   * @param {object} asked
   * @param {string} asked.pixels address of the pixels.
   * @param {string} [asked.label] what a screen reader calls the image.
   * @param {{centre: number, width: number}} [asked.window] shown first and after a reset.
   * @param {Array<{id: string, label: string, url: string}>} [asked.maps] the first is chosen.
   * @param {Array<object>} [asked.regions] in edge coordinates of the image.
   * @returns {Promise<boolean>} whether it is drawn; false where it failed or another was asked for.
   */
  async load(asked) {
    this.clear();
    const { signal } = this.transfer;
    const began = performance.now();
    this.stage.setAttribute("aria-label", `Radiograph ${asked.label ?? ""}`.trim());
    this.waiting.hidden = false;
    try {
      const pixels = await fetchPixels(asked.pixels, signal);
      if (signal.aborted) return false;
      this.open(pixels, asked);
      const { width, height, bits } = pixels;
      this.announce(`Image shown, ${width} by ${height} pixels`);
      this.emit("viewer-ready", { width, height, bits, milliseconds: performance.now() - began });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.waiting.hidden = true;
      this.refuse(error, "image", () => this.load(asked));
      return false;
    }
  }

  open(pixels, asked) {
    this.waiting.hidden = true;
    this.pixels = pixels;
    this.firstWindow = asked.window ?? pixels.chooseWindow();
    this.window = this.firstWindow;
    this.measure();
    this.camera.setImage(pixels.width, pixels.height, pixels.aspect);
    this.setRegions(asked.regions ?? []);
    this.setMaps(asked.maps ?? []);
    this.invalidate("view", "grey");
    this.draw();
  }

  /** Show nothing, and end what is still being fetched. */
  clear() {
    this.transfer.abort();
    this.transfer = new AbortController();
    this.pixels = null;
    this.isInverted = false;
    this.regions = [];
    this.setMaps([]);
    this.waiting.hidden = true;
    this.alert.replaceChildren();
    this.painter.clear();
    drawMap(this.canvases[1], this.camera, null);
    drawRegions(this.canvases[2], this.camera, [], 1);
    this.readout.clear();
    this.refresh();
  }

  /** Take the viewer out of the page. */
  destroy() {
    this.clear();
    cancelAnimationFrame(this.frame);
    for (const end of this.endings) end();
    this.container.replaceChildren();
    this.container.classList.remove("viewer");
  }

  /** Put the focus on the image, where the arrows pan. */
  focus() {
    this.stage.focus({ preventScroll: true });
  }

  // What there is to see.

  /** Replace the regions. */
  setRegions(regions) {
    this.regions = regions;
    this.invalidate("view");
    this.refresh();
  }

  /** Replace the maps; the first is chosen, and fetched if maps are on. */
  setMaps(maps) {
    for (const bitmap of this.bitmaps.values()) bitmap.close();
    this.bitmaps.clear();
    this.maps = maps;
    this.mapId = maps[0]?.id ?? null;
    this.bitmap = null;
    this.toolbar.listMaps(maps);
    this.refresh();
    if (this.isMapOn && this.mapId !== null) this.bringMap();
  }

  /** Choose a map by its id, and show it. */
  chooseMap(id) {
    this.mapId = id;
    this.isMapOn = true;
    return this.bringMap();
  }

  /** Choose the map after this one, the first after the last. */
  nextMap() {
    const at = this.maps.findIndex((one) => one.id === this.mapId);
    return this.chooseMap(this.maps[(at + 1) % this.maps.length].id);
  }

  /** Switch the map on or off. */
  showMap(isOn) {
    this.isMapOn = isOn;
    if (isOn) return this.bringMap();
    this.refresh();
    this.emit("viewer-map", { id: this.mapId, shown: false });
    return Promise.resolve();
  }

  /** Fetch the chosen map if it is not here yet, and draw it. */
  async bringMap() {
    const id = this.mapId;
    const map = this.maps.find((one) => one.id === id);
    if (map === undefined) return;
    this.alert.replaceChildren();
    const { signal } = this.transfer;
    this.bitmap = this.bitmaps.get(id) ?? null;
    this.invalidate("view");
    this.refresh();
    try {
      const bitmap = this.bitmap ?? (await fetchMap(map.url, signal));
      if (signal.aborted || !this.maps.includes(map)) return;
      this.bitmaps.set(id, bitmap);
    } catch (error) {
      if (signal.aborted || !this.maps.includes(map)) return;
      this.isMapOn = false;
      this.refresh();
      this.refuse(error, "map", () => this.chooseMap(id));
      return;
    }
    // Another one may have been chosen in the meantime.
    if (id !== this.mapId || !this.isMapOn) return;
    this.bitmap = this.bitmaps.get(id);
    this.invalidate("view");
    this.emit("viewer-map", { id, shown: true });
  }

  /** Switch the regions on or off. */
  showRegions(areOn) {
    this.areRegionsOn = areOn;
    this.refresh();
  }

  /** Set how strongly the map covers the image, from 0 to 1. */
  setOpacity(share) {
    this.opacity = Math.min(1, Math.max(0, Math.round(100 * share) / 100));
    this.keep();
  }

  /** Hide map and regions as long as something is held. */
  peek(isHeld) {
    this.isPeeking = isHeld;
    this.refresh();
  }

  // Greys.

  /** Set the window, in the image's units. */
  setWindow(centre, width) {
    const largest = 2 ** (this.pixels?.bits ?? 8) - 1;
    this.window = {
      centre: Math.min(largest, Math.max(0, centre)),
      width: Math.min(2 * largest, Math.max(NARROWEST, width)),
    };
    this.invalidate("grey");
  }

  dragWindow(dx, dy) {
    const step = this.firstWindow.width / DRAG;
    this.setWindow(this.window.centre + dy * step, this.window.width + dx * step);
  }

  /** Move centre and width by a share of the width, by one unit at least. */
  stepWindow(centreShare, widthShare) {
    const { centre, width } = this.window;
    const step = (share) => Math.sign(share) * Math.max(1, Math.round(Math.abs(share) * width));
    this.setWindow(Math.round(centre + step(centreShare)), Math.round(width + step(widthShare)));
  }

  /** Set the window to what is on the screen. */
  autoWindow() {
    this.draw();
    const { centre, width } = this.painter.chooseWindow(this.pixels.unit);
    this.setWindow(centre, width);
  }

  /** Turn black into white and back. */
  invert() {
    this.isInverted = !this.isInverted;
    this.invalidate("grey");
    this.refresh();
  }

  /** Interpolate above one to one, or show pixels as they are. */
  setSmooth(isSmooth) {
    this.isSmooth = isSmooth;
    this.invalidate("view");
    this.keep();
  }

  // Place.

  /** Fit the whole image. */
  fit() {
    this.camera.fit();
    this.invalidate("view");
  }

  /** Show a pixel of the image on a pixel of the screen, around the pointer or the middle. */
  actualSize() {
    const { x, y } = this.pointer ?? this.middle;
    this.camera.zoomTo(1, x, y);
    this.invalidate("view");
  }

  /** Zoom around a place on the stage in device pixels, the middle where none is given. */
  zoomBy(factor, x = this.middle.x, y = this.middle.y) {
    if (this.pixels === null) return;
    this.camera.zoomTo(this.camera.scale * factor, x, y);
    this.invalidate("view");
  }

  /** Move the image, in device pixels. */
  panBy(dx, dy) {
    if (this.pixels === null) return;
    this.camera.panBy(dx, dy);
    this.invalidate("view");
  }

  /** Move the image by shares of the stage. */
  panByShare(across, down) {
    const { width, height } = this.camera.stage;
    this.panBy(across * width, down * height);
  }

  get middle() {
    return { x: this.camera.stage.width / 2, y: this.camera.stage.height / 2 };
  }

  /** Window, inversion and zoom as when the case was opened. */
  reset() {
    this.window = this.firstWindow;
    this.isInverted = false;
    this.camera.fit();
    this.invalidate("view", "grey");
    this.refresh();
  }

  // Hand.

  /** What dragging with the left button or one finger does: "window" or "pan". */
  setDrag(mode) {
    this.dragMode = mode;
    this.keep();
  }

  holdPan(isHeld) {
    this.gestures.isPanHeld = isHeld;
    this.stage.classList.toggle("is-panning", isHeld);
  }

  takeBack() {
    const { window: before, x, y } = this.beforeDrag;
    this.setWindow(before.centre, before.width);
    this.panBy(x - this.camera.x, y - this.camera.y);
  }

  point(place) {
    this.pointer = place;
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  act(action) {
    if (!this.isReady(action)) return;
    action.run();
    if (action.says) this.announce(action.says());
  }

  isReady(action) {
    if (action.needs === undefined) return true;
    if (this.pixels === null) return false;
    const has = { image: true, map: this.mapId !== null, regions: this.regions.length > 0 };
    return action.needs === "marks" ? has.map || has.regions : has[action.needs];
  }

  announce(sentence) {
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => (this.live.textContent = sentence), QUIET);
  }

  keep() {
    const { opacity, isSmooth, dragMode } = this;
    remember(MEMORY, { opacity, isSmooth, dragMode });
    this.refresh();
  }

  // Drawing.

  measure() {
    const ratio = window.devicePixelRatio;
    this.setStage(this.stage.clientWidth * ratio, this.stage.clientHeight * ratio);
  }

  /** Take the size in device pixels that the browser will really use, where it says so. */
  resize(entry) {
    const exact = entry.devicePixelContentBoxSize?.[0];
    if (exact === undefined) this.measure();
    else this.setStage(exact.inlineSize, exact.blockSize);
    this.draw();
  }

  setStage(width, height) {
    const size = { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) };
    if (size.width === this.camera.stage.width && size.height === this.camera.stage.height) return;
    this.camera.setStage(size.width, size.height);
    this.painter.resize(size.width, size.height);
    for (const canvas of this.canvases.slice(1)) Object.assign(canvas, size);
    this.invalidate("view");
  }

  invalidate(...what) {
    for (const name of what) this.stale[name] = true;
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** Bring the screen up to date; only what has changed is computed. */
  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { pixels, camera, stale } = this;
    if (pixels === null) return;
    if (stale.grey) this.painter.setWindow(this.window, pixels.unit, this.isInverted);
    if (stale.view) this.painter.look(pixels, camera, this.isSmooth);
    if (stale.grey || stale.view) this.painter.paint();
    if (stale.view) {
      drawMap(this.canvases[1], camera, this.bitmap);
      drawRegions(this.canvases[2], camera, this.regions, this.ratio);
      this.readout.showZoom(camera.scale, this.ratio, pixels.spacing);
    }
    if (stale.grey) this.readout.showWindow(this.window, this.isInverted);
    this.readout.showPoint(this.describePoint());
    this.stale = { view: false, grey: false };
  }

  describePoint() {
    if (this.pointer === null) return null;
    const at = this.camera.toImage(this.pointer.x, this.pointer.y);
    const [col, row] = [Math.floor(at.col), Math.floor(at.row)];
    const value = this.pixels.valueAt(col, row);
    if (value === null) return null;
    const isNamed = this.areRegionsOn && !this.isPeeking;
    const region = isNamed ? findRegion(this.regions, at.col, at.row) : null;
    return { col, row, value, region: region === null ? "" : nameRegion(region) };
  }

  /** Buttons and layers as things are. */
  refresh() {
    const [, map, regions] = this.canvases;
    map.hidden = this.isPeeking || !this.isMapOn;
    map.style.opacity = String(this.opacity);
    regions.hidden = this.isPeeking || !this.areRegionsOn;
    this.stage.dataset.mode = this.dragMode;
    this.toolbar.refresh((action) => this.isReady(action), this.state);
  }

  // Sentences.

  refuse(error, what, retry) {
    const message =
      error instanceof Refusal ? error.message : `The ${what} cannot be shown: ${error.message}.`;
    const again = make("button", "viewer-alert-button", "Try again");
    again.type = "button";
    again.addEventListener("click", () => {
      this.alert.replaceChildren();
      retry();
    });
    const close = make("button", "viewer-alert-button", "Close");
    close.type = "button";
    close.addEventListener("click", () => this.alert.replaceChildren());
    // Without an image there is nothing else to see, and the sentence stays.
    this.alert.replaceChildren(make("p", "", message), again, ...(what === "map" ? [close] : []));
    this.emit("viewer-error", { what, message });
  }

  emit(name, detail) {
    this.container.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

/** Older browsers cannot tell device pixels; then they are computed. */
function observe(observer, stage) {
  const canTell = "devicePixelContentBoxSize" in ResizeObserverEntry.prototype;
  observer.observe(stage, { box: canTell ? "device-pixel-content-box" : "content-box" });
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
