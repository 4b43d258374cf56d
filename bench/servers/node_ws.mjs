// The official server on its default WebSocket engine, `ws`.
import { Server } from "socket.io";
import { addWorks } from "./works.mjs";

const [port, kind] = process.argv.slice(2);
const io = new Server();
await addWorks(io, kind);
io.listen(Number(port));
