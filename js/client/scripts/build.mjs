/**
 * Build the client: `node scripts/build.mjs [FOLDER]`.
 *
 * Without a folder: `dist/`, the modules of the npm package, and the scripts that the Python server serves, in
 * `src/arcwire/static/`, which are under version control. With a folder: those scripts alone, into it. The same
 * source gives the same bytes everywhere.
 */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const served = fileURLToPath(new URL("../../../src/arcwire/static/", import.meta.url));

/** The modules of the package, by the names under which they are imported. */
const MODULES = ["index", "websocket", "msgpack", "engine"].map((name) => `src/${name}.ts`);

/** Files that pages load: their names without extension, and what they are made of. */
const SCRIPTS = [
  { name: "arcwire", entry: "script", format: "iife", minify: false },
  { name: "arcwire.min", entry: "script", format: "iife", minify: true },
  { name: "arcwire.msgpack.min", entry: "script_msgpack", format: "iife", minify: true },
  { name: "arcwire.esm.min", entry: "index", format: "esm", minify: true },
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
  reserveProps:
    /^(_placeholder|_pid|_lastOffset|_queue|_autoConnect|_readyState|_reconnecting|_hasPingExpired|__proto__)$/,
};

/** The short names: one table for all files, since a socket of one may meet a transport of another. */
export async function shortNames() {
  const entryPoints = [...MODULES, ...new Set(SCRIPTS.map(({ entry }) => `src/${entry}.ts`))];
  const { mangleCache } = await build({
    ...common,
    entryPoints,
    outdir: "nowhere",
    write: false,
    format: "esm",
    splitting: true,
    mangleCache: {},
  });
  return mangleCache;
}

/** Bundle `entry` as pages get it; returns the text. For sizes. */
export async function bundle(contents, mangleCache) {
  const { outputFiles } = await build({
    ...common,
    stdin: { contents, resolveDir: `${root}src` },
    sourcemap: false,
    write: false,
    format: "esm",
    minify: true,
    mangleCache,
  });
  return outputFiles[0].text;
}

export async function buildScripts(folder) {
  const mangleCache = await shortNames();
  for (const { name, entry, format, minify } of SCRIPTS) {
    await build({
      ...common,
      entryPoints: { [name]: `src/${entry}.ts` },
      outdir: folder,
      sourceRoot: "arcwire",
      format,
      minify,
      mangleCache,
    });
  }
}

export async function buildModules(folder) {
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
  if (!folder) await buildModules(`${root}dist`);
}
