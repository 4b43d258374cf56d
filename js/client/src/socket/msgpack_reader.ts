/** The counterpart of `msgpack_writer`; binary values become ArrayBuffers. */

class Reader {
  private readonly _view: DataView;
  private _at = 0;

  constructor(private readonly _bytes: Uint8Array<ArrayBuffer>) {
    this._view = new DataView(_bytes.buffer, _bytes.byteOffset, _bytes.byteLength);
  }

  /** THROWS RangeError for a value that is cut off. */
  read(): unknown {
    const type = this._uint(0);
    if (type < 0x80) return type;
    if (type < 0x90) return this._map(type & 0xf);
    if (type < 0xa0) return this._list(type & 0xf);
    if (type < 0xc0) return this._text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return type === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this._binary(this._uint(type - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this._extension(this._uint(type - 0xc7), false);
      case 0xca:
        return this._view.getFloat32(this._skip(4));
      case 0xcb:
        return this._view.getFloat64(this._skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this._uint(type - 0xcc);
      case 0xcf:
        return Number(this._view.getBigUint64(this._skip(8)));
      case 0xd0:
        return this._view.getInt8(this._skip(1));
      case 0xd1:
        return this._view.getInt16(this._skip(2));
      case 0xd2:
        return this._view.getInt32(this._skip(4));
      case 0xd3:
        return this._int64();
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this._extension(1 << (type - 0xd4), true);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this._text(this._uint(type - 0xd9));
      case 0xdc:
      case 0xdd:
        return this._list(this._uint(type - 0xdb));
      case 0xde:
      case 0xdf:
        return this._map(this._uint(type - 0xdd));
      default:
        throw new Error(`0x${type.toString(16)} is no type of MessagePack`);
    }
  }

  get isAtEnd(): boolean {
    return this._at === this._bytes.length;
  }

  /** Go on by `size` bytes; returns where they begin. */
  private _skip(size: number): number {
    const at = this._at;
    this._at += size;
    if (this._at > this._bytes.length) throw new RangeError("the message is cut off");
    return at;
  }

  /** An unsigned integer of `2 ** step` bytes. */
  private _uint(step: number): number {
    const at = this._skip(1 << step);
    return step ? (step > 1 ? this._view.getUint32(at) : this._view.getUint16(at)) : this._view.getUint8(at);
  }

  private _int64(): number {
    return Number(this._view.getBigInt64(this._skip(8)));
  }

  private _slice(size: number): Uint8Array<ArrayBuffer> {
    const at = this._skip(size);
    return this._bytes.subarray(at, at + size);
  }

  private _binary(size: number): ArrayBuffer {
    return this._slice(size).slice().buffer;
  }

  private _text(size: number): string {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this._slice(size));
  }

  private _list(length: number): unknown[] {
    const list = [];
    for (let i = 0; i < length; i++) list.push(this.read());
    return list;
  }

  private _map(length: number): { [key: string]: unknown } {
    const map: { [key: string]: unknown } = {};
    for (let i = 0; i < length; i++) {
      const name = this.read() as string;
      const value = this.read();
      // A name of JavaScript's own is a name like any other.
      if (name === "__proto__") Object.defineProperty(map, name, { value, enumerable: true });
      else map[name] = value;
    }
    return map;
  }

  /** `isFixed`: of the sizes that have a type of their own, where the reference keeps undefined and dates. */
  private _extension(size: number, isFixed: boolean): unknown {
    const kind = this._uint(0);
    if (kind === 0 && isFixed && size === 1) {
      this._skip(1);
      return undefined;
    }
    return kind === 0 && isFixed && size === 8 ? new Date(this._int64()) : this._binary(size);
  }
}

/** THROWS for what is no MessagePack, or has something behind it. */
export function decode(message: ArrayBuffer | Uint8Array<ArrayBuffer>): unknown {
  const reader = new Reader(message instanceof ArrayBuffer ? new Uint8Array(message) : message);
  const value = reader.read();
  if (!reader.isAtEnd) throw new Error("there is something behind the packet");
  return value;
}
