/** A message is larger than the server takes: it is refused here, before it would cost the connection. */
export class PayloadTooLargeError extends Error {
  constructor(
    /** Bytes of the message. */
    readonly size: number,
    /** Bytes that the server takes: the `maxPayload` of its handshake. */
    readonly maxPayload: number,
  ) {
    super(`the message has ${size} bytes, the server takes ${maxPayload}`);
  }
}

/** There is no place left for an event that has to wait. */
export class BufferFullError extends Error {
  constructor(
    /** The options `bufferLimit` and `bufferPolicy`. */
    readonly limit: number,
    readonly policy: string,
  ) {
    super(`${limit} events are waiting already`);
  }
}
