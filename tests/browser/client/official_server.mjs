// The reference server behind the same paths as tests/support/browser_app.py.
//
//   node official_server.mjs PORT

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const { Server } = createRequire(new URL("../../interop/", import.meta.url))("socket.io");

const MAX_NUMBER = 20_000;
const cors = { origin: /^http:\/\/127\.0\.0\.1:\d+$/, credentials: true };

const http = createServer((request, response) => {
  response.writeHead(404);
  response.end();
});
const io = new Server(http, {
  pingInterval: 1000, pingTimeout: 5000, cors, cookie: true, maxHttpBufferSize: 200_000,
});
const recovering = new Server(http, {
  path: "/recovering", pingInterval: 1000, pingTimeout: 1000, cors, connectionStateRecovery: {},
});

const refusal = (message, data) => Object.assign(new Error(message), { data });
const gone = (socket) => socket.on("disconnect", (reason) => {
  io.to("watchers").emit("gone", { name: socket.handshake.auth.name ?? null, reason });
});

// /socket.io

io.of("/guarded").use((socket, next) => {
  const { token = null } = socket.handshake.auth;
  next(token === "sesame" ? undefined : refusal("unauthorized", { given: token }));
});
io.of("/refusing").use((socket, next) => next(refusal("closed today", { reopens: ["tomorrow", 9] })));

for (const name of ["/", "/custom", "/guarded", "/refusing"]) io.of(name).on("connection", behave);

function behave(socket) {
  gone(socket);
  socket.on("echo", (...values) => values.pop()(...values));
  socket.on("bounce", (...values) => socket.emit("bounced", ...values));
  socket.on("describe", (...values) => values.pop()(describe(values)));
  socket.on("count", (total, done) => {
    for (let number = 0; number < total; number++) socket.emit("counted", number);
    done(total);
  });
  socket.on("never", () => {});
  socket.on("ask-me", (seconds, value, done) => {
    socket.timeout(seconds * 1000).emitWithAck("question", value).then(
      (answer) => done({ answer }),
      () => done({ timeout: true }),
    );
  });
  socket.on("who-am-i", (done) => done({
    id: socket.id,
    namespace: socket.nsp.name,
    auth: socket.handshake.auth,
    query: socket.handshake.query.room ?? null,
    cookie: socket.handshake.headers.cookie ?? null,
    header: socket.handshake.headers["x-browser"] ?? null,
  }));
  socket.on("disconnect-me", (close) => socket.disconnect(close));
  socket.on("join", (room, done) => { socket.join(room); done(null); });
  socket.on("to", (room, value, done) => { socket.to(room).emit("heard", value); done(null); });
  socket.on("hush", (id, done) => {
    hushed.add(id);
    if (totals.has(id)) recovering.to(id).emit("end", totals.get(id)); // "end" may have got lost, too
    done(null);
  });
  socket.on("tell", (id, value, done) => { recovering.to(id).emit("told", value); done(null); });
  socket.on("uploaded", (name, done) => done(uploads.get(name) ?? []));
}

/** A value with lists of numbers in place of bytes. */
function describe(value) {
  if (Buffer.isBuffer(value)) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(describe);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, describe(item)]));
}

// /recovering

const hushed = new Set();
const totals = new Map();
const speeches = new Set();
const uploads = new Map();

async function speak(id, pause) {
  let number = 0;
  for (; !hushed.has(id) && number < MAX_NUMBER; number++) {
    recovering.to(id).emit("numbered", number);
    await sleep(pause * 1000);
  }
  totals.set(id, number);
  recovering.to(id).emit("end", number);
}

recovering.on("connection", (socket) => {
  gone(socket);
  socket.on("speak", (pause, done) => {
    if (!speeches.has(socket.id)) {
      speeches.add(socket.id);
      speak(socket.id, pause);
    }
    done(null);
  });
  socket.on("echo", (...values) => values.pop()(...values));
  socket.on("upload", (number, done) => {
    const { name } = socket.handshake.auth;
    uploads.set(name, [...(uploads.get(name) ?? []), number]);
    done(number);
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1");
