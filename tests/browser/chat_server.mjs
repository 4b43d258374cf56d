// The chat demo as a process, and wires to it that can be cut.

import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Wire } from "./wire.mjs";

const APP = fileURLToPath(new URL("../../examples/chat/app.py", import.meta.url));
const PYTHON = process.env.PYTHON ?? "python3";
const START_SECONDS = 15;
const STOP_SECONDS = 10;

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** The demo on a free port; killed with `kill`, and started again on the same port with `start`. */
export class ChatServer {
  #process = null;
  #wires = [];

  static async launch() {
    const server = new ChatServer();
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}/`;
    await server.start();
    return server;
  }

  async start() {
    let output = "";
    const child = spawn(PYTHON, [APP, "--port", String(this.port)], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    running.add(child);
    child.on("exit", () => running.delete(child));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const late = Date.now() + START_SECONDS * 1000;
    while (!(await this.#answers())) {
      if (!running.has(child)) throw new Error(`The chat ended with ${child.exitCode}:\n${output}`);
      if (Date.now() > late) throw new Error(`The chat does not answer on ${this.url}:\n${output}`);
      await sleep(25);
    }
  }

  /** Ends it as Ctrl+C does. */
  async stop() {
    this.#process.kill("SIGINT");
    await once(this.#process, "exit", { signal: AbortSignal.timeout(STOP_SECONDS * 1000) });
  }

  /** Without any goodbye, as in a crash. */
  async kill() {
    if (!running.has(this.#process)) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  /** Another way to this server, see `Wire`. */
  async wire(options) {
    this.#wires.push(await Wire.to(this.port, options));
    return this.#wires.at(-1);
  }

  async close() {
    this.#wires.forEach((wire) => wire.close());
    await this.kill();
  }

  async #answers() {
    try {
      return (await fetch(this.url, { method: "HEAD" })).ok;
    } catch {
      return false;
    }
  }
}
