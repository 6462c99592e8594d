// A case: the image, what is known and may be shown of it, and the reader's answer.
// SPDX-License-Identifier: Apache-2.0

import { ask, askSurely, makeKey, Problem } from "./asking.js";
import { showFacts } from "./case_facts.js";
import { Claim } from "./claim.js";
import { askRecall, showDecision } from "./decision_panel.js";
import { Drafts } from "./drafts.js";
import { copyTemplate, find, make, makeSentence } from "./element.js";
import { Frame } from "./frame.js";
import { isAutomated } from "./level_words.js";
import { showMachine } from "./machine_answer.js";
import { MapOrders } from "./map_orders.js";
import { ReadingForm } from "./reading_form.js";
import { showHistory } from "./reading_history.js";
import { findOwn, findStage } from "./reading_stage.js";
import { Viewer } from "./viewer.js";

/** Milliseconds after a commit in which the same press must not go on to the next case. */
const BREATH = 400;

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** The page. */
class CasePage {
  constructor() {
    this.id = document.body.dataset.case;
    this.path = `/cases/${this.id}`;
    this.frame = new Frame();
    this.drafts = new Drafts(this.frame.person);
    this.viewer = new Viewer(find("viewer"), { keys: this.frame.keys });
    this.isAmending = false;
    this.isSending = false;
    this.asked = 0;
    this.committedAt = 0;
    this.machineShown = "";
    this.maps = [];
    this.claim = new Claim(this.id, (found) => this.take(found), (problem) => this.showHeld(problem));
    find("viewer").addEventListener("viewer-ready", () => performance.mark("first-picture"));
  }

  async open() {
    try {
      const [room, me, found] = await Promise.all([
        ask("GET", "/room"), ask("GET", "/me"), ask("GET", this.path),
      ]);
      this.room = room;
      this.name = me.person.name;
      this.build();
      this.take(found);
      if (found.may.includes("claim")) this.claim.take();
    } catch (error) {
      this.frame.explain(error);
      find("instead").hidden = false;
      find("instead").replaceChildren(make("button", { type: "button", click: () => location.reload() }, "Try again"));
    }
  }

