// Everything that the viewer can do, once: the toolbar and the keys are both made from it.
// SPDX-License-Identifier: Apache-2.0

/** Share of the stage that an arrow key pans. */
const PAN = 0.08;

/** A step of the zoom, as a factor. */
const ZOOM = 1.25;

/** A step of the window, as a share of its width. */
const STEP = 0.05;

/** A step of the map's opacity. */
const FAINTER = 0.1;

/**
 * @typedef {object} Action
 * @property {string} id
 * @property {string} topic heading in the help.
 * @property {"drag"|"size"|"grey"|"marks"|"steps"} [group] of buttons that stand together;
 *   without one there is no button.
 * @property {string} label of the button and in the help.
 * @property {string} [icon] on the button, or
 * @property {string} [text] on the button.
 * @property {string[]} keys as in `keys.js`.
 * @property {string[]} [shown] what is written for the keys, where it is not the keys.
 * @property {function(): void} run
 * @property {function(): void} [stop] where it lasts as long as it is held.
 * @property {function(): boolean} [isOn] for a button that stays pressed.
 * @property {"image"|"map"|"regions"|"marks"} [needs] what must be there.
 * @property {function(): string} [says] for a screen reader, afterwards.
 * @property {boolean} [onlyWithin] whether its keys work only on the stage.
 */

/**
 * List the actions of a viewer.
 *
 * @param {import("./viewer.js").Viewer} viewer does them.
 * @returns {Action[]}
 */
export function listActions(viewer) {
  const topics = [
    ["Size and place", [...listDrags(viewer), ...listSizes(viewer), ...listPans(viewer)]],
    ["Greys", listGreys(viewer)],
    ["What the model marked", listMarks(viewer)],
  ];
  return topics.flatMap(([topic, actions]) => actions.map((action) => ({ topic, ...action })));
}

function listDrags(viewer) {
  const isPan = () => viewer.state.drag === "pan";
  return [
    {
      id: "drag-window", group: "drag", label: "Drag sets the window", icon: "window", keys: [],
      shown: ["D"], isOn: () => !isPan(), run: () => viewer.setDrag("window"),
    },
    {
      id: "drag-pan", group: "drag", label: "Drag pans", icon: "pan", keys: [], shown: ["D"],
      isOn: isPan, run: () => viewer.setDrag("pan"),
    },
    {
      id: "drag-other", label: "Drag sets the window, or pans", keys: ["d"],
      run: () => viewer.setDrag(isPan() ? "window" : "pan"),
      says: () => (isPan() ? "Drag pans" : "Drag sets the window"),
    },
    {
      id: "hold-pan", label: "Drag pans while held", keys: [" "], needs: "image",
      onlyWithin: true, run: () => viewer.holdPan(true), stop: () => viewer.holdPan(false),
    },
  ];
}

function listSizes(viewer) {
  const says = () => `Zoom ${viewer.state.zoomPercent} %`;
  const size = { group: "size", needs: "image", says };
  return [
    {
      ...size, id: "zoom-out", label: "Zoom out", icon: "farther", keys: ["-", "_"],
      shown: ["−"], run: () => viewer.zoomBy(1 / ZOOM),
    },
    {
      ...size, id: "zoom-in", label: "Zoom in", icon: "closer", keys: ["+", "="], shown: ["+"],
      run: () => viewer.zoomBy(ZOOM),
    },
    {
      ...size, id: "fit", label: "Fit the whole image", icon: "fit", keys: ["f"],
      run: () => viewer.fit(),
    },
    {
      ...size, id: "actual", label: "1:1, each pixel on a pixel of the screen", text: "1:1",
      keys: ["z"], run: () => viewer.actualSize(),
    },
  ];
}

function listPans(viewer) {
  const pan = { group: "steps", needs: "image", onlyWithin: true };
  const go = (dx, dy) => () => viewer.panByShare(dx, dy);
  return [
    {
      ...pan, id: "pan-left", label: "See more of the left", icon: "left",
      keys: ["ArrowLeft"], run: go(PAN, 0),
    },
    {
      ...pan, id: "pan-right", label: "See more of the right", icon: "right",
      keys: ["ArrowRight"], run: go(-PAN, 0),
    },
    {
      ...pan, id: "pan-up", label: "See more of the top", icon: "up",
      keys: ["ArrowUp"], run: go(0, PAN),
    },
    {
      ...pan, id: "pan-down", label: "See more of the bottom", icon: "down",
      keys: ["ArrowDown"], run: go(0, -PAN),
    },
  ];
}

