import { watch } from "../page.js";
import { decodePacket, type Packet, type RawData } from "./packet.js";
import { decodeText } from "./payload.js";
import type { Session } from "./session.js";
import { type TransportConstructor, type TransportSettings, timestamp } from "./transport.js";
import { probe } from "./upgrade.js";

/** How a session gets its transport. */
export interface Route {
  /** Reads what the transports receive; THROWS for what is no packet. */
  _decode(message: RawData): Packet;
  /** Begin; called once. */
  _open(): void;
  /** A transport has failed: whether another one is tried. */
  _next?(): boolean;
  /** The session is open, and might be moved. */
  _onOpen?(upgrades: string[]): void;
  /** The session is closed. */
  _end?(): void;
}

/** What is given to sessions to find their way: only what it names gets into a bundle. */
export type Router = (session: Session) => Route;

/** One way, and no other. */
export function only(Kind: TransportConstructor): Router {
  return (session) => ({ _decode: decodePacket, _open: () => session._begin(new Kind(session.opts)) });
}

/** Several ways: which is tried first, which next, and to which the session moves when it is open. */
export function anyOf(builtIn: TransportConstructor[]): Router {
  return (session) => {
    const { opts } = session;
    const known = [...(opts.transportImplementations || []), ...builtIn];
    let probes: (() => void)[] = [];
    let kinds = (opts.transports || builtIn)
      .map((kind) => (typeof kind === "string" ? known.find((each) => nameOf(each) === kind) : kind))
      .filter((kind) => !!kind);
    const create = (Kind: TransportConstructor) =>
      new Kind({ ...opts, ...(opts.transportOptions?.[nameOf(Kind)] as TransportSettings) });
    const open = () => {
      const isRemembered = (kind: TransportConstructor) =>
        opts.rememberUpgrade && priorSuccess.websocket && nameOf(kind) === "websocket";
      const kind = kinds.find(isRemembered) || kinds[0];
      if (kind) session._begin(create(kind));
      else queueMicrotask(() => session._onError(new Error("No transports available")));
    };
    const remember = ({ name }: { name?: string }) => {
      priorSuccess.websocket = name === "websocket";
    };
    session.on("upgrade", remember);
    session.on("close", watch(session));
    if (opts.forceBase64) opts.query.b64 = "1";
    if (opts.timestampRequests) Object.assign(opts.query, timestamp(opts));
    return {
      _decode: decodeText,
      _open: open,
      _next() {
        remember({});
        kinds = kinds.filter((kind) => !(session.transport instanceof kind));
        const hasNext = opts.tryAllTransports && session.readyState === "opening" && kinds[0];
        if (!hasNext) return false;
        session._dropTransport();
        open();
        return true;
      },
      _onOpen(upgrades) {
        remember(session.transport);
        if (opts.upgrade === false || !session.transport._pause) return;
        probes = kinds
          .filter((kind) => upgrades.includes(nameOf(kind)))
          .map((kind) => probe(session, create(kind)));
      },
      _end() {
        for (const end of probes) end();
      },
    };
  };
}

/** Whether the last session had a WebSocket in the end. */
export const priorSuccess = { websocket: false };

const nameOf = (kind: TransportConstructor): string => kind.prototype.name;
