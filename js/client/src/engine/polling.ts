import type { Packet, RawData } from "./packet.js";
import { decodePayload, encodePayload, payloadSize } from "./payload.js";
import { Transport, TransportError } from "./transport.js";

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

  override size(data: RawData): number {
    return payloadSize(data);
  }

  /** As many as the server takes at once, and one at least. */
  override batch(packets: Packet[], maxPayload: number): Packet[] {
    let total = -1;
    const end = packets.findIndex(({ data = "" }, index) => {
      total += 1 + payloadSize(data);
      return index && total > maxPayload;
    });
    return packets.slice(0, end < 0 ? undefined : end);
  }

  async send(packets: Packet[]): Promise<void> {
    this.writable = false;
    if ((await this._request("xhr post error", await encodePayload(packets))) === undefined) return;
    this.writable = true;
    // First: what is out must not go again by the transport that this one makes way for.
    this.receiver?.drained();
    this._settle();
  }

  close(): void {
    const abort = () => this._abort.abort();
    // The poll under way ends with the answer to this; without a session there is nothing to say.
    if (this._isOpen) this._request("", "1").then(abort);
    else abort();
    this._isOpen = this.writable = false;
  }

  override pause(paused: () => void): void {
    this._paused = paused;
    this._settle();
  }

  override resume(): void {
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
    for (const packet of decodePayload(body)) {
      if (packet.type === "open") this._isOpen = this.writable = true;
      if (packet.type === "close") this.receiver?.closed({ description: "transport closed by the server" });
      else this.receiver?.received(packet);
    }
    this._polling = false;
    if (this._paused) this._settle();
    else if (this._isOpen) this._poll();
  }

  /** The body of the answer; undefined where there is none: then the receiver has been told, by `problem`. */
  private async _request(problem: string, body?: string): Promise<string | undefined> {
    const { extraHeaders, withCredentials, requestTimeout, timestampRequests, clock } = this.opts;
    const timer = requestTimeout && clock.setTimeout(() => this._abort.abort(), requestTimeout);
    let status: unknown;
    let text: string | undefined;
    try {
      const response = await fetch(this.uri("http", timestampRequests !== false), {
        method: body ? "POST" : "GET",
        body: body as string,
        headers: { ...(body && { "content-type": "text/plain;charset=UTF-8" }), ...extraHeaders },
        credentials: withCredentials ? "include" : "same-origin",
        // The last word arrives even where the page is gone.
        keepalive: !problem,
        signal: this._abort.signal,
      });
      status = response.status;
      text = await response.text();
      if (response.ok) return text;
    } catch (error) {
      status = error;
    } finally {
      clock.clearTimeout(timer);
    }
    this.receiver?.failed(new TransportError(problem, status, { status, responseText: text }));
    return undefined;
  }
}
