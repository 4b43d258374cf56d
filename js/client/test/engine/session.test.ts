import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineOptions } from "../../src/engine/options.js";
import { anyOf, only } from "../../src/engine/routes.js";
import { Session } from "../../src/engine/session.js";
import { FakeClock, settled } from "../support/clock.js";
import { FakeTransport, HANDSHAKE } from "../support/transport.js";

class Polling extends FakeTransport {
  override get name() {
    return "polling";
  }
  onPaused?: (() => void) | undefined;
  resumed = 0;
  override _pause(paused: () => void) {
    this.onPaused = paused;
  }
  override _resume() {
    this.resumed++;
  }
}

class Better extends FakeTransport {
  override get name() {
    return "websocket";
  }
}

let clock: FakeClock;
let log: unknown[][];

beforeEach(() => {
  clock = new FakeClock();
  log = [];
  FakeTransport.made = [];
});

const EVENTS =
  "open handshake message drain flush ping pong error upgrading upgrade upgradeError close".split(" ");

function session(opts: EngineOptions = {}, kinds = [Polling, Better], uri = "http://a.example"): Session {
  const made = new Session(uri, { clock, ...opts }, anyOf(kinds));
  for (const event of EVENTS)
    made.on(event as never, ((...args: unknown[]) => log.push([event, ...args])) as never);
  return made;
}

const made = (index: number) => FakeTransport.made[index] as Polling;
const names = () => log.map(([name]) => name);

describe("opening", () => {
  test("asks the address with path, query and revision", () => {
    session({ query: { a: "x y", sid: "no" } });
    const { pathname, search } = made(0).address();
    expect(pathname + search).toBe("/engine.io/?a=x+y&sid=no&EIO=4&transport=polling&arcwire=batch");
    session(
      { path: "/live/", query: "b=1", addTrailingSlash: false },
      [Better],
      "https://b.example:1/nsp?c=1",
    );
    expect(made(1).address().href).toBe("wss://b.example:1/live?b=1&EIO=4&transport=websocket&arcwire=batch");
    session({}, [Better], "https://b.example/nsp?c=1");
    expect(made(2).address().href).toBe(
      "wss://b.example/engine.io/?c=1&EIO=4&transport=websocket&arcwire=batch",
    );
    session({ forceBase64: true, timestampRequests: true, timestampParam: "z" }, [Better]);
    expect(made(3).address().search).toMatch(/^\?b64=1&z=\w+&EIO=4&transport=websocket&arcwire=batch$/);
  });

  test("the handshake", () => {
    const it = session();
    expect(it.readyState).toBe("opening");
    made(0).handshake();
    expect(it.readyState).toBe("open");
    expect(it.id).toBe("sid1");
    expect(it.maxPayload).toBe(1000);
    expect(log.slice(0, 2)).toEqual([["handshake", HANDSHAKE], ["open"]]);
    expect(made(0).address().searchParams.get("sid")).toBe("sid1");
  });

  test.each(["0", "0{", "7", "", "xyz", "<!doctype html>"])(
    "an answer that is none of ours: %j",
    (answer) => {
      const it = session();
      made(0).receive(answer);
      expect(names()).toEqual(["error", "close"]);
      expect(log[0]?.[1]).toMatchObject({ message: "server error", code: "parser error" });
      expect(it.readyState).toBe("closed");
      expect(made(0).isClosed).toBe(true);
    },
  );

  test("a failure", () => {
    const it = session();
    made(0).fail();
    expect(log).toEqual([
      ["error", new Error("fake error")],
      ["close", "transport error", new Error("fake error")],
    ]);
    expect(it.readyState).toBe("closed");
  });

  test("no transport that is known", async () => {
    const it = session({ transports: ["carrier-pigeon"] });
    await settled();
    expect(names()).toEqual(["error", "close"]);
    expect(log[0]).toEqual(["error", new Error("No transports available")]);
    it.close();
  });

  test("unknown names are left out, classes are taken", () => {
    session({ transports: ["carrier-pigeon", "websocket"] });
    expect(made(0).name).toBe("websocket");
    session({ transports: [FakeTransport] });
    expect(made(1).name).toBe("fake");
    class Other extends Better {}
    session({ transports: ["websocket"], transportImplementations: [Other] });
    expect(made(2)).toBeInstanceOf(Other);
  });

  test("options for one transport", () => {
    session({ transportOptions: { polling: { path: "/other" } } });
    expect(made(0).address().pathname).toBe("/other");
  });

  test("tryAllTransports goes on to the next", () => {
    const it = session({ tryAllTransports: true });
    made(0).fail();
    expect(made(0).isClosed).toBe(true);
    expect(made(1).name).toBe("websocket");
    made(1).handshake();
    expect(names()).not.toContain("error");
    expect(it.transport).toBe(made(1));
    made(1).fail();
    expect(names().slice(-2)).toEqual(["error", "close"]);
  });

  test("tryAllTransports, and none works", () => {
    session({ tryAllTransports: true });
    made(0).fail("first");
    made(1).fail("second");
    expect(log).toEqual([
      ["error", new Error("second")],
      ["close", "transport error", new Error("second")],
    ]);
    expect(FakeTransport.made).toHaveLength(2);
  });

  test("one way only", () => {
    const it = new Session("http://a.example", { clock }, only(Better));
    made(0).handshake({ upgrades: ["webtransport"] });
    it.send("a");
    expect(made(0).sent).toEqual(["4a"]);
    made(0).receive("bAQI=");
    expect(it.readyState).toBe("closed");
  });
});

