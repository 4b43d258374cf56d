// Compressed WebSocket messages with socket.io-client and with ws, against tests/support/deflate_app.py.

import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { assert, bounded, once, url } from "./support.mjs";

const SIZE = 50_000;
const TEXT = "All work and no play makes Jack a dull boy. ".repeat(SIZE / 44);

/** A connected client, its WebSocket, and how many bytes came over that so far. */
async function connect(transports) {
  const client = io(url, { transports, forceNew: true, reconnection: false });
  await once(client, "connect");
  const { engine } = client.io;
  if (engine.transport.name !== "websocket") await once(engine, "upgrade");
  const { ws } = engine.transport;
  return { client, ws, received: () => ws._socket.bytesRead, sent: () => ws._socket.bytesWritten };
}

for (const transports of [["websocket"], ["polling", "websocket"]]) {
  describe(`socket.io-client over ${transports}`, () => {
    for (const [event, isCompressed] of [["echo", true], ["plain", false], ["all", true], ["all-plain", false]]) {
      it(`${event}: ${isCompressed ? "compressed" : "not compressed"}`, async () => {
        const { client, ws, received, sent } = await connect(transports);
        try {
          assert.ok(ws.extensions.includes("permessage-deflate"));
          for (let round = 0; round < 3; round++) {
            const before = { received: received(), sent: sent() };
            client.emit(event, TEXT, round);
            assert.deepEqual(await once(client, event), [TEXT, round]);
            assert.ok(sent() - before.sent < SIZE / 10);
            if (isCompressed) assert.ok(received() - before.received < SIZE / 10);
            else assert.ok(received() - before.received > TEXT.length);
          }
        } finally {
          client.disconnect();
        }
      });
    }

    it("binary values of all kinds", async () => {
      const { client } = await connect(transports);
      try {
        for (const value of [Buffer.alloc(SIZE), randomBytes(SIZE), randomBytes(10), Buffer.from(TEXT)]) {
          client.emit("echo", value, { inside: [value] });
          const [first, second] = await once(client, "echo");
          assert.deepEqual(Buffer.from(first), value);
          assert.deepEqual(Buffer.from(second.inside[0]), value);
        }
      } finally {
        client.disconnect();
      }
    });
  });
}

describe("ws", () => {
  const variants = [
    { threshold: 0 },
    { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
    { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
    { threshold: 0, serverMaxWindowBits: 15, clientMaxWindowBits: 15 },
    { threshold: 0, clientMaxWindowBits: 8 },
  ];
  for (const perMessageDeflate of variants) {
    it(JSON.stringify(perMessageDeflate), async () => {
      const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate });
      const messages = [];
      let wake = () => {};
      socket.on("message", (data) => { messages.push(data.toString()); wake(); });
      const next = () => bounded((async () => {
        for (;;) {
          if (messages.length) return messages.shift();
          await new Promise((resolve) => { wake = resolve; });
        }
      })(), "a message");
      try {
        await bounded(new Promise((resolve, reject) => { socket.on("open", resolve); socket.on("error", reject); }), "open");
        assert.ok(socket.extensions.includes("permessage-deflate"));
        assert.match(await next(), /^0/);
        socket.send("40");
        assert.match(await next(), /^40/);
        for (let round = 0; round < 5; round++) {
          for (const text of [TEXT, randomBytes(3000).toString("base64"), "short"]) {
            const packet = `42${JSON.stringify(["echo", text, round])}`;
            socket.send(packet);
            assert.equal(await next(), packet);
          }
        }
      } finally {
        socket.terminate();
      }
    });
  }
});
