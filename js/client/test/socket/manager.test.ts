import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connect, Fetch, io, Manager, protocol, Socket, WebSocket, XHR } from "../../src/index.js";
import * as msgpack from "../../src/socket/msgpack_parser.js";
import { FakeClock, settled } from "../support/clock.js";
import { Fixture, type Options } from "../support/sockets.js";
import { FakeTransport } from "../support/transport.js";

const EVENTS =
  "open error ping packet close reconnect_failed reconnect_attempt reconnect_error reconnect".split(" ");

/** What a manager said, from now on. */
function logOf({ manager }: Fixture): unknown[][] {
  const log: unknown[][] = [];
  for (const event of EVENTS)
    manager.on(event as never, ((...args: unknown[]) => log.push([event, ...args])) as never);
  return log;
}

describe("reconnection", () => {
  test("after a loss, with the events in their order", async () => {
    const it = new Fixture();
    it.connect();
    const log = logOf(it);
    const { server } = it;
    server.lose();
    expect(log).toEqual([["close", "transport close", { description: "fake connection closed" }]]);
    await it.clock.advance(999);
    expect(it.server).toBe(server);
    await it.clock.advance(1);
    expect(it.server).not.toBe(server);
    it.server.fail("still away");
    await it.clock.advance(2000);
    it.server.handshake();
    expect(log.slice(1)).toEqual([
      ["reconnect_attempt", 1],
      ["error", new Error("still away")],
      ["reconnect_error", new Error("still away")],
      ["reconnect_attempt", 2],
      ["open"],
      ["reconnect", 2],
    ]);
    it.server.lose();
    await it.clock.advance(1000);
    expect(log.at(-1)).toEqual(["reconnect_attempt", 1]);
  });

  test("delays grow, up to a limit, and spread by chance", async () => {
    const it = new Fixture({ reconnectionDelay: 100, reconnectionDelayMax: 500, randomizationFactor: 0.2 });
    it.clock.chance = 1;
    const times: number[] = [];
    it.manager.on("reconnect_attempt", () => times.push(it.clock.time));
    const start = it.clock.time;
    for (let i = 0; i < 5; i++) {
      it.server.fail();
      await it.clock.advance(500);
    }
    expect(times[0]).toBe(start + 120);
    expect(times[1]).toBe(start + 500 + 240);
    expect(times[4]).toBe(start + 2000 + 500);
  });

  test("of the first attempt, too", async () => {
    const it = new Fixture();
    it.server.fail();
    await it.clock.advance(1000);
    it.connect();
    expect(it.log.map(([name]) => name)).toEqual(["connect_error", "connect"]);
  });

  test("a limited number of times", async () => {
    const it = new Fixture({ reconnectionAttempts: 2, reconnectionDelay: 10 });
    const log = logOf(it);
    it.server.fail();
    for (let i = 0; i < 3; i++) {
      await it.clock.advance(100);
      if (!it.server.isClosed) it.server.fail();
    }
    expect(log.filter(([name]) => name === "reconnect_attempt")).toHaveLength(2);
    expect(log.filter(([name]) => name === "reconnect_failed")).toHaveLength(1);
    expect(it.clock.pending).toBe(0);
    it.socket.connect();
    it.connect();
    expect(it.socket.connected).toBe(true);
  });

  test("not where it is switched off", async () => {
    const it = new Fixture({ reconnection: false });
    it.server.fail();
    expect(it.clock.pending).toBe(0);
    it.socket.connect();
    it.connect();
    it.server.lose();
    expect(it.clock.pending).toBe(0);
  });

  test("not after a disconnection while it waits, or within a handler of the attempt", async () => {
    const it = new Fixture();
    it.connect();
    it.server.lose();
    it.socket.disconnect();
    await it.clock.advance(60_000);
    expect(FakeTransport.made).toHaveLength(1);
    const other = new Fixture();
    other.manager.on("reconnect_attempt", () => other.socket.disconnect());
    other.server.fail();
    await other.clock.advance(60_000);
    expect(FakeTransport.made).toHaveLength(2);
    expect(other.clock.pending).toBe(0);
  });

  test("settings may be changed, and the address and options between attempts", async () => {
    const it = new Fixture();
    const { manager } = it;
    expect([manager.reconnection(), manager.reconnectionAttempts(), manager.reconnectionDelay()]).toEqual([
      true,
      Number.POSITIVE_INFINITY,
      1000,
    ]);
    expect([manager.reconnectionDelayMax(), manager.randomizationFactor(), manager.timeout()]).toEqual([
      5000, 0.5, 20_000,
    ]);
    expect(manager.reconnectionDelay(50).reconnectionDelayMax(60).randomizationFactor(0)).toBe(manager);
    manager.uri = "https://elsewhere.example";
    manager.opts.query = { token: "new" };
    it.server.fail();
    await it.clock.advance(50);
    expect(it.server.address().href).toBe(
      "wss://elsewhere.example/socket.io/?token=new&EIO=4&transport=fake&arcwire=batch",
    );
    manager.reconnection(false);
    it.server.fail();
    expect(it.clock.pending).toBe(0);
  });
});