describe("messages", () => {
  test("wait until the session is open", () => {
    const it = session();
    const sent = vi.fn();
    it.send("a").write(new Uint8Array([1]), {}, sent);
    expect(made(0).sent).toEqual([]);
    expect(it.writeBuffer.map(({ data }) => data)).toEqual(["a", new Uint8Array([1])]);
    made(0).handshake();
    expect(made(0).sent).toEqual(["4a", new Uint8Array([1])]);
    expect(sent).toHaveBeenCalledTimes(1);
    expect(it.writeBuffer).toEqual([]);
    expect(names()).toEqual(["handshake", "open", "drain", "flush"]);
  });

  test("wait for a transport that is busy, and go in order", () => {
    const it = session();
    made(0).isFast = false;
    made(0).handshake();
    it.send("a").send("b").send("c");
    expect(made(0).sent).toEqual(["4a"]);
    expect(it.writeBuffer).toHaveLength(3);
    made(0).drain();
    expect(made(0).sent).toEqual(["4a", "4b", "4c"]);
    expect(names()).not.toContain("drain");
    made(0).drain();
    expect(it.writeBuffer).toEqual([]);
    expect(names().at(-1)).toBe("drain");
  });

  test("arrive", () => {
    const it = session();
    made(0).handshake();
    const packets: unknown[] = [];
    it.on("packet", (packet) => packets.push(packet));
    made(0).receive("4hello");
    made(0).receive("4");
    made(0).receive(new Uint8Array([1, 2]).buffer);
    made(0).receive("bAQI=");
    const data = log.filter(([name]) => name === "message").map(([, message]) => message);
    expect(data).toEqual(["hello", "", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer]);
    expect(packets[0]).toEqual({ type: "message", data: "hello" });
  });

  test("larger than the server takes are refused, and the session stays", () => {
    const it = session();
    made(0).handshake({ maxPayload: 10 });
    it.send("123456789");
    it.send("éé€€".slice(0, 3));
    for (const data of [
      "1234567890",
      "€€€€",
      new Uint8Array(11),
      new Float64Array(2),
      new Blob(["12345678901"]),
    ]) {
      expect(() => it.send(data)).toThrow(
        expect.objectContaining({ name: "PayloadTooLargeError", maxPayload: 10 }),
      );
    }
    it.send(new Uint8Array(10));
    expect(made(0).sent).toHaveLength(3);
    expect(it.readyState).toBe("open");
  });

  test("are dropped once it is closed", () => {
    const it = session();
    made(0).handshake();
    it.close();
    it.send("a");
    expect(made(0).sent).toEqual([]);
  });
});

describe("heartbeat", () => {
  test("pings are answered, and keep the session", async () => {
    const it = session();
    made(0).handshake();
    for (let i = 0; i < 5; i++) {
      await clock.advance(44_999);
      made(0).receive("2");
    }
    expect(made(0).sent).toEqual(["3", "3", "3", "3", "3"]);
    expect(it.readyState).toBe("open");
    await clock.advance(45_000);
    expect(log.at(-1)).toEqual(["close", "ping timeout", undefined]);
    expect(clock.pending).toBe(0);
  });

  test("a clock that has run on while timers stood still", async () => {
    const it = session();
    made(0).handshake();
    expect(it._hasPingExpired()).toBe(false);
    clock.time += 45_001;
    expect(it._hasPingExpired()).toBe(true);
    expect(it._hasPingExpired()).toBe(true);
    expect(it.readyState).toBe("open");
    await settled();
    expect(log.filter(([name]) => name === "close")).toEqual([["close", "ping timeout", undefined]]);
  });
});

