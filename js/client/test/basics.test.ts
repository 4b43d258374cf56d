import { afterEach, describe, expect, test, vi } from "vitest";
import { delayAfter } from "../src/backoff.js";
import { Emitter } from "../src/emitter.js";
import { parse } from "../src/url.js";
import { settled } from "./support/clock.js";

describe("emitter", () => {
  test("listeners run in order, and as often as they were added", () => {
    const emitter = new Emitter();
    const log: unknown[] = [];
    const a = (x: unknown) => log.push(["a", x]);
    emitter
      .on("e", a)
      .on("e", (x: unknown) => log.push(["b", x]))
      .on("e", a);
    emitter.emit("e", 1);
    expect(log).toEqual([
      ["a", 1],
      ["b", 1],
      ["a", 1],
    ]);
    emitter.off("e", a);
    expect(emitter.listeners("e")).toHaveLength(2);
    emitter.off("e", a).off("e", a);
    expect(emitter.listeners("e")).toHaveLength(1);
  });

  test("once", () => {
    const emitter = new Emitter();
    const fn = vi.fn();
    emitter.once("e", fn).emit("e", 1, 2);
    emitter.emit("e", 3);
    expect(fn.mock.calls).toEqual([[1, 2]]);
    emitter.once("e", fn).off("e", fn).emit("e");
    expect(fn).toHaveBeenCalledTimes(1);
    expect(emitter.hasListeners("e")).toBe(false);
  });

  test("a dispatch is not disturbed by its listeners", () => {
    const emitter = new Emitter();
    const late = vi.fn();
    const second = vi.fn();
    emitter.on("e", () => {
      emitter.off("e", second);
      emitter.on("e", late);
    });
    emitter.on("e", second);
    emitter.emit("e");
    expect(second).toHaveBeenCalledTimes(1);
    expect(late).not.toHaveBeenCalled();
  });

  test("off without a listener, and without an event", () => {
    const emitter = new Emitter();
    emitter.on("a", vi.fn()).on("a", vi.fn()).on("b", vi.fn()).on("c", vi.fn());
    emitter.removeListener("a");
    emitter.removeAllListeners("b");
    expect([emitter.hasListeners("a"), emitter.hasListeners("b"), emitter.hasListeners("c")]).toEqual([
      false,
      false,
      true,
    ]);
    emitter.off();
    expect(emitter.hasListeners("c")).toBe(false);
  });

  test("names that objects have themselves", () => {
    const emitter = new Emitter();
    const fn = vi.fn();
    expect(emitter.listeners("constructor")).toEqual([]);
    emitter.emit("toString").on("__proto__", fn).emit("__proto__", 1);
    expect(fn).toHaveBeenCalledWith(1);
  });

  test("what a listener throws is reported, and keeps nobody else from hearing", async () => {
    const reported: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => reported.push(error));
    try {
      const emitter = new Emitter();
      const next = vi.fn();
      const error = new Error("a handler's");
      emitter.on("e", () => {
        throw error;
      });
      emitter.on("e", next);
      emitter.emit("e");
      expect(next).toHaveBeenCalled();
      await vi.waitFor(() => expect(reported).toEqual([error]));
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const other of others) process.on("uncaughtException", other);
      await settled();
    }
  });
});

describe("backoff", () => {
  const delays = { reconnectionDelay: 1000, reconnectionDelayMax: 5000, randomizationFactor: 0.5 };

  test("doubles up to its limit", () => {
    expect([0, 1, 2, 3, 1000].map((n) => delayAfter(n, delays, 0.5))).toEqual([1000, 2000, 4000, 5000, 5000]);
  });

  test("spreads", () => {
    expect(delayAfter(0, delays, 0)).toBe(500);
    expect(delayAfter(0, delays, 0.999)).toBeCloseTo(1499);
    expect(delayAfter(0, { ...delays, randomizationFactor: 0 }, 0)).toBe(1000);
  });

  test("0 means the default, as in the reference", () => {
    expect(delayAfter(3, { reconnectionDelay: 0, reconnectionDelayMax: 0, randomizationFactor: 0 }, 0)).toBe(
      5000,
    );
  });
});

describe("URLs", () => {
  afterEach(() => vi.unstubAllGlobals());

  test.each([
    ["http://a.example", "://a.example", "/", ""],
    ["https://a.example/", "s://a.example", "/", ""],
    ["http://a.example:80/x", "://a.example", "/x", ""],
    ["https://a.example:443", "s://a.example", "/", ""],
    ["https://a.example:80", "s://a.example:80", "/", ""],
    ["ws://a.example:3000/admin?x=1&y=2#z", "://a.example:3000", "/admin", "x=1&y=2"],
    ["WSS://A.example", "s://a.example", "/", ""],
    ["//a.example/é€", "s://a.example", "/é€", ""],
    ["a.example:3000/x", "s://a.example:3000", "/x", ""],
    ["localhost:3000", "s://localhost:3000", "/", ""],
    ["http://[::1]:3000/a", "://[::1]:3000", "/a", ""],
    ["http://user:secret@a.example/x", "://a.example", "/x", ""],
    ["http://a.example?x=/y", "://a.example", "/", "x=/y"],
  ])("%s", (uri, authority, path, query) => {
    expect(parse(uri)).toMatchObject({ authority, path, query });
  });

  test.each([undefined, "", "/admin", "http://", "https:///x"])("no host, and no page: %s", (uri) => {
    expect(() => parse(uri)).toThrow(TypeError);
  });

  test.each([
    [undefined, "s://page.example:8443", "/", ""],
    ["/admin?x=1", "s://page.example:8443", "/admin", "x=1"],
    ["//a.example", "s://a.example", "/", ""],
    ["a.example", "s://a.example", "/", ""],
    ["http://a.example", "://a.example", "/", ""],
  ])("on a page: %s", (uri, authority, path, query) => {
    vi.stubGlobal("location", { protocol: "https:", host: "page.example:8443" });
    expect(parse(uri)).toMatchObject({ authority, path, query });
  });
});
