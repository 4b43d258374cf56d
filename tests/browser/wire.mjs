// A TCP proxy between browsers and a server, that can be cut.

import { once } from "node:events";
import net from "node:net";

/** `webSocket: false` refuses upgrades, as some networks do. */
export class Wire {
  /** Whether what the server says is lost on the way. */
  muted = false;
  #browsers = new Map();
  #isCut = false;
  #all = new Set();
  #listener;

  static async to(port, { webSocket = true } = {}) {
    const wire = new Wire();
    wire.#listener = net.createServer((browser) => wire.#carry(browser, port, webSocket));
    wire.#listener.listen(0, "127.0.0.1");
    await once(wire.#listener, "listening");
    wire.url = `http://127.0.0.1:${wire.#listener.address().port}/`;
    return wire;
  }

  #carry(browser, port, webSocket) {
    if (this.#isCut) return browser.destroy();
    const server = net.connect(port, "127.0.0.1");
    for (const socket of [browser, server]) {
      this.#all.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#all.delete(socket));
    }
    this.#browsers.set(browser, server);
    browser.on("data", (chunk) => {
      if (webSocket || !/^upgrade: websocket/im.test(chunk.toString("latin1"))) server.write(chunk);
      else browser.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    server.on("data", (chunk) => browser.writable && !this.muted && browser.write(chunk));
    // After `cut`, neither end learns of the other.
    browser.on("close", () => this.#browsers.delete(browser) && server.destroy());
    server.on("close", () => browser.destroy());
  }

  /** Browsers lose their connections; the server keeps its ends of them, and notices nothing. */
  cut() {
    this.#isCut = true;
    this.#drop();
  }

  /** Connections break, new ones work at once; returns how many broke. The server may not notice. */
  interrupt({ unnoticed = false } = {}) {
    return this.#drop({ unnoticed });
  }

  /** New connections work again. */
  mend() {
    this.#isCut = this.muted = false;
  }

  close() {
    this.#listener.close();
    this.#all.forEach((socket) => socket.destroy());
  }

  #drop({ unnoticed = true } = {}) {
    const lost = [...this.#browsers];
    this.#browsers.clear();
    for (const [browser, server] of lost) {
      browser.destroy();
      if (!unnoticed) server.destroy();
    }
    return lost.length;
  }
}
