/**
 * Listen to the page, or the worker: "online", "offline", "pageshow", ... Returns what ends it. Where there is no
 * such thing, as in Node.js, nothing happens.
 */
export function listenToPage(type: string, listener: (event: Event) => void): () => void {
  globalThis.addEventListener?.(type, listener);
  return () => globalThis.removeEventListener?.(type, listener);
}
