/** What every entry has beside its `io` and `Manager`. */

export type { BufferFullError, PayloadTooLargeError, TransportError } from "./errors.js";
export type { ManagerReservedEvents } from "./socket/manager.js";
export type { BufferOverflow, ManagerOptions, SocketOptions } from "./socket/options.js";
export { protocol } from "./socket/packet.js";
export type { DisconnectDescription, ExtendedError, SocketReservedEvents } from "./socket/socket.js";