describe("opening", () => {
  test("an attempt that takes too long", async () => {
    const it = new Fixture({ timeout: 500 });
    const { server } = it;
    await it.clock.advance(500);
    expect(it.log).toEqual([["connect_error", new Error("timeout")]]);
    expect(server.isClosed).toBe(true);
    await it.clock.advance(1000);
    server.handshake();
    expect(it.socket.connected).toBe(false);
    it.connect();
    await it.clock.advance(1000);
    expect(it.socket.connected).toBe(true);
  });

  test("no time limit", async () => {
    const it = new Fixture({ timeout: false });
    await it.clock.advance(1e6);
    it.connect();
    expect(it.socket.connected).toBe(true);
  });

  test("a transport that closes before the handshake is a failure", async () => {
    const it = new Fixture();
    it.server.lose();
    expect(it.log).toEqual([
      [
        "connect_error",
        expect.objectContaining({ message: "transport close", description: expect.anything() }),
      ],
    ]);
    await it.clock.advance(1000);
    it.connect();
    expect(it.socket.connected).toBe(true);
  });

  test("by hand, with a callback, which replaces the reconnection", async () => {
    const it = new Fixture({ autoConnect: false });
    const done = vi.fn();
    it.manager.open(done).connect(done);
    it.server.fail("no");
    expect(done.mock.calls).toEqual([[new Error("no")]]);
    expect(it.clock.pending).toBe(0);
    const again = vi.fn();
    it.manager.connect(again);
    it.server.handshake();
    expect(again.mock.calls).toEqual([[]]);
  });

  test("by hand while the next attempt is waited for", async () => {
    const it = new Fixture();
    const log = logOf(it);
    it.server.fail();
    it.manager.open();
    it.server.handshake();
    expect(log.slice(1)).toEqual([["open"], ["reconnect", 1]]);
    await it.clock.advance(10_000);
    expect(FakeTransport.made).toHaveLength(2);
  });
});

