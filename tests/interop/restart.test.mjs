// socket.io-client while its server is killed and started again on the same port.

import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { io } from "socket.io-client";
import { assert, bounded, collect, once, OwnServer } from "./support.mjs";

const MODES = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
};

const server = new OwnServer();

function connect(mode, namespace = "/", options = {}) {
  return io(server.url + namespace, {
    path: "/clients", forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100, ...MODES[mode], ...options,
  });
}

const ask = (socket, ...values) => bounded(socket.emitWithAck(...values), `the answer to ${values[0]}`);

/** All clients at once, so that the server has to be killed only once for a case. */
async function clients() {
  const sockets = Object.keys(MODES).map((mode) => connect(mode));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const { engine } = sockets.at(-1).io;
  if (engine.transport.name !== "websocket") await once(engine, "upgrade");
  return sockets;
}

describe("a server that restarts", { timeout: 60_000 }, () => {
  before(() => server.start());
  after(() => server.stop());

  it("after being killed is found again by every client", async () => {
    const sockets = await clients();
    try {
      const before = sockets.map(({ id }) => id);
      const pending = sockets.map((socket) => assert.rejects(socket.emitWithAck("never"), /disconnected/));
      const lost = sockets.map((socket) => once(socket, "disconnect", 20_000));
      await server.stop("SIGKILL");
      for (const [reason] of await Promise.all(lost)) assert.match(reason, /^transport (close|error)$/);
      await bounded(Promise.all(pending), "pending acknowledgements to be rejected");

      // Sent while nobody is there: kept by the client, in order.
      const bounced = sockets.map((socket) => collect(socket, "bounced"));
      for (const socket of sockets) {
        for (let number = 0; number < 5; number++) socket.emit("bounce", number, Buffer.from([number]));
        socket.volatile.emit("bounce", "volatile");
      }

      const back = sockets.map((socket) => once(socket, "connect", 20_000));
      await server.start();
      await Promise.all(back);
      for (const [index, socket] of sockets.entries()) {
        assert.notEqual(socket.id, before[index]);
        assert.equal((await ask(socket, "who-am-i")).id, socket.id);
        const values = await bounced[index].take(5);
        assert.deepEqual(values, [0, 1, 2, 3, 4].map((number) => [number, Buffer.from([number])]));
        assert.deepEqual(await ask(socket, "rooms"), [socket.id]);
      }
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  });

  it("in good order lets its clients come back", async () => {
    const sockets = await clients();
    try {
      const lost = sockets.map((socket) => once(socket, "disconnect", 20_000));
      const back = sockets.map((socket) => once(socket, "connect", 20_000));
      await server.stop("SIGTERM");
      for (const [reason] of await Promise.all(lost)) assert.match(reason, /^transport (close|error)$/);
      await server.start();
      await Promise.all(back);
      for (const socket of sockets) assert.equal(await ask(socket, "echo", "back"), "back");
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  });

  it("gets all namespaces of a connection back, with fresh credentials", async () => {
    const main = connect("websocket");
    const { io: manager } = main;
    let round = 0;
    const guarded = manager.socket("/guarded", { auth: (done) => done({ token: "sesame", round: ++round }) });
    const custom = manager.socket("/custom");
    const sockets = [main, guarded, custom];
    try {
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      const attempts = collect(manager, "reconnect_attempt");
      const lost = once(main, "disconnect", 20_000);
      await server.stop("SIGKILL");
      await lost;
      await attempts.take(2); // nobody answers the first one
      const back = sockets.map((socket) => once(socket, "connect", 20_000));
      const reconnected = once(manager, "reconnect", 20_000);
      await server.start();
      await Promise.all([...back, reconnected]);
      const answer = await ask(guarded, "who-am-i");
      assert.deepEqual(answer.auth, { token: "sesame", round: 2 });
      assert.equal(answer.user, "ali");
      assert.equal(await ask(custom, "echo", 1), 1);
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  });

  it("does not know the sessions it had", async () => {
    const response = await fetch(`${server.url}/clients/?EIO=4&transport=polling&sid=${randomUUID().slice(0, 20)}`);
    assert.equal(response.status, 400);
    assert.deepEqual(await response.json(), { code: 1, message: "Session ID unknown" });
  });
});
