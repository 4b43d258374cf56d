// What pages do with `io`, whichever script it comes from. Each scenario is a function of its surroundings:
// `server` and `wire` (URLs), `control` (what the test offers). It throws when something is not as it should be.

const PATIENCE = 20_000; // milliseconds

export const TRANSPORTS = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

// Waiting, and looking.

export function bounded(promise, what, milliseconds = PATIENCE) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** The arguments of the next `event`. */
export function once(emitter, event) {
  return bounded(new Promise((resolve) => emitter.once(event, (...values) => resolve(values))), `"${event}"`);
}

/** Looks until `check` is true. */
export async function until(check, what) {
  const late = Date.now() + PATIENCE;
  while (!check()) {
    if (Date.now() > late) throw new Error(`waited ${PATIENCE} ms until ${what ?? check}`);
    await pause(5);
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const shown = (value) => JSON.stringify(describe(value)) ?? String(value);

/** A value with lists of numbers in place of bytes. */
function describe(value) {
  if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
  if (ArrayBuffer.isView(value)) return { view: value.constructor.name };
  if (value instanceof Error) return String(value);
  if (Array.isArray(value)) return value.map(describe);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, describe(item)]));
}

export function equal(actual, expected, what = "value") {
  const sorted = (value) => JSON.stringify(describe(value), (_, item) => (
    item && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1)))
      : item
  ));
  if (sorted(actual) !== sorted(expected)) {
    throw new Error(`${what}: expected ${shown(expected).slice(0, 2000)}, got ${shown(actual).slice(0, 2000)}`);
  }
}

export function ok(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
}

// Connecting, and asking.

const open = new Set();

export function connect(url, options = {}) {
  const socket = window.io(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, ...options });
  open.add(socket);
  return socket;
}

async function connected(url, options) {
  const socket = connect(url, options);
  if (!socket.connected) {
    const failed = (error) => fail(new Error(`connect_error: ${error.message}`));
    let fail;
    const failure = new Promise((_, reject) => { fail = reject; });
    socket.once("connect_error", failed);
    await Promise.race([once(socket, "connect"), failure]);
    socket.off("connect_error", failed);
  }
  return socket;
}

const ask = (socket, ...values) => bounded(socket.emitWithAck(...values), `the answer to ${values[0]}`);

async function upgraded(socket) {
  if (socket.io.engine.transport.name !== "websocket") await once(socket.io.engine, "upgrade");
}

/** Everything that text and order could get wrong. */
async function exchange(socket) {
  const text = "é 漢字 🎉👩‍👩‍👧 \u2028\u2029 \\n \\\\n \n \r\n \" ' </script> & = + % \u0000 \u001e 12:4 bAAAA";
  equal(await ask(socket, "echo", text), text, "text");
  equal(await ask(socket, "describe", text, null, 0, -1.5, [], {}, { a: [true, { b: "c" }] }),
    [text, null, 0, -1.5, [], {}, { a: [true, { b: "c" }] }], "arguments");
  const large = "0123456789é".repeat(8000);
  ok((await ask(socket, "echo", large)) === large, "a large text comes back");
  const numbers = [];
  socket.on("counted", (number) => numbers.push(number));
  equal(await ask(socket, "count", 300), 300, "acknowledgement");
  equal(numbers, [...Array(300).keys()], "events are before the acknowledgement, in order");
  const answers = await Promise.all([...Array(100).keys()].map((number) => ask(socket, "echo", number)));
  equal(answers, [...Array(100).keys()], "answers");
  socket.off("counted");
}

/** Where a row of numbers from 0 on jumps: pairs of what should be and what is. */
const gaps = (numbers) => numbers.flatMap((number, at) => {
  const due = at ? numbers[at - 1] + 1 : 0;
  return number === due ? [] : [[due, number]];
});

