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
export const RESERVED = /^(connect(_error)?|disconnect(ing)?|(new|remove)Listener)$/;

/** THROWS for a packet whose data, or id, does not fit `kind`: its type, without BINARY. */
export function check(kind: number, { data, id }: Packet): void {
  const isList = Array.isArray(data);
  const isValid =
    kind === EVENT
      ? isList && /^[sn]/.test(typeof data[0]) && !RESERVED.test(data[0])
      : kind === ACK
        ? isList
        : id === undefined &&
          (data === undefined ||
            (kind !== DISCONNECT && !!data && typeof data === "object" && !isList) ||
            (kind === CONNECT_ERROR && typeof data === "string"));
  if (!isValid) throw invalid();
}

export const invalid = () => new Error("parser error");
