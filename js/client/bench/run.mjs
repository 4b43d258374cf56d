/**
 * Ours against the official client on the same server (ours), in turns: `node bench/run.mjs [OPTION…]`
 *
 *   --rounds N          turns of each client (7)
 *   --milliseconds N    of one turn (700)
 *   --connections N     for the heap (200)
 *   --in chromium,node  where (both)
 *   --python PROGRAM    with Arcwire installed (python3)
 *   --scripts FOLDER    of our scripts (those that the server serves)
 *
 * Beside them a bare WebSocket, for what there is to win without batches; in Node also ours with the package `ws`,
 * which the official client has below. Two figures: round trips per second of wall clock, and per second of the
 * client's own CPU time (in a page: of its main thread), which says more on a machine that does other things as well.
 * Medians; of the ratios to the official client's neighbouring turn also the quartiles. Needs `npm ci` in tests/browser
 * and tests/interop.
 */

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    milliseconds: { type: "string", default: "700" },
    connections: { type: "string", default: "200" },
    in: { type: "string", default: "chromium,node" },
    python: { type: "string", default: "python3" },
    scripts: { type: "string", default: here("../../../src/arcwire/static") },
  },
});
const rounds = Number(values.rounds);
const milliseconds = Number(values.milliseconds);
const connections = Number(values.connections);

const fromInterop = createRequire(here("../../../tests/interop/"));
const fromBrowser = createRequire(here("../../../tests/browser/"));
const official = here("../../../tests/interop/node_modules/socket.io-client/");
const served = `${resolve(values.scripts)}/`;

const CLIENTS = {
  ours: { script: `${served}arcwire.min.js`, module: `${served}arcwire.esm.min.js` },
  official: { script: `${official}dist/socket.io.min.js`, module: fromInterop.resolve("socket.io-client") },
  bare: { module: here("bare.mjs") },
  "ours on ws": { module: here("on_ws.mjs"), search: pathToFileURL(`${served}arcwire.esm.min.js`).href },
};
const WORKS = [
  { kind: "echo", inFlight: 1 },
  { kind: "echo", inFlight: 8 },
  { kind: "ack", inFlight: 8 },
  { kind: "binary", inFlight: 8 },
];

async function freePort() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}

