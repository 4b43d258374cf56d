/** Packets of Engine.IO, protocol 4, as they stand in a WebSocket message. */

export type PacketType = "open" | "close" | "ping" | "pong" | "message" | "upgrade" | "noop" | "error";
export type RawData = string | ArrayBuffer | ArrayBufferView | Blob;

export interface Packet {
  type: PacketType;
  /** Absent where the packet has only its type. Binary data is received as ArrayBuffer. */
  // biome-ignore lint/suspicious/noExplicitAny: RawData, but for whom listens to packets
  data?: any;
  options?: { compress?: boolean };
}

const TYPES: PacketType[] = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];

/** What the reference calls a packet that cannot be read. */
export const MALFORMED: Packet = { type: "error", data: "parser error" };

/** The message on a WebSocket; binary data goes as it is. */
export function encodePacket({ type, data }: Packet): RawData {
  return data === undefined || typeof data === "string" ? TYPES.indexOf(type) + (data || "") : data;
}

/** `message` is a text or binary message of a WebSocket. */
export function decodePacket(message: RawData): Packet {
  if (typeof message !== "string") return { type: "message", data: message };
  if (message[0] === "b") return decodeBase64(message.slice(1));
  const type = TYPES[message.charCodeAt(0) - 48];
  return !type ? MALFORMED : message.length > 1 ? { type, data: message.slice(1) } : { type };
}

function decodeBase64(text: string): Packet {
  try {
    // atob is content without padding, and skips blanks.
    if (text.length % 4 || /\s/.test(text)) return MALFORMED;
    return { type: "message", data: Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer };
  } catch {
    return MALFORMED;
  }
}

/** Bytes that a message takes in a frame of a WebSocket: text as UTF-8, with its type. */
export function messageSize(data: RawData): number {
  if (typeof data === "string") return new TextEncoder().encode(data).length + 1;
  return data instanceof Blob ? data.size : data.byteLength;
}
