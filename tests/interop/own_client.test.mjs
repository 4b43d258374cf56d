// The browser client under Node: what the tests of the reference's client name, one by one, with a real server.
//
//   CLIENT   a module that gives `io`, `Manager`      ENGINE   one that gives the `Socket` of Engine.IO
//   CLIENT_IS_OFFICIAL=1 when they are the reference's, which proves this suite

import net from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assert, bounded, collect, once, url } from "./support.mjs";

// What the clients take for the time; ahead of it while they are asked as after a sleep.
let ahead = 0;
const realNow = Date.now;
Date.now = () => realNow() + ahead;

function afterAnHour(ask) {
  ahead = 3_600_000;
  try {
    return ask();
  } finally {
    ahead = 0;
  }
}

const { Fetch, WebSocket: OverWebSocket, io, Manager, protocol } = await import(process.env.CLIENT);
const { Socket: EngineSocket, protocol: engineProtocol } = await import(process.env.ENGINE);
const isOurs = process.env.CLIENT_IS_OFFICIAL !== "1";

const PATH = { path: "/clients" };
const QUICK = { reconnectionDelay: 10, reconnectionDelayMax: 50 };
const MODES = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

/** Runs `story` with what makes things that are closed in the end. */
function story(title, play) {
  it(title, async () => {
    const all = [];
    const connect = (namespace = "", options = {}) => {
      const socket = io(url + namespace, { ...PATH, ...QUICK, forceNew: true, ...options });
      all.push(() => socket.disconnect());
      return socket;
    };
    const manage = (options = {}, address = url) => {
      const manager = new Manager(address, { ...PATH, ...QUICK, ...options });
      all.push(() => manager._close());
      return manager;
    };
    const open = (options = {}) => {
      const session = new EngineSocket(url, { path: "/engine.io", ...options });
      all.push(() => session.close());
      return session;
    };
    try {
      await play({ connect, manage, open });
    } finally {
      for (const end of all) end();
    }
  });
}

const ask = (socket, ...values) => bounded(socket.emitWithAck(...values), `the answer to ${values[0]}`);

/** Turns of the event loop in which something that must not happen would: as many as a reconnection takes. */
async function quiet(emitter, event, milliseconds = 150) {
  const seen = collect(emitter, event);
  await sleep(milliseconds);
  assert.deepEqual(seen.received, []);
}

