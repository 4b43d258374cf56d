/** What every entry has beside its `io` and `Manager`. */

export { TransportError } from "./engine/transport.js";
export { BufferFullError, PayloadTooLargeError } from "./errors.js";
export type { ManagerReservedEvents } from "./socket/manager.js";
export type { BufferPolicy, ManagerOptions, SocketOptions } from "./socket/options.js";
export { protocol } from "./socket/packet.js";
export {
  type DisconnectDescription,
  type ExtendedError,
  Socket,
  type SocketReservedEvents,
} from "./socket/socket.js";
