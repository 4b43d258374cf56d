/** Packets of Engine.IO, protocol 4, as they stand in a WebSocket message. */

export type PacketType = "open" | "close" | "ping" | "pong" | "message" | "upgrade" | "noop";
export type RawData = string | ArrayBuffer | ArrayBufferView | Blob;

export interface Packet {
  type: PacketType;
  /** "" where a packet that was received has only its type. Binary data is received as ArrayBuffer. */
  // biome-ignore lint/suspicious/noExplicitAny: RawData, but for whom listens to packets
  data?: any;
  options?: { compress?: boolean };
}

const TYPES = "open,close,ping,pong,message,upgrade,noop".split(",") as PacketType[];

/** The message on a WebSocket; binary data goes as it is. */
export function encodePacket({ type, data = "" }: Packet): RawData {
  return typeof data === "string" ? TYPES.indexOf(type) + data : data;
}

/** `message` is a text or binary message of a WebSocket. THROWS for what is no packet. */
export function decodePacket(message: RawData): Packet {
  if (typeof message !== "string") return { type: "message", data: message };
  const type = TYPES[message.charCodeAt(0) - 48];
  if (!type) throw new Error("parser error");
  return { type, data: message.slice(1) };
}
