/** The default form of packets: text with JSON, and attachments. */

import { Emitter } from "../emitter.js";
import { hasBinary, isBinary, reconstruct } from "./attachments.js";
import { ACK, BINARY, EVENT, isDataValid, type Packet } from "./packet.js";

type Rewrite = (this: unknown, key: string, value: unknown) => unknown;
type Message = string | ArrayBuffer | ArrayBufferView | Blob;

export class Encoder {
  /** `replacer` as for JSON.stringify. */
  constructor(private readonly _replacer?: Rewrite) {}

  /** The messages of a packet: text first, then the attachments. THROWS TypeError for what JSON cannot say. */
  encode({ type, nsp, id, data }: Packet): Message[] {
    const attachments: Message[] = [];
    const replacer = this._replacer;
    const binary = (type === EVENT || type === ACK) && hasBinary(data);
    const json =
      data === undefined
        ? ""
        : JSON.stringify(
            data,
            binary
              ? function (this: { [key: string]: unknown }, key, value) {
                  // Node's Buffer has a toJSON, which has been called already.
                  const original = isBinary(this[key]) ? this[key] : value;
                  return isBinary(original)
                    ? { _placeholder: true, num: attachments.push(original as Message) - 1 }
                    : replacer
                      ? replacer.call(this, key, value)
                      : value;
                }
              : replacer,
          );
    return [
      (binary ? `${type + BINARY}${attachments.length}-` : type) +
        (nsp === "/" ? "" : `${nsp},`) +
        (id ?? "") +
        json,
      ...attachments,
    ];
  }
}

export interface DecoderOptions {
  /** As for JSON.parse. */
  reviver?: Rewrite;
  /** How many attachments a packet may have. */
  maxAttachments?: number;
}

/** Type, attachments, namespace, id, JSON. */
const TEXT = /^(?:([0-4])|([56])(\d+)-)(?:(\/[^,]*)(?:,|$))?(\d*)(["[{].*)?$/s;

/** Puts messages together to packets, of which its listeners for "decoded" are told. */
export class Decoder extends Emitter<
  Record<never, never>,
  Record<never, never>,
  { decoded: (packet: Packet) => void }
> {
  private readonly _opts: DecoderOptions;
  /** The packet whose attachments are under way, and those that have arrived. */
  private _partial?: Packet | undefined;
  private _attachments: unknown[] = [];

  constructor(opts: DecoderOptions | Rewrite = {}) {
    super();
    this._opts = typeof opts === "function" ? { reviver: opts } : opts;
  }

  /** The next message of the connection. THROWS for what cannot be read; nothing can be read behind it. */
  add(message: unknown): void {
    const partial = this._partial;
    if (typeof message === "string") {
      if (partial) throw new Error("got plaintext data when reconstructing a packet");
      const packet = this._parse(message);
      if (packet.attachments) this._partial = packet;
      else this._dispatch("decoded", packet);
    } else {
      if (!partial) throw new Error("got binary data when not reconstructing a packet");
      const attachments = this._attachments;
      if (attachments.push(message) < (partial.attachments as number)) return;
      this.destroy();
      partial.data = reconstruct(partial.data, attachments);
      this._dispatch("decoded", partial);
    }
  }

  /** Forget what has arrived of a packet. */
  destroy(): void {
    this._partial = undefined;
    this._attachments = [];
  }

  private _parse(text: string): Packet {
    const { reviver, maxAttachments = Number.POSITIVE_INFINITY } = this._opts;
    const [match, plain, binary, count = 0, nsp = "/", digits, json] = TEXT.exec(text) || [];
    const type = +(plain || binary || 0);
    const packet: Packet = { type, nsp };
    if (binary) packet.attachments = +count;
    if (digits) packet.id = +digits;
    if (json) packet.data = JSON.parse(json, reviver);
    const kind = binary ? type - BINARY : type;
    if (
      match === undefined ||
      (binary && !(+count && +count <= maxAttachments)) ||
      (digits && !(Number.isSafeInteger(packet.id) && (kind === EVENT || kind === ACK))) ||
      !isDataValid(kind, packet.data)
    ) {
      throw new Error(`invalid packet: ${text.slice(0, 80)}`);
    }
    return packet;
  }
}
