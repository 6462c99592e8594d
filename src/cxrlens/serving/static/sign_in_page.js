// Signing in: with the token behind the # of the link, or one that is typed.
// SPDX-License-Identifier: Apache-2.0

import { ask, Problem } from "./asking.js";
import { Drafts } from "./drafts.js";
import { find, make } from "./element.js";

/** Pages that one may be sent back to. */
const OWN = /^\/(cases\/[0-9a-f]{32}|room|outcomes)?$/;

const form = find("sign-in");
const field = find("token");
const said = find("said");
const working = find("working");

const token = location.hash.slice(1);
const asked = new URLSearchParams(location.search).get("next") ?? "/";
const next = OWN.test(asked) ? asked : "/";
// At once, before anything else can go wrong: it must not stay in the address or the history.
history.replaceState(null, "", location.pathname + location.search);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(field.value.trim());
});
if (token !== "") signIn(token);
else open();

function open() {
  working.hidden = true;
  form.hidden = false;
  field.focus();
}

async function signIn(secret) {
  said.replaceChildren();
  form.hidden = true;
  working.hidden = false;
  try {
    const me = await ask("POST", "/sign-in", { json: { token: secret } });
    new Drafts(me.person.id);  // throws away what somebody else typed in this tab
    location.replace(next);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    said.replaceChildren(make("div", { class: "sentence sentence-bad" }, make("p", {}, error.message)));
    field.value = "";
    open();
  }
}