  build() {
    this.form = new ReadingForm(this.room, () => this.noteChange());
    this.orders = new MapOrders(this.id, this.room, {
      show: (maps, id) => this.showMaps(maps, id),
      choose: (id) => this.viewer.chooseMap(id),
      take: (found) => this.take(found),
      explain: (error) => this.frame.explain(error),
    });
    this.addKeys();
    find("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.commit();
    });
    document.addEventListener("keydown", (event) => this.press(event));
    find("next").addEventListener("click", () => this.next());
    find("amend").addEventListener("click", () => this.amend(true));
    find("leave-off").addEventListener("click", () => this.amend(false));
    this.frame.onRoom((room) => {
      this.room = room;
      this.refresh();
    });
    this.frame.live.listen(({ cases, isAll }) => (cases.has(this.id) || isAll) && this.refresh());
    window.addEventListener("pageshow", (event) => event.persisted && this.refresh());
  }

  addKeys() {
    const { keys } = this.frame;
    const names = this.room.classes.map((one) => one.name).slice(0, DIGITS.length);
    keys.add("Your reading", [
      ...names.map((name, at) => ({
        keys: [DIGITS[at]], label: `${name} is present`, run: () => this.form.mark(at),
      })),
      ...(this.room.is_multilabel
        ? [{ keys: ["0"], label: "All others are absent", run: () => this.form.setRestAbsent() }]
        : []),
      { keys: ["w"], label: "Surer", run: () => this.form.stepSureness(1) },
      { keys: ["q"], label: "Less sure", run: () => this.form.stepSureness(-1) },
      { keys: ["e"], label: "Write in your own words (Escape: back to single keys)", run: () => this.write() },
      { keys: ["Enter"], shown: ["Enter"], label: "Commit; with Ctrl also from a text or a button", run: () => this.commit() },
    ]);
    keys.add("Cases", [
      { keys: ["n"], label: "Next case; this one is given back", run: () => this.next() },
      { keys: ["l"], label: "Back to the worklist", run: () => location.assign("/") },
    ]);
  }

  /** Keys that work where single keys do not: in a text, on a button. */
  press(event) {
    if (event.isComposing || document.querySelector("dialog[open]") !== null) return;
    if (event.key === "Escape" && event.target.closest("#form") !== null) {
      event.target.blur();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.commit();
    }
  }

  write() {
    const words = find("words");
    if (!words.disabled && words.offsetParent !== null) words.focus();
  }

  /** Ask for the case again; of several answers the one that was asked for last counts. */
  async refresh() {
    this.asked += 1;
    const own = this.asked;
    try {
      const found = await ask("GET", this.path);
      if (own !== this.asked || this.isSending) return;
      this.take(found);
      if (found.may.includes("claim") && !this.claim.isHeld && found.line.claimed_by === null) {
        this.claim.take();
      }
    } catch (error) {
      this.frame.explain(error);
    }
  }

  /** Show the case as it stands now. */
  take(found) {
    this.asked += 1;
    this.found = found;
    showFacts(found);
    this.showImage();
    showDecision(found, { isLead: this.frame.isLead, recall: () => this.recall() });
    this.showMachine();
    this.showWhy();
    this.showForm();
    showHistory(find("history"), found.readings, this.room.is_multilabel);
  }

  showImage() {
    const { line, message, pixels } = this.found;
    find("viewer").hidden = pixels === null;
    find("instead").hidden = pixels !== null;
    if (pixels === null) {
      const words = line.state === "received"
        ? "This image is being checked. It appears here by itself."
        : makeSentence(message ?? "this image cannot be read");
      const title = { received: "One moment", refused: "Refused", quarantined: "Held back", duplicate: "The same image" };
      find("instead").replaceChildren(make("h2", {}, title[line.state] ?? "Not readable"), make("p", {}, words));
    } else if (!this.isImageAsked) {
      this.isImageAsked = true;
      this.viewer.load({ pixels: `/api/v1${this.path}/pixels`, label: `of case ${line.number}` })
        .then(() => this.showMarks());
    }
  }

  showMachine() {
    const { machine } = this.found;
    const box = find("machine");
    find("viewer").parentElement.classList.toggle("is-bare", machine === null);
    const told = JSON.stringify(machine === null ? null : { ...machine, maps: 0, ordered: 0 });
    if (machine === null) {
      box.hidden = true;
      box.replaceChildren();
      this.viewer.setRegions([]);
      this.viewer.setMaps([]);
      this.orders.forget();
      this.maps = [];
    } else {
      if (told !== this.machineShown) {
        const highlight = (region) => this.viewer.setRegions(region === null ? machine.regions : [region]);
        box.replaceChildren(...showMachine(machine, { highlight, orders: this.orders.element }));
        this.viewer.setRegions(machine.regions);
      }
      box.hidden = false;
      this.orders.update(machine);
    }
    this.machineShown = told;
  }

  /** Opening an image clears what was marked before. */
  showMarks() {
    const { machine } = this.found;
    if (machine === null) return;
    this.viewer.setRegions(machine.regions);
    if (this.viewer.maps.length === 0) this.viewer.setMaps(this.maps);
  }

  showMaps(maps, chosen) {
    this.maps = maps;
    const { map: isOn, mapId } = this.viewer.state;
    this.viewer.setMaps(maps);
    const kept = isOn && maps.some((one) => one.id === mapId) ? mapId : null;
    const id = chosen ?? kept;
    if (id !== null) this.viewer.chooseMap(id);
  }

  /** Say why there is no answer of the model's: by the level alone, never by the case. */
  showWhy() {
    const { line, machine, machine_note: note } = this.found;
    const why = find("why");
    why.hidden = machine !== null || line.state !== "ready";
    if (why.hidden) return;
    if (note === "pending" || note === "not asked") {
      why.replaceChildren("The model’s answer is being made. It appears here by itself.");
    } else if (note !== null) {
      why.replaceChildren(makeSentence(`The model gave no answer: ${note.replace(/^failed: /, "")}`));
    } else {
      why.replaceChildren(copyTemplate(`[data-why="${this.nameWhy(line.level)}"]`));
      if (line.level !== this.room.level) why.append(copyTemplate('[data-why="kept"]'));
    }
  }

  nameWhy(level) {
    if (level === "human-only" || isAutomated(level)) return level;
    return level === "shadow" ? `shadow-${this.room.settings.reveal}` : "asks-first";
  }

  showForm() {
    const { found } = this;
    const stage = findStage(found, this.isAmending);
    const isNew = stage?.title !== this.stage?.title;
    this.stage = stage;
    find("form").hidden = stage === null;
    find("commit").hidden = stage === null;
    const mayAmend = found.may.includes("amend");
    find("amend").hidden = !mayAmend || this.isAmending;
    find("leave-off").hidden = !mayAmend || !this.isAmending;
    this.showHeld();
    if (stage === null) return;
    find("form-title").textContent = stage.title;
    find("form-why").textContent = stage.why;
    find("form-why").hidden = stage.why === "";
    find("commit").replaceChildren(stage.button, " ", make("kbd", {}, "↵"));
    find("reason-box").hidden = stage.action !== "amend";
    if (isNew) this.fillForm(stage);
  }

  fillForm(stage) {
    const draft = this.drafts.recall(this.id);
    const own = findOwn(this.found.readings, this.name);
    if (draft !== null && draft.action === stage.action) this.form.draft = draft;
    else if (own !== null) this.form.fill(own);
    else this.form.empty();
    this.key = draft?.action === stage.action && draft.key ? draft.key : makeKey();
  }

  showHeld(problem = null) {
    const { line, may } = this.found;
    const held = find("held");
    const isOthers = line.claimed_by !== null && !line.is_mine && may.includes("claim");
    const isFull = line.state === "ready" && may.length === 0;
    const isMissed = problem !== null && !isOthers;
    held.hidden = !(isOthers || isFull || isMissed);
    this.form.setOff(isOthers);
    find("commit").disabled = isOthers || this.isSending;
    if (isOthers) {
      const free = make("button", { type: "button", click: () => this.free() }, "Give it back for them");
      held.replaceChildren(`${line.claimed_by} has this case open. You can look, and read it when it is free. `,
        ...(this.frame.isLead ? [free] : []));
    } else if (isFull) {
      held.replaceChildren("This case has been read by as many as the room asks for.");
    } else if (isMissed) {
      held.replaceChildren(`${problem.message} `, make("button", { type: "button", click: () => this.claim.take() }, "Try again"));
      if (problem.code === "claimed") this.refresh();
    }
  }

  async recall() {
    try {
      const reason = await askRecall();
      if (reason === null) return;
      const found = await ask("POST", `${this.path}/recall`, { json: { reason }, key: makeKey() });
      this.take(found);
      if (found.may.includes("claim")) this.claim.take();
      this.frame.say("The case is back on the worklist, for readers.", { kind: "good" });
    } catch (error) {
      this.frame.explain(error);
    }
  }

  async free() {
    try {
      await ask("DELETE", `${this.path}/claim`);
      this.claim.take();
    } catch (error) {
      this.frame.explain(error);
    }
  }

  amend(isAmending) {
    this.isAmending = isAmending;
    this.sayInForm("");
    if (!isAmending) this.drafts.drop(this.id);
    this.showForm();
    if (isAmending) find("form").scrollIntoView({ block: "nearest" });
    (isAmending ? find("reason") : find("amend")).focus();
  }

  noteChange() {
    if (this.stage === null) return;
    // A key stands for one answer; another answer is another request.
    if (this.isKeyUsed) this.key = makeKey();
    this.isKeyUsed = false;
    this.sayInForm("");
    this.keepDraft();
  }

  keepDraft() {
    if (this.form.isEmpty) this.drafts.drop(this.id);
    else this.drafts.keep(this.id, { ...this.form.draft, action: this.stage.action, key: this.key });
  }

  async commit() {
    const { stage, form } = this;
    if (stage === null || this.isSending || find("commit").disabled) return;
    const gap = form.findGap(stage.action === "amend");
    if (gap !== null) {
      this.sayInForm(gap.sentence);
      gap.field.focus();
      return;
    }
    const { answer } = form;
    const json = stage.action === "amend" ? { answer, reason: form.draft.reason.trim() } : answer;
    this.setSending(true);
    this.isKeyUsed = true;
    this.keepDraft();
    try {
      const sent = { json, key: this.key };
      const found = await askSurely("POST", `${this.path}/${stage.path}`, sent, (seconds, problem) =>
        this.sayInForm(`${problem.message} Trying again in ${seconds} s; your answer is kept.`));
      this.setSending(false);
      this.finish(found, stage);
    } catch (error) {
      this.setSending(false);
      if (!(error instanceof Problem)) throw error;
      this.sayInForm(`${error.message} Your answer is kept here.`);
      if (error.status === 409) this.refresh();
    }
  }

  finish(found, stage) {
    this.drafts.drop(this.id);
    this.isKeyUsed = false;
    this.isAmending = false;
    this.stage = null;
    this.sayInForm("");
    if (stage.action === "commit") this.claim.forget();
    this.committedAt = performance.now();
    this.take(found);
    if (stage.action === "first-answer") {
      find("machine").scrollIntoView({ block: "nearest" });
      if (document.activeElement === find("commit")) find("side").focus();
    } else {
      find("next").focus();
    }
  }

  setSending(isSending) {
    this.isSending = isSending;
    find("commit").disabled = isSending;
    this.form.setOff(isSending);
  }

  sayInForm(sentence) {
    find("form-said").textContent = sentence;
  }

  async next() {
    if (performance.now() - this.committedAt < BREATH || this.isSending) return;
    try {
      const { id } = await ask("GET", `/cases/next?instead_of=${this.id}`);
      if (id !== null) {
        location.assign(`/cases/${id}`);
        return;
      }
      const link = make("a", { href: "/" }, "To the worklist");
      this.frame.say("Nothing else waits for you now.", { kind: "good", actions: [link] });
      link.focus();
    } catch (error) {
      this.frame.explain(error);
    }
  }
}

new CasePage().open();