async function deadAddress() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A server that takes connections and says nothing. */
async function silentAddress() {
  const sockets = new Set();
  const listener = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe("connections", { concurrency: 8, timeout: 60_000 }, () => {
  it("names its protocol", () => assert.equal(protocol, 5));

  for (const [mode, options] of Object.entries(MODES)) {
    story(`connects and echoes over ${mode}`, async ({ connect }) => {
      const socket = connect("", options);
      await once(socket, "connect");
      for (const value of [false, 0, "", null, "てすと Я Б Г ÄäÜü utf8 — 🎉", { date: "x", deep: [{}] }]) {
        assert.deepEqual(await ask(socket, "echo", value), value);
      }
    });
  }

  story("takes classes for transports", async ({ connect }) => {
    for (const [Transport, name] of [[Fetch, "polling"], [OverWebSocket, "websocket"]]) {
      const socket = connect("", { transports: [Transport] });
      await once(socket, "connect");
      assert.equal(socket.io.engine.transport.name, name);
    }
  });

  story("runs on replaced timers, or on the first ones if told to", async ({ connect }) => {
    const original = globalThis.setTimeout;
    const set = [];
    for (const useNativeTimers of [false, true]) {
      set.length = 0;
      globalThis.setTimeout = (...values) => { set.push(values[1]); return original(...values); };
      try {
        connect("", { timeout: 7654, useNativeTimers });
      } finally {
        globalThis.setTimeout = original;
      }
      assert.equal(set.includes(7654), !useNativeTimers);
    }
  });

  story("does not connect before it is told to", async ({ connect }) => {
    const socket = connect("", { autoConnect: false });
    assert.equal(socket.io.engine, undefined);
    assert.deepEqual([socket.connected, socket.disconnected, socket.active], [false, true, false]);
    await quiet(socket.io, "open");
  });

  it("makes connections by address, path and namespace", () => {
    const options = { ...PATH, autoConnect: false };
    const address = "http://127.0.0.1:9";
    const first = io(`${address}/`, options);
    const sockets = [
      first,
      io(`${address}/`, options),
      io(`${address}/?woot`, options),
      io(`${address}/`, { ...options, path: "/foo" }),
      io(`${address}/foo`, options),
      io(`${address}/bar`, { ...options, forceNew: true }),
      io(`${address}/bar`, { ...options, multiplex: false }),
    ];
    // The namespace that is in use already takes a new connection, as `io` promises two sockets.
    assert.deepEqual(sockets.map(({ io: manager }) => manager === first.io), [true, false, false, false, true, false, false]);
    assert.deepEqual(sockets.map(({ nsp }) => nsp), ["/", "/", "/", "/", "/foo", "/bar", "/bar"]);
  });

  story("dates arrive as text", async ({ connect }) => {
    const socket = connect();
    const now = new Date();
    assert.equal(await ask(socket, "echo", now), now.toISOString());
    assert.deepEqual(await ask(socket, "echo", { date: now }), { date: now.toISOString() });
  });

  story("answers what the server asks", async ({ connect }) => {
    const socket = connect();
    socket.on("question", (value, answer) => answer({ test: value }));
    assert.deepEqual(await ask(socket, "ask-me", 5, 5), { answer: { test: 5 } });
  });

  story("opens a namespace on an open connection, and after one was closed", async ({ manage }) => {
    const manager = manage();
    const main = manager.socket("/");
    await once(main, "connect");
    const custom = manager.socket("/custom");
    await once(custom, "connect");
    custom.disconnect();
    const closed = once(manager, "close");
    main.disconnect();
    await closed;
    const again = manager.socket("/custom");
    assert.equal(again, custom, "a cached socket");
    if (!again.active) again.connect();
    await once(again, "connect");
    assert.equal((await ask(again, "who-am-i")).namespace, "/custom");
  });

  story("opens a cached socket again, but not one that is active", async ({ manage }) => {
    const manager = manage();
    const socket = manager.socket("/");
    const packets = collect(manager.engine, "packetCreate");
    assert.equal(manager.socket("/"), socket);
    await once(socket, "connect");
    socket.disconnect();
    assert.deepEqual(packets.received.map(([{ data }]) => data).filter(Boolean), ["0", "1"]);
    const again = manager.socket("/");
    assert.equal(again, socket);
    assert.equal(again.active, true);
    await once(again, "connect");
  });

  story("connects each namespace once", async ({ manage }) => {
    const manager = manage();
    const packets = collect(manager.engine, "packetCreate");
    await once(manager, "open");
    const [main, custom] = [manager.socket("/"), manager.socket("/custom")];
    await Promise.all([once(main, "connect"), once(custom, "connect")]);
    assert.deepEqual(packets.received.map(([{ data }]) => data).filter((data) => data?.startsWith("0")), ["0", "0/custom,"]);
  });

  story("connects one namespace while another one is left", async ({ manage }) => {
    const manager = manage();
    const custom = manager.socket("/custom");
    await once(custom, "connect");
    const guarded = manager.socket("/guarded", { auth: { token: "sesame" } });
    custom.disconnect();
    await once(guarded, "connect");
  });

  story("keeps the connection until the last namespace is left", async ({ manage }) => {
    const manager = manage({ autoConnect: false });
    const [main, custom] = [manager.socket("/"), manager.socket("/custom")];
    main.connect();
    custom.connect();
    await Promise.all([once(main, "connect"), once(custom, "connect")]);
    main.disconnect();
    assert.equal(await ask(custom, "echo", "still here"), "still here");
    const closed = once(manager, "close");
    custom.disconnect();
    await closed;
  });

  story("does not reconnect while nothing is wrong", async ({ manage }) => {
    const manager = manage();
    await once(manager.socket("/"), "connect");
    await quiet(manager, "reconnect_attempt");
  });

  story("tells the server's version when it is too old", async ({ manage }) => {
    const socket = manage({ autoConnect: false }).socket("/");
    const failed = once(socket, "connect_error");
    // What a server of version 2 sends by itself: CONNECT without data.
    if (isOurs) socket._onPacket?.({ type: 0, nsp: "/" });
    else socket.onpacket({ type: 0, nsp: "/" });
    assert.ok((await failed)[0] instanceof Error);
  });

  story("closes the connection when it cannot read a packet, and reconnects", async ({ manage }) => {
    const manager = manage();
    const socket = manager.socket("/");
    await once(socket, "connect");
    const { engine } = manager;
    const gone = once(socket, "disconnect");
    const back = once(manager, "reconnect");
    engine.emit?.("data", "bad");
    if (engine.readyState === "open") engine._dispatch("data", "bad");
    assert.equal((await gone)[0], "parse error");
    await back;
    assert.notEqual(manager.engine, engine);
    assert.equal(engine.readyState, "closed");
  });
});

describe("reconnections", { concurrency: 8, timeout: 60_000 }, () => {
  story("come by themselves", async ({ connect }) => {
    const socket = connect();
    await once(socket, "connect");
    const { id } = socket;
    const attempt = once(socket.io, "reconnect_attempt");
    const back = once(socket.io, "reconnect");
    socket.io.engine.close();
    await attempt;
    assert.equal(socket.id, undefined);
    await back;
    await once(socket, "connect");
    assert.notEqual(socket.id, id);
  });

  story("come by hand, and then by themselves again", async ({ connect }) => {
    const socket = connect();
    await once(socket, "connect");
    const gone = once(socket, "disconnect");
    socket.disconnect();
    assert.equal((await gone)[0], "io client disconnect");
    assert.equal(socket.id, undefined);
    socket.connect();
    await once(socket, "connect");
    const back = once(socket.io, "reconnect");
    socket.io.engine.close();
    await back;
  });

  story("come at once when a handler leaves and returns", async ({ connect }) => {
    const socket = connect("", MODES.websocket);
    const gone = collect(socket, "disconnect");
    await once(socket, "connect");
    socket.disconnect().connect();
    await once(socket, "connect");
    assert.equal(gone.received.length, 1);
  });

  story("end after so many attempts, are counted, and begin anew", async ({ manage }) => {
    const manager = manage({ reconnectionAttempts: 2 }, await deadAddress());
    const attempts = collect(manager, "reconnect_attempt");
    const errors = collect(manager, "reconnect_error");
    const socket = manager.socket("/");
    await once(manager, "reconnect_failed");
    assert.deepEqual(attempts.received, [[1], [2]]);
    assert.ok(errors.received.every(([error]) => error instanceof Error));
    attempts.received.length = 0;
    socket.connect();
    await once(manager, "reconnect_failed");
    assert.deepEqual(attempts.received, [[1], [2]]);
  });

  story("take longer each time", async ({ manage }) => {
    const manager = manage({
      reconnectionAttempts: 3, reconnectionDelay: 60, reconnectionDelayMax: 5000, randomizationFactor: 0.2,
    }, await deadAddress());
    const times = [];
    let failed;
    manager.on("error", () => { failed = performance.now(); });
    manager.on("reconnect_attempt", () => times.push(performance.now() - failed));
    manager.socket("/");
    await once(manager, "reconnect_failed");
    assert.equal(times.length, 3);
    // 60, 120 and 240 milliseconds, a fifth more or less; timers come late, never early.
    times.forEach((time, turn) => assert.ok(time >= 60 * 2 ** turn * 0.8 - 2, `${times}`));
  });

  story("do not come after the connection was closed on purpose", async ({ connect }) => {
    const socket = connect("", { timeout: 1 });
    await once(socket.io, "error");
    socket.disconnect();
    await quiet(socket.io, "reconnect_attempt");
  });

  story("end when the socket is closed under way, and begin when it connects", async ({ manage }) => {
    const manager = manage({}, await deadAddress());
    const socket = manager.socket("/");
    await once(manager, "reconnect_attempt");
    socket.disconnect();
    await quiet(manager, "reconnect_attempt");
    socket.connect();
    await once(manager, "reconnect_attempt");
  });

  story("are for the sockets that want them", async ({ manage }) => {
    const manager = manage();
    const [leaves, stays] = [manager.socket("/"), manager.socket("/custom")];
    await Promise.all([once(leaves, "connect"), once(stays, "connect")]);
    manager.once("reconnect_attempt", () => leaves.disconnect());
    const back = once(stays, "connect");
    const wrong = collect(leaves, "connect");
    manager.engine.close();
    await back;
    assert.equal(await ask(stays, "echo", 1), 1);
    assert.deepEqual(wrong.received, []);
  });

  story("can be switched off, also under way", async ({ manage }) => {
    const address = await deadAddress();
    const never = manage({ reconnection: false }, address);
    never.socket("/");
    await once(never, "error");
    await quiet(never, "reconnect_attempt");
    const stopped = manage({}, address);
    stopped.socket("/");
    await once(stopped, "reconnect_error");
    stopped.reconnection(false);
    await quiet(stopped, "reconnect_attempt");
  });

  story("count on when another namespace is asked for", async ({ manage }) => {
    const manager = manage({ reconnectionAttempts: 2 }, await deadAddress());
    const attempts = collect(manager, "reconnect_attempt");
    manager.socket("/one");
    await once(manager, "reconnect_attempt");
    manager.socket("/two");
    await once(manager, "reconnect_failed");
    assert.deepEqual(attempts.received.splice(0), [[1], [2]]);
  });

  story("have settings that can be read and changed", async ({ manage }) => {
    const manager = manage({ autoConnect: false });
    for (const [name, value] of Object.entries({
      reconnection: false, reconnectionAttempts: 3, reconnectionDelay: 11, reconnectionDelayMax: 22,
      randomizationFactor: 0.25, timeout: 33,
    })) {
      assert.equal(manager[name](value), manager, name);
      assert.equal(manager[name](), value, name);
    }
  });
});

describe("sockets", { concurrency: 8, timeout: 60_000 }, () => {
  for (const namespace of ["/", "/custom"]) {
    story(`have the server's id in ${namespace}`, async ({ connect }) => {
      const socket = connect(namespace);
      const me = await ask(socket, "who-am-i");
      assert.equal(socket.id, me.id);
      assert.notEqual(socket.id, socket.io.engine.id);
    });
  }

  story("report no error when they are closed while they connect", async ({ connect }) => {
    const socket = connect("", { timeout: 50 });
    const errors = collect(socket, "connect_error");
    socket.disconnect();
    await quiet(socket.io, "error");
    assert.deepEqual(errors.received, []);
  });

  story("report when nobody is there", async ({ manage }) => {
    const socket = manage({}, await deadAddress()).socket("/");
    const [error] = await once(socket, "connect_error");
    assert.ok(error instanceof Error);
    assert.equal(socket.active, true);
  });

  for (const [mode, options] of Object.entries(MODES)) {
    story(`report when the server is silent, over ${mode}`, async ({ manage }) => {
      const silent = await silentAddress();
      try {
        const socket = manage({ ...options, timeout: 30 }, silent.url).socket("/");
        const [error] = await once(socket, "connect_error");
        assert.equal(error.message, "timeout");
      } finally {
        silent.close();
      }
    });
  }

  story("report no error for a connection that was made and lost", async ({ connect }) => {
    const socket = connect();
    const errors = collect(socket, "connect_error");
    await once(socket, "connect");
    socket.io.engine.close();
    await once(socket, "connect");
    assert.deepEqual(errors.received, []);
  });

  story("send what they are told to in the query and in auth", async ({ connect }) => {
    for (const [namespace, options] of [
      ["/", { query: { room: "&=?a é" } }], ["/?room=%26%3D%3Fa%20%C3%A9", {}],
      ["/custom", { query: { room: "&=?a é" } }], ["/custom?room=%26%3D%3Fa%20%C3%A9", {}],
    ]) {
      const me = await ask(connect(namespace, options), "who-am-i");
      assert.equal(me.query, "&=?a é");
    }
    const byObject = await ask(connect("", { auth: { a: "b", room: "c" } }), "who-am-i");
    assert.deepEqual([byObject.auth, byObject.query], [{ a: "b", room: "c" }, null]);
    const byFunction = await ask(connect("", { auth: (give) => give({ e: "f" }) }), "who-am-i");
    assert.deepEqual(byFunction.auth, { e: "f" });
    const byHeader = await ask(connect("", { ...MODES.polling, extraHeaders: { "x-interop": "yes" } }), "who-am-i");
    assert.equal(byHeader.header, "yes");
  });

  story("are refused with the server's words, and do not try again", async ({ connect }) => {
    const socket = connect("/guarded", { auth: { token: "wrong" } });
    const errors = collect(socket, "connect_error");
    const [[error]] = await errors.take(1);
    assert.ok(error instanceof Error);
    assert.equal(error.message, "unauthorized");
    assert.deepEqual(error.data, { hint: "token", status: 401 });
    socket.io.engine.close();
    await quiet(socket, "connect_error");
    assert.equal(socket.active, false);
  });

  story("do not emit what the protocol uses", ({ connect }) => {
    const socket = connect("", { autoConnect: false });
    for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
      assert.throws(() => socket.emit(name), new RegExp(`"${name}" is a reserved event name`));
    }
  });

  story("send in order what waited and what follows", async ({ connect }) => {
    const socket = connect("", { autoConnect: false });
    const order = [];
    socket.on("connect", () => socket.emit("echo", "second", (value) => order.push(value)));
    socket.emit("echo", "first", (value) => order.push(value));
    socket.connect();
    await once(socket, "connect");
    await ask(socket, "echo", "third");
    assert.deepEqual(order, ["first", "second"]);
  });

  story("have send for messages, and chain", async ({ connect }) => {
    const socket = connect();
    assert.equal(socket.compress(false).emit("bounce", 1), socket);
    assert.deepEqual(await once(socket, "bounced"), [1]);
    const sent = [];
    socket.onAnyOutgoing((...values) => sent.push(values));
    assert.equal(socket.send("a", 2), socket);
    assert.deepEqual(sent, [["message", "a", 2]]);
  });

  story("drop volatile events while they are away, and send them when they can", async ({ connect }) => {
    const socket = connect("", { autoConnect: false });
    const heard = [];
    socket.volatile.emit("echo", "away", () => heard.push("away"));
    socket.connect();
    await once(socket, "connect");
    assert.equal(await ask(socket, "echo", 1), 1);
    await bounded(new Promise((resolve) => {
      const again = setInterval(() => {
        socket.volatile.emit("echo", 2, (value) => { clearInterval(again); resolve(value); });
      }, 20);
    }), "a volatile event to get through");
    assert.deepEqual(heard, []);
  });

  story("drop volatile events while the way is blocked", async ({ connect }) => {
    const socket = connect("", MODES.polling);
    await once(socket, "connect");
    const heard = [];
    socket.on("bounced", (value) => heard.push(value));
    socket.emit("bounce", "first");
    socket.volatile.emit("bounce", "volatile"); // a post is under way
    assert.equal(await ask(socket, "echo", 1), 1);
    assert.deepEqual(heard, ["first"]);
  });

  story("have listeners for everything that arrives", async ({ connect }) => {
    const socket = connect("", { autoConnect: false });
    const order = [];
    const removed = () => order.push("removed");
    socket.onAny((event, value) => order.push(["last", event, value.auth]));
    socket.prependAny(() => order.push("second"));
    socket.prependAny(() => order.push("first"));
    socket.onAny(removed);
    assert.equal(socket.listenersAny().length, 4);
    assert.equal(socket.offAny(removed), socket);
    assert.equal(socket.listenersAny().length, 3);
    socket.connect();
    await once(socket, "welcome");
    assert.deepEqual(order, ["first", "second", ["last", "welcome", {}]]);
    socket.offAny();
    assert.deepEqual(socket.listenersAny(), []);
  });

  story("have listeners for everything that leaves", async ({ connect }) => {
    const socket = connect();
    await once(socket, "connect");
    const order = [];
    const removed = () => order.push("removed");
    socket.onAnyOutgoing((event, ...values) => order.push([event, ...values]));
    socket.prependAnyOutgoing(() => order.push("second"));
    socket.prependAnyOutgoing(() => order.push("first"));
    socket.onAnyOutgoing(removed);
    socket.offAnyOutgoing(removed);
    const bytes = Uint8Array.of(1, 2, 3);
    socket.emit("bounce", "123", bytes);
    assert.deepEqual(order, ["first", "second", ["bounce", "123", bytes]]);
    assert.equal(order[2][2], bytes);
    socket.offAnyOutgoing();
    assert.deepEqual(socket.listenersAnyOutgoing(), []);
  });

  story("keep what is emitted while the server seems gone, and send it on the next connection", async ({ connect }) => {
    const socket = connect();
    await once(socket, "connect");
    const { id } = socket;
    const { engine } = socket.io;
    // As after a sleep: the time at which a ping was due has passed, and no timer has run.
    const answer = afterAnHour(() => ask(socket, "echo", "123"));
    assert.equal(await answer, "123");
    assert.notEqual(socket.id, id);
    assert.equal(engine.readyState, "closed");
  });
});

