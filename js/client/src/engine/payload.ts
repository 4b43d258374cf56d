/** Several packets in the body of an HTTP request or answer: text, with binary messages in base64. */

import { decodePacket, encodePacket, type Packet, type RawData } from "./packet.js";

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

/** The packets of a body, each as `decodeText` takes it. */
export function splitPayload(body: string): string[] {
  return body.split(SEPARATOR);
}

/** `decodePacket`, of messages that may be base64: those of a payload, or of a WebSocket where binary is not wanted. */
export function decodeText(message: RawData): Packet {
  return decodePacket(
    typeof message === "string" && message[0] === "b" ? decodeBase64(message.slice(1)) : message,
  );
}

async function encodeBase64(data: Exclude<RawData, string>): Promise<string> {
  const bytes = new Uint8Array(await new Blob([data as BlobPart]).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function decodeBase64(text: string): ArrayBuffer {
  // atob is content without padding, and skips blanks.
  if (text.length % 4 || /\s/.test(text)) throw new Error("parser error");
  return Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer;
}
