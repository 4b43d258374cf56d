// socket.io-client 2 in Chromium, where it does what it does nowhere else: binary payloads, and JSONP.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";

import { chromium } from "playwright-core";

const url = process.env.SERVER_URL;
const client = createRequire(import.meta.url).resolve("socket.io-client-2/dist/socket.io.js");

let browser;
let page;
let requests;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  page = await browser.newPage();
  page.on("request", (request) => requests.push(request));
});

after(() => browser.close());

/** Text with all that JSONP and lengths in UTF-16 could get wrong, and bytes, there and back. */
async function exchange(options) {
  requests = [];
  // The server has no pages, but the answer that refuses this request is a document of its origin.
  await page.goto(`${url}/old/?transport=none`);
  await page.addScriptTag({ path: client });
  return page.evaluate(async (options) => {
    const bounded = (promise, what) => Promise.race([
      promise,
      new Promise((_, reject) => setTimeout(() => reject(new Error(`waited for ${what}`)), 8000)),
    ]);
    const socket = window.io({ path: "/old", forceNew: true, reconnection: false, ...options });
    const event = (emitter, name) => bounded(new Promise((resolve) => emitter.once(name, resolve)), name);
    const ask = (...values) => bounded(new Promise((resolve) => socket.emit(...values, resolve)), values[0]);
    const begun = event(socket.io, "open").then(() => socket.io.engine.transport.constructor.name);
    const failed = event(socket, "connect_error").then((error) => { throw error; });
    failed.catch(() => {});
    await Promise.race([event(socket, "connect"), failed]);
    const { engine } = socket.io;
    if (options.transports.length > 1 && engine.transport.name !== "websocket") await event(engine, "upgrade");

    const text = "é 漢字 🎉👩‍👩‍👧 \u2028\u2029 \\n \\\\n \n \r\n \" ' </script> & = + % \u0000 12:4";
    const bytes = Uint8Array.from([0, 1, 4, 10, 92, 110, 254, 255]);
    const got = { text: await ask("echo", text) === text };
    const echoed = await ask("echo", { name: text, bytes: bytes.buffer });
    got.mixed = echoed.name === text;
    got.bytes = Array.from(new Uint8Array(echoed.bytes));
    const large = new Uint8Array(50_000).map((_, number) => number % 251);
    const back = new Uint8Array(await ask("echo", large.buffer));
    got.large = back.length === large.length && back.every((byte, number) => byte === large[number]);
    const numbers = [];
    socket.on("counted", (number) => numbers.push(number));
    await ask("count", 200);
    got.order = numbers.length === 200 && numbers.every((number, index) => number === index);
    got.id = (await ask("who-am-i")).id === socket.id;
    got.transport = engine.transport.name;
    await begun;
    socket.disconnect();
    return got;
  }, options);
}

const EXPECTED = { text: true, mixed: true, bytes: [0, 1, 4, 10, 92, 110, 254, 255], large: true, order: true, id: true };

/** The content types of the client's posts. */
const posted = () => Promise.all(
  requests.filter((request) => request.method() === "POST").map((request) => request.headerValue("content-type")),
);

describe("socket.io-client 2 in Chromium", { timeout: 60_000 }, () => {
  test("polls with binary payloads", async () => {
    const got = await exchange({ transports: ["polling"] });
    assert.deepEqual(got, { ...EXPECTED, transport: "polling" });
    const types = await posted();
    assert.ok(types.includes("application/octet-stream"), String(types));
    assert.ok(types.some((type) => type.startsWith("text/plain")), String(types));
  });

  test("polls with base64", async () => {
    const got = await exchange({ transports: ["polling"], forceBase64: true });
    assert.deepEqual(got, { ...EXPECTED, transport: "polling" });
  });

  test("polls by scripts and forms", async () => {
    const got = await exchange({ transports: ["polling"], forceJSONP: true });
    assert.deepEqual(got, { ...EXPECTED, transport: "polling" });
    const ofScripts = requests.filter((request) => request.url().includes("&j="));
    const kinds = new Set(ofScripts.map((request) => `${request.method()} ${request.resourceType()}`));
    assert.deepEqual([...kinds].sort(), ["GET script", "POST document"]);
    assert.ok(ofScripts.length > 5, `${ofScripts.length} requests`);
  });

  for (const [what, options] of [
    ["over WebSocket", { transports: ["websocket"] }],
    ["over WebSocket with base64", { transports: ["websocket"], forceBase64: true }],
    ["over an upgrade", { transports: ["polling", "websocket"] }],
    ["over an upgrade from scripts", { transports: ["polling", "websocket"], forceJSONP: true }],
  ]) {
    test(what, async () => {
      assert.deepEqual(await exchange(options), { ...EXPECTED, transport: "websocket" });
    });
  }
});
