// The works of the benchmark on the official server with `ws`, all options at their defaults.
import { Server } from "socket.io";

const io = new Server();

io.on("connection", (socket) => {
  socket.on("echo", (text) => {
    socket.emit("echo", text);
  });
  socket.on("ack", (text, answer) => {
    answer(text);
  });
  socket.on("broadcast", (text) => {
    io.emit("news", text);
  });
});

io.listen(Number(process.argv[2]));
