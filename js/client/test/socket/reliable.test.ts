import { describe, expect, test, vi } from "vitest";
import { Fixture, type Options } from "../support/sockets.js";

function fixture(opts: Options = {}): Fixture {
  const it = new Fixture({ retries: 2, ackTimeout: 1000, ...opts });
  it.connect();
  it.sent();
  return it;
}

describe("retries", () => {
  test("events go at once, side by side, and are settled in any order", () => {
    const it = fixture();
    const fns = [vi.fn(), vi.fn()];
    it.socket.emit("a", fns[0]).emit("b", 1).emit("c", fns[1]);
    expect(it.sent()).toEqual(['20["a"]', '21["b",1]', '22["c"]']);
    it.receive('32["C"]');
    it.receive('30["A",1]');
    expect(fns.map(({ mock }) => mock.calls)).toEqual([[[null, "A", 1]], [[null, "C"]]]);
    expect(it.socket._queue.map(({ id, args, tryCount }) => [id, args, tryCount])).toEqual([
      [1, ["b", 1], 1],
    ]);
    it.receive("31[]");
    expect(it.socket._queue).toEqual([]);
    expect(it.clock.pending).toBe(1);
  });

  test("a try that takes too long is followed by another, with the same id", async () => {
    const it = fixture();
    const promise = it.socket.emitWithAck("a");
    it.socket.emit("b");
    it.sent();
    it.receive("31[]");
    await it.clock.advance(1000);
    expect(it.sent()).toEqual(['20["a"]']);
    it.receive('30["A"]');
    expect(await promise).toBe("A");
    await it.clock.advance(5000);
    expect(it.sent()).toEqual([]);
  });

  test("an event is given up after its last try, and later ones go on", async () => {
    const it = fixture();
    const fn = vi.fn();
    it.socket.emit("a", fn);
    await it.clock.advance(2500);
    it.socket.emit("b");
    await it.clock.advance(500);
    expect(fn.mock.calls).toEqual([[new Error("operation has timed out")]]);
    expect(it.sent()).toEqual(['20["a"]', '20["a"]', '20["a"]', '21["b"]']);
    it.receive('30["late"]');
    expect(fn).toHaveBeenCalledTimes(1);
    await it.clock.advance(10_000);
    expect(it.sent()).toEqual(['21["b"]', '21["b"]']);
    expect(it.socket._queue).toEqual([]);
  });

  test("what is not acknowledged is sent again after a loss, in order, before what is new", async () => {
    const it = fixture();
    const fn = vi.fn();
    it.socket.emit("a", fn).emit("b").emit("c");
    it.receive("31[]");
    it.server.lose();
    it.socket.emit("d");
    expect(it.socket.sendBuffer).toEqual([]);
    await it.clock.advance(10_000);
    it.socket.on("connect", () => it.socket.emit("e"));
    it.server.handshake();
    it.receive('0{"sid":"id2"}');
    expect(it.sent().slice(1)).toEqual(['20["a"]', '22["c"]', '23["d"]', '24["e"]']);
    expect(fn).not.toHaveBeenCalled();
  });

  test("a loss counts as a try", async () => {
    const it = fixture({ retries: 1 });
    const fn = vi.fn();
    it.socket.emit("a", fn);
    await it.reconnect();
    expect(it.sent().at(-1)).toBe('20["a"]');
    it.server.lose();
    expect(fn.mock.calls).toEqual([[new Error("socket has been disconnected")]]);
    expect(it.socket._queue).toEqual([]);
  });

  test("without a time limit an event is sent again after losses only", async () => {
    const it = new Fixture({ retries: 1 });
    it.connect();
    it.sent();
    it.socket.emit("a");
    await it.clock.advance(40_000);
    expect(it.sent()).toEqual(['20["a"]']);
    await it.reconnect();
    expect(it.sent().at(-1)).toBe('20["a"]');
  });

  test("a time limit of one event", async () => {
    const it = fixture();
    it.socket.timeout(100).emit("a");
    await it.clock.advance(150);
    expect(it.sent()).toEqual(['20["a"]', '20["a"]']);
  });

  test("the window", () => {
    const it = fixture({ retryWindow: 2 });
    for (const name of ["a", "b", "c", "d"]) it.socket.emit(name);
    expect(it.sent()).toEqual(['20["a"]', '21["b"]']);
    it.receive("31[]");
    expect(it.sent()).toEqual(['22["c"]']);
    it.receive("30[]");
    expect(it.sent()).toEqual(['23["d"]']);
    expect(new Fixture({ retries: 1 }).socket._queue).toEqual([]);
  });

  test("64 at a time by default", () => {
    const it = fixture();
    for (let i = 0; i < 100; i++) it.socket.emit("a");
    expect(it.sent()).toHaveLength(64);
  });

  test("volatile events are sent once, without acknowledgement", () => {
    const it = fixture();
    it.socket.volatile.emit("a");
    expect(it.sent()).toEqual(['2["a"]']);
    expect(it.socket._queue).toEqual([]);
  });

  test("retries of a connection that has been silent for too long", async () => {
    const it = fixture();
    it.clock.time += 45_001;
    it.socket.emit("a");
    expect(it.sent()).toEqual([]);
    await it.clock.advance(2000);
    it.connect({ sid: "id2" });
    expect(it.sent().slice(1)).toEqual(['20["a"]']);
  });

  test("an event that cannot be sent leaves the others alone", async () => {
    const it = fixture();
    await expect(it.socket.emitWithAck("a", "x".repeat(1000))).rejects.toThrow("too many");
    expect(() => it.socket.emit("b", 1n)).toThrow(TypeError);
    it.socket.emit("c");
    expect(it.sent()).toEqual(['22["c"]']);
    expect(it.socket._queue).toHaveLength(1);
  });

  test("the queue has a limit", () => {
    const it = new Fixture({ retries: 1, bufferLimit: 2, bufferOverflow: "drop-oldest" });
    const fns = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
    it.connect();
    it.sent();
    it.socket.emit("a", fns[0]).emit("b", fns[1]).emit("c", fns[2]);
    // Those under way are not taken back: the last one has no place.
    expect(it.sent()).toEqual(['20["a"]', '21["b"]']);
    expect(fns.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 1, 0]);
    it.server.lose();
    it.socket.emit("d", fns[3]);
    expect(fns.map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1, 0]);
  });

  test("who waits is told when the client disconnects; what nobody waits for stays", async () => {
    const it = fixture();
    const promise = it.socket.emitWithAck("a");
    const rejection = expect(promise).rejects.toThrow("socket has been disconnected");
    it.socket.emit("b");
    it.socket.disconnect();
    await rejection;
    expect(it.clock.pending).toBe(0);
    it.socket.connect();
    it.server.handshake();
    it.receive('0{"sid":"id2"}');
    expect(it.sent().slice(1)).toEqual(['21["b"]']);
  });
});

