/** Several packets in the body of an HTTP request or answer: text, with binary messages in base64. */

import { decodePacket, encodePacket, MALFORMED, messageSize, type Packet, type RawData } from "./packet.js";

const SEPARATOR = "\x1e";

/** Asynchronous because reading a Blob is. */
export async function encodePayload(packets: Packet[]): Promise<string> {
  const encoded: string[] = [];
  for (const packet of packets) {
    const message = encodePacket(packet);
    encoded.push(typeof message === "string" ? message : `b${await encodeBase64(message)}`);
  }
  return encoded.join(SEPARATOR);
}

/** The packets of a body; the first that cannot be read is the last, of type "error". */
export function decodePayload(body: string): Packet[] {
  const packets: Packet[] = [];
  for (const text of body.split(SEPARATOR)) {
    const packet = decodePacket(text);
    packets.push(packet);
    if (packet === MALFORMED) break;
  }
  return packets;
}

export async function encodeBase64(data: Exclude<RawData, string>): Promise<string> {
  const bytes =
    data instanceof ArrayBuffer
      ? new Uint8Array(data)
      : ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(await data.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Bytes that a message takes in a body, with its type. */
export function payloadSize(data: RawData): number {
  const size = messageSize(data);
  return typeof data === "string" ? size : 1 + 4 * Math.ceil(size / 3);
}