describe("acknowledgements", { concurrency: 8, timeout: 60_000 }, () => {
  story("time out before there is a connection, and nothing is sent", async ({ connect }) => {
    const socket = connect("", { autoConnect: false });
    const error = await bounded(new Promise((resolve) => socket.timeout(20).emit("echo", 1, resolve)), "a time-out");
    assert.ok(error instanceof Error);
    assert.deepEqual(socket.sendBuffer, []);
  });

  story("time out when none comes, by timeout and by ackTimeout", async ({ connect }) => {
    const byFlag = connect();
    const error = await bounded(new Promise((resolve) => byFlag.timeout(20).emit("never", resolve)), "a time-out");
    assert.ok(error instanceof Error);
    assert.equal(error.message, "operation has timed out");
    await assert.rejects(bounded(byFlag.timeout(20).emitWithAck("never"), "a rejection"), /operation has timed out/);
    const byOption = connect("", { ackTimeout: 20 });
    await assert.rejects(bounded(byOption.emitWithAck("never"), "a rejection"), /operation has timed out/);
    assert.ok(await bounded(new Promise((resolve) => byOption.emit("never", resolve)), "a time-out") instanceof Error);
  });

  story("that come too late do not count", async ({ connect }) => {
    const socket = connect();
    await once(socket, "connect");
    const calls = [];
    socket.timeout(0).emit("echo", 42, (...values) => calls.push(values));
    await ask(socket, "echo", "later");
    assert.equal(calls.length, 1);
    assert.ok(calls[0][0] instanceof Error);
  });

  story("that come in time carry no error", async ({ connect }) => {
    const socket = connect();
    const values = await bounded(new Promise((resolve) => {
      socket.timeout(5000).emit("echo", 42, (...given) => resolve(given));
    }), "an acknowledgement");
    assert.deepEqual(values, [null, 42]);
    assert.equal(await bounded(socket.timeout(5000).emitWithAck("echo", 42), "an answer"), 42);
  });

  story("that wait when the socket leaves get an error where they can", async ({ connect }) => {
    for (const options of [{}, { ackTimeout: 10_000 }]) {
      const socket = connect("", options);
      await once(socket, "connect");
      const plain = [];
      if (!options.ackTimeout) socket.emit("never", () => plain.push("called"));
      const withTimeout = new Promise((resolve) => socket.timeout(10_000).emit("never", resolve));
      const byOption = options.ackTimeout ? new Promise((resolve) => socket.emit("never", resolve)) : withTimeout;
      const promise = socket.emitWithAck("never").catch((error) => error);
      const promiseWithTimeout = socket.timeout(10_000).emitWithAck("never").catch((error) => error);
      socket.disconnect();
      for (const settled of [withTimeout, byOption, promise, promiseWithTimeout]) {
        const error = await bounded(settled, "an acknowledgement to settle");
        assert.equal(error.message, "socket has been disconnected");
      }
      assert.deepEqual(plain, []);
    }
  });

  story("of what is emitted after leaving wait for the next connection", async ({ connect }) => {
    const socket = connect();
    await once(socket, "connect");
    socket.disconnect();
    const answer = new Promise((resolve) => socket.emit("echo", "a", resolve));
    socket.connect();
    assert.equal(await bounded(answer, "the answer"), "a");
  });
});

