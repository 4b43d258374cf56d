import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineOptions } from "../../src/engine/options.js";
import { PollingTransport } from "../../src/engine/polling.js";
import { anyOf } from "../../src/engine/routes.js";
import { Session } from "../../src/engine/session.js";
import { FakeClock, settled } from "../support/clock.js";
import { HANDSHAKE } from "../support/transport.js";

interface Call {
  url: URL;
  init: RequestInit & { headers: Record<string, string> };
  answer(body: string, status?: number): Promise<void>;
  fail(error: Error): Promise<void>;
}

let calls: Call[];
let log: unknown[][];

beforeEach(() => {
  calls = [];
  log = [];
  vi.stubGlobal("fetch", (url: string, init: Call["init"]) => {
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      calls.push({
        url: new URL(url),
        init,
        async answer(body, status = 200) {
          resolve(new Response(body, { status }));
          await vi.waitFor(() => settled());
        },
        async fail(error) {
          reject(error);
          await settled();
        },
      });
    });
  });
});
afterEach(() => vi.unstubAllGlobals());

const handshake = (data: object = {}) => `0${JSON.stringify({ ...HANDSHAKE, ...data })}`;
const call = (index: number) => calls[index] as Call;
const posts = () => calls.filter(({ init }) => init.method === "POST");

function session(opts: EngineOptions = {}): Session {
  const made = new Session(
    "http://a.example",
    { clock: new FakeClock(), ...opts },
    anyOf([PollingTransport]),
  );
  for (const event of ["message", "error", "close", "drain"]) {
    made.on(event as never, ((...args: unknown[]) => log.push([event, ...args])) as never);
  }
  return made;
}

