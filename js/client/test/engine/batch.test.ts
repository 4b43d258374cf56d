import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeBatches } from "../../src/engine/batch.js";
import type { EngineOptions } from "../../src/engine/options.js";
import type { Packet } from "../../src/engine/packet.js";
import { anyOf, only } from "../../src/engine/routes.js";
import { Session } from "../../src/engine/session.js";
import { WebSocketTransport } from "../../src/engine/websocket.js";
import { Manager } from "../../src/socket/manager.js";
import { Decoder, Encoder } from "../../src/socket/parser.js";
import { ReliableSocket } from "../../src/socket/reliable.js";
import type { Socket } from "../../src/socket/socket.js";
import { FakeClock, settled } from "../support/clock.js";
import { FakeTransport, HANDSHAKE } from "../support/transport.js";

class FakeSocket {
  static last: FakeSocket;
  binaryType = "";
  readyState = 1;
  sent: unknown[] = [];
  isClosed = false;
  onopen?: () => void;
  onmessage?: (event: { data: unknown }) => void;
  onclose?: (event: unknown) => void;

  constructor() {
    FakeSocket.last = this;
  }
  send(data: unknown) {
    this.sent.push(data);
  }
  close() {
    this.isClosed = true;
  }
  receive(data: unknown) {
    this.onmessage?.({ data });
  }
}

class Transport extends WebSocketTransport {
  override createSocket() {
    return new FakeSocket() as unknown as WebSocket;
  }
}

let log: unknown[][];