describe("retries", { concurrency: 8, timeout: 60_000 }, () => {
  story("keep the order of events, and number them", async ({ connect }) => {
    const socket = connect("", { retries: 1, ackTimeout: 5000 });
    const sent = collect(socket.io.engine, "packetCreate");
    const order = [];
    const answers = [1, 2, 3].map((value) => new Promise((resolve) => {
      socket.emit("echo", value, (error, answer) => { order.push(answer); resolve(error); });
    }));
    assert.deepEqual(await bounded(Promise.all(answers), "all answers"), [null, null, null]);
    assert.deepEqual(order, [1, 2, 3]);
    const events = sent.received.map(([{ data }]) => data).filter((data) => /^2\d/.test(data));
    assert.deepEqual(events, ['20["echo",1]', '21["echo",2]', '22["echo",3]']);
  });

  story("end after so many tries, each under the same number", async ({ connect }) => {
    const socket = connect("", { retries: 3, ackTimeout: 40 });
    const sent = collect(socket.io.engine, "packetCreate");
    const error = await bounded(new Promise((resolve) => socket.emit("never", resolve)), "the error");
    assert.ok(error instanceof Error);
    const events = sent.received.map(([{ data }]) => data).filter((data) => /^2\d/.test(data));
    // The reference gives every try a number of its own, so no server can know it again.
    assert.deepEqual(events, (isOurs ? [0, 0, 0, 0] : [0, 1, 2, 3]).map((number) => `2${number}["never"]`));
  });

  story("wait for a connection", async ({ connect }) => {
    const socket = connect("", { autoConnect: false, retries: 3, ackTimeout: 5000 });
    const answer = new Promise((resolve) => socket.emit("echo", 1, resolve));
    await sleep(60);
    socket.connect();
    assert.equal(await bounded(answer, "the answer"), null);
  });

  story("send once what is emitted in a handler of connect", async ({ connect }) => {
    const socket = connect("", { retries: 3, ackTimeout: 5000 });
    const sent = collect(socket.io.engine, "packetCreate");
    socket.on("connect", () => socket.emit("echo", null));
    await once(socket, "connect");
    await ask(socket, "echo", "behind");
    const events = sent.received.map(([{ data }]) => data).filter((data) => data?.includes("[\"echo\",null]"));
    assert.equal(events.length, 1);
  });
});

