// The official server on Bun, with the engine that Socket.IO makes for it.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { addWorks } from "./works.mjs";

const [port, kind] = process.argv.slice(2);
const io = new Server();
await addWorks(io, kind);
const engine = new Engine({ path: "/socket.io/" }); // its own default is not the path of Socket.IO clients
io.bind(engine);

Bun.serve({ hostname: "127.0.0.1", port: Number(port), ...engine.handler() });
