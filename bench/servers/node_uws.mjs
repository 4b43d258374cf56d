// The official server on uWebSockets.
import { Server } from "socket.io";
import uws from "uwebsockets";
import { addWorks } from "./works.mjs";

const [port, kind] = process.argv.slice(2);
const app = uws.App();
const io = new Server();
await addWorks(io, kind);
io.attachApp(app);
app.listen("127.0.0.1", Number(port), (token) => {
  if (!token) process.exit(1);
});
