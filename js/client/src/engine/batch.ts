/** Several packets in one message of a WebSocket, where both sides have agreed on that: each has 0x1e before it. */

import { encodePacket, type Packet, type RawData } from "./packet.js";

/** What a batch begins with, and no packet does. */
export const SEPARATOR = "\x1e";

/**
 * The messages for `packets`, in order. Texts that are neighbours share one of at most `limit` characters; what has the
 * separator in it goes alone, as binary data does. Without a limit each has a message of its own.
 */
export function encodeBatches(packets: Packet[], limit?: number): RawData[] {
  const messages: RawData[] = [];
  // The last message, as a batch; none where it cannot be one.
  let batch: string | false = false;
  for (const packet of packets) {
    const message = encodePacket(packet);
    const part: string | false =
      typeof message === "string" && !message.includes(SEPARATOR) && SEPARATOR + message;
    if (batch && part && (batch + part).length <= (limit as number)) {
      batch += part;
      messages[messages.length - 1] = batch;
    } else {
      messages.push(message);
      batch = part;
    }
  }
  return messages;
}

/** The packets of a batch, in order; they are not checked. */
export function splitBatch(batch: string): string[] {
  return batch.slice(1).split(SEPARATOR);
}
