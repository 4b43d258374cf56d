// Chromium and Firefox, driven in the same way.

import puppeteer from "puppeteer-core";

const PATIENCE = 20_000; // milliseconds

const LAUNCH = {
  chromium: {
    browser: "chrome",
    args: [
      "--no-sandbox", // as root, Chromium has no sandbox
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  },
  firefox: {
    browser: "firefox",
    extraPrefsFirefox: {
      "network.websocket.delay-failed-reconnects": false, // it would wait longer after each failure
      "dom.min_background_timeout_value": 4, // all tabs but one are in the background
      "dom.min_background_timeout_value_without_budget_throttling": 4,
      "dom.timeout.enable_budget_timer_throttling": false,
      "devtools.jsonview.enabled": false,
      "fission.bfcacheInParent": true, // as it is for people; drivers turn it off
      "datareporting.policy.dataSubmissionEnabled": false,
    },
  },
};

/** Starts the browser of this name, whose program is `executablePath`. */
export async function launch(name, executablePath) {
  const options = LAUNCH[name];
  if (!options) throw new Error(`There is no way to drive ${name}; known are ${Object.keys(LAUNCH).join(", ")}`);
  const browser = await puppeteer.launch({ headless: true, executablePath, protocolTimeout: 60_000, ...options });
  browser.kind = name;
  return browser;
}

/** A person's browser: tabs that share cookies and nothing with others. */
export class Visitor {
  #context;
  #pages = [];

  static async arrive(browser) {
    const visitor = new Visitor();
    visitor.#context = await inTurn(() => browser.createBrowserContext());
    return visitor;
  }

  /** A new tab at `url`. */
  async open(url) {
    const page = await inTurn(() => this.#context.newPage());
    this.#pages.push(page);
    page.setDefaultTimeout(PATIENCE);
    await page.goto(url);
    return page;
  }

  close(page) {
    return inTurn(() => page.close());
  }

  /** What its pages threw and did not catch. */
  async problems() {
    const open = this.#pages.filter((page) => !page.isClosed());
    return (await Promise.all(open.map((page) => page.evaluate(() => window.problems ?? [])))).flat();
  }

  leave() {
    return inTurn(() => this.#context.close());
  }
}

// Firefox mistakes tabs that come and go at the same time for each other.
let last = Promise.resolve();

function inTurn(step) {
  const result = last.then(step);
  last = result.catch(() => {});
  return result;
}