describe("Engine.IO", { concurrency: 8, timeout: 60_000 }, () => {
  it("names the protocol of its sessions", () => assert.equal(engineProtocol, 4));

  for (const [mode, options] of Object.entries(MODES)) {
    story(`sends text of any kind, over ${mode}`, async ({ open }) => {
      const session = open(options);
      await once(session, "open");
      for (const text of ["hi", "cash money €€€", "\uD800\uDC00-\uDB7F\uDFFF\uDB80\uDC00-\uDBFF\uDFFF\uE000-\uF8FF"].concat(isOurs ? "" : [])) {
        const back = once(session, "message");
        session.send(text);
        assert.deepEqual(await back, [text]);
      }
    });

    story(`sends and gets bytes, over ${mode}, also as base64`, async ({ open }) => {
      for (const forceBase64 of [false, true]) {
        const session = open({ ...options, forceBase64 });
        session.binaryType = "arraybuffer";
        await once(session, "open");
        const bytes = Uint8Array.from([0, 1, 2, 3, 4, 250, 251, 255]);
        const back = collect(session, "message");
        session.send(bytes);
        session.send("cash money €€€");
        session.send(bytes.buffer);
        session.send(bytes.subarray(2, 4));
        const all = (await back.take(4)).map(([data]) => (typeof data === "string" ? data : [...new Uint8Array(data)]));
        assert.deepEqual(all, [[...bytes], "cash money €€€", [...bytes], [2, 3]]);
      }
    });
  }

  story("sends nothing after it was closed", async ({ open }) => {
    const session = open();
    await once(session, "open");
    const packets = collect(session, "packetCreate");
    session.close();
    session.send("hi");
    await once(session, "close").catch(() => {});
    assert.deepEqual(packets.received.filter(([{ type }]) => type === "message"), []);
  });

  story("sends what waited before it closes", async ({ open }) => {
    const session = open();
    await once(session, "open");
    const closed = once(session, "close");
    session.send("hi");
    session.close();
    assert.equal((await closed)[0], "forced close");
    assert.equal(session.writeBuffer.length, 0);
  });

  story("finishes an upgrade before it closes", async ({ open }) => {
    const session = open();
    const order = [];
    session.on("upgrade", () => order.push("upgrade"));
    session.on("close", () => order.push("close"));
    await once(session, "upgrading");
    const closed = once(session, "close");
    session.send("hi");
    session.close();
    session.send("too late");
    await closed;
    assert.deepEqual(order, ["upgrade", "close"]);
    assert.equal(session.writeBuffer.length, 0);
  });

  story("tries only transports that it was given", async ({ open }) => {
    const transports = ["polling"];
    const session = open({ transports });
    await once(session, "open");
    await quiet(session, "upgrading");
    assert.deepEqual(transports, ["polling"], "the caller's list is left alone");
  });

  story("has an error for no transport at all", async ({ open }) => {
    const session = open({ transports: [] });
    const [error] = await once(session, "error");
    assert.match(String(error), /No transports available/);
  });

  story("tries the next transport, if it was told to", async ({ open }) => {
    for (const transports of [["polling", "websocket"], ["websocket", "polling"]]) {
      const broken = { [transports[0]]: { query: { sid: "unknown" } } };
      const session = open({ transports: [...transports], transportOptions: broken, tryAllTransports: true });
      await once(session, "open");
      assert.equal(session.transport.name, transports[1]);
      const stubborn = open({ transports: [...transports], transportOptions: broken });
      const [error] = await once(stubborn, "error");
      assert.ok(error instanceof Error);
    }
  });

  for (const kind of ["text", "bytes"]) {
    story(`puts into a post as many packets as the server takes, ${kind}`, async ({ open }) => {
      const session = open(MODES.polling);
      session.binaryType = "arraybuffer";
      await once(session, "open");
      const posts = collect(session, "flush");
      const back = collect(session, "message");
      for (let number = 0; number < 6; number++) {
        session.send(kind === "text" ? "a".repeat(400_000) + number : new Uint8Array(300_000).fill(number));
      }
      const all = (await back.take(6)).map(([data]) => (
        kind === "text" ? Number(data.at(-1)) : [...new Set(new Uint8Array(data))][0]
      ));
      assert.deepEqual(all, [0, 1, 2, 3, 4, 5]);
      assert.ok(posts.received.length >= 3, "1,000,000 bytes hold two of them");
    });
  }

  for (const [mode, options] of Object.entries(MODES).slice(0, 2)) {
    story(`has an answer for what is too large, over ${mode}`, async ({ open }) => {
      const session = open(options);
      await once(session, "open");
      if (isOurs) {
        assert.throws(() => session.send("a".repeat(1_000_001)), { name: "PayloadTooLargeError" });
        const back = once(session, "message");
        session.send("still here");
        assert.deepEqual(await back, ["still here"]);
      } else {
        const closed = once(session, "close");
        session.send("a".repeat(1_000_001));
        await closed;
      }
    });

    story(`tells what was wrong with an unknown session, over ${mode}`, async ({ open }) => {
      const session = open({ ...options, query: { sid: "abc" } });
      const closed = once(session, "close");
      const [error] = await once(session, "error");
      assert.ok(error instanceof Error);
      assert.equal(error.type, "TransportError");
      if (mode === "polling") {
        assert.equal(error.description, 400);
        if (isOurs) assert.deepEqual(error.data, { code: 1, message: "Session ID unknown" });
      }
      const [reason, details] = await closed;
      assert.equal(reason, "transport error");
      assert.equal(details, error);
    });
  }

  story("knows by the clock that the server is gone", async ({ open }) => {
    const session = open();
    assert.equal(session._hasPingExpired(), false);
    await once(session, "open");
    assert.equal(session._hasPingExpired(), false);
    const closed = collect(session, "close");
    const looks = afterAnHour(() => [session._hasPingExpired(), session._hasPingExpired()]);
    assert.deepEqual(looks, [true, true]);
    assert.equal((await closed.take(1))[0][0], "ping timeout");
    assert.deepEqual(closed.received, []);
  });

  story("sends headers and a query of its own with each request", async ({ open }) => {
    const session = open({ ...MODES.polling, query: { deny: "no" }, extraHeaders: { "x-own": "é?".slice(1) } });
    await once(session, "open");
    const back = once(session, "message");
    session.send("heard");
    assert.deepEqual(await back, ["heard"]);
  });
});

