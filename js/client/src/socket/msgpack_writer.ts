/** MessagePack as `notepack.io` writes it, which Socket.IO's parser is built on: undefined and dates are extension 0. */

const CHUNK = 256;

class Writer {
  private _bytes = new Uint8Array(CHUNK);
  private _view = new DataView(this._bytes.buffer);
  private _size = 0;

  write(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this._text(value);
      case "number":
        return this._number(value);
      case "boolean":
        return this._int(1, value ? 0xc3 : 0xc2);
      case "object":
        return value === null ? this._int(1, 0xc0) : this._object(value);
      case "undefined":
      case "function":
        this._int(1, 0xd4);
        return this._int(2, 0);
      default:
        throw new TypeError(`${typeof value} cannot be written in MessagePack`);
    }
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this._bytes.slice(0, this._size);
  }

  /** Make place for more bytes; returns where. */
  private _reserve(size: number): number {
    const at = this._size;
    this._size += size;
    if (this._size > this._bytes.length) {
      const larger = new Uint8Array(this._size * 2);
      larger.set(this._bytes);
      this._bytes = larger;
      this._view = new DataView(larger.buffer);
    }
    return at;
  }

  private _raw(bytes: Uint8Array): void {
    // First: it may make another array.
    const at = this._reserve(bytes.length);
    this._bytes.set(bytes, at);
  }

  /** An unsigned integer of 1, 2 or 4 bytes. */
  private _int(size: number, value: number): void {
    const at = this._reserve(size);
    if (size === 1) this._view.setUint8(at, value);
    else if (size === 2) this._view.setUint16(at, value);
    else this._view.setUint32(at, value);
  }

  private _int64(value: number): void {
    const at = this._reserve(8);
    this._view.setBigInt64(at, BigInt(value));
  }

  /**
   * A length with its type: in one byte, `small` and up, as far as `limit`; else behind `first` and its neighbours,
   * in 1, 2 or 4 bytes, or, without `one`, in 2 or 4.
   */
  private _length(length: number, small: number, limit: number, first: number, one = true): void {
    if (length < limit) return this._int(1, small | length);
    const step = one && length < 0x100 ? 0 : length < 0x10000 ? 1 : 2;
    this._int(1, first + step - (one ? 0 : 1));
    this._int(1 << step, length);
  }

  private _text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this._length(bytes.length, 0xa0, 32, 0xd9);
    this._raw(bytes);
  }

  private _number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this._int(1, 0xcb);
      const at = this._reserve(8);
      this._view.setFloat64(at, value);
    } else if (value >= 0) {
      if (value > 0xffffffff) {
        this._int(1, 0xcf);
        this._int64(value);
      } else {
        this._length(value, 0, 0x80, 0xcc);
      }
    } else if (value >= -32) {
      this._int(1, value);
    } else {
      const step = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : value >= -0x80000000 ? 2 : 3;
      this._int(1, 0xd0 + step);
      if (step < 3) this._int(1 << step, value);
      else this._int64(value);
    }
  }

  private _object(value: object): void {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      const bytes = ArrayBuffer.isView(value)
        ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        : new Uint8Array(value);
      this._length(bytes.length, 0, 0, 0xc4);
      return this._raw(bytes);
    }
    if (value instanceof Blob)
      throw new TypeError("a Blob cannot be written in MessagePack: await its arrayBuffer()");
    if (value instanceof Date) {
      this._int(2, 0xd700);
      return this._int64(+value);
    }
    if (Array.isArray(value)) {
      this._length(value.length, 0x90, 16, 0xdc, false);
      for (const item of value) this.write(item);
      return;
    }
    if ("toJSON" in value && typeof value.toJSON === "function") return this.write(value.toJSON());
    const entries = Object.entries(value).filter(([, item]) => typeof item !== "function");
    this._length(entries.length, 0x80, 16, 0xde, false);
    for (const [key, item] of entries) {
      this._text(key);
      this.write(item);
    }
  }
}

/** THROWS TypeError for what MessagePack cannot say. */
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.write(value);
  return writer.finish();
}
