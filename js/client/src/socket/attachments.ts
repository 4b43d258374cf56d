/** Binary values of events: placeholders in the text, and a message each behind it. */

import { invalid } from "./packet.js";

export function isBinary(value: unknown): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob;
}

/** Whether there is a binary value anywhere within. */
export function hasBinary(value: unknown): boolean {
  if (!value || typeof value !== "object") return false;
  if (isBinary(value)) return true;
  const { toJSON } = value as { toJSON?: () => unknown };
  return toJSON?.call ? hasBinary(toJSON.call(value)) : Object.values(value).some(hasBinary);
}

/** JSON with its attachments in their places. THROWS for a placeholder without attachment, and for what is no JSON. */
export function parseWith(attachments: unknown[], json: string): unknown {
  return JSON.parse(json, (_key, value) => {
    if (value?._placeholder !== true) return value;
    if (typeof value.num !== "number" || !(value.num in attachments)) throw invalid();
    return attachments[value.num];
  });
}
