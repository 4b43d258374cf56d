import { expect, test, vi } from "vitest";
import { listen } from "../src/listen.js";
import { Fixture } from "./support/sockets.js";

test("an event without a listener is passed over, and keeps those of others", () => {
  const { socket } = new Fixture();
  const [mine, other] = [vi.fn(), vi.fn()];
  socket.on("a", other);
  const end = listen(socket, { a: undefined, b: mine });
  expect(socket.listeners("a")).toEqual([other]);
  expect(socket.listeners("b")).toEqual([mine]);
  end();
  expect(socket.listeners("a")).toEqual([other]);
  expect(socket.listeners("b")).toEqual([]);
});

test("an end that is called again leaves what was registered since", () => {
  const { socket } = new Fixture();
  const fn = vi.fn();
  const end = listen(socket, { a: fn });
  end();
  socket.on("a", fn);
  end();
  expect(socket.listeners("a")).toEqual([fn]);
});

test("an old end leaves what its owner registered later, with the same function", () => {
  const { socket } = new Fixture();
  const fn = vi.fn();
  const old = listen(socket, { a: fn }, "page");
  const end = listen(socket, { a: fn }, "page");
  old();
  expect(socket.listeners("a")).toEqual([fn]);
  // The owner is still known: what it has is replaced, not doubled.
  const last = listen(socket, { a: fn }, "page");
  end();
  expect(socket.listeners("a")).toEqual([fn]);
  last();
  expect(socket.listeners("a")).toEqual([]);
});

test("an owner that has ended is not kept", () => {
  const { socket } = new Fixture();
  const set = vi.spyOn(Map.prototype, "set");
  try {
    const owner = {};
    const end = listen(socket, { a: vi.fn() }, owner);
    const kept = set.mock.contexts[set.mock.calls.findIndex(([key]) => key === owner)] as Map<
      unknown,
      unknown
    >;
    expect(kept.has(owner)).toBe(true);
    end();
    expect(kept.has(owner)).toBe(false);
  } finally {
    set.mockRestore();
  }
});
