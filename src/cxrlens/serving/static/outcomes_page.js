// The page of what came of it.
// SPDX-License-Identifier: Apache-2.0

import { Frame } from "./frame.js";

new Frame();
