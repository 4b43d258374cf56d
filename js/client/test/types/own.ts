/** What the reference's types do not know. */

import { io, listen, type Socket } from "arcwire";
import { Socket as Engine, type Packet, WebSocket } from "arcwire/engine";
import { Decoder, Encoder, io as packed } from "arcwire/msgpack";
import { io as small } from "arcwire/websocket";

interface Events {
  said: (text: string) => void;
  ask: (answer: (text: string, score: number) => void) => void;
}

const socket: Socket<Events, Events> = io("http://a.example", {
  bufferLimit: 10,
  bufferOverflow: "drop-oldest",
  retryWindow: 5,
  transports: [WebSocket],
  clock: { now: Date.now, random: Math.random, after: () => () => {} },
  parser: { Encoder, Decoder },
});
const others: Socket<Events, Events>[] = [small("http://a.example"), packed("http://a.example")];
const known: boolean = socket.deduplicated;
const end: () => void = listen(socket, { said: (text) => text.length, connect: () => {} }, "me");

class Mine extends WebSocket {
  override createSocket(uri: string) {
    return new globalThis.WebSocket(uri);
  }
}

const engine = new Engine("http://a.example", { transports: ["polling", Mine].slice(0, 1) as string[] });
engine.on("packet", (packet: Packet) => packet.type).on("message", (data) => data);
engine.send("a").send(new Uint8Array(1)).send(new Blob());
io("http://a.example", { transports: [Mine] });

const answer = socket.timeout(1).emitWithAck("ask");
// @ts-expect-error with a time limit, too
answer.then((text: number) => text);
// @ts-expect-error the promise is for the first of what the acknowledgement brings
socket.emitWithAck("ask").then((text: number) => text);
// @ts-expect-error no such event
listen(socket, { unknown: () => {} });
// @ts-expect-error a listener of another type
listen(socket, { said: (text: number) => text });
// @ts-expect-error no such policy
io({ bufferOverflow: "explode" });
// @ts-expect-error what is sent is text or bytes
engine.send({ a: 1 });
// @ts-expect-error no such event
engine.on("said", () => {});

export { end, known, others };
