/**
 * Build the client: `node scripts/build.mjs [FOLDER]`.
 *
 * Without a folder: `dist/`, the modules of the npm package, and the scripts that the Python server serves, in
 * `src/arcwire/static/`, which are under version control. With a folder: those scripts alone, into it. The same
 * source gives the same bytes everywhere.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const root = fileURLToPath(new URL("..", import.meta.url));
const served = fileURLToPath(new URL("../../../src/arcwire/static/", import.meta.url));

export const NAMES = fileURLToPath(new URL("names.json", import.meta.url));

/** The modules of the package, by the names under which they are imported. */
const MODULES = ["index", "websocket", "msgpack", "engine"].map((name) => `src/${name}.ts`);

/** Files that pages load: their names without extension, and what they are made of. */
const SCRIPTS = [
  { name: "arcwire", entry: "script", format: "iife", isMinified: false },
  { name: "arcwire.min", entry: "script", format: "iife", isMinified: true },
  { name: "arcwire.msgpack.min", entry: "script_msgpack", format: "iife", isMinified: true },
  { name: "arcwire.esm.min", entry: "index", format: "esm", isMinified: true },
];

const common = {
  absWorkingDir: root,
  bundle: true,
  target: "es2022",
  sourcemap: true,
  legalComments: "none",
  logLevel: "warning",
  // Names with an underscore are ours, except those that stand in the protocol or that applications know from the
  // reference.
  mangleProps: /^_/,
  reserveProps: /^(_placeholder|_pid|_lastOffset|_queue|__proto__)$/,
};

/** Said to terser, which goes over what esbuild has minified: the two find different things. */
const terser = {
  module: true,
  ecma: 2020,
  compress: {
    passes: 3,
    unsafe: true,
    pure_getters: true,
    keep_fargs: false,
    // What these find is shorter, and longer after gzip.
    conditionals: false,
    lhs_constants: false,
  },
};

/**
 * The short names, as `names.mjs` found them, and those of what is new: one table for all files, since a socket of one
 * may meet a transport of another.
 */
export async function shortNames() {
  const { mangleCache } = await build({
    ...common,
    entryPoints: [...MODULES, ...new Set(SCRIPTS.map(({ entry }) => `src/${entry}.ts`))],
    outdir: "nowhere",
    write: false,
    format: "esm",
    splitting: true,
    mangleCache: JSON.parse(await readFile(NAMES, "utf8")),
  });
  return mangleCache;
}

/** A bundle of `contents`, a module beside the sources, as small as it gets. */
export async function bundle(contents, mangleCache) {
  const { outputFiles } = await build({
    ...common,
    stdin: { contents, resolveDir: join(root, "src") },
    sourcemap: false,
    write: false,
    format: "esm",
    minify: true,
    mangleCache: mangleCache ?? (await shortNames()),
  });
  return (await minify(outputFiles[0].text, terser)).code;
}

export async function buildScripts(folder) {
  const mangleCache = await shortNames();
  await mkdir(folder, { recursive: true });
  for (const { name, entry, format, isMinified } of SCRIPTS) {
    const { outputFiles } = await build({
      ...common,
      entryPoints: { [name]: `src/${entry}.ts` },
      // Wherever they go: maps name their sources relative to this.
      outdir: served,
      sourceRoot: "arcwire",
      write: false,
      format,
      minify: isMinified,
      mangleCache,
    });
    let [map, code] = outputFiles.map(({ text }) => text);
    if (isMinified) {
      ({ code, map } = await minify(code, {
        ...terser,
        sourceMap: {
          content: map,
          includeSources: true,
          url: `${name}.js.map`,
          filename: `${name}.js`,
          root: "arcwire",
        },
      }));
    }
    await writeFile(join(folder, `${name}.js`), code.endsWith("\n") ? code : `${code}\n`);
    await writeFile(join(folder, `${name}.js.map`), map.endsWith("\n") ? map : `${map}\n`);
  }
}

/** The modules of the package; nothing else is left in `folder`, or what was built before would be published too. */
export async function buildModules(folder) {
  await rm(folder, { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: MODULES,
    outdir: folder,
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    mangleCache: await shortNames(),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  await buildScripts(folder || served);
  if (!folder) await buildModules(join(root, "dist"));
}