describe("a connection", () => {
  test("is shared by namespaces, and closed after the last", () => {
    const it = new Fixture();
    const other = it.manager.socket("/other");
    expect(it.manager.socket("/other")).toBe(other);
    it.connect();
    expect(it.sent()).toEqual(["0", "0/other,"]);
    it.receive('0/other,{"sid":"id2"}');
    expect([it.socket.id, other.id]).toEqual(["id1", "id2"]);
    const log: unknown[] = [];
    it.socket.on("a", () => log.push("root"));
    other.on("a", () => log.push("other"));
    it.receive('2/other,["a"]');
    it.receive('2["a"]');
    expect(log).toEqual(["other", "root"]);
    it.socket.disconnect();
    expect(it.server.isClosed).toBe(false);
    const late = it.manager.socket("/late");
    expect(it.sent()).toEqual(["1", "0/late,"]);
    late.disconnect();
    other.disconnect();
    expect(it.server.isClosed).toBe(true);
    it.manager.socket("/other");
    expect(other.active).toBe(true);
  });

  test("tells of packets and pings", () => {
    const it = new Fixture();
    it.connect();
    const log = logOf(it);
    it.receive('2["a"]');
    it.server.receive("2");
    expect(log).toEqual([["packet", { type: 2, nsp: "/", data: ["a"] }], ["ping"]]);
  });

  test.each([
    ["no packet", ["9"]],
    ["an event without name", ["2[]"]],
    ["text where an attachment is due", ['51-["a",{"_placeholder":true,"num":0}]', '2["b"]']],
  ])("that brings %s is closed, and made again", async (_name, messages) => {
    const it = new Fixture();
    it.connect();
    const log = logOf(it);
    const { server } = it;
    for (const message of messages) it.receive(message);
    expect(log.at(-1)).toEqual(["close", "parse error", expect.any(Error)]);
    expect(it.log.at(-1)).toEqual(["disconnect", "parse error", expect.any(Error)]);
    expect(server.isClosed).toBe(true);
    await it.clock.advance(1000);
    it.connect();
    const fn = vi.fn();
    it.socket.on("b", fn);
    it.receive('2["b"]');
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test("with another parser", () => {
    const it = new Fixture({ parser: msgpack } as Options);
    it.server.handshake();
    expect(it.sent()).toEqual([new msgpack.Encoder().encode({ type: 0, nsp: "/" })[0]]);
    const [answer] = new msgpack.Encoder().encode({ type: 0, nsp: "/", data: { sid: "id1" } });
    it.server.receive((answer as Uint8Array).buffer as ArrayBuffer);
    expect(it.socket.id).toBe("id1");
  });

  test("with a parser whose packets come later, and that knows attachments", async () => {
    const listeners: ((packet: unknown) => void)[] = [];
    class Decoder {
      on(_event: string, listener: (packet: unknown) => void) {
        listeners.push(listener);
      }
      add(text: string) {
        queueMicrotask(() => listeners[0]?.(JSON.parse(text)));
      }
      destroy() {}
    }
    const encode = (packet: object) => [JSON.stringify(packet)];
    class Encoder {
      encode = encode;
    }
    const it = new Fixture({ parser: { Encoder, Decoder } } as Options);
    it.server.handshake();
    it.receive('{"type":0,"nsp":"/","data":{"sid":"id1"}}');
    await settled();
    it.sent();
    it.socket.emit("a", vi.fn());
    expect(it.sent()).toEqual(['{"type":2,"nsp":"/","id":0,"data":["a"]}']);
  });
});

describe("the page", () => {
  let page: EventTarget;

  beforeEach(() => {
    page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  });
  afterEach(() => vi.unstubAllGlobals());

  test.each(["online", "visibilitychange", "pageshow"])("%s: connects at once", async (type) => {
    const it = new Fixture();
    it.connect();
    it.server.lose();
    page.dispatchEvent(new Event(type));
    await settled();
    expect(FakeTransport.made).toHaveLength(2);
    it.connect();
    expect(it.socket.connected).toBe(true);
    page.dispatchEvent(new Event(type));
    await it.clock.advance(20_000);
    expect(FakeTransport.made).toHaveLength(2);
  });

  test("a page that is hidden waits", async () => {
    vi.stubGlobal("document", { hidden: true });
    const it = new Fixture();
    it.server.fail();
    page.dispatchEvent(new Event("visibilitychange"));
    await settled();
    expect(FakeTransport.made).toHaveLength(1);
  });

  test("after a sleep the connection is known to be dead, and made again at once", async () => {
    const it = new Fixture();
    it.connect();
    it.clock.time += 100_000;
    page.dispatchEvent(new Event("visibilitychange"));
    await settled();
    expect(it.log.at(-1)).toEqual(["disconnect", "ping timeout", undefined]);
    expect(FakeTransport.made).toHaveLength(2);
  });

  test("offline and online", async () => {
    const it = new Fixture();
    it.connect();
    page.dispatchEvent(new Event("offline"));
    expect(it.log.at(-1)).toEqual([
      "disconnect",
      "transport close",
      { description: "network connection lost" },
    ]);
    page.dispatchEvent(new Event("online"));
    await settled();
    it.connect();
    expect(it.socket.connected).toBe(true);
  });

  test("a page that is kept for the way back lets its connection go, and has it again", async () => {
    const it = new Fixture();
    it.connect();
    page.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: false }));
    expect(it.server.isClosed).toBe(false);
    page.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: true }));
    expect(it.server.isClosed).toBe(true);
    page.dispatchEvent(new Event("pageshow"));
    await settled();
    it.connect();
    expect(it.socket.connected).toBe(true);
  });

  test("is listened to once for all connections, and left alone when there is none", () => {
    const listeners = new Map<string, Set<unknown>>();
    vi.stubGlobal("addEventListener", (type: string, listener: unknown) =>
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listener)),
    );
    vi.stubGlobal("removeEventListener", (type: string, listener: unknown) =>
      listeners.get(type)?.delete(listener),
    );
    const sizes = () => [...listeners.values()].map(({ size }) => size);
    const one = new Fixture();
    one.connect();
    const other = new Fixture();
    other.connect();
    expect([...listeners.keys()].sort()).toEqual(
      "beforeunload offline online pagehide pageshow visibilitychange".split(" "),
    );
    expect(sizes()).toEqual([1, 1, 1, 1, 1, 1]);
    one.socket.disconnect();
    expect(sizes()).toEqual([1, 1, 1, 1, 1, 1]);
    other.socket.disconnect();
    expect(sizes()).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("a connection that is made when another one ends with the network is not ended", () => {
    const it = new Fixture({ reconnection: false });
    it.connect();
    it.socket.once("disconnect", () => it.manager.open());
    page.dispatchEvent(new Event("offline"));
    expect(FakeTransport.made.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });
});

