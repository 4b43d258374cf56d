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
export function lookupWith(Kind: new (uri?: string | Options, opts?: Options) => Manager): Lookup {
  const managers: { [id: string]: Manager } = {};
  return (uri?: string | Options, opts?: Options) => {
    if (typeof uri === "object") {
      opts = uri;
      uri = undefined;
    }
    opts ||= {};
    const { authority, path } = parse(uri);
    const id = authority + opts.path;
    const isNew = opts.forceNew || opts.multiplex === false || managers[id]?.nsps[path];
    if (isNew) return new Kind(uri, opts).socket(path, opts);
    managers[id] ||= new Kind(uri, opts);
    return managers[id].socket(path, opts);
  };
}
