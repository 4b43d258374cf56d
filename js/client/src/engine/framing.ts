/**
 * Frames on the stream of a WebTransport session: a byte with the kind (binary or not) and the length, up to eight bytes
 * of length, and the packet as on a WebSocket. Pure: bytes go in, messages come out.
 */

/** `message` is a packet as on a WebSocket, with its type where it is text. */
export function encodeFrame(message: string | ArrayBuffer | Uint8Array): Uint8Array {
  const isText = typeof message === "string";
  const content = isText ? new TextEncoder().encode(message) : new Uint8Array(message);
  const { length } = content;
  const headerSize = length < 126 ? 1 : length < 0x10000 ? 3 : 9;
  const frame = new Uint8Array(headerSize + length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, (isText ? 0 : 0x80) | (headerSize === 1 ? length : headerSize === 3 ? 126 : 127));
  if (headerSize === 3) view.setUint16(1, length);
  if (headerSize === 9) view.setBigUint64(1, BigInt(length));
  frame.set(content, headerSize);
  return frame;
}

/** Takes a stream apart, wherever its chunks end. */
export class FrameDecoder {
  private _chunks: Uint8Array[] = [];
  private _size = 0;
  /** The frame whose content is under way. */
  private _frame: { isText: boolean; length: number } | undefined;

  /** `limit`: bytes that the content of a frame may have. */
  constructor(private readonly _limit = Number.MAX_SAFE_INTEGER) {}

  /** The messages that are complete with `chunk`. THROWS for a frame that is not allowed; nothing can be read then. */
  feed(chunk: Uint8Array): (string | ArrayBuffer)[] {
    const messages: (string | ArrayBuffer)[] = [];
    this._chunks.push(chunk);
    this._size += chunk.length;
    while (this._frame || this._readHeader()) {
      const { isText, length } = this._frame as { isText: boolean; length: number };
      if (this._size < length) break;
      const content = this._take(length);
      this._frame = undefined;
      messages.push(
        isText ? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content) : content.buffer,
      );
    }
    return messages;
  }

  /** False where the header is not complete. */
  private _readHeader(): boolean {
    if (!this._size) return false;
    const first = this._peek(1)[0] as number;
    const short = first & 0x7f;
    const size = short < 126 ? 1 : short === 126 ? 3 : 9;
    if (this._size < size) return false;
    const view = new DataView(this._take(size).buffer);
    const length = size === 1 ? short : size === 3 ? view.getUint16(1) : Number(view.getBigUint64(1));
    const isText = first < 0x80;
    if (length > this._limit || (isText && !length)) throw new Error(`a frame of ${length} bytes`);
    this._frame = { isText, length };
    return true;
  }

  /** The next bytes, which stay; there are as many. */
  private _peek(size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of this._chunks) {
      if (at === size) break;
      const part = chunk.subarray(0, size - at);
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  private _take(size: number): Uint8Array<ArrayBuffer> {
    const bytes = this._peek(size);
    this._size -= size;
    let used = 0;
    let left = size;
    for (const chunk of this._chunks) {
      if (chunk.length > left) break;
      left -= chunk.length;
      used++;
    }
    this._chunks.splice(0, used);
    if (left) this._chunks[0] = (this._chunks[0] as Uint8Array).subarray(left);
    return bytes;
  }
}
