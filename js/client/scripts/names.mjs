/**
 * Look for short names of what is private: `node scripts/names.mjs [STEPS]`.
 *
 * How small a script gets by gzip depends on which letters stand where, and nobody can foresee that: so names are
 * exchanged by chance, and kept so where the scripts got smaller. What is found goes to `names.json`, which is under
 * version control, so that a build gives the same bytes everywhere. Names that are not in there get what is left.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle, NAMES, shortNames } from "./build.mjs";

const LETTERS = "etnrisouaflchpdvmgybwkxqzjTESNCALOMDPHBFIRUWVGKXYZQJ";
/** Those at the limit of their size. */
const ENTRIES = ["index", "websocket"];
/**
 * Files with classes of one family. A name that is nowhere else may have the same short name as one of another family:
 * no object is of two.
 */
const FAMILIES = [
  ["engine/session.ts"],
  ["engine/websocket.ts"],
  ["engine/polling.ts"],
  ["socket/manager.ts"],
  ["socket/socket.ts", "socket/reliable.ts"],
  ["socket/parser.ts"],
];

async function sources() {
  const folder = new URL("../src/", import.meta.url);
  const texts = {};
  for (const file of await readdir(folder, { recursive: true })) {
    if (file.endsWith(".ts")) texts[file] = await readFile(new URL(file, folder), "utf8");
  }
  return texts;
}

/** Tells of two names whether they must not have the same short name. */
function rivalry(names, texts) {
  const families = {};
  for (const name in names) {
    const files = Object.keys(texts).filter((file) => new RegExp(`\\b${name}\\b`).test(texts[file]));
    families[name] = FAMILIES.findIndex((family) => files.every((file) => family.includes(file)));
  }
  return (one, other) => families[one] < 0 || families[other] < 0 || families[one] === families[other];
}

/** Pairs of names that have the same short name, and must not. */
export async function clashes(names) {
  const areRivals = rivalry(names, await sources());
  const all = Object.keys(names);
  return all
    .flatMap((one, index) => all.slice(index + 1).map((other) => [one, other]))
    .filter(([one, other]) => names[one] === names[other] && areRivals(one, other));
}

async function search(steps) {
  const texts = await sources();
  let names = await shortNames();
  const all = Object.keys(names);
  const areRivals = rivalry(names, texts);
  // Short words that are in use, as names of properties perhaps.
  const taken = Object.values(texts).flatMap((text) => text.match(/(?<![\w$])[a-zA-Z]{2}(?![\w$])/g));
  const some = [...LETTERS.slice(0, 12)];
  const pairs = some.flatMap((one) => some.map((other) => one + other));
  const pool = [...LETTERS, ...pairs.filter((pair) => !taken.includes(pair))];

  // Each name stands as one letter that is nowhere else, until its short name is written in its place.
  const FIRST = 0xa000;
  const letters = Object.fromEntries(all.map((name, index) => [name, String.fromCharCode(FIRST + index)]));
  const codes = await Promise.all(
    ENTRIES.map((entry) => bundle(`export { io } from "./${entry}.ts";`, letters)),
  );
  const used = all.filter((name) => codes.some((code) => code.includes(letters[name])));
  const measure = (candidate) =>
    codes
      .map((code) => code.replace(/[\ua000-\ua48c]/g, (each) => candidate[all[each.charCodeAt(0) - FIRST]]))
      .reduce((sum, code) => sum + gzipSync(code, { level: 9 }).length, 0);

  // Chance, the same at each run.
  let state = 1;
  const oneOf = (list) => {
    state = (state * 48_271) % 0x7fffffff;
    return list[state % list.length];
  };
  const isAllowed = (candidate, changed) =>
    all.every(
      (name) => name === changed || candidate[name] !== candidate[changed] || !areRivals(name, changed),
    );

  let best = measure(names);
  for (let step = 0; step < steps; step++) {
    const one = oneOf(used);
    const candidate = { ...names, [one]: oneOf(pool) };
    // Who has that name gets the other's; or both have it, where they may.
    const other = oneOf([true, false]) && all.find((name) => name !== one && names[name] === candidate[one]);
    if (other) candidate[other] = names[one];
    if (!isAllowed(candidate, one) || (other && !isAllowed(candidate, other))) continue;
    const size = measure(candidate);
    if (size > best) continue;
    names = candidate;
    best = size;
  }
  await writeFile(NAMES, `${JSON.stringify(names, null, 2)}\n`);
  console.log(`${best} bytes`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await search(Number(process.argv[2] ?? 20_000));
