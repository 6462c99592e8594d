// The maps of a case: which there are, which are being made, and asking for others.
// SPDX-License-Identifier: Apache-2.0

import { ask } from "./asking.js";
import { make } from "./element.js";

/** Offers maps, and tells the viewer of those that there are. */
export class MapOrders {
  /**
   * @param {string} caseId
   * @param {{methods: string[], classes: Array<{name: string}>}} room
   * @param {object} hand `show(maps, chosenId|null)`, `choose(id)`, `take(case)` and `explain(error)`.
   */
  constructor(caseId, room, hand) {
    this.caseId = caseId;
    this.room = room;
    this.hand = hand;
    this.known = "";
    this.asked = new Set();
    this.missed = new Set();
    this.element = make("div", { class: "maps" });
    this.build();
  }

  build() {
    const option = (name) => make("option", { value: name }, name);
    this.method = make("select", { "aria-label": "Method of the map" }, ...this.room.methods.map(option));
    this.name = make("select", { "aria-label": "Class of the map" },
      ...this.room.classes.map((one) => option(one.name)));
    this.button = make("button", { type: "button", click: () => this.order() }, "Make");
    this.made = make("ul", { class: "region-list" });
    this.state = make("ul", { class: "map-states", "aria-live": "polite" });
    this.summary = make("summary", {});
    this.element.append(this.state, make("details", {}, this.summary, this.made,
      make("div", { class: "map-order" }, this.method, this.name, this.button)));
  }

  /**
   * Take up what there is now.
   *
   * @param {object} machine the model's answer.
   */
  update(machine) {
    if (this.known === "") this.name.value = findLikeliest(machine.classes);
    const made = new Set(machine.maps.map(nameOrder));
    const ordered = new Set(machine.ordered);
    const arrived = [...this.asked].filter((one) => made.has(one));
    for (const one of this.asked) {
      if (!made.has(one) && !ordered.has(one)) this.missed.add(one);
      if (!ordered.has(one)) this.asked.delete(one);
    }
    const usable = machine.maps.filter((one) => one.is_usable);
    const known = machine.maps.map((one) => one.id).join(" ");
    if (known !== this.known) {
      const newest = usable.find((one) => arrived.includes(nameOrder(one)));
      this.hand.show(usable.map((one) => this.describe(one)), newest?.id ?? null);
      this.known = known;
    }
    this.showStates(machine, ordered);
  }

  /** Forget what was shown: the viewer shows nothing any more. */
  forget() {
    this.known = "";
    this.asked.clear();
    this.missed.clear();
  }

  describe({ id, method, class_name: name }) {
    const url = `/api/v1/cases/${this.caseId}/maps/${id}.png`;
    return { id, label: tellOrder(`${method}/${name}`), url };
  }

  showStates(machine, ordered) {
    const [usable, useless] = [true, false].map((is) => machine.maps.filter((one) => one.is_usable === is));
    const words = usable.length === 1 ? "1 heat map" : `${usable.length} heat maps`;
    this.summary.textContent = `${words}; make another`;
    this.made.replaceChildren(...usable.map((one) => make("li", {}, make("button", {
      type: "button", class: "quiet region", click: () => this.hand.choose(one.id),
      title: "Show it over the image (M switches it off)",
    }, tellOrder(nameOrder(one))))));
    this.state.replaceChildren(
      ...[...ordered].map((one) => make("li", { class: "making" }, `${tellOrder(one)} is being made…`)),
      ...[...this.missed].map((one) => make("li", {}, `${tellOrder(one)} could not be made for this image.`)),
      ...useless.map((one) => make("li", {},
        `${tellOrder(nameOrder(one))} shows nothing: it is the same everywhere, or nowhere positive.`)),
    );
  }

  async order() {
    const method = this.method.value;
    const name = this.name.value;
    this.asked.add(`${method}/${name}`);
    this.missed.delete(`${method}/${name}`);
    this.button.disabled = true;
    try {
      const body = { json: { method, class_name: name } };
      this.hand.take(await ask("POST", `/cases/${this.caseId}/maps`, body));
    } catch (error) {
      this.asked.delete(`${method}/${name}`);
      this.hand.explain(error);
    } finally {
      this.button.disabled = false;
    }
  }
}

function nameOrder({ method, class_name: name }) {
  return `${method}/${name}`;
}

/** `cam/covid` as people write it, and as the viewer lists it. */
function tellOrder(order) {
  return order.replace("/", ": ");
}

function findLikeliest(classes) {
  const decided = classes.filter((one) => one.is_decided);
  const among = decided.length > 0 ? decided : classes;
  return among.toSorted((one, other) => other.probability - one.probability)[0]?.name ?? "";
}
