// The example pages in Chromium, as two people see them.
//
//   EXAMPLE   its name        URL   where it is served        PROGRAM   the browser

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, Visitor } from "./browsers.mjs";

const SHOTS = fileURLToPath(new URL("../../../test-results/browser/", import.meta.url));
const { EXAMPLE, URL: url, PROGRAM } = process.env;

/** Waits until an element has this text. */
const reads = (page, selector, text) => page.waitForFunction(
  (selector, text) => document.querySelector(selector)?.textContent.trim() === text, {}, selector, text,
);

async function shot(page) {
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}example-${EXAMPLE}.png` });
}

const stories = {
  async script_tag(ada, grace) {
    await Promise.all([ada, grace].map((page) => reads(page, "#state", "Connected. Open this page twice, and vote.")));
    await ada.click('[data-choice="tabs"]');
    await reads(ada, "#state", "Yours was vote number 1.");
    await reads(grace, '[data-choice="tabs"] b', "1");
    await grace.click('[data-choice="spaces"]');
    await grace.click('[data-choice="tabs"]');
    await reads(ada, '[data-choice="tabs"] b', "2");
    await reads(ada, '[data-choice="spaces"] b', "1");
  },

  async vite_typescript(ada, grace) {
    for (const page of [ada, grace]) {
      await reads(page, "#state", "Connected.");
      await reads(page, "#item-1", "Coffee");
    }
    await ada.type("input[name=text]", "<b>Milk</b>");
    await ada.keyboard.press("Enter");
    for (const page of [ada, grace]) await reads(page, "#item-2", "<b>Milk</b>");
    await grace.click("#item-0 input");
    await ada.waitForSelector("#item-0.bought input:checked");
    assert.equal(await ada.$$eval("li", (rows) => rows.length), 3, "nothing is shown twice");
  },

  async react_hook(ada, grace) {
    for (const page of [ada, grace]) await reads(page, ".state", "2 in the room. You clapped 0 times.");
    await ada.click("button");
    await reads(grace, ".claps", "1");
    await grace.click("button");
    await grace.click("button");
    await reads(ada, ".claps", "3");
    await reads(ada, ".state", "2 in the room. You clapped once.");
    await reads(grace, ".state", "2 in the room. You clapped 2 times.");
    const [, tab] = await Promise.all([grace.goto("about:blank"), reads(ada, ".state", "1 in the room. You clapped once.")]);
    assert.ok(tab);
  },
};

test(EXAMPLE, async () => {
  const browser = await launch("chromium", PROGRAM);
  try {
    const people = await Promise.all([Visitor.arrive(browser), Visitor.arrive(browser)]);
    const errors = [];
    const pages = await Promise.all(people.map((visitor) => visitor.open(url)));
    for (const page of pages) page.on("pageerror", (error) => errors.push(String(error)));
    await stories[EXAMPLE](...pages);
    await shot(pages[0]);
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
  }
});
