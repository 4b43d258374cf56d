// The site that the pages come from: the kit, the client under test, and a way for pages to ask the test for something.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const HERE = new URL("./", import.meta.url);

const PAGE = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>Browser client</title>
<script>
  window.problems = [];
  addEventListener("error", ({ message, error }) => problems.push(String(error?.stack ?? message)));
  addEventListener("unhandledrejection", ({ reason }) => problems.push("unhandled: " + (reason?.stack ?? reason)));
</script>
<script src="/client.js"></script>
<script type="module">
  import { play } from "/kit.mjs";
  window.play = play;
</script>
`;

const WORKER = `
  importScripts("/client.js");
  onmessage = async ({ data: { url, options, values } }) => {
    try {
      const socket = io(url, options);
      const answer = await socket.timeout(10_000).emitWithAck("echo", values);
      socket.disconnect();
      postMessage({ answer });
    } catch (error) {
      postMessage({ error: String(error) });
    }
  };
`;

/** Serves on 127.0.0.1 (and localhost, which is another origin) until it is closed. `client` is a file of a script. */
export class Site {
  #server;
  #controls = new Map();

  static async serve(client) {
    const site = new Site();
    const files = {
      "/client.js": ["text/javascript", await readFile(client)],
      "/kit.mjs": ["text/javascript", await readFile(new URL("kit.mjs", HERE))],
      "/worker.js": ["text/javascript", WORKER],
      "/page.html": ["text/html", PAGE],
      "/elsewhere.html": ["text/html", "<!doctype html><title>Elsewhere</title>"],
    };
    site.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url, "http://site");
      if (request.method === "POST") return site.#control(pathname, request, response);
      const [type, body] = files[pathname] ?? [];
      response.writeHead(type ? 200 : 404, {
        "content-type": `${type ?? "text/plain"}; charset=utf-8`,
        "access-control-allow-origin": "*",
        "cache-control": "no-cache",
      });
      response.end(body ?? "Not found");
    });
    site.#server.listen(0);
    await once(site.#server, "listening");
    const { port } = site.#server.address();
    site.url = `http://127.0.0.1:${port}`;
    site.foreignUrl = `http://localhost:${port}`;
    return site;
  }

  /** Where pages may call these functions by POST, with JSON in and out. */
  offer(functions) {
    const path = `/control/${this.#controls.size}`;
    this.#controls.set(path, functions);
    return this.url + path;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #control(pathname, request, response) {
    const headers = { "access-control-allow-origin": "*" };
    try {
      const [, path, name] = /^(\/control\/\d+)\/(\w+)$/.exec(pathname);
      const chunks = await request.toArray();
      const values = JSON.parse(Buffer.concat(chunks).toString());
      const answer = await this.#controls.get(path)[name](...values);
      response.writeHead(200, { ...headers, "content-type": "application/json" }).end(JSON.stringify(answer ?? null));
    } catch (error) {
      response.writeHead(500, headers).end(String(error.stack));
    }
  }
}
