/** What is promised about the package: sizes, the files that the Python server has, the names, the entries. */

import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildModules, buildScripts, bundle, shortNames } from "../scripts/build.mjs";
import { clashes } from "../scripts/names.mjs";
import { compare, table } from "../scripts/surface.mjs";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const readme = await readFile(path("../README.md"), "utf8");
const { size, exports } = JSON.parse(await readFile(path("../package.json"), "utf8")) as {
  size: { name: string; import: string; what: string; limit: number }[];
  exports: { [entry: string]: string | { types: string; default: string } };
};
const run = promisify(execFile);

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

/** Those of `files`, and what they import, in a folder. */
async function reachable(folder: string, files: string[]): Promise<Set<string>> {
  const found = new Set(files);
  for (const file of found) {
    const text = await readFile(join(folder, file), "utf8");
    for (const [, name = ""] of text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
      const target = join(dirname(file), name);
      found.add(file.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target);
    }
  }
  return found;
}

test("the package has its entries with their types, what they need, and nothing else", {
  timeout: BUILD,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "arcwire-"));
  try {
    const about = ["LICENSE", "README.md", "package.json"];
    for (const name of about) await copyFile(path(`../${name}`), join(folder, name));
    const dist = join(folder, "dist");
    await mkdir(join(dist, "chunks"), { recursive: true });
    await writeFile(join(dist, "chunks/chunk-OLD.js"), "");
    await buildModules(dist);
    const tsc = path("../node_modules/typescript/bin/tsc");
    await run(process.execPath, [tsc, "-p", path("../tsconfig.build.json"), "--outDir", dist]);
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"], {
      cwd: folder,
    });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];

    const entries = Object.values(exports).filter((entry) => typeof entry === "object");
    expect(entries).toHaveLength(4);
    const modules = await reachable(
      folder,
      entries.map((entry) => join(entry.default)),
    );
    const types = await reachable(
      folder,
      entries.map((entry) => join(entry.types)),
    );
    const packed = files.map((file) => file.path);
    const maps = [...modules].map((name) => `${name}.map`);
    const needed = [...about, ...modules, ...types, ...maps];
    expect(needed.filter((name) => !packed.includes(name))).toEqual([]);

    // Modules that no public type names have declarations, too.
    const sources: string[] = [];
    for (const map of maps) {
      const content = JSON.parse(await readFile(join(folder, map), "utf8")) as { sources: string[] };
      for (const source of content.sources)
        sources.push(source.replace(/^.*\/src\/(.+)\.ts$/, "dist/$1.d.ts"));
    }
    expect(sources).toContain("dist/socket/parser.d.ts");
    expect(packed.filter((name) => ![...needed, ...sources].includes(name))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("license and README are good outside of the repository", async () => {
  const [own, repository] = await Promise.all(
    ["../LICENSE", "../../../LICENSE"].map((name) => readFile(path(name), "utf8")),
  );
  expect(own).toBe(repository);
  expect(readme.match(/\]\((?!#|https:)[^)]*\)/g)).toBeNull();
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
