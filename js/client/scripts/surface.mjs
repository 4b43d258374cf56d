/**
 * Compare what the client offers with the reference's type declarations: names of exports, members, events and
 * options. Prints what is missing here, and what is more; `test/package.test.ts` holds it against the README.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const read = (path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
const reference = (path) => read(`../node_modules/${path}`).replace(/\/\*[\s\S]*?\*\//g, "");
const own = (path) =>
  read(`../src/${path}`)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "");

/** The text within the braces behind `head`. */
function body(text, head) {
  const match = head.exec(text);
  if (!match) throw new Error(`there is no ${head}`);
  const start = text.indexOf("{\n", match.index);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return text.slice(start + 1, at);
  }
  throw new Error(`${head} has no end`);
}

/** What is within further braces, or parentheses, does not count. */
function flat(text) {
  let result = text;
  for (let before; before !== result; ) {
    before = result;
    result = result.replace(/\{[^{}]*\}/g, ";").replace(/\([^()]*[^()\s][^()]*\)/g, "()");
  }
  return result;
}

/** Names of public members of a class or interface. */
function members(text, head) {
  const names = new Set();
  const pattern =
    /(?:^|;|\n)[ \t]*((?:(?:private|protected|public|static|readonly|declare|override|abstract|get|set|async) )*)(?:"([^"\n]+)"|([\w$]+))[?!]?(?=\s*[(<:=;])/g;
  for (const [, modifiers, quoted, name] of flat(body(text, head)).matchAll(pattern)) {
    if (!/private|protected/.test(modifiers)) names.add(quoted ?? name);
  }
  // Parameters of a constructor that are members, too.
  for (const [, name] of body(text, head).matchAll(/^\s+readonly (\w+): \w/gm)) names.add(name);
  for (const word of ["constructor", "return", "if", "for", "super", "const", "let"]) names.delete(word);
  return names;
}

function exports_(text) {
  const names = new Set();
  for (const [, list] of text.matchAll(/export (?:type )?\{([^}]*)\}/g)) {
    for (const item of list.split(",")) {
      const name = item
        .trim()
        .replace(/^type /, "")
        .split(" as ")
        .at(-1);
      if (name) names.add(name);
    }
  }
  const declared = /export (?:declare |abstract )*(?:const|let|class|interface|type|function|enum) (\w+)/g;
  for (const [, name] of text.matchAll(declared)) names.add(name);
  return names;
}

const io = "socket.io-client/build/esm";
const eio = "engine.io-client/build/esm";
const emitter = members(
  reference("@socket.io/component-emitter/lib/esm/index.d.ts"),
  /export class Emitter</,
);
const ownEmitter = members(own("emitter.ts"), /export class Emitter</);
const union = (...sets) => new Set(sets.flatMap((set) => [...set]));

/** Name, the reference's, and ours. */
const TABLES = [
  [
    "exports",
    exports_(reference(`${io}/index.d.ts`)),
    union(exports_(own("index.ts")), exports_(own("shared.ts"))),
  ],
  [
    "`Socket`",
    union(emitter, members(reference(`${io}/socket.d.ts`), /export declare class Socket</)),
    union(ownEmitter, members(own("socket/socket.ts"), /export class Socket</)),
  ],
  [
    "events of `Socket`",
    members(reference(`${io}/socket.d.ts`), /interface SocketReservedEvents/),
    members(own("socket/socket.ts"), /interface SocketReservedEvents/),
  ],
  [
    "`Manager`",
    union(emitter, members(reference(`${io}/manager.d.ts`), /export declare class Manager</)),
    union(ownEmitter, members(own("socket/manager.ts"), /export abstract class Manager</)),
  ],
  [
    "events of `Manager`",
    members(reference(`${io}/manager.d.ts`), /interface ManagerReservedEvents/),
    members(own("socket/manager.ts"), /interface ManagerReservedEvents/),
  ],
  [
    "options of sockets",
    members(reference(`${io}/socket.d.ts`), /interface SocketOptions/),
    members(own("socket/options.ts"), /interface SocketOptions/),
  ],
  [
    "options of managers",
    members(reference(`${io}/manager.d.ts`), /interface ManagerOptions/),
    members(own("socket/options.ts"), /interface ManagerOptions/),
  ],
  [
    "options of connections",
    members(reference(`${eio}/socket.d.ts`), /interface SocketOptions/),
    members(own("engine/options.ts"), /interface EngineOptions/),
  ],
  ["exports of `arcwire/engine`", exports_(reference(`${eio}/index.d.ts`)), exports_(own("engine.ts"))],
  [
    "Engine.IO's `Socket`",
    union(emitter, members(reference(`${eio}/socket.d.ts`), /export declare class Socket/)),
    union(
      ownEmitter,
      members(own("engine/session.ts"), /export class Session/),
      members(own("engine.ts"), /class Socket/),
    ),
  ],
  [
    "events of Engine.IO's `Socket`",
    members(reference(`${eio}/socket.d.ts`), /interface SocketReservedEvents/),
    members(own("engine/session.ts"), /interface SessionEvents/),
  ],
];

/** Rows of what is compared: how many names the reference has, which are missing here, which are more. */
export function compare() {
  return TABLES.map(([name, theirs, ours]) => ({
    name,
    total: theirs.size,
    missing: [...theirs].filter((each) => !ours.has(each)).sort(),
    more: [...ours].filter((each) => !theirs.has(each) && !each.startsWith("_")).sort(),
  }));
}

/** The rows as the README has them. */
export function table() {
  const list = (names) => names.map((name) => `\`${name}\``).join(", ");
  return [
    "| | the reference's | missing here | more here |",
    "|---|---|---|---|",
    ...compare().map(
      ({ name, total, missing, more }) => `| ${name} | ${total} | ${list(missing)} | ${list(more)} |`,
    ),
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(table());
