/** Binary values of events: placeholders in the text, and a message each behind it. */

export function isBinary(value: unknown): boolean {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob;
}

/** Whether there is a binary value anywhere within. */
export function hasBinary(value: unknown): boolean {
  if (!value || typeof value !== "object") return false;
  if (isBinary(value)) return true;
  if ("toJSON" in value && typeof value.toJSON === "function") return hasBinary(value.toJSON());
  return (Array.isArray(value) ? value : Object.values(value)).some(hasBinary);
}

/**
 * Put the attachments back into their places, within `value`; returns what stands for it. THROWS for a placeholder
 * without attachment.
 */
export function reconstruct(value: unknown, attachments: unknown[]): unknown {
  if (!value || typeof value !== "object") return value;
  const node = value as { [key: string]: unknown };
  if (node._placeholder === true) {
    if (!(typeof node.num === "number" && node.num in attachments)) throw new Error("illegal attachments");
    return attachments[node.num];
  }
  for (const key of Object.keys(node)) node[key] = reconstruct(node[key], attachments);
  return node;
}
