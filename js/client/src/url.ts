export interface Address {
  /** "s" where the scheme is https or wss, and the host with its port: what stands behind `http` or `ws`. */
  authority: string;
  /** IPv6 addresses keep their brackets. */
  hostname: string;
  /** As written, without the query: the namespace for Socket.IO. */
  path: string;
  /** As written, without the question mark. */
  query: string;
}

/**
 * Take a URL apart. Without scheme or host it is relative to the page, where there is one; elsewhere a missing
 * scheme is https. THROWS TypeError for a host that is missing, or none.
 */
export function parse(uri = ""): Address {
  const page = globalThis.location;
  const [, scheme = page?.protocol || "https", host, path, query] =
    /^(?:(?:(https?|wss?):)?\/\/)?([^/?#]*)([^?#]*)\??([^#]*)/i.exec(uri) as string[];
  const { origin, hostname } = new URL(
    `http${/[ps]s/i.test(scheme) ? "s" : ""}://${host || page?.host || ""}`,
  );
  return { authority: origin.slice(4), hostname, path: path || "/", query: query as string };
}