beforeEach(() => {
  log = [];
  vi.stubGlobal("location", {}); // a page
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function observe(session: Session): Session {
  for (const event of ["open", "message", "error", "close", "flush", "drain"]) {
    session.on(event as never, ((...args: unknown[]) => log.push([event, ...args])) as never);
  }
  return session;
}

/** An open session; `handshake` is what its server says beside the usual. */
function open(handshake: object = { arcwire: "batch" }, opts: EngineOptions = {}): Session {
  const session = observe(
    new Session("https://a.example", { clock: new FakeClock(), ...opts }, only(Transport)),
  );
  FakeSocket.last.onopen?.();
  FakeSocket.last.receive(`0${JSON.stringify({ ...HANDSHAKE, maxPayload: 1_000_000, ...handshake })}`);
  log = [];
  return session;
}

const sent = () => FakeSocket.last.sent.splice(0);
const names = () => log.map(([name]) => name);
const messages = () => log.filter(([name]) => name === "message").map(([, data]) => data);

test("outside of a page two of one task go before the others, and batches are read", async () => {
  vi.stubGlobal("location", undefined);
  const session = open();
  session.on("flush", () => log.length < 3 && session.send("of a listener"));
  session.send("a");
  expect(sent()).toEqual([]);
  session.send("b");
  expect(sent()).toEqual(["\x1e4a\x1e4b"]);
  session.send("c").send("d");
  expect(sent()).toEqual([]);
  await settled();
  expect(sent()).toEqual(["\x1e4of a listener\x1e4c\x1e4d"]);
  expect(session.writeBuffer).toEqual([]);
  session.send("alone");
  await settled();
  expect(sent()).toEqual(["4alone"]);
  log = [];
  FakeSocket.last.receive("\x1e4c\x1e4d");
  expect(messages()).toEqual(["c", "d"]);
  session.send("e").send("f").send("g").close();
  expect(sent()).toEqual(["\x1e4e\x1e4f", "4g"]);
});

describe("sending", () => {
  test("what one task sends leaves together, at its end", async () => {
    const it = open();
    it.send("a").send("b");
    it.send("c");
    expect(sent()).toEqual([]);
    expect(it.writeBuffer.map(({ data }) => data)).toEqual(["a", "b", "c"]);
    expect(it.transport.writable).toBe(true);
    await settled();
    expect(sent()).toEqual(["\x1e4a\x1e4b\x1e4c"]);
    expect(it.writeBuffer).toEqual([]);
    expect(names().sort()).toEqual(["drain", "flush"]);
    it.send("d");
    await settled();
    expect(sent()).toEqual(["4d"]);
  });

  test("`sent` is called when it is handed over", async () => {
    const it = open();
    const done = vi.fn(() => expect(FakeSocket.last.sent).toHaveLength(1));
    it.send("a", {}, done).send("b");
    expect(done).not.toHaveBeenCalled();
    await settled();
    expect(done).toHaveBeenCalledTimes(1);
  });

  test.each([{}, { arcwire: "more" }])("a server that has not agreed: %j", async (handshake) => {
    const it = open(handshake);
    it.send("a").send("b");
    expect(sent()).toEqual(["4a", "4b"]);
    FakeSocket.last.receive("\x1e4a\x1e4b");
    expect(names().slice(-2)).toEqual(["error", "close"]);
    expect(messages()).toEqual([]);
  });

  test("binary data in its place", async () => {
    const it = open();
    const bytes = new Uint8Array([0x1e, 0x34]);
    for (const data of ["a", "b", bytes, "c", bytes.buffer, bytes, "d", "e"]) it.send(data);
    await settled();
    expect(sent()).toEqual(["\x1e4a\x1e4b", bytes, "4c", bytes.buffer, bytes, "\x1e4d\x1e4e"]);
  });

  test("text with the separator in it goes alone", async () => {
    const it = open();
    for (const data of ["a", "b", "\x1e", "c", "d"]) it.send(data);
    await settled();
    expect(sent()).toEqual(["\x1e4a\x1e4b", "4\x1e", "\x1e4c\x1e4d"]);
  });

  test.each([
    ["64 KiB", 1_000_000, 65_536],
    ["what the server takes", 3000, 3000],
    ["a server that does not say what it takes", 0, 65_536],
  ])("no batch is larger than %s", async (_, maxPayload, limit) => {
    const it = open({ arcwire: "batch", maxPayload });
    const texts = Array.from({ length: 300 }, (_, index) => "\u20ac".repeat((index * 37) % 900));
    for (const text of texts) it.send(text);
    await settled();
    const batches = sent() as string[];
    expect(batches.length).toBeLessThan(texts.length);
    for (const batch of batches) {
      if (batch[0] === "\x1e") expect(Buffer.byteLength(batch)).toBeLessThanOrEqual(limit);
    }
    const packets = batches.flatMap((batch) =>
      batch[0] === "\x1e" ? batch.slice(1).split("\x1e") : [batch],
    );
    expect(packets).toEqual(texts.map((text) => `4${text}`));
  });

  test("a large message goes alone, and one that is too large not at all", async () => {
    const it = open({ arcwire: "batch", maxPayload: 100_000 });
    const large = "x".repeat(90_000);
    it.send("a").send("b").send(large).send("c");
    expect(() => it.send("x".repeat(100_000))).toThrow("too many");
    await settled();
    expect(sent()).toEqual(["\x1e4a\x1e4b", `4${large}`, "4c"]);
  });

  test("nothing is lost when the session is closed in the same task", () => {
    const it = open();
    it.send("a").send("b").close();
    expect(sent()).toEqual(["\x1e4a\x1e4b"]);
    expect(FakeSocket.last.isClosed).toBe(true);
    expect(log).toEqual([["drain"], ["flush"], ["close", "forced close", undefined]]);
  });

  test("nothing is lost when the session ends in the same task", async () => {
    const it = open();
    it.on("message", () => it.send("answer"));
    FakeSocket.last.receive("\x1e4a\x1e9");
    expect(sent()).toEqual(["4answer"]);
    expect(log.at(-1)?.[0]).toBe("close");
    await settled();
    expect(sent()).toEqual([]);
  });

  test("a WebSocket that is closing is sent nothing", async () => {
    const it = open();
    FakeSocket.last.readyState = 2;
    it.send("a").send("b");
    await settled();
    expect(sent()).toEqual([]);
    expect(it.writeBuffer).toHaveLength(2);
    FakeSocket.last.onclose?.({ code: 1006 });
    expect(log.at(-1)?.[1]).toBe("transport close");
  });

  test("what waited for the handshake goes with it", async () => {
    const session = observe(new Session("https://a.example", { clock: new FakeClock() }, only(Transport)));
    session.send("a").send("b");
    expect(sent()).toEqual([]);
    FakeSocket.last.onopen?.();
    FakeSocket.last.receive(`0${JSON.stringify({ ...HANDSHAKE, arcwire: "batch" })}`);
    await settled();
    expect(sent()).toEqual(["\x1e4a\x1e4b"]);
  });
});

describe("receiving", () => {
  test("the packets of a batch, in order", async () => {
    const it = open();
    it.on("ping", () => log.push(["ping"]));
    FakeSocket.last.receive("\x1e4a\x1e2\x1e4b");
    expect(log).toEqual([["message", "a"], ["ping"], ["message", "b"]]);
    FakeSocket.last.receive("4\x1eis text");
    FakeSocket.last.receive("\x1e4");
    const bytes = new Uint8Array([0x1e, 0x34]).buffer;
    FakeSocket.last.receive(bytes);
    expect(messages()).toEqual(["a", "b", "\x1eis text", "", bytes]);
    await settled();
    expect(sent()).toEqual(["3"]);
  });

  test.each(["\x1e", "\x1e4a\x1e\x1e4b", "\x1e4a\x1e", "\x1e4a\x1e9\x1e4b", "\x1e\x1e4a"])(
    "a packet that is none: %j",
    (batch) => {
      const it = open();
      FakeSocket.last.receive(batch);
      expect(messages()).toEqual(batch.startsWith("\x1e4a") ? ["a"] : []);
      expect(names().slice(-2)).toEqual(["error", "close"]);
      expect(names().filter((name) => name === "error")).toHaveLength(1);
      expect(it.readyState).toBe("closed");
    },
  );

  test("a listener that closes the session hears nothing more", () => {
    const it = open();
    it.on("message", () => it.close());
    FakeSocket.last.receive("\x1e4a\x1e4b\x1e9");
    expect(names()).toEqual(["message", "close"]);
  });

  test("a listener that throws", async () => {
    const uncaught = vi.fn();
    process.once("uncaughtException", uncaught);
    const it = open();
    it.once("message", () => {
      throw new Error("of a listener");
    });
    FakeSocket.last.receive("\x1e4a\x1e4b");
    expect(messages()).toEqual(["a", "b"]);
    await vi.waitFor(() => expect(uncaught).toHaveBeenCalled());
  });
});

describe("the upgrade", () => {
  class Polling extends FakeTransport {
    override get name() {
      return "polling";
    }
    declare onPaused: () => void;
    override _pause(paused: () => void) {
      this.onPaused = paused;
    }
    override _resume() {}
  }

  test("a probe is no batch; then there are batches", async () => {
    FakeTransport.made = [];
    const it = observe(
      new Session("http://a.example", { clock: new FakeClock() }, anyOf([Polling, Transport])),
    );
    FakeTransport.last.handshake({ upgrades: ["websocket"], arcwire: "batch" } as never);
    it.send("by polling").send("as well");
    expect(FakeTransport.last.sent).toEqual(["4by polling", "4as well"]);
    FakeSocket.last.onopen?.();
    expect(sent()).toEqual(["2probe"]);
    FakeSocket.last.receive("3probe");
    it.send("in between");
    expect(sent()).toEqual([]);
    (FakeTransport.last as Polling).onPaused();
    expect(sent()).toEqual(["5", "4in between"]);
    it.send("a").send("b");
    await settled();
    expect(sent()).toEqual(["\x1e4a\x1e4b"]);
    FakeSocket.last.receive("\x1e4c\x1e4d");
    expect(messages()).toEqual(["c", "d"]);
  });

  test("a batch is no answer to a probe", () => {
    FakeTransport.made = [];
    const it = new Session("http://a.example", { clock: new FakeClock() }, anyOf([Polling, Transport]));
    const failed = vi.fn();
    it.on("upgradeError", failed);
    FakeTransport.last.handshake({ upgrades: ["websocket"], arcwire: "batch" } as never);
    FakeSocket.last.onopen?.();
    FakeSocket.last.receive("\x1e3probe");
    expect(failed).toHaveBeenCalledTimes(1);
    expect(it.readyState).toBe("open");
  });
});

describe("sockets", () => {
  class TestManager extends Manager {
    constructor() {
      super(
        "http://a.example",
        { clock: new FakeClock() },
        {
          _router: only(Transport),
          _parser: { Encoder, Decoder },
          _Socket: ReliableSocket,
        },
      );
    }
  }

  function connected(): Socket {
    const socket = new TestManager().socket("/");
    FakeSocket.last.onopen?.();
    FakeSocket.last.receive(`0${JSON.stringify({ ...HANDSHAKE, arcwire: "batch" })}`);
    FakeSocket.last.receive('40{"sid":"id1","pid":"p1"}');
    return socket;
  }

  test("events, answers and attachments of one task", async () => {
    const socket = connected();
    await settled();
    expect(sent()).toEqual(["40"]);
    socket.on("ask", (value: number, answer: (value: number) => void) => answer(value * 2));
    FakeSocket.last.receive('\x1e421["ask",1]\x1e422["ask",2]');
    socket.volatile.emit("v");
    const bytes = new Uint8Array([1]);
    socket.emit("b", bytes);
    socket.emit("c");
    await settled();
    expect(sent()).toEqual([
      '\x1e431[2]\x1e432[4]\x1e42["v"]\x1e451-["b",{"_placeholder":true,"num":0}]',
      bytes,
      '42["c"]',
    ]);
  });

  test("disconnect() behind an emit", () => {
    const socket = connected();
    expect(sent()).toEqual(["40"]);
    socket.emit("a");
    socket.disconnect();
    expect(sent()).toEqual(['\x1e42["a"]\x1e41']);
    expect(FakeSocket.last.isClosed).toBe(true);
  });

  test("a handler that disconnects in the middle of a batch", () => {
    const socket = connected();
    const heard: string[] = [];
    socket.onAny((name) => heard.push(name));
    socket.on("last", () => socket.disconnect());
    FakeSocket.last.receive('\x1e42["first"]\x1e42["last"]\x1e42["late"]');
    expect(heard).toEqual(["first", "last"]);
  });

  test("recovery goes on behind the last event that was handled", () => {
    const socket = connected();
    const offsets: (string | undefined)[] = [];
    socket.on("a", () => offsets.push(socket._lastOffset));
    FakeSocket.last.receive('\x1e42["a","abcd-7"]\x1e42["a","abcd-8"]\x1e4what\x1e42["a","abcd-9"]');
    expect(offsets).toEqual([undefined, "abcd-7"]);
    expect(socket.connected).toBe(false);
    expect(socket._lastOffset).toBe("abcd-8");
  });
});

test("the end of a page takes what was sent in the same task along", () => {
  const page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  class Fast extends FakeTransport {
    override get name() {
      return "websocket";
    }
  }
  FakeTransport.made = [];
  const one = (opts: EngineOptions) => {
    const session = new Session("http://a.example", { clock: new FakeClock(), ...opts }, anyOf([Fast]));
    const { last } = FakeTransport;
    last.handshake({ arcwire: "batch" } as never);
    return { session, transport: last };
  };
  const [left, closed] = [one({}), one({ closeOnBeforeunload: true })];
  closed.session.send("a");
  page.dispatchEvent(new Event("beforeunload"));
  expect(closed.transport.sent).toEqual(["4a"]);
  expect(closed.transport.isClosed).toBe(true);
  left.session.send("a");
  page.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: false }));
  expect(left.transport.sent).toEqual(["4a"]);
  expect(left.transport.isClosed).toBe(false);
  left.session.close();
  closed.session._end("the test is over");
  vi.unstubAllGlobals();
});

test("without a limit each packet has its message", () => {
  const packets: Packet[] = [
    { type: "message", data: "a" },
    { type: "message", data: "b" },
  ];
  expect(encodeBatches(packets)).toEqual(["4a", "4b"]);
  expect(encodeBatches(packets, 5)).toEqual(["4a", "4b"]);
  expect(encodeBatches(packets, 6)).toEqual(["\x1e4a\x1e4b"]);
  expect(encodeBatches([], 6)).toEqual([]);
});
