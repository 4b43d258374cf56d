// Engine.IO 4 against a server that sends every message back, of the same kind.

import { describe, it } from "node:test";
import { Endpoint, engineCases } from "./engine_cases.mjs";
import { assert, isOracle } from "./support.mjs";

const endpoint = new Endpoint("/engine.io");

describe("Engine.IO", { concurrency: 2, timeout: 30_000 }, () => {
  engineCases(endpoint);

  describe("messages over polling", { concurrency: 4 }, () => {
    for (const [what, payload] of [
      ["one text", "4hello"],
      ["several texts in one payload", "4test1\x1e4test2\x1e4test3"],
      ["text and binary", "4hello\x1ebAQIDBA=="],
      ["an empty message", "4"],
      ["any character", "4€ 🎉 \u2028 \u0000 é"],
    ]) {
      it(`carries ${what}`, async () => {
        const sid = await endpoint.open();
        const post = await endpoint.post(sid, payload);
        assert.deepEqual([post.status, post.text], [200, "ok"]);
        assert.equal(await endpoint.pollMessages(sid), payload);
      });
    }

    it("ends the session after a packet of unknown type", async () => {
      const sid = await endpoint.open();
      const { status } = await endpoint.post(sid, "abc");
      assert.equal(status, isOracle ? 200 : 400);
      await endpoint.assertGone(sid);
    });
  });

  describe("messages over WebSocket", { concurrency: 4 }, () => {
    it("carries text", async () => {
      const frames = await endpoint.connect();
      frames.send("4hello", "4", "4€ 🎉");
      assert.equal(await frames.nextMessage(), "4hello");
      assert.equal(await frames.nextMessage(), "4");
      assert.equal(await frames.nextMessage(), "4€ 🎉");
      frames.close();
    });

    it("carries binary", async () => {
      const frames = await endpoint.connect();
      frames.send(Uint8Array.from([1, 2, 3, 4]));
      assert.deepEqual(await frames.nextMessage(), Buffer.from([1, 2, 3, 4]));
      frames.close();
    });

    it("ends the session after a packet of unknown type", async () => {
      const frames = await endpoint.connect();
      frames.send("abc");
      await frames.ended();
    });

    it("carries a message sent right behind the end of the upgrade", async () => {
      const frames = await endpoint.upgrade(await endpoint.open());
      frames.send("5", "4hello");
      assert.equal(await frames.nextMessage(), "4hello");
      frames.close();
    });

    it("delivers what was posted before the upgrade, in order", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      await endpoint.post(sid, "4one\x1e4two");
      frames.send("5", "4three");
      assert.equal(await frames.nextMessage(), "4one");
      assert.equal(await frames.nextMessage(), "4two");
      assert.equal(await frames.nextMessage(), "4three");
      frames.close();
    });
  });
});
