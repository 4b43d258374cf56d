/** The built client, as pages load it, with servers that others wrote: real sockets, real requests. */

import { createServer } from "node:http";
import type { AddressInfo, Socket as TcpSocket } from "node:net";
import type { Server as NodeServer } from "socket.io";
import * as socketIo from "socket.io";
import packedParser from "socket.io-msgpack-parser";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as ws from "ws";

// biome-ignore lint/suspicious/noExplicitAny: the built file has no types
type Any = any;

const built: Any = {};

beforeAll(async () => {
  // Node.js 20 has none of its own.
  vi.stubGlobal("WebSocket", globalThis.WebSocket ?? ws.WebSocket);
  const folder = new URL("../../../src/arcwire/static/", import.meta.url);
  Object.assign(built, await import(new URL("arcwire.esm.min.js", folder).href));
  await import(new URL("arcwire.msgpack.min.js", folder).href);
  built.packed = (globalThis as Any).io;
});

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A server on a free port. */
async function serve(opts: object = {}): Promise<{ io: NodeServer; url: string; cut: () => void }> {
  const http = createServer();
  const open = new Set<TcpSocket>();
  http.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  const io = new socketIo.Server(http, { connectionStateRecovery: {}, ...opts });
  io.on("connection", (socket) => {
    socket.on("echo", (...args) => {
      const answer = args.pop();
      if (typeof answer === "function") answer(...args);
      else socket.emit("echo", ...args, answer);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => io.close());
  return {
    io,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    cut() {
      for (const socket of open) socket.destroy();
    },
  };
}

function client(url: string, opts: object = {}, io = built.io): Any {
  const socket = io(url, { forceNew: true, reconnectionDelay: 10, ...opts });
  cleanUps.push(() => socket.disconnect());
  return socket;
}

const once = (emitter: Any, event: string): Promise<Any[]> =>
  new Promise((resolve) => emitter.once(event, (...args: Any[]) => resolve(args)));

const MODES: [string, object][] = [
  ["polling", { transports: ["polling"] }],
  ["websocket", { transports: ["websocket"] }],
  ["polling, then websocket", {}],
];

describe.each(MODES)("over %s", (mode, opts) => {
  test("events, acknowledgements and binary values", async () => {
    const { url } = await serve();
    const socket = client(url, opts);
    const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index % 256);
    await once(socket, "connect");
    if (mode === "polling, then websocket" && socket.io.engine.transport.name === "polling") {
      await once(socket.io.engine, "upgrade");
    }
    const parts = { text: "é€😀", list: [1, [bytes.buffer, bytes.subarray(10, 20)]], blob: new Blob(["x"]) };
    const answer = await socket.timeout(10_000).emitWithAck("echo", parts);
    expect(answer.text).toBe(parts.text);
    expect(new Uint8Array(answer.list[1][0])).toEqual(bytes);
    expect(new Uint8Array(answer.list[1][1])).toEqual(bytes.slice(10, 20));
    expect(new TextDecoder().decode(answer.blob)).toBe("x");
    const echo = once(socket, "echo");
    socket.emit("echo", 1, null, "a");
    expect((await echo).slice(0, 3)).toEqual([1, null, "a"]);
  });

  test("a burst arrives in order, also across the upgrade", async () => {
    const { io, url } = await serve();
    const heard: number[] = [];
    io.on("connection", (socket) => socket.on("n", (n) => heard.push(n)));
    const socket = client(url, opts);
    const answered: number[] = [];
    for (let n = 0; n < 500; n++) {
      socket.emit("n", n);
      socket.emit("echo", n, (back: number) => answered.push(back));
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(answered).toHaveLength(500), { timeout: 20_000 });
    expect(answered).toEqual(heard);
    expect(heard).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  test("a link that is cut: nothing is lost or doubled", async () => {
    const { io, url, cut } = await serve();
    const socket = client(url, opts);
    await once(socket, "connect");
    const heard: number[] = [];
    socket.on("n", (n: number) => heard.push(n));
    io.emit("n", 0);
    await vi.waitFor(() => expect(heard).toEqual([0]), { timeout: 10_000 });
    for (let n = 1; n <= 10; n++) {
      cut();
      io.emit("n", n);
      await vi.waitFor(() => expect(heard).toHaveLength(n + 1), { timeout: 20_000 });
    }
    expect(heard).toEqual(Array.from({ length: 11 }, (_, n) => n));
    expect(socket.recovered).toBe(true);
  });

  test("retries: every event is handled, over cuts, and answered", async () => {
    const { io, url, cut } = await serve();
    const handled = new Set<number>();
    io.on("connection", (socket) =>
      socket.on("n", (n, answer) => {
        handled.add(n);
        answer(n);
      }),
    );
    const socket = client(url, { ...opts, retries: 50, ackTimeout: 2000 });
    await once(socket, "connect");
    const answers: Promise<number>[] = [];
    for (let n = 0; n < 60; n++) {
      answers.push(socket.emitWithAck("n", n));
      if (n % 20 === 10) cut();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(handled.size).toBe(60);
    expect(socket.deduplicated).toBe(false);
  });

  test("refusals, disconnections, namespaces", async () => {
    const { io, url } = await serve();
    io.of("/admin").use((_socket, next) => next(Object.assign(new Error("no"), { data: { code: 7 } })));
    const root = client(url, opts);
    const admin = root.io.socket("/admin");
    const [error] = await once(admin, "connect_error");
    expect([error.message, error.data, admin.active]).toEqual(["no", { code: 7 }, false]);
    const [unknown] = await once(root.io.socket("/unknown"), "connect_error");
    expect(unknown.message).toBe("Invalid namespace");
    if (!root.connected) await once(root, "connect");
    const gone = once(root, "disconnect");
    io.disconnectSockets();
    expect((await gone)[0]).toBe("io server disconnect");
    root.connect();
    await once(root, "connect");
    root.disconnect();
    expect(root.io.engine.readyState).not.toBe("open");
  });

  test("what is too large is refused here, and the connection stays", async () => {
    const { url } = await serve({ maxHttpBufferSize: 2000 });
    const socket = client(url, opts);
    await once(socket, "connect");
    const { id } = socket;
    await expect(socket.emitWithAck("echo", "x".repeat(3000))).rejects.toMatchObject({
      name: "PayloadTooLargeError",
      maxPayload: 2000,
    });
    expect(await socket.timeout(10_000).emitWithAck("echo", "x".repeat(1900))).toHaveLength(1900);
    expect(socket.id).toBe(id);
  });
});

test("the server's words in a connection error", async () => {
  const { url } = await serve({
    allowRequest: (_request: unknown, done: (error: string, ok: boolean) => void) => done("not today", false),
  });
  const [error] = await once(client(url, { transports: ["polling"], reconnection: false }), "connect_error");
  expect(error).toMatchObject({
    message: "xhr poll error",
    description: 403,
    data: { code: 4, message: "not today" },
  });
});

test("a server that stops and comes back", async () => {
  const { io, url } = await serve();
  const socket = client(url);
  await once(socket, "connect");
  const gone = once(socket, "disconnect");
  await io.close();
  expect(["transport close", "transport error"]).toContain((await gone)[0]);
  const http = createServer();
  const again = new socketIo.Server(http);
  cleanUps.push(() => again.close());
  const back = once(socket, "connect");
  await new Promise<void>((resolve) => http.listen(+new URL(url).port, "127.0.0.1", resolve));
  await back;
  expect(socket.recovered).toBe(false);
});

test("MessagePack", async () => {
  const { url } = await serve({ parser: packedParser });
  const socket = client(url, {}, built.packed);
  const date = new Date(1234567890123);
  const [text, back, bytes] = await new Promise<Any[]>((resolve) =>
    socket.emit("echo", "é", { date, n: [-1, 2 ** 40, 1.5] }, new Uint8Array([1, 2]), (...args: Any[]) =>
      resolve(args),
    ),
  );
  expect([text, back]).toEqual(["é", { date, n: [-1, 2 ** 40, 1.5] }]);
  expect(new Uint8Array(bytes)).toEqual(new Uint8Array([1, 2]));
});

test("the global of the classic script", () => {
  expect(Object.keys(built.packed).sort()).toEqual(
    expect.arrayContaining(["Manager", "Socket", "connect", "default", "io", "listen", "protocol"]),
  );
  expect(built.packed.io).toBe(built.packed);
});
