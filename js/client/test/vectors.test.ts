/** The golden vectors that all implementations share. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeBatches, splitBatch } from "../src/engine/batch.js";
import { decodePacket, encodePacket, type Packet } from "../src/engine/packet.js";
import { decodeText, encodePayload, splitPayload } from "../src/engine/payload.js";
import * as msgpack from "../src/socket/msgpack_parser.js";
import { BINARY, EVENT, type Packet as SocketPacket } from "../src/socket/packet.js";
import * as parser from "../src/socket/parser.js";

// biome-ignore lint/suspicious/noExplicitAny: rows are what the files say
type Row = any;

const TYPES = ["connect", "disconnect", "event", "ack", "connect_error"];

function vectors(name: string): { [list: string]: Row[] } {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), "utf8"));
}

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex")).buffer;
const hex = (data: unknown) =>
  Buffer.from(
    ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data as ArrayBuffer),
  ).toString("hex");

/** The content of a row, with real binary values and dates in it. */
function revive(value: Row): Row {
  if (Array.isArray(value)) return value.map(revive);
  if (!value || typeof value !== "object") return value;
  if (typeof value.hex === "string" && Object.keys(value).length === 1) return bytes(value.hex);
  if (typeof value.date === "string" && Object.keys(value).length === 1) return new Date(value.date);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
}

/** What was decoded, as rows say it: undefined is null within lists, and absent within objects. */
function plain(value: Row): Row {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { hex: hex(value) };
  if (value instanceof Date) return { date: value.toISOString() };
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : plain(item)));
  if (!value || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}

/** The packet of a row, or one that was decoded, in the same form. */
function comparable({ type, nsp, id, data }: Row): Row {
  const name = typeof type === "number" ? TYPES[type > 4 ? type - BINARY : type] : type;
  return plain({ type: name, nsp, id, data });
}

describe("engineio-packets.json", () => {
  const { valid, decode_only, invalid } = vectors("engineio-packets") as Record<string, Row[]>;

  test.each(valid as Row[])("$name", async ({ type, data, websocket, polling }) => {
    const packet: Packet = { type, data: revive(data) };
    expect(plain(encodePacket(packet))).toEqual(websocket);
    expect(plain(decodePacket(revive(websocket)))).toEqual({ type, data });
    expect(await encodePayload([packet])).toBe(polling);
    expect(plain(decodeText(polling))).toEqual({ type, data });
  });

  test.each(decode_only as Row[])("$name", ({ type, data, websocket }) => {
    expect(plain(decodeText(websocket))).toEqual({ type, data });
  });

  test.each(invalid as Row[])("refused: $name", ({ websocket }) => {
    expect(() => decodeText(websocket)).toThrow();
  });
});

describe("engineio-payloads.json", () => {
  const { valid, invalid } = vectors("engineio-payloads") as Record<string, Row[]>;
  // What is not UTF-8 is decoded by the browser before it gets here.
  const texts = (invalid as Row[]).filter(({ body }) => typeof body === "string");

  test.each(valid as Row[])("$name", async ({ packets, body }) => {
    const decoded = splitPayload(body).map(decodeText);
    expect(decoded.map((packet) => plain(encodePacket(packet)))).toEqual(packets);
    expect(await encodePayload(decoded)).toBe(body);
  });

  test("there are bodies of text that are refused", () => expect(texts.length).toBeGreaterThan(10));

  test.each(texts)("refused: $name", ({ packets, body }) => {
    const decoded: Row[] = [];
    expect(() => {
      for (const message of splitPayload(body)) decoded.push(plain(encodePacket(decodeText(message))));
    }).toThrow();
    expect(decoded).toEqual(packets);
  });
});

describe("engineio-batches.json", () => {
  const { valid, decode_only, invalid, alone } = vectors("engineio-batches") as Record<string, Row[]>;
  const encode = (packets: string[]) => encodeBatches(packets.map(decodePacket), 20_000);

  test.each(valid as Row[])("$name", ({ packets, batch }) => {
    expect(encode(packets)).toEqual([batch]);
    expect(splitBatch(batch)).toEqual(packets);
  });

  test.each(decode_only as Row[])("read: $name", ({ packets, batch }) => {
    expect(splitBatch(batch)).toEqual(packets);
  });

  test.each(invalid as Row[])("refused: $name", ({ packets, batch }) => {
    const decoded: Row[] = [];
    expect(() => {
      for (const message of splitBatch(batch)) decoded.push(encodePacket(decodePacket(message)));
    }).toThrow();
    expect(decoded).toEqual(packets);
  });

  test.each(alone as Row[])("alone: $name", ({ packets }) => {
    expect(encode(packets)).toEqual(packets);
  });
});

