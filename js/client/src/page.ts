import type { Session } from "./engine/session.js";
import type { Manager } from "./socket/manager.js";

/** What a page, or a worker, tells about the network and itself; in Node.js there is no such thing, and nothing happens. */

/** A session ends with the network, or the page. */
export function watchSession(session: Session): void {
  const { hostname, closeOnBeforeunload } = session.opts;
  const end = listen({
    offline() {
      // What runs on this machine is reached without a network.
      if (hostname !== "localhost") session._closed({ description: "network connection lost" });
    },
    beforeunload() {
      if (closeOnBeforeunload) session._dropTransport();
    },
  });
  session.on("close", end);
}

/**
 * Connect at once when there is reason to believe that it works again: the network is back, or the page is seen
 * again; and find out what a sleep has left. Returns what ends it.
 */
export function watchManager(manager: Manager): () => void {
  const attempt = () => manager._attempt();
  const wake = () => {
    if (globalThis.document?.hidden) return;
    if (manager._readyState === "open") manager.engine._hasPingExpired();
    // Behind what an expired session does.
    queueMicrotask(attempt);
  };
  return listen({
    online: wake,
    visibilitychange: wake,
    pageshow: wake,
    pagehide(event) {
      // A page with an open connection is not kept for the way back.
      if ((event as PageTransitionEvent).persisted) {
        manager.engine._closed({ description: "page has been left" });
      }
    },
  });
}

function listen(listeners: { [type: string]: (event: Event) => void }): () => void {
  const end = new AbortController();
  for (const type in listeners) globalThis.addEventListener?.(type, listeners[type] as EventListener, end);
  return () => end.abort();
}
