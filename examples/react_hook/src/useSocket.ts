import type { Socket } from "arcwire";
import { useEffect, useRef, useSyncExternalStore } from "react";

/** Whether the socket is connected. */
export function useConnected(socket: Socket): boolean {
  const subscribe = (changed: () => void) => {
    socket.on("connect", changed).on("disconnect", changed);
    return () => void socket.off("connect", changed).off("disconnect", changed);
  };
  return useSyncExternalStore(subscribe, () => socket.connected);
}

/** Calls `handler`, that of the last rendering, with each `event` for as long as the component is there. */
export function useEvent<Args extends unknown[]>(socket: Socket, event: string, handler: (...args: Args) => void): void {
  const last = useRef(handler);
  useEffect(() => {
    last.current = handler;
  });
  useEffect(() => {
    const listener = (...args: Args) => last.current(...args);
    socket.on(event, listener);
    return () => void socket.off(event, listener);
  }, [socket, event]);
}
