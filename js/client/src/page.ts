/** What a page, or a worker, tells about the network and itself; in Node.js there is no such thing, and nothing happens. */

import type { Session } from "./engine/session.js";
import type { Manager } from "./socket/manager.js";

/** A session, or a manager; the one has what the other has not. */
type Watcher = Partial<
  Pick<Session, "_closed" | "_dropTransport" | "_flush"> & Pick<Manager, "_attempt" | "engine">
> & {
  opts: { hostname?: string; closeOnBeforeunload?: boolean };
};

const watchers = new Set<Watcher>();

const reactions: { [type: string]: (watcher: Watcher, event: PageTransitionEvent) => void } = {
  offline(watcher) {
    // What runs on this machine is reached without a network.
    if (watcher.opts.hostname !== "localhost") watcher._closed?.({ description: "network connection lost" });
  },
  beforeunload(watcher) {
    if (watcher.opts.closeOnBeforeunload) watcher._dropTransport?.();
  },
  pagehide(watcher, { persisted }) {
    // A frame may be taken out of its page in the middle of a task, which then has no end.
    watcher._flush?.();
    // A page with an open connection is not kept for the way back.
    if (persisted) watcher._closed?.({ description: "page has been left" });
  },
  online: wake,
  visibilitychange: wake,
  pageshow: wake,
};

/**
 * From now on a session ends with the network, or the page; a manager connects at once when there is reason to believe
 * that it works again, as the network is back, or the page is seen again, and finds out what a sleep has left. Returns
 * what ends this. With nobody to tell, nothing is listened to.
 */
export function watch(watcher: Watcher): () => void {
  watchers.add(watcher);
  for (const type in reactions) globalThis.addEventListener?.(type, tell as never);
  return () => {
    watchers.delete(watcher);
    if (!watchers.size) for (const type in reactions) globalThis.removeEventListener?.(type, tell as never);
  };
}

function tell(event: PageTransitionEvent): void {
  for (const watcher of [...watchers]) reactions[event.type]?.(watcher, event);
}

function wake(watcher: Watcher): void {
  if (globalThis.document?.hidden) return;
  watcher.engine?._hasPingExpired();
  // Behind what an expired session does.
  queueMicrotask(() => watcher._attempt?.());
}
