// Who may use the room, and their tokens.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { confirmFirst, copyField } from "./confirming.js";
import { find, make } from "./element.js";
import { showMoment } from "./moment.js";

/** The list of people, for an admin. */
export class PeopleList {
  /** @param {import("./frame.js").Frame} frame */
  constructor(frame) {
    this.frame = frame;
    this.body = find("people");
    find("person-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.try(() => this.add());
    });
    for (const name of ["token-link", "token-secret"]) {
      find(`${name}-copy`).addEventListener("click", () => copyField(find(name), find("token-copied")));
    }
    find("token-shown").addEventListener("close", () => {
      find("token-link").value = "";
      find("token-secret").value = "";
    });
    this.try(() => this.refresh());
  }

  async try(act) {
    try {
      await act();
    } catch (error) {
      this.frame.explain(error);
    }
  }

  async refresh() {
    const people = (await ask("GET", "/people"))
      .toSorted((one, other) => one.is_disabled - other.is_disabled);
    const tokens = await Promise.all(people.map((one) => ask("GET", `/people/${one.id}/tokens`)));
    this.body.replaceChildren(...people.map((one, at) => this.makeRow(one, tokens[at])));
  }

  makeRow(person, tokens) {
    const button = (words, act, isDanger = false) => make("button", {
      type: "button", class: isDanger ? "danger" : "", click: () => this.try(act),
    }, words);
    const isMe = person.id === this.frame.person;
    const acts = person.is_disabled
      ? []
      : [button("New token", () => this.makeToken(person)),
        ...(isMe ? [] : [button("Shut out", () => this.shutOut(person), true)])];
    return make("tr", { class: person.is_disabled ? "is-off" : "" },
      make("th", { scope: "row" }, person.name, isMe ? make("span", { class: "chip" }, "you") : null),
      make("td", {}, person.is_disabled ? "shut out" : person.role),
      make("td", {}, make("ul", { class: "tokens" }, ...tokens.map((one) => this.showToken(one)))),
      make("td", { class: "acts" }, ...acts));
  }

  showToken(token) {
    const isOver = token.is_revoked || new Date(token.expires_at) < new Date();
    const end = make("button", { type: "button", class: "quiet", click: () => this.try(() => this.revoke(token)) },
      "End", make("span", { class: "aside" }, ` the token ${token.label}`));
    return make("li", { class: isOver ? "soft is-over" : "" }, `${token.label} `,
      make("small", {}, ...(token.is_revoked ? ["ended"] : [isOver ? "ran out " : "until ", showMoment(token.expires_at)])),
      ...(isOver ? [] : [" ", end]));
  }

  async add() {
    const name = find("person-name").value.trim();
    const person = await ask("POST", "/people", { json: { name, role: find("person-role").value } });
    find("person-name").value = "";
    await this.makeToken(person);
  }

  async makeToken(person) {
    const label = `made ${new Date().toISOString().slice(0, 10)}`;
    const shown = await ask("POST", `/people/${person.id}/tokens`, { json: { label } });
    find("token-who").textContent = person.name;
    find("token-link").value = `${location.origin}/sign-in#${shown.secret}`;
    find("token-secret").value = shown.secret;
    find("token-copied").textContent = "";
    find("token-shown").showModal();
    await this.refresh();
  }

  async shutOut(person) {
    const words = "All tokens and sessions of this person end at once. What they read stays. A new person is needed to let them in again.";
    if (!(await confirmFirst(`Shut ${person.name} out?`, [make("p", {}, words)], "Shut out"))) return;
    await ask("DELETE", `/people/${person.id}`);
    await this.refresh();
  }

  async revoke(token) {
    const words = "Sessions that began with it end at once.";
    if (!(await confirmFirst(`End the token “${token.label}”?`, [make("p", {}, words)], "End it"))) return;
    await ask("DELETE", `/tokens/${token.id}`);
    await this.refresh();
  }
}
