// socket.io-client 2 and 3 as their users have them, over each transport, against the behaviour that
// tests/support/fixture_app.py and oracle.mjs have at /old. Version 3 speaks today's protocol.

import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import io from "socket.io-client";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";
import { assert, bounded, collect, once, url } from "./support.mjs";

const MODES = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

const VERSIONS = {
  2: {
    io: io2,
    credentials: (auth) => ({ query: auth }),
    refused: "error",
    refusal: (message, data) => data ?? message,
    read: (error) => error,
    missing: { message: "Invalid namespace" },
  },
  3: {
    io: io3,
    credentials: (auth) => ({ auth }),
    refused: "connect_error",
    refusal: (message, data) => ({ message, data }),
    read: ({ message, data }) => ({ message, data }),
    missing: { message: "Invalid namespace", data: undefined },
  },
};

/** Runs `body` with helpers bound to one client and transport, and disconnects all clients afterwards. */
function withClients(version, mode, body) {
  return async () => {
    const sockets = [];
    const open = (namespace = "/", options = {}, connect = VERSIONS[version].io) => {
      const socket = connect(url + namespace, {
        path: "/old", forceNew: true, reconnection: false, ...MODES[mode], ...options,
      });
      sockets.push(socket);
      return socket;
    };
    const join = async (namespace, options, connect) => {
      const socket = open(namespace, options, connect);
      await once(socket, "connect");
      const { engine } = socket.io;
      if (mode === "upgrade" && engine.transport.name !== "websocket") await once(engine, "upgrade");
      return socket;
    };
    const ask = (socket, ...values) => bounded(
      new Promise((resolve) => socket.emit(...values, (...answers) => resolve(answers))),
      `the answer to ${values[0]}`,
    );
    try {
      await body({ open, join, ask, ...VERSIONS[version] });
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  };
}

for (const version of Object.keys(VERSIONS)) {
  for (const mode of Object.keys(MODES)) {
    const test = (name, body) => it(name, withClients(version, mode, body));

    describe(`socket.io-client ${version}, ${mode}`, { concurrency: 4, timeout: 20_000 }, () => {
      test("speaks its protocol over the transport that it was asked to use", async ({ join, ask }) => {
        const socket = await join();
        const { transport } = socket.io.engine;
        assert.equal(transport.name, mode === "polling" ? "polling" : "websocket");
        assert.equal(Number(transport.query.EIO), version === "2" ? 3 : 4);
        assert.deepEqual(await ask(socket, "echo", 1), [1]);
      });

      test("hears what the connection handler emits, and knows its id", async ({ open, ask }) => {
        const socket = open();
        const [welcome] = await once(socket, "welcome");
        assert.deepEqual(welcome, { id: socket.id, auth: {} });
        assert.deepEqual(await ask(socket, "rooms"), [[socket.id]]);
      });

      test("shows the server its query", async ({ join, ask }) => {
        const socket = await join("/", { query: { room: "blue moon" } });
        const [{ id, query, namespace }] = await ask(socket, "who-am-i");
        assert.deepEqual([id, query, namespace], [socket.id, "blue moon", "/"]);
      });

      for (const [what, value] of Object.entries({
        "plain values": [null, true, -1.5, "", { list: [{}] }],
        "any character": "é ü 漢字 🎉👩‍👩‍👧 \u2028 \u2029 \u0000 \u001e \\n \n \" / 12:4",
        "a Buffer": Buffer.from([0, 1, 4, 254, 255]),
        "an empty Buffer": Buffer.alloc(0),
        "several nested attachments": { photo: Buffer.alloc(3000, 4), parts: [Buffer.from("é🎉"), "🎉"] },
        "long text beyond the first plane": "🎉".repeat(30_000),
        "a large Buffer": Buffer.alloc(300_000, "binary"),
      })) {
        test(`carries ${what}, by event and by acknowledgement`, async ({ join, ask }) => {
          const socket = await join();
          assert.deepEqual(await ask(socket, "echo", value, "second"), [value, "second"]);
          socket.emit("bounce", value, value);
          assert.deepEqual(await once(socket, "bounced"), [value, value]);
        });
      }

      test("answers the server's questions", async ({ join, ask }) => {
        const socket = await join();
        socket.on("question", (value, answer) => answer({ asked: value, mine: Buffer.from([7]) }));
        const [answer] = await ask(socket, "ask-me", 4, Buffer.from([1, 2]));
        assert.deepEqual(answer, { answer: { asked: Buffer.from([1, 2]), mine: Buffer.from([7]) } });
      });

      test("keeps the order of events, text and binary", async ({ open }) => {
        const socket = open(); // not waiting for an upgrade: it happens meanwhile
        await once(socket, "connect");
        const bounced = collect(socket, "bounced");
        for (let number = 0; number < 300; number++) {
          if (number % 10 === 5) socket.emit("bounce", number, Buffer.from([number & 0xff]));
          else socket.emit("bounce", number);
        }
        const numbers = (await bounced.take(300)).map(([number]) => number);
        assert.deepEqual(numbers, Array.from({ length: 300 }, (_, number) => number));
      });

      describe("namespaces", { concurrency: 4 }, () => {
        test("share a connection, each with its own id", async ({ join, ask }) => {
          const main = await join();
          const custom = main.io.socket("/custom");
          await once(custom, "connect");
          assert.notEqual(custom.id, main.id);
          const [{ id, namespace }] = await ask(custom, "who-am-i");
          assert.deepEqual([id, namespace], [custom.id, "/custom"]);
          if (version === "2") assert.equal(custom.id, `/custom#${main.id}`);
          custom.disconnect();
          assert.deepEqual(await ask(main, "echo", "still here"), ["still here"]);
          custom.open();
          await once(custom, "connect");
          assert.deepEqual(await ask(custom, "echo", "back"), ["back"]);
          custom.disconnect();
        });

        test("get their credentials", async ({ join, ask, credentials }) => {
          const auth = { token: "sesame", name: "a,b c&d=é" };
          const socket = await join("/guarded", credentials(auth));
          const [{ auth: got, user }] = await ask(socket, "who-am-i");
          assert.deepEqual([got, user], [auth, "ali"]);
        });

        test("refuse with a message", async ({ open, refused, read, refusal }) => {
          const [error] = await once(open("/guarded"), refused);
          assert.deepEqual(read(error), refusal("token missing", undefined));
        });

        test("refuse with data", async ({ open, credentials, refused, read, refusal }) => {
          const [error] = await once(open("/guarded", credentials({ token: "wrong" })), refused);
          assert.deepEqual(read(error), refusal("unauthorized", { hint: "token", status: 401 }));
        });

        test("that do not exist are refused", async ({ open, refused, read, missing }) => {
          const [error] = await once(open("/nowhere"), refused);
          assert.deepEqual(read(error), missing);
        });
      });

      test("shares rooms with clients of today", async ({ join, ask }) => {
        const room = randomUUID();
        const today = await join("/", {}, io);
        const socket = await join();
        for (const member of [today, socket]) await ask(member, "join", room);
        const photo = Buffer.alloc(2000, 5);
        const heard = [today, socket].map((member) => once(member, "heard"));
        await ask(socket, "to-with-self", [room], [], { photo });
        assert.deepEqual(await Promise.all(heard), [[{ photo }], [{ photo }]]);
        const back = once(socket, "heard");
        await ask(today, "to", [room], [], "psst");
        assert.deepEqual(await back, ["psst"]);
        for (const member of [today, socket]) member.on("question", (value, answer) => answer(value + 1));
        assert.deepEqual(await ask(today, "ask-room", room, 4, 1), [{ answers: [2, 2], timeout: false }]);
      });

      describe("disconnection", { concurrency: 4 }, () => {
        async function reasons({ join, ask, credentials }, leave) {
          const name = randomUUID();
          const watcher = await join("/custom");
          await ask(watcher, "join", "watchers");
          const gone = collect(watcher, "gone");
          const socket = await join("/custom", credentials({ name }));
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
          assert.deepEqual([client, server], ["io server disconnect", "server namespace disconnect"]);
        });

        test("by the client", async (helpers) => {
          const { client, server } = await reasons(helpers, (socket) => socket.disconnect());
          assert.deepEqual([client, server], ["io client disconnect", "client namespace disconnect"]);
        });

        test("by the client's engine", async (helpers) => {
          const { client, server } = await reasons(helpers, (socket) => socket.io.engine.close());
          assert.deepEqual([client, server], ["forced close", "transport close"]);
        });
      });

      test("comes back after a lost connection", async ({ join, ask }) => {
        const socket = await join("/custom", { reconnection: true, reconnectionDelay: 10 });
        const before = socket.id;
        const again = once(socket, "connect");
        socket.io.engine.close();
        await again;
        assert.notEqual(socket.id, before);
        assert.deepEqual(await ask(socket, "echo", "back"), ["back"]);
      });

      test("stays for several heartbeats", async ({ join, ask }) => {
        const socket = await join();
        const { engine } = socket.io;
        // The server's interval is a second: version 2 pings and gets pongs, version 3 is pinged.
        let beats = 0;
        const enough = new Promise((resolve) => {
          engine.on("packet", ({ type }) => {
            if (type === (version === "2" ? "pong" : "ping") && ++beats === 2) resolve();
          });
        });
        await bounded(enough, "two heartbeats");
        assert.deepEqual(await ask(socket, "echo", "alive"), ["alive"]);
      });
    });
  }
}

describe("a server that does not allow old clients", () => {
  for (const transport of ["polling", "websocket"]) {
    it(`refuses socket.io-client 2 over ${transport}`, async () => {
      const options = { path: "/clients", forceNew: true, reconnection: false, transports: [transport] };
      const socket = io2(url, options);
      const [error] = await once(socket, "connect_error");
      assert.match(String(error.message), /error/);
      socket.disconnect();
    });
  }
});