function listGreys(viewer) {
  const says = () => sayWindow(viewer);
  const grey = { group: "grey", needs: "image", says };
  const step = { group: "steps", needs: "image", says };
  const shift = (share) => () => viewer.stepWindow(share, 0);
  const widen = (share) => () => viewer.stepWindow(0, share);
  return [
    {
      ...grey, id: "invert", label: "Invert", icon: "invert", keys: ["i"],
      isOn: () => viewer.state.inverted, run: () => viewer.invert(),
      says: () => (viewer.state.inverted ? "Inverted" : "Not inverted"),
    },
    {
      ...grey, id: "auto", label: "Window for what is on the screen", icon: "auto", keys: ["a"],
      run: () => viewer.autoWindow(),
    },
    {
      ...grey, id: "reset", label: "Reset window, inversion and zoom", icon: "reset",
      keys: ["r"], run: () => viewer.reset(), says: () => `Reset. ${says()}`,
    },
    {
      id: "smooth", group: "grey", label: "Smooth above 1:1", icon: "smooth", keys: ["s"],
      isOn: () => viewer.state.smooth, run: () => viewer.setSmooth(!viewer.state.smooth),
      says: () => (viewer.state.smooth ? "Smooth" : "Pixels"),
    },
    {
      ...step, id: "narrower", label: "Window narrower, more contrast", icon: "narrower",
      keys: ["[", "Shift+ArrowLeft"], run: widen(-STEP),
    },
    {
      ...step, id: "wider", label: "Window wider, less contrast", icon: "wider",
      keys: ["]", "Shift+ArrowRight"], run: widen(STEP),
    },
    {
      ...step, id: "brighter", label: "Brighter (centre down)", icon: "brighter",
      keys: ["{", "Shift+ArrowUp"], run: shift(-STEP),
    },
    {
      ...step, id: "darker", label: "Darker (centre up)", icon: "darker",
      keys: ["}", "Shift+ArrowDown"], run: shift(STEP),
    },
  ];
}

function listMarks(viewer) {
  const sayOpacity = () => `Opacity of the map ${Math.round(100 * viewer.state.opacity)} %`;
  const fade = (change) => () => viewer.setOpacity(viewer.state.opacity + change);
  return [
    {
      id: "map", group: "marks", label: "Heat map", icon: "map", keys: ["m"], needs: "map",
      isOn: () => viewer.state.map, run: () => viewer.showMap(!viewer.state.map),
      says: () => (viewer.state.map ? "Heat map on" : "Heat map off"),
    },
    {
      id: "next-map", label: "Next heat map", keys: ["o"], needs: "map",
      run: () => viewer.nextMap(), says: () => `Heat map ${viewer.state.mapLabel}`,
    },
    {
      id: "fainter", label: "Heat map fainter", keys: [",", "<"], shown: [","], needs: "map",
      run: fade(-FAINTER), says: sayOpacity,
    },
    {
      id: "stronger", label: "Heat map stronger", keys: [".", ">"], shown: ["."], needs: "map",
      run: fade(FAINTER), says: sayOpacity,
    },
    {
      id: "regions", group: "marks", label: "Regions", icon: "regions", keys: ["g"],
      needs: "regions", isOn: () => viewer.state.regions,
      run: () => viewer.showRegions(!viewer.state.regions),
      says: () => (viewer.state.regions ? "Regions on" : "Regions off"),
    },
    {
      id: "peek", group: "marks", label: "Bare image while held", icon: "peek", keys: ["h"],
      needs: "marks", isOn: () => viewer.state.peeking,
      run: () => viewer.peek(true), stop: () => viewer.peek(false),
    },
  ];
}

function sayWindow(viewer) {
  const { centre, width } = viewer.state;
  return `Window width ${Math.round(width)}, centre ${Math.round(centre)}`;
}

/** What the hand can do, for the help. */
export const GESTURES = [
  [["Left drag"], "Window: across for its width, down for darker"],
  [["Right drag"], "Zoom, up is closer"],
  [["Middle drag"], "Pan"],
  [["Wheel"], "Zoom at the pointer"],
  [["One finger"], "Window or pan, as the toolbar says"],
  [["Two fingers"], "Zoom and pan"],
  [["Double tap"], "Fit the whole image"],
];