async function startServer() {
  const port = await freePort();
  const child = spawn(values.python, [here("server.py"), String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk) => { output = (output + chunk).slice(-4000); });
  const url = `http://127.0.0.1:${port}`;
  for (const late = Date.now() + 20_000; ; await sleep(50)) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${output}`);
    if (await fetch(url).then(() => true, () => false)) return { url, stop: () => child.kill() };
    if (Date.now() > late) throw new Error("the server does not answer");
  }
}

/** A client in a tab of Chromium. */
async function inChromium(browser, url, { script, module }) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(url);
  if (script) {
    await page.addScriptTag({ path: script });
  } else {
    const content = `${await readFile(module, "utf8")}\nwindow.io = io;`;
    await page.addScriptTag({ type: "module", content });
    await page.waitForFunction("window.io");
  }
  const source = await readFile(here("work.mjs"), "utf8");
  await page.addScriptTag({ type: "module", content: `${source}\nwindow.works = { prepare, crowd };` });
  await page.waitForFunction("window.works");
  const session = await page.createCDPSession();
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpu = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value;
  };
  const heap = async () => {
    for (let turn = 0; turn < 3; turn++) await session.send("HeapProfiler.collectGarbage");
    const { usedSize, embedderHeapUsedSize = 0 } = await session.send("Runtime.getHeapUsage");
    return { heapUsed: usedSize, external: embedderHeapUsedSize };
  };
  const crowd = (count) => page.evaluate(async (url, count) => {
    (window.leave ??= []).push(await window.works.crowd(window.io, url, count));
  }, url, count);
  return {
    prepare: (options) => page.evaluate(async (url, options) => {
      window.worker = await window.works.prepare(window.io, url, options);
    }, url, options),
    async run(milliseconds) {
      const before = await cpu();
      const result = await page.evaluate((milliseconds) => window.worker.run(milliseconds), milliseconds);
      return { ...result, cpu: (await cpu()) - before };
    },
    end: () => page.evaluate(() => window.worker.end()),
    async crowd(count) {
      await crowd(10);
      await sleep(300);
      const before = await heap();
      await crowd(count);
      await sleep(300);
      const after = await heap();
      await page.evaluate(() => window.leave.forEach((leave) => leave()));
      return { heap: (after.heapUsed - before.heapUsed) / count, external: (after.external - before.external) / count };
    },
    close: () => page.browserContext().close(),
  };
}

/** A client in a Node process. */
async function inNode(url, { module, search }) {
  const execArgv = ["--expose-gc", ...(globalThis.WebSocket ? [] : ["--experimental-websocket", "--no-warnings"])];
  const child = fork(here("node_client.mjs"), [`${pathToFileURL(module).href}${search ? `?${search}` : ""}`], { execArgv });
  const answer = async () => {
    const [{ result, error }] = await once(child, "message");
    if (error) throw new Error(error);
    return result;
  };
  const order = (...message) => {
    const answered = answer();
    child.send(message);
    return answered;
  };
  await answer();
  return {
    prepare: (options) => order("prepare", url, options),
    run: (milliseconds) => order("run", milliseconds),
    end: () => order("end"),
    crowd: (count) => order("crowd", url, count),
    close: () => child.disconnect(),
  };
}

const quantile = (numbers, part) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length * part)];
const median = (numbers) => quantile(numbers, 0.5);
const rounded = (number) => Math.round(number).toLocaleString("en");

/** `ours`: the names of the clients that are compared with the official one. */
async function compare(place, ours, open) {
  for (const work of WORKS) {
    const names = [...ours, "official", ...(work.kind === "echo" ? ["bare"] : [])];
    const opened = [];
    for (const name of names) opened.push([name, await open(CLIENTS[name])]);
    for (const [, client] of opened) {
      await client.prepare(work);
      await client.run(milliseconds); // the compiler's turn
    }
    const speeds = Object.fromEntries(names.map((name) => [name, { wall: [], cpu: [] }]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, client] of round % 2 ? opened.toReversed() : opened) {
        const { done, seconds, cpu } = await client.run(milliseconds);
        speeds[name].wall.push(done / seconds);
        speeds[name].cpu.push(done / cpu);
      }
    }
    for (const [, client] of opened) {
      await client.end();
      await client.close();
    }
    for (const name of names) {
      const cells = ["wall", "cpu"].flatMap((key) => {
        const ratios = speeds[name][key].map((speed, round) => speed / speeds.official[key][round]);
        const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(2));
        return [rounded(median(speeds[name][key])), name === "official" ? "" : `${middle} (${low} to ${high})`];
      });
      console.log(`| ${[place, `${work.kind}, ${work.inFlight} in flight`, name, ...cells].join(" | ")} |`);
    }
  }
  const names = [...ours, "official"];
  const heaps = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < 3; round++) {
    for (const name of names) {
      const client = await open(CLIENTS[name]);
      heaps[name].push(await client.crowd(connections));
      await client.close();
    }
  }
  const bytes = (name, key) => rounded(median(heaps[name].map((heap) => heap[key])));
  return names.map((name) => `| ${place} | ${name} | ${bytes(name, "heap")} | ${bytes(name, "external")} |`);
}

const server = await startServer();
const lines = [];
try {
  console.log("| where | work | client | per second | to the official | per CPU second | to the official |");
  console.log("|---|---|---|---|---|---|---|");
  if (values.in.includes("chromium")) {
    const { launch } = await import(pathToFileURL(here("../../../tests/browser/client/browsers.mjs")).href);
    fromBrowser.resolve("puppeteer-core");
    const browser = await launch("chromium", process.env.CHROMIUM ?? "/usr/bin/chromium");
    try {
      lines.push(...(await compare("Chromium", ["ours"], (files) => inChromium(browser, server.url, files))));
    } finally {
      await browser.close();
    }
  }
  if (values.in.includes("node")) {
    const place = `Node ${process.versions.node}`;
    lines.push(...(await compare(place, ["ours", "ours on ws"], (files) => inNode(server.url, files))));
  }
  console.log("\n| where | client | bytes of heap per connection | beside the heap |\n|---|---|---|---|");
  console.log(lines.join("\n"));
} finally {
  server.stop();
}
