// socket.io-client as its users have it, over each transport, against the behaviour that
// tests/support/fixture_app.py and oracle.mjs have at /clients.

import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { io, Manager } from "socket.io-client";
import { assert, bounded, collect, isOracle, once, url } from "./support.mjs";

const MODES = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

/** Runs `body` with helpers bound to one transport mode, and disconnects every client afterwards. */
function withClients(mode, body) {
  return async () => {
    const sockets = [];
    const upgraded = (socket) => {
      const { engine } = socket.io;
      return engine.transport.name === "websocket" ? undefined : once(engine, "upgrade");
    };
    const open = (namespace = "/", options = {}) => {
      const socket = io(url + namespace, {
        path: "/clients", forceNew: true, reconnection: false, ...MODES[mode], ...options,
      });
      sockets.push(socket);
      return socket;
    };
    const join = async (namespace, options) => {
      const socket = open(namespace, options);
      await Promise.race([
        once(socket, "connect"),
        once(socket, "connect_error").then(([error]) => { throw error; }),
      ]);
      if (mode === "upgrade") await upgraded(socket);
      return socket;
    };
    const room = `room-${randomUUID()}`;
    const ask = (socket, ...values) => bounded(socket.emitWithAck(...values), `the answer to ${values[0]}`);
    try {
      await body({ open, join, ask, room });
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  };
}

for (const mode of Object.keys(MODES)) {
  const test = (name, body, options) => it(name, options ?? {}, withClients(mode, body));

  describe(`socket.io-client, ${mode}`, { concurrency: 4, timeout: 20_000 }, () => {
    test("uses the transport it was asked to use", async ({ join, ask }) => {
      const socket = await join();
      const expected = mode === "polling" ? "polling" : "websocket";
      assert.equal(socket.io.engine.transport.name, expected);
      assert.deepEqual(await ask(socket, "echo", 1), 1);
      assert.equal(socket.io.engine.transport.name, expected);
    });

    test("hears what the connection handler emits", async ({ open }) => {
      const socket = open("/", { auth: { name: "ana" } });
      const [welcome] = await once(socket, "welcome");
      assert.deepEqual(welcome, { id: socket.id, auth: { name: "ana" } });
      assert.ok(!socket.recovered);
    });

    test("shows the server its query, headers, and auth function", async ({ join, ask }) => {
      const socket = await join("/", {
        auth: (done) => done({ token: "t" }),
        query: { room: "blue moon" },
        extraHeaders: { "X-Interop": "yes" },
      });
      assert.deepEqual(await ask(socket, "who-am-i"), {
        id: socket.id, namespace: "/", auth: { token: "t" }, query: "blue moon", header: "yes", user: null,
      });
    });

    describe("values", { concurrency: 4 }, () => {
      for (const [what, value] of Object.entries({
        null: null,
        booleans: [true, false],
        numbers: [0, -1, 1.5, 1e21, 2 ** 53, -0.1],
        "empty containers": { list: [], object: {}, text: "" },
        "deep nesting": JSON.parse("[".repeat(60) + "]".repeat(60)),
        "any character": "é ü 漢字 🎉👩‍👩‍👧 \u2028 \u2029 \u0000 \u001e \u007f \" \\ /",
        "names that look like protocol": { _placeholder: true, num: 0 },
        "text that looks like packets": ['2["x"]', "51-", "b4", "\u001e4"],
      })) {
        test(`come back as they went: ${what}`, async ({ join, ask }) => {
          const socket = await join();
          assert.deepEqual(await ask(socket, "echo", value), value);
          socket.emit("bounce", value, "second", value);
          assert.deepEqual(await once(socket, "bounced"), [value, "second", value]);
        });
      }

      test("a lone surrogate does not end the connection", async ({ join, ask }) => {
        const socket = await join();
        const answer = await ask(socket, "echo", "a\ud800b");
        // JSON escapes can spell it, UTF-8 cannot: kept, or replaced, but the rest arrives.
        assert.match(answer, /^a(\ud800|\ufffd+)b$/);
        assert.equal(await ask(socket, "echo", "still here"), "still here");
      });

      const bytes = Buffer.from([0, 1, 2, 254, 255]);
      for (const [what, value] of Object.entries({
        "a Buffer": bytes,
        "an ArrayBuffer": Uint8Array.from(bytes).buffer,
        "a Uint8Array": Uint8Array.from(bytes),
        "a view of a larger buffer": new Uint8Array(Uint8Array.from([9, 9, ...bytes, 9]).buffer, 2, 5),
        "a Float64Array": new Float64Array(new Uint8Array([0, 0, 0, 0, 0, 0, 240, 63]).buffer),
        "an empty Buffer": Buffer.alloc(0),
      })) {
        test(`come back as bytes: ${what}`, async ({ join, ask }) => {
          const socket = await join();
          const expected = ArrayBuffer.isView(value)
            ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
            : Buffer.from(value);
          assert.deepEqual(await ask(socket, "echo", value), expected);
          socket.emit("bounce", value);
          assert.deepEqual(await once(socket, "bounced"), [expected]);
        });
      }

      test("carry several nested attachments, both ways, with acknowledgements", async ({ join, ask }) => {
        const socket = await join();
        const value = {
          name: "photo",
          parts: [bytes, { thumb: bytes.subarray(1, 3), sizes: [1, 2] }, "text", Buffer.alloc(2000, 3)],
          again: bytes,
        };
        assert.deepEqual(await ask(socket, "echo", value), value);
        socket.emit("bounce", value, bytes);
        assert.deepEqual(await once(socket, "bounced"), [value, bytes]);
        socket.once("question", (asked, answer) => answer({ asked, mine: [bytes] }));
        assert.deepEqual(await ask(socket, "ask-me", 4, value), { answer: { asked: value, mine: [bytes] } });
      });

      test("may be as large as the server allows, and larger from the server", async ({ join, ask }) => {
        const socket = await join();
        const large = "0123456789".repeat(95_000);
        assert.equal(await ask(socket, "echo", large), large);
        const binary = Buffer.alloc(700_000, "binary");
        assert.ok(binary.equals(await ask(socket, "echo", binary)));
        assert.equal((await ask(socket, "big", 3_000_000)).length, 3_000_000);
        assert.ok(Buffer.alloc(2_000_000, 7).equals(await ask(socket, "big-binary", 2_000_000)));
      });

      test("that are too large end the connection, and no other one", async ({ join, ask }) => {
        const name = `large-${mode}-${randomUUID()}`;
        const watcher = await join();
        await ask(watcher, "join", "watchers");
        const gone = collect(watcher, "gone");
        const socket = await join("/", { auth: { name } });
        socket.emit("bounce", "x".repeat(1_100_000));
        const [reason] = await once(socket, "disconnect");
        assert.match(reason, /^transport (close|error)$/);
        if (isOracle && mode === "polling") return; // it keeps the session and tells nobody
        const heard = async () => {
          for (;;) {
            const [[left]] = await gone.take(1);
            if (left.name === name) return left.reason;
          }
        };
        assert.equal(await heard(), isOracle ? "transport error" : "payload too large");
        assert.equal(await ask(watcher, "echo", 1), 1);
      });
    });

    describe("order", () => {
      test("of many events is kept, both ways", async ({ join, ask }) => {
        const socket = await join();
        const bounced = collect(socket, "bounced");
        for (let number = 0; number < 1000; number++) {
          if (number % 100 === 50) socket.emit("bounce", number, Buffer.from([number / 100]));
          else socket.emit("bounce", number);
        }
        const numbers = (await bounced.take(1000)).map(([number]) => number);
        assert.deepEqual(numbers, Array.from({ length: 1000 }, (_, number) => number));

        const counted = collect(socket, "counted");
        assert.equal(await ask(socket, "count", 2000), 2000);
        assert.equal(counted.received.length, 2000, "an acknowledgement overtook events");
        assert.deepEqual(counted.received.map(([number]) => number), Array.from({ length: 2000 }, (_, n) => n));
      });

      test("leaves out volatile events that the transport cannot take at once", async ({ join, ask }) => {
        const socket = await join();
        const heard = collect(socket, "heard");
        await ask(socket, "volatile");
        // The reference allows one frame at a time on a WebSocket; Arcwire what fits its buffer.
        const dropped = mode === "polling" || isOracle;
        assert.deepEqual(heard.received.flat(), dropped ? ["first", "third"] : ["first", "second", "third"]);
        for (let tries = 0; heard.received.flat().at(-1) !== "now"; tries++) {
          assert.ok(tries < 50, "volatile events never arrive");
          await ask(socket, "volatile-once");
        }
      });

      test("is kept while the transport is upgraded", async ({ open, ask }) => {
        const socket = open();
        const bounced = collect(socket, "bounced");
        await once(socket, "connect");
        for (let number = 0; number < 300; number++) {
          socket.emit("bounce", number);
          if (number % 10 === 0) await ask(socket, "echo", number);
        }
        const numbers = (await bounced.take(300)).map(([number]) => number);
        assert.deepEqual(numbers, Array.from({ length: 300 }, (_, number) => number));
      });

      test("of acknowledgements asked at once is each to its own", async ({ join, ask }) => {
        const socket = await join();
        const asked = Array.from({ length: 200 }, (_, number) => number);
        assert.deepEqual(await Promise.all(asked.map((number) => ask(socket, "echo", number))), asked);
      });
    });

    describe("acknowledgements", { concurrency: 4 }, () => {
      test("carry several values to a callback", async ({ join }) => {
        const socket = await join();
        const values = await bounded(
          new Promise((resolve) => socket.emit("echo", 1, "two", { three: [3] }, (...got) => resolve(got))),
          "the acknowledgement",
        );
        assert.deepEqual(values, [1, "two", { three: [3] }]);
      });

      test("that never come time out at the client", async ({ join, ask }) => {
        const socket = await join();
        await assert.rejects(socket.timeout(50).emitWithAck("never"), /operation has timed out/);
        assert.equal(await ask(socket, "echo", "alive"), "alive");
      });

      test("that are pending when the server disconnects are rejected", async ({ join }) => {
        const socket = await join();
        const pending = assert.rejects(socket.emitWithAck("never"), /disconnected/);
        socket.emit("disconnect-me", false);
        await bounded(pending, "the rejection");
      });

      test("are given by the client when the server asks", async ({ join, ask }) => {
        const socket = await join();
        socket.on("question", (value, answer) => answer(value * 2));
        assert.deepEqual(await ask(socket, "ask-me", 4, 21), { answer: 42 });
      });

      test("that the client never gives time out at the server", async ({ join, ask }) => {
        const socket = await join();
        assert.deepEqual(await ask(socket, "ask-me", 0.05, 1), { timeout: true });
      });

      test("say what a handler made of bad input", async ({ join, ask }) => {
        const socket = await join();
        assert.equal(await ask(socket, "count-words", "a b c"), 3);
        assert.equal((await ask(socket, "count-words", 7)).error.code, "invalid");
        const { error } = await ask(socket, "fail", "no-such-room");
        assert.deepEqual(error, { code: "no-such-room", message: "as asked", data: { by: "fail" } });
        assert.equal((await ask(socket, "crash")).error.code, "internal");
        assert.equal(await ask(socket, "echo", "alive"), "alive");
      });

      test("for an event that nobody handles do not end the connection", async ({ join, ask }) => {
        const socket = await join();
        socket.emit("nobody-listens", 1);
        socket.volatile.emit("nobody-listens", 1);
        assert.equal(await ask(socket, "echo", "alive"), "alive");
      });
    });

    describe("namespaces", { concurrency: 4 }, () => {
      test("share one connection, each with its own id", async ({ ask }) => {
        const manager = new Manager(url, { path: "/clients", reconnection: false, ...MODES[mode] });
        const main = manager.socket("/", { auth: { name: "main" } });
        const custom = manager.socket("/custom", { auth: { name: "custom" } });
        const guarded = manager.socket("/guarded", { auth: { token: "sesame" } });
        const sockets = [main, custom, guarded];
        await Promise.all(sockets.map((socket) => once(socket, "connect")));
        assert.equal(new Set(sockets.map(({ id }) => id)).size, 3);
        assert.ok(sockets.every(({ io }) => io.engine === main.io.engine));
        const answers = await Promise.all(sockets.map((socket) => ask(socket, "who-am-i")));
        assert.deepEqual(answers.map(({ id }) => id), sockets.map(({ id }) => id));
        assert.deepEqual(answers.map(({ namespace }) => namespace), ["/", "/custom", "/guarded"]);
        assert.deepEqual(answers.map(({ auth }) => auth), [{ name: "main" }, { name: "custom" }, { token: "sesame" }]);
        assert.equal(answers[2].user, "ali");

        const heard = sockets.map((socket) => collect(socket, "bounced"));
        const big = Buffer.alloc(5000, 1);
        sockets.forEach((socket, number) => socket.emit("bounce", number, big));
        assert.deepEqual(await Promise.all(heard.map((events) => events.take(1))), [[[0, big]], [[1, big]], [[2, big]]]);

        custom.disconnect();
        assert.equal(await ask(main, "echo", "still here"), "still here");
        custom.connect();
        await once(custom, "connect");
        assert.equal((await ask(custom, "who-am-i")).id, custom.id);
        for (const socket of sockets) socket.disconnect();
      });

      test("that do not exist are refused", async ({ open }) => {
        const socket = open("/nowhere");
        const [error] = await once(socket, "connect_error");
        assert.equal(error.message, "Invalid namespace");
        assert.equal(error.data, undefined);
        assert.equal(socket.active, false);
      });

      test("refuse by middleware, with and without data", async ({ open }) => {
        const [error] = await once(open("/guarded", { auth: { token: "wrong" } }), "connect_error");
        assert.equal(error.message, "unauthorized");
        assert.deepEqual(error.data, { hint: "token", status: 401 });
        const [bare] = await once(open("/guarded"), "connect_error");
        assert.equal(bare.message, "token missing");
        assert.equal(bare.data, undefined);
      });

      test("refuse by their connection handler", async ({ open }) => {
        const socket = open("/refusing");
        const [error] = await once(socket, "connect_error");
        assert.equal(error.message, "closed today");
        assert.deepEqual(error.data, { reopens: ["tomorrow", 9] });
        assert.equal(socket.connected, false);
      });

      test("let a client in that comes back with better credentials", async ({ open, ask }) => {
        const socket = open("/guarded", { auth: { token: "wrong" } });
        await once(socket, "connect_error");
        socket.auth = { token: "sesame" };
        socket.connect();
        await once(socket, "connect");
        assert.equal((await ask(socket, "who-am-i")).user, "ali");
      });
    });

    describe("rooms", { concurrency: 4 }, () => {
      /** What each socket heard, once `speaker` has spoken and everybody has been asked again. */
      async function spoken(ask, sockets, speak) {
        const heard = sockets.map((socket) => collect(socket, "heard"));
        await speak();
        for (const socket of sockets) await ask(socket, "echo"); // what was sent before has arrived
        return heard.map(({ received }) => received.map(([value]) => value));
      }

      test("hold who joined until they leave", async ({ join, ask, room }) => {
        const socket = await join();
        await ask(socket, "join", room);
        assert.deepEqual(await ask(socket, "rooms"), [socket.id, room].sort());
        await ask(socket, "join", room);
        await ask(socket, "leave", room);
        await ask(socket, "leave", "never-joined");
        assert.deepEqual(await ask(socket, "rooms"), [socket.id]);
      });

      test("hear each event once, without the sender, the excepted, and the others", async ({ join, ask, room }) => {
        const [sender, inOne, inBoth, muted, outside] = await Promise.all([join(), join(), join(), join(), join()]);
        const [one, two, silent] = [`${room}-1`, `${room}-2`, `${room}-silent`];
        for (const [socket, name] of [
          [sender, one], [inOne, one], [inBoth, one], [inBoth, two], [muted, two], [muted, silent],
        ]) await ask(socket, "join", name);

        const sockets = [sender, inOne, inBoth, muted, outside];
        const speak = (event, value) => () => ask(sender, event, [one, two], [silent], value);
        assert.deepEqual(await spoken(ask, sockets, speak("to", "hi")), [[], ["hi"], ["hi"], [], []]);
        const photo = Buffer.alloc(3000, 5);
        assert.deepEqual(
          await spoken(ask, sockets, speak("to-with-self", { photo })),
          [[{ photo }], [{ photo }], [{ photo }], [], []],
        );
      });

      test("include one of each socket's own id", async ({ join, ask }) => {
        const [sender, other, third] = await Promise.all([join(), join(), join()]);
        const heard = await spoken(ask, [sender, other, third], () => ask(sender, "to", [other.id], [], "psst"));
        assert.deepEqual(heard, [[], ["psst"], []]);
      });

      test("are not needed to reach everyone in a namespace", async ({ join, ask, room }) => {
        const [sender, other, elsewhere] = await Promise.all([join("/custom"), join("/custom"), join("/")]);
        const sockets = [sender, other, elsewhere];
        const mine = (lists) => lists.map((list) => list.filter((value) => value.startsWith(room)));
        const all = await spoken(ask, sockets, () => ask(sender, "everyone", `${room} all`));
        assert.deepEqual(mine(all), [[`${room} all`], [`${room} all`], []]);
        const others = await spoken(ask, sockets, () => ask(sender, "others", `${room} others`));
        assert.deepEqual(mine(others), [[], [`${room} others`], []]);
      });

      test("can be asked, and answer in part when time is up", async ({ join, ask, room }) => {
        const [first, second, silent] = await Promise.all([join(), join(), join()]);
        for (const socket of [first, second]) await ask(socket, "join", room);
        first.on("question", (value, answer) => answer(`first ${value}`));
        second.on("question", (value, answer) => answer(`second ${value}`));
        const { answers, timeout } = await ask(first, "ask-room", room, 4, "?");
        assert.deepEqual([answers.sort(), timeout], [["first ?", "second ?"], false]);
        await ask(silent, "join", room);
        const partial = await ask(first, "ask-room", room, 1, "!");
        assert.deepEqual([partial.answers.sort(), partial.timeout], [["first !", "second !"], true]);
      });

      test("are left by a client that goes", async ({ join, ask, room }) => {
        const [asking, leaving] = await Promise.all([join(), join()]);
        for (const socket of [asking, leaving]) await ask(socket, "join", room);
        asking.on("question", (value, answer) => answer("here"));
        asking.on("gone", () => {});
        await ask(asking, "join", "watchers");
        const gone = once(asking, "gone");
        leaving.disconnect();
        await gone;
        assert.deepEqual(await ask(asking, "ask-room", room, 4, "?"), { answers: ["here"], timeout: false });
      });
    });

    test("sends volatile events while it is connected", async ({ join, ask }) => {
      const socket = await join();
      const bounced = collect(socket, "bounced");
      // A volatile event is dropped while a request is under way; the next one is not.
      for (let number = 0; bounced.received.length === 0; number++) {
        assert.ok(number < 100, "every volatile event was dropped");
        socket.volatile.emit("bounce", number);
        await ask(socket, "echo", number);
      }
    });

    describe("disconnection", { concurrency: 4 }, () => {
      /** Runs `leave` on a named client; gives back both sides' reasons. */
      async function reasons({ join, ask }, leave) {
        const name = randomUUID();
        const watcher = await join();
        await ask(watcher, "join", "watchers");
        const gone = collect(watcher, "gone");
        const socket = await join("/", { auth: { name } });
        const disconnected = once(socket, "disconnect");
        await leave(socket);
        const [client] = await disconnected;
        for (;;) {
          const [[left]] = await gone.take(1);
          if (left.name === name) return { client, server: left.reason };
        }
      }

      test("by the server", async (helpers) => {
        const { client, server } = await reasons(helpers, (socket) => socket.emit("disconnect-me", false));
        assert.equal(client, "io server disconnect");
        assert.equal(server, "server namespace disconnect");
      });

      test("by the server, with the connection", async (helpers) => {
        const { client, server } = await reasons(helpers, (socket) => socket.emit("disconnect-me", true));
        assert.equal(client, "io server disconnect");
        assert.equal(server, "server namespace disconnect");
      });

      test("by the client", async (helpers) => {
        const { client, server } = await reasons(helpers, (socket) => socket.disconnect());
        assert.equal(client, "io client disconnect");
        assert.equal(server, "client namespace disconnect");
      });

      test("by the client's engine", async (helpers) => {
        const { client, server } = await reasons(helpers, (socket) => socket.io.engine.close());
        assert.equal(client, "forced close");
        assert.equal(server, "transport close");
      });

      test("by a client that breaks the protocol", async (helpers) => {
        const { server } = await reasons(helpers, (socket) => socket.io.engine.write("2{}"));
        assert.equal(server, "forced close");
      });

      test("stays away until the client is told to connect again", async ({ join, ask }) => {
        const socket = await join("/", { reconnection: true });
        const before = socket.id;
        socket.emit("disconnect-me", false);
        await once(socket, "disconnect");
        assert.equal(socket.active, false);
        socket.connect();
        await once(socket, "connect");
        assert.notEqual(socket.id, before);
        assert.equal(await ask(socket, "echo", 1), 1);
      });
    });

    test("keeps up with many clients at once", async ({ join, ask, room }) => {
      const sockets = await Promise.all(Array.from({ length: 30 }, () => join()));
      await Promise.all(sockets.map((socket) => ask(socket, "join", room)));
      const heard = sockets.map((socket) => collect(socket, "heard"));
      for (let number = 0; number < 10; number++) {
        await ask(sockets[number], "to-with-self", [room], [], number);
      }
      for (const events of heard) {
        assert.deepEqual((await events.take(10)).map(([number]) => number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      }
    });
  });
}