describe("io", () => {
  const clock = new FakeClock();
  const opts = { transports: [FakeTransport], clock } as unknown as Options;

  test("shares connections between namespaces of a server", () => {
    const [a, b] = [io("http://one.example/a", opts), io("http://one.example:80/b?x=1", opts)];
    expect(a.nsp).toBe("/a");
    expect(b.nsp).toBe("/b");
    expect(a.io).toBe(b.io);
    expect(FakeTransport.made).toHaveLength(1);
    expect(io("http://one.example/a", opts).io).not.toBe(a.io);
    for (const other of [
      io("https://one.example/c", opts),
      io("http://one.example:81/c", opts),
      io("http://one.example/c", { ...opts, path: "/other" }),
      io("http://one.example/c", { ...opts, forceNew: true }),
      io("http://one.example/d", { ...opts, multiplex: false }),
    ]) {
      expect(other.io).not.toBe(a.io);
    }
  });

  test("takes the query of the address, unless there is one", () => {
    io("http://two.example/a?x=1", opts);
    expect(FakeTransport.last.address().search).toBe("?x=1&EIO=4&transport=fake&arcwire=batch");
    io("http://three.example/a?x=1", { ...opts, query: { y: 2 } });
    expect(FakeTransport.last.address().search).toBe("?y=2&EIO=4&transport=fake&arcwire=batch");
  });

  test("takes the page's own server", () => {
    vi.stubGlobal("location", { protocol: "https:", host: "page.example" });
    const socket = io(opts);
    expect(FakeTransport.last.address().href).toBe(
      "wss://page.example/socket.io/?EIO=4&transport=fake&arcwire=batch",
    );
    expect(socket.nsp).toBe("/");
    expect(io("/admin", opts).io).toBe(socket.io);
    vi.unstubAllGlobals();
  });

  test("what else there is", () => {
    expect(connect).toBe(io);
    expect(protocol).toBe(5);
    expect(XHR).toBe(Fetch);
    expect(WebSocket.prototype.name).toBe("websocket");
    const manager = new Manager("http://four.example", { ...opts, autoConnect: false });
    expect(manager.socket("/")).toBeInstanceOf(Socket);
    expect(manager.socket("/", {}).connected).toBe(false);
    const bare = new Manager({ ...opts, autoConnect: false });
    expect(() => bare.open()).toThrow(TypeError);
  });
});

