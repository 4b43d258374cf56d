/** What is promised about the package: sizes, the files that the Python server has, the names, the entries. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildModules, buildScripts, bundle, shortNames } from "../scripts/build.mjs";
import { clashes } from "../scripts/names.mjs";
import { compare, table } from "../scripts/surface.mjs";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const readme = await readFile(path("../README.md"), "utf8");
const { size, exports } = JSON.parse(await readFile(path("../package.json"), "utf8")) as {
  size: { name: string; import: string; what: string; limit: number }[];
  exports: { [entry: string]: string | { default: string } };
};

const BUILD = 60_000;

test.each(size)(
  "$name is as small as the README says",
  { timeout: BUILD },
  async ({ name, import: entry, what, limit }) => {
    const code = await bundle(`export { ${what} } from "./${entry}.ts";`);
    const bytes = gzipSync(code as string, { level: 9 }).length;
    expect(bytes).toBeLessThanOrEqual(limit);
    expect(readme).toContain(`| \`${name}\` | ${(bytes / 1000).toFixed(2)} kB |`);
  },
);

test("short names are for one thing each, within a class", async () => {
  const names = (await shortNames()) as { [name: string]: string };
  expect(Object.keys(names).length).toBeGreaterThan(50);
  expect(await clashes(names)).toEqual([]);
  // Those of a class are told from each other; a clash would be found.
  expect(await clashes({ ...names, _flags: names._any })).toEqual([["_any", "_flags"]]);
});

test("the scripts that the Python server has are those of this source", { timeout: BUILD }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "arcwire-"));
  try {
    await buildScripts(folder);
    const names = (await readdir(folder)).sort();
    const served = path("../../../src/arcwire/static/");
    expect(names).toHaveLength(8);
    expect((await readdir(served)).sort()).toEqual(names);
    for (const name of names) {
      const [fresh, kept] = await Promise.all(
        [folder, served].map((each) => readFile(join(each, name), "utf8")),
      );
      expect(fresh === kept, `${name} is old: run npm run build in js/client`).toBe(true);
      expect(kept).not.toMatch(/node_modules/);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("every entry is built, and modules of different entries understand each other", {
  timeout: BUILD,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "arcwire-"));
  try {
    await buildModules(folder);
    for (const entry of Object.values(exports)) {
      if (typeof entry === "object") await readFile(join(folder, entry.default.replace("./dist/", "")));
    }
    const { io } = await import(join(folder, "index.js"));
    const { WebSocket } = await import(join(folder, "engine.js"));
    const { Decoder, Encoder } = await import(join(folder, "msgpack.js"));
    const made: {
      uri: string;
      sent: unknown[];
      onmessage?: (event: unknown) => void;
      onopen?: () => void;
    }[] = [];
    class Mine extends WebSocket {
      createSocket(uri: string) {
        const socket = {
          uri,
          sent: [] as unknown[],
          readyState: 1,
          send: (data: unknown) => socket.sent.push(data),
          close() {},
        };
        made.push(socket);
        return socket;
      }
    }
    const socket = io("http://a.example", { transports: [Mine], parser: { Encoder, Decoder } });
    made[0]?.onopen?.();
    made[0]?.onmessage?.({ data: '0{"sid":"x","upgrades":[],"pingInterval":1000,"pingTimeout":1000}' });
    expect(made[0]?.sent).toEqual([new Encoder().encode({ type: 0, nsp: "/" })[0]]);
    socket.disconnect();
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe("the reference's names", () => {
  test("the README has the comparison", () => expect(readme).toContain(table()));

  test("what is missing is known", () => {
    const missing = compare().flatMap((row) => row.missing);
    expect(missing.sort()).toEqual(
      [
        "Cookie",
        "TransportReservedEvents",
        "WebTransport",
        "WebTransport",
        "_cookieJar",
        "installTimerFunctions",
        "nextTick",
      ].sort(),
    );
    expect(compare().every(({ total }) => total > 2)).toBe(true);
  });
});
