// How far the machine decides, on what evidence, and whether that still stands.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { AutomationCurve } from "./automation_curve.js";
import { CertificateList } from "./certificate_list.js";
import { showCounts, showWork } from "./decision_counts.js";
import { find, makeSentence } from "./element.js";
import { Frame } from "./frame.js";
import { GateForm } from "./gate_form.js";
import { showGates } from "./gate_list.js";
import { LevelForm } from "./level_form.js";
import { showLevels } from "./level_steps.js";
import { renewMoments } from "./moment.js";
import { PromiseForm } from "./promise_form.js";
import { PromiseList } from "./promise_list.js";
import { showFalls, showStanding } from "./standing.js";

/** Milliseconds between two questions at least: the answer is counted from all cases. */
const REST = 2000;

/** Milliseconds after which it is asked though nothing was heard: what waits is not told of. */
const MINUTE = 60_000;

/** The page. */
class AutomationPage {
  constructor() {
    this.frame = new Frame();
    const refresh = () => this.refresh();
    this.gateForm = this.frame.role === "admin" ? new GateForm(this.frame, (told) => this.take(told)) : null;
    this.levelForm = new LevelForm(this.frame, (level, protocol) => tellMore(this.told, level, protocol));
    this.promises = new PromiseList(this.frame, refresh);
    this.certificates = new CertificateList(this.frame, refresh);
    this.told = null;
    this.isAsking = false;
    this.isAskedAgain = false;
    new PromiseForm(this.frame, refresh);
    new AutomationCurve(this.frame);
    this.frame.onRoom(refresh);
    this.frame.live.listen(refresh);
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      renewMoments(find("main"));
      this.refresh();
    }, MINUTE);
    this.refresh();
  }

  /** Ask how it stands: one question at a time, with a rest between them. */
  async refresh() {
    this.isAskedAgain = this.isAsking;
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      this.take(await ask("GET", "/automation"));
    } catch (error) {
      this.frame.explain(error);
    }
    setTimeout(() => {
      this.isAsking = false;
      if (this.isAskedAgain) this.refresh();
    }, REST);
  }

  take(told) {
    const isFirst = this.told === null;
    this.told = told;
    showFalls(told);
    showStanding(told);
    showGates(told);
    this.gateForm?.show(told.gate_settings);
    this.promises.show(told.promises);
    this.certificates.show(told.certificates);
    showCounts(told);
    showWork(told.times);
    showLevels(told.levels);
    this.levelForm.refresh();
    // What the address points at is there only now.
    if (isFirst && location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }
}

/** What a level brings here: what may be decided, and what watches it. */
function tellMore({ certificates, purpose, spot_check_percent: percent }, level, protocol) {
  const valid = certificates.filter((one) => one.standing === "valid").map((one) => makeSentence(one.sentence));
  if (purpose === "live" && protocol === null) {
    return ["No protocol is named: the machine decides nothing. It records what it would have decided, and people read every case.", ...valid];
  }
  return [
    ...(protocol === null ? [] : [`The patients wait for these results. You answer for it, under protocol ${protocol}.`]),
    ...valid,
    `Of 100 cases ${percent} go to a reader all the same, drawn by lot. Every case that is read is answered first without the machine, so that nobody can tell which.`,
    `When a certificate that ${level === "full" ? "full" : "partial"} automation needs ends, the room falls to assistance by itself.`,
  ];
}

new AutomationPage();
