import type { Session } from "./session.js";
import type { Transport } from "./transport.js";

/**
 * Try whether `transport` works, and move `session` to it: probe, wait until what is under way on the old transport
 * has ended, tell the server, go on. A transport that fails leaves the session where it is.
 */
export function probe(session: Session, transport: Transport): void {
  const fail = (cause: unknown) => {
    const error = Object.assign(new Error("probe error"), { transport: transport.name, cause });
    session._endProbe(transport);
    if (session.upgrading === transport) {
      session.upgrading = undefined;
      session.transport.resume?.();
      session._flush();
    }
    session._dispatch("upgradeError", error);
  };
  transport.receiver = {
    opened: () => transport.send([{ type: "ping", data: "probe" }]),
    received(packet) {
      if (packet.type !== "pong" || packet.data !== "probe") return fail(packet);
      // Another one was faster.
      if (session.upgrading) return session._endProbe(transport);
      session.upgrading = transport;
      session._dispatch("upgrading", transport);
      session.transport.pause?.(() => {
        if (session.readyState === "closed") return;
        session._setTransport(transport);
        transport.send([{ type: "upgrade" }]);
        session.upgrading = undefined;
        session._dispatch("upgrade", transport);
        session._flush();
      });
    },
    drained() {},
    failed: fail,
    closed: fail,
  };
  transport.open();
}