describe("handlers that come back", () => {
  test("connect() in a handler of the error is no way around the delay", async () => {
    const it = new Fixture();
    it.socket.on("connect_error", () => it.socket.connect());
    for (let attempt = 1; attempt < 4; attempt++) {
      it.server.fail();
      await settled();
      expect(FakeTransport.made).toHaveLength(attempt);
      await it.clock.advance(8000);
      expect(FakeTransport.made).toHaveLength(attempt + 1);
    }
  });

  test("a namespace is asked for once, however often and wherever one connects", () => {
    const it = new Fixture({ autoConnect: false });
    it.manager.on("open", () => it.socket.connect());
    it.manager.open();
    it.server.handshake();
    it.socket.connect();
    expect(it.sent()).toEqual(["0"]);
  });

  test("a callback of open() that throws does not end the reconnection", async () => {
    const uncaught = vi.fn();
    process.once("uncaughtException", uncaught);
    const it = new Fixture();
    it.connect();
    it.server.lose();
    it.manager.open(() => {
      throw new Error("of a callback");
    });
    it.connect();
    await vi.waitFor(() => expect(uncaught).toHaveBeenCalled());
    it.server.lose();
    await it.clock.advance(10_000);
    expect(FakeTransport.made).toHaveLength(3);
  });

  test("who waits is told when nothing will be tried, unless a handler tries", async () => {
    const it = new Fixture({ reconnection: false });
    const told = vi.fn();
    it.socket.timeout(1e6).emit("a", told);
    it.socket.once("connect_error", () => it.socket.connect());
    it.server.fail();
    expect(told).not.toHaveBeenCalled();
    it.server.fail();
    expect(told).toHaveBeenCalledTimes(1);
    const other = new Fixture();
    const promise = other.socket.emitWithAck("a");
    other.server.fail();
    other.manager.reconnection(false);
    await Promise.all([expect(promise).rejects.toThrow("disconnected"), other.clock.advance(5000)]);
  });

  test("what is emitted while a connection is lost, or left, waits for the next", async () => {
    const it = new Fixture();
    const other = it.manager.socket("/other");
    it.connect();
    it.receive('0/other,{"sid":"id2"}');
    it.socket.once("disconnect", () => other.emit("note"));
    it.server.lose();
    expect(other.sendBuffer).toHaveLength(1);
    const left = new Fixture();
    left.connect();
    const told = vi.fn();
    left.socket.once("disconnect", () => left.socket.connect().timeout(1e6).emit("a", told));
    left.socket.disconnect();
    expect(told).not.toHaveBeenCalled();
  });

  test("disconnect() ends where a callback emits again", () => {
    const it = new Fixture({ autoConnect: false });
    let calls = 0;
    const send = () => {
      if (++calls < 1000) it.socket.timeout(50).emit("a", send);
    };
    it.socket.timeout(50).emit("a", send);
    it.socket.disconnect();
    expect(calls).toBe(1);
  });

  test("what cannot be encoded keeps neither namespaces nor later events back", async () => {
    const uncaught: Error[] = [];
    const note = (error: Error) => uncaught.push(error);
    process.on("uncaughtException", note);
    const it = new Fixture({ retries: 1, retryWindow: 1, auth: { n: 1n } });
    const other = it.manager.socket("/other", { retries: 1, retryWindow: 1 });
    other.emit("bad", 1n);
    other.emit("good");
    it.server.handshake();
    expect(it.sent()).toEqual([expect.stringMatching(/^0\/other,/)]);
    it.receive('0/other,{"sid":"id2"}');
    expect(it.sent()).toEqual(['2/other,1["good"]']);
    await vi.waitFor(() => expect(uncaught).toHaveLength(2));
    process.off("uncaughtException", note);
  });
});
