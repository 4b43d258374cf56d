// The official server on its default WebSocket engine, `ws`, which finds its native add-on by itself.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { addWorks } from "./works.mjs";

const [port, kind] = process.argv.slice(2);
const server = createServer();
const io = new Server(server);
await addWorks(io, kind);
server.listen(Number(port), "127.0.0.1");
