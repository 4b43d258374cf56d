// A client for browsers, in a browser, with a server.
//
//   BROWSER    chromium or firefox        PROGRAM       its program
//   CLIENT     the script that gives `io` SERVER_URL    the server
//   SERVER_COMMAND, SERVER_PORT           how to start another one, to be killed, and where it is then
//   OFFICIAL_CLIENT, OFFICIAL_SERVER      set when they are not ours: they have defects that ours must not have

import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";

import { createRequire } from "node:module";

import { launch, Visitor } from "./browsers.mjs";
import { OwnServer } from "./server.mjs";
import { Site } from "./site.mjs";
import { Wire } from "../wire.mjs";

const { io } = createRequire(new URL("../../interop/", import.meta.url))("socket.io-client");

const { BROWSER, PROGRAM, CLIENT, SERVER_URL, SERVER_COMMAND, SERVER_PORT } = process.env;
const isOurs = !process.env.OFFICIAL_CLIENT;
const isOurServer = !process.env.OFFICIAL_SERVER;
const ports = { server: Number(new URL(SERVER_URL).port) };

let browser;
let site;

before(async () => {
  site = await Site.serve(CLIENT);
  browser = await launch(BROWSER, PROGRAM);
});

after(async () => {
  site?.close();
  await browser?.close();
});

/**
 * A test in a browser of its own. `story` gets a visitor with what else it needs; what it `uses` is ended in the
 * end. Uncaught exceptions in a page fail it.
 */
function scenario(title, story, options = {}) {
  test(title, { timeout: 100_000, ...options }, async () => {
    const visitor = await Visitor.arrive(browser);
    const ends = [() => visitor.leave()];
    const uses = (thing, end = () => thing.close()) => {
      ends.push(end);
      return thing;
    };
    try {
      await story({ visitor, uses });
      assert.deepEqual(await visitor.problems(), [], "uncaught exceptions in pages");
    } finally {
      for (const end of ends.reverse()) await end();
    }
  });
}

/** Lets a page of the site do something, as kit.mjs says it. */
async function play(page, name, surroundings = {}) {
  await page.waitForFunction("window.play");
  return page.evaluate((name, surroundings) => window.play(name, surroundings), name, {
    server: SERVER_URL, isOurs, isOurServer, ...surroundings,
  });
}

const PAGE = "/page.html";

/** A scenario that a page plays alone. */
function alone(title, name, options) {
  scenario(title, async ({ visitor }) => {
    await play(await visitor.open(site.url + PAGE), name);
  }, options);
}

