import { beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineOptions } from "../../src/engine/options.js";
import { only } from "../../src/engine/routes.js";
import { Session } from "../../src/engine/session.js";
import { WebSocketTransport } from "../../src/engine/websocket.js";
import { FakeClock, settled } from "../support/clock.js";
import { HANDSHAKE } from "../support/transport.js";

class FakeSocket {
  static last: FakeSocket;
  binaryType = "";
  readyState = 0;
  sent: unknown[] = [];
  isClosed = false;
  onopen?: () => void;
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (event: unknown) => void;
  onclose?: (event: unknown) => void;

  constructor(
    readonly uri: string,
    readonly protocols?: unknown,
  ) {
    FakeSocket.last = this;
  }
  send(data: unknown) {
    this.sent.push(data);
  }
  close() {
    this.isClosed = true;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
    this.onmessage?.({ data: `0${JSON.stringify(HANDSHAKE)}` });
  }
}

class Transport extends WebSocketTransport {
  override createSocket(uri: string, protocols?: string | string[]) {
    return new FakeSocket(uri, protocols) as unknown as WebSocket;
  }
}

let log: unknown[][];

beforeEach(() => {
  log = [];
});

function session(opts: EngineOptions = {}, kind = Transport): Session {
  const made = new Session("https://a.example", { clock: new FakeClock(), ...opts }, only(kind));
  for (const event of ["message", "error", "close", "drain"]) {
    made.on(event as never, ((...args: unknown[]) => log.push([event, ...args])) as never);
  }
  return made;
}

describe("WebSocket", () => {
  test("opens, sends, hears", () => {
    const it = session({ protocols: ["a", "b"] });
    const socket = FakeSocket.last;
    expect(socket.uri).toBe("wss://a.example/engine.io/?EIO=4&transport=websocket&arcwire=batch");
    expect(socket.protocols).toEqual(["a", "b"]);
    expect(socket.binaryType).toBe("arraybuffer");
    it.send("waits");
    socket.open();
    const bytes = new Uint8Array([1]);
    it.send(bytes).send("a");
    expect(socket.sent).toEqual(["4waits", bytes, "4a"]);
    socket.onmessage?.({ data: "4b" });
    socket.onmessage?.({ data: bytes.buffer });
    expect(log.filter(([name]) => name === "message")).toEqual([
      ["message", "b"],
      ["message", bytes.buffer],
    ]);
    it.close();
    expect(socket.isClosed).toBe(true);
  });

  test("an error, and a close", () => {
    session();
    const event = { type: "error" };
    FakeSocket.last.onerror?.(event);
    FakeSocket.last.onclose?.({ code: 1006 });
    expect(log).toHaveLength(2);
    expect(log[0]?.[1]).toMatchObject({
      message: "websocket error",
      type: "TransportError",
      description: event,
    });
    session();
    FakeSocket.last.open();
    FakeSocket.last.onclose?.({ code: 1001 });
    expect(log.at(-1)).toEqual([
      "close",
      "transport close",
      { description: "websocket connection closed", context: { code: 1001 } },
    ]);
  });

  test("one that is closing is sent nothing", () => {
    const it = session();
    FakeSocket.last.open();
    FakeSocket.last.readyState = 2;
    it.send("a");
    expect(FakeSocket.last.sent).toEqual([]);
    expect(it.writeBuffer).toHaveLength(1);
  });

  test("one that cannot be made", async () => {
    const error = new SyntaxError("no such protocol");
    session(
      {},
      class extends Transport {
        override createSocket(): never {
          throw error;
        }
      },
    );
    expect(log).toEqual([]);
    await settled();
    expect(log[0]?.[1]).toMatchObject({ message: "websocket error", description: error });
    expect(log[1]?.[0]).toBe("close");
  });

  test("the global class is taken", () => {
    const made = vi.fn(FakeSocket as never);
    vi.stubGlobal("WebSocket", made);
    session({}, WebSocketTransport as never);
    expect(made).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });
});
