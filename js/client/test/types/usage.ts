/**
 * Code of applications, which is compiled and never run: what must compile, and, below `@ts-expect-error`, what must
 * not. The same file is compiled against the reference's types, by another name of the module (see `tsconfig.json`
 * beside it), so that whoever changes over need not touch a type.
 */

import {
  connect,
  type DisconnectDescription,
  io,
  Manager,
  type ManagerOptions,
  type Socket,
  type SocketOptions,
} from "client";

interface ServerToClient {
  noArguments: () => void;
  said: (by: string, text: string) => void;
  asked: (question: string, answer: (yes: boolean) => void) => void;
  file: (name: string, content: ArrayBuffer) => void;
}

interface ClientToServer {
  hello: () => void;
  say: (text: string, loud?: boolean) => void;
  ask: (question: string, answer: (text: string, score: number) => void) => void;
  check: (answer: (isRight: boolean) => void) => void;
}

const options: Partial<ManagerOptions & SocketOptions> = {
  transports: ["websocket", "polling"],
  auth: { token: "x" },
  query: { a: 1 },
  retries: 3,
  ackTimeout: 1000,
  withCredentials: true,
  extraHeaders: { a: "b" },
  reconnectionDelay: 10,
};

const socket: Socket<ServerToClient, ClientToServer> = io("http://a.example", options);
const untyped: Socket = io();
const another = connect({ auth: (callback) => callback({ token: "x" }) });
const manager = new Manager<ServerToClient, ClientToServer>("http://a.example", { timeout: 1 });
const ofManager: Socket<ServerToClient, ClientToServer> = new Manager("http://a.example").socket("/");
const bare = new Manager({ path: "/x" });

socket.on("said", (by, text) => by.concat(text));
socket.on("said", (by) => by.length);
socket.on("asked", (question, answer) => answer(question.length > 1));
socket.once("file", (_name, content) => content.byteLength);
socket.on("connect", () => socket.id?.length);
socket.on("connect_error", (error) => [error.message, error.data.whatever]);
socket.on("disconnect", (reason, details) => {
  const known: Socket.DisconnectReason = reason;
  const description: DisconnectDescription | undefined = details;
  return [known === "io server disconnect", description];
});
socket.on("asked", async (_question, answer) => answer(true));

socket.emit("hello");
socket.emit("say", "hi");
socket.emit("say", "hi", true);
socket.emit("ask", "why?", (text, score) => text.repeat(score));
socket.timeout(10).emit("ask", "why?", (error, text, score) => [error.message, text.repeat(score)]);
socket.volatile.compress(true).emit("hello");
socket.emitWithAck("ask", "why?").then((text) => text.length);
socket
  .timeout(1)
  .emitWithAck("ask", "why?")
  .then((text) => text.length);
socket.off("said").off().removeAllListeners();
socket
  .onAny((event, ...args) => [event, args])
  .offAny()
  .prependAnyOutgoing((event) => event);
socket.io.on("reconnect_attempt", (attempt) => attempt.toFixed());
socket.io.on("error", (error) => error.message);
socket.io.engine.on("upgrade", (transport) => transport.name);
socket.io.engine.on("close", (reason) => reason.length);
socket.io.opts.query = { token: "y" };
socket.io.reconnectionAttempts(5).reconnectionDelay(1).timeout(false);
const attempts: number = socket.io.reconnectionAttempts();
socket.auth = { token: "z" };
socket.auth = (callback) => callback({});
socket.connect().disconnect().open().close().send(1, "a");

untyped.on("anything", (a, b, c) => [a.x, b, c]);
untyped.emit("anything", 1, () => {}, { a: 1 });
untyped.emitWithAck("anything", 1).then((answer) => answer.anything);
another.timeout(1).emit("anything", 1, (error: Error, value: number) => [error, value]);
manager.socket("/x").on("said", (by) => by.length);
connect satisfies typeof io;

// @ts-expect-error there is no such event
socket.on("unknown", () => {});
// @ts-expect-error the server does not send it
socket.on("say", () => {});
// @ts-expect-error the listener wants something else
socket.on("said", (by: number) => by);
// @ts-expect-error the listener wants more
socket.on("noArguments", (x: number) => x);
// @ts-expect-error what an answer takes
socket.on("asked", (_question, answer) => answer("yes"));
// @ts-expect-error there is no such event
socket.emit("unknown");
// @ts-expect-error the client does not send it
socket.emit("said", "a", "b");
// @ts-expect-error an argument is missing
socket.emit("say");
// @ts-expect-error an argument of another type
socket.emit("say", 1);
// @ts-expect-error too many arguments
socket.emit("hello", 1);
// @ts-expect-error the acknowledgement brings something else
socket.emit("ask", "why?", (text: number) => text);
// @ts-expect-error with a time limit there is an error in front
socket.timeout(1).emit("ask", "why?", (text: string) => text);
// @ts-expect-error an argument is missing
socket.emitWithAck("ask");
// @ts-expect-error the promise is for something else
socket.emitWithAck("check").then((text: number) => text);
// @ts-expect-error there is no such reason
const reason: Socket.DisconnectReason = "whatever";
// @ts-expect-error no such option
io("http://a.example", { reconnectionDelai: 1 });
// @ts-expect-error a time is a number
io("http://a.example", { reconnectionDelay: "1s" });
// @ts-expect-error there is no such event of managers
socket.io.on("reconnecting", () => {});

export { attempts, bare, ofManager, reason };