async function deadUrl() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** Watches which sockets the server loses, by names that clients give themselves. */
async function watcher(uses) {
  const socket = io(SERVER_URL, { forceNew: true, transports: ["websocket"] });
  uses(socket, () => socket.disconnect());
  const gone = new Map();
  socket.on("gone", ({ name, reason }) => gone.set(name, reason));
  await socket.emitWithAck("join", "watchers");
  return {
    tell: (...values) => socket.emitWithAck("tell", ...values),
    async sees(name) {
      const late = Date.now() + 20_000;
      while (!gone.has(name)) {
        if (Date.now() > late) throw new Error(`the server did not lose ${name}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return gone.get(name);
    },
  };
}

describe("a client in a browser", { concurrency: 4 }, () => {
  // The longest first.
  scenario("recovers over 200 cuts: nothing is lost or doubled", async ({ visitor, uses }) => {
    const wire = uses(await Wire.to(ports.server));
    const controls = site.offer({ interrupt: (how) => wire.interrupt(how) });
    const page = await visitor.open(site.url + PAGE);
    // When a connection breaks, browsers repeat a request that went over it. The reference does not notice that, so
    // what it has answered or taken by polling gets lost or doubled, whatever a client does.
    const transports = isOurServer ? ["polling", "websocket", "upgrade"] : ["websocket"];
    await play(page, "recovery", { wire: wire.url, controls, transports });
  }, { skip: !isOurs && !isOurServer && "the reference's client and server double events after several recoveries" });

  scenario("delivers once what it sends again", async ({ visitor, uses }) => {
    const wire = uses(await Wire.to(ports.server));
    const controls = site.offer({ interrupt: (how) => wire.interrupt(how) });
    await play(await visitor.open(site.url + PAGE), "retries", { wire: wire.url, controls });
  }, { skip: !(isOurs && isOurServer) && "the reference sends again and does not know what it had" });

  scenario("survives restarts of the server", async ({ visitor, uses }) => {
    const server = uses(new OwnServer(JSON.parse(SERVER_COMMAND), Number(SERVER_PORT)), () => server.kill());
    await server.start();
    const controls = site.offer({ kill: () => server.kill(), stop: () => server.stop(), start: () => server.start() });
    await play(await visitor.open(site.url + PAGE), "restart", { server: server.url, controls });
  });

  alone("polls", "polling");
  alone("speaks over WebSocket", "websocket");
  alone("upgrades, and loses nothing on the way", "upgrade");
  alone("joins what it sends at once, where the server agrees", "batches");
  alone("sends what was emitted before its frame went", "removedFrame");
  alone("remembers that WebSocket worked", "rememberedUpgrade");
  alone("sends and gets bytes, views, blobs and files, nested and in order", "binary");
  alone("acknowledges and is acknowledged", "acknowledgements");
  alone("has many namespaces on one connection", "namespaces");
  alone("shows who it is", "auth");
  alone("sends cookies to another origin only when told to", "cookies");
  alone("works in a worker", "worker");
  alone("sends nothing that the server would not take", "oversized", {
    skip: !isOurs && "the reference loses the connection",
  });

  scenario("does without WebSocket where that is blocked", async ({ visitor, uses }) => {
    const wire = uses(await Wire.to(ports.server, { webSocket: false }));
    await play(await visitor.open(site.url + PAGE), "blockedWebSocket", { wire: wire.url });
  });

  scenario("tells when it is refused, or when nobody is there", async ({ visitor }) => {
    await play(await visitor.open(site.url + PAGE), "refusals", { dead: await deadUrl() });
  });

  scenario("tells when the page's origin is refused", async ({ visitor }) => {
    await play(await visitor.open(site.foreignUrl + PAGE), "foreignOrigin");
  });

  scenario("finds the server that its page came from", async ({ visitor }) => {
    // No page, but a document of the server's origin.
    const page = await visitor.open(`${SERVER_URL}/socket.io/?EIO=4&transport=none`);
    await page.addScriptTag({ path: CLIENT });
    await page.evaluate(async (kit) => { window.play = (await import(kit)).play; }, `${site.url}/kit.mjs`);
    await play(page, "ownOrigin");
  });

  scenario("lives in two tabs", async ({ visitor, uses }) => {
    const watch = await watcher(uses);
    const names = ["one", "two"].map((name) => `${name} of ${Math.random()}`);
    const tabs = await Promise.all(names.map(() => visitor.open(site.url + PAGE)));
    const ids = await Promise.all(tabs.map((tab, index) => play(tab, "begin", { name: names[index], path: "/socket.io" })));
    assert.notEqual(ids[0], ids[1]);
    const room = `tabs ${Math.random()}`;
    for (const tab of tabs) await play(tab, "join", { room });
    await play(tabs[0], "speak", { room, value: "from one" });
    await play(tabs[1], "heard", { values: ["from one"] });
    await play(tabs[1], "speak", { room, value: "from two" });
    await play(tabs[0], "heard", { values: ["from two"] });
    await visitor.close(tabs[0]);
    assert.ok(["transport close", "client namespace disconnect"].includes(await watch.sees(names[0])));
    assert.deepEqual(await play(tabs[1], "connected"), { same: true, recovered: false });
  });

  scenario("leaves when its page is closed, by polling as well", async ({ visitor, uses }) => {
    const watch = await watcher(uses);
    const name = `polling ${Math.random()}`;
    const page = await visitor.open(site.url + PAGE);
    await play(page, "begin", { name, path: "/socket.io", options: { transports: ["polling"] } });
    await page.goto(`${site.url}/elsewhere.html`);
    await watch.sees(name);
  });

  scenario("leaves before its page is unloaded, if it was told to", async ({ visitor, uses }) => {
    const watch = await watcher(uses);
    const name = `unloading ${Math.random()}`;
    const page = await visitor.open(site.url + PAGE);
    const options = { transports: ["websocket"], closeOnBeforeunload: true, reconnection: false };
    await play(page, "begin", { name, path: "/socket.io", options });
    await page.evaluate(() => dispatchEvent(new Event("beforeunload")));
    assert.equal(await watch.sees(name), "transport close");
  });

  scenario("reacts to the network's end and return", async ({ visitor, uses }) => {
    const watch = await watcher(uses);
    const name = `offline ${Math.random()}`;
    const page = await visitor.open(site.url + PAGE);
    const options = isOurs ? { reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 } : {};
    const id = await play(page, "begin", { name, options });
    await watch.tell(id, 1); // the reference cannot recover before
    await play(page, "told", { values: [1] });
    await setOffline(page, true);
    await play(page, "logged", { event: "disconnect" });
    assert.deepEqual((await play(page, "log")).slice(0, 2), [["told", 1], ["disconnect", "transport close"]]);
    await watch.tell(id, 2);
    await setOffline(page, false); // ours does not wait for its minute then
    await play(page, "told", { values: [1, 2] });
    assert.deepEqual(await play(page, "connected"), { same: true, recovered: true });
  });

  scenario("is frozen, and comes back with what it missed", async ({ visitor, uses }) => {
    const watch = await watcher(uses);
    const name = `frozen ${Math.random()}`;
    const page = await visitor.open(site.url + PAGE);
    const id = await play(page, "begin", { name });
    await watch.tell(id, 1);
    await play(page, "told", { values: [1] });
    const session = await page.createCDPSession();
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    assert.equal(await watch.sees(name), "ping timeout");
    await watch.tell(id, 2);
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await play(page, "told", { values: [1, 2] });
    assert.deepEqual(await play(page, "connected"), { same: true, recovered: true });
  }, { skip: BROWSER !== "chromium" && "only Chromium can be told to freeze a page" });

  for (const transports of [["polling"], ["websocket"]]) {
    scenario(`comes back from the back-forward cache, over ${transports}`, async ({ visitor, uses }) => {
      const watch = await watcher(uses);
      const name = `cached ${Math.random()}`;
      const page = await visitor.open(site.url + PAGE);
      const id = await play(page, "begin", { name, options: { transports } });
      await watch.tell(id, 1);
      await play(page, "told", { values: [1] });
      await page.goto(`${site.url}/elsewhere.html`);
      await watch.sees(name);
      await watch.tell(id, 2);
      await page.goBack();
      assert.equal(await play(page, "persisted"), true);
      await play(page, "told", { values: [1, 2] });
      assert.deepEqual(await play(page, "connected"), { same: true, recovered: true });
    }, { skip: BROWSER !== "chromium" && "Firefox forgets pages that have open connections" });
  }
});

async function setOffline(page, isOffline) {
  if (BROWSER === "chromium") return page.setOfflineMode(isOffline);
  await page.evaluate((name) => dispatchEvent(new Event(name)), isOffline ? "offline" : "online");
}
