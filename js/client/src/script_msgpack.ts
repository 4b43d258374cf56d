/** A classic script with packets in MessagePack: `io` is global, with everything else as its members. */

import * as arcwire from "./msgpack.js";

Object.assign(globalThis, { io: Object.assign(arcwire.io, arcwire) });
