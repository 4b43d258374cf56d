// One client in a Node process of its own, told what to do by its parent: MODULE.

import { crowd, prepare } from "./work.mjs";

const { io } = await import(process.argv[2]);
let worker;
let leave;

const heap = () => {
  for (let turn = 0; turn < 3; turn++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return { heapUsed, external };
};
const settle = () => new Promise((resolve) => setTimeout(resolve, 200));

const orders = {
  async prepare(url, options) { worker = await prepare(io, url, options); },
  async run(milliseconds) {
    const before = process.cpuUsage();
    const result = await worker.run(milliseconds);
    const { user, system } = process.cpuUsage(before);
    return { ...result, cpu: (user + system) / 1e6 };
  },
  end() { worker.end(); },
  async crowd(url, count) {
    const close = await crowd(io, url, 10); // what is loaded once
    await settle();
    const before = heap();
    leave = await crowd(io, url, count);
    await settle();
    const after = heap();
    leave();
    close();
    return {
      heap: (after.heapUsed - before.heapUsed) / count,
      external: (after.external - before.external) / count,
    };
  },
};

process.on("message", async ([name, ...values]) => {
  try {
    process.send({ result: (await orders[name](...values)) ?? null });
  } catch (error) {
    process.send({ error: String(error.stack) });
  }
});
process.on("disconnect", () => process.exit());
process.send({ result: "ready" });
