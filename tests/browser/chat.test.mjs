// The chat demo in Chromium, on the real server: what people see, from both ends.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";

import { chromium } from "playwright-core";

import { ChatServer } from "./chat_server.mjs";
import { Person, picture } from "./page.mjs";

const LARGEST_IMAGE = Math.floor((4_000_000 - 1) / 4) * 3;
// However Chromium names it: the server of these scenarios goes away.
const UNREACHABLE = /net::ERR_|WebSocket connection to/;

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      "--no-sandbox", // as root, Chromium has no sandbox
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(() => browser.close());

/**
 * Plays `story` on a server of its own. `arrive` opens a page, `join` also enters the chat. All pages are closed in
 * the end, and an error in the console of one of them fails the scenario, unless it is an `expected` one.
 */
function scenario(title, story, { expected } = {}) {
  test(title, async () => {
    const server = await ChatServer.launch();
    const people = [];
    const arrive = async (url, options) => {
      const person = await Person.arrive(browser, url, options);
      people.push(person);
      return person;
    };
    const join = async (url, name, options) => {
      const person = await arrive(url, options);
      await person.join(name);
      return person;
    };
    try {
      await story({ server, url: server.url, arrive, join });
      const problems = people.flatMap((person) => person.problems).filter((problem) => !expected?.test(problem));
      assert.deepEqual(problems, [], "errors in the console");
    } finally {
      await Promise.all(people.map((person) => person.page.context().close()));
      await server.close();
    }
  });
}

