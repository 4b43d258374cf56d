// What any Engine.IO 4 server does below the application: handshake, heartbeat, close, upgrade.
// The server pings after 300 ms.

import { describe, it } from "node:test";
import { assert, bounded, Frames, isOracle, sendRaw, url } from "./support.mjs";

const HANDSHAKE = {
  pingInterval: 300,
  pingTimeout: Number(process.env.FIXTURE_PING_TIMEOUT ?? 2) * 1000,
  maxPayload: 1_000_000,
};

/** Requests against one Engine.IO path. */
export class Endpoint {
  constructor(path, eio = 4) {
    this.eio = eio;
    this.path = path;
    this.http = `${url}${path}/`;
    this.ws = this.http.replace(/^http/, "ws");
  }

  async request(query, options) {
    const response = await bounded(fetch(`${this.http}?${query}`, options), `an answer to ?${query}`);
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  async handshake() {
    const { status, text } = await this.request(`EIO=${this.eio}&transport=polling`);
    assert.equal(status, 200);
    assert.equal(text[0], "0");
    return JSON.parse(text.slice(1));
  }

  async open() {
    return (await this.handshake()).sid;
  }

  poll(sid, extra = "") {
    return this.request(`EIO=${this.eio}&transport=polling&sid=${sid}${extra}`);
  }

  post(sid, body) {
    return this.request(`EIO=${this.eio}&transport=polling&sid=${sid}`, { method: "POST", body });
  }

  webSocket(query) {
    return new Frames(`${this.ws}?${query}`);
  }

  /** An open WebSocket session. */
  async connect() {
    const frames = this.webSocket(`EIO=${this.eio}&transport=websocket`);
    frames.handshake = JSON.parse((await frames.next()).slice(1));
    return frames;
  }

  /** A WebSocket that carries a session which began with polling. */
  async upgrade(sid) {
    const frames = this.webSocket(`EIO=${this.eio}&transport=websocket&sid=${sid}`);
    await frames.open();
    frames.send("2probe");
    assert.equal(await frames.next(), "3probe");
    return frames;
  }

  /** The next payload without pings; those are answered, so that the session goes on. */
  async pollMessages(sid) {
    for (;;) {
      const { status, text } = await this.poll(sid);
      assert.equal(status, 200, `polled ${JSON.stringify(text)}`);
      const packets = text.split("\x1e");
      const messages = packets.filter((packet) => packet !== "2");
      if (messages.length < packets.length) await this.post(sid, "3");
      if (messages.length > 0) return messages.join("\x1e");
    }
  }

  /**
   * Polling is refused. What was just sent on another connection may arrive later than the first
   * polls, which are then answered by `tolerated`.
   */
  async assertGone(sid, tolerated) {
    let answer = await this.poll(sid);
    for (let tries = 0; tries < 20 && answer.status === 200 && answer.text === tolerated; tries++) {
      answer = await this.poll(sid);
    }
    assert.equal(answer.status, 400, `polled ${JSON.stringify(answer.text)}`);
  }
}

export function engineCases(endpoint) {
  describe("handshake over polling", { concurrency: 4 }, () => {
    it("opens a session", async () => {
      const { sid, upgrades, ...rest } = await endpoint.handshake();
      assert.equal(typeof sid, "string");
      assert.equal(sid.length, 20);
      assert.deepEqual(upgrades, ["websocket"]);
      assert.deepEqual(rest, HANDSHAKE);
    });

    it("announces text that no cache keeps", async () => {
      const { headers } = await endpoint.request("EIO=4&transport=polling");
      assert.match(headers.get("content-type"), /^text\/plain; charset=utf-8$/i);
      assert.match(headers.get("cache-control"), /no-store/);
    });

    for (const [what, query, options, code] of [
      ["no protocol version", "transport=polling", {}, 5],
      ["an unknown protocol version", "EIO=abc&transport=polling", {}, 5],
      ["no transport", "EIO=4", {}, 0],
      ["an unknown transport", "EIO=4&transport=abc", {}, 0],
      ["POST", "EIO=4&transport=polling", { method: "POST" }, 2],
      ["PUT", "EIO=4&transport=polling", { method: "PUT" }, 2],
      ["an unknown session", "EIO=4&transport=polling&sid=01234567890123456789", {}, 1],
    ]) {
      it(`refuses ${what}`, async () => {
        const { status, text } = await endpoint.request(query, options);
        assert.equal(status, 400);
        assert.equal(JSON.parse(text).code, code);
      });
    }
  });

  describe("handshake over WebSocket", { concurrency: 4 }, () => {
    it("opens a session", async () => {
      const frames = endpoint.webSocket("EIO=4&transport=websocket");
      const packet = await frames.next();
      assert.equal(packet[0], "0");
      const { sid, upgrades, ...rest } = JSON.parse(packet.slice(1));
      assert.equal(sid.length, 20);
      assert.deepEqual(upgrades, []);
      assert.deepEqual(rest, HANDSHAKE);
      frames.close();
    });

    for (const [what, query] of [
      ["no protocol version", "transport=websocket"],
      ["an unknown protocol version", "EIO=abc&transport=websocket"],
      ["no transport", "EIO=4"],
      ["an unknown transport", "EIO=4&transport=abc"],
      ["an unknown session", "EIO=4&transport=websocket&sid=01234567890123456789"],
    ]) {
      it(`refuses ${what}`, async () => {
        await endpoint.webSocket(query).ended();
      });
    }
  });

  describe("heartbeat over polling", { concurrency: 4 }, () => {
    it("goes on as long as pings are answered", async () => {
      const sid = await endpoint.open();
      for (let round = 0; round < 3; round++) {
        assert.deepEqual((await endpoint.poll(sid)).text, "2");
        assert.equal((await endpoint.post(sid, "3")).text, "ok");
      }
    });

    it("ends the session when a ping is not answered", async () => {
      const sid = await endpoint.open();
      assert.equal((await endpoint.poll(sid)).text, "2");
      const { status, text } = await endpoint.poll(sid); // held until the session ends
      assert.deepEqual([status, text], [200, "1"]);
      await endpoint.assertGone(sid);
    });
  });

  describe("heartbeat over WebSocket", { concurrency: 4 }, () => {
    it("goes on as long as pings are answered", async () => {
      const frames = await endpoint.connect();
      for (let round = 0; round < 3; round++) {
        assert.equal(await frames.next(), "2");
        frames.send("3");
      }
      frames.close();
    });

    it("ends the session when a ping is not answered", async () => {
      const frames = await endpoint.connect();
      assert.equal(await frames.next(), "2");
      await frames.ended();
    });

    it("supervises a session whose upgrade falls between ping and pong", { skip: isOracle && "known defect" }, async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      let polled = (await endpoint.poll(sid)).text;
      while (polled !== "2") {
        assert.equal(polled, "6"); // keeps the upgrade waiting without ending the polls
        polled = (await endpoint.poll(sid)).text;
      }
      frames.send("5");
      await frames.ended();
    });
  });

