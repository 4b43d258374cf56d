// A server that a test starts, kills and starts again.

import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const START_SECONDS = 20;
const STOP_SECONDS = 15;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class OwnServer {
  #command;
  #child;

  /** `command` starts it on `port`. */
  constructor(command, port) {
    this.#command = command;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  async start() {
    let output = "";
    const [program, ...values] = this.#command;
    const child = spawn(program, values, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    child.on("exit", () => running.delete(child));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const late = Date.now() + START_SECONDS * 1000;
    while (!(await this.#accepts())) {
      if (!running.has(child)) throw new Error(`The server ended with ${child.exitCode}:\n${output}`);
      if (Date.now() > late) throw new Error(`The server does not answer on ${this.url}:\n${output}`);
      await sleep(20);
    }
  }

  /** Ends it without any goodbye. */
  kill() {
    return this.#end("SIGKILL");
  }

  /** Ends it as a service manager does. */
  stop() {
    return this.#end("SIGTERM");
  }

  async #end(signal) {
    if (!running.has(this.#child)) return;
    this.#child.kill(signal);
    await once(this.#child, "exit", { signal: AbortSignal.timeout(STOP_SECONDS * 1000) });
  }

  #accepts() {
    return new Promise((resolve) => {
      const probe = net.connect(this.port, "127.0.0.1", () => {
        probe.destroy();
        resolve(true);
      });
      probe.on("error", () => resolve(false));
    });
  }
}
