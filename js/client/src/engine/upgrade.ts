import { failure } from "../errors.js";
import type { Session } from "./session.js";
import type { Transport } from "./transport.js";

type Pausable = Required<Pick<Transport, "_pause" | "_resume">>;

/**
 * Try whether `transport` works, and move `session` to it: probe, wait until what is under way on the old transport
 * has ended, tell the server, go on. The old transport is one that can pause. A transport that fails leaves the session
 * where it is. Returns what ends the attempt.
 */
export function probe(session: Session, transport: Transport): () => void {
  const end = () => transport._discard();
  const fail = (cause: unknown) => {
    end();
    if (session.upgrading === transport) {
      session.upgrading = undefined;
      (session.transport as Pausable)._resume();
    }
    session._dispatch("upgradeError", failure("probe error", { transport: transport.name, cause }));
    session._flush();
  };
  transport._receiver = {
    _onOpen: () => transport.send([{ type: "ping", data: "probe" }]),
    _onPacket(message) {
      if (message !== "3probe") return fail(message);
      session.upgrading = transport;
      session._dispatch("upgrading", transport);
      (session.transport as Pausable)._pause(() => {
        if (session.readyState === "closed") return;
        session.transport._receiver = undefined;
        session._setTransport(transport);
        transport.send([{ type: "upgrade" }]);
        session.upgrading = undefined;
        session._dispatch("upgrade", transport);
        session._flush();
      });
    },
    _onError: fail,
    _closed: fail,
  };
  transport.open();
  return () => {
    if (session.transport !== transport) end();
  };
}
