// Engine.IO 3 and JSONP against a server that sends every message back, of the same kind. The server
// of protocol 3 does not ping: it waits for interval and timeout together.

import { describe, it } from "node:test";
import { Endpoint } from "./engine_cases.mjs";
import { assert, bounded, isOracle, sendRaw } from "./support.mjs";

const HANDSHAKE = {
  pingInterval: 300,
  pingTimeout: Number(process.env.FIXTURE_PING_TIMEOUT ?? 2) * 1000,
};
const SILENCE = HANDSHAKE.pingInterval + HANDSHAKE.pingTimeout;
const OCTETS = { "content-type": "application/octet-stream" };

/** Packets in a text payload, whose lengths count what JavaScript's do. */
function split(payload) {
  const packets = [];
  while (payload) {
    const [digits] = payload.split(":", 1);
    const start = digits.length + 1;
    packets.push(payload.slice(start, start + Number(digits)));
    payload = payload.slice(start + Number(digits));
  }
  return packets;
}

const join = (...packets) => packets.map((packet) => `${packet.length}:${packet}`).join("");

class OldEndpoint extends Endpoint {
  async handshake(extra = "") {
    const { status, text, headers } = await this.request(`EIO=${this.eio}&transport=polling${extra}`);
    assert.equal(status, 200);
    assert.match(headers.get("content-type"), /^text\/plain; charset=utf-8$/i);
    const [packet, ...others] = split(text);
    assert.equal(packet[0], "0");
    assert.deepEqual(others, []);
    return JSON.parse(packet.slice(1));
  }

  async open(extra) {
    return (await this.handshake(extra)).sid;
  }

  async ping(sid) {
    assert.equal((await this.post(sid, "1:2")).text, "ok");
  }

  postBytes(sid, body) {
    return this.request(`EIO=3&transport=polling&sid=${sid}`, { method: "POST", body, headers: OCTETS });
  }

  async pollBytes(sid) {
    const response = await bounded(fetch(`${this.http}?EIO=3&transport=polling&sid=${sid}`), "a poll");
    return { type: response.headers.get("content-type"), body: Buffer.from(await response.arrayBuffer()) };
  }
}

const endpoint = new OldEndpoint("/engine3", 3);

