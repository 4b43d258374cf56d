// The official server on uWebSockets.
import { Server } from "socket.io";
import uws from "uwebsockets";
import { addWorks } from "./works.mjs";

const app = uws.App();
const io = new Server();
addWorks(io);
io.attachApp(app);
app.listen("127.0.0.1", Number(process.argv[2]), (token) => {
  if (!token) process.exit(1);
});
