// What the suites share: where the server is, and waits that end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect as connectTcp } from "node:net";
import { WebSocket } from "ws";

export const url = process.env.SERVER_URL;
// Set when the server under test is the reference: it has defects that Arcwire must not have.
export const isOracle = process.env.SERVER_IS_ORACLE === "1";

if (!url) throw new Error("SERVER_URL must name the server under test, for example http://127.0.0.1:3000");

export const PATIENCE = 5000;

export function bounded(promise, what, milliseconds = PATIENCE) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Arguments of the next `event` of an emitter (a socket.io-client socket, manager, or engine). */
export function once(emitter, event, milliseconds = PATIENCE) {
  let listener;
  const occurred = new Promise((resolve) => {
    listener = (...values) => resolve(values);
    emitter.once(event, listener);
  });
  return bounded(occurred, `"${event}"`, milliseconds).catch((error) => {
    emitter.off(event, listener);
    throw error;
  });
}

/** Collects every `event`; `take(n)` waits for the next n argument lists. */
export function collect(emitter, event) {
  const received = [];
  let wake = () => {};
  emitter.on(event, (...values) => {
    received.push(values);
    wake();
  });
  return {
    received,
    async take(count) {
      const enough = (async () => {
        while (received.length < count) await new Promise((resolve) => { wake = resolve; });
      })();
      await bounded(enough, `${count} times "${event}" (got ${received.length})`);
      return received.splice(0, count);
    },
  };
}

/** A bare WebSocket whose messages and close are awaited in order. Binary arrives as Buffer. */
export class Frames {
  #queue = [];
  #waiting = [];

  constructor(address) {
    this.socket = new WebSocket(address);
    this.opened = new Promise((resolve) => this.socket.once("open", resolve));
    this.closed = new Promise((resolve) => this.socket.once("close", (code) => resolve(code)));
    this.socket.on("error", () => {}); // a refused handshake also ends in "close"
    this.socket.on("message", (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      if (this.#waiting.length) this.#waiting.shift()(message);
      else this.#queue.push(message);
    });
  }

  send(...messages) {
    for (const message of messages) this.socket.send(message);
  }

  next() {
    if (this.#queue.length) return Promise.resolve(this.#queue.shift());
    return bounded(new Promise((resolve) => this.#waiting.push(resolve)), "a WebSocket message");
  }

  /** The next message that is no ping; pings are answered, so that the session goes on. */
  async nextMessage() {
    for (;;) {
      const message = await this.next();
      if (message !== "2") return message;
      this.send("3");
    }
  }

  open() {
    return bounded(this.opened, "the WebSocket to open");
  }

  ended() {
    return bounded(this.closed, "the WebSocket to close");
  }

  close() {
    this.socket.terminate();
  }
}

/** Sends raw bytes over TCP; returns the socket, whose answer nobody reads. */
export async function sendRaw(text) {
  const { hostname, port } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => socket.write(text, resolve));
  });
  socket.on("error", () => {});
  return socket;
}

/** The server under test, not running yet, to be started, killed and started again. */
export class OwnServer {
  #child;

  constructor() {
    this.command = JSON.parse(process.env.SERVER_COMMAND);
    this.url = url;
  }

  async start() {
    const [program, ...values] = this.command;
    this.#child = spawn(program, values, { stdio: ["ignore", "inherit", "inherit"] });
    const exited = new Promise((_, reject) => {
      this.#child.once("exit", (code) => reject(new Error(`the server ended with ${code} before it was ready`)));
    });
    exited.catch(() => {});
    await bounded(Promise.race([this.#answers(), exited]), "the server to start", 20_000);
  }

  async #answers() {
    for (;;) {
      try {
        await fetch(`${this.url}/clients/?EIO=4&transport=none`);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Ends the process by `signal`; returns when it is gone. */
  async stop(signal = "SIGKILL") {
    if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await bounded(gone, `the server to end after ${signal}`, 20_000);
  }
}

export { assert };
