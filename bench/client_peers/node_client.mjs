// The official client under the benchmark of clients; see drive.py.
//
//   node node_client.mjs URL

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// The one that the interop tests install.
const require = createRequire(new URL("../../tests/interop/", import.meta.url));
const { io } = require("socket.io-client");

const url = process.argv[2];
const TEXT = "x".repeat(32);
const CONNECTING_AT_ONCE = 32;
const IN_A_ROW = 16;
const clients = [];

const tell = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

function connect() {
  return new Promise((resolve, reject) => {
    const socket = io(url, { transports: ["websocket"], forceNew: true });
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", reject);
  });
}

async function connectMany(count) {
  let left = count;
  const one = async () => {
    while (left-- > 0) clients.push(await connect());
  };
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, one));
  return { connected: clients.length };
}

async function calls(seconds, atOnce) {
  const end = performance.now() + seconds * 1000;
  const times = [];
  // Callbacks, the client's fastest way.
  const work = (socket) => new Promise((resolve) => {
    let left = 0;
    let start = 0;
    const call = () => {
      if (left === 0) {
        const now = performance.now();
        if (start) times.push((now - start) / 1000 / IN_A_ROW);
        if (now >= end) return resolve();
        start = now;
        left = IN_A_ROW;
      }
      left--;
      socket.emit("ack", TEXT, call);
    };
    call();
  });
  await Promise.all(clients.flatMap((socket) => Array.from({ length: atOnce }, () => work(socket))));
  return { done: times.length * IN_A_ROW, median: median(times) };
}

function events(seconds, atOnce) {
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  let done = 0;
  return new Promise((resolve) => {
    for (const socket of clients) {
      socket.on("echo", () => {
        done++;
        if (performance.now() < end) {
          sent++;
          socket.emit("echo", TEXT);
        } else if (sent === done) {
          resolve({ done });
        }
      });
      for (let number = 0; number < atOnce; number++) {
        sent++;
        socket.emit("echo", TEXT);
      }
    }
  });
}

tell({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, first, second] = line.split(" ");
  if (command === "connect") tell(await connectMany(Number(first)));
  else if (command === "calls") tell(await calls(Number(first), 1));
  else if (command === "calls-at-once") tell(await calls(Number(first), Number(second)));
  else if (command === "events") tell(await events(Number(first), Number(second)));
  else if (command === "end") process.exit(0);
  else throw new Error(`unknown command ${line}`);
}
