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
    listen: () => listen2,
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
    /** Bytes that the server counts for a message; in a frame of a WebSocket, text as UTF-8 and with its type. */
    aa(data) {
      return new Blob([data]).size + +(typeof data === "string");
    }
    /** The address, with `scheme` (http or ws) and what else is asked. */
    ba(scheme, query) {
      const { opts, name } = this;
      const parameters = new URLSearchParams({ ...opts.query, EIO: "4", transport: name, ...query });
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
      this.Ma = new AbortController();
      this.Da = false;
      this.Ea = false;
    }
    get name() {
      return "polling";
    }
    open() {
      this.Ia();
    }
    /** In a body. */
    aa(data) {
      const size = super.aa(data);
      return typeof data === "string" ? size : 1 + 4 * Math.ceil(size / 3);
    }
    /** As many as the server takes in one request, and one at least. */
    async send(packets, maxPayload = Infinity) {
      let total = -1;
      let count = 0;
      for (const { data = "" } of packets) {
        total += 1 + this.aa(data);
        if (count && total > maxPayload) break;
        count++;
      }
      this.writable = false;
      const body = await encodePayload(packets.slice(0, count));
      if (await this.Ja("xhr post error", body) === void 0) return;
      packets.splice(0, count);
      this.writable = true;
      this.e?.ea?.();
      this.s();
    }
    close() {
      const abort = () => this.Ma.abort();
      if (this.Da) this.Ja("", "1").then(abort);
      else abort();
      this.Da = this.writable = false;
    }
    ca(paused) {
      this.Fa = paused;
      this.s();
    }
    ua() {
      this.Fa = void 0;
      if (!this.Ea) this.Ia();
    }
    /** Tell who waits for a pause when nothing is under way any more. */
    s() {
      if (!this.Ea && this.writable) this.Fa?.();
    }
    async Ia() {
      this.Ea = true;
      const body = await this.Ja("xhr poll error");
      if (body === void 0) return;
      for (const message of splitPayload(body)) {
        if (message[0] === "0") this.Da = this.writable = true;
        if (message === "1") this.e?.t({ description: "transport closed by the server" });
        else this.e?.u(message);
      }
      this.Ea = false;
      if (this.Fa) this.s();
      else if (this.Da) this.Ia();
    }
    /** The body of the answer; undefined where there is none: then the receiver has been told, by `problem`. */
    async Ja(problem, body) {
      const { extraHeaders, withCredentials, timestampRequests } = this.opts;
      const unique = timestampRequests === false ? {} : timestamp(this.opts);
      let status;
      let text;
      let data;
      try {
        const response = await fetch(this.ba("http", unique), {
          method: body ? "POST" : "GET",
          body,
          headers: { ...body && { "content-type": "text/plain;charset=UTF-8" }, ...extraHeaders },
          credentials: withCredentials ? "include" : "same-origin",
          // The last word arrives even where the page is gone.
          keepalive: !problem,
          signal: this.Ma.signal
        });
        text = await response.text();
        if (response.ok) return text;
        status = response.status;
        data = JSON.parse(text);
      } catch (error) {
        status ??= error;
      }
      const context = { status, responseText: text };
      this.e?.d(
        failure(problem, { type: "TransportError", description: status, context, data })
      );
      return void 0;
    }
  };

  // src/page.ts
  function watchSession(session) {
    const { hostname, closeOnBeforeunload } = session.opts;
    const end = listen({
      offline() {
        if (hostname !== "localhost") session.t({ description: "network connection lost" });
      },
      beforeunload() {
        if (closeOnBeforeunload) session.C();
      }
    });
    session.on("close", end);
  }
  function watchManager(manager) {
    const attempt = () => manager.J();
    const wake = () => {
      if (globalThis.document?.hidden) return;
      if (manager.c === "open") manager.engine.K();
      queueMicrotask(attempt);
    };
    return listen({
      online: wake,
      visibilitychange: wake,
      pageshow: wake,
      pagehide(event) {
        if (event.persisted) {
          manager.engine.t({ description: "page has been left" });
        }
      }
    });
  }
  function listen(listeners) {
    const end = new AbortController();
    for (const type in listeners) globalThis.addEventListener?.(type, listeners[type], end);
    return () => end.abort();
  }

  // src/engine/upgrade.ts
  function probe(session, transport) {
    const end = () => {
      transport.e = void 0;
      transport.close();
    };
    const fail = (cause) => {
      end();
      if (session.upgrading === transport) {
        session.upgrading = void 0;
        session.transport.ua();
      }
      session.a("upgradeError", failure("probe error", { transport: transport.name, cause }));
      session.l();
    };
    transport.e = {
      m: () => transport.send([{ type: "ping", data: "probe" }]),
      u(message) {
        if (message !== "3probe") return fail(message);
        session.upgrading = transport;
        session.a("upgrading", transport);
        session.transport.ca(() => {
          if (session.readyState === "closed") return;
          session.L(transport);
          transport.send([{ type: "upgrade" }]);
          session.upgrading = void 0;
          session.a("upgrade", transport);
          session.l();
        });
      },
      d: fail,
      t: fail
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
        if (kind) session.O(create(kind));
        else queueMicrotask(() => session.d(new Error("No transports available")));
      };
      const remember = ({ name }) => {
        priorSuccess.websocket = name === "websocket";
      };
      session.on("upgrade", remember);
      watchSession(session);
      if (opts.forceBase64) opts.query.b64 = "1";
      if (opts.timestampRequests) Object.assign(opts.query, timestamp(opts));
      return {
        M: decodeText,
        N: open,
        da() {
          remember({});
          kinds = kinds.filter((kind) => !(session.transport instanceof kind));
          const hasNext = opts.tryAllTransports && session.readyState === "opening" && kinds[0];
          if (!hasNext) return false;
          session.C();
          open();
          return true;
        },
        m(upgrades) {
          remember(session.transport);
          if (opts.upgrade === false || !session.transport.ca) return;
          probes = kinds.filter((kind) => upgrades.includes(nameOf(kind))).map((kind) => probe(session, create(kind)));
        },
        i() {
          for (const end of probes) end();
        }
      };
    };
  }
  var priorSuccess = { websocket: false };
  var nameOf = (kind) => kind.prototype.name;

  // src/engine/websocket.ts
  var WebSocketTransport = class extends Transport {
    get name() {
      return "websocket";
    }
    open() {
      const fail = (description) => this.e?.d(failure("websocket error", { type: "TransportError", description }));
      try {
        const socket = this.createSocket(this.ba("ws"), this.opts.protocols);
        this.D = socket;
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
          this.writable = true;
          this.e?.m?.();
        };
        socket.onmessage = ({ data }) => this.e?.u(data);
        socket.onerror = fail;
        socket.onclose = (context) => this.e?.t({ description: "websocket connection closed", context });
      } catch (error) {
        queueMicrotask(() => fail(error));
      }
    }
    /** Overridden by subclasses that bring a WebSocket of their own. */
    createSocket(uri, protocols) {
      return new WebSocket(uri, protocols);
    }
    send(packets) {
      const socket = this.D;
      if (socket.readyState !== 1) return;
      for (const packet of packets.splice(0)) socket.send(encodePacket(packet));
      this.e?.ea?.();
    }
    close() {
      this.writable = false;
      this.D?.close();
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
    return (uri, options) => {
      const opts = (typeof uri === "object" ? uri : options) || {};
      const { authority, path } = parse(typeof uri === "object" ? void 0 : uri);
      const id = authority + opts.path;
      const isNew = opts.forceNew || opts.multiplex === false || managers[id]?.nsps[path];
      if (isNew) return new Kind(uri, opts).socket(path, opts);
      managers[id] ||= new Kind(uri, opts);
      return managers[id].socket(path, opts);
    };
  }

  // src/backoff.ts
  function delayAfter(attempts, delays, random) {
    const { reconnectionDelay, reconnectionDelayMax, randomizationFactor } = delays;
    const delay = (reconnectionDelay || 1e3) * 2 ** attempts;
    return Math.min(delay * (1 + randomizationFactor * (2 * random - 1)), reconnectionDelayMax || 5e3);
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
      this.n[event] = [...this.listeners(event), listener];
      return this;
    }
    once(event, listener) {
      const once = (...args) => {
        this.off(event, once);
        listener.apply(this, args);
      };
      once.fa = listener;
      return this.on(event, once);
    }
    /** Remove one listener of an event, or all of it, or, without arguments, all there are. */
    off(event, listener) {
      if (event === void 0) {
        this.n = { __proto__: null };
      } else {
        const left = this.listeners(event);
        const at = left.findIndex((each) => each === listener || each.fa === listener);
        this.n[event] = listener ? left.filter((_, index) => index !== at) : [];
      }
      return this;
    }
    /** Call the listeners of an event. */
    emit(event, ...args) {
      return this.a(event, ...args);
    }
    listeners(event) {
      return this.n[event] || [];
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
    P(event, listener) {
      this.n[event] = [listener, ...this.n[event] || []];
    }
    /** `emit` for the emitter's own use: `Socket.emit` sends. */
    a(event, ...args) {
      const listeners = this.n[event];
      if (listeners) for (const listener of listeners) call(listener, this, args);
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
      this.p = 0;
      this.Q = Infinity;
      const address = parse(uri);
      this.f = clockFrom(opts);
      this.opts = {
        ...opts,
        ...address,
        path: (opts.path || "/engine.io").replace(/\/?$/, opts.addTrailingSlash === false ? "" : "/"),
        query: Object.fromEntries(new URLSearchParams(opts.query || address.query)),
        clock: this.f
      };
      this.o = router(this);
      this.o.N();
    }
    /**
     * Send a message; before the session is open it waits in `writeBuffer`, once it is closed it is dropped. `sent` is
     * called when it is handed to the transport. THROWS PayloadTooLargeError for what the server would not take.
     */
    send(data, options, sent) {
      this.R(data);
      if (sent) this.once("flush", sent);
      return this.E("message", data, options);
    }
    write(data, options, sent) {
      return this.send(data, options, sent);
    }
    /** Close when all that waits is sent; before the session is open, at once. */
    close() {
      if (this.readyState === "opening") this.i("forced close");
      else if (this.readyState === "open") this.readyState = "closing";
      this.l();
      return this;
    }
    /** THROWS PayloadTooLargeError for a message that the server would not take. */
    R(data) {
      const { maxPayload } = this;
      if (!maxPayload || data.length * 8 < maxPayload) return;
      const size = this.transport.aa(data);
      if (size > maxPayload) {
        throw failure(`${size} bytes are too many`, { name: "PayloadTooLargeError", size, maxPayload });
      }
    }
    /**
     * Whether the server has been silent for too long, by the wall clock: timers stand still while a machine sleeps.
     * Then the session closes, soon.
     */
    K() {
      const expired = this.f.now() > this.Q;
      if (expired) queueMicrotask(() => this.i("ping timeout"));
      return expired;
    }
    /** Connect over `transport`. */
    O(transport) {
      this.L(transport);
      transport.open();
    }
    /** From now on `transport` is the session's; the one before is silent. */
    L(transport) {
      if (this.transport) this.transport.e = void 0;
      this.transport = transport;
      transport.e = this;
    }
    E(type, data, options) {
      if (this.readyState === "opening" || this.readyState === "open") {
        const packet = { type, data, options };
        this.a("packetCreate", packet);
        this.writeBuffer.push(packet);
        this.l();
      }
      return this;
    }
    /** Hand to the transport what it takes; with nothing left, end if that is what the session waits for. */
    l() {
      const { transport, writeBuffer } = this;
      if (!transport?.writable || this.upgrading) return;
      if (writeBuffer.length) {
        transport.send(writeBuffer, this.maxPayload);
        this.a("flush");
      } else if (this.readyState === "closing") {
        this.i("forced close");
      }
    }
    ea() {
      if (!this.writeBuffer.length) this.a("drain");
      this.l();
    }
    u(message) {
      let packet;
      let handshake;
      try {
        packet = this.o.M(message);
        if (packet.type === "open") handshake = JSON.parse(packet.data);
      } catch {
        return this.d(failure("server error", { code: "parser error" }));
      }
      const { type, data } = packet;
      this.a("packet", packet);
      this.a("heartbeat");
      if (handshake) {
        this.ga(handshake);
      } else if (type === "message") {
        this.a("data", data);
        this.a("message", data);
      } else if (type === "ping") {
        this.E("pong");
        this.a("ping");
        this.a("pong");
        this.v();
      }
    }
    d(error) {
      if (this.o.da?.()) return;
      this.a("error", error);
      this.i("transport error", error);
    }
    t(details) {
      this.i("transport close", details);
    }
    i(reason, description) {
      if (this.readyState === "closed") return;
      this.readyState = "closed";
      this.b?.();
      this.C();
      this.o.i?.();
      this.id = void 0;
      this.a("close", reason, description);
      this.writeBuffer = [];
    }
    ga(data) {
      this.id = this.opts.query.sid = data.sid;
      this.maxPayload = data.maxPayload;
      this.p = data.pingInterval + data.pingTimeout;
      this.a("handshake", data);
      if (this.readyState !== "opening") return;
      this.readyState = "open";
      this.v();
      this.a("open");
      this.l();
      if (this.readyState === "open") this.o.m?.(data.upgrades);
    }
    v() {
      const { f: _clock, p: _timeout } = this;
      this.b?.();
      this.Q = _clock.now() + _timeout;
      this.b = _clock.after(_timeout, () => this.i("ping timeout"));
    }
    /** Close the transport, without a word to anyone here. */
    C() {
      if (!this.transport) return;
      this.transport.e = void 0;
      this.transport.close();
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
      this.H = _parts;
      this.c = "closed";
      this.g = false;
      this.nsps = {};
      this.j = 0;
      this.x = false;
      if (typeof uri === "object") {
        opts = uri;
        uri = void 0;
      }
      this.uri = uri;
      this.opts = opts = { ...opts };
      opts.path ||= "/socket.io";
      this.f = clockFrom(opts);
      const settings = opts;
      for (const name in DEFAULTS) {
        settings[name] ??= DEFAULTS[name];
        this[name] = (value) => {
          if (value === void 0) return settings[name];
          settings[name] = value;
          return this;
        };
      }
      const { Encoder: Encoder2, Decoder: Decoder2 } = opts.parser || _parts.ha;
      this.S = new Encoder2();
      this.w = new Decoder2();
      this.w.on("decoded", (packet) => {
        this.a("packet", packet);
        const socket = this.nsps[packet.nsp];
        if (socket?.active) socket.u(packet);
      });
      this.F = opts.autoConnect !== false;
      if (this.F) this.open();
    }
    /** Connect, unless there is a connection or an attempt. `done` is called once, with the error if it failed. */
    open(done) {
      if (this.c !== "closed") return this;
      this.c = "opening";
      this.x = false;
      this.b?.();
      this.G ??= this.H.va?.(this);
      const engine = new Session(this.uri, this.opts, this.H.ia);
      this.engine = engine;
      const fail = (error) => {
        this.T();
        engine.close();
        this.d(error);
        done?.(error);
        if (this.g) {
          this.g = false;
          this.I();
          this.a("reconnect_error", error);
        } else if (!done) {
          this.I();
        }
      };
      const on = (event, listener) => engine.on(
        event,
        ((...args) => {
          if (engine === this.engine && this.c !== "closed") listener(...args);
        })
      );
      on("open", () => {
        this.b?.();
        this.c = "open";
        this.a("open");
        for (const socket of this.q()) socket.m();
        done?.();
        if (this.g) {
          const attempt = this.j;
          this.g = false;
          this.j = 0;
          this.a("reconnect", attempt);
        }
      });
      on("error", (error) => {
        if (this.c === "open") this.d(error);
        else fail(error);
      });
      on("close", (reason, description) => {
        if (this.c === "open") this.k(reason, description);
        else fail(failure(reason, { description }));
      });
      on("ping", () => this.a("ping"));
      on("data", (data) => {
        try {
          this.w.add(data);
        } catch (error) {
          this.k("parse error", error);
        }
      });
      const timeout = this.timeout();
      if (timeout !== false) {
        this.b = this.f.after(timeout, () => fail(new Error("timeout")));
      }
      return this;
    }
    connect(done) {
      return this.open(done);
    }
    /** The socket of a namespace; there is one. */
    socket(nsp, opts) {
      this.nsps[nsp] ||= new this.H.ja(this, nsp, opts);
      const socket = this.nsps[nsp];
      if (this.F && !socket.active) socket.connect();
      return socket;
    }
    /** A socket needs no connection any more: close it after the last one. */
    y(_socket) {
      if (!this.q().length) this.ka();
    }
    /** THROWS for what cannot be written, or is too large for the server; then nothing of it is sent. */
    z({ type, nsp, id, data }) {
      const { engine } = this;
      const messages = this.S.encode({ type, nsp, id, data });
      for (const message of messages) engine.R(message);
      for (const message of messages) engine.E("message", message);
    }
    /** Close, and stay so. */
    ka() {
      this.x = true;
      this.g = false;
      this.k("forced close");
    }
    /** The sockets that want a connection. */
    q() {
      return Object.values(this.nsps).filter((socket) => socket.active);
    }
    T() {
      this.b?.();
      this.w.destroy();
      this.c = "closed";
    }
    d(error) {
      this.a("error", error);
      for (const socket of this.q()) socket.d(error);
    }
    k(reason, description) {
      this.T();
      this.engine?.close();
      this.j = 0;
      this.a("close", reason, description);
      for (const socket of this.q()) socket.k(reason, description);
      this.I();
    }
    /** Connect again, after a while, where that is wanted and not under way. */
    I() {
      const settings = this.opts;
      if (this.c !== "closed" || this.g) return;
      if (!this.x && settings.reconnection && this.j < (settings.reconnectionAttempts || Infinity)) {
        this.g = true;
        const delay = delayAfter(this.j++, settings, this.f.random());
        this.b = this.f.after(delay, () => this.J());
        return;
      }
      this.G?.();
      this.G = void 0;
      this.b?.();
      if (this.j) {
        this.j = 0;
        this.a("reconnect_failed");
        for (const socket of this.q()) socket.U();
      }
    }
    /** Connect again, now, where that is being waited for. */
    J() {
      if (!this.g || this.c !== "closed") return;
      this.b?.();
      if (!this.opts.reconnection) {
        this.g = false;
        return;
      }
      this.a("reconnect_attempt", this.j);
      if (!this.x) this.open();
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
  var RESERVED = /^(connect(_error)?|disconnect(ing)?|(new|remove)Listener)$/;
  function check(kind, { data, id }) {
    const isList = Array.isArray(data);
    const isValid = kind === EVENT ? isList && /^[sn]/.test(typeof data[0]) && !RESERVED.test(data[0]) : kind === ACK ? isList : id === void 0 && (data === void 0 || kind !== DISCONNECT && !!data && typeof data === "object" && !isList || kind === CONNECT_ERROR && typeof data === "string");
    if (!isValid) throw invalid();
  }
  var invalid = () => new Error("invalid packet");

  // src/socket/attachments.ts
  function isBinary(value) {
    return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob;
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
      this.A = null;
      this.V = [];
    }
    /** The next message of the connection. THROWS for what cannot be read; nothing can be read behind it. */
    add(message) {
      const isText = typeof message === "string";
      const text = isText ? TEXT.exec(message) : this.A;
      if (!text || isText && this.A) throw invalid();
      const [, plain, binary, count = 0, nsp = "/", digits, json] = text;
      const attachments = this.V;
      if (!isText) attachments.push(message);
      this.A = text;
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
      this.A = null;
      this.V = [];
    }
  };

  // src/socket/outgoing.ts
  function remove(list, event) {
    const at = list.indexOf(event);
    if (at >= 0) list.splice(at, 1);
  }

  // src/socket/socket.ts
  var IN = "in";
  var OUT = "out";
  var DISCONNECTED = "socket has been disconnected";
  var Socket = class extends Emitter {
    constructor(io2, nsp, _opts = {}) {
      super();
      this.io = io2;
      this.nsp = nsp;
      this.pa = _opts;
      this.connected = false;
      /** Whether the connection continues the one before: the same id, and nothing missed. */
      this.recovered = false;
      /** Whether the socket is connected, or will be without being asked. */
      this.active = false;
      /** Events that came before the answer to CONNECT. */
      this.receiveBuffer = [];
      this.sendBuffer = [];
      this.la = 0;
      this.B = {};
      /** Events that wait for an acknowledgement. */
      this.r = /* @__PURE__ */ new Map();
      /** Those who hear of every event that arrives, and of every one that is sent. */
      this.h = new Emitter();
      this.auth = _opts.auth;
    }
    get disconnected() {
      return !this.connected;
    }
    connect() {
      if (this.connected) return this;
      this.active = true;
      if (!this.io.g) this.io.open();
      if (this.io.c === "open") this.m();
      return this;
    }
    open() {
      return this.connect();
    }
    /** Leave the namespace. Who waits for an acknowledgement is told that none will come. */
    disconnect() {
      const wasConnected = this.connected;
      if (wasConnected) this.io.z({ type: DISCONNECT, nsp: this.nsp });
      this.y();
      if (wasConnected) this.k("io client disconnect");
      this.U();
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
      return this.W([event, ...args]);
    }
    /** Send an event; resolves with what the acknowledgement brings, rejects where none will come. */
    emitWithAck(event, ...args) {
      return new Promise((resolve, reject) => {
        this.W([event, ...args], (error, value) => error ? reject(error) : resolve(value), true);
      });
    }
    /** Has no effect: browsers decide on compression. */
    compress(_compress) {
      return this;
    }
    /** The next event is dropped where it cannot be sent at once. */
    get volatile() {
      this.B.volatile = true;
      return this;
    }
    /** How long to wait for the acknowledgement of the next event, in milliseconds. */
    timeout(timeout) {
      this.B.timeout = timeout;
      return this;
    }
    /** Hear of every event that arrives: its name, then its arguments. */
    onAny(listener) {
      this.h.on(IN, listener);
      return this;
    }
    prependAny(listener) {
      this.h.P(IN, listener);
      return this;
    }
    offAny(listener) {
      this.h.off(IN, listener);
      return this;
    }
    listenersAny() {
      return this.h.listeners(IN);
    }
    /** Hear of every event that is sent. */
    onAnyOutgoing(listener) {
      this.h.on(OUT, listener);
      return this;
    }
    prependAnyOutgoing(listener) {
      this.h.P(OUT, listener);
      return this;
    }
    offAnyOutgoing(listener) {
      this.h.off(OUT, listener);
      return this;
    }
    listenersAnyOutgoing() {
      return this.h.listeners(OUT);
    }
    /** The manager's connection is open. */
    m() {
      const { io: io2, nsp, auth } = this;
      const { engine } = io2;
      const connect = (data) => {
        if (engine.readyState !== "open" || !this.active || this.connected) return;
        const own = this.ma();
        io2.z({ type: CONNECT, nsp, data: own ? { ...own, ...data } : data });
      };
      if (typeof auth === "function") call(auth, this, [connect]);
      else connect(auth);
    }
    /** The connection could not be made, or failed. */
    d(error) {
      if (!this.connected) this.a("connect_error", error);
    }
    k(reason, description) {
      this.connected = false;
      this.id = void 0;
      this.receiveBuffer = [];
      this.a("disconnect", reason, description);
      for (const event of this.r.values()) {
        if (event.X) this.Y(event, new Error(DISCONNECTED));
      }
    }
    /** There will be no connection, unless someone asks for one: tell those who can be told, and send nothing for them. */
    U() {
      for (const event of this.r.values()) {
        if (event.Z) this.s(event, new Error(DISCONNECTED));
      }
    }
    u({ type, id, data }) {
      if (type === CONNECT) {
        if (data?.sid) this.na(data);
        else this.d(new Error("no sid"));
      } else if (type === EVENT || type === EVENT + BINARY) {
        const args = id === void 0 ? data : [...data, this.oa(id)];
        if (this.connected) this._(args);
        else this.receiveBuffer.push(args);
      } else if (type === ACK || type === ACK + BINARY) {
        const event = this.r.get(id);
        if (event) this.s(event, null, data);
      } else {
        this.y();
        if (type === DISCONNECT) this.k("io server disconnect");
        else this.d(failure(data?.message ?? data, { data: data?.data }));
      }
    }
    na({ sid, pid }) {
      this.id = sid;
      this.recovered = !!pid && pid === this._pid;
      if (!this.recovered) this._lastOffset = void 0;
      this._pid = pid;
      this.connected = true;
      for (const args of this.receiveBuffer.splice(0)) this._(args);
      for (const event of this.sendBuffer.splice(0)) call(this.$, this, [event]);
      this.a("connect");
    }
    _(args) {
      this.h.a(IN, ...args);
      this.a(...args);
      const last = args[args.length - 1];
      if (this._pid && typeof last === "string") this._lastOffset = last;
    }
    /** What a handler calls to acknowledge; counts once, and only on the connection that the event came by. */
    oa(id) {
      const { io: io2, nsp } = this;
      let engine = io2.engine;
      return (...data) => {
        if (engine === io2.engine && this.connected) io2.z({ type: ACK, nsp, id, data });
        engine = null;
      };
    }
    W(args, fn, withError) {
      const { volatile, timeout = this.pa.ackTimeout } = this.B;
      this.B = {};
      if (!fn && typeof args.at(-1) === "function") fn = args.pop();
      if (RESERVED.test(args[0])) throw new Error(`"${args[0]}" is a reserved event name`);
      const event = {
        type: EVENT,
        nsp: this.nsp,
        data: args,
        X: false,
        qa: fn,
        Z: withError || timeout !== void 0,
        p: timeout
      };
      if (fn) this.ra(event);
      if (volatile && !this.io.engine?.transport?.writable) this.s(event, new Error("dropped"));
      else this.sa(event, volatile);
      return this;
    }
    /** Send an event, now or when there is a connection. */
    sa(event, _isVolatile) {
      this.v(event);
      if (this.ta()) this.$(event);
      else this.sendBuffer.push(event);
    }
    /** What the server is told at a connection, beside `auth`. */
    ma() {
      return this._pid ? { pid: this._pid, offset: this._lastOffset } : void 0;
    }
    /** Give an event the id by which it is acknowledged. */
    ra(event) {
      event.id = this.la++;
      this.r.set(event.id, event);
    }
    ta() {
      return this.connected && !this.io.engine.K();
    }
    /** Send. What cannot be sent is told to who waits for the acknowledgement; THROWS where nobody does. */
    $(event) {
      event.X = true;
      try {
        this.h.a(OUT, ...event.data);
        this.io.z(event);
      } catch (error) {
        if (!this.s(event, error)) throw error;
      }
    }
    v(event) {
      if (event.p === void 0) return;
      event.b = this.io.f.after(
        event.p,
        () => this.Y(event, new Error("operation has timed out"))
      );
    }
    /** An event was not acknowledged. */
    Y(event, error) {
      this.s(event, error);
    }
    /** An event is done with, by an error or an answer. False where nobody could be told. */
    s(event, error, answer = []) {
      const { qa: _fn, Z: _withError } = event;
      event.b?.();
      this.r.delete(event.id);
      remove(this.sendBuffer, event);
      if (!_fn || error && !_withError) return false;
      call(_fn, this, _withError ? [error, ...answer] : answer);
      return true;
    }
    /** From now on the manager does not connect for this socket. */
    y() {
      this.active = false;
      this.io.y(this);
    }
  };

  // src/socket/reliable.ts
  var ReliableSocket = class extends Socket {
    constructor() {
      super(...arguments);
      this.deduplicated = false;
      this._queue = [];
    }
    u(packet) {
      if (packet.type === CONNECT) this.deduplicated = !!packet.data?.retry;
      super.u(packet);
      call(this.La, this, []);
    }
    _(args) {
      const before = this._lastOffset;
      super._(args);
      const after = this._lastOffset;
      if (after === before) return;
      if (!before || !this.Ka) this.Ka = OFFSET.exec(after)?.[1];
      else if (!after.startsWith(this.Ka)) this._lastOffset = before;
    }
    ma() {
      const own = super.ma();
      if (!this.pa.retries) return own;
      this.Na ||= randomId();
      return { ...own, retry: { id: this.Na, from: this._queue[0]?.id ?? this.la } };
    }
    sa(event, isVolatile) {
      if (!this.pa.retries || isVolatile) {
        if (this.ta() || this.Oa(this.sendBuffer, event)) super.sa(event);
        return;
      }
      event.args = event.data;
      event.tryCount = 0;
      event.Z = !!event.qa;
      if (event.id === void 0) this.ra(event);
      if (this.Oa(this._queue, event)) this._queue.push(event);
      this.La();
    }
    /** False for an event that is not to wait. THROWS BufferFullError where nobody else can be told. */
    Oa(waiting, event) {
      const { bufferLimit = 1e4, bufferOverflow } = this.pa;
      if (waiting.length < bufferLimit) return true;
      const oldest = bufferOverflow === "drop-oldest" && waiting.find(({ X: _isSent }) => !_isSent);
      const error = failure("buffer full", { name: "BufferFullError", limit: bufferLimit });
      if (!this.s(oldest || event, error) && !/^drop/.test(bufferOverflow)) throw error;
      return !!oldest;
    }
    /** THROWS for what cannot be sent at all and has nobody waiting who could be told. */
    La() {
      for (const event of this._queue.slice(0, this.pa.retryWindow ?? 64)) {
        if (event.X || !this.ta()) continue;
        event.tryCount++;
        this.v(event);
        this.$(event);
      }
    }
    Y(event, error) {
      event.X = false;
      event.b?.();
      if (!(event.tryCount <= this.pa.retries)) super.Y(event, error);
      call(this.La, this, []);
    }
    s(event, error, answer) {
      remove(this._queue, event);
      return super.s(event, error, answer);
    }
  };
  var OFFSET = /^([\w-]{4}-)(\d|\d{3,})$/;
  function randomId() {
    return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replace(/\W/g, "-");
  }

  // src/listen.ts
  var owners = /* @__PURE__ */ new WeakMap();
  function listen2(socket, listeners, owner) {
    const entries = Object.entries(listeners);
    const end = () => {
      for (const [event, listener] of entries) socket.off(event, listener);
    };
    if (owner !== void 0) {
      let ends = owners.get(socket);
      if (!ends) {
        ends = /* @__PURE__ */ new Map();
        owners.set(socket, ends);
      }
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
    ia: anyOf([PollingTransport, WebSocketTransport]),
    ha: { Encoder, Decoder },
    ja: Socket2,
    va: watchManager
  };
  var io = /* @__PURE__ */ lookupWith(Manager2);

  // src/script.ts
  Object.assign(globalThis, { io: Object.assign(io, src_exports) });
})();
//# sourceMappingURL=arcwire.js.map
