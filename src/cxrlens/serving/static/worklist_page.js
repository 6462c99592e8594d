// The worklist: what waits, live; images come in here, and cases are opened from here.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { listenToDrops } from "./dropping.js";
import { copyTemplate, find } from "./element.js";
import { Frame } from "./frame.js";
import { HandingIn } from "./handing_in.js";
import { LEVELS, isAutomated } from "./level_words.js";
import { WorklistTable } from "./worklist_table.js";

/** Cases on a page. */
const LIMIT = 50;

/** Milliseconds between a key in the search and the question. */
const TYPING = 200;

/** Milliseconds after which "3 min ago" is no longer true. */
const MINUTE = 60_000;

const ORDERS = {
  priority: "Most urgent first, as the model sees it; then in order of arrival.",
  arrival: "In order of arrival.",
  newest: "Newest first.",
};

/** At a level at which the machine may decide, and where it only records what it would have. */
const HOW_READ = "read each case alone first; then what the machine said and did is shown. "
  + "Some of these it has decided, or could have (spot checks, drawn by lot): nothing tells which.";

/** The page. */
class WorklistPage {
  constructor() {
    this.frame = new Frame();
    this.table = new WorklistTable(find("cases"));
    this.handingIn = new HandingIn();
    this.shown = recallShown();
    this.after = 0;
    this.asked = 0;
    this.transfer = new AbortController();
    this.listenToControls();
    this.listenToFiles();
    this.addKeys();
    this.frame.live.listen(() => this.refresh());
    setInterval(() => document.visibilityState === "visible" && this.refresh(), MINUTE);
    this.choose(this.shown);
  }

  listenToControls() {
    this.tabs = [...document.querySelectorAll("[data-shown]")];
    for (const tab of this.tabs) tab.addEventListener("click", () => this.choose(tab.dataset.shown));
    this.mine = find("mine");
    this.mine.addEventListener("change", () => this.turn(0));
    this.search = find("search");
    this.search.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.turn(0), TYPING);
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        this.table.step(1);
      }
    });
    find("before").addEventListener("click", () => this.turn(Math.max(0, this.after - LIMIT)));
    find("after").addEventListener("click", () => this.turn(this.after + LIMIT));
    find("next").addEventListener("click", (event) => {
      event.preventDefault();
      this.openNext();
    });
  }

  listenToFiles() {
    const input = find("files");
    const patient = find("patient");
    const take = (files) => this.handingIn.add(files, patient.value.trim());
    find("choose").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = "";
    });
    listenToDrops(find("drop"), take);
  }

  addKeys() {
    const tab = (shown) => () => this.choose(shown);
    this.frame.keys.add("Worklist", [
      { keys: ["j", "ArrowDown"], label: "Next row", run: () => this.table.step(1) },
      { keys: ["k", "ArrowUp"], label: "Row before", run: () => this.table.step(-1) },
      { keys: [], shown: ["Enter"], label: "Open the case of the row" },
      { keys: ["n"], label: "Read the next case", run: () => this.openNext() },
      { keys: ["u"], label: "Add images", run: () => find("files").click() },
      { keys: ["/"], label: "Search", run: () => this.search.select() },
      { keys: ["1"], label: "Cases to read", run: tab("open") },
      { keys: ["2"], label: "Cases that were read", run: tab("read") },
      { keys: ["3"], label: "Refused images", run: tab("refused") },
      { keys: ["4"], label: "All", run: tab("all") },
      { keys: ["5"], label: "Cases that the machine decided", run: tab("decided") },
    ]);
  }

  choose(shown) {
    this.shown = shown;
    sessionStorage.setItem("cxrlens-shown", shown);
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.shown === shown));
    this.turn(0);
  }

  turn(after) {
    this.after = after;
    this.refresh();
  }

  /** Ask for the list; of several questions the last one counts. */
  async refresh() {
    this.asked += 1;
    const own = this.asked;
    const query = new URLSearchParams({
      shown: this.shown,
      search: this.search.value.trim(),
      mine: String(this.mine.checked),
      after: String(this.after),
      limit: String(LIMIT),
    });
    try {
      const list = await ask("GET", `/cases?${query}`);
      if (own === this.asked) this.show(list);
    } catch (error) {
      if (own === this.asked) this.frame.explain(error);
    }
  }

  show(list) {
    // The page that one is on may have emptied: others read too.
    if (list.cases.length === 0 && this.after > 0) {
      this.turn(Math.max(0, this.after - LIMIT));
      return;
    }
    find("n-open").textContent = list.n_open;
    find("n-read").textContent = list.n_read;
    find("n-refused").textContent = list.n_refused;
    this.showAutomated(list);
    const all = list.n_open + list.n_read;
    const progress = find("progress");
    progress.max = Math.max(1, all);
    progress.value = list.n_read;
    progress.hidden = all === 0;
    find("progress-words").textContent = all === 0 ? "" : `${list.n_read} of ${all} read`;
    find("order").textContent = ORDERS[this.shown === "open" ? list.order : "newest"];
    const waiting = list.n_waiting === 1 ? "1 image waits" : `${list.n_waiting} images wait`;
    const wait = isAutomated(this.frame.level) ? "the file check or the machine" : "the file check";
    find("waiting").textContent = list.n_waiting === 0 ? "" : `${waiting} for ${wait}.`;
    find("next").hidden = list.n_open === 0;
    this.table.show(list.cases);
    this.showPlace(list);
    this.showEmpty(list.cases.length === 0);
  }

  /** Say how cases are read where the machine decides some, and show what it decided. */
  showAutomated({ n_decided: decided }) {
    const isOn = isAutomated(this.frame.level);
    const tab = this.tabs.find((one) => one.dataset.shown === "decided");
    tab.hidden = !isOn && decided === 0 && this.shown !== "decided";
    find("n-decided").textContent = decided;
    find("automated").hidden = !isOn;
    if (!isOn) return;
    find("automated-level").textContent = `${LEVELS[this.frame.level]}:`;
    find("automated-words").textContent = HOW_READ;
  }

  showPlace(list) {
    find("pager").hidden = this.after === 0 && list.after === null;
    find("before").disabled = this.after === 0;
    find("after").disabled = list.after === null;
    find("place").textContent = `${this.after + 1} to ${this.after + list.cases.length}`;
  }

  showEmpty(isEmpty) {
    find("table-box").hidden = isEmpty;
    const empty = find("empty");
    empty.hidden = !isEmpty;
    const isNarrowed = this.search.value.trim() !== "" || this.mine.checked;
    const name = isNarrowed ? "search" : this.shown;
    if (isEmpty && empty.dataset.shows !== name) empty.replaceChildren(copyTemplate(`[data-empty="${name}"]`));
    empty.dataset.shows = isEmpty ? name : "";
  }

  async openNext() {
    try {
      const { id } = await ask("GET", "/cases/next");
      if (id !== null) location.assign(`/cases/${id}`);
      else this.frame.say("Nothing waits for you now.", { kind: "good" });
    } catch (error) {
      this.frame.explain(error);
    }
  }
}

/** Who comes back from a case finds the list as it was. */
function recallShown() {
  const shown = sessionStorage.getItem("cxrlens-shown");
  return ["open", "read", "decided", "refused", "all"].includes(shown) ? shown : "open";
}

new WorklistPage();
