// The servers of the world, for clients to be tried on: socket.io 4, 3 or 2.
//
//   node world.mjs PORT VERSION
//
// /socket.io everywhere; /packed in MessagePack, /old for clients of version 2, too (3, 4); /recovering with
// connection state recovery (4).
// tests/support/world_app.py is the same with Arcwire, tests/support/world_peer.py with python-socketio.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import msgpack from "socket.io-msgpack-parser";

const require = createRequire(import.meta.url);
const [port, version] = process.argv.slice(2);
const { Server } = version === "4" ? require("socket.io") : { Server: serverOf(version) };

function serverOf(number) {
  const made = require(`socket.io-${number}`);
  return made.Server ?? made;
}

const http = createServer((request, response) => {
  response.writeHead(404);
  response.end();
});

// Often, so that many heartbeats pass.
const heartbeat = { pingInterval: 300, pingTimeout: 2000 };
const paths = { "/socket.io": {} };
if (version !== "2") Object.assign(paths, { "/packed": { parser: msgpack }, "/old": { allowEIO3: true } });
if (version === "4") paths["/recovering"] = { connectionStateRecovery: {} };

for (const [path, options] of Object.entries(paths)) {
  const io = new Server(http, { ...heartbeat, path, serveClient: false, destroyUpgrade: false, ...options });
  for (const name of ["/", "/custom", "/guarded", "/gated"]) behave(io.of(name), name);
  gate(io);
}

// /gated lets nobody in until it is told to, in the root namespace.
function gate(io) {
  const gated = io.of("/gated");
  const waiting = [];
  let joined = 0;
  gated.use((socket, next) => waiting.push(next));
  gated.on("connection", () => joined++);
  io.of("/").on("connection", (socket) => {
    socket.on("open-gate", (done) => {
      for (const next of waiting.splice(0)) next();
      done();
    });
    socket.on("gate", (done) => {
      const members = gated.sockets.size ?? Object.keys(gated.sockets).length;
      done(waiting.length, joined, members);
    });
  });
}

function behave(namespace, name) {
  if (name === "/guarded") {
    namespace.use((socket, next) => {
      // Version 2 knows no auth: the token is in the query there.
      const token = socket.handshake.auth?.token ?? socket.handshake.query.token;
      if (token === "sesame") return next();
      next(Object.assign(new Error("unauthorized"), { data: { hint: "token", status: 401 } }));
    });
  }
  namespace.on("connection", (socket) => {
    socket.emit("welcome", name);
    socket.on("echo", (...values) => values.pop()(...values));
    socket.on("bounce", (...values) => socket.emit("bounced", ...values));
    socket.on("ask-me", (value, done) => socket.emit("question", value, (answer) => done({ answer })));
    socket.on("count", (total, done) => {
      for (let number = 0; number < total; number++) socket.emit("counted", number);
      done(total);
    });
    socket.on("never", () => {});
    socket.on("big", (size, done) => done("x".repeat(size)));
    socket.on("who-am-i", (done) => done({
      id: socket.id,
      namespace: name,
      auth: socket.handshake.auth ?? null,
      query: socket.handshake.query.room ?? null,
      header: socket.handshake.headers["x-interop"] ?? null,
      cookie: socket.handshake.headers.cookie ?? null,
    }));
    socket.on("tell-all", (value, done) => { namespace.emit("news", value); done(); });
    socket.on("is-there", (id, done) => done(namespace.sockets.has ? namespace.sockets.has(id) : id in namespace.sockets));
    socket.on("leave-me", (close) => socket.disconnect(close));
  });
}

http.listen(Number(port), "127.0.0.1");
