import { encodePacket, type Packet, type RawData } from "../../src/engine/packet.js";
import { Transport } from "../../src/engine/transport.js";

export const HANDSHAKE = {
  sid: "sid1",
  upgrades: [] as string[],
  pingInterval: 25_000,
  pingTimeout: 20_000,
  maxPayload: 1000,
};

/** A transport whose server is the test. */
export class FakeTransport extends Transport {
  /** Those that were made, in order. */
  static made: FakeTransport[] = [];
  static get last(): FakeTransport {
    return FakeTransport.made.at(-1) as FakeTransport;
  }

  sent: RawData[] = [];
  isOpened = false;
  isClosed = false;
  /** Whether what is sent is out at once. */
  isFast = true;
  private waiting: Packet[] = [];
  private count = 0;

  get name(): string {
    return "fake";
  }

  open(): void {
    FakeTransport.made.push(this);
    this.isOpened = true;
  }

  send(packets: Packet[]): void {
    this.sent.push(...packets.map(encodePacket));
    this.waiting = packets;
    this.count = packets.length;
    if (this.isFast) return this.drain();
    this.writable = false;
  }

  /** What was sent is out. */
  drain(): void {
    this.waiting.splice(0, this.count);
    this.count = 0;
    this.writable = true;
    this._receiver?._drained?.();
  }

  close(): void {
    this.isClosed = true;
    this.writable = false;
  }

  /** The address that is asked. */
  address(scheme = "ws"): URL {
    return new URL(this._uri(scheme));
  }

  receive(message: RawData): void {
    this._receiver?._onPacket(message);
  }

  handshake(data: Partial<typeof HANDSHAKE> = {}): void {
    this.writable = true;
    this.receive(`0${JSON.stringify({ ...HANDSHAKE, ...data })}`);
  }

  fail(message = "fake error"): void {
    this._receiver?._onError(new Error(message));
  }

  lose(): void {
    this._receiver?._closed({ description: "fake connection closed" });
  }
}
