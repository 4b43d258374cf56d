// The work of the benchmark, the same for every client, in pages and in Node.

/** Makes a worker that sends `inFlight` values at a time, for as long as `run` is told to. */
export async function prepare(io, url, { kind, inFlight }) {
  const socket = io(url, { transports: ["websocket"], forceNew: true });
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  const value = kind === "binary" ? new Uint8Array(1024).fill(7) : "0123456789abcdef0123456789abcdef";
  let done = 0;
  let goesOn = false;
  let rest;
  let under = 0;
  const sent = () => {
    under--;
    done++;
    if (goesOn) next();
    else if (!under) rest();
  };
  const next = kind === "ack"
    ? () => { under++; socket.emit("ack", value, sent); }
    : () => { under++; socket.emit("echo", value); };
  socket.on("echo", sent);
  return {
    /** Round trips, and the seconds that they took. */
    async run(milliseconds) {
      const resting = new Promise((resolve) => { rest = resolve; });
      done = 0;
      goesOn = true;
      const begin = performance.now();
      for (let each = 0; each < inFlight; each++) next();
      setTimeout(() => { goesOn = false; }, milliseconds);
      await resting;
      return { done, seconds: (performance.now() - begin) / 1000 };
    },
    end: () => socket.disconnect(),
  };
}

/** Opens connections and keeps them; returns what closes them. */
export async function crowd(io, url, count) {
  const sockets = [];
  while (sockets.length < count) {
    const socket = io(url, { transports: ["websocket"], forceNew: true });
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    sockets.push(socket);
  }
  return () => sockets.forEach((socket) => socket.disconnect());
}
