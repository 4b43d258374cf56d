// Socket.IO 5 to the byte, over bare WebSockets. The server answers "message" by "message-back",
// "message-with-ack" by its acknowledgement, and emits "auth" with what the client connected with.

import { describe, it } from "node:test";
import { Endpoint, engineCases } from "./engine_cases.mjs";
import { assert } from "./support.mjs";

const endpoint = new Endpoint("/socket.io");

/** Asserts a CONNECT answer and gives back the socket's id. */
function connected(packet, prefix) {
  assert.ok(packet.startsWith(prefix), `${packet} does not start with ${prefix}`);
  const answer = JSON.parse(packet.slice(prefix.length));
  assert.deepEqual(Object.keys(answer), ["sid"]);
  assert.equal(typeof answer.sid, "string");
  return answer.sid;
}

async function join() {
  const frames = await endpoint.connect();
  frames.send("40");
  connected(await frames.nextMessage(), "40");
  assert.equal(await frames.nextMessage(), '42["auth",{}]');
  return frames;
}

describe("Socket.IO", { concurrency: 2, timeout: 30_000 }, () => {
  engineCases(endpoint);

  describe("connect", { concurrency: 4 }, () => {
    for (const [what, packet, reply, event] of [
      ["the main namespace", "40", "40", '42["auth",{}]'],
      ["the main namespace with a payload", '40{"token":"123"}', "40", '42["auth",{"token":"123"}]'],
      ["a custom namespace", "40/custom,", "40/custom,", '42/custom,["auth",{}]'],
      ["a custom namespace without a comma", "40/custom", "40/custom,", '42/custom,["auth",{}]'],
      ["a custom namespace with a payload", '40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'],
    ]) {
      it(`lets a client into ${what}`, async () => {
        const frames = await endpoint.connect();
        frames.send(packet);
        const id = connected(await frames.nextMessage(), reply);
        assert.notEqual(id, frames.handshake.sid);
        assert.equal(await frames.nextMessage(), event);
        frames.close();
      });
    }

    it("refuses an unknown namespace and keeps the connection", async () => {
      const frames = await endpoint.connect();
      frames.send("40/random");
      assert.equal(await frames.nextMessage(), '44/random,{"message":"Invalid namespace"}');
      frames.send("40");
      connected(await frames.nextMessage(), "40");
      frames.close();
    });

    it("closes after a packet of unknown type", async () => {
      const frames = await endpoint.connect();
      frames.send("4abc");
      await frames.ended();
    });

    it("closes a connection that joins no namespace in time", async () => {
      const frames = await endpoint.connect();
      assert.equal(await frames.next(), "2");
      frames.send("3"); // alive, so it is not the heartbeat that ends it
      frames.socket.on("message", () => frames.send("3"));
      await frames.ended();
    });
  });

  describe("disconnect", { concurrency: 4 }, () => {
    it("of the main namespace keeps the connection", async () => {
      const frames = await join();
      frames.send("41");
      assert.equal(await frames.next(), "2");
      frames.close();
    });

    it("of a custom namespace leaves the main one usable", async () => {
      const frames = await join();
      frames.send("40/custom");
      connected(await frames.nextMessage(), "40/custom,");
      assert.equal(await frames.nextMessage(), '42/custom,["auth",{}]');
      frames.send("41/custom", '42["message","message to main namespace"]');
      assert.equal(await frames.nextMessage(), '42["message-back","message to main namespace"]');
      frames.close();
    });

    it("by the server reaches a polling client before the end of the connection", async () => {
      // In one payload, JavaScript's client would see the connection end first.
      const clients = new Endpoint("/clients");
      const sid = await clients.open();
      await clients.post(sid, "40");
      let packets = "";
      while (!packets.includes("welcome")) packets += await clients.pollMessages(sid);
      await clients.post(sid, '42["bounce","last"]\x1e42["disconnect-me",true]');
      assert.equal(await clients.pollMessages(sid), '42["bounced","last"]\x1e41');
      assert.match(await clients.pollMessages(sid), /^(6\x1e)?1$/);
      await clients.assertGone(sid);
    });

    it("may be followed by another connect on the same connection", async () => {
      const frames = await join();
      frames.send("41");
      assert.equal(await frames.next(), "2");
      frames.send("3", "40");
      connected(await frames.nextMessage(), "40");
      frames.close();
    });
  });

  describe("events", { concurrency: 4 }, () => {
    const first = Uint8Array.from([1, 2, 3]);
    const second = Uint8Array.from([4, 5, 6]);

    it("carry JSON", async () => {
      const frames = await join();
      frames.send('42["message",1,"2",{"3":[true]}]');
      assert.equal(await frames.nextMessage(), '42["message-back",1,"2",{"3":[true]}]');
      frames.close();
    });

    it("carry binary attachments", async () => {
      const frames = await join();
      const values = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
      frames.send(`452-["message",${values}]`, first, second);
      assert.equal(await frames.nextMessage(), `452-["message-back",${values}]`);
      assert.deepEqual(await frames.nextMessage(), Buffer.from(first));
      assert.deepEqual(await frames.nextMessage(), Buffer.from(second));
      frames.close();
    });

    it("are acknowledged", async () => {
      const frames = await join();
      frames.send('42456["message-with-ack",1,"2",{"3":[false]}]');
      assert.equal(await frames.nextMessage(), '43456[1,"2",{"3":[false]}]');
      frames.close();
    });

    it("are acknowledged with binary attachments", async () => {
      const frames = await join();
      const values = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
      frames.send(`452-789["message-with-ack",${values}]`, first, second);
      assert.equal(await frames.nextMessage(), `462-789[${values}]`);
      assert.deepEqual(await frames.nextMessage(), Buffer.from(first));
      assert.deepEqual(await frames.nextMessage(), Buffer.from(second));
      frames.close();
    });

    it("carry binary attachments of another namespace", async () => {
      const frames = await endpoint.connect();
      frames.send("40/custom,");
      connected(await frames.nextMessage(), "40/custom,");
      assert.equal(await frames.nextMessage(), '42/custom,["auth",{}]');
      const values = '{"_placeholder":true,"num":0}';
      frames.send(`451-/custom,7["message-with-ack",${values}]`, first);
      assert.equal(await frames.nextMessage(), `461-/custom,7[${values}]`);
      assert.deepEqual(await frames.nextMessage(), Buffer.from(first));
      frames.close();
    });

    for (const [what, packet] of [
      ["an unknown packet type", "4abc"],
      ["a payload that is no list", "42{}"],
      ["broken JSON", '42["message"'],
      ["an acknowledgement id that is no number", '42abc["message-with-ack",1,"2",{"3":[false]}]'],
      ["a lifecycle event's name", '42["disconnect"]'],
      ["an event for a namespace that was not joined", '42/custom,["message",1]'],
      ["text in place of an attachment", ['451-["message",{"_placeholder":true,"num":0}]', '42["message",1]']],
      ["an attachment that nothing announced", [first]],
      ["a placeholder without its attachment", ['451-["message",{"_placeholder":true,"num":7}]', first]],
    ]) {
      it(`close the connection when they have ${what}`, async () => {
        const frames = await join();
        frames.send(...[packet].flat());
        await frames.ended();
      });
    }
  });
});