/** Until what is expected holds: answers take a few turns of the loop. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 1 });

describe("polling", () => {
  test("asks, hears, asks again", async () => {
    session({ extraHeaders: { "x-token": "1" }, withCredentials: true });
    expect(call(0).init).toMatchObject({
      method: "GET",
      credentials: "include",
      headers: { "x-token": "1" },
    });
    expect(call(0).url.searchParams.get("t")).toMatch(/^\w+$/);
    await call(0).answer(`${handshake()}\x1e4hello`);
    await until(() => expect(calls).toHaveLength(2));
    expect(call(1).url.searchParams.get("sid")).toBe("sid1");
    await call(1).answer("4a\x1ebAQI=\x1e6");
    await until(() => expect(calls).toHaveLength(3));
    expect(log.map(([, data]) => data)).toEqual(["hello", "a", new Uint8Array([1, 2]).buffer]);
  });

  test("posts what there is, one request at a time, in order", async () => {
    const it = session({ timestampRequests: false });
    await call(0).answer(handshake());
    await until(() => expect(it.readyState).toBe("open"));
    it.send("a")
      .send("b")
      .send(new Blob(["c"]));
    await until(() => expect(posts()).toHaveLength(1));
    const [first] = posts() as [Call];
    expect(first.init.body).toBe("4a");
    expect(first.init.headers["content-type"]).toBe("text/plain;charset=UTF-8");
    expect(first.init.credentials).toBe("same-origin");
    expect(first.url.search).toBe("?sid=sid1&EIO=4&transport=polling&arcwire=batch");
    expect(it.writeBuffer).toHaveLength(3);
    await first.answer("ok");
    await until(() => expect(posts()).toHaveLength(2));
    expect(posts()[1]?.init.body).toBe("4b\x1ebYw==");
    await posts()[1]?.answer("ok");
    await until(() => expect(log).toEqual([["drain"]]));
    expect(it.writeBuffer).toEqual([]);
  });

  test("splits what is more than the server takes at once", async () => {
    const it = session();
    await call(0).answer(handshake({ maxPayload: 10 }));
    await until(() => expect(it.readyState).toBe("open"));
    for (const message of ["first", "123", "1234", "€€", "123456789", new Uint8Array(6)]) it.send(message);
    const expected = ["4first", "4123\x1e41234", "4€€", "4123456789", "bAAAAAAAA"];
    for (let i = 0; i < expected.length; i++) {
      await until(() => expect(posts()).toHaveLength(i + 1));
      await posts()[i]?.answer("ok");
    }
    expect(posts().map(({ init }) => init.body)).toEqual(expected);
    expect(() => it.send(new Uint8Array(7))).toThrow("too many");
  });

  test("an answer that is an error says what the server said", async () => {
    session();
    await call(0).answer('{"code":1,"message":"Session ID unknown"}', 400);
    await until(() => expect(log).toHaveLength(2));
    expect(log[0]?.[1]).toMatchObject({
      message: "xhr poll error",
      type: "TransportError",
      description: 400,
      context: { status: 400, responseText: '{"code":1,"message":"Session ID unknown"}' },
      data: { code: 1, message: "Session ID unknown" },
    });
    expect(log[1]).toEqual(["close", "transport error", log[0]?.[1]]);
  });

  test("an error of a proxy", async () => {
    session();
    await call(0).answer("<h1>Bad gateway</h1>", 502);
    await until(() => expect(log).toHaveLength(2));
    expect(log[0]?.[1]).toMatchObject({ message: "xhr poll error", description: 502, data: undefined });
  });

  test("no answer", async () => {
    session();
    const error = new TypeError("failed to fetch");
    await call(0).fail(error);
    await until(() => expect(log).toHaveLength(2));
    expect(log[0]?.[1]).toMatchObject({ message: "xhr poll error", description: error });
  });

  test("a post that fails", async () => {
    const it = session();
    await call(0).answer(handshake());
    await until(() => expect(it.readyState).toBe("open"));
    it.send("a");
    await until(() => expect(posts()).toHaveLength(1));
    await posts()[0]?.answer("", 413);
    await until(() => expect(it.readyState).toBe("closed"));
    expect(log[0]?.[1]).toMatchObject({ message: "xhr post error", description: 413 });
    expect(call(1).init.signal?.aborted).toBe(false);
  });

  test("the client says goodbye, and drops its poll then", async () => {
    const it = session();
    await call(0).answer(handshake());
    await until(() => expect(calls).toHaveLength(2));
    it.close();
    expect(posts()[0]?.init).toMatchObject({ body: "1", keepalive: true });
    expect(call(1).init.signal?.aborted).toBe(false);
    await posts()[0]?.answer("ok");
    await until(() => expect(call(1).init.signal?.aborted).toBe(true));
    expect(log).toEqual([["close", "forced close", undefined]]);
    expect(calls).toHaveLength(3);
  });

  test("the client goes before it has a session", async () => {
    session().close();
    expect(call(0).init.signal?.aborted).toBe(true);
    expect(calls).toHaveLength(1);
  });

  test("the server says goodbye", async () => {
    const it = session();
    await call(0).answer(handshake());
    await until(() => expect(calls).toHaveLength(2));
    await call(1).answer("4last\x1e1");
    await until(() => expect(it.readyState).toBe("closed"));
    expect(log).toEqual([
      ["message", "last"],
      ["close", "transport close", { description: "transport closed by the server" }],
    ]);
  });

  test("a body that cannot be read ends the session; what came before counts", async () => {
    const it = session();
    await call(0).answer(`${handshake()}\x1e4a\x1ebAQ\x1e4b`);
    await until(() => expect(it.readyState).toBe("closed"));
    expect(log.map(([name, what]) => [name, (what as Error).message ?? what])).toEqual([
      ["message", "a"],
      ["error", "server error"],
      ["close", "transport error"],
    ]);
  });
});

describe("a pause", () => {
  test("waits for the poll and the post under way, begins nothing, and can be taken back", async () => {
    const it = session();
    await call(0).answer(handshake());
    await until(() => expect(calls).toHaveLength(2));
    it.send("a");
    await until(() => expect(calls).toHaveLength(3));
    const paused = vi.fn();
    (it.transport as PollingTransport)._pause(paused);
    await call(1).answer("6");
    await settled();
    expect(paused).not.toHaveBeenCalled();
    await call(2).answer("ok");
    await until(() => expect(paused).toHaveBeenCalledTimes(1));
    expect(it.writeBuffer).toEqual([]);
    expect(calls).toHaveLength(3);
    (it.transport as PollingTransport)._resume();
    expect(calls).toHaveLength(4);
  });
});
