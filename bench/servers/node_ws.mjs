// The official server on its default WebSocket engine, `ws`.
import { Server } from "socket.io";
import { addWorks } from "./works.mjs";

const io = new Server();
addWorks(io);
io.listen(Number(process.argv[2]));
