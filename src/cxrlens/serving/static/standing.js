// Where the room stands: what the machine may do now, on what, and what has fallen.
// SPDX-License-Identifier: Apache-2.0

import { copyTemplate, find, make } from "./element.js";
import { count, makeFacts, showInterval, showLong } from "./figures.js";
import { isFall } from "./level_steps.js";
import { LEVELS, isAutomated } from "./level_words.js";
import { showMoment } from "./moment.js";
import { refill } from "./refilling.js";

/** Show where we stand. */
export function showStanding(told) {
  const { level, decides, approval, certificates, counts, out_of_distribution: unlike, spot_check_percent: percent } = told;
  refill(find("standing"), [level, decides, approval, certificates, counts, unlike, percent], () => {
    const valid = certificates.filter((one) => one.standing === "valid");
    const [read, stake, wrong] = ["n_read", "n_at_stake", "n_wrong"].map((name) =>
      valid.reduce((sum, one) => sum + one.spot_checks[name], 0));
    return [
      make("p", { class: "standing-level" }, copyTemplate(`[data-level="${level}"]`), make("span", {}, tellWhat(told))),
      ...showApproval(told),
      makeFacts("facts-big", [
        ["Certificates that hold", valid.length, make("small", {}, ` of ${certificates.length}`)],
        ...showDone(counts),
        ["Wrong in spot checks", wrong, make("small", {}, ` of ${count(stake, "patient")} at stake, ${read} read`)],
        ["Taken back", counts.n_recalled],
        ["Unlike the training images", ...(unlike === null ? ["not measured"] : showInterval(unlike))],
      ]),
    ];
  });
}

function showDone({ n_decided: decided, n_would_decide: would, automation }) {
  const all = automation === null ? [] : [make("small", {}, ` of ${count(automation.n, "case")}`)];
  const known = [["Decided alone", decided], ["Would have been decided", would]];
  return known.filter(([, number], at) => number > 0 || (at === 0 && would === 0)).map((one) => [...one, ...all]);
}

function tellWhat({ level, decides, spot_check_percent: percent }) {
  if (!isAutomated(level)) return "The machine decides nothing. People read every case.";
  if (!decides) return "The machine decides nothing: it records what it would have decided, and people read every case.";
  const which = level === "full" ? "every case without reservations" : "the cases that a certificate covers";
  return `The machine decides ${which}, and nobody is asked to read them; of 100 cases ${percent} go to a reader all the same, drawn by lot.`;
}

function showApproval({ approval, purpose, level, decides }) {
  if (approval !== null) {
    return [make("p", {}, `Under protocol ${approval.protocol}, which ${approval.by} answers for since `, showMoment(approval.at), ".")];
  }
  if (purpose !== "live" || !isAutomated(level) || decides) return [];
  return [make("p", { class: "soft" }, "The patients of this room wait for their results, and no protocol was named: only under one may the machine decide.")];
}

/** Say in red what fell: certificates that nothing has replaced, and a level that was lost by itself. */
export function showFalls({ certificates, levels }) {
  const fallen = certificates.filter((one) => one.standing === "void" && !isReplaced(one, certificates));
  const own = levels.length > 0 && isFall(levels[0]) ? levels[0] : null;
  // What is told of the room need not be told of its certificate again.
  const [known, others] = [true, false].map((isKnown) =>
    fallen.filter((one) => (own?.reason.includes(one.why_void) ?? false) === isKnown));
  refill(find("falls"), [known, others, own], () => [
    ...(own === null ? [] : [makeFall(`The room fell from ${LEVELS[own.before]} to ${LEVELS[own.level]} by itself:`,
      own.reason.replace(/^fell by itself: /, ""), own.at, known)]),
    ...others.map((one) => makeFall(`The certificate of ${one.finding}, ${one.decides}, holds no more:`, one.why_void ?? "it ended", one.voided_at, [one])),
  ]);
}

function makeFall(title, why, at, certificates) {
  const links = certificates.flatMap((one) => [" ",
    make("a", { href: `#certificate-${one.id}`, "data-key": `fall-${one.id}` }, `See the certificate of ${one.finding}, ${one.decides}`)]);
  return make("div", { class: "fall", role: "note" },
    make("p", {}, make("b", {}, `${title} `), at === null ? null : showMoment(at), ...links),
    make("div", { class: "fall-why" }, ...showLong(why, `why-${at}`)));
}

function isReplaced(one, certificates) {
  return certificates.some((other) => other.finding === one.finding && other.decides === one.decides
    && Date.parse(other.made_at) > Date.parse(one.made_at));
}
