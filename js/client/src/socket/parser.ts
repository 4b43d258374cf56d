/** The default form of packets: text with JSON, and attachments. */

import { Emitter } from "../emitter.js";
import { hasBinary, isBinary, parseWith } from "./attachments.js";
import { ACK, BINARY, check, EVENT, invalid, type Packet } from "./packet.js";

type Message = string | ArrayBuffer | ArrayBufferView | Blob;

export class Encoder {
  /** The messages of a packet: text first, then the attachments. THROWS TypeError for what JSON cannot say. */
  encode({ type, nsp, id = "" as never, data }: Packet): Message[] {
    const attachments: Message[] = [];
    let json: string;
    // First: bytes written as JSON would be long.
    if ((type === EVENT || type === ACK) && hasBinary(data)) {
      json = JSON.stringify(data, function (this: { [key: string]: unknown }, key, value) {
        // Node's Buffer has a toJSON, which has been called already.
        const original = isBinary(this[key]) ? this[key] : value;
        return isBinary(original)
          ? { _placeholder: true, num: attachments.push(original as Message) - 1 }
          : value;
      });
      type += BINARY;
    } else {
      json = data ? JSON.stringify(data) : "";
    }
    const count = attachments.length ? `${attachments.length}-` : "";
    return [`${type}${count}${nsp === "/" ? "" : `${nsp},`}${id}${json}`, ...attachments];
  }
}

/** Type, attachments, namespace, id, JSON. */
const TEXT = /^(?:([0-4])|([56])([1-9]\d*)-)(?:(\/[^,]*)(?:,|$))?(\d{0,16})(["[{].*)?$/s;

/**
 * Puts messages together to packets, of which its listeners for "decoded" are told. There is no limit to attachments:
 * the server is whom the page trusts.
 */
export class Decoder extends Emitter<
  Record<never, never>,
  Record<never, never>,
  { decoded: (packet: Packet) => void }
> {
  /** The text whose attachments are under way, taken apart, and those that have arrived. */
  private _text: RegExpExecArray | null = null;
  private _attachments: unknown[] = [];

  /** The next message of the connection. THROWS for what cannot be read; nothing can be read behind it. */
  add(message: unknown): void {
    const isText = typeof message === "string";
    const text = isText ? TEXT.exec(message) : this._text;
    // No packet, or an attachment where none is due, or none where one is.
    if (!text || (isText && this._text)) throw invalid();
    const [, plain, binary, count = 0, nsp = "/", digits, json] = text;
    const attachments = this._attachments;
    if (!isText) attachments.push(message);
    this._text = text;
    if (attachments.length < +count) return;
    this.destroy();
    const type = +(plain ?? (binary as string));
    const packet: Packet = { type, nsp };
    if (digits) packet.id = +digits;
    if (json) packet.data = binary ? parseWith(attachments, json) : JSON.parse(json);
    check(binary ? type - BINARY : type, packet);
    this._dispatch("decoded", packet);
  }

  /** Forget what has arrived of a packet. */
  destroy(): void {
    this._text = null;
    this._attachments = [];
  }
}