export const scenarios = {
  async polling({ server }) {
    const socket = await connected(server, TRANSPORTS.polling);
    await exchange(socket);
    equal(socket.io.engine.transport.name, "polling", "transport");
  },

  async websocket({ server }) {
    const socket = await connected(server, TRANSPORTS.websocket);
    await exchange(socket);
    equal(socket.io.engine.transport.name, "websocket", "transport");
  },

  /** What one task sends shares WebSocket messages, where both sides are Arcwire's. */
  async batches({ server, isOurs, isOurServer }) {
    const original = WebSocket.prototype.send;
    const sent = [];
    WebSocket.prototype.send = function (data) {
      sent.push(data);
      return original.call(this, data);
    };
    try {
      for (const options of [TRANSPORTS.websocket, TRANSPORTS.upgrade]) {
        const socket = await connected(server, options);
        await upgraded(socket);
        await ask(socket, "echo", 0);
        sent.length = 0;
        const values = [...Array(200).keys()].map((number) => (number % 50 === 49 ? `\u001e${number}` : "é".repeat(number)));
        const answers = values.map((value) => ask(socket, "echo", value));
        const bytes = ask(socket, "echo", Uint8Array.of(30, 52));
        answers.push(ask(socket, "echo", "behind"));
        equal(await Promise.all(answers), [...values, "behind"], "answers");
        equal(await bytes, { bytes: [30, 52] }, "bytes in between");
        const isShared = isOurs && isOurServer;
        ok(isShared ? sent.length < 40 : sent.length >= 203, `${sent.length} messages`);
        ok(sent.some((data) => data[0] === "\u001e") === isShared, "a batch begins with the separator");
        const last = ask(socket, "echo", "last").catch((error) => error.message);
        const closed = once(socket.io, "close");
        socket.emit("bounce", "last");
        socket.disconnect();
        await closed;
        ok(sent.at(-1).includes("last") || sent.at(-1) === "41", "nothing is left behind at the end");
        ok(sent.some((data) => typeof data === "string" && data.includes('"bounce","last"')), "an emit before the end is sent");
        ok(typeof (await last) === "string", "who waits is told");
      }
    } finally {
      WebSocket.prototype.send = original;
    }
  },

  /** A frame that is taken out of the page in the middle of a task has sent what it emitted. */
  async removedFrame({ server }) {
    const room = `frame ${Math.random()}`;
    const listener = await connected(server);
    await ask(listener, "join", room);
    const heard = once(listener, "heard");
    const frame = document.createElement("iframe");
    frame.src = location.href;
    const loaded = new Promise((resolve) => { frame.onload = resolve; });
    document.body.append(frame);
    await loaded;
    const socket = frame.contentWindow.io(server, { forceNew: true, ...TRANSPORTS.websocket });
    await once(socket, "connect");
    socket.emit("to", room, "the last word", () => {});
    frame.remove();
    equal(await heard, ["the last word"]);
  },

  /** Nothing gets lost or overtaken while the transport changes. */
  async upgrade({ server }) {
    const socket = connect(server);
    await once(socket.io, "open");
    const { engine } = socket.io;
    equal(engine.transport.name, "polling", "first transport");
    const bounced = [];
    let sent = 0;
    let isOver = false;
    socket.on("bounced", (number) => bounced.push(number));
    engine.once("upgrade", () => { isOver = true; });
    const late = Date.now() + PATIENCE;
    while (!isOver || sent % 50) {
      if (Date.now() > late) throw new Error("no upgrade");
      socket.emit("bounce", sent++);
      if (sent % 5 === 0) await pause(1);
    }
    await until(() => bounced.length === sent, "everything came back");
    equal(bounced, [...Array(sent).keys()], "order over the upgrade");
    equal(engine.transport.name, "websocket", "transport");
    await exchange(socket);
  },

  async rememberedUpgrade({ server }) {
    const first = await connected(server, { rememberUpgrade: true });
    await upgraded(first);
    first.disconnect();
    const second = await connected(server, { rememberUpgrade: true });
    equal(second.io.engine.transport.name, "websocket", "the second connection begins with WebSocket");
    equal(await ask(second, "echo", 1), 1);
  },

  /** Where WebSocket is forbidden. `wire` refuses it. */
  async blockedWebSocket({ wire }) {
    const stays = await connected(wire);
    await exchange(stays);
    equal(stays.io.engine.transport.name, "polling", "transport");
    const tries = await connected(wire, { transports: ["websocket", "polling"], tryAllTransports: true });
    equal(tries.io.engine.transport.name, "polling", "transport after a failed WebSocket");
    equal(await ask(tries, "echo", "x"), "x");
    const fails = connect(wire, { ...TRANSPORTS.websocket, reconnection: false });
    const [error] = await once(fails, "connect_error");
    ok(error instanceof Error && error.message, "an error with a message");
  },

  async binary({ server }) {
    const buffer = Uint8Array.of(0, 1, 4, 10, 92, 110, 254, 255).buffer;
    const words = new Uint16Array([1, 65535, 258]);
    const sent = {
      buffer,
      window: new Uint8Array(buffer, 2, 3),
      words,
      doubles: Float64Array.of(0.5, -1),
      view: new DataView(buffer, 6),
      empty: new ArrayBuffer(0),
      list: [Uint8Array.of(1), { deep: [Uint8Array.of(2).buffer, "text", null] }],
    };
    const bytes = (view) => ({
      bytes: [...(view instanceof ArrayBuffer ? new Uint8Array(view) : new Uint8Array(view.buffer, view.byteOffset, view.byteLength))],
    });
    const expected = {
      ...Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, key === "list" ? null : bytes(value)])),
      list: [{ bytes: [1] }, { deep: [{ bytes: [2] }, "text", null] }],
    };
    for (const [name, options] of Object.entries(TRANSPORTS)) {
      const socket = await connected(server, options);
      equal(await ask(socket, "describe", sent, Uint8Array.of(9)), [expected, { bytes: [9] }], `bytes over ${name}`);
      const back = await ask(socket, "echo", sent);
      equal(back, expected, `bytes that come back over ${name}`);
      ok(back.buffer instanceof ArrayBuffer, "they are ArrayBuffers");

      const blob = new Blob(["héllo", buffer], { type: "text/x" });
      const file = new File([Uint8Array.of(7, 8, 9)], "numbers.bin");
      const all = await bounded(Promise.all([
        ask(socket, "describe", { blob, list: [file] }, "after"),
        ask(socket, "echo", "follows"),
      ]), "blobs");
      equal(all[0], [
        { blob: { bytes: [...new TextEncoder().encode("héllo"), 0, 1, 4, 10, 92, 110, 254, 255] }, list: [{ bytes: [7, 8, 9] }] },
        "after",
      ], `blobs over ${name}`);
      equal(all[1], "follows");

      // Events before, between and behind blobs keep their order.
      const order = [];
      socket.on("bounced", (value) => order.push(value instanceof ArrayBuffer ? "bytes" : value));
      for (const value of [0, new Blob(["x"]), 1, Uint8Array.of(1), 2, file, 3]) socket.emit("bounce", value);
      await until(() => order.length === 7, "all bounced");
      equal(order, [0, "bytes", 1, "bytes", 2, "bytes", 3], "order with blobs");

      const large = new Uint8Array(100_000).map((_, number) => number % 251);
      const returned = new Uint8Array(await ask(socket, "echo", large));
      ok(returned.length === large.length && returned.every((byte, number) => byte === large[number]), "large bytes");
      ok(sent.buffer === buffer && large instanceof Uint8Array, "what is sent stays as it is");
    }
  },

  async acknowledgements({ server }) {
    for (const options of Object.values(TRANSPORTS)) {
      const socket = await connected(server, options);
      const byCallback = await bounded(new Promise((resolve) => {
        socket.emit("echo", 1, Uint8Array.of(2), (...values) => resolve(values));
      }), "a callback");
      equal(byCallback, [1, { bytes: [2] }], "callback");
      const withError = await bounded(new Promise((resolve) => {
        socket.timeout(PATIENCE).emit("echo", "a", (...values) => resolve(values));
      }), "a callback with an error");
      equal(withError, [null, "a"], "callback with an error");
      const late = await bounded(new Promise((resolve) => socket.timeout(30).emit("never", resolve)), "a time-out");
      ok(late instanceof Error, "a time-out is an error");
      const rejection = await socket.timeout(30).emitWithAck("never").catch((error) => error);
      ok(rejection instanceof Error, "a time-out rejects");
      socket.on("question", (value, answer) => answer({ answered: value }));
      equal(await ask(socket, "ask-me", 10, { x: Uint8Array.of(3) }), { answer: { answered: { x: { bytes: [3] } } } });
      socket.off("question");
      equal(await ask(socket, "ask-me", 0.05, 0), { timeout: true }, "a question without an answer");
      const interrupted = socket.emitWithAck("never").catch((error) => error);
      socket.disconnect();
      ok((await bounded(interrupted, "a settled promise")) instanceof Error, "an acknowledgement settles at disconnection");
    }
  },

  async namespaces({ server }) {
    const options = { forceNew: false, reconnectionDelay: 20, path: "/socket.io" };
    const main = connect(`${server}/`, options);
    const custom = connect(`${server}/custom`, options);
    ok(main.io === custom.io, "one connection for two namespaces");
    await Promise.all([once(main, "connect"), once(custom, "connect")]);
    ok(main.id !== custom.id && main.id !== main.io.engine.id, "ids differ");
    for (const [socket, name] of [[main, "/"], [custom, "/custom"]]) {
      const me = await ask(socket, "who-am-i");
      equal([me.id, me.namespace], [socket.id, name]);
    }
    custom.disconnect();
    equal(custom.connected, false);
    equal(await ask(main, "echo", "still"), "still");
    custom.connect();
    await once(custom, "connect");
    equal((await ask(custom, "who-am-i")).namespace, "/custom");
    const unknown = main.io.socket("/unknown");
    const [error] = await once(unknown, "connect_error");
    equal(error.message, "Invalid namespace");
    equal(unknown.active, false, "active after a refusal");

    const ended = once(custom, "disconnect");
    custom.emit("disconnect-me", false);
    equal((await ended)[0], "io server disconnect");
    equal(await ask(main, "echo", "still"), "still");
    const closed = once(main.io, "close");
    main.disconnect();
    unknown.disconnect();
    await closed;
  },

  async auth({ server }) {
    const byObject = await connected(server, { auth: { name: "ada", nested: [1, { two: "é" }] } });
    equal((await ask(byObject, "who-am-i")).auth, { name: "ada", nested: [1, { two: "é" }] });
    let turn = 0;
    const byFunction = await connected(server, { auth: (give) => setTimeout(() => give({ turn: ++turn }), 1) });
    equal((await ask(byFunction, "who-am-i")).auth, { turn: 1 });
    const again = once(byFunction, "connect");
    byFunction.io.engine.close();
    await again;
    equal((await ask(byFunction, "who-am-i")).auth, { turn: 2 }, "auth is asked for each connection");

    const guarded = connect(`${server}/guarded`, { auth: { token: "wrong" } });
    const [error] = await once(guarded, "connect_error");
    equal([error.message, error.data], ["unauthorized", { given: "wrong" }]);
    equal([guarded.connected, guarded.active, guarded.id], [false, false, undefined]);
    guarded.auth = { token: "sesame" };
    guarded.connect();
    await once(guarded, "connect");
    equal((await ask(guarded, "who-am-i")).auth, { token: "sesame" });

    const asked = await connected(`${server}/?room=a%26b`, { query: undefined });
    equal((await ask(asked, "who-am-i")).query, "a&b");
    const byOption = await connected(server, { query: { room: "é&=?" }, extraHeaders: { "x-browser": "yes" } });
    const me = await ask(byOption, "who-am-i");
    equal([me.query, me.header], ["é&=?", "yes"], "query and header");
  },

  /** The page is of another origin than the server. */
  async cookies({ server }) {
    document.cookie = "user=ada; path=/; samesite=lax";
    const without = await connected(server, TRANSPORTS.polling);
    equal((await ask(without, "who-am-i")).cookie, null, "cookies without credentials");
    const withThem = await connected(server, { ...TRANSPORTS.polling, withCredentials: true });
    ok((await ask(withThem, "who-am-i")).cookie?.includes("user=ada"), "cookies with credentials");
    const again = await connected(server, { ...TRANSPORTS.polling, withCredentials: true });
    ok(/\bio=/.test((await ask(again, "who-am-i")).cookie), "the server's own cookie was kept");
    const socket = await connected(server, TRANSPORTS.websocket);
    ok((await ask(socket, "who-am-i")).cookie?.includes("user=ada"), "browsers send cookies with WebSockets");
  },

  /** The page is of the server's own origin. */
  async ownOrigin({ server }) {
    document.cookie = "user=ada; path=/; samesite=lax";
    for (const options of Object.values(TRANSPORTS)) {
      const socket = await connected(undefined, options);
      equal(socket.io.uri ?? server, server);
      ok((await ask(socket, "who-am-i")).cookie.includes("user=ada"), "cookies of the own origin");
      const custom = await connected("/custom", options);
      equal((await ask(custom, "who-am-i")).namespace, "/custom", "a path is a namespace");
    }
  },

  /** The page is of an origin that the server does not know. */
  async foreignOrigin({ server }) {
    const socket = connect(server, { ...TRANSPORTS.polling, reconnection: false });
    const [error] = await once(socket, "connect_error");
    ok(error instanceof Error && error.message, "an error with a message");
    equal([socket.connected, socket.id], [false, undefined]);
  },

  async refusals({ server, dead }) {
    const refused = connect(`${server}/refusing`);
    const [error] = await once(refused, "connect_error");
    equal([error.message, error.data], ["closed today", { reopens: ["tomorrow", 9] }]);
    equal(refused.active, false, "active when the server has refused");

    for (const options of Object.values(TRANSPORTS)) {
      const nobody = connect(dead, { ...options, reconnectionAttempts: 2 });
      const attempts = [];
      nobody.io.on("reconnect_attempt", (number) => attempts.push(number));
      const failed = once(nobody.io, "reconnect_failed");
      const [unreachable] = await once(nobody, "connect_error");
      ok(unreachable instanceof Error, "an error");
      equal(nobody.active, true, "active while it is tried again");
      await failed;
      equal(attempts, [1, 2], "attempts");
      const elsewhere = connect(server, { ...options, path: "/nothing", reconnection: false });
      const [notFound] = await once(elsewhere, "connect_error");
      ok(notFound instanceof Error && notFound.message, "an error for a wrong path");
    }
  },

  async worker({ server }) {
    const worker = new Worker("/worker.js");
    for (const options of Object.values(TRANSPORTS)) {
      const replied = new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
      worker.postMessage({ url: server, options, values: ["from a worker", Uint8Array.of(1, 2)] });
      equal(await bounded(replied, "the worker"), { answer: ["from a worker", { bytes: [1, 2] }] });
    }
    worker.terminate();
  },

  /**
   * 200 cuts at random moments, on several `transports` at the same time. A session that is recovered has lost and
   * doubled nothing. Our server recovers every time, the reference not before it has noticed the cut.
   */
  async recovery({ server, wire, control, isOurServer, transports }) {
    const director = await connected(server);
    const listeners = await Promise.all(transports.map(async (name) => {
      const socket = connect(wire, {
        path: "/recovering", reconnectionDelay: 1, reconnectionDelayMax: 20, timeout: 2000, ...TRANSPORTS[name],
      });
      const listener = { name, socket, sessions: [], recoveries: 0, heard: 0 };
      const session = () => listener.sessions.at(-1);
      socket.on("connect", () => {
        if (socket.recovered && socket.id === session()?.id) listener.recoveries++;
        else listener.sessions.push({ id: socket.id, numbers: [], recovered: socket.recovered, total: null });
        socket.emit("speak", 0.003, () => {}); // it may have got lost; one that speaks already goes on
      });
      socket.on("numbered", (number) => {
        session().numbers.push(number);
        listener.heard++;
      });
      socket.on("end", (total) => { session().total = total; });
      await until(() => session()?.numbers.length > 0, "the first number"); // the reference cannot recover before
      return listener;
    }));
    // At any moment, within handshakes too; but every other time all have come back before, as where they are slower
    // than the cuts, nothing but handshakes would be cut.
    for (let cuts = 0, round = 0; cuts < 200; round++) {
      const before = listeners.map(({ heard }) => heard);
      if (round % 2) await until(() => listeners.every(({ heard }, index) => heard > before[index]), "all hear again");
      await pause(Math.random() * 30);
      cuts += await control("interrupt", { unnoticed: isOurServer && Math.random() < 0.3 });
    }
    const seen = {};
    for (const listener of listeners) {
      const { name, socket, sessions } = listener;
      const late = Date.now() + PATIENCE;
      while (sessions.at(-1).total === null) {
        if (Date.now() > late) throw new Error(`no end over ${name}: ${JSON.stringify(sessions.map(({ numbers }) => numbers.length))}`);
        if (socket.connected) await ask(director, "hush", socket.id);
        await pause(100);
      }
      sessions.forEach(({ numbers, recovered }, index) => {
        equal(gaps(numbers), [], `what is due and what comes where numbers jump over ${name}`);
        ok(!recovered, `session ${index} over ${name} is none that was recovered`);
      });
      const { numbers, total } = sessions.at(-1);
      equal(numbers.length, total, `how many numbers came over ${name}`);
      if (isOurServer) equal(sessions.length, 1, `sessions over ${name}`);
      // Polls that are repeated in time survive a cut.
      const { recoveries } = listener;
      if (name === "websocket") ok(recoveries + sessions.length > 1, "the WebSocket was cut");
      socket.disconnect();
      seen[name] = { recoveries, sessions: sessions.length, total };
    }
    return seen;
  },

  /** What is emitted with `retries` is handled once, in order, whatever breaks. Of ours, on our server. */
  async retries({ server, wire, control }) {
    const director = await connected(server);
    const uploads = await Promise.all(Object.entries(TRANSPORTS).map(async ([name, options]) => {
      const auth = { name: `${name} ${Math.random()}` };
      const socket = await connected(wire, {
        path: "/recovering", auth, retries: 1000, ackTimeout: 4000,
        reconnectionDelay: 1, reconnectionDelayMax: 20, timeout: 2000, ...options,
      });
      return { name, socket, auth, sent: 0, answers: [] };
    }));
    for (let cuts = 0; cuts < 60;) {
      for (const upload of uploads) {
        for (let count = 0; count < 3; count++) {
          const number = upload.sent++;
          upload.socket.emit("upload", number, (error, answer) => upload.answers.push(error ? String(error) : answer));
        }
      }
      await pause(Math.random() * 20);
      cuts += await control("interrupt", { unnoticed: Math.random() < 0.3 });
    }
    for (const { name, socket, auth, sent, answers } of uploads) {
      await until(() => answers.length === sent, `everything is acknowledged over ${name}`);
      equal(gaps(answers), [], `acknowledgements over ${name}`);
      const arrived = await ask(director, "uploaded", auth.name);
      equal([gaps(arrived), arrived.length], [[], sent], `what arrived over ${name}`);
      socket.disconnect();
    }
  },

  /** Of ours: what the server would not take is refused before it costs the connection. */
  async oversized({ server }) {
    for (const options of Object.values(TRANSPORTS)) {
      const socket = await connected(server, options);
      const { id } = socket;
      const error = await socket.emitWithAck("echo", "é".repeat(150_000)).catch((problem) => problem);
      equal([error.name, error.maxPayload], ["PayloadTooLargeError", 200_000]);
      equal(await ask(socket, "echo", "still here"), "still here");
      equal(socket.id, id, "the connection is the same");
    }
  },

  /** The server is killed and comes back. */
  async restart({ server, control, isOurs }) {
    const sockets = await Promise.all(Object.values(TRANSPORTS).map((options) => connected(server, options)));
    const before = sockets.map(({ id }) => id);
    const reasons = sockets.map((socket) => once(socket, "disconnect"));
    await upgraded(sockets[2]);
    await control("kill");
    for (const reason of reasons) {
      ok(["transport close", "transport error"].includes((await reason)[0]), `the reason ${(await reason)[0]}`);
    }
    equal(sockets.map(({ connected, active, id }) => [connected, active, id]), [0, 1, 2].map(() => [false, true, undefined]));
    const waiting = sockets.map((socket, index) => ask(socket, "echo", index));
    const lost = sockets.map((socket) => socket.volatile.emit("bounce", "lost"));
    equal(lost.length, 3);
    const bounced = [];
    for (const socket of sockets) socket.on("bounced", (value) => bounced.push(value));
    const tried = sockets.map((socket) => once(socket.io, "reconnect_attempt"));
    await Promise.all(tried);
    await control("start");
    equal(await Promise.all(waiting), [0, 1, 2], "what waited is sent");
    ok(sockets.every(({ id, connected }, index) => connected && id !== before[index]), "ids are new");
    for (const socket of sockets) await exchange(socket);
    if (isOurs) equal(bounced, [], "volatile events while there was no server"); // theirs may wait, when polling

    // One that closes properly.
    const closed = sockets.map((socket) => once(socket, "disconnect"));
    await control("stop");
    await Promise.all(closed);
    const again = sockets.map((socket) => once(socket, "connect"));
    await control("start");
    await Promise.all(again);
    for (const socket of sockets) equal(await ask(socket, "echo", "back"), "back");
  },
};

