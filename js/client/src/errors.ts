/** An error with more than its message. */
export function failure<Fields>(message: string, fields: Fields): Error & Fields {
  return Object.assign(new Error(message), fields);
}

/** A message is larger than the server takes: it is refused here, before it would cost the connection. */
export interface PayloadTooLargeError extends Error {
  name: "PayloadTooLargeError";
  /** Bytes of the message. */
  size: number;
  /** Bytes that the server takes: the `maxPayload` of its handshake. */
  maxPayload: number;
}

/** There is no place left for an event that has to wait. */
export interface BufferFullError extends Error {
  name: "BufferFullError";
  /** The option `bufferLimit`. */
  limit: number;
}

/** A transport failed. */
export interface TransportError extends Error {
  type: "TransportError";
  /** The status of an HTTP answer, or the error or event behind this one. */
  description?: unknown;
  /** The answer with its `responseText`, or what else is known. */
  context?: unknown;
  /** What the server said about it, where it did. */
  data?: { code: number; message: string } | undefined;
}