describe("Engine.IO 3", { concurrency: 2, timeout: 30_000 }, () => {
  describe("handshake", { concurrency: 4 }, () => {
    it("opens a session over polling", async () => {
      const { sid, upgrades, pingInterval, pingTimeout } = await endpoint.handshake();
      assert.equal(sid.length, 20);
      assert.deepEqual(upgrades, ["websocket"]);
      assert.deepEqual({ pingInterval, pingTimeout }, HANDSHAKE);
    });

    it("opens a session over WebSocket", async () => {
      const frames = await endpoint.connect();
      assert.equal(frames.handshake.sid.length, 20);
      assert.deepEqual(frames.handshake.upgrades, []);
      frames.close();
    });

    for (const eio of ["", "EIO=abc&", "EIO=5&"]) {
      it(`takes "${eio}" for protocol 3`, async () => {
        const { status, text } = await endpoint.request(`${eio}transport=polling`);
        assert.equal(status, 200);
        assert.match(text, /^[0-9]+:0\{/);
      });
    }

    it("lets clients of protocol 4 in as ever", async () => {
      const { text } = await endpoint.request("EIO=4&transport=polling");
      assert.equal(text[0], "0");
    });

    for (const [what, query, options, code] of [
      ["no transport", "EIO=3", {}, 0],
      ["an unknown transport", "EIO=3&transport=abc", {}, 0],
      ["POST", "EIO=3&transport=polling", { method: "POST" }, 2],
      ["PUT", "EIO=3&transport=polling", { method: "PUT" }, 2],
      ["an unknown session", "EIO=3&transport=polling&sid=01234567890123456789", {}, 1],
    ]) {
      it(`refuses ${what}`, async () => {
        const { status, text } = await endpoint.request(query, options);
        assert.equal(status, 400);
        assert.equal(JSON.parse(text).code, code);
      });
    }

    it("refuses another revision in the session", async () => {
      const sid = await endpoint.open();
      const { status, text } = await endpoint.request(`EIO=4&transport=polling&sid=${sid}`);
      assert.equal(status, 400);
      assert.equal(JSON.parse(text).code, 3);
    });

    it("refuses clients of protocol 3 where they are not allowed", async () => {
      const strict = new Endpoint("/engine.io", 3);
      const { status, text } = await strict.request("EIO=3&transport=polling");
      assert.equal(status, 400);
      assert.deepEqual(JSON.parse(text), { code: 5, message: "Unsupported protocol version" });
      await strict.webSocket("EIO=3&transport=websocket").ended();
    });
  });

  describe("messages over polling", { concurrency: 4 }, () => {
    for (const [what, payload] of [
      ["one text", "6:4hello"],
      ["several texts in one payload", "6:4test16:4test26:4test3"],
      ["an empty message", "1:4"],
      ["any character", join("4€ 🎉 \u2028 \u0000 é", "4🎉", "4x")],
    ]) {
      it(`carries ${what}`, async () => {
        const sid = await endpoint.open();
        const post = await endpoint.post(sid, payload);
        assert.deepEqual([post.status, post.text], [200, "ok"]);
        assert.equal((await endpoint.poll(sid)).text, payload);
      });
    }

    it("carries text and binary as base64 where it is asked for", async () => {
      const sid = await endpoint.open("&b64=1");
      await endpoint.post(sid, "6:4hello10:b4AQIDBA==");
      const { text, headers } = await endpoint.poll(sid);
      assert.equal(text, "6:4hello10:b4AQIDBA==");
      assert.match(headers.get("content-type"), /^text\/plain; charset=utf-8$/i);
    });

    it("carries text and binary in binary bodies", async () => {
      const sid = await endpoint.open();
      const body = Buffer.from("0006ff3468656c6c6f0004ff34e282ac0105ff0401020304", "hex");
      assert.equal((await endpoint.postBytes(sid, body)).text, "ok");
      assert.deepEqual(await endpoint.pollBytes(sid), { type: "application/octet-stream", body });
    });

    it("answers in binary what came as base64", async () => {
      const sid = await endpoint.open();
      await endpoint.post(sid, "10:b4AQIDBA==");
      assert.equal((await endpoint.pollBytes(sid)).body.toString("hex"), "0105ff0401020304");
    });

    it("ends the session after a body that is no payload", async () => {
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
      assert.equal(await frames.next(), "4hello");
      assert.equal(await frames.next(), "4");
      assert.equal(await frames.next(), "4€ 🎉");
      frames.close();
    });

    it("carries binary behind a type byte", async () => {
      const frames = await endpoint.connect();
      frames.send(Buffer.from("0401020304", "hex"));
      assert.deepEqual(await frames.next(), Buffer.from("0401020304", "hex"));
      frames.close();
    });

    it("carries binary as base64 where it is asked for", async () => {
      const frames = endpoint.webSocket("EIO=3&transport=websocket&b64=1");
      assert.equal((await frames.next())[0], "0");
      frames.send("b4AQIDBA==");
      assert.equal(await frames.next(), "b4AQIDBA==");
      frames.close();
    });

    it("ends the session after a packet of unknown type", async () => {
      const frames = await endpoint.connect();
      frames.send("abc");
      await frames.ended();
    });
  });

  describe("heartbeat", { concurrency: 4 }, () => {
    const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

    it("over polling: the client pings, and stays", async () => {
      const sid = await endpoint.open();
      for (let round = 0; round < 3; round++) {
        await endpoint.ping(sid);
        assert.equal((await endpoint.poll(sid)).text, "1:3");
      }
    });

    it("over WebSocket: the client pings, with data or without", async () => {
      const frames = await endpoint.connect();
      for (const ping of ["2", "2hi", "2"]) {
        frames.send(ping);
        assert.equal(await frames.next(), "3");
      }
      frames.close();
    });

    it("over polling: ends the session of a silent client", async () => {
      const began = performance.now(); // before the server's time begins, however slow the machine is
      const sid = await endpoint.open();
      const { status, text } = await endpoint.poll(sid); // held until the session ends
      assert.deepEqual([status, text], [200, "1:1"]);
      assert.ok(performance.now() - began > SILENCE * 0.9);
      await endpoint.assertGone(sid);
    });

    it("over WebSocket: ends the session of a silent client", async () => {
      const frames = await endpoint.connect();
      await frames.ended();
    });

    it("ends the session of a client that sends a pong", async () => {
      const frames = await endpoint.connect();
      frames.send("3");
      await frames.ended();
    });

    it("goes on after an upgrade", { skip: isOracle && "known defect" }, async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      frames.send("5", "2");
      assert.equal(await frames.next(), "3");
      await frames.ended();
    });

    it("keeps a session that pings after an upgrade", async () => {
      const frames = await endpoint.upgrade(await endpoint.open());
      frames.send("5");
      for (let waited = 0; waited < SILENCE * 1.5; waited += SILENCE / 4) {
        frames.send("2");
        assert.equal(await frames.next(), "3");
        await wait(SILENCE / 4);
      }
      frames.send("4here");
      assert.equal(await frames.next(), "4here");
      frames.close();
    });
  });

  describe("close", { concurrency: 4 }, () => {
    it("ends a polling session, and its pending poll", async () => {
      const sid = await endpoint.open();
      const [poll, post] = await Promise.all([endpoint.poll(sid), endpoint.post(sid, "1:1")]);
      assert.deepEqual([poll.status, poll.text], [200, "1:6"]);
      assert.deepEqual([post.status, post.text], [200, "ok"]);
      await endpoint.assertGone(sid);
    });

    it("ends a WebSocket session", async () => {
      const frames = await endpoint.connect();
      frames.send("1");
      await frames.ended();
    });

    it("follows from a second poll beside the first", async () => {
      const sid = await endpoint.open();
      const polls = await Promise.all([endpoint.poll(sid), endpoint.poll(sid, "&t=burst")]);
      const [first, second] = polls.sort((one, other) => one.status - other.status);
      assert.deepEqual([first.status, first.text], [200, "1:1"]);
      assert.ok([400, 500].includes(second.status), `second poll: ${second.status}`);
      await endpoint.assertGone(sid);
    });

    it("follows from a poll that the client gave up", async () => {
      const sid = await endpoint.open();
      const poll = await sendRaw(
        `GET ${endpoint.path}/?EIO=3&transport=polling&sid=${sid} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      );
      await endpoint.ping(sid); // by then the poll waits, or the pong does
      poll.destroy();
      await endpoint.assertGone(sid, "1:1");
    });
  });

  describe("upgrade", { concurrency: 4 }, () => {
    it("answers a poll with a noop while the WebSocket is probed, and carries on", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      assert.equal((await endpoint.poll(sid)).text, "1:6");
      frames.send("5", "4hello");
      assert.equal(await frames.next(), "4hello");
      await endpoint.assertGone(sid, "1:6");
      frames.send(Buffer.from("04ff", "hex"));
      assert.deepEqual(await frames.next(), Buffer.from("04ff", "hex"));
      frames.close();
    });

    it("happens once: a second WebSocket is closed", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      frames.send("5");
      await endpoint.webSocket(`EIO=3&transport=websocket&sid=${sid}`).ended();
      frames.send("4still here");
      assert.equal(await frames.next(), "4still here");
      frames.close();
    });
  });

  describe("JSONP", { concurrency: 4 }, () => {
    /** What a script hands to the client's function. */
    function run(script, index) {
      const received = [];
      const ___eio = { [index]: (payload) => received.push(payload) };
      new Function("___eio", script)(___eio);
      assert.equal(received.length, 1);
      return received[0];
    }

    for (const eio of [3, 4]) {
      const { encode, decode } = eio === 3
        ? { encode: join, decode: split }
        : { encode: (...packets) => packets.join("\x1e"), decode: (payload) => payload.split("\x1e") };

      it(`polls by scripts and posts by forms, EIO=${eio}`, async () => {
        const query = `EIO=${eio}&transport=polling&j=5${eio === 3 ? "&b64=1" : ""}`;
        const opening = await endpoint.request(query);
        if (!isOracle) {
          assert.match(opening.headers.get("content-type"), /^text\/javascript; charset=utf-8$/i);
          assert.equal(opening.headers.get("x-content-type-options"), "nosniff");
        }
        const [packet] = decode(run(opening.text, 5));
        const { sid } = JSON.parse(packet.slice(1));

        const packets = ['4"quoted" \u2028 € 🎉', "4line\nbreak", "4written \\n", eio === 3 ? "b4AQIDBA==" : "bAQIDBA=="];
        // As the client does it: written escapes get a second backslash, line breaks become escapes.
        const field = encode(...packets).replace(/\\n/g, "\\\\n").replace(/\n/g, "\\n");
        const post = await endpoint.request(`${query}&sid=${sid}`, {
          method: "POST", body: new URLSearchParams({ d: field }),
        });
        assert.deepEqual([post.status, post.text], [200, "ok"]);
        const poll = await endpoint.request(`${query}&sid=${sid}`);
        let got = decode(run(poll.text, 5));
        if (got[0] === "2") got = got.slice(1);
        assert.deepEqual(got, packets);
      });
    }

    it("calls no other function than the one of the index", async () => {
      const { text } = await endpoint.request(`EIO=3&transport=polling&b64=1&j=${encodeURIComponent("1);alert(2")}`);
      assert.match(text, /^___eio\[12\]\("/);
    });
  });
});
