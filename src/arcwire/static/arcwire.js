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
    Fetch: () => PollingTransport,
    Manager: () => Manager2,
    NodeWebSocket: () => WebSocketTransport,
    NodeXHR: () => PollingTransport,
    Socket: () => Socket2,
    WebSocket: () => WebSocketTransport,
    XHR: () => PollingTransport,
    connect: () => io,
    default: () => io,
    io: () => io,
    listen: () => listen,
    protocol: () => protocol
  });

  // src/errors.ts
  function failure(message, fields) {
    return Object.assign(new Error(message), fields);
  }

  // src/engine/packet.ts
  var TYPES = "open,close,ping,pong,message,upgrade,noop".split(",");
  function encodePacket({ type, data = "" }) {
    return typeof data === "string" ? TYPES.indexOf(type) + data : data;
  }
  function decodePacket(message) {
    if (typeof message !== "string") return { type: "message", data: message };
    const type = TYPES[message.charCodeAt(0) - 48];
    if (!type) throw new Error("parser error");
    return { type, data: message.slice(1) };
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
  function splitPayload(body) {
    return body.split(SEPARATOR);
  }
  function decodeText(message) {
    return decodePacket(
      typeof message === "string" && message[0] === "b" ? decodeBase64(message.slice(1)) : message
    );
  }
  async function encodeBase64(data) {
    const bytes = new Uint8Array(await new Blob([data]).arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }
  function decodeBase64(text) {
    if (text.length % 4 || /\s/.test(text)) throw new Error("parser error");
    return Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer;
  }

  // src/engine/transport.ts
  var Transport = class {
    constructor(opts) {
      this.opts = opts;
      /** Whether `send` may be called. */
      this.writable = false;
    }
    /** Close, and tell nobody of anything any more. */
    us() {
      this.l = void 0;
      this.close();
    }
    /** Bytes that the server counts for a message; in a frame of a WebSocket, text as UTF-8 and with its type. */
    o(data) {
      return new Blob([data]).size + +(typeof data === "string");
    }
    /** The address, with `scheme` (http or ws) and what else is asked. */
    sr(scheme, query) {
      const { opts, name } = this;
      const parameters = new URLSearchParams({
        ...opts.query,
        EIO: "4",
        transport: name,
        arcwire: "batch",
        ...query
      });
      return `${scheme}${opts.authority}${opts.path}?${parameters}`;
    }
  };
  function timestamp({ timestampParam = "t", clock }) {
    return { [timestampParam]: clock.random().toString(36).slice(2, 10) };
  }

  // src/engine/polling.ts
  var PollingTransport = class extends Transport {
    constructor() {
      super(...arguments);
      this.ur = new AbortController();
      this.e = false;
      this.et = false;
    }
    get name() {
      return "polling";
    }
    open() {
      this.af();
    }
    /** In a body. */
    o(data) {
      const size = super.o(data);
      return typeof data === "string" ? size : 1 + 4 * Math.ceil(size / 3);
    }
    /** As many as the server takes in one request, and one at least. */
    async send(packets, maxPayload = Infinity) {
      let total = -1;
      let count = 0;
      for (const { data = "" } of packets) {
        total += 1 + this.o(data);
        if (count && total > maxPayload) break;
        count++;
      }
      this.writable = false;
      const body = await encodePayload(packets.slice(0, count));
      if (await this.ln("xhr post error", body) === void 0) return;
      packets.splice(0, count);
      this.writable = true;
      this.l?.rs?.();
      this.r();
    }
    close() {
      const abort = () => this.ur.abort();
      if (this.e) this.ln("", "1").then(abort);
      else abort();
      this.e = this.writable = false;
    }
    os(paused) {
      this.se = paused;
      this.r();
    }
    oi() {
      this.se = void 0;
      if (!this.et) this.af();
    }
    /** Tell who waits for a pause when nothing is under way any more. */
    r() {
      if (!this.et && this.writable) this.se?.();
    }
    async af() {
      this.et = true;
      const body = await this.ln("xhr poll error");
      if (body === void 0) return;
      for (const message of splitPayload(body)) {
        if (message[0] === "0") this.e = this.writable = true;
        if (message === "1") this.l?.re({ description: "transport closed by the server" });
        else this.l?.d(message);
      }
      this.et = false;
      if (this.se) this.r();
      else if (this.e) this.af();
    }
    /** The body of the answer; undefined where there is none: then the receiver has been told, by `problem`. */
    async ln(problem, body) {
      const { extraHeaders, withCredentials, timestampRequests } = this.opts;
      const unique = timestampRequests === false ? {} : timestamp(this.opts);
      let status;
      let text;
      let data;
      try {
        const response = await fetch(this.sr("http", unique), {
          method: body ? "POST" : "GET",
          body,
          headers: { ...body && { "content-type": "text/plain;charset=UTF-8" }, ...extraHeaders },
          credentials: withCredentials ? "include" : "same-origin",
          // The last word arrives even where the page is gone.
          keepalive: !problem,
          signal: this.ur.signal
        });
        text = await response.text();
        if (response.ok) return text;
        status = response.status;
        data = JSON.parse(text);
      } catch (error) {
        status ??= error;
      }
      const context = { status, responseText: text };
      this.l?.rr(
        failure(problem, { type: "TransportError", description: status, context, data })
      );
      return void 0;
    }
  };

  // src/page.ts
  var watchers = /* @__PURE__ */ new Set();
  var reactions = {
    offline(watcher) {
      if (watcher.opts.hostname !== "localhost") watcher.re?.({ description: "network connection lost" });
    },
    beforeunload(watcher) {
      if (watcher.opts.closeOnBeforeunload) watcher.ue?.();
    },
    pagehide(watcher, { persisted }) {
      watcher.lr?.();
      if (persisted) watcher.re?.({ description: "page has been left" });
    },
    online: wake,
    visibilitychange: wake,
    pageshow: wake
  };
  function watch(watcher) {
    watchers.add(watcher);
    for (const type in reactions) globalThis.addEventListener?.(type, tell);
    return () => {
      watchers.delete(watcher);
      if (!watchers.size) for (const type in reactions) globalThis.removeEventListener?.(type, tell);
    };
  }
  function tell(event) {
    for (const watcher of [...watchers]) reactions[event.type]?.(watcher, event);
  }
  function wake(watcher) {
    if (globalThis.document?.hidden) return;
    watcher.engine?.y();
    queueMicrotask(() => watcher.m?.());
  }

  // src/engine/upgrade.ts
  function probe(session, transport) {
    const end = () => transport.us();
    const fail = (cause) => {
      end();
      if (session.upgrading === transport) {
        session.upgrading = void 0;
        session.transport.oi();
      }
      session.a("upgradeError", failure("probe error", { transport: transport.name, cause }));
      session.lr();
    };
    transport.l = {
      i: () => transport.send([{ type: "ping", data: "probe" }]),
      d(message) {
        if (message !== "3probe") return fail(message);
        session.upgrading = transport;
        session.a("upgrading", transport);
        session.transport.os(() => {
          if (session.readyState === "closed") return;
          session.transport.l = void 0;
          session.oo(transport);
          transport.send([{ type: "upgrade" }]);
          session.upgrading = void 0;
          session.a("upgrade", transport);
          session.lr();
        });
      },
      rr: fail,
      re: fail
    };
    transport.open();
    return () => {
      if (session.transport !== transport) end();
    };
  }

  // src/engine/routes.ts
  function anyOf(builtIn) {
    return (session) => {
      const { opts } = session;
      const known = [...opts.transportImplementations || [], ...builtIn];
      let probes = [];
      let kinds = (opts.transports || builtIn).map((kind) => typeof kind === "string" ? known.find((each) => nameOf(each) === kind) : kind).filter((kind) => !!kind);
      const create = (Kind) => new Kind({ ...opts, ...opts.transportOptions?.[nameOf(Kind)] });
      const open = () => {
        const isRemembered = (kind2) => opts.rememberUpgrade && priorSuccess.websocket && nameOf(kind2) === "websocket";
        const kind = kinds.find(isRemembered) || kinds[0];
        if (kind) session.b(create(kind));
        else queueMicrotask(() => session.rr(new Error("No transports available")));
      };
      const remember = ({ name }) => {
        priorSuccess.websocket = name === "websocket";
      };
      session.on("upgrade", remember);
      session.on("close", watch(session));
      if (opts.forceBase64) opts.query.b64 = "1";
      if (opts.timestampRequests) Object.assign(opts.query, timestamp(opts));
      return {
        fs: decodeText,
        f: open,
        fi() {
          remember({});
          kinds = kinds.filter((kind) => !(session.transport instanceof kind));
          const hasNext = opts.tryAllTransports && session.readyState === "opening" && kinds[0];
          if (!hasNext) return false;
          session.ue();
          open();
          return true;
        },
        i(upgrades) {
          remember(session.transport);
          if (opts.upgrade === false || !session.transport.os) return;
          probes = kinds.filter((kind) => upgrades.includes(nameOf(kind))).map((kind) => probe(session, create(kind)));
        },
        ce() {
          for (const end of probes) end();
        }
      };
    };
  }
  var priorSuccess = { websocket: false };
  var nameOf = (kind) => kind.prototype.name;

  // src/engine/batch.ts
  var SEPARATOR2 = "";
  function encodeBatches(packets, limit) {
    const messages = [];
    let batch = false;
    for (const packet of packets) {
      const message = encodePacket(packet);
      const part = typeof message === "string" && !message.includes(SEPARATOR2) && SEPARATOR2 + message;
      if (batch && part && (batch + part).length <= limit) {
        batch += part;
        messages[messages.length - 1] = batch;
      } else {
        messages.push(message);
        batch = part;
      }
    }
    return messages;
  }
  function splitBatch(batch) {
    return batch.slice(1).split(SEPARATOR2);
  }

  // src/engine/websocket.ts
  var WebSocketTransport = class extends Transport {
    get name() {
      return "websocket";
    }
    open() {
      const fail = (description) => this.l?.rr(failure("websocket error", { type: "TransportError", description }));
      try {
        const socket = this.createSocket(this.sr("ws"), this.opts.protocols);
        this.n = socket;
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
          this.writable = true;
          this.l?.i?.();
        };
        socket.onmessage = ({ data }) => {
          const isBatch = this.l?.rt && data[0] === SEPARATOR2;
          for (const message of isBatch ? splitBatch(data) : [data]) this.l?.d(message);
        };
        socket.onerror = fail;
        socket.onclose = (context) => this.l?.re({ description: "websocket connection closed", context });
      } catch (error) {
        queueMicrotask(() => fail(error));
      }
    }
    /** Overridden by subclasses that bring a WebSocket of their own. */
    createSocket(uri, protocols) {
      return new WebSocket(uri, protocols);
    }
    send(packets) {
      const socket = this.n;
      if (socket.readyState !== 1) return;
      const messages = encodeBatches(packets.splice(0), this.l?.rt);
      for (const message of messages) socket.send(message);
      this.l?.rs?.();
    }
    close() {
      this.writable = false;
      this.n?.close();
    }
  };

  // src/url.ts
  function parse(uri = "") {
    const page = globalThis.location;
    const [, scheme = page?.protocol || "https", host, path, query] = /^(?:(?:(https?|wss?):)?\/\/)?([^/?#]*)([^?#]*)\??([^#]*)/i.exec(uri);
    const { origin, hostname } = new URL(
      `http${/[ps]s/i.test(scheme) ? "s" : ""}://${host || page?.host || ""}`
    );
    return { authority: origin.slice(4), hostname, path: path || "/", query };
  }

  // src/socket/connect.ts
  function lookupWith(Kind) {
    const managers = {};
    return (uri, opts) => {
      if (typeof uri === "object") {
        opts = uri;
        uri = void 0;
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

  // src/backoff.ts
  function delayAfter(attempts, delays, random) {
    const delay = (delays.reconnectionDelay || 1e3) * 2 ** attempts;
    const chance = 1 + delays.randomizationFactor * (2 * random - 1);
    return Math.min(delay * chance, delays.reconnectionDelayMax || 5e3);
  }

  // src/clock.ts
  var native = [setTimeout, clearTimeout];
  function clockFrom(opts) {
    return opts.clock || {
      now: Date.now,
      after(delay, fn) {
        const [set, clear] = opts.useNativeTimers ? native : [setTimeout, clearTimeout];
        const timer = set(fn, delay);
        return () => clear(timer);
      },
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
    constructor() {
      this.off();
    }
    on(event, listener) {
      this.ai[event] = [...this.listeners(event), listener];
      return this;
    }
    once(event, listener) {
      const once = (...args) => {
        this.off(event, once);
        listener.apply(this, args);
      };
      once.li = listener;
      return this.on(event, once);
    }
    /** Remove one listener of an event, or all of it, or, without arguments, all there are. */
    off(event, listener) {
      if (event === void 0) {
        this.ai = { __proto__: null };
      } else {
        const left = this.listeners(event);
        const at = left.findIndex((each) => each === listener || each.li === listener);
        this.ai[event] = listener ? left.filter((_, index) => index !== at) : [];
      }
      return this;
    }
    /** Call the listeners of an event. */
    emit(event, ...args) {
      return this.a(event, ...args);
    }
    listeners(event) {
      return this.ai[event] || [];
    }
    hasListeners(event) {
      return !!this.listeners(event)[0];
    }
    removeListener(event, listener) {
      return this.off(event, listener);
    }
    removeAllListeners(event) {
      return this.off(event);
    }
    /** `on`, in front of the others. */
    ff(event, listener) {
      this.ai[event] = [listener, ...this.listeners(event)];
    }
    /** `emit` for the emitter's own use: `Socket.emit` sends. */
    a(event, ...args) {
      for (const listener of this.listeners(event)) call(listener, this, args);
      return this;
    }
  };

  // src/engine/session.ts
  var Session = class extends Emitter {
    constructor(uri, opts, router) {
      super();
      this.readyState = "opening";
      /** What has not been handed to the network yet. */
      this.writeBuffer = [];
      this.binaryType = "arraybuffer";
      this.rt = 0;
      /** How many packets the present task has sent, where they leave together. */
      this.e = 0;
      this.er = 0;
      this.u = Infinity;
      const address = parse(uri);
      this.t = clockFrom(opts);
      this.opts = {
        ...opts,
        ...address,
        path: (opts.path || "/engine.io").replace(/\/?$/, opts.addTrailingSlash === false ? "" : "/"),
        query: Object.fromEntries(new URLSearchParams(opts.query || address.query)),
        clock: this.t
      };
      this.ur = router(this);
      this.ur.f();
    }
    /**
     * Send a message; before the session is open it waits in `writeBuffer`, once it is closed it is dropped. `sent` is
     * called when it is handed to the transport. THROWS PayloadTooLargeError for what the server would not take.
     */
    send(data, options, sent) {
      this.w(data);
      if (sent) this.once("flush", sent);
      return this.ns("message", data, options);
    }
    write(data, options, sent) {
      return this.send(data, options, sent);
    }
    /** Close when all that waits is sent; before the session is open, at once. */
    close() {
      if (this.readyState === "opening") this.ce("forced close");
      this.lr();
      if (this.readyState === "open") this.readyState = "closing";
      this.lr();
      return this;
    }
    /** THROWS PayloadTooLargeError for a message that the server would not take. */
    w(data) {
      const { maxPayload } = this;
      if (!maxPayload || data.length * 8 < maxPayload) return;
      const size = this.transport.o(data);
      if (size > maxPayload) {
        throw failure("too many bytes", { name: "PayloadTooLargeError", size, maxPayload });
      }
    }
    /**
     * Whether the server has been silent for too long, by the wall clock: timers stand still while a machine sleeps.
     * Then the session closes, soon.
     */
    y() {
      const expired = this.t.now() > this.u;
      if (expired) queueMicrotask(() => this.ce("ping timeout"));
      return expired;
    }
    /** Connect over `transport`. */
    b(transport) {
      this.oo(transport);
      transport.open();
    }
    /** From now on `transport` is the session's. */
    oo(transport) {
      this.transport = transport;
      transport.l = this;
    }
    ns(type, data, options) {
      if (this.readyState[0] === "o") {
        const packet = { type, data, options };
        this.a("packetCreate", packet);
        this.writeBuffer.push(packet);
        if (!this.rt || this.transport.os || ++this.e === 2 && !globalThis.location) {
          this.lr();
        } else if (this.e === 1) {
          queueMicrotask(() => {
            this.e = 0;
            this.lr();
          });
        }
      }
      return this;
    }
    /** Hand to the transport what it takes; with nothing left, end if that is what the session waits for. */
    lr() {
      const { transport, writeBuffer } = this;
      if (!transport?.writable || this.upgrading) return;
      if (writeBuffer.length) {
        transport.send(writeBuffer, this.maxPayload);
        this.a("flush");
      } else if (this.readyState === "closing") {
        this.ce("forced close");
      }
    }
    rs() {
      if (!this.writeBuffer.length) this.a("drain");
      this.lr();
    }
    d(message) {
      let packet;
      let handshake;
      try {
        packet = this.ur.fs(message);
        if (packet.type === "open") handshake = JSON.parse(packet.data);
      } catch {
        return this.rr(failure("server error", { code: "parser error" }));
      }
      const { type, data } = packet;
      this.a("packet", packet);
      this.a("heartbeat");
      if (handshake) {
        this.ln(handshake);
      } else if (type === "message") {
        this.a("data", data);
        this.a("message", data);
      } else if (type === "ping") {
        this.ns("pong");
        this.a("ping");
        this.a("pong");
        this.c();
      }
    }
    rr(error) {
      if (this.ur.fi?.()) return;
      this.a("error", error);
      this.ce("transport error", error);
    }
    re(details) {
      this.ce("transport close", details);
    }
    ce(reason, description) {
      if (this.readyState === "closed") return;
      this.readyState = "closed";
      this.ss?.();
      this.ue();
      this.ur.ce?.();
      this.id = void 0;
      this.a("close", reason, description);
      this.writeBuffer = [];
    }
    ln(data) {
      this.id = this.opts.query.sid = data.sid;
      this.maxPayload = data.maxPayload;
      if (data.arcwire === "batch")
        this.rt = Math.min(2e4, data.maxPayload / 3 || 2e4);
      this.er = data.pingInterval + data.pingTimeout;
      this.a("handshake", data);
      if (this.readyState !== "opening") return;
      this.readyState = "open";
      this.c();
      this.a("open");
      this.lr();
      if (this.readyState === "open") this.ur.i?.(data.upgrades);
    }
    c() {
      const { t: _clock, er: _timeout } = this;
      this.ss?.();
      this.u = _clock.now() + _timeout;
      this.ss = _clock.after(_timeout, () => this.ce("ping timeout"));
    }
    /** Close the transport, without a word to anyone here. */
    ue() {
      this.lr();
      this.transport?.us();
    }
  };

  // src/socket/manager.ts
  var DEFAULTS = {
    reconnection: true,
    reconnectionAttempts: Infinity,
    reconnectionDelay: 1e3,
    reconnectionDelayMax: 5e3,
    randomizationFactor: 0.5,
    timeout: 2e4
  };
  var Manager = class extends Emitter {
    constructor(uri, opts, _parts) {
      super();
      this.ur = _parts;
      this.s = "closed";
      this.lt = false;
      this.nsps = {};
      this.e = 0;
      this.et = false;
      if (typeof uri === "object") {
        opts = uri;
        uri = void 0;
      }
      this.uri = uri;
      this.opts = opts = { ...opts };
      opts.path ||= "/socket.io";
      this.t = clockFrom(opts);
      const settings = opts;
      for (const name in DEFAULTS) settings[name] ??= DEFAULTS[name];
      const { Encoder: Encoder2, Decoder: Decoder2 } = opts.parser || _parts.x;
      this.te = new Encoder2();
      this.se = new Decoder2();
      this.se.on("decoded", (packet) => {
        this.a("packet", packet);
        const socket = this.nsps[packet.nsp];
        if (socket?.active) socket.d(packet);
      });
      this.nt = opts.autoConnect !== false;
      if (this.nt) this.open();
    }
    /** Connect, unless there is a connection or an attempt. `done` is called once, with the error if it failed. */
    open(done) {
      if (this.s !== "closed") return this;
      this.s = "opening";
      this.et = false;
      this.ss?.();
      this.u ??= this.ur.es?.(this);
      const engine = new Session(this.uri, this.opts, this.ur.ft);
      this.engine = engine;
      const fail = (error) => {
        const isAgain = this.lt;
        this.sc();
        this.lt ||= !done && this.reconnection();
        this.rr(error);
        this.lt = false;
        if (isAgain || !done) this.n();
        if (isAgain) this.a("reconnect_error", error);
        done?.(error);
      };
      const on = (event, listener) => engine.on(
        event,
        ((value, details) => {
          if (engine === this.engine && this.s !== "closed") listener(value, details);
        })
      );
      on("open", () => {
        this.ss?.();
        this.s = "open";
        for (const socket of this.ln()) socket.i();
        this.a("open");
        if (this.lt) {
          const attempt = this.e;
          this.lt = false;
          this.e = 0;
          this.a("reconnect", attempt);
        }
        done?.();
      });
      on("error", (error) => {
        if (this.s === "open") this.rr(error);
        else fail(error);
      });
      on("close", (reason, description) => {
        if (this.s === "open") this.ee(reason, description);
        else fail(failure(reason, { description }));
      });
      on("ping", () => this.a("ping"));
      on("data", (data) => {
        try {
          this.se.add(data);
        } catch (error) {
          this.ee("parse error", error);
        }
      });
      const timeout = this.timeout();
      if (timeout !== false) {
        this.ss = this.t.after(timeout, () => fail(new Error("timeout")));
      }
      return this;
    }
    connect(done) {
      return this.open(done);
    }
    /** The socket of a namespace; there is one. */
    socket(nsp, opts) {
      const socket = this.nsps[nsp] || new this.ur.D(this, nsp, opts);
      this.nsps[nsp] = socket;
      if (this.nt && !socket.active) socket.connect();
      return socket;
    }
    /** A socket needs no connection any more: close it after the last one. */
    en() {
      if (!this.ln().length) this.af();
    }
    /** THROWS for what cannot be written, or is too large for the server; then nothing of it is sent. */
    ol({ type, nsp, id, data }) {
      const { engine } = this;
      const messages = this.te.encode({ type, nsp, id, data });
      for (const message of messages) engine.w(message);
      for (const message of messages) engine.ns("message", message);
    }
    /** Close, and stay so. */
    af() {
      this.et = true;
      this.lt = false;
      this.ee("forced close");
    }
    /** The sockets that want a connection. */
    ln() {
      return Object.values(this.nsps).filter((socket) => socket.active);
    }
    sc() {
      this.ss?.();
      this.se.destroy();
      this.s = "closed";
      this.engine?.close();
    }
    rr(error) {
      this.a("error", error);
      for (const socket of this.ln()) socket.rr(error);
    }
    ee(reason, description) {
      this.sc();
      this.e = 0;
      this.a("close", reason, description);
      for (const socket of this.ln()) socket.ee(reason, description);
      this.n();
    }
    /** Connect again, after a while, where that is wanted and not under way. */
    n() {
      const settings = this.opts;
      if (this.s !== "closed" || this.lt) return;
      if (!this.et && settings.reconnection && this.e < (settings.reconnectionAttempts || Infinity)) {
        this.lt = true;
        const delay = delayAfter(this.e++, settings, this.t.random());
        this.ss = this.t.after(delay, () => this.m());
        return;
      }
      this.u?.();
      this.u = void 0;
      if (this.e) {
        this.e = 0;
        this.a("reconnect_failed");
      }
      for (const socket of this.ln()) socket.ti();
    }
    /** Connect again, now, where that is being waited for. */
    m() {
      if (!this.lt || this.s !== "closed") return;
      if (!this.opts.reconnection) {
        this.lt = false;
        return this.n();
      }
      this.a("reconnect_attempt", this.e);
      if (!this.et) this.open();
    }
  };
  for (const name in DEFAULTS) {
    Object.assign(Manager.prototype, {
      [name](value) {
        if (value === void 0) return this.opts[name];
        this.opts[name] = value;
        return this;
      }
    });
  }

  // src/socket/packet.ts
  var protocol = 5;
  var CONNECT = 0;
  var DISCONNECT = 1;
  var EVENT = 2;
  var ACK = 3;
  var CONNECT_ERROR = 4;
  var BINARY = 3;
  var RESERVED = /^(connect(_error)?|disconnect(ing)?|(new|remove)Listener)$/;
  function check(kind, { data, id }) {
    const isList = Array.isArray(data);
    const isValid = kind === EVENT ? isList && /^[sn]/.test(typeof data[0]) && !RESERVED.test(data[0]) : kind === ACK ? isList : id === void 0 && (data === void 0 || kind !== DISCONNECT && !!data && typeof data === "object" && !isList || kind === CONNECT_ERROR && typeof data === "string");
    if (!isValid) throw invalid();
  }
  var invalid = () => new Error("parser error");

  // src/socket/attachments.ts
  function isBinary(value) {
    return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob;
  }
  function hasBinary(value) {
    if (!value || typeof value !== "object") return false;
    if (isBinary(value)) return true;
    const { toJSON } = value;
    return toJSON?.call ? hasBinary(toJSON.call(value)) : Object.values(value).some(hasBinary);
  }
  function parseWith(attachments, json) {
    return JSON.parse(json, (_key, value) => {
      if (value?._placeholder !== true) return value;
      if (typeof value.num !== "number" || !(value.num in attachments)) throw invalid();
      return attachments[value.num];
    });
  }

  // src/socket/parser.ts
  var Encoder = class {
    /** The messages of a packet: text first, then the attachments. THROWS TypeError for what JSON cannot say. */
    encode({ type, nsp, id = "", data }) {
      const attachments = [];
      let json;
      if ((type === EVENT || type === ACK) && hasBinary(data)) {
        json = JSON.stringify(data, function(key, value) {
          const original = isBinary(this[key]) ? this[key] : value;
          return isBinary(original) ? { _placeholder: true, num: attachments.push(original) - 1 } : value;
        });
        type += BINARY;
      } else {
        json = data ? JSON.stringify(data) : "";
      }
      const count = attachments.length ? `${attachments.length}-` : "";
      return [`${type}${count}${nsp === "/" ? "" : `${nsp},`}${id}${json}`, ...attachments];
    }
  };
  var TEXT = /^(?:([0-4])|([56])([1-9]\d*)-)(?:(\/[^,]*)(?:,|$))?(\d{0,16})(["[{].*)?$/s;
  var Decoder = class extends Emitter {
    constructor() {
      super(...arguments);
      /** The text whose attachments are under way, taken apart, and those that have arrived. */
      this.ui = null;
      this.n = [];
    }
    /** The next message of the connection. THROWS for what cannot be read; nothing can be read behind it. */
    add(message) {
      const isText = typeof message === "string";
      const text = isText ? TEXT.exec(message) : this.ui;
      if (!text || isText && this.ui) throw invalid();
      const [, plain, binary, count = 0, nsp = "/", digits, json] = text;
      const attachments = this.n;
      if (!isText) attachments.push(message);
      this.ui = text;
      if (attachments.length < +count) return;
      this.destroy();
      const type = +(plain ?? binary);
      const packet = { type, nsp };
      if (digits) packet.id = +digits;
      if (json) packet.data = binary ? parseWith(attachments, json) : JSON.parse(json);
      check(binary ? type - BINARY : type, packet);
      this.a("decoded", packet);
    }
    /** Forget what has arrived of a packet. */
    destroy() {
      this.ui = null;
      this.n = [];
    }
  };

  // src/socket/outgoing.ts
  function remove(list, event) {
    const at = list.indexOf(event);
    if (at >= 0) list.splice(at, 1);
  }

  // src/socket/socket.ts
  var IN = 0;
  var OUT = 1;
  var DISCONNECTED = "socket has been disconnected";
  var Socket = class extends Emitter {
    constructor(io2, nsp, _opts = {}) {
      super();
      this.io = io2;
      this.nsp = nsp;
      this.ur = _opts;
      this.connected = false;
      /** Whether the connection continues the one before: the same id, and nothing missed. */
      this.recovered = false;
      /** Whether the socket is connected, or will be without being asked. */
      this.active = false;
      /** Events that came before the answer to CONNECT. */
      this.receiveBuffer = [];
      this.sendBuffer = [];
      this.oe = 0;
      this.n = {};
      /** Events that wait for an acknowledgement, by id, and so in order. */
      this.e = {};
      /** Those who hear of every event that arrives, and of every one that is sent. */
      this.se = new Emitter();
      this.auth = _opts.auth;
    }
    get disconnected() {
      return !this.connected;
    }
    connect() {
      const { active, io: io2 } = this;
      this.active = true;
      if (!io2.lt) io2.open();
      if (!active && io2.s === "open") this.i();
      return this;
    }
    open() {
      return this.connect();
    }
    /** Leave the namespace. Who waits for an acknowledgement is told that none will come. */
    disconnect() {
      const wasConnected = this.connected;
      if (wasConnected) this.io.ol({ type: DISCONNECT, nsp: this.nsp });
      this.en();
      if (wasConnected) this.ee("io client disconnect");
      if (!this.active) this.ti();
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
      return this.ar([event, ...args]);
    }
    /** Send an event; resolves with what the acknowledgement brings, rejects where none will come. */
    emitWithAck(event, ...args) {
      return new Promise((resolve, reject) => {
        this.ar([event, ...args], (error, value) => error ? reject(error) : resolve(value), true);
      });
    }
    /** Has no effect: browsers decide on compression. */
    compress(_compress) {
      return this;
    }
    /** The next event is dropped where it cannot be sent at once. */
    get volatile() {
      this.n.volatile = true;
      return this;
    }
    /** How long to wait for the acknowledgement of the next event, in milliseconds. */
    timeout(timeout) {
      this.n.timeout = timeout;
      return this;
    }
    /** Hear of every event that arrives: its name, then its arguments. */
    onAny(listener) {
      this.se.on(IN, listener);
      return this;
    }
    prependAny(listener) {
      this.se.ff(IN, listener);
      return this;
    }
    offAny(listener) {
      this.se.off(IN, listener);
      return this;
    }
    listenersAny() {
      return this.se.listeners(IN);
    }
    /** Hear of every event that is sent. */
    onAnyOutgoing(listener) {
      this.se.on(OUT, listener);
      return this;
    }
    prependAnyOutgoing(listener) {
      this.se.ff(OUT, listener);
      return this;
    }
    offAnyOutgoing(listener) {
      this.se.off(OUT, listener);
      return this;
    }
    listenersAnyOutgoing() {
      return this.se.listeners(OUT);
    }
    /** The manager's connection is open. */
    i() {
      const { io: io2, nsp, auth } = this;
      const { engine } = io2;
      const connect = (data) => {
        if (engine.readyState === "open" && this.active && !this.connected) {
          io2.ol({ type: CONNECT, nsp, data: this.ct(data) });
        }
      };
      call(typeof auth === "function" ? auth : () => connect(auth), this, [connect]);
    }
    /** The connection could not be made, or failed. */
    rr(error) {
      if (!this.connected) this.a("connect_error", error);
    }
    ee(reason, description) {
      this.connected = false;
      this.id = void 0;
      this.receiveBuffer = [];
      this.a("disconnect", reason, description);
      for (const event of Object.values(this.e)) {
        if (event.tt) this.et(event, new Error(DISCONNECTED));
      }
    }
    /** There will be no connection, unless someone asks for one: tell those who can be told, and send nothing for them. */
    ti() {
      for (const event of Object.values(this.e)) {
        if (event.ne) this.r(event, new Error(DISCONNECTED));
      }
    }
    d({ type, id, data }) {
      if (type === CONNECT) {
        if (data?.sid) this.ln(data);
        else this.rr(new Error("no sid"));
      } else if (type === EVENT || type === EVENT + BINARY) {
        const args = id === void 0 ? data : [...data, this.sc(id)];
        if (this.connected) this.ri(args);
        else this.receiveBuffer.push(args);
      } else if (type === ACK || type === ACK + BINARY) {
        const event = this.e[id];
        if (event) this.r(event, null, data);
      } else {
        this.en();
        if (type === DISCONNECT) this.ee("io server disconnect");
        else this.rr(failure(data?.message ?? data, { data: data?.data }));
      }
    }
    ln({ sid, pid }) {
      this.id = sid;
      this.recovered = !!pid && pid === this._pid;
      if (!this.recovered) this._lastOffset = void 0;
      this._pid = pid;
      this.connected = true;
      for (const args of this.receiveBuffer.splice(0)) this.ri(args);
      for (const event of this.sendBuffer.splice(0)) call(this.ei, this, [event]);
      this.a("connect");
    }
    ri(args) {
      this.se.a(IN, ...args);
      this.a(...args);
      const last = args.at(-1);
      if (this._pid && typeof last === "string") this._lastOffset = last;
    }
    /** What a handler calls to acknowledge; counts once, and only on the connection that the event came by. */
    sc(id) {
      const { io: io2, nsp } = this;
      let engine = io2.engine;
      return (...data) => {
        if (engine === io2.engine && this.connected) io2.ol({ type: ACK, nsp, id, data });
        engine = null;
      };
    }
    ar(args, fn, withError) {
      const { volatile, timeout = this.ur.ackTimeout } = this.n;
      this.n = {};
      if (!fn && typeof args.at(-1) === "function") fn = args.pop();
      if (RESERVED.test(args[0])) throw new Error(`"${args[0]}" is a reserved event name`);
      const event = {
        type: EVENT,
        nsp: this.nsp,
        data: args,
        v: fn,
        ne: withError || timeout !== void 0,
        er: timeout
      };
      if (fn) this.ci(event);
      if (volatile && !this.io.engine?.transport?.writable) this.r(event, new Error("dropped"));
      else this.cr(event, volatile);
      return this;
    }
    /** Send an event, now or when there is a connection. */
    cr(event, _isVolatile) {
      this.c(event);
      if (this.le()) this.ei(event);
      else this.sendBuffer.push(event);
    }
    /** What the server is told at a connection: `auth`, and what this session has to add. */
    ct(auth) {
      return this._pid ? { pid: this._pid, offset: this._lastOffset, ...auth } : auth;
    }
    /** Give an event the id by which it is acknowledged. */
    ci(event) {
      event.id = this.oe++;
      this.e[event.id] = event;
    }
    le() {
      return this.connected && this.io.s === "open" && !this.io.engine.y();
    }
    /** Send. What cannot be sent is told to who waits for the acknowledgement; THROWS where nobody does. */
    ei(event) {
      event.tt = true;
      try {
        this.se.a(OUT, ...event.data);
        this.io.ol(event);
      } catch (error) {
        if (!this.r(event, error)) throw error;
      }
    }
    c(event) {
      if (event.er === void 0) return;
      event.ss = this.io.t.after(
        event.er,
        () => this.et(event, new Error("operation has timed out"))
      );
    }
    /** An event was not acknowledged. */
    et(event, error) {
      this.r(event, error);
    }
    /** An event is done with, by an error or an answer. False where nobody could be told. */
    r(event, error, answer = []) {
      const { v: _fn, ne: _withError } = event;
      event.ss?.();
      delete this.e[event.id];
      remove(this.sendBuffer, event);
      if (!_fn || error && !_withError) return false;
      call(_fn, this, _withError ? [error, ...answer] : answer);
      return true;
    }
    /** From now on the manager does not connect for this socket. */
    en() {
      this.active = false;
      this.io.en();
    }
  };

  // src/socket/reliable.ts
  var ReliableSocket = class extends Socket {
    constructor() {
      super(...arguments);
      this.deduplicated = false;
      this._queue = [];
    }
    d(packet) {
      if (packet.type === CONNECT) this.deduplicated = !!packet.data?.retry;
      super.d(packet);
      this.u();
    }
    ri(args) {
      const before = this._lastOffset;
      super.ri(args);
      const after = this._lastOffset;
      if (after === before) return;
      if (!before || !this.cs) this.cs = OFFSET.exec(after)?.[1];
      else if (!after.startsWith(this.cs)) this._lastOffset = before;
    }
    ct(auth) {
      if (this.ur.retries) {
        this.h ||= randomId();
        auth = { retry: { id: this.h, from: this._queue[0]?.id ?? this.oe }, ...auth };
      }
      return super.ct(auth);
    }
    cr(event, isVolatile) {
      if (!this.ur.retries || isVolatile) {
        if (this.le() || this.B(this.sendBuffer, event)) super.cr(event);
        return;
      }
      event.args = event.data;
      event.tryCount = 0;
      event.ne = !!event.v;
      if (event.id === void 0) this.ci(event);
      if (this.B(this._queue, event)) this._queue.push(event);
      this.u(event);
    }
    /** False for an event that is not to wait. THROWS BufferFullError where nobody else can be told. */
    B(waiting, event) {
      const { bufferLimit = 1e4, bufferOverflow } = this.ur;
      if (waiting.length < bufferLimit) return true;
      const oldest = bufferOverflow === "drop-oldest" && waiting.find(({ tt: _isSent }) => !_isSent);
      const error = failure("buffer full", { name: "BufferFullError", limit: bufferLimit });
      if (!this.r(oldest || event, error) && !/^drop/.test(bufferOverflow)) throw error;
      return !!oldest;
    }
    /** THROWS for `emitted` alone, if it cannot be sent at all and has nobody waiting who could be told. */
    u(emitted) {
      for (; ; ) {
        const window = this._queue.slice(0, this.ur.retryWindow ?? 64);
        const event = this.le() && window.find(({ tt: _isSent }) => !_isSent);
        if (!event) return;
        event.tryCount++;
        this.c(event);
        if (event === emitted) this.ei(event);
        else call(this.ei, this, [event]);
      }
    }
    et(event, error) {
      event.tt = false;
      event.ss?.();
      if (!(event.tryCount <= this.ur.retries)) super.et(event, error);
      this.u();
    }
    r(event, error, answer) {
      remove(this._queue, event);
      return super.r(event, error, answer);
    }
  };
  var OFFSET = /^([\w-]{4}-)(\d|\d{3,})$/;
  function randomId() {
    return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replace(/\W/g, "-");
  }

  // src/listen.ts
  var owners = /* @__PURE__ */ new WeakMap();
  function listen(socket, listeners, owner) {
    const entries = Object.entries(listeners).filter(([, listener]) => listener);
    const ends = owners.get(socket) ?? /* @__PURE__ */ new Map();
    const end = () => {
      for (const [event, listener] of entries.splice(0)) socket.off(event, listener);
      if (ends.get(owner) === end) ends.delete(owner);
    };
    if (owner !== void 0) {
      owners.set(socket, ends);
      ends.get(owner)?.();
      ends.set(owner, end);
    }
    for (const [event, listener] of entries) socket.on(event, listener);
    return end;
  }

  // src/index.ts
  var Manager2 = class extends Manager {
    constructor(uri, opts) {
      super(uri, opts, parts);
    }
  };
  var Socket2 = ReliableSocket;
  var parts = {
    ft: anyOf([PollingTransport, WebSocketTransport]),
    x: { Encoder, Decoder },
    D: Socket2,
    es: watch
  };
  var io = /* @__PURE__ */ lookupWith(Manager2);

  // src/script.ts
  Object.assign(globalThis, { io: Object.assign(io, src_exports) });
})();
//# sourceMappingURL=arcwire.js.map
