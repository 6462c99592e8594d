// The drawings on the buttons, as strokes on a grid of 20 by 20.
// SPDX-License-Identifier: Apache-2.0

const SVG = "http://www.w3.org/2000/svg";

const STROKES = {
  window: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14zM10 3v14M12 5v10M14 6.5v7",
  pan: "M10 3v14M3 10h14M7.8 5.2L10 3l2.2 2.2M7.8 14.8L10 17l2.2-2.2M5.2 7.8L3 10l2.2 2.2M14.8 7.8L17 10l-2.2 2.2",
  closer: "M8.5 3.5a5 5 0 1 0 0 10a5 5 0 1 0 0-10zM12.3 12.3L17 17M8.5 6.3v4.4M6.3 8.5h4.4",
  farther: "M8.5 3.5a5 5 0 1 0 0 10a5 5 0 1 0 0-10zM12.3 12.3L17 17M6.3 8.5h4.4",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7 7h6v6H7z",
  invert: "M3.5 3.5h13v13h-13zM3.5 16.5l13-13M7 16V13M9.5 16V10.5M12 16V8M14.5 16V5.5",
  auto: "M4 16V11M8 16V6M12 16V8.5M16 16v-3M2.5 3.5h4M4.5 1.5v4",
  reset: "M4.2 7.5A6.5 6.5 0 1 1 3.5 11M4 3.5v4.2h4.2",
  map: "M10 3.2a6.8 6.8 0 1 0 0 13.6a6.8 6.8 0 1 0 0-13.6zM10 6.4a3.6 3.6 0 1 0 0 7.2a3.6 3.6 0 1 0 0-7.2zM10 9.3v1.4",
  regions: "M4 5.5h12v10H4zM4 2.8h6",
  peek: "M2.5 10c2-3.4 4.6-5 7.5-5s5.5 1.6 7.5 5c-2 3.4-4.6 5-7.5 5s-5.5-1.6-7.5-5zM10 7.8a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4zM4 16.5L16 3.5",
  smooth: "M2.5 15.5c4 0 4-11 7.5-11s3.5 11 7.5 11",
  steps: "M3 6h14M3 14h14M7 4v4M13 12v4",
  help: "M7.2 7.4a2.8 2.8 0 1 1 4.3 2.4c-1 .7-1.5 1.2-1.5 2.4M10 15v.4",
  left: "M12 4.5L6.5 10l5.5 5.5",
  right: "M8 4.5L13.5 10L8 15.5",
  up: "M4.5 12L10 6.5l5.5 5.5",
  down: "M4.5 8L10 13.5L15.5 8",
  narrower: "M2.5 10h5M5.5 7.8L7.7 10l-2.2 2.2M17.5 10h-5M14.5 7.8L12.3 10l2.2 2.2M10 4v12",
  wider: "M8 10H3M5.2 7.8L3 10l2.2 2.2M12 10h5M14.8 7.8L17 10l-2.2 2.2M10 4v12",
  darker: "M10 5.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9zM7 7l6 6M6 9.5l4.5 4.5M9.5 6l4.5 4.5",
  brighter: "M10 7a3 3 0 1 0 0 6a3 3 0 1 0 0-6zM10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M4.7 15.3l1.4-1.4M13.9 6.1l1.4-1.4",
};

/**
 * The drawing of an icon.
 *
 * @param {string} name of the icon.
 * @returns {SVGElement} that screen readers pass over.
 */
export function drawIcon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 20 20");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", STROKES[name]);
  picture.append(path);
  return picture;
}