describe("socketio-packets.json", () => {
  const lists = vectors("socketio-packets");

  /** Feed messages to a decoder; returns the packets. */
  function decode(messages: Row[]): SocketPacket[] {
    const decoder = new parser.Decoder();
    const packets: SocketPacket[] = [];
    decoder.on("decoded", (packet: SocketPacket) => packets.push(packet));
    for (const message of messages) decoder.add(revive(message));
    return packets;
  }

  test.each(lists.valid as Row[])("$name", ({ packet, text, attachments }) => {
    const { type, data, ...rest } = packet;
    const encoded = new parser.Encoder().encode({ ...rest, type: TYPES.indexOf(type), data: revive(data) });
    expect(encoded.map(plain)).toEqual([text, ...attachments.map((each: string) => ({ hex: each }))]);
  });

  test.each([...(lists.valid as Row[]), ...(lists.decode_only as Row[])])(
    "read: $name",
    ({ packet, text, attachments }) => {
      const packets = decode([text, ...attachments.map((each: string) => ({ hex: each }))]);
      expect(packets.map(comparable)).toEqual([comparable(packet)]);
    },
  );

  // A server is trusted with the number of its attachments; what is wrong with JSON is found when it is complete.
  const unlimited = ["eleven attachments", "attachments: a thousand digits"];
  const invalid = (lists.invalid as Row[]).filter(({ name }) => !unlimited.includes(name));

  test("a server may send any number of attachments", () => {
    expect((lists.invalid as Row[]).length - invalid.length).toBe(unlimited.length);
  });

  test.each(invalid)("refused: $name", ({ messages }) => {
    expect(() => {
      if (decode([...messages, { hex: "00" }]).length) throw new Error("it has been read");
    }).toThrow(/^(?!it has been read)/);
  });

  test.each(lists.invalid_sequences as Row[])("refused: $name", ({ messages }) => {
    expect(() => decode(messages)).toThrow("parser error");
  });
});

describe("socketio-msgpack.json", () => {
  const lists = vectors("socketio-msgpack");

  function decode(message: string): SocketPacket[] {
    const decoder = new msgpack.Decoder();
    const packets: SocketPacket[] = [];
    decoder.on("decoded", (packet: SocketPacket) => packets.push(packet));
    decoder.add(bytes(message));
    return packets;
  }

  test.each(lists.valid as Row[])("$name", ({ packet, message }) => {
    const { type, data, ...rest } = packet;
    const encoded = new msgpack.Encoder().encode({ ...rest, type: TYPES.indexOf(type), data: revive(data) });
    expect(encoded.map(hex)).toEqual([message]);
  });

  test.each([...(lists.valid as Row[]), ...(lists.decode_only as Row[])])(
    "read: $name",
    ({ packet, message }) => {
      expect(decode(message).map(comparable)).toEqual([comparable(packet)]);
    },
  );

  test.each(lists.invalid as Row[])("refused: $name", ({ message }) => {
    expect(() => decode(message)).toThrow();
  });

  test("packets of any size", () => {
    for (const size of [1, 100, 250, 255, 256, 257, 5000, 70_000]) {
      const data = [
        "a",
        "x".repeat(size),
        1.5,
        -5_000_000_000,
        new Date(size),
        { list: new Array(size).fill(size) },
      ];
      const [message] = new msgpack.Encoder().encode({ type: EVENT, nsp: "/", data });
      expect(decode(hex(message))).toEqual([{ type: EVENT, nsp: "/", data }]);
    }
  });

  test("what MessagePack cannot say", () => {
    const encode = (value: unknown) =>
      new msgpack.Encoder().encode({ type: EVENT, nsp: "/", data: ["a", value] });
    expect(() => encode(1n)).toThrow(TypeError);
    expect(() => encode(new Blob(["a"]))).toThrow("arrayBuffer");
  });
});
