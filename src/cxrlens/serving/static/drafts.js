// What was answered and not yet committed, so that it outlives a reload; of this tab alone.
// SPDX-License-Identifier: Apache-2.0

const PREFIX = "cxrlens-draft/";

/** Drafts of one person. */
export class Drafts {
  /** @param {string} person id; what others left in this tab is thrown away. */
  constructor(person) {
    this.prefix = `${PREFIX}${person}/`;
    clearDrafts((name) => !name.startsWith(this.prefix));
  }

  /** The draft of a case, or null. */
  recall(caseId) {
    const text = sessionStorage.getItem(this.prefix + caseId);
    return text === null ? null : JSON.parse(text);
  }

  /** Keep the draft of a case. */
  keep(caseId, draft) {
    sessionStorage.setItem(this.prefix + caseId, JSON.stringify(draft));
  }

  /** Throw the draft of a case away. */
  drop(caseId) {
    sessionStorage.removeItem(this.prefix + caseId);
  }
}

/** Throw drafts away, all unless a choice is given. */
export function clearDrafts(isMeant = () => true) {
  const names = Array.from({ length: sessionStorage.length }, (_, at) => sessionStorage.key(at));
  for (const name of names.filter((one) => one.startsWith(PREFIX) && isMeant(one))) {
    sessionStorage.removeItem(name);
  }
}
