import { afterEach } from "vitest";
import { anyOf } from "../../src/engine/routes.js";
import { watch } from "../../src/page.js";
import { Manager } from "../../src/socket/manager.js";
import type { ManagerOptions, SocketOptions } from "../../src/socket/options.js";
import { Decoder, Encoder } from "../../src/socket/parser.js";
import { ReliableSocket } from "../../src/socket/reliable.js";
import type { Socket } from "../../src/socket/socket.js";
import { FakeClock } from "./clock.js";
import { FakeTransport } from "./transport.js";

export type Options = Partial<ManagerOptions & SocketOptions>;

class TestManager extends Manager {
  constructor(opts: Options) {
    super("http://example.test", opts, {
      _router: anyOf([FakeTransport]),
      _parser: { Encoder, Decoder },
      _Socket: ReliableSocket,
      _watch: watch,
    });
  }
}

/** A client whose server is the test: what it sends is read, and answered, by hand. */
export class Fixture {
  readonly clock = new FakeClock();
  readonly manager: Manager;
  readonly socket: Socket;
  /** What happened, by name. */
  readonly log: unknown[][] = [];
  /** Those of the present test. */
  static made: Fixture[] = [];

  constructor(opts: Options = {}, nsp = "/") {
    this.manager = new TestManager({ clock: this.clock, ...opts });
    this.socket = this.manager.socket(nsp, opts);
    Fixture.made.push(this);
    for (const event of ["connect", "disconnect", "connect_error"] as const) {
      this.socket.on(event, (...args: unknown[]) => this.log.push([event, ...args]));
    }
  }

  get server(): FakeTransport {
    return FakeTransport.last;
  }

  /** What the client sent on the present connection, without the messages' digit; it is taken away. */
  sent(): unknown[] {
    return this.server.sent
      .splice(0)
      .map((each) => (typeof each === "string" ? each.replace(/^4/, "") : each));
  }

  receive(message: string): void {
    this.server.receive(`4${message}`);
  }

  /** The engine opens, and the namespace answers. */
  connect(answer: object = { sid: "id1" }): void {
    this.server.handshake();
    this.receive(`0${JSON.stringify(answer)}`);
  }

  /** The connection is lost, and made again. */
  async reconnect(answer: object = { sid: "id2" }): Promise<void> {
    this.server.lose();
    await this.clock.advance(10_000);
    this.server.handshake();
    this.receive(`0${JSON.stringify(answer)}`);
  }
}

afterEach(() => {
  for (const { manager } of Fixture.made.splice(0)) {
    manager._close();
    manager.engine?._end("the test is over");
  }
  FakeTransport.made = [];
});
