import { afterEach, describe, expect, test, vi } from "vitest";
import { listen } from "../../src/listen.js";
import { settled } from "../support/clock.js";
import { Fixture } from "../support/sockets.js";

/** Errors that are reported as uncaught while `run` runs. */
async function uncaught(run: () => unknown): Promise<unknown[]> {
  const errors: unknown[] = [];
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => errors.push(error));
  await run();
  await new Promise((resolve) => setImmediate(resolve));
  process.removeAllListeners("uncaughtException");
  for (const other of others) process.on("uncaughtException", other);
  return errors;
}

describe("connecting", () => {
  test("says who it is, and hears who it is now", () => {
    const it = new Fixture({ auth: { token: "x" } });
    expect(it.socket.connected).toBe(false);
    expect(it.socket.disconnected).toBe(true);
    expect(it.socket.active).toBe(true);
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"token":"x"}']);
    it.receive('0{"sid":"id1"}');
    expect(it.socket.id).toBe("id1");
    expect(it.socket.connected).toBe(true);
    expect(it.log).toEqual([["connect"]]);
  });

  test("without anything to say", () => {
    const it = new Fixture({}, "/admin");
    it.server.handshake();
    expect(it.sent()).toEqual(["0/admin,"]);
  });

  test("auth that is asked for at each connection, and comes late", async () => {
    const callbacks: ((data: object) => void)[] = [];
    const it = new Fixture({ auth: (callback) => callbacks.push(callback) });
    it.server.handshake();
    expect(it.sent()).toEqual([]);
    it.server.lose();
    await it.clock.advance(10_000);
    it.server.handshake();
    callbacks[0]?.({ token: "old" });
    expect(it.sent()).toEqual([]);
    callbacks[1]?.({ token: "new" });
    callbacks[1]?.({ token: "again" });
    expect(it.sent()[0]).toBe('0{"token":"new"}');
    it.receive('0{"sid":"id1"}');
    callbacks[1]?.({ token: "late" });
    expect(it.sent()).toEqual(['0{"token":"again"}'].slice(1));
  });

  test("a server that refuses", async () => {
    const it = new Fixture();
    it.server.handshake();
    it.receive('4{"message":"no","data":{"code":7}}');
    expect(it.log).toEqual([
      ["connect_error", expect.objectContaining({ message: "no", data: { code: 7 } })],
    ]);
    expect(it.socket.active).toBe(false);
    await it.clock.advance(60_000);
    expect(it.log).toHaveLength(1);
    it.socket.auth = { token: "better" };
    it.socket.connect();
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"token":"better"}']);
    it.receive('4"just text"');
    expect(it.log.at(-1)).toEqual(["connect_error", new Error("just text")]);
  });

  test("a connection that cannot be made", async () => {
    const it = new Fixture();
    it.server.fail("no way");
    expect(it.log).toEqual([["connect_error", new Error("no way")]]);
    expect(it.socket.active).toBe(true);
    await it.clock.advance(1000);
    it.connect();
    expect(it.log.at(-1)).toEqual(["connect"]);
  });

  test("a server of the past", () => {
    const it = new Fixture();
    it.server.handshake();
    it.receive("0");
    expect(it.log).toEqual([["connect_error", new Error("no sid")]]);
  });

  test("not by itself", () => {
    const it = new Fixture({ autoConnect: false });
    expect(it.manager.engine).toBeUndefined();
    expect(it.socket.active).toBe(false);
    it.socket.emit("a");
    it.socket.open();
    it.server.handshake();
    it.sent();
    it.receive('0{"sid":"id1"}');
    expect(it.sent()).toEqual(['2["a"]']);
  });
});

