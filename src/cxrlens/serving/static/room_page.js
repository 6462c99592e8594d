// The room itself, for leads and admins.
// SPDX-License-Identifier: Apache-2.0

import { Frame } from "./frame.js";
import { LevelForm } from "./level_form.js";
import { PeopleList } from "./people_list.js";
import { openSettings } from "./settings_form.js";
import { TrailTable } from "./trail_table.js";

const frame = new Frame();
new LevelForm(frame);
openSettings(frame);
if (frame.role === "admin") new PeopleList(frame);
new TrailTable(frame);
