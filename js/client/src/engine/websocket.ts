import { decodePacket, encodePacket, type Packet } from "./packet.js";
import { Transport, TransportError } from "./transport.js";

/** Packets over a WebSocket, one a message. */
export class WebSocketTransport extends Transport {
  private _socket?: WebSocket;

  get name(): string {
    return "websocket";
  }

  open(): void {
    const { opts } = this;
    let socket: WebSocket;
    try {
      socket = this._socket = this.createSocket(this.uri("ws", opts.timestampRequests), opts.protocols);
    } catch (error) {
      queueMicrotask(() => this.receiver?.failed(new TransportError("websocket error", error)));
      return;
    }
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.writable = true;
      this.receiver?.opened();
    };
    socket.onmessage = ({ data }) => this.receiver?.received(decodePacket(data));
    socket.onerror = (event) => this.receiver?.failed(new TransportError("websocket error", event));
    socket.onclose = (event) =>
      this.receiver?.closed({ description: "websocket connection closed", context: event });
  }

  /** Overridden by subclasses that bring a WebSocket of their own. */
  createSocket(uri: string, protocols?: string | string[]): WebSocket {
    return protocols ? new WebSocket(uri, protocols) : new WebSocket(uri);
  }

  send(packets: Packet[]): void {
    const socket = this._socket as WebSocket;
    // Not while it is closing: the browser complains, and nothing would arrive. What is closing says so soon.
    if (socket.readyState !== 1) return;
    for (const packet of packets) socket.send(encodePacket(packet) as string);
    this.receiver?.drained();
  }

  close(): void {
    this.writable = false;
    this._socket?.close();
  }
}
