/** A classic script: `io` is global, with everything else as its members. */

import * as arcwire from "./index.js";

Object.assign(globalThis, { io: Object.assign(arcwire.io, arcwire) });