  describe("close", { concurrency: 4 }, () => {
    it("ends a polling session, and its pending poll", async () => {
      const sid = await endpoint.open();
      const [poll, post] = await Promise.all([endpoint.poll(sid), endpoint.post(sid, "1")]);
      assert.deepEqual([poll.status, poll.text], [200, "6"]);
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
      assert.deepEqual([first.status, first.text], [200, "1"]);
      assert.ok([400, 500].includes(second.status), `second poll: ${second.status}`);
      await endpoint.assertGone(sid);
    });

    it("follows from a poll that the client gave up", async () => {
      const sid = await endpoint.open();
      const poll = await sendRaw(
        `GET ${endpoint.path}/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      );
      await endpoint.post(sid, "3"); // by then the poll waits
      poll.destroy();
      await endpoint.assertGone(sid, "1");
    });
  });

  describe("upgrade", { concurrency: 4 }, () => {
    it("answers a poll with a noop while the WebSocket is probed", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      const { status, text } = await endpoint.poll(sid);
      assert.deepEqual([status, text], [200, "6"]);
      frames.send("5");
      assert.equal(await frames.next(), "2"); // the heartbeat moved with the session
      frames.close();
    });

    it("leaves no way back to polling", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      frames.send("5");
      await endpoint.assertGone(sid, "6");
      assert.equal(await frames.next(), "2");
      frames.close();
    });

    it("happens once: a second WebSocket is closed", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      frames.send("5");
      await endpoint.webSocket(`EIO=4&transport=websocket&sid=${sid}`).ended();
      assert.equal(await frames.next(), "2");
      frames.close();
    });

    it("that is given up leaves polling usable", async () => {
      const sid = await endpoint.open();
      const frames = await endpoint.upgrade(sid);
      frames.close();
      await frames.ended();
      let polled = (await endpoint.poll(sid)).text;
      if (polled === "6") polled = (await endpoint.poll(sid)).text;
      assert.equal(polled, "2");
    });
  });
}
