// What every JavaScript server of the benchmark does. `kind` is the work that is coming.
export async function addWorks(io, kind) {
  const checkOrder = kind === "typed" ? (await import("./order.mjs")).checkOrder : null;
  io.on("connection", (socket) => {
    socket.on("echo", (text) => {
      socket.emit("echo", text);
    });
    socket.on("binary", (data) => {
      socket.emit("binary", data);
    });
    socket.on("ack", (text, answer) => {
      answer(text);
    });
    socket.on("broadcast", (text) => {
      io.emit("news", text);
    });
    socket.on("join", (room, answer) => {
      socket.join(room);
      answer("ok");
    });
    socket.on("say", (room, text) => {
      io.to(room).emit("news", text);
    });
    socket.on("count", (answer) => {
      answer(io.of("/").sockets.size);
    });
    if (checkOrder) {
      socket.on("order", (order, answer) => {
        answer(checkOrder(order));
      });
    }
  });
}
