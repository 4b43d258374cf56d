import { failure } from "../errors.js";
import { encodeBatches, SEPARATOR, splitBatch } from "./batch.js";
import type { Packet } from "./packet.js";
import { Transport } from "./transport.js";

/** Packets over a WebSocket, one a message or, where that is agreed on, several. */
export class WebSocketTransport extends Transport {
  private _socket?: WebSocket;

  get name(): string {
    return "websocket";
  }

  open(): void {
    const fail = (description: unknown) =>
      this._receiver?._onError(failure("websocket error", { type: "TransportError", description }));
    try {
      const socket = this.createSocket(this._uri("ws"), this.opts.protocols);
      this._socket = socket;
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        this.writable = true;
        this._receiver?._onOpen?.();
      };
      socket.onmessage = ({ data }) => {
        const isBatch = this._receiver?._batchLimit && data[0] === SEPARATOR;
        for (const message of isBatch ? splitBatch(data) : [data]) this._receiver?._onPacket(message);
      };
      socket.onerror = fail;
      socket.onclose = (context) =>
        this._receiver?._closed({ description: "websocket connection closed", context });
    } catch (error) {
      queueMicrotask(() => fail(error));
    }
  }

  /** Overridden by subclasses that bring a WebSocket of their own. */
  createSocket(uri: string, protocols?: string | string[]): WebSocket {
    return new WebSocket(uri, protocols);
  }

  send(packets: Packet[]): void {
    const socket = this._socket as WebSocket;
    // Not while it is closing: the browser complains, and nothing would arrive. What is closing says so soon.
    if (socket.readyState !== 1) return;
    const messages = encodeBatches(packets.splice(0), this._receiver?._batchLimit);
    for (const message of messages) socket.send(message as string);
    this._receiver?._drained?.();
  }

  close(): void {
    this.writable = false;
    this._socket?.close();
  }
}