// Scenarios in several acts, between which the test does something with the tab. `kept` lives as long as the page.

const kept = {};

export const acts = {
  async begin({ server, wire, path = "/recovering", name, options = {} }) {
    kept.log = [];
    kept.socket = await connected(wire ?? server, { path, auth: { name }, ...options });
    kept.id = kept.socket.id;
    for (const event of ["connect", "disconnect"]) {
      kept.socket.on(event, (reason) => kept.log.push(event === "connect" ? ["connect", kept.socket.recovered] : [event, reason]));
    }
    kept.socket.on("told", (value) => kept.log.push(["told", value]));
    addEventListener("pageshow", ({ persisted }) => { kept.persisted = persisted; });
    if (options.transports?.length === 1) equal(kept.socket.io.engine.transport.name, options.transports[0]);
    else await upgraded(kept.socket);
    return kept.id;
  },

  log: () => kept.log,

  persisted: () => kept.persisted ?? false,

  async logged({ event }) {
    await until(() => kept.log.some(([name]) => name === event), `"${event}" in the log`);
    return kept.log;
  },

  async told({ values }) {
    await until(() => kept.log.filter(([name]) => name === "told").length >= values.length, "everything was told");
    equal(kept.log.filter(([name]) => name === "told").map(([, value]) => value), values, "told");
    return kept.log;
  },

  async connected() {
    await until(() => kept.socket.connected, "it is connected");
    equal(await ask(kept.socket, "echo", "here"), "here");
    return { same: kept.socket.id === kept.id, recovered: Boolean(kept.socket.recovered) };
  },

  async join({ room }) {
    await ask(kept.socket, "join", room);
    kept.socket.on("heard", (value) => kept.log.push(["heard", value]));
  },

  async speak({ room, value }) {
    await ask(kept.socket, "to", room, value);
  },

  async heard({ values }) {
    await until(() => kept.log.filter(([name]) => name === "heard").length >= values.length, "everything was heard");
    equal(kept.log.filter(([name]) => name === "heard").map(([, value]) => value), values, "heard");
  },

  leave() {
    kept.socket.disconnect();
  },
};

/** Plays a scenario or an act; what the test offers is called by `control(name, ...values)`. */
export async function play(name, surroundings = {}) {
  const control = async (action, ...values) => {
    const answer = await fetch(`${surroundings.controls}/${action}`, { method: "POST", body: JSON.stringify(values) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  if (acts[name]) return (await acts[name](surroundings)) ?? null;
  try {
    return (await scenarios[name]({ ...surroundings, control })) ?? null;
  } finally {
    for (const socket of open) socket.disconnect();
    open.clear();
  }
}
