"use strict";
(() => {
  var __defProp = Object.defineProperty;
  var __export = (target, all) => {
    for (var name in all)
      __defProp(target, name, { get: all[name], enumerable: true });
  };

  // src/index.ts
  var src_exports = {};
  __export(src_exports, {
    BufferFullError: () => BufferFullError,
    Fetch: () => PollingTransport,
    Manager: () => Manager2,
    NodeWebSocket: () => WebSocketTransport,
    NodeXHR: () => PollingTransport,
    PayloadTooLargeError: () => PayloadTooLargeError,
    Socket: () => Socket,
    TransportError: () => TransportError,
    WebSocket: () => WebSocketTransport,
    XHR: () => PollingTransport,
    connect: () => io,
    default: () => io,
    io: () => io,
    protocol: () => protocol
  });

  // src/engine/packet.ts
  var TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
  var MALFORMED = { type: "error", data: "parser error" };
  function encodePacket({ type, data }) {
    return data === void 0 || typeof data === "string" ? TYPES.indexOf(type) + (data || "") : data;
  }
  function decodePacket(message) {
    if (typeof message !== "string") return { type: "message", data: message };
    if (message[0] === "b") return decodeBase64(message.slice(1));
    const type = TYPES[message.charCodeAt(0) - 48];
    return !type ? MALFORMED : message.length > 1 ? { type, data: message.slice(1) } : { type };
  }
  function decodeBase64(text) {
    try {
      if (text.length % 4 || /\s/.test(text)) return MALFORMED;
      return { type: "message", data: Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer };
    } catch {
      return MALFORMED;
    }
  }
  function messageSize(data) {
    if (typeof data === "string") return new TextEncoder().encode(data).length + 1;
    return data instanceof Blob ? data.size : data.byteLength;
  }

  // src/engine/payload.ts
  var SEPARATOR = "";
  async function encodePayload(packets) {
    const encoded = [];
    for (const packet of packets) {
      const message = encodePacket(packet);
      encoded.push(typeof message === "string" ? message : `b${await encodeBase64(message)}`);
    }
    return encoded.join(SEPARATOR);
  }
  function decodePayload(body) {
    const packets = [];
    for (const text of body.split(SEPARATOR)) {
      const packet = decodePacket(text);
      packets.push(packet);
      if (packet === MALFORMED) break;
    }
    return packets;
  }
  async function encodeBase64(data) {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(await data.arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }
  function payloadSize(data) {
    const size = messageSize(data);
    return typeof data === "string" ? size : 1 + 4 * Math.ceil(size / 3);
  }

  // src/engine/transport.ts
  var TransportError = class extends Error {
    constructor(message, description, context) {
      super(message);
      this.description = description;
      this.context = context;
      try {
        const said = JSON.parse(context.responseText);
        if (said.message) this.data = said;
      } catch {
      }
    }
    description;
    context;
    type = "TransportError";
  };
  var Transport = class {
    constructor(opts) {
      this.opts = opts;
      this.query = opts.query;
    }
    opts;
    /** Whether `send` may be called. */
    writable = false;
    /** Until someone listens nobody is told anything: a discarded transport is silent. */
    receiver = null;
    query;
    /** Bytes that the server counts for a message. */
    size(data) {
      return messageSize(data);
    }
    /** The address with `scheme` (http or ws); `timestamp` makes it one of its kind. */
    uri(scheme, timestamp) {
      const { opts } = this;
      const query = new URLSearchParams({ ...this.query, EIO: "4", transport: this.name });
      if (opts.forceBase64) query.set("b64", "1");
      if (timestamp) query.set(opts.timestampParam || "t", opts.clock.random().toString(36).slice(2, 10));
      const port = +opts.port === (opts.secure ? 443 : 80) ? "" : `:${opts.port}`;
      return `${scheme}${opts.secure ? "s" : ""}://${opts.hostname}${port}${opts.path}?${query}`;
    }
  };

  // src/engine/polling.ts
  var PollingTransport = class extends Transport {
    P = new AbortController();
    C = false;
    D = false;
    E;
    get name() {
      return "polling";
    }
    open() {
      this.Q();
    }
    size(data) {
      return payloadSize(data);
    }
    /** As many as the server takes at once, and one at least. */
    batch(packets, maxPayload) {
      let total = -1;
      const end = packets.findIndex(({ data = "" }, index) => {
        total += 1 + payloadSize(data);
        return index && total > maxPayload;
      });
      return packets.slice(0, end < 0 ? void 0 : end);
    }
    async send(packets) {
      this.writable = false;
      if (await this.R("xhr post error", await encodePayload(packets)) === void 0) return;
      this.writable = true;
      this.receiver?.drained();
      this.S();
    }
    close() {
      const abort = () => this.P.abort();
      if (this.C) this.R("", "1").then(abort);
      else abort();
      this.C = this.writable = false;
    }
    pause(paused) {
      this.E = paused;
      this.S();
    }
    resume() {
      this.E = void 0;
      if (!this.D) this.Q();
    }
    /** Tell who waits for a pause when nothing is under way any more. */
    S() {
      if (!this.D && this.writable) this.E?.();
    }
    async Q() {
      this.D = true;
      const body = await this.R("xhr poll error");
      if (body === void 0) return;
      for (const packet of decodePayload(body)) {
        if (packet.type === "open") this.C = this.writable = true;
        if (packet.type === "close") this.receiver?.closed({ description: "transport closed by the server" });
        else this.receiver?.received(packet);
      }
      this.D = false;
      if (this.E) this.S();
      else if (this.C) this.Q();
    }
    /** The body of the answer; undefined where there is none: then the receiver has been told, by `problem`. */
    async R(problem, body) {
      const { extraHeaders, withCredentials, requestTimeout, timestampRequests, clock } = this.opts;
      const timer = requestTimeout && clock.setTimeout(() => this.P.abort(), requestTimeout);
      let status;
      let text;
      try {
        const response = await fetch(this.uri("http", timestampRequests !== false), {
          method: body ? "POST" : "GET",
          body,
          headers: { ...body && { "content-type": "text/plain;charset=UTF-8" }, ...extraHeaders },
          credentials: withCredentials ? "include" : "same-origin",
          // The last word arrives even where the page is gone.
          keepalive: !problem,
          signal: this.P.signal
        });
        status = response.status;
        text = await response.text();
        if (response.ok) return text;
      } catch (error) {
        status = error;
      } finally {
        clock.clearTimeout(timer);
      }
      this.receiver?.failed(new TransportError(problem, status, { status, responseText: text }));
      return void 0;
    }
  };

  // src/engine/upgrade.ts
  function probe(session, transport) {
    const fail = (cause) => {
      const error = Object.assign(new Error("probe error"), { transport: transport.name, cause });
      session.T(transport);
      if (session.upgrading === transport) {
        session.upgrading = void 0;
        session.transport.resume?.();
        session.t();
      }
      session.a("upgradeError", error);
    };
    transport.receiver = {
      opened: () => transport.send([{ type: "ping", data: "probe" }]),
      received(packet) {
        if (packet.type !== "pong" || packet.data !== "probe") return fail(packet);
        if (session.upgrading) return session.T(transport);
        session.upgrading = transport;
        session.a("upgrading", transport);
        session.transport.pause?.(() => {
          if (session.readyState === "closed") return;
          session.fa(transport);
          transport.send([{ type: "upgrade" }]);
          session.upgrading = void 0;
          session.a("upgrade", transport);
          session.t();
        });
      },
      drained() {
      },
      failed: fail,
      closed: fail
    };
    transport.open();
  }

  // src/engine/websocket.ts
  var WebSocketTransport = class extends Transport {
    U;
    get name() {
      return "websocket";
    }
    open() {
      const { opts } = this;
      let socket;
      try {
        socket = this.U = this.createSocket(this.uri("ws", opts.timestampRequests), opts.protocols);
      } catch (error) {
        queueMicrotask(() => this.receiver?.failed(new TransportError("websocket error", error)));
        return;
      }
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        this.writable = true;
        this.receiver?.opened();
      };
      socket.onmessage = ({ data }) => this.receiver?.received(decodePacket(data));
      socket.onerror = (event) => this.receiver?.failed(new TransportError("websocket error", event));
      socket.onclose = (event) => this.receiver?.closed({ description: "websocket connection closed", context: event });
    }
    /** Overridden by subclasses that bring a WebSocket of their own. */
    createSocket(uri, protocols) {
      return protocols ? new WebSocket(uri, protocols) : new WebSocket(uri);
    }
    send(packets) {
      const socket = this.U;
      if (socket.readyState !== 1) return;
      for (const packet of packets) socket.send(encodePacket(packet));
      this.receiver?.drained();
    }
    close() {
      this.writable = false;
      this.U?.close();
    }
  };

  // src/url.ts
  function parse(uri = "") {
    const page = globalThis.location;
    const [, scheme = page ? page.protocol.slice(0, -1) : "https", authority = "", path, query] = /^(?:(https?|wss?):\/\/|\/\/)?(?:[^/?#]*@)?([^/?#]*)([^?#]*)\??([^#]*)/i.exec(uri);
    const host = authority || page?.host;
    if (!host) throw new Error(`there is no host in ${JSON.stringify(uri)}, and no page to take it from`);
    const [, hostname, port] = /^(.*?)(?::(\d+))?$/.exec(host);
    const secure = /s$/i.test(scheme);
    return {
      secure,
      hostname,
      port: port || (secure ? "443" : "80"),
      path: path || "/",
      query
    };
  }

  // src/socket/connect.ts
  function lookupWith(Kind) {
    const managers = {};
    return (uri, options) => {
      const opts = (typeof uri === "object" ? uri : options) || {};
      const source = typeof uri === "object" ? void 0 : uri;
      const { secure, hostname, port, path } = parse(source);
      const id = `${secure}//${hostname}:${port}${opts.path || ""}`;
      const shared = managers[id];
      const isNew = opts.forceNew || opts["force new connection"] || opts.multiplex === false || shared?.nsps[path];
      const manager = isNew ? new Kind(source, opts) : managers[id] ??= new Kind(source, opts);
      return manager.socket(path, opts);
    };
  }

  // src/backoff.ts
  function delayAfter(attempts, delays, random) {
    const delay = delays.reconnectionDelay * 2 ** attempts;
    const deviation = Math.floor(random * delays.randomizationFactor * delay);
    return Math.min(delay + (Math.floor(random * 10) % 2 ? deviation : -deviation), delays.reconnectionDelayMax) | 0;
  }

  // src/clock.ts
  var native = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  function systemClock(useNativeTimers) {
    const timers = () => useNativeTimers ? native : globalThis;
    return {
      now: Date.now,
      setTimeout: (fn, delay) => timers().setTimeout.call(globalThis, fn, delay),
      clearTimeout: (timer) => timers().clearTimeout.call(globalThis, timer),
      random: Math.random
    };
  }

  // src/emitter.ts
  function call(fn, self, args) {
    try {
      fn.apply(self, args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
  var Emitter = class {
    /** Lists are replaced, never changed, so that a dispatch under way needs no copy. */
    u = /* @__PURE__ */ Object.create(null);
    on(event, listener) {
      this.u[event] = [...this.listeners(event), listener];
      return this;
    }
    once(event, listener) {
      const once = (...args) => {
        this.off(event, once);
        listener.apply(this, args);
      };
      once.Ga = listener;
      return this.on(event, once);
    }
    /** Remove one listener of an event, or all of it, or, without arguments, all there are. */
    off(event, listener) {
      if (event === void 0) {
        this.u = /* @__PURE__ */ Object.create(null);
      } else {
        const left = this.listeners(event);
        const at = left.findIndex((each) => each === listener || each.Ga === listener);
        this.u[event] = listener ? left.filter((_, index) => index !== at) : [];
      }
      return this;
    }
    /** Call the listeners of an event. */
    emit(event, ...args) {
      return this.a(event, ...args);
    }
    listeners(event) {
      return this.u[event] || [];
    }
    hasListeners(event) {
      return this.listeners(event).length > 0;
    }
    removeListener(event, listener) {
      return this.off(event, listener);
    }
    removeAllListeners(event) {
      return this.off(event);
    }
    /** `emit` for the emitter's own use: `Socket.emit` sends. */
    a(event, ...args) {
      const listeners = this.u[event];
      if (listeners) for (const listener of listeners) call(listener, this, args);
      return this;
    }
  };

  // src/errors.ts
  var PayloadTooLargeError = class extends Error {
    constructor(size, maxPayload) {
      super(`the message has ${size} bytes, the server takes ${maxPayload}`);
      this.size = size;
      this.maxPayload = maxPayload;
    }
    size;
    maxPayload;
  };
  var BufferFullError = class extends Error {
    constructor(limit, policy) {
      super(`${limit} events are waiting already`);
      this.limit = limit;
      this.policy = policy;
    }
    limit;
    policy;
  };

  // src/page.ts
  function listenToPage(type, listener) {
    globalThis.addEventListener?.(type, listener);
    return () => globalThis.removeEventListener?.(type, listener);
  }

  // src/engine/session.ts
  var Session = class _Session extends Emitter {
    constructor(uri, opts, _parts) {
      super();
      this.$ = _parts;
      const address = parse(uri || opts.host || opts.hostname);
      this.b = opts.clock || systemClock(opts.useNativeTimers);
      this.opts = {
        ...opts,
        ...address,
        ...!uri && { secure: opts.secure ?? address.secure, port: `${opts.port ?? address.port}` },
        path: (opts.path || "/engine.io").replace(/\/$/, "") + (opts.addTrailingSlash === false ? "" : "/"),
        query: Object.fromEntries(new URLSearchParams(opts.query || address.query)),
        clock: this.b
      };
      const chosen = opts.transports || _parts.transports;
      for (const kind of [..._parts.transports, ...opts.transportImplementations || [], ...chosen]) {
        if (typeof kind !== "string") this.V[kind.prototype.name] = kind;
      }
      this.o = chosen.map((kind) => typeof kind === "string" ? kind : kind.prototype.name).filter((name) => this.V[name]);
      const offline = listenToPage("offline", () => {
        if (address.hostname !== "localhost") {
          this.d("transport close", { description: "network connection lost" });
        }
      });
      const leaving = listenToPage("beforeunload", () => {
        if (opts.closeOnBeforeunload) this.Y();
      });
      this.q = () => {
        offline();
        leaving();
      };
      this.ha();
    }
    _parts;
    static protocol = 4;
    /** Whether the last session had a WebSocket in the end: for `rememberUpgrade`. */
    static priorWebsocketSuccess = false;
    /** Undefined until the handshake, and when closed. */
    id;
    readyState = "opening";
    /** What has not been handed to the network yet. */
    writeBuffer = [];
    binaryType = "arraybuffer";
    /** Bytes of one message; undefined until the server said it. */
    maxPayload;
    /** The transport that is about to take over. */
    upgrading;
    opts;
    b;
    V = {};
    o = [];
    p = [];
    /** How many packets of `writeBuffer` the transport is sending. */
    F = 0;
    W = 0;
    ga = Number.POSITIVE_INFINITY;
    X;
    q;
    /**
     * Send a message; before the session is open it waits in `writeBuffer`, once it is closed it is dropped. `sent` is
     * called when it is handed to the transport. THROWS PayloadTooLargeError for what the server would not take.
     */
    send(data, options, sent) {
      this.ia(data);
      this.Z("message", data, options);
      if (sent) this.once("flush", sent);
      return this;
    }
    write(data, options, sent) {
      return this.send(data, options, sent);
    }
    /** Close when all that waits is sent. */
    close() {
      const close = () => this.d("forced close");
      const closeOrWait = () => {
        if (!this.upgrading) return close();
        this.once("upgrade", close);
        this.once("upgradeError", close);
      };
      if (this.readyState === "opening" || this.readyState === "open") {
        this.readyState = "closing";
        if (this.writeBuffer.length) this.once("drain", closeOrWait);
        else closeOrWait();
      }
      return this;
    }
    /** THROWS PayloadTooLargeError for a message that the server would not take. */
    ia(data) {
      const { maxPayload } = this;
      if (!maxPayload || typeof data === "string" && data.length * 3 < maxPayload) return;
      const size = this.transport.size(data);
      if (size > maxPayload) throw new PayloadTooLargeError(size, maxPayload);
    }
    /**
     * Whether the server has been silent for too long, by the wall clock: timers stand still while a machine sleeps.
     * Then the session closes, soon.
     */
    _hasPingExpired() {
      const expired = this.b.now() > this.ga;
      if (expired) queueMicrotask(() => this.d("ping timeout"));
      return expired;
    }
    fa(transport) {
      if (this.transport) this.transport.receiver = null;
      this.p = this.p.filter((each) => each !== transport);
      this.transport = transport;
      transport.receiver = {
        opened() {
        },
        received: (packet) => this._(packet),
        drained: () => {
          this.writeBuffer.splice(0, this.F);
          this.F = 0;
          if (this.writeBuffer.length) this.t();
          else this.a("drain");
        },
        failed: (error) => this.g(error),
        closed: (details) => this.d("transport close", details)
      };
    }
    T(transport) {
      transport.receiver = null;
      transport.close();
      this.p = this.p.filter((each) => each !== transport);
    }
    t() {
      const { transport, writeBuffer } = this;
      if (this.readyState === "closed" || !transport.writable || this.upgrading || this.F || !writeBuffer.length) {
        return;
      }
      const packets = transport.batch?.(writeBuffer, this.maxPayload || Number.POSITIVE_INFINITY) || writeBuffer;
      this.F = packets.length;
      transport.send(packets);
      this.a("flush");
    }
    ha() {
      const name = this.opts.rememberUpgrade && _Session.priorWebsocketSuccess && this.o.includes("websocket") ? "websocket" : this.o[0];
      if (!name) {
        queueMicrotask(() => this.g(new Error("No transports available")));
        return;
      }
      this.fa(this.ja(name));
      this.transport.open();
    }
    ja(name) {
      return new this.V[name]({
        ...this.opts,
        ...this.opts.transportOptions?.[name]
      });
    }
    Z(type, data, options) {
      if (this.readyState === "closing" || this.readyState === "closed") return;
      const packet = { type, data, options };
      this.a("packetCreate", packet);
      this.writeBuffer.push(packet);
      this.t();
    }
    _(packet) {
      const { type, data } = packet;
      this.a("packet", packet);
      this.a("heartbeat");
      if (type === "message") {
        this.a("data", data);
        this.a("message", data);
      } else if (type === "ping") {
        this.Z("pong");
        this.a("ping");
        this.a("pong");
        this.ka();
      } else if (type === "open") {
        this.Ha(data);
      } else if (type === "error") {
        this.g(Object.assign(new Error("server error"), { code: data }));
      }
    }
    Ha(text) {
      let data;
      try {
        data = JSON.parse(text);
      } catch (error) {
        return this.g(error);
      }
      this.id = this.opts.query.sid = data.sid;
      this.maxPayload = data.maxPayload;
      this.W = data.pingInterval + data.pingTimeout;
      this.a("handshake", data);
      if (this.readyState === "closed") return;
      this.readyState = "open";
      this.ka();
      _Session.priorWebsocketSuccess = this.transport.name === "websocket";
      this.a("open");
      this.t();
      const { probe: probe2 } = this.$;
      if (!probe2 || this.opts.upgrade === false || this.readyState !== "open") return;
      for (const name of data.upgrades) {
        if (!this.o.includes(name)) continue;
        const transport = this.ja(name);
        this.p.push(transport);
        probe2(this, transport);
      }
    }
    ka() {
      const { b: _clock } = this;
      _clock.clearTimeout(this.X);
      this.ga = _clock.now() + this.W;
      this.X = _clock.setTimeout(() => this.d("ping timeout"), this.W);
    }
    g(error) {
      _Session.priorWebsocketSuccess = false;
      if (this.opts.tryAllTransports && this.o.length > 1 && this.readyState === "opening") {
        this.o = this.o.filter((name) => name !== this.transport.name);
        this.Y();
        return this.ha();
      }
      this.a("error", error);
      this.d("transport error", error);
    }
    Y() {
      if (!this.transport) return;
      this.transport.receiver = null;
      this.transport.close();
    }
    d(reason, description) {
      if (this.readyState === "closed") return;
      this.readyState = "closed";
      this.b.clearTimeout(this.X);
      this.q();
      this.Y();
      this.p.forEach(this.T, this);
      this.id = void 0;
      this.a("close", reason, description);
      this.writeBuffer = [];
    }
  };

  // src/socket/acks.ts
  var TIMED_OUT = "operation has timed out";
  var DISCONNECTED = "socket has been disconnected";
  var Acks = class {
    constructor(_clock) {
      this.b = _clock;
    }
    _clock;
    v = /* @__PURE__ */ new Map();
    /** With a `timeout`, in milliseconds, `expired` is called before `fn` gets the error. */
    add(id, fn, withError, timeout, expired) {
      const timer = timeout !== void 0 && this.b.setTimeout(() => {
        expired?.();
        this.fail(id, new Error(TIMED_OUT));
      }, timeout);
      this.v.set(id, { fn, withError: withError || timeout !== void 0, timer });
    }
    /** The answer has come; nobody may be waiting any more. */
    settle(id, args) {
      const pending = this.la(id);
      if (pending) call(pending.fn, null, pending.withError ? [null, ...args] : args);
    }
    /** No answer will come. False where nobody could be told. */
    fail(id, error) {
      const pending = this.la(id);
      if (!pending?.withError) return false;
      call(pending.fn, null, [error]);
      return true;
    }
    /** `fail` for all but those in `kept`. */
    failAll(error, kept) {
      for (const id of [...this.v.keys()]) if (!kept(id)) this.fail(id, error);
    }
    takesError(id) {
      return !!this.v.get(id)?.withError;
    }
    la(id) {
      const pending = this.v.get(id);
      this.v.delete(id);
      this.b.clearTimeout(pending?.timer);
      return pending;
    }
  };

  // src/socket/packet.ts
  var protocol = 5;
  var CONNECT = 0;
  var DISCONNECT = 1;
  var EVENT = 2;
  var ACK = 3;
  var CONNECT_ERROR = 4;
  var BINARY = 3;
  var RESERVED = /^(connect|connect_error|disconnect|disconnecting|newListener|removeListener)$/;
  function isDataValid(type, data) {
    const isList = Array.isArray(data);
    const isObject = typeof data === "object" && data !== null && !isList;
    switch (type) {
      case CONNECT:
        return data === void 0 || isObject;
      case DISCONNECT:
        return data === void 0;
      case EVENT:
        return isList && (typeof data[0] === "number" || typeof data[0] === "string" && !RESERVED.test(data[0]));
      case ACK:
        return isList;
      default:
        return data === void 0 || typeof data === "string" || isObject;
    }
  }

  // src/socket/retries.ts
  var RetryQueue = class {
    constructor(_carrier, _clock, _retries, _window) {
      this.ma = _carrier;
      this.b = _clock;
      this.f = _retries;
      this.Ia = _window;
    }
    _carrier;
    _clock;
    _retries;
    _window;
    queue = [];
    /** `fn` gets an error or null, and what the acknowledgement brought; `timeout` is for each try. */
    add(packet, fn, timeout) {
      const id = packet.id;
      this.queue.push({ id, args: packet.data, tryCount: 0, pending: false, packet, fn, timeout });
      this.drain();
    }
    /** Send what may be sent. THROWS as the carrier, for an event whose emitter cannot be told otherwise. */
    drain() {
      if (!this.ma.isReady()) return;
      for (const entry of this.queue.slice(0, this.Ia)) {
        if (entry.pending) continue;
        entry.pending = true;
        entry.tryCount++;
        if (entry.timeout !== void 0) {
          entry.timer = this.b.setTimeout(() => {
            this.na(entry, new Error(TIMED_OUT));
            this.drain();
          }, entry.timeout);
        }
        try {
          this.ma.transmit(entry.packet);
        } catch (error) {
          this.w(entry, [error]);
          if (!entry.fn) throw error;
        }
      }
    }
    /** The acknowledgement of an event has come. False where there is no such event. */
    settle(id, args) {
      const entry = this.queue.find((each) => each.id === id);
      if (!entry) return false;
      this.w(entry, [null, ...args]);
      this.drain();
      return true;
    }
    /** The connection is lost, and with it what was under way. */
    interrupt(error) {
      for (const entry of [...this.queue]) if (entry.pending) this.na(entry, error);
    }
    /** Give up the event that has waited longest. */
    dropOldest(error) {
      const oldest = this.queue.find((entry) => !entry.pending);
      if (oldest) this.w(oldest, [error]);
    }
    /** Give up what someone waits for; what nobody waits for stays. */
    giveUp(error) {
      for (const entry of [...this.queue]) if (entry.fn) this.w(entry, [error]);
    }
    na(entry, error) {
      entry.pending = false;
      this.b.clearTimeout(entry.timer);
      if (entry.tryCount > this.f) this.w(entry, [error]);
    }
    w(entry, result) {
      const at = this.queue.indexOf(entry);
      if (at < 0) return;
      this.queue.splice(at, 1);
      this.b.clearTimeout(entry.timer);
      if (entry.fn) call(entry.fn, null, result);
    }
  };

  // src/socket/socket.ts
  var Socket = class extends Emitter {
    constructor(io2, nsp, _opts = {}) {
      super();
      this.io = io2;
      this.nsp = nsp;
      this.x = _opts;
      const { auth, retries, retryWindow = 64 } = _opts;
      this.auth = auth;
      this.h = new Acks(io2.b);
      if (retries) {
        this.f = new RetryQueue(
          { isReady: () => this.oa(), transmit: (packet) => this.pa(packet) },
          io2.b,
          retries,
          retryWindow
        );
        this._queue = this.f.queue;
        this.I = Array.from(
          crypto.getRandomValues(new Uint8Array(24)),
          (byte) => (byte % 32).toString(32)
        ).join("");
      }
      if (io2._autoConnect) this.connect();
    }
    io;
    nsp;
    _opts;
    /** Given by the server at each connection; undefined while there is none. */
    id;
    connected = false;
    /** Whether the connection continues the one before: the same id, and nothing missed. */
    recovered = false;
    /** Whether the server knows which events it has seen, and handles none twice though `retries` sends them again. */
    deduplicated = false;
    auth;
    /** Events that came before the answer to CONNECT. */
    receiveBuffer = [];
    sendBuffer = [];
    /** What names this session for recovery, and the position in it. */
    _pid;
    _lastOffset;
    _queue = [];
    G = false;
    H = {};
    aa = 0;
    h;
    f;
    I;
    k = [];
    l = [];
    get disconnected() {
      return !this.connected;
    }
    /** Whether the socket is connected, or will be without being asked. */
    get active() {
      return this.G;
    }
    connect() {
      if (this.connected) return this;
      this.G = true;
      if (!this.io._reconnecting) this.io.open();
      if (this.io._readyState === "open") this.qa();
      return this;
    }
    open() {
      return this.connect();
    }
    /** Leave the namespace. Who waits for an acknowledgement is told that none will come. */
    disconnect() {
      const wasConnected = this.connected;
      if (wasConnected) this.io.J({ type: DISCONNECT, nsp: this.nsp });
      this.ba();
      if (wasConnected) this.d("io client disconnect");
      this.ra();
      return this;
    }
    close() {
      return this.disconnect();
    }
    /** Emit an event named "message". */
    send(...args) {
      return this.emit("message", ...args);
    }
    /**
     * Send an event. A function as the last argument is called with the acknowledgement. THROWS for a reserved name;
     * PayloadTooLargeError or BufferFullError for an event that will not be sent and has no one else to tell.
     */
    emit(event, ...args) {
      const fn = typeof args.at(-1) === "function" ? args.pop() : void 0;
      return this.sa(event, args, fn);
    }
    /** Send an event; resolves with what the acknowledgement brings, rejects where none will come. */
    emitWithAck(event, ...args) {
      return new Promise((resolve, reject) => {
        this.sa(event, args, (error, value) => error ? reject(error) : resolve(value), true);
      });
    }
    /** Has no effect: browsers decide on compression. */
    compress(_compress) {
      return this;
    }
    /** The next event is dropped where it cannot be sent at once. */
    get volatile() {
      this.H.volatile = true;
      return this;
    }
    /** How long to wait for the acknowledgement of the next event, in milliseconds. */
    timeout(timeout) {
      this.H.timeout = timeout;
      return this;
    }
    /** Hear of every event that arrives: its name, then its arguments. */
    onAny(listener) {
      this.k = [...this.k, listener];
      return this;
    }
    prependAny(listener) {
      this.k = [listener, ...this.k];
      return this;
    }
    offAny(listener) {
      this.k = without(this.k, listener);
      return this;
    }
    listenersAny() {
      return this.k;
    }
    /** Hear of every event that is sent. */
    onAnyOutgoing(listener) {
      this.l = [...this.l, listener];
      return this;
    }
    prependAnyOutgoing(listener) {
      this.l = [listener, ...this.l];
      return this;
    }
    offAnyOutgoing(listener) {
      this.l = without(this.l, listener);
      return this;
    }
    listenersAnyOutgoing() {
      return this.l;
    }
    /** The manager's connection is open. */
    qa() {
      const { engine } = this.io;
      const connect = (auth) => {
        if (engine !== this.io.engine || this.io._readyState !== "open" || !this.G || this.connected)
          return;
        const retry = this.I && { id: this.I, from: this._queue[0]?.id ?? this.aa };
        const data = {
          ...this._pid && { pid: this._pid, offset: this._lastOffset },
          ...retry && { retry },
          ...auth
        };
        this.io.J({ type: CONNECT, nsp: this.nsp, data: auth || this._pid || retry ? data : void 0 });
      };
      if (typeof this.auth === "function") call(this.auth, this, [connect]);
      else connect(this.auth);
    }
    /** The connection could not be made, or failed. */
    g(error) {
      if (!this.connected) this.a("connect_error", error);
    }
    d(reason, description) {
      this.connected = false;
      this.id = void 0;
      this.a("disconnect", reason, description);
      const error = new Error(DISCONNECTED);
      const waiting = new Set(this.sendBuffer.map((packet) => packet.id));
      this.h.failAll(error, (id) => waiting.has(id));
      this.f?.interrupt(error);
    }
    /** There will be no connection, unless someone asks for one: tell those who wait. */
    ra() {
      const error = new Error(DISCONNECTED);
      const told = this.sendBuffer.filter((packet) => this.h.takesError(packet.id));
      this.sendBuffer = this.sendBuffer.filter((packet) => !told.includes(packet));
      for (const packet of told) this.h.fail(packet.id, error);
      this.f?.giveUp(error);
    }
    _({ type, id, data }) {
      switch (type) {
        case CONNECT:
          if (data?.sid) return this.Ja(data);
          return this.g(
            new Error("the server speaks Socket.IO 2, which this client does not: its CONNECT has no sid")
          );
        case EVENT:
        case EVENT + BINARY: {
          const args = id === void 0 ? data : [...data, this.Ka(id)];
          if (this.connected) this.ta(args);
          else this.receiveBuffer.push(args);
          return;
        }
        case ACK:
        case ACK + BINARY:
          if (!this.f?.settle(id, data)) this.h.settle(id, data);
          return;
        case DISCONNECT:
          this.ba();
          return this.d("io server disconnect");
        case CONNECT_ERROR:
          this.ba();
          this.a(
            "connect_error",
            Object.assign(new Error(data?.message ?? data), { data: data?.data })
          );
      }
    }
    Ja({ sid, pid, retry }) {
      this.id = sid;
      this.recovered = !!pid && pid === this._pid;
      if (!this.recovered) this._lastOffset = void 0;
      this._pid = pid;
      this.deduplicated = !!this.I && !!retry;
      this.connected = true;
      const { receiveBuffer, sendBuffer } = this;
      this.receiveBuffer = [];
      this.sendBuffer = [];
      for (const args of receiveBuffer) this.ta(args);
      for (const packet of sendBuffer) call(this.ua, this, [packet]);
      if (this.f) call(this.f.drain, this.f, []);
      this.a("connect");
    }
    ta(args) {
      for (const listener of this.k) call(listener, this, args);
      const [event, ...rest] = args;
      this.a(event, ...rest);
      const offset = rest.at(-1);
      if (this._pid && typeof offset === "string" && /^[\w.:+/=-]{1,64}$/.test(offset))
        this._lastOffset = offset;
    }
    /** What a handler calls to acknowledge; counts once, and only on the connection that the event came by. */
    Ka(id) {
      const { engine } = this.io;
      let answered = false;
      return (...data) => {
        if (answered || engine !== this.io.engine || !this.connected) return;
        answered = true;
        this.io.J({ type: ACK, nsp: this.nsp, id, data });
      };
    }
    sa(event, args, fn, withError = false) {
      if (RESERVED.test(String(event))) throw new Error(`"${String(event)}" is a reserved event name`);
      const { volatile, timeout = this.x.ackTimeout } = this.H;
      this.H = {};
      const packet = { type: EVENT, nsp: this.nsp, data: [event, ...args] };
      const retries = volatile ? void 0 : this.f;
      try {
        if (retries) {
          packet.id = this.aa++;
          this.va(this._queue, (error) => retries.dropOldest(error));
          retries.add(packet, fn, timeout);
          return this;
        }
        if (fn) {
          packet.id = this.aa++;
          this.h.add(packet.id, fn, withError, timeout, () => {
            this.sendBuffer = this.sendBuffer.filter((each) => each !== packet);
          });
        }
        if (volatile && !this.io.engine?.transport?.writable) {
          this.h.fail(packet.id, new Error("volatile event has been dropped"));
        } else if (this.oa()) {
          this.ua(packet);
        } else {
          this.va(this.sendBuffer, (error) => this.h.fail(this.sendBuffer.shift()?.id, error));
          this.sendBuffer.push(packet);
        }
      } catch (error) {
        if (retries && fn) call(fn, this, [error]);
        else if (!this.h.fail(packet.id, error) && error.policy !== "drop-newest") {
          throw error;
        }
      }
      return this;
    }
    /** THROWS BufferFullError where a list of what waits is full and nothing in it may make way. */
    va(waiting, dropOldest) {
      const { bufferLimit = 1e4, bufferPolicy = "throw" } = this.x;
      if (waiting.length < bufferLimit) return;
      const error = new BufferFullError(bufferLimit, bufferPolicy);
      if (bufferPolicy !== "drop-oldest") throw error;
      dropOldest(error);
    }
    oa() {
      return this.connected && !this.io.engine._hasPingExpired();
    }
    /** Send; what cannot be sent is told to who waits for the acknowledgement, and thrown where nobody does. */
    ua(packet) {
      try {
        this.pa(packet);
      } catch (error) {
        if (!this.h.fail(packet.id, error)) throw error;
      }
    }
    pa(packet) {
      for (const listener of this.l) call(listener, this, packet.data);
      this.io.J(packet);
    }
    /** From now on the manager does not connect for this socket. */
    ba() {
      this.G = false;
      this.io.La(this);
    }
  };
  function without(listeners, listener) {
    const at = listeners.indexOf(listener);
    return listener ? listeners.filter((_, index) => index !== at) : [];
  }

  // src/socket/manager.ts
  var Manager = class extends Emitter {
    constructor(uri, opts, _parts) {
      super();
      this.$ = _parts;
      if (typeof uri === "object") {
        opts = uri;
        uri = void 0;
      }
      this.uri = uri;
      this.opts = opts = { ...opts };
      opts.path ||= "/socket.io";
      this.b = opts.clock || systemClock(opts.useNativeTimers);
      this.y = {
        reconnection: opts.reconnection !== false,
        reconnectionAttempts: opts.reconnectionAttempts || Number.POSITIVE_INFINITY,
        reconnectionDelay: opts.reconnectionDelay || 1e3,
        reconnectionDelayMax: opts.reconnectionDelayMax || 5e3,
        randomizationFactor: opts.randomizationFactor ?? 0.5,
        timeout: opts.timeout ?? 2e4
      };
      const { Encoder: Encoder2, Decoder: Decoder2 } = opts.parser || _parts.parser;
      this.wa = new Encoder2();
      this.K = new Decoder2();
      this.K.on("decoded", (packet) => {
        this.a("packet", packet);
        const socket = this.nsps[packet.nsp];
        if (socket?.active) socket._(packet);
      });
      this._autoConnect = opts.autoConnect !== false;
      if (this._autoConnect) this.open();
    }
    _parts;
    uri;
    opts;
    _autoConnect;
    _readyState = "closed";
    _reconnecting = false;
    nsps = {};
    b;
    y;
    // biome-ignore lint/suspicious/noExplicitAny: parsers are written by anyone, without types
    wa;
    // biome-ignore lint/suspicious/noExplicitAny: as above
    K;
    m = 0;
    L = false;
    M;
    ca = [];
    q = [];
    reconnection(value) {
      return this.r("reconnection", value);
    }
    reconnectionAttempts(value) {
      return this.r("reconnectionAttempts", value);
    }
    reconnectionDelay(value) {
      return this.r("reconnectionDelay", value);
    }
    randomizationFactor(value) {
      return this.r("randomizationFactor", value);
    }
    reconnectionDelayMax(value) {
      return this.r("reconnectionDelayMax", value);
    }
    timeout(value) {
      return this.r("timeout", value);
    }
    /** Connect, unless there is a connection or an attempt. `done` is called once, with the error if it failed. */
    open(done) {
      if (this._readyState !== "closed") return this;
      this._readyState = "opening";
      this.L = false;
      this.b.clearTimeout(this.M);
      this.Ma();
      const engine = new Session(this.uri, this.opts, this.$);
      this.engine = engine;
      const fail = (error) => {
        this.xa();
        this._readyState = "closed";
        engine.close();
        this.g(error);
        done?.(error);
        if (this._reconnecting) {
          this._reconnecting = false;
          this.da();
          this.a("reconnect_error", error);
        } else if (!done) {
          this.da();
        }
      };
      const on = (event, listener) => {
        engine.on(event, listener);
        this.ca.push(() => engine.off(event, listener));
      };
      on("open", () => {
        clearTimeout();
        this._readyState = "open";
        this.a("open");
        for (const socket of Object.values(this.nsps)) if (socket.active) socket.qa();
        done?.();
        if (this._reconnecting) {
          const attempt = this.m;
          this._reconnecting = false;
          this.m = 0;
          this.a("reconnect", attempt);
        }
      });
      on("error", (error) => {
        if (this._readyState === "open") this.g(error);
        else fail(error);
      });
      on("close", (reason, description) => {
        if (this._readyState === "open") this.d(reason, description);
        else fail(Object.assign(new Error(reason), { description }));
      });
      on("ping", () => this.a("ping"));
      on("data", (data) => {
        try {
          this.K.add(data);
        } catch (error) {
          this.d("parse error", error);
        }
      });
      const { timeout } = this.y;
      const timer = timeout !== false && this.b.setTimeout(() => fail(new Error("timeout")), timeout);
      const clearTimeout = () => this.b.clearTimeout(timer);
      this.ca.push(clearTimeout);
      return this;
    }
    connect(done) {
      return this.open(done);
    }
    /** The socket of a namespace; there is one. */
    socket(nsp, opts) {
      let socket = this.nsps[nsp];
      if (!socket) {
        socket = this.nsps[nsp] = new Socket(this, nsp, opts);
      } else if (this._autoConnect && !socket.active) {
        socket.connect();
      }
      return socket;
    }
    /** A socket needs no connection any more: close it after the last one. */
    La(_socket) {
      if (!Object.values(this.nsps).some((socket) => socket.active)) this.Na();
    }
    /** THROWS for what cannot be written, or is too large for the server; then nothing of it is sent. */
    J(packet) {
      const { engine } = this;
      const messages = this.wa.encode(packet);
      for (const message of messages) engine.ia(message);
      for (const message of messages) engine.Z("message", message);
    }
    /** Close, and stay so. */
    Na() {
      this.L = true;
      this._reconnecting = false;
      this.d("forced close");
    }
    // biome-ignore lint/suspicious/noExplicitAny: the overloads of its callers say what it is
    r(name, value) {
      if (value === void 0) return this.y[name];
      this.y[name] = value;
      return this;
    }
    xa() {
      for (const cleanUp of this.ca.splice(0)) cleanUp();
      this.K.destroy();
    }
    g(error) {
      this.a("error", error);
      for (const socket of Object.values(this.nsps)) if (socket.active) socket.g(error);
    }
    d(reason, description) {
      this.xa();
      this.engine?.close();
      this.m = 0;
      this._readyState = "closed";
      this.a("close", reason, description);
      for (const socket of Object.values(this.nsps)) if (socket.active) socket.d(reason, description);
      this.da();
    }
    /** Connect again, after a while, where that is wanted and not under way. */
    da() {
      const { reconnection, reconnectionAttempts, ...delays } = this.y;
      if (this._readyState !== "closed" || this._reconnecting) return;
      if (!this.L && reconnection && this.m < reconnectionAttempts) {
        this._reconnecting = true;
        this.M = this.b.setTimeout(
          () => this.ya(),
          delayAfter(this.m++, delays, this.b.random())
        );
        return;
      }
      for (const leave of this.q.splice(0)) leave();
      this.b.clearTimeout(this.M);
      if (this.m) {
        this.m = 0;
        this.a("reconnect_failed");
        for (const socket of Object.values(this.nsps)) socket.ra();
      }
    }
    ya() {
      this.a("reconnect_attempt", this.m);
      if (!this.L) this.open();
    }
    /** Connect at once when there is reason to believe that it works again, and see what a sleep has left. */
    Ma() {
      if (this.q.length) return;
      const attempt = () => {
        if (!this._reconnecting || this._readyState !== "closed") return;
        this.b.clearTimeout(this.M);
        this.ya();
      };
      const wake = () => {
        if (this._readyState === "open" && this.engine._hasPingExpired()) queueMicrotask(attempt);
        else if (!globalThis.document?.hidden) attempt();
      };
      this.q = [
        listenToPage("online", wake),
        listenToPage("visibilitychange", wake),
        listenToPage("pageshow", wake),
        // A page with an open connection cannot be kept for the way back.
        listenToPage("pagehide", (event) => {
          if (event.persisted) {
            this.engine.d("transport close", { description: "page has been left" });
          }
        })
      ];
    }
  };

  // src/socket/parser.ts
  var parser_exports = {};
  __export(parser_exports, {
    Decoder: () => Decoder,
    Encoder: () => Encoder
  });

  // src/socket/attachments.ts
  function isBinary(value) {
    return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob;
  }
  function hasBinary(value) {
    if (!value || typeof value !== "object") return false;
    if (isBinary(value)) return true;
    if ("toJSON" in value && typeof value.toJSON === "function") return hasBinary(value.toJSON());
    return (Array.isArray(value) ? value : Object.values(value)).some(hasBinary);
  }
  function reconstruct(value, attachments) {
    if (!value || typeof value !== "object") return value;
    const node = value;
    if (node._placeholder === true) {
      if (!(typeof node.num === "number" && node.num in attachments)) throw new Error("illegal attachments");
      return attachments[node.num];
    }
    for (const key of Object.keys(node)) node[key] = reconstruct(node[key], attachments);
    return node;
  }

  // src/socket/parser.ts
  var Encoder = class {
    /** `replacer` as for JSON.stringify. */
    constructor(_replacer) {
      this.Oa = _replacer;
    }
    _replacer;
    /** The messages of a packet: text first, then the attachments. THROWS TypeError for what JSON cannot say. */
    encode({ type, nsp, id, data }) {
      const attachments = [];
      const replacer = this.Oa;
      const binary = (type === EVENT || type === ACK) && hasBinary(data);
      const json = data === void 0 ? "" : JSON.stringify(
        data,
        binary ? function(key, value) {
          const original = isBinary(this[key]) ? this[key] : value;
          return isBinary(original) ? { _placeholder: true, num: attachments.push(original) - 1 } : replacer ? replacer.call(this, key, value) : value;
        } : replacer
      );
      return [
        (binary ? `${type + BINARY}${attachments.length}-` : type) + (nsp === "/" ? "" : `${nsp},`) + (id ?? "") + json,
        ...attachments
      ];
    }
  };
  var TEXT = /^(?:([0-4])|([56])(\d+)-)(?:(\/[^,]*)(?:,|$))?(\d*)(["[{].*)?$/s;
  var Decoder = class extends Emitter {
    x;
    /** The packet whose attachments are under way, and those that have arrived. */
    ea;
    za = [];
    constructor(opts = {}) {
      super();
      this.x = typeof opts === "function" ? { reviver: opts } : opts;
    }
    /** The next message of the connection. THROWS for what cannot be read; nothing can be read behind it. */
    add(message) {
      const partial = this.ea;
      if (typeof message === "string") {
        if (partial) throw new Error("got plaintext data when reconstructing a packet");
        const packet = this.Pa(message);
        if (packet.attachments) this.ea = packet;
        else this.a("decoded", packet);
      } else {
        if (!partial) throw new Error("got binary data when not reconstructing a packet");
        const attachments = this.za;
        if (attachments.push(message) < partial.attachments) return;
        this.destroy();
        partial.data = reconstruct(partial.data, attachments);
        this.a("decoded", partial);
      }
    }
    /** Forget what has arrived of a packet. */
    destroy() {
      this.ea = void 0;
      this.za = [];
    }
    Pa(text) {
      const { reviver, maxAttachments = Number.POSITIVE_INFINITY } = this.x;
      const [match, plain, binary, count = 0, nsp = "/", digits, json] = TEXT.exec(text) || [];
      const type = +(plain || binary || 0);
      const packet = { type, nsp };
      if (binary) packet.attachments = +count;
      if (digits) packet.id = +digits;
      if (json) packet.data = JSON.parse(json, reviver);
      const kind = binary ? type - BINARY : type;
      if (match === void 0 || binary && !(+count && +count <= maxAttachments) || digits && !(Number.isSafeInteger(packet.id) && (kind === EVENT || kind === ACK)) || !isDataValid(kind, packet.data)) {
        throw new Error(`invalid packet: ${text.slice(0, 80)}`);
      }
      return packet;
    }
  };

  // src/index.ts
  var parts = { transports: [PollingTransport, WebSocketTransport], probe, parser: parser_exports };
  var Manager2 = class extends Manager {
    constructor(uri, opts) {
      super(uri, opts, parts);
    }
  };
  var io = /* @__PURE__ */ lookupWith(Manager2);

  // src/script.ts
  Object.assign(globalThis, { io: Object.assign(io, src_exports) });
})();
//# sourceMappingURL=arcwire.js.map