describe("disconnecting", () => {
  test("by the client", async () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    const { server } = it;
    it.socket.close().disconnect();
    expect(server.sent).toEqual(["41"]);
    expect(server.isClosed).toBe(true);
    expect(it.log.slice(1)).toEqual([["disconnect", "io client disconnect", undefined]]);
    expect([it.socket.id, it.socket.active, it.socket.connected]).toEqual([undefined, false, false]);
    await it.clock.advance(60_000);
    expect(it.server).toBe(server);
    expect(it.clock.pending).toBe(0);
    it.socket.connect();
    it.connect({ sid: "id2" });
    expect(it.socket.id).toBe("id2");
  });

  test("by the server", async () => {
    const it = new Fixture();
    it.connect();
    it.receive("1");
    expect(it.log.slice(1)).toEqual([["disconnect", "io server disconnect", undefined]]);
    expect(it.socket.active).toBe(false);
    expect(it.clock.pending).toBe(0);
  });

  test("by a loss", async () => {
    const it = new Fixture();
    it.connect();
    it.server.lose();
    expect(it.log.slice(1)).toEqual([
      ["disconnect", "transport close", { description: "fake connection closed" }],
    ]);
    expect(it.socket.active).toBe(true);
  });

  test("in a handler of its own disconnection", async () => {
    const it = new Fixture();
    it.connect();
    it.socket.on("disconnect", () => it.socket.connect());
    it.server.lose();
    await it.clock.advance(0);
    const attempts = it.server;
    attempts.fail();
    await it.clock.advance(2000);
    expect(it.server).not.toBe(attempts);
    it.connect();
    it.server.lose();
    await it.clock.advance(2000);
    it.connect();
    expect(it.socket.connected).toBe(true);
  });
});

describe("events", () => {
  test("out", () => {
    const it = new Fixture({}, "/n");
    it.connect();
    it.receive('0/n,{"sid":"id1"}');
    it.sent();
    const outgoing: unknown[] = [];
    it.socket.onAnyOutgoing((...args) => outgoing.push(args));
    it.socket
      .emit("a", 1, { b: [null] })
      .send("hello")
      .emit("");
    expect(it.sent()).toEqual(['2/n,["a",1,{"b":[null]}]', '2/n,["message","hello"]', '2/n,[""]']);
    expect(outgoing).toEqual([["a", 1, { b: [null] }], ["message", "hello"], [""]]);
  });

  test("with binary values", () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    const view = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
    it.socket.emit("a", { b: [view] }, view.buffer, Buffer.from("x"));
    expect(it.sent()).toEqual([
      '53-["a",{"b":[{"_placeholder":true,"num":0}]},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]',
      view,
      view.buffer,
      Buffer.from("x"),
    ]);
  });

  test("what toJSON says", () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    const bytes = new Uint8Array([1]);
    it.socket.emit("a", { toJSON: () => ({ b: bytes }) }, { toJSON: "no function" }, new Date(0));
    expect(it.sent()).toEqual([
      '51-["a",{"b":{"_placeholder":true,"num":0}},{"toJSON":"no function"},"1970-01-01T00:00:00.000Z"]',
      bytes,
    ]);
  });

  test.each(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])(
    "the name %s is reserved",
    (name) => {
      const it = new Fixture();
      expect(() => it.socket.emit(name)).toThrow(`"${name}" is a reserved event name`);
    },
  );

  test("in", () => {
    const it = new Fixture();
    it.connect();
    const log: unknown[] = [];
    it.socket.on("a", (...args: unknown[]) => log.push(["a", ...args]));
    it.socket.onAny((...args) => log.push(["any", ...args]));
    it.socket.prependAny((...args) => log.push(["first", ...args]));
    it.receive('2["a",1]');
    it.receive("2[7,1]");
    expect(log).toEqual([
      ["first", "a", 1],
      ["any", "a", 1],
      ["a", 1],
      ["first", 7, 1],
      ["any", 7, 1],
    ]);
  });

  test("listeners of all events", () => {
    const { socket } = new Fixture();
    const [a, b, c] = [vi.fn(), vi.fn(), vi.fn()];
    expect(socket.onAny(a).onAny(b).prependAny(c).listenersAny()).toEqual([c, a, b]);
    expect(socket.offAny(a).offAny(vi.fn()).listenersAny()).toEqual([c, b]);
    expect(socket.offAny().listenersAny()).toEqual([]);
    expect(socket.onAnyOutgoing(a).onAnyOutgoing(b).prependAnyOutgoing(c).listenersAnyOutgoing()).toEqual([
      c,
      a,
      b,
    ]);
    expect(socket.offAnyOutgoing(b).listenersAnyOutgoing()).toEqual([c, a]);
    socket.off();
    expect(socket.offAnyOutgoing().listenersAnyOutgoing()).toEqual([]);
  });

  test("for a namespace that is not connected, or not known", () => {
    const it = new Fixture();
    it.connect();
    it.receive('2/other,["a"]');
    it.socket.disconnect();
    expect(it.log.at(-1)?.[0]).toBe("disconnect");
  });

  test("before the answer to CONNECT come with it", () => {
    const it = new Fixture();
    it.server.handshake();
    it.socket.on("a", (...args: unknown[]) => it.log.push(["a", ...args]));
    it.receive('2["a",1]');
    it.receive('2["a",2]');
    expect(it.log).toEqual([]);
    expect(it.socket.receiveBuffer).toEqual([
      ["a", 1],
      ["a", 2],
    ]);
    it.receive('0{"sid":"id1"}');
    expect(it.log).toEqual([["a", 1], ["a", 2], ["connect"]]);
    expect(it.socket.receiveBuffer).toEqual([]);
  });
});

