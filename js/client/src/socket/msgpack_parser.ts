/** Packets in MessagePack: the whole packet is one binary message, and binary values stay in their places. */

import { Emitter } from "../emitter.js";
import { decode } from "./msgpack_reader.js";
import { encode } from "./msgpack_writer.js";
import { ACK, CONNECT, CONNECT_ERROR, check, DISCONNECT, EVENT, invalid, type Packet } from "./packet.js";

export class Encoder {
  /** THROWS TypeError for what MessagePack cannot say. */
  encode({ type, nsp, id, data }: Packet): Uint8Array<ArrayBuffer>[] {
    return [encode({ type, nsp, ...(id !== undefined && { id }), ...(data !== undefined && { data }) })];
  }
}

export class Decoder extends Emitter<
  Record<never, never>,
  Record<never, never>,
  { decoded: (packet: Packet) => void }
> {
  /** The next message of the connection. THROWS for what is no packet. */
  add(message: ArrayBuffer | Uint8Array<ArrayBuffer>): void {
    const packet = decode(message) as Packet;
    const { type, nsp, id } = packet;
    const isEmpty = packet.data === null || packet.data === undefined;
    if (isEmpty && (type === CONNECT || type === DISCONNECT)) packet.data = undefined;
    if (
      ![CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR].includes(type) ||
      typeof nsp !== "string" ||
      !(id === undefined || Number.isSafeInteger(id)) ||
      (isEmpty && type === CONNECT_ERROR)
    ) {
      throw invalid();
    }
    check(type, packet);
    this._dispatch("decoded", packet);
  }

  destroy(): void {}
}