describe("the chat", { concurrency: 2 }, () => {
  scenario("two people chat, and see the upgrade, each other, typing and delivery", async ({ url, join, arrive }) => {
    const ada = await join(url, "Ada");
    const grace = await join(url, "Grace", { colorScheme: "dark" });
    for (const person of [ada, grace]) {
      await person.seesPeople("Ada", "Grace");
      await person.upgraded();
      await person.reads("#transport", /^upgraded at \d\d:\d\d:\d\d\.\d{3}, after \d+ ms$/);
    }

    await ada.typesUntil(grace, /^Ada is typing$/);
    await ada.say("Hello, Grace!");
    await ada.delivered("Hello, Grace!");
    await grace.hears("Hello, Grace!");
    assert.equal(await grace.page.textContent("#typing"), "", "who has spoken does not type any more");
    await grace.say("Hello, Ada!\nLong time no see.");
    await ada.hears("Hello, Ada!\nLong time no see.");
    assert.deepEqual(await ada.log(), ["Hello, Grace!", "Hello, Ada!\nLong time no see."]);
    assert.deepEqual(await grace.log(), await ada.log());

    await grace.typesUntil(ada, /^Grace is typing$/);
    await ada.shot("two-people-light");
    await grace.shot("two-people-dark");
    await ada.reads("#typing", /^$/); // she stopped

    await grace.page.reload();
    await grace.hears("Hello, Ada!\nLong time no see.");
    assert.deepEqual(await grace.log(), await ada.log(), "history");
    await grace.upgraded();
    await grace.page.context().close();
    await ada.seesPeople("Ada");
  });

  scenario("what people write is never markup", async ({ url, join, arrive }) => {
    const mallory = await join(url, "<b>Mallory</b>");
    const ada = await join(url, "Ada");
    await mallory.say("<img src=x onerror='document.title = 1'>");
    await ada.hears("<img src=x onerror='document.title = 1'>");
    await ada.seesPeople("<b>Mallory</b>", "Ada");
    assert.equal(await ada.page.locator("#log img, #people b").count(), 0);
  });

  scenario("images are sent by picking, dropping and pasting; what is not one is refused", async ({ url, join, arrive }) => {
    const ada = await join(url, "Ada");
    const grace = await join(url, "Grace");
    const hills = await picture(ada.page);

    await ada.attach("hills.png", "image/png", hills);
    await ada.sees("#log .mine.delivered img");
    await grace.sees('#log img[alt="Image from Ada"]');
    await grace.seesImages(640);

    await handOver(ada, "drop", "text", await picture(ada.page, "image/webp"), "image/webp");
    await grace.seesImages(640, 640);
    await handOver(ada, "paste", "text", await picture(ada.page, "image/jpeg"), "image/jpeg");
    await grace.seesImages(640, 640, 640);
    await ada.shot("images");

    await ada.attach("notes.txt", "text/plain", Buffer.from("notes"));
    await ada.reads("#notice", /^“notes.txt” is not a picture that browsers show/);
    await ada.attach("huge.png", "image/png", Buffer.alloc(LARGEST_IMAGE + 1));
    await ada.reads("#notice", /^“huge.png” has 3.0 MB; the server takes images up to 3.0 MB/);
    await ada.attach("script.svg", "image/png", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"));
    await ada.reads("#log .failed .tick", /^Not delivered: This is not a PNG, JPEG, GIF, WebP or AVIF image.$/);
    await ada.say("Sorry.");
    await grace.hears("Sorry.");
    await grace.seesImages(640, 640, 640);
  });

  scenario("rooms have their own people and history, and show what was missed", async ({ url, join, arrive }) => {
    const ada = await join(url, "Ada");
    const grace = await join(`${url}#ideas`, "Grace");
    await ada.seesPeople("Ada");
    await grace.seesPeople("Grace");
    await ada.sees('#rooms a[href="#ideas"][data-count="1"]');

    for (const text of ["An idea", "A better idea"]) await grace.say(text);
    await grace.delivered("A better idea");
    await ada.sees('#rooms a.unread[href="#ideas"]');
    assert.deepEqual(await ada.log(), []);
    await ada.shot("unread");

    await ada.page.click('#rooms a[href="#ideas"]');
    await ada.hears("A better idea");
    assert.deepEqual(await ada.log(), ["An idea", "A better idea"]);
    await ada.seesNo("#rooms a.unread");
    await grace.seesPeople("Ada", "Grace");
    await ada.say("I like it");
    await grace.hears("I like it");

    await ada.page.goBack();
    await ada.reads("#room", /^lobby$/);
    await grace.seesPeople("Grace");
    await grace.say("And one more");
    await grace.delivered("And one more");
    await ada.page.goForward();
    await ada.hears("And one more");
    assert.deepEqual(await ada.log(), ["An idea", "A better idea", "I like it", "And one more"]);
  });

  scenario(
    "a taken name is refused clearly, however it is spelled",
    async ({ url, join, arrive }) => {
      const ada = await join(url, "Ada");
      const other = await arrive(url);
      for (const name of ["Ada", "  aDA ", "Ａｄａ"]) {
        await other.enter(name);
        await other.reads("#refusal", /^“Ada” is already here. Choose another name.$/);
        if (name === "Ada") await other.shot("name-refused");
        await other.enter("\u200b"); // invisible
        await other.reads("#refusal", /^A name has 1 to 24 characters that can be seen.$/);
      }
      await other.enter("Ada L.");
      await ada.seesPeople("Ada", "Ada L.");
    },
    // The client says goodbye while its next poll is on its way; which of the two arrives last finds no session.
    { expected: /status of 400/ },
  );

  scenario(
    "a page whose connection broke comes back under its name and delivers once",
    async ({ server, url, join }) => {
      const wire = await server.wire();
      const ada = await join(wire.url, "Ada");
      const grace = await join(url, "Grace");
      await ada.upgraded();
      await ada.say("Before");
      await grace.hears("Before");

      wire.muted = true;
      await ada.say("Heard");
      await grace.hears("Heard");
      await ada.sees(`${ada.message("Heard")}.waiting`); // as its acknowledgement is lost
      wire.cut();
      await ada.seesBanner("lost");
      await ada.say("In between");
      await grace.say("Ada?");
      await grace.delivered("Ada?");
      wire.mend();
      await ada.seesBanner("back"); // while the server believes in her old connection
      await ada.hears("Ada?");
      await ada.delivered("In between");
      await grace.hears("In between");
      await grace.seesPeople("Ada", "Grace");
      for (const person of [ada, grace]) assert.deepEqual(await person.log(), ["Before", "Heard", "Ada?", "In between"]);
    },
    { expected: UNREACHABLE },
  );

  scenario(
    "the server's restart is shown and survived: nothing is lost or doubled",
    async ({ server, url, join }) => {
      const wire = await server.wire();
      const ada = await join(wire.url, "Ada");
      const grace = await join(url, "Grace");
      for (const person of [ada, grace]) await person.upgraded();
      await ada.say("Before");
      await ada.delivered("Before");
      wire.muted = true;
      await ada.say("Heard");
      await grace.hears("Heard");

      await server.kill();
      wire.muted = false;
      for (const person of [ada, grace]) {
        await person.seesBanner("lost");
        await person.reads("#banner", /^Connection lost. Attempt \d+ (in \d s|…) Connect now$/);
        await person.reads("#transport", /^not connected$/);
      }
      await ada.say("While it was down");
      await ada.say("And once more");
      await ada.sees(`${ada.message("And once more")}.waiting [aria-label="Waiting to be sent"]`);
      await ada.shot("connection-lost");

      await server.start();
      for (const person of [ada, grace]) await person.seesBanner("back");
      await ada.shot("connected-again");
      await ada.delivered("While it was down");
      await ada.delivered("And once more");
      await grace.hears("And once more");
      await ada.seesPeople("Ada", "Grace");
      await grace.say("Welcome back");
      await ada.hears("Welcome back");
      const all = ["Before", "Heard", "While it was down", "And once more", "Welcome back"];
      for (const person of [ada, grace]) {
        assert.deepEqual(await person.log(), all);
        await person.upgraded();
      }

      const late = await join(url, "Late");
      await late.hears("Welcome back");
      assert.deepEqual(await late.log(), all.slice(1), "the new server's history");
      await ada.seesNo("#banner");

      await server.stop();
      await ada.page.locator("#retry").click();
      await ada.reads("#countdown", /^Attempt 1 in \d s$/);
      await server.start();
      await ada.seesPeople("Ada", "Grace", "Late");
      await late.say("Easy");
      await ada.hears("Easy");
    },
    { expected: UNREACHABLE },
  );

  scenario(
    "long-polling alone carries everything, the largest image too",
    async ({ server, url, join }) => {
      const wire = await server.wire({ webSocket: false });
      const ada = await join(wire.url, "Ada");
      const grace = await join(wire.url, "Grace");
      await ada.reads("#transport", /^connected by long-polling$/);
      await ada.say("No WebSocket here");
      await ada.delivered("No WebSocket here");
      await grace.hears("No WebSocket here");
      await ada.typesUntil(grace, /^Ada is typing$/);

      const hills = await picture(ada.page);
      await ada.attach("largest.png", "image/png", Buffer.concat([hills, Buffer.alloc(LARGEST_IMAGE - hills.length)]));
      await ada.sees("#log .mine.delivered img");
      await grace.seesImages(640);
      for (const person of [ada, grace]) assert.equal(await person.page.getAttribute("#wire", "data-state"), "polling");
    },
    { expected: UNREACHABLE },
  );

  scenario("it fits a phone", async ({ url, join, arrive }) => {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
    const ada = await arrive(url, phone);
    await ada.shot("phone-welcome");
    await ada.page.locator("#name").fill("Ada Augusta of Lovelace");
    await ada.page.locator("#join button").tap();
    await ada.upgraded();
    const names = ["Grace Brewster Hopper", "Katherine Johnson", "Hedwig Eva Maria Kiesler"];
    const [grace] = await Promise.all(names.map((name) => join(url, name)));
    await grace.say("Donaudampfschifffahrtsgesellschaftskapitän".repeat(5));
    await ada.sees("#log li");
    await ada.attach("hills.png", "image/png", await picture(ada.page));
    await ada.page.locator("#text").fill("From the phone");
    await ada.page.locator("#send").tap();
    await ada.delivered("From the phone");
    await grace.hears("From the phone");
    assert.equal(await ada.page.evaluate(() => document.activeElement.id), "text", "the keyboard stays open");
    await grace.typesUntil(ada, /is typing$/);
    assert.equal(await ada.overflow(), 0);
    await ada.shot("phone");

    await ada.page.locator('#rooms a[href="#random"]').tap();
    await ada.reads("#log", /^$/);
    await ada.page.locator("#text").waitFor();
    const box = await ada.page.locator("#composer").boundingBox();
    assert.ok(box.y + box.height <= 844, "the composer is in view");
    assert.equal(await ada.overflow(), 0);
  });

  scenario("it works with the keyboard alone", async ({ url, join, arrive }) => {
    const ada = await arrive(url);
    const { keyboard } = ada.page;
    // Chromium does not keep keys behind the order to hand over file choosers, so that is given long before.
    ada.page.on("filechooser", () => {});
    const focus = () =>
      ada.page.evaluate(() => {
        const { id, hash, tagName } = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        const visible = outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
        return `${id || hash || tagName}${visible ? "" : " (invisible)"}`;
      });

    assert.equal(await focus(), "name");
    await keyboard.type("Ada");
    await keyboard.press("Enter");
    await ada.sees("#chat");
    assert.equal(await focus(), "text");
    await keyboard.type("By keyboard");
    await keyboard.press("Shift+Enter");
    await keyboard.type("alone");
    await keyboard.press("Enter");
    await ada.delivered("By keyboard\nalone");

    await keyboard.press("Tab");
    assert.equal(await focus(), "send");
    const backwards = [];
    for (let step = 0; step < 7; step++) {
      await keyboard.press("Shift+Tab");
      backwards.push(await focus());
    }
    assert.deepEqual(backwards, ["text", "pick", "log", "#random", "#help", "#ideas", "#lobby"]);
    await keyboard.press("Tab");
    await keyboard.press("Enter");
    await ada.reads("#room", /^ideas$/);
    await ada.shot("keyboard");

    for (const [key, room] of [["ArrowDown", /^help$/], ["ArrowUp", /^ideas$/], ["ArrowUp", /^lobby$/], ["ArrowUp", /^random$/]]) {
      await keyboard.press(`Alt+${key}`);
      await ada.reads("#room", room);
    }
    for (let step = 0; step < 4; step++) await keyboard.press("Tab");
    assert.equal(await focus(), "pick");
    const [chooser] = await Promise.all([ada.page.waitForEvent("filechooser"), keyboard.press("Space")]);
    await chooser.setFiles({ name: "hills.png", mimeType: "image/png", buffer: await picture(ada.page) });
    await ada.sees("#log .mine.delivered img");
  });

  scenario("only the page's own files are served", async ({ server: { port } }) => {
    const ask = (path, method = "GET") =>
      new Promise((resolve, reject) => {
        const request = http.request({ port, path, method, host: "127.0.0.1", agent: false }, async (answer) => {
          const chunks = await answer.toArray();
          resolve([answer.statusCode, answer.headers["content-type"], Buffer.concat(chunks).length, answer.headers]);
        });
        request.on("error", reject).end();
      });
    const [status, type, length] = await ask("/");
    assert.deepEqual([status, type], [200, "text/html; charset=utf-8"]);
    assert.deepEqual((await ask("/chat.js")).slice(0, 2), [200, "text/javascript; charset=utf-8"]);
    const [, , none, headers] = await ask("/?anything", "HEAD");
    assert.deepEqual([none, headers["content-length"]], [0, String(length)]);
    for (const path of ["/app.py", "/../app.py", "/static/../app.py", "/%2e%2e/app.py", "/socket.io-client/", "//etc/passwd"]) {
      assert.equal((await ask(path))[0], 404, path);
    }
    assert.equal((await ask("/", "POST"))[0], 405);
  });
});

/** Drops or pastes a file on an element. */
async function handOver(person, kind, id, buffer, type) {
  const given = await person.page.evaluateHandle(
    ([bytes, type]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], "picture", { type }));
      return transfer;
    },
    [[...buffer], type],
  );
  await person.page.evaluate(
    ([kind, id, given]) => {
      const init = { bubbles: true, cancelable: true, dataTransfer: given, clipboardData: given };
      document.getElementById(id).dispatchEvent(kind === "drop" ? new DragEvent(kind, init) : new ClipboardEvent(kind, init));
    },
    [kind, id, given],
  );
}
