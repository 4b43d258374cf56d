// socket.io-client that loses its connections: prints a line of JSON for all that happens to it.
// node recovery.mjs URL TRANSPORT[,TRANSPORT]; ends with the event "end".

import { io } from "socket.io-client";

const [url, transports] = process.argv.slice(2);

const tell = (...what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const socket = io(url, {
  transports: transports.split(","), reconnectionDelay: 1, reconnectionDelayMax: 20, timeout: 2000,
});

socket.on("connect", () => tell("connect", socket.id, Boolean(socket.recovered)));
socket.on("connect_error", (error) => {
  if (!socket.active) tell("refused", error.message);
});
socket.on("disconnect", (reason) => tell("disconnect", reason));
socket.on("numbered", (number) => tell("numbered", number));
socket.on("ask", (text, answer) => answer(text));
socket.on("volatile", () => {});
socket.on("end", () => {
  tell("end");
  socket.disconnect();
});
