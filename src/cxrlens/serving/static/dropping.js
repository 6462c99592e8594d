// Files and folders that are dropped on the page.
// SPDX-License-Identifier: Apache-2.0

/**
 * Take what is dropped anywhere on the page.
 *
 * @param {HTMLElement} sign is shown while something is held over the page.
 * @param {function(File[]): void} take
 */
export function listenToDrops(sign, take) {
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  // Elements are entered before others are left, so they are counted.
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    sign.hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => isFiles(event) && show(1));
  document.addEventListener("dragleave", (event) => isFiles(event) && show(-1));
  document.addEventListener("dragover", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", async (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    depth = 0;
    sign.hidden = true;
    take(await listFiles(event.dataTransfer));
  });
}

/** All files of a drop, those in folders too. */
async function listFiles(transfer) {
  // Before anything is awaited: afterwards the browser has emptied the list.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.includes(null)) return [...transfer.files];
  const found = [];
  for (const entry of entries) found.push(...(await walk(entry)));
  return found;
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((give, fail) => entry.file(give, fail))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((give, fail) => reader.readEntries(give, fail));
    if (some.length === 0) return found;
    for (const inner of some) found.push(...(await walk(inner)));
  }
}
