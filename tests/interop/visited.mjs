// The official server with every namespace there is: each tells whoever joins what it is called.
//
//   node visited.mjs PORT
//
// In the root namespace "visit" lets the official client join what a URL names; its answer is what it was told.

import { createServer } from "node:http";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";

const http = createServer();
const io = new Server(http, { serveClient: false });

io.of((name, auth, next) => next(null, true)).on("connection", (socket) => socket.emit("name", socket.nsp.name));

io.on("connection", (socket) => {
  socket.emit("name", socket.nsp.name);
  socket.on("visit", (url, done) => {
    const visitor = connect(url, { transports: ["websocket"], forceNew: true, reconnection: false });
    const leave = (...told) => {
      visitor.disconnect();
      done(...told);
    };
    visitor.once("name", leave);
    visitor.once("connect_error", (error) => leave(`${error}`));
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1");