describe("deduplication", () => {
  const retryIn = (it: Fixture) => JSON.parse(String(it.sent()[0]).slice(1)).retry;

  test("the server is told who sends, and from which id on", async () => {
    const it = new Fixture({ retries: 1, auth: { token: "x" } });
    it.server.handshake();
    const first = retryIn(it);
    expect(first).toEqual({ id: expect.stringMatching(/^[\w-]{20,}$/), from: 0 });
    it.receive('0{"sid":"id1","retry":true}');
    expect(it.socket.deduplicated).toBe(true);
    it.socket.emit("a").emit("b").emit("c");
    it.receive("30[]");
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(retryIn(it)).toEqual({ id: first.id, from: 1 });
    it.receive('0{"sid":"id2"}');
    expect(it.socket.deduplicated).toBe(false);
    it.receive("31[]");
    it.receive("32[]");
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(retryIn(it)).toEqual({ id: first.id, from: 3 });
    const other = new Fixture({ retries: 1 });
    other.server.handshake();
    expect(retryIn(other).id).not.toBe(first.id);
  });

  test("nothing is said without retries", () => {
    const it = new Fixture();
    it.server.handshake();
    expect(it.sent()).toEqual(["0"]);
    it.receive('0{"sid":"id1"}');
    expect(it.socket.deduplicated).toBe(false);
  });

  test("beside recovery", async () => {
    const it = new Fixture({ retries: 1 });
    it.connect({ sid: "id1", pid: "p1" });
    it.server.lose();
    await it.clock.advance(5000);
    it.server.handshake();
    expect(JSON.parse(String(it.sent()[0]).slice(1))).toEqual({
      pid: "p1",
      retry: { id: expect.any(String), from: 0 },
    });
  });
});