describe("acknowledgements", () => {
  test("of the client's events", async () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    const fn = vi.fn();
    it.socket.emit("a", 1, fn);
    const promise = it.socket.emitWithAck("b");
    expect(it.sent()).toEqual(['20["a",1]', '21["b"]']);
    it.receive('31["B",2]');
    it.receive('30["A",1]');
    it.receive('30["again"]');
    it.receive("399[]");
    expect(fn.mock.calls).toEqual([["A", 1]]);
    expect(await promise).toBe("B");
  });

  test("of the server's events, once", () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    it.socket.on("a", (x: number, answer: (...args: unknown[]) => void) => {
      answer(x, new Uint8Array([1]));
      answer("again");
    });
    it.receive('212["a",5]');
    expect(it.sent()).toEqual(['61-12[5,{"_placeholder":true,"num":0}]', new Uint8Array([1])]);
  });

  test("of the server's events, not on another connection", async () => {
    const it = new Fixture();
    it.connect();
    let answer: (() => void) | undefined;
    it.socket.on("a", (fn: () => void) => {
      answer = fn;
    });
    it.receive('20["a"]');
    await it.reconnect();
    it.sent();
    answer?.();
    expect(it.sent()).toEqual([]);
  });

  test("that take too long", async () => {
    const it = new Fixture();
    it.connect();
    const fn = vi.fn();
    it.socket.timeout(1000).emit("a", fn);
    const promise = it.socket.timeout(500).emitWithAck("b");
    const rejection = expect(promise).rejects.toThrow("operation has timed out");
    await it.clock.advance(999);
    await rejection;
    expect(fn).not.toHaveBeenCalled();
    await it.clock.advance(1);
    expect(fn.mock.calls).toEqual([[new Error("operation has timed out")]]);
    it.receive("30[1]");
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test("in time, with a time limit", async () => {
    const it = new Fixture({ ackTimeout: 1000 });
    it.connect();
    const fn = vi.fn();
    it.socket.emit("a", fn);
    it.socket.emit("no acknowledgement wanted");
    it.receive('30["A",1]');
    expect(fn.mock.calls).toEqual([[null, "A", 1]]);
    await it.clock.advance(2000);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test("timeout is for the next event only", async () => {
    const it = new Fixture();
    it.connect();
    const fn = vi.fn();
    it.socket.timeout(10).emit("a");
    it.socket.emit("b", fn);
    await it.clock.advance(100);
    it.receive("30[1]");
    expect(fn.mock.calls).toEqual([[1]]);
  });

  test("an event whose time is over before it is sent is not sent", async () => {
    const it = new Fixture();
    const fn = vi.fn();
    it.socket.timeout(10).emit("a", fn);
    await it.clock.advance(10);
    expect(fn.mock.calls).toEqual([[new Error("operation has timed out")]]);
    it.server.handshake();
    it.sent();
    it.receive('0{"sid":"id1"}');
    expect(it.sent()).toEqual([]);
  });

  test("are settled when the connection is lost, unless the event waits", async () => {
    const it = new Fixture();
    it.connect();
    const plain = vi.fn();
    const lost = it.socket.emitWithAck("a");
    it.socket.emit("b", plain);
    const rejection = expect(lost).rejects.toThrow("socket has been disconnected");
    it.server.lose();
    await rejection;
    const kept = it.socket.emitWithAck("c");
    await it.clock.advance(10_000);
    it.connect({ sid: "id2" });
    expect(it.sent()).toEqual(["0", '22["c"]']);
    it.receive('31["no more"]');
    it.receive('32["C"]');
    expect(await kept).toBe("C");
    expect(plain).not.toHaveBeenCalled();
  });

  test("are settled when the client disconnects, and what waits for one is not sent any more", async () => {
    const it = new Fixture();
    const fn = vi.fn();
    const promise = it.socket.emitWithAck("a");
    it.socket.timeout(1e6).emit("b", fn);
    it.socket.emit("c");
    const rejection = expect(promise).rejects.toThrow("socket has been disconnected");
    it.socket.disconnect();
    await rejection;
    expect(fn.mock.calls).toEqual([[new Error("socket has been disconnected")]]);
    expect(it.clock.pending).toBe(0);
    it.socket.connect();
    it.connect();
    expect(it.sent()).toEqual(["0", '2["c"]']);
  });

  test("are settled when the manager gives up", async () => {
    const it = new Fixture({ reconnectionAttempts: 1 });
    const promise = it.socket.emitWithAck("a");
    const rejection = expect(promise).rejects.toThrow("socket has been disconnected");
    it.server.fail();
    await it.clock.advance(5000);
    it.server.fail();
    await rejection;
  });

  test("numbers go on over connections", async () => {
    const it = new Fixture();
    it.connect();
    it.socket.emit("a", vi.fn());
    await it.reconnect();
    it.sent();
    it.socket.emit("b", vi.fn());
    expect(it.sent()).toEqual(['21["b"]']);
  });
});

describe("without a connection", () => {
  test("events wait, and go in order before the connect event", async () => {
    const it = new Fixture();
    const outgoing: unknown[] = [];
    it.socket.onAnyOutgoing((...args) => outgoing.push(args));
    it.socket.emit("a").emit("b", 1);
    expect(outgoing).toEqual([]);
    it.socket.on("connect", () => it.socket.emit("c"));
    it.connect();
    expect(it.sent()).toEqual(["0", '2["a"]', '2["b",1]', '2["c"]']);
    expect(outgoing).toEqual([["a"], ["b", 1], ["c"]]);
    expect(it.socket.sendBuffer).toEqual([]);
  });

  test("volatile events are dropped, and whoever waits is told", async () => {
    const it = new Fixture();
    it.socket.volatile.emit("a");
    await expect(it.socket.volatile.emitWithAck("b")).rejects.toThrow("dropped");
    it.connect();
    expect(it.sent()).toEqual(["0"]);
    it.socket.volatile.emit("c");
    expect(it.sent()).toEqual(['2["c"]']);
    it.server.writable = false;
    it.socket.volatile.emit("d").emit("e");
    it.server.drain();
    expect(it.sent()).toEqual(['2["e"]']);
  });

  test("a volatile event waits for the namespace where the engine is open", () => {
    const it = new Fixture();
    it.server.handshake();
    it.socket.volatile.emit("a");
    it.receive('0{"sid":"id1"}');
    expect(it.sent()).toEqual(["0", '2["a"]']);
  });

  test("the application may empty the buffer", () => {
    const it = new Fixture();
    it.socket.emit("a").emit("b");
    it.socket.sendBuffer = [];
    it.connect();
    expect(it.sent()).toEqual(["0"]);
  });

  test("a server that is silent for too long: events wait for the next connection", async () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    const { server } = it;
    it.clock.time += 45_001;
    it.socket.emit("a");
    expect(server.sent).toEqual([]);
    await settled();
    expect(it.log.at(-1)).toEqual(["disconnect", "ping timeout", undefined]);
    await it.clock.advance(2000);
    it.connect();
    expect(it.sent()).toEqual(["0", '2["a"]']);
  });
});

describe("limits", () => {
  test("buffer full", async () => {
    const it = new Fixture({ bufferLimit: 2 });
    it.socket.emit("a").emit("b");
    expect(() => it.socket.emit("c")).toThrow(expect.objectContaining({ name: "BufferFullError", limit: 2 }));
    await expect(it.socket.emitWithAck("d")).rejects.toThrow("buffer full");
    const fn = vi.fn();
    it.socket.timeout(1000).emit("e", fn);
    expect(fn.mock.calls).toEqual([[expect.objectContaining({ name: "BufferFullError" })]]);
    it.connect();
    expect(it.sent()).toEqual(["0", '2["a"]', '2["b"]']);
    it.socket.emit("f");
    expect(it.sent()).toEqual(['2["f"]']);
  });

  test("drop-oldest", async () => {
    const it = new Fixture({ bufferLimit: 2, bufferOverflow: "drop-oldest" });
    const promise = it.socket.emitWithAck("a");
    const rejection = expect(promise).rejects.toThrow("buffer full");
    it.socket.emit("b").emit("c").emit("d");
    await rejection;
    it.connect();
    expect(it.sent()).toEqual(["0", '2["c"]', '2["d"]']);
  });

  test("drop-newest", async () => {
    const it = new Fixture({ bufferLimit: 2, bufferOverflow: "drop-newest" });
    it.socket.emit("a").emit("b").emit("c");
    await expect(it.socket.emitWithAck("d")).rejects.toThrow("buffer full");
    it.connect();
    expect(it.sent()).toEqual(["0", '2["a"]', '2["b"]']);
  });

  test("an event that is larger than the server takes", async () => {
    const it = new Fixture();
    it.connect();
    it.sent();
    const large = "x".repeat(1000);
    const tooLarge = expect.objectContaining({ name: "PayloadTooLargeError", maxPayload: 1000 });
    expect(() => it.socket.emit("a", large)).toThrow(tooLarge);
    await expect(it.socket.emitWithAck("a", large)).rejects.toEqual(tooLarge);
    expect(() => it.socket.emit("a", new Uint8Array(1), new Uint8Array(1001))).toThrow(tooLarge);
    expect(it.sent()).toEqual([]);
    it.socket.emit("a", new Uint8Array(1000));
    expect(it.sent()).toHaveLength(2);
    expect(it.socket.connected).toBe(true);
  });

  test("an event that cannot be sent when its turn comes", async () => {
    const it = new Fixture();
    const promise = it.socket.emitWithAck("a", 1n);
    const rejection = expect(promise).rejects.toThrow(TypeError);
    it.socket.emit("b", "x".repeat(1000)).emit("c");
    const errors = await uncaught(() => it.connect());
    await rejection;
    expect(errors).toEqual([expect.objectContaining({ name: "PayloadTooLargeError" })]);
    expect(it.sent()).toEqual(["0", '2["c"]']);
    expect(() => it.socket.emit("d", 1n)).toThrow(TypeError);
  });
});

describe("recovery", () => {
  test("from the first packet, and from the last", async () => {
    const it = new Fixture();
    it.connect({ sid: "id1", pid: "p1" });
    expect(it.socket.recovered).toBe(false);
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"pid":"p1"}']);
    it.receive('0{"sid":"id1","pid":"p1"}');
    expect(it.socket.recovered).toBe(true);
    it.receive('2["a",1,"abcd-7"]');
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"pid":"p1","offset":"abcd-7"}']);
  });

  test("auth comes along, and goes first", async () => {
    const it = new Fixture({ auth: { token: "x", offset: "mine" } });
    it.connect({ sid: "id1", pid: "p1" });
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"pid":"p1","offset":"mine","token":"x"}']);
  });

  test("texts at the end of events are no offsets", async () => {
    const it = new Fixture();
    it.connect({ sid: "id1", pid: "p1" });
    it.receive('2["a","abcd-7"]');
    it.receive('2["volatile","hello"]');
    it.receive('2["volatile"]');
    it.receive('20["with an acknowledgement","xxxx-1"]');
    expect(it.socket._lastOffset).toBe("abcd-7");
    it.receive('2["a","abcd-8"]');
    expect(it.socket._lastOffset).toBe("abcd-8");
  });

  test("offsets that look like Arcwire's by chance", async () => {
    const it = new Fixture();
    it.connect({ sid: "id1", pid: "p1" });
    for (const offset of ["Q8A_-12", "Q8AhdU2", "Q8A_-13"]) {
      it.receive(`2["a","${offset}"]`);
      expect(it.socket._lastOffset).toBe(offset);
    }
  });

  test("numbers of any length are followed, of one server", async () => {
    const it = new Fixture();
    it.connect({ sid: "id1", pid: "p1" });
    for (const number of [9, 10, 99, 100, 1000]) {
      it.receive(`2["a","abcd-${number}"]`);
      it.receive('2["volatile","text"]');
      it.receive('2["volatile","wxyz-1"]');
      expect(it.socket._lastOffset).toBe(`abcd-${number}`);
    }
    await it.reconnect({ sid: "id2", pid: "p2" });
    it.receive('2["a","wxyz-100"]');
    expect(it.socket._lastOffset).toBe("wxyz-100");
  });

  test("events that came before an answer that did not come are not doubled", async () => {
    const it = new Fixture();
    const heard: unknown[] = [];
    it.socket.on("a", (n: number) => heard.push(n));
    it.connect({ sid: "id1", pid: "p1" });
    it.receive('2["a",0,"abcd-100"]');
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    it.receive('2["a",1,"abcd-101"]');
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"pid":"p1","offset":"abcd-100"}']);
    it.receive('2["a",1,"abcd-101"]');
    it.receive('0{"sid":"id1","pid":"p1"}');
    expect(heard).toEqual([0, 1]);
  });

  test("offsets of others", async () => {
    const it = new Fixture();
    it.connect({ sid: "id1", pid: "p1" });
    it.receive('2["a","Q8AhdU2"]');
    expect(it.socket._lastOffset).toBe("Q8AhdU2");
    it.receive('2["a","Q8AhdU3.1"]');
    expect(it.socket._lastOffset).toBe("Q8AhdU3.1");
  });

  test("a session that is gone takes its offset along", async () => {
    const it = new Fixture();
    it.connect({ sid: "id1", pid: "p1" });
    it.receive('2["a","abcd-7"]');
    await it.reconnect({ sid: "id2", pid: "p2" });
    expect(it.socket.recovered).toBe(false);
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(it.sent()).toEqual(['0{"pid":"p2"}']);
  });

  test("without the server's doing nothing is kept", async () => {
    const it = new Fixture();
    it.connect();
    it.receive('2["a","abcd-7"]');
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(it.sent()).toEqual(["0"]);
    expect(it.socket.recovered).toBe(false);
  });
});

describe("listen", () => {
  test("ends what it began, and nothing else", () => {
    const { socket } = new Fixture();
    const [mine, other] = [vi.fn(), vi.fn()];
    socket.on("a", other);
    const end = listen(socket, { a: mine, connect: mine });
    expect(socket.listeners("a")).toEqual([other, mine]);
    end();
    end();
    expect(socket.listeners("a")).toEqual([other]);
  });

  test("with an owner events are handled once, however often it is called", async () => {
    const it = new Fixture();
    const fn = vi.fn();
    it.socket.on("connect", () => listen(it.socket, { a: (x: number) => fn(x) }, "page"));
    it.connect();
    await it.reconnect();
    await it.reconnect();
    const end = listen(it.socket, { a: vi.fn() }, "another owner");
    it.receive('2["a",1]');
    expect(fn.mock.calls).toEqual([[1]]);
    end();
    expect(it.socket.listeners("a")).toHaveLength(1);
  });
});

afterEach(() => vi.unstubAllGlobals());