// By itself: what is remembered belongs to the whole program.
describe("memory", { timeout: 60_000 }, () => {
  story("remembers that WebSocket worked, if it was told to", async ({ open }) => {
    const first = open({ rememberUpgrade: true });
    await once(first, "upgrade");
    first.close();
    const second = open({ rememberUpgrade: true });
    await once(second, "open");
    assert.equal(second.transport.name, "websocket");
    const other = open();
    await once(other, "open");
    assert.equal(other.transport.name, "polling");
  });
});

describe("a probe", { skip: !isOurs, timeout: 60_000 }, () => {
  story("that fails while the session waits to close lets it close", async ({ open }) => {
    const { WebSocket } = globalThis;
    const made = [];
    globalThis.WebSocket = class extends WebSocket {
      constructor(...values) {
        super(...values);
        made.push(this);
      }
    };
    try {
      const session = open();
      const order = [];
      for (const event of ["upgrade", "upgradeError", "close"]) session.on(event, () => order.push(event));
      const closed = once(session, "close");
      await once(session, "upgrading");
      session.send("hi");
      session.close();
      made[0].dispatchEvent(new Event("error"));
      assert.equal((await closed)[0], "forced close");
      assert.deepEqual(order, ["upgradeError", "close"]);
      assert.equal(session.writeBuffer.length, 0);
    } finally {
      globalThis.WebSocket = WebSocket;
    }
  });
});

