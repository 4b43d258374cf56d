/** Packets of Socket.IO, protocol 5. */

export const protocol = 5;

export const CONNECT = 0;
export const DISCONNECT = 1;
export const EVENT = 2;
export const ACK = 3;
export const CONNECT_ERROR = 4;
/** What is added to the type of an event or acknowledgement that has attachments. */
export const BINARY = 3;

export interface Packet {
  type: number;
  nsp: string;
  // biome-ignore lint/suspicious/noExplicitAny: what applications send
  data?: any;
  id?: number | undefined;
  attachments?: number;
}

/** Names that events cannot have: they tell what happens to the socket. */
export const RESERVED = /^(connect|connect_error|disconnect|disconnecting|newListener|removeListener)$/;

/** Whether the data of a packet that arrived fits its type. */
export function isDataValid(type: number, data: unknown): boolean {
  const isList = Array.isArray(data);
  const isObject = typeof data === "object" && data !== null && !isList;
  switch (type) {
    case CONNECT:
      return data === undefined || isObject;
    case DISCONNECT:
      return data === undefined;
    case EVENT:
      return (
        isList && (typeof data[0] === "number" || (typeof data[0] === "string" && !RESERVED.test(data[0])))
      );
    case ACK:
      return isList;
    default:
      return data === undefined || typeof data === "string" || isObject;
  }
}
