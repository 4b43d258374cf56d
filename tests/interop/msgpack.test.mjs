// socket.io-client with socket.io-msgpack-parser, over each transport, against the behaviour that
// tests/support/fixture_app.py and oracle.mjs have at /packed.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import parser from "socket.io-msgpack-parser";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { assert, bounded, collect, once, url } from "./support.mjs";

const MODES = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

/** Runs `body` with a function that gives connected clients, and disconnects them afterwards. */
function withClients(mode, body) {
  return async () => {
    const sockets = [];
    const open = (namespace = "/", options = {}) => {
      const socket = io(url + namespace, {
        path: "/packed", parser, forceNew: true, reconnection: false, ...MODES[mode], ...options,
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
      const { engine } = socket.io;
      if (mode === "upgrade" && engine.transport.name !== "websocket") await once(engine, "upgrade");
      return socket;
    };
    const ask = (socket, ...values) => bounded(socket.emitWithAck(...values), `the answer to ${values[0]}`);
    try {
      await body({ open, join, ask });
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  };
}

const arrayBuffer = (...bytes) => Uint8Array.from(bytes).buffer;

for (const mode of Object.keys(MODES)) {
  const test = (name, body) => it(name, withClients(mode, body));

  describe(`MessagePack, ${mode}`, { concurrency: 4, timeout: 20_000 }, () => {
    test("connects without auth and with it", async ({ join, ask }) => {
      assert.deepEqual((await ask(await join(), "who-am-i")).auth, {});
      const socket = await join("/custom", { auth: { token: "t", when: [1, null] } });
      const answer = await ask(socket, "who-am-i");
      assert.deepEqual(answer.auth, { token: "t", when: [1, null] });
      assert.equal(answer.id, socket.id);
    });

    for (const [what, value] of Object.entries({
      null: null,
      booleans: [true, false],
      numbers: [0, -1, 31, -33, 127, 128, 255, 256, 65_536, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1.5, -0.1],
      "empty containers": { list: [], object: {}, text: "" },
      "deep nesting": JSON.parse("[".repeat(60) + "]".repeat(60)),
      "any character": "é ü 漢字 🎉👩‍👩‍👧 \u2028 \u0000 \u001e \" \\ /",
      "long text and lists": ["x".repeat(70_000), Array.from({ length: 70_000 }, (_, number) => number % 9)],
      "names that look like protocol": { _placeholder: true, num: 0 },
      dates: [new Date(0), { then: new Date(-1), now: new Date("2026-11-24T12:34:56.789Z") }],
      "an ancient date": new Date(-8.64e15),
    })) {
      test(`values come back as they went: ${what}`, async ({ join, ask }) => {
        const socket = await join();
        assert.deepEqual(await ask(socket, "echo", value), value);
        socket.emit("bounce", value, "second", value);
        assert.deepEqual(await once(socket, "bounced"), [value, "second", value]);
      });
    }

    test("undefined is null, and absent in an object", async ({ join }) => {
      const socket = await join();
      socket.emit("bounce", undefined, { a: undefined, b: 1 }, [undefined]);
      const [first, second, third] = await once(socket, "bounced");
      assert.ok(first === null || first === undefined); // the reference gives it back as it was
      assert.deepEqual(JSON.parse(JSON.stringify(second)), { b: 1 });
      assert.ok(third[0] === null || third[0] === undefined);
    });

    for (const size of [0, 1, 2, 4, 8, 9, 16, 300, 70_000]) {
      test(`${size} bytes come back, whatever held them`, async ({ join, ask }) => {
        const socket = await join();
        const bytes = Buffer.alloc(size, 0xd4);
        const view = Uint8Array.from(bytes);
        const answer = await ask(socket, "echo", { buffer: bytes, array: view.buffer, view, date: new Date(7) });
        for (const key of ["buffer", "array", "view"]) assert.deepEqual(Buffer.from(answer[key]), bytes);
        assert.deepEqual(answer.date, new Date(7));
      });
    }

    test("acknowledgements go both ways", async ({ join, ask }) => {
      const socket = await join();
      const got = await bounded(
        new Promise((resolve) => socket.emit("echo", 1, "two", { three: [3] }, (...values) => resolve(values))),
        "the acknowledgement",
      );
      assert.deepEqual(got, [1, "two", { three: [3] }]);
      socket.once("question", (asked, answer) => answer({ asked, mine: arrayBuffer(1, 2), at: new Date(5) }));
      const { answer } = await ask(socket, "ask-me", 4, new Date(6));
      assert.deepEqual([answer.asked, answer.at], [new Date(6), new Date(5)]);
      assert.deepEqual(Buffer.from(answer.mine), Buffer.from([1, 2]));
    });

    test("payloads that do not fit get an answer", async ({ join, ask }) => {
      const socket = await join();
      assert.equal(await ask(socket, "count-words", "a b c"), 3);
      assert.equal((await ask(socket, "count-words", 7)).error.code, "invalid");
      assert.equal(await ask(socket, "echo", 1), 1);
    });

    test("refused connections say why", async ({ open }) => {
      const refused = async (namespace, auth) => {
        const [error] = await once(open(namespace, { auth }), "connect_error");
        return [error.message, error.data];
      };
      assert.deepEqual(await refused("/nowhere"), ["Invalid namespace", undefined]);
      assert.deepEqual(await refused("/guarded"), ["token missing", undefined]);
      assert.deepEqual(
        await refused("/guarded", { token: "x" }),
        ["unauthorized", { hint: "token", status: 401 }],
      );
    });

    test("broadcasts reach rooms, in namespaces of one connection", async ({ join, ask }) => {
      const room = `room-${randomUUID()}`;
      const [first, second, outside] = await Promise.all([join(), join(), join()]);
      await Promise.all([ask(first, "join", room), ask(second, "join", room)]);
      const heard = [first, second, outside].map((socket) => collect(socket, "heard"));
      const value = { photo: Buffer.from([1, 2, 3]), at: new Date(1) };
      await ask(first, "to-with-self", [room], [], value);
      assert.deepEqual(await heard[0].take(1), [[value]]);
      assert.deepEqual(await heard[1].take(1), [[value]]);
      await ask(outside, "echo", 1);
      assert.deepEqual(heard[2].received, []);

      const custom = first.io.socket("/custom");
      await once(custom, "connect");
      assert.equal((await ask(custom, "who-am-i")).namespace, "/custom");
      assert.equal((await ask(first, "who-am-i")).namespace, "/");
      custom.disconnect();
      assert.equal(await ask(first, "echo", 1), 1);
    });

    test("keeps the order, also while the transport is upgraded", async ({ open, ask }) => {
      const socket = open();
      const bounced = collect(socket, "bounced");
      await once(socket, "connect");
      for (let number = 0; number < 300; number++) {
        socket.emit("bounce", number, number % 7 ? "text" : new Date(number));
        if (number % 20 === 0) await ask(socket, "echo", number);
      }
      const numbers = (await bounced.take(300)).map(([number]) => number);
      assert.deepEqual(numbers, Array.from({ length: 300 }, (_, number) => number));
    });

    test("the server sends a client away", async ({ join }) => {
      const socket = await join();
      socket.emit("disconnect-me", false);
      assert.deepEqual(await once(socket, "disconnect"), ["io server disconnect", undefined]);
    });

    test("a client that speaks JSON is cut off", async ({ open }) => {
      const socket = open("/", { parser: undefined });
      await once(socket.io, "close");
      assert.ok(!socket.connected);
    });
  });
}

describe("the browser's build with the parser in it", { timeout: 20_000 }, () => {
  it("speaks to the server", async () => {
    globalThis.WebSocket = WebSocket;
    const main = fileURLToPath(import.meta.resolve("socket.io-client"));
    const folder = main.slice(0, main.lastIndexOf("/build/"));
    const bundled = createRequire(import.meta.url)(`${folder}/dist/socket.io.msgpack.min.js`);
    const socket = bundled.io(url, { path: "/packed", transports: ["websocket"], reconnection: false });
    try {
      await once(socket, "connect");
      const answer = await bounded(
        socket.emitWithAck("echo", { bytes: arrayBuffer(1, 2, 3), one: arrayBuffer(9), at: new Date(3) }),
        "the answer",
      );
      assert.deepEqual(new Uint8Array(answer.bytes), Uint8Array.from([1, 2, 3]));
      assert.deepEqual(new Uint8Array(answer.one), Uint8Array.from([9]));
      assert.deepEqual(answer.at, new Date(3));
    } finally {
      socket.disconnect();
    }
  });
});
