import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeFrame, FrameDecoder } from "../../src/engine/framing.js";

interface Row {
  name: string;
  message: string | { hex: string };
  frame: string;
  kind: "text" | "binary";
  size: number;
  header: string;
  limit?: number;
}

const vectors: { frames: Row[]; headers: Row[]; invalid: Row[] } = JSON.parse(
  readFileSync(new URL("../../../../vectors/engineio-webtransport.json", import.meta.url), "utf8"),
);

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const messageOf = ({ message }: Row) => (typeof message === "string" ? message : bytes(message.hex).buffer);

test.each(vectors.frames)("$name", (row) => {
  expect(hex(encodeFrame(messageOf(row)))).toBe(row.frame);
  expect(new FrameDecoder().feed(bytes(row.frame))).toEqual([messageOf(row)]);
});

test.each(vectors.headers)("$name: $size bytes", ({ kind, size, header }) => {
  const message = kind === "text" ? "x".repeat(size) : new Uint8Array(size).fill(7).buffer;
  const frame = encodeFrame(message);
  expect(hex(frame.subarray(0, header.length / 2))).toBe(header);
  expect(frame).toHaveLength(header.length / 2 + size);
  const decoder = new FrameDecoder(size);
  const middle = frame.length >> 1;
  expect(decoder.feed(frame.subarray(0, middle))).toEqual([]);
  expect(decoder.feed(frame.subarray(middle))).toEqual([message]);
});

test.each(vectors.invalid)("refused: $name", ({ frame, limit }) => {
  expect(() => new FrameDecoder(limit).feed(bytes(frame))).toThrow("a frame of");
});

describe("a stream", () => {
  const messages = [...vectors.frames.map(messageOf), "x".repeat(300), new Uint8Array(70_000).fill(1).buffer];
  const stream = new Uint8Array(messages.flatMap((message) => [...encodeFrame(message)]));

  test.each([1, 2, 3, 7, 1000, 100_000])("in chunks of %i bytes", (size) => {
    const decoder = new FrameDecoder();
    const read: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) read.push(...decoder.feed(stream.slice(at, at + size)));
    expect(read).toEqual(messages);
  });

  test("text that is not UTF-8", () => {
    expect(() => new FrameDecoder().feed(bytes("0234ff"))).toThrow(TypeError);
  });
});
