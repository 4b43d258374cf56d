// The reference servers behind the same paths as tests/support/fixture_app.py. A suite that
// fails here is wrong about the protocol; one that passes here and fails there has found a bug.
//
//   node oracle.mjs PORT

import { createServer } from "node:http";
import { Server as Engine } from "engine.io";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

const port = Number(process.argv[2]);
const http = createServer((request, response) => {
  response.writeHead(404);
  response.end();
});
const heartbeat = {
  pingInterval: 300,
  pingTimeout: Number(process.env.FIXTURE_PING_TIMEOUT ?? 2) * 1000,
};

// /engine.io: every message comes back as it went. /engine3: also for clients of protocol 3.
for (const [path, options] of [["/engine.io", {}], ["/engine3", { allowEIO3: true }]]) {
  const engine = new Engine({ ...heartbeat, ...options });
  engine.attach(http, { path, destroyUpgrade: false });
  engine.on("connection", (session) => session.on("message", (data) => session.send(data)));
}

// /socket.io: what the protocol suite asks for.
const protocol = new Server(http, {
  ...heartbeat, path: "/socket.io", connectTimeout: 1000, destroyUpgrade: false,
});
for (const name of ["/", "/custom"]) {
  protocol.of(name).on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...values) => socket.emit("message-back", ...values));
    socket.on("message-with-ack", (...values) => values.pop()(...values));
  });
}

// /clients: what real clients try out, the same in every namespace. /packed: the same in MessagePack.
// /old: the same for clients of Socket.IO 2, too.
const refusal = (message, data) => Object.assign(new Error(message), { data });
for (const options of [{ path: "/clients" }, { path: "/packed", parser: msgpack }, { path: "/old", allowEIO3: true }]) {
  behaveToClients(new Server(http, { pingInterval: 1000, destroyUpgrade: false, ...options }));
}

function behaveToClients(clients) {
  clients.of("/guarded").use((socket, next) => {
    const { token } = socket.handshake.auth;
    if (token === undefined) return next(refusal("token missing"));
    if (token !== "sesame") return next(refusal("unauthorized", { hint: "token", status: 401 }));
    socket.data.user = "ali";
    next();
  });
  clients.of("/refusing").use((socket, next) => next(refusal("closed today", { reopens: ["tomorrow", 9] })));
  for (const name of ["/", "/custom", "/guarded", "/refusing"]) behaveInNamespace(clients.of(name));
}

function behaveInNamespace(namespace) {
  namespace.on("connection", (socket) => {
    socket.emit("welcome", { id: socket.id, auth: socket.handshake.auth });
    socket.on("disconnect", (reason) => {
      namespace.to("watchers").emit("gone", { name: socket.handshake.auth.name ?? null, reason });
    });

    socket.on("echo", (...values) => values.pop()(...values));
    socket.on("bounce", (...values) => socket.emit("bounced", ...values));
    socket.on("never", () => {});
    socket.on("count", (total, done) => {
      for (let number = 0; number < total; number++) socket.emit("counted", number);
      done(total);
    });
    socket.on("volatile", (done) => {
      socket.emit("heard", "first");
      socket.volatile.emit("heard", "second");
      socket.emit("heard", "third");
      done();
    });
    socket.on("volatile-once", (done) => { socket.volatile.emit("heard", "now"); done(); });
    socket.on("big", (size, done) => done("x".repeat(size)));
    socket.on("big-binary", (size, done) => done(Buffer.alloc(size, 7)));
    socket.on("ask-me", (seconds, value, done) => {
      socket.timeout(seconds * 1000).emitWithAck("question", value).then(
        (answer) => done({ answer }),
        () => done({ timeout: true }),
      );
    });

    socket.on("who-am-i", (done) => done({
      id: socket.id,
      namespace: namespace.name,
      auth: socket.handshake.auth,
      query: socket.handshake.query.room ?? null,
      header: socket.handshake.headers["x-interop"] ?? null,
      user: socket.data.user ?? null,
    }));
    socket.on("rooms", (done) => done([...socket.rooms].sort()));
    socket.on("join", (room, done) => { socket.join(room); done(); });
    socket.on("leave", (room, done) => { socket.leave(room); done(); });
    socket.on("to", (rooms, except, value, done) => {
      socket.to(rooms).except(except).emit("heard", value);
      done();
    });
    socket.on("to-with-self", (rooms, except, value, done) => {
      namespace.to(rooms).except(except).emit("heard", value);
      done();
    });
    socket.on("everyone", (value, done) => { namespace.emit("heard", value); done(); });
    socket.on("others", (value, done) => { socket.broadcast.emit("heard", value); done(); });
    socket.on("ask-room", (room, seconds, value, done) => {
      namespace.to(room).timeout(seconds * 1000).emit("question", value, (error, answers) => {
        done({ answers, timeout: Boolean(error) });
      });
    });

    socket.on("disconnect-me", (close) => socket.disconnect(close));
    socket.on("count-words", (text, done) => {
      if (typeof text !== "string") return done({ error: { code: "invalid", message: "", path: "" } });
      done(text.split(" ").length);
    });
    socket.on("fail", (code, done) => done({ error: { code, message: "as asked", data: { by: "fail" } } }));
    socket.on("crash", (done) => done({ error: { code: "internal" } }));
  });
}

http.listen(port, "127.0.0.1");
