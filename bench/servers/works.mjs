// What every JavaScript server of the benchmark does.
export function addWorks(io) {
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
}
