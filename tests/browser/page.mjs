// A person at the chat, in a real browser.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const SHOTS = fileURLToPath(new URL("../../test-results/browser/", import.meta.url));
const PATIENCE = 15_000; // milliseconds

export class Person {
  /** What the console of this page reported as an error. */
  problems = [];

  static async arrive(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 760, height: 680 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    const person = new Person();
    person.page = await context.newPage();
    await person.page.addInitScript(noteBanners);
    person.page.on("console", (message) => message.type() === "error" && person.problems.push(message.text()));
    person.page.on("pageerror", (error) => person.problems.push(String(error)));
    await person.page.goto(url);
    return person;
  }

  async join(name) {
    await this.enter(name);
    await this.sees(`#people li:has-text("${name}"):has-text("you")`);
  }

  async enter(name) {
    await this.page.fill("#name", name);
    await this.page.click("#join button");
  }

  async say(text) {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  async attach(name, mimeType, buffer) {
    await this.page.setInputFiles("#file", { name, mimeType, buffer });
  }

  /** Waits until an element is shown. */
  async sees(selector) {
    await this.page.locator(selector).first().waitFor();
  }

  /** Waits until no such element is shown. */
  async seesNo(selector) {
    await this.page.locator(selector).first().waitFor({ state: "hidden" });
  }

  /** Waits until the text of an element matches. */
  async reads(selector, expected) {
    const text = async () => (await this.page.locator(selector).textContent()).replace(/\s+/g, " ").trim();
    await eventually(text, (seen) => assert.match(seen, expected));
  }

  /** Types on until another person reads of it: one notice of it may get lost, and is shown for three seconds. */
  async typesUntil(other, expected) {
    const look = async () => {
      await this.page.locator("#text").press("m");
      return other.page.textContent("#typing");
    };
    await eventually(look, (seen) => assert.match(seen, expected));
  }

  message(text) {
    return `#log li:has(.bubble > p:text-is("${text.replace(/\s+/g, " ")}"))`;
  }

  async hears(text) {
    await this.sees(this.message(text));
  }

  /** Waits until a message of this person's own has its delivery tick. */
  async delivered(text) {
    await this.sees(`${this.message(text)}.mine.delivered [role=img][aria-label=Delivered]`);
  }

  /** The texts of the messages on the page, from first to last. */
  async log() {
    return this.page.locator("#log .bubble p").allTextContents();
  }

  async seesPeople(...names) {
    const people = this.page.locator("#people li > span:not(.avatar)");
    await eventually(() => people.allTextContents(), (seen) => assert.deepEqual(seen, names));
  }

  /** Waits until the images in the log have these widths: they arrived whole, and were decoded. */
  async seesImages(...widths) {
    const images = this.page.locator("#log img");
    const look = () => images.evaluateAll((all) => all.map((image) => image.naturalWidth));
    await eventually(look, (seen) => assert.deepEqual(seen, widths));
  }

  /** Waits until the banner had a state after the one that was waited for last; some last only seconds. */
  async seesBanner(state) {
    await this.page.waitForFunction((state) => banners.splice(0, banners.indexOf(state) + 1).length > 0, state);
  }

  async upgraded() {
    await this.sees('#wire[data-state="websocket"]');
  }

  /** How many pixels of the page, of its log or of a message are out of reach sideways, or of the page downwards. */
  async overflow() {
    return this.page.evaluate(() => {
      const root = document.scrollingElement;
      const boxes = [root, ...document.querySelectorAll("#log, .bubble")];
      return Math.max(root.scrollHeight - innerHeight, ...boxes.map((box) => box.scrollWidth - box.clientWidth));
    });
  }

  async shot(name) {
    await mkdir(SHOTS, { recursive: true });
    await this.page.screenshot({ path: `${SHOTS}${name}.png` });
  }
}

/** Within a page: `banners` are the states of its banner that no test has waited for. */
function noteBanners() {
  window.banners = [];
  addEventListener("DOMContentLoaded", () => {
    const banner = document.getElementById("banner");
    const note = () => window.banners.push(banner.dataset.state);
    new MutationObserver(note).observe(banner, { attributeFilter: ["data-state"] });
  });
}

/** Looks until `check` does not throw, or throws what it threw last. */
async function eventually(look, check) {
  const late = Date.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    try {
      return check(seen);
    } catch (error) {
      if (Date.now() > late) throw error;
    }
    await sleep(25);
  }
}

/** A picture, made by the browser itself. */
export async function picture(page, type = "image/png") {
  const bytes = await page.evaluate(async (type) => {
    const canvas = new OffscreenCanvas(640, 400);
    const paint = canvas.getContext("2d");
    const sky = paint.createLinearGradient(0, 0, 640, 400);
    sky.addColorStop(0, "#ffb070");
    sky.addColorStop(1, "#6a3fb0");
    paint.fillStyle = sky;
    paint.fillRect(0, 0, 640, 400);
    paint.fillStyle = "#2a1c4a";
    paint.beginPath();
    [[0, 400], [190, 150], [340, 330], [440, 230], [640, 400]].forEach((point) => paint.lineTo(...point));
    paint.fill();
    return [...new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer())];
  }, type);
  return Buffer.from(bytes);
}
