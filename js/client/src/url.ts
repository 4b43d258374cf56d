export interface Address {
  /** Whether the scheme is https or wss. */
  secure: boolean;
  /** IPv6 addresses keep their brackets. */
  hostname: string;
  port: string;
  /** As written, without the query: the namespace for Socket.IO. */
  path: string;
  /** As written, without the question mark. */
  query: string;
}

/**
 * Take a URL apart. Without scheme or host it is relative to the page, where there is one; elsewhere a missing
 * scheme is https. THROWS without a host.
 */
export function parse(uri = ""): Address {
  const page = globalThis.location;
  const [, scheme = page ? page.protocol.slice(0, -1) : "https", authority = "", path, query] =
    /^(?:(https?|wss?):\/\/|\/\/)?(?:[^/?#]*@)?([^/?#]*)([^?#]*)\??([^#]*)/i.exec(uri) as string[];
  const host = authority || page?.host;
  if (!host) throw new Error(`there is no host in ${JSON.stringify(uri)}, and no page to take it from`);
  const [, hostname, port] = /^(.*?)(?::(\d+))?$/.exec(host) as string[];
  const secure = /s$/i.test(scheme as string);
  return {
    secure,
    hostname: hostname as string,
    port: port || (secure ? "443" : "80"),
    path: (path as string) || "/",
    query: query as string,
  };
}
