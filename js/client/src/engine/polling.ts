import { failure, type TransportError } from "../errors.js";
import type { Packet, RawData } from "./packet.js";
import { encodePayload, splitPayload } from "./payload.js";
import { Transport, timestamp } from "./transport.js";

/** Packets over HTTP: one request waits for those of the server, another brings ours. */
export class PollingTransport extends Transport {
  private readonly _abort = new AbortController();
  private _isOpen = false;
  private _polling = false;
  private _paused?: (() => void) | undefined;

  get name(): string {
    return "polling";
  }

  open(): void {
    this._poll();
  }

  /** In a body. */
  override _size(data: RawData): number {
    const size = super._size(data);
    return typeof data === "string" ? size : 1 + 4 * Math.ceil(size / 3);
  }

  /** As many as the server takes in one request, and one at least. */
  async send(packets: Packet[], maxPayload = Infinity): Promise<void> {
    let total = -1;
    let count = 0;
    for (const { data = "" } of packets) {
      total += 1 + this._size(data);
      if (count && total > maxPayload) break;
      count++;
    }
    this.writable = false;
    const body = await encodePayload(packets.slice(0, count));
    if ((await this._request("xhr post error", body)) === undefined) return;
    packets.splice(0, count);
    this.writable = true;
    // First: what is out must not go again by the transport that this one makes way for.
    this._receiver?._drained?.();
    this._settle();
  }

  close(): void {
    const abort = () => this._abort.abort();
    // The poll under way ends with the answer to this; without a session there is nothing to say.
    if (this._isOpen) this._request("", "1").then(abort);
    else abort();
    this._isOpen = this.writable = false;
  }

  override _pause(paused: () => void): void {
    this._paused = paused;
    this._settle();
  }

  override _resume(): void {
    this._paused = undefined;
    if (!this._polling) this._poll();
  }

  /** Tell who waits for a pause when nothing is under way any more. */
  private _settle(): void {
    if (!this._polling && this.writable) this._paused?.();
  }

  private async _poll(): Promise<void> {
    this._polling = true;
    const body = await this._request("xhr poll error");
    if (body === undefined) return;
    for (const message of splitPayload(body)) {
      if (message[0] === "0") this._isOpen = this.writable = true;
      if (message === "1") this._receiver?._closed({ description: "transport closed by the server" });
      else this._receiver?._onPacket(message);
    }
    this._polling = false;
    if (this._paused) this._settle();
    else if (this._isOpen) this._poll();
  }

  /** The body of the answer; undefined where there is none: then the receiver has been told, by `problem`. */
  private async _request(problem: string, body?: string): Promise<string | undefined> {
    const { extraHeaders, withCredentials, timestampRequests } = this.opts;
    const unique = timestampRequests === false ? {} : timestamp(this.opts);
    let status: unknown;
    let text: string | undefined;
    let data: TransportError["data"];
    try {
      const response = await fetch(this._uri("http", unique), {
        method: body ? "POST" : "GET",
        body: body as string,
        headers: { ...(body && { "content-type": "text/plain;charset=UTF-8" }), ...extraHeaders },
        credentials: withCredentials ? "include" : "same-origin",
        // The last word arrives even where the page is gone.
        keepalive: !problem,
        signal: this._abort.signal,
      });
      text = await response.text();
      if (response.ok) return text;
      status = response.status;
      data = JSON.parse(text);
    } catch (error) {
      // What a proxy says is no JSON.
      status ??= error;
    }
    const context = { status, responseText: text };
    this._receiver?._onError(
      failure(problem, { type: "TransportError", description: status, context, data }),
    );
    return undefined;
  }
}