describe("closing", () => {
  test("at once with nothing to send", () => {
    const it = session();
    made(0).handshake();
    it.close().close();
    expect(log.at(-1)).toEqual(["close", "forced close", undefined]);
    expect(made(0).isClosed).toBe(true);
    expect(it.id).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test("behind what waits", () => {
    const it = session();
    made(0).isFast = false;
    made(0).handshake();
    it.send("a");
    it.close();
    expect(it.readyState).toBe("closing");
    it.send("late");
    made(0).receive("4still heard");
    made(0).drain();
    expect(it.readyState).toBe("closed");
    expect(made(0).sent).toEqual(["4a"]);
    expect(names()).toContain("message");
  });

  test("before it is open", () => {
    const it = session();
    it.send("a");
    it.close();
    expect(log).toEqual([["close", "forced close", undefined]]);
    made(0).handshake();
    expect(it.readyState).toBe("closed");
  });

  test("by the transport, or the server", () => {
    session();
    made(0).handshake();
    made(0).lose();
    expect(log.at(-1)).toEqual(["close", "transport close", { description: "fake connection closed" }]);
    made(0).receive("4late");
    expect(names().at(-1)).toBe("close");
  });

  test("within a listener of the handshake", () => {
    const it = session();
    it.on("handshake", () => it.close());
    made(0).handshake();
    expect(it.readyState).toBe("closed");
    expect(names()).not.toContain("open");
  });
});

describe("upgrade", () => {
  function upgradable(opts: EngineOptions = {}): Session {
    const it = session(opts);
    made(0).handshake({ upgrades: ["websocket"] });
    log = [];
    return it;
  }

  test("probe, pause, move, go on", () => {
    const it = upgradable();
    expect(made(1).address().searchParams.get("sid")).toBe("sid1");
    made(1).writable = true;
    made(1)._receiver?._onOpen?.();
    expect(made(1).sent).toEqual(["2probe"]);
    made(1).receive("3probe");
    it.send("while it moves");
    expect(made(0).sent).toEqual([]);
    expect(it.transport).toBe(made(0));
    made(0).receive("4last of polling");
    made(0).onPaused?.();
    expect(it.transport).toBe(made(1));
    expect(made(1).sent).toEqual(["2probe", "5", "4while it moves"]);
    expect(names().filter((name) => name !== "flush" && name !== "drain")).toEqual([
      "upgrading",
      "message",
      "upgrade",
    ]);
    made(0).receive("4from the one before");
    made(0).lose();
    expect(it.readyState).toBe("open");
    made(1).receive("4new");
    expect(log.at(-1)).toEqual(["message", "new"]);
    it.close();
    expect(made(1).isClosed).toBe(true);
  });

  test.each([
    ["fails", () => made(1).fail()],
    ["is closed", () => made(1).lose()],
    ["answers something else", () => made(1).receive("4x")],
  ])("a probe that %s leaves the session alone", (_name, break_) => {
    const it = upgradable();
    break_();
    expect(names()).toEqual(["upgradeError"]);
    expect(log[0]?.[1]).toMatchObject({ message: "probe error", transport: "websocket" });
    expect(made(1).isClosed).toBe(true);
    it.send("a");
    expect(made(0).sent).toEqual(["4a"]);
  });

  test("a probe that fails while the old transport pauses: it goes on with the old one", () => {
    const it = upgradable();
    made(1).receive("3probe");
    it.send("a");
    made(1).lose();
    expect(made(0).resumed).toBe(1);
    expect(made(0).sent).toEqual(["4a"]);
    expect(it.transport).toBe(made(0));
  });

  test("a session that closes meanwhile takes the probe along", () => {
    const it = upgradable();
    made(1).receive("3probe");
    made(0).fail();
    expect(it.readyState).toBe("closed");
    expect(made(1).isClosed).toBe(true);
    made(0).onPaused?.();
    expect(made(1).sent).toEqual([]);
    made(1).lose();
    expect(names().filter((name) => name === "upgradeError")).toEqual([]);
  });

  test("close waits for it", () => {
    const it = upgradable();
    made(1).receive("3probe");
    it.close();
    expect(it.readyState).toBe("closing");
    made(0).onPaused?.();
    expect(it.readyState).toBe("closed");
    expect(made(1).sent).toEqual(["5"]);
  });

  test("is not tried where it is not wanted", () => {
    upgradable({ upgrade: false });
    upgradable({ transports: ["polling"] });
    session();
    made(2).handshake({ upgrades: ["webtransport"] });
    expect(FakeTransport.made).toHaveLength(3);
  });

  test("is not tried from a transport that cannot pause", () => {
    const it = session({ transports: [FakeTransport, Better] });
    made(0).handshake({ upgrades: ["websocket"] });
    it.send("a");
    expect(FakeTransport.made).toHaveLength(1);
    expect(made(0).sent).toEqual(["4a"]);
  });

  test("rememberUpgrade begins with what worked", () => {
    upgradable();
    made(1).receive("3probe");
    made(0).onPaused?.();
    session({ rememberUpgrade: true });
    expect(made(2).name).toBe("websocket");
    session();
    expect(made(3).name).toBe("polling");
    made(2).fail();
    session({ rememberUpgrade: true });
    expect(made(4).name).toBe("polling");
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

  test("the network goes", () => {
    session();
    made(0).handshake();
    page.dispatchEvent(new Event("offline"));
    expect(log.at(-1)).toEqual(["close", "transport close", { description: "network connection lost" }]);
    const events = log.length;
    page.dispatchEvent(new Event("offline"));
    expect(log).toHaveLength(events);
  });

  test("the network goes, but the server is on this machine", () => {
    const it = session({}, [Better], "http://localhost:3000");
    made(0).handshake();
    page.dispatchEvent(new Event("offline"));
    expect(it.readyState).toBe("open");
  });

  test("closeOnBeforeunload", () => {
    session();
    session({ closeOnBeforeunload: true });
    page.dispatchEvent(new Event("beforeunload"));
    expect([made(0).isClosed, made(1).isClosed]).toEqual([false, true]);
    expect(log).toEqual([]);
  });
});
