import { parse } from "../url.js";
import type { Manager } from "./manager.js";
import type { ManagerOptions, SocketOptions } from "./options.js";
import type { Socket } from "./socket.js";

type Options = Partial<ManagerOptions & SocketOptions>;

export interface Lookup {
  /** The socket of the page's own server. */
  (opts?: Options): Socket;
  /** The path of `uri` is the namespace; connections are shared by sockets of several namespaces. */
  (uri?: string, opts?: Options): Socket;
}

/** What makes sockets with managers of one kind, and keeps the managers. */
export function lookupWith(Kind: new (uri?: string, opts?: Options) => Manager): Lookup {
  const managers: { [id: string]: Manager } = {};
  return (uri?: string | Options, options?: Options) => {
    const opts = (typeof uri === "object" ? uri : options) || {};
    const source = typeof uri === "object" ? undefined : uri;
    const { secure, hostname, port, path } = parse(source);
    const id = `${secure}//${hostname}:${port}${opts.path || ""}`;
    const shared = managers[id];
    const isNew =
      opts.forceNew ||
      opts["force new connection" as "forceNew"] ||
      opts.multiplex === false ||
      shared?.nsps[path];
    const manager = isNew ? new Kind(source, opts) : (managers[id] ??= new Kind(source, opts));
    return manager.socket(path, opts);
  };
}