// By themselves, as the functions of the global object are replaced; the reference takes others in Node.
describe("addresses", { skip: !isOurs, timeout: 60_000 }, () => {
  /** What is asked of the network by what `make` begins. */
  async function asked(make) {
    const { fetch, WebSocket } = globalThis;
    let report;
    const reported = new Promise((resolve) => { report = resolve; });
    globalThis.fetch = async (address, { method }) => { report(`${method} ${address}`); throw new Error("no network"); };
    globalThis.WebSocket = class { constructor(address) { report(address); } send() {} close() {} };
    try {
      const made = make();
      const address = await bounded(reported, "an address");
      (made.io ?? made).close?.();
      made.disconnect?.();
      return address;
    } finally {
      Object.assign(globalThis, { fetch, WebSocket });
    }
  }

  const engine = (uri, options) => asked(() => new EngineSocket(uri, options));
  const POLLING = { ...MODES.polling, timestampRequests: false };
  // That ours can do batches.
  const more = isOurs ? "&arcwire=batch" : "";
  const query = `EIO=4&transport=polling${more}`;

  for (const [title, ...values] of [
    ["an http address", "http://localhost", POLLING, `GET http://localhost/engine.io/?${query}`],
    ["the default port", "http://localhost:80", POLLING, `GET http://localhost/engine.io/?${query}`],
    ["a port", "http://localhost:3000", POLLING, `GET http://localhost:3000/engine.io/?${query}`],
    ["an https address", "https://localhost:443", POLLING, `GET https://localhost/engine.io/?${query}`],
    ["an https address with a port", "https://localhost:8443", POLLING, `GET https://localhost:8443/engine.io/?${query}`],
    ["a ws address", "ws://localhost:81", POLLING, `GET http://localhost:81/engine.io/?${query}`],
    ["a wss address", "wss://localhost", POLLING, `GET https://localhost/engine.io/?${query}`],
    ["an IPv6 address", "http://[::1]", POLLING, `GET http://[::1]/engine.io/?${query}`],
    ["an IPv6 address with a port", "http://[::1]:8080", POLLING, `GET http://[::1]:8080/engine.io/?${query}`],
    ["a host and a port as options", { ...POLLING, host: "localhost", port: "8080" }, undefined, `GET http://localhost:8080/engine.io/?${query}`],
    ["a secure host as options", { ...POLLING, hostname: "[::1]", secure: true }, undefined, `GET https://[::1]/engine.io/?${query}`],
    ["a path", "http://localhost", { ...POLLING, path: "/p" }, `GET http://localhost/p/?${query}`],
    ["a path without a slash", "http://localhost", { ...POLLING, addTrailingSlash: false }, `GET http://localhost/engine.io?${query}`],
    ["a query", "http://localhost", { ...POLLING, query: { "&a": "&=?a" } }, `GET http://localhost/engine.io/?%26a=%26%3D%3Fa&${query}`],
    ["a WebSocket", "http://localhost", MODES.websocket, `ws://localhost/engine.io/?EIO=4&transport=websocket${more}`],
    ["a secure WebSocket", "https://localhost:8443", MODES.websocket, `wss://localhost:8443/engine.io/?EIO=4&transport=websocket${more}`],
    ["a WebSocket on IPv6", "http://[::1]:81", MODES.websocket, `ws://[::1]:81/engine.io/?EIO=4&transport=websocket${more}`],
  ]) {
    it(`of ${title}`, async () => {
      const [uri, options, expected] = values;
      assert.equal(await engine(uri, options), expected);
    });
  }

  it("are of their own for each request of polling, and for WebSockets if told to", async () => {
    const stamp = /[?&]t=([0-9a-z]+)(&|$)/;
    const [first, second] = [await engine("http://localhost", MODES.polling), await engine("http://localhost", MODES.polling)];
    assert.notEqual(stamp.exec(first)[1], stamp.exec(second)[1]);
    assert.doesNotMatch(await engine("http://localhost", MODES.websocket), stamp);
    assert.match(await engine("http://localhost", { ...MODES.websocket, timestampRequests: true }), stamp);
    assert.match(await engine("http://localhost", { ...MODES.polling, timestampParam: "own" }), /[?&]own=/);
  });

  it("are relative to the page", async () => {
    const options = { ...POLLING, forceNew: true, reconnection: false };
    try {
      for (const [location, uri, expected] of [
        [{ protocol: "https:", hostname: "woot.com", host: "woot.com:4005" }, undefined, "https://woot.com:4005"],
        [{ protocol: "https:", hostname: "woot.com", host: "woot.com:3000" }, "/test", "https://woot.com:3000"],
        [{ protocol: "http:", hostname: "woot.com", host: "woot.com" }, "localhost:3000", "http://localhost:3000"],
        [{ protocol: "https:", hostname: "woot.com", host: "woot.com" }, "//localhost:3000/a", "https://localhost:3000"],
        [{ protocol: "http:", hostname: "[::1]", host: "[::1]" }, undefined, "http://[::1]"],
      ]) {
        globalThis.location = location;
        const address = await asked(() => io(uri, options));
        assert.equal(address, `GET ${expected}/socket.io/?${query}`);
      }
    } finally {
      delete globalThis.location;
    }
  });

  it("share a connection when they are the same", () => {
    const manager = (uri, options) => io(uri, { autoConnect: false, ...options }).io;
    const first = manager("http://one.example:80/a");
    assert.equal(manager("http://one.example/b"), first);
    assert.notEqual(manager("https://one.example/c"), first);
    assert.notEqual(manager("http://one.example/d", { path: "/test" }), first);
    assert.equal(io("http://one.example/woot", { autoConnect: false }).nsp, "/woot");
    assert.equal(io("http://two.example", { autoConnect: false }).nsp, "/");
  });
});
