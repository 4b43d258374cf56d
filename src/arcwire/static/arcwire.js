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
    Socket: () => ReliableSocket,
    WebSocket: () => WebSocketTransport,
    XHR: () => PollingTransport,
    connect: () => io,
    default: () => io,
    io: () => io,
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
    i(data) {
      return new Blob([data]).size + +(typeof data === "string");
    }
    /** The address, with `scheme` (http or ws) and what else is asked. */
    ia(scheme, query) {
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
      this.ja = new AbortController();
      this.H = false;
      this.I = false;
    }
    get name() {
      return "polling";
    }
    open() {
      this.T();
    }
    /** In a body. */
    i(data) {
      const size = super.i(data);
      return typeof data === "string" ? size : 1 + 4 * Math.ceil(size / 3);
    }
    /** As many as the server takes in one request, and one at least. */
    async send(packets, maxPayload = Infinity) {
      let total = -1;
      let count = 0;
      for (const { data = "" } of packets) {
        total += 1 + this.i(data);
        if (count && total > maxPayload) break;
        count++;
      }
      this.writable = false;
      const body = await encodePayload(packets.slice(0, count));
      if (await this.U("xhr post error", body) === void 0) return;
      packets.splice(0, count);
      this.writable = true;
      this.c?.ka?.();
      this.f();
    }
    close() {
      const abort = () => this.ja.abort();
      if (this.H) this.U("", "1").then(abort);
      else abort();
      this.H = this.writable = false;
    }
    Ma(paused) {
      this.J = paused;
      this.f();
    }
    Na() {
      this.J = void 0;
      if (!this.I) this.T();
    }
    /** Tell who waits for a pause when nothing is under way any more. */
    f() {
      if (!this.I && this.writable) this.J?.();
    }
    async T() {
      this.I = true;
      const body = await this.U("xhr poll error");
      if (body === void 0) return;
      for (const message of splitPayload(body)) {
        if (message[0] === "0") this.H = this.writable = true;
        if (message === "1") this.c?.A({ description: "transport closed by the server" });
        else this.c?.s(message);
      }
      this.I = false;
      if (this.J) this.f();
      else if (this.H) this.T();
    }
    /** The body of the answer; undefined where there is none: then the receiver has been told, by `problem`. */
    async U(problem, body) {
      const { extraHeaders, withCredentials, timestampRequests } = this.opts;
      const unique = timestampRequests === false ? {} : timestamp(this.opts);
      let status;
      let text;
      let data;
      try {
        const response = await fetch(this.ia("http", unique), {
          method: body ? "POST" : "GET",
          body,
          headers: { ...body && { "content-type": "text/plain;charset=UTF-8" }, ...extraHeaders },
          credentials: withCredentials ? "include" : "same-origin",
          // The last word arrives even where the page is gone.
          keepalive: !problem,
          signal: this.ja.signal
        });
        text = await response.text();
        if (response.ok) return text;
        status = response.status;
        data = JSON.parse(text);
      } catch (error) {
        status ??= error;
      }
      const context = { status, responseText: text };
      this.c?.g(
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
        if (hostname !== "localhost") session.A({ description: "network connection lost" });
      },
      beforeunload() {
        if (closeOnBeforeunload) session.la();
      }
    });
    session.on("close", end);
  }
  function watchManager(manager) {
    const attempt = () => manager.ma();
    const wake = () => {
      if (globalThis.document?.hidden) return;
      if (manager.h === "open") manager.engine.na();
      queueMicrotask(attempt);
    };
    return listen({
      online: wake,
      visibilitychange: wake,
      pageshow: wake,
      pagehide(event) {
        if (event.persisted) {
          manager.engine.A({ description: "page has been left" });
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
      transport.c = void 0;
      transport.close();
    };
    const fail = (cause) => {
      end();
      if (session.upgrading === transport) {
        session.upgrading = void 0;
        session.transport.Na?.();
      }
      session.a("upgradeError", failure("probe error", { transport: transport.name, cause }));
      session.u();
    };
    transport.c = {
      v: () => transport.send([{ type: "ping", data: "probe" }]),
      s(message) {
        if (message !== "3probe") return fail(message);
        session.upgrading = transport;
        session.a("upgrading", transport);
        session.transport.Ma?.(() => {
          if (session.readyState === "closed") return;
          session.oa(transport);
          transport.send([{ type: "upgrade" }]);
          session.upgrading = void 0;
          session.a("upgrade", transport);
          session.u();
        });
      },
      g: fail,
      A: fail
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
        if (kind) session.ra(create(kind));
        else queueMicrotask(() => session.g(new Error("No transports available")));
      };
      const remember = ({ name }) => {
        priorSuccess.websocket = name === "websocket";
      };
      session.on("upgrade", remember);
      watchSession(session);
      if (opts.forceBase64) opts.query.b64 = "1";
      if (opts.timestampRequests) Object.assign(opts.query, timestamp(opts));
      return {
        pa: decodeText,
        qa: open,
        Oa() {
          remember({});
          kinds = kinds.filter((kind) => !(session.transport instanceof kind));
          const hasNext = opts.tryAllTransports && session.readyState === "opening" && kinds[0];
          if (hasNext) open();
          return !!hasNext;
        },
        v(upgrades) {
          remember(session.transport);
          if (opts.upgrade === false) return;
          probes = kinds.filter((kind) => upgrades.includes(nameOf(kind))).map((kind) => probe(session, create(kind)));
        },
        p() {
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
      const fail = (description) => this.c?.g(failure("websocket error", { type: "TransportError", description }));
      try {
        const socket = this.createSocket(this.ia("ws"), this.opts.protocols);
        this.V = socket;
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
          this.writable = true;
          this.c?.v?.();
        };
        socket.onmessage = ({ data }) => this.c?.s(data);
        socket.onerror = fail;
        socket.onclose = (context) => this.c?.A({ description: "websocket connection closed", context });
      } catch (error) {
        queueMicrotask(() => fail(error));
      }
    }
    /** Overridden by subclasses that bring a WebSocket of their own. */
    createSocket(uri, protocols) {
      return new WebSocket(uri, protocols);
    }
    send(packets) {
      const socket = this.V;
      if (socket.readyState !== 1) return;
      for (const packet of packets.splice(0)) socket.send(encodePacket(packet));
      this.c?.ka?.();
    }
    close() {
      this.writable = false;
      this.V?.close();
    }
  };

  // src/url.ts
  function parse(uri = "") {
    const page = globalThis.location;
    const [, scheme = page?.protocol || "https", host, path, query] = /^(?:(?:(https?|wss?):)?\/\/)?([^/?#]*)([^?#]*)\??([^#]*)/i.exec(uri);
    const { origin, hostname } = new URL(
      `http${/s:?$/i.test(scheme) ? "s" : ""}://${host || page?.host || ""}`
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
      const isNew = opts.forceNew || opts["force new connection"] || opts.multiplex === false || managers[id]?.nsps[path];
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
      this.w[event] = [...this.listeners(event), listener];
      return this;
    }
    once(event, listener) {
      const once = (...args) => {
        this.off(event, once);
        listener.apply(this, args);
      };
      once.Pa = listener;
      return this.on(event, once);
    }
    /** Remove one listener of an event, or all of it, or, without arguments, all there are. */
    off(event, listener) {
      if (event === void 0) {
        this.w = { __proto__: null };
      } else {
        const left = this.listeners(event);
        const at = left.findIndex((each) => each === listener || each.Pa === listener);
        this.w[event] = listener ? left.filter((_, index) => index !== at) : [];
      }
      return this;
    }
    /** Call the listeners of an event. */
    emit(event, ...args) {
      return this.a(event, ...args);
    }
    listeners(event) {
      return this.w[event] || [];
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
    /** `on`, in front of the others. */
    sa(event, listener) {
      this.w[event] = [listener, ...this.w[event] || []];
    }
    /** `emit` for the emitter's own use: `Socket.emit` sends. */
    a(event, ...args) {
      const listeners = this.w[event];
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
      this.B = 0;
      this.ta = 0;
      const address = parse(uri);
      this.j = clockFrom(opts);
      this.opts = {
        ...opts,
        ...address,
        path: (opts.path || "/engine.io").replace(/\/?$/, opts.addTrailingSlash === false ? "" : "/"),
        query: Object.fromEntries(new URLSearchParams(opts.query || address.query)),
        clock: this.j
      };
      this.x = router(this);
      this.x.qa();
    }
    /**
     * Send a message; before the session is open it waits in `writeBuffer`, once it is closed it is dropped. `sent` is
     * called when it is handed to the transport. THROWS PayloadTooLargeError for what the server would not take.
     */
    send(data, options, sent) {
      this.ua(data);
      if (sent) this.once("flush", sent);
      return this.W("message", data, options);
    }
    write(data, options, sent) {
      return this.send(data, options, sent);
    }
    /** Close when all that waits is sent; before the session is open, at once. */
    close() {
      if (this.readyState === "opening") this.p("forced close");
      else if (this.readyState === "open") this.readyState = "closing";
      this.u();
      return this;
    }
    /** THROWS PayloadTooLargeError for a message that the server would not take. */
    ua(data) {
      const { maxPayload } = this;
      if (!maxPayload || data.length * 8 < maxPayload) return;
      const size = this.transport.i(data);
      if (size > maxPayload) {
        throw failure(`${size} bytes are too many`, { name: "PayloadTooLargeError", size, maxPayload });
      }
    }
    /**
     * Whether the server has been silent for too long, by the wall clock: timers stand still while a machine sleeps.
     * Then the session closes, soon.
     */
    na() {
      const expired = this.j.now() > this.ta;
      if (expired) queueMicrotask(() => this.p("ping timeout"));
      return expired;
    }
    /** Connect over `transport`. */
    ra(transport) {
      this.oa(transport);
      transport.open();
    }
    /** From now on `transport` is the session's; the one before is silent. */
    oa(transport) {
      if (this.transport) this.transport.c = void 0;
      this.transport = transport;
      transport.c = this;
    }
    W(type, data, options) {
      if (this.readyState === "opening" || this.readyState === "open") {
        const packet = { type, data, options };
        this.a("packetCreate", packet);
        this.writeBuffer.push(packet);
        this.u();
      }
      return this;
    }
    /** Hand to the transport what it takes; with nothing left, end if that is what the session waits for. */
    u() {
      const { transport, writeBuffer } = this;
      if (!transport?.writable || this.upgrading) return;
      if (writeBuffer.length) {
        transport.send(writeBuffer, this.maxPayload);
        this.a("flush");
      } else if (this.readyState === "closing") {
        this.p("forced close");
      }
    }
    ka() {
      if (!this.writeBuffer.length) this.a("drain");
      this.u();
    }
    s(message) {
      let packet;
      let handshake;
      try {
        packet = this.x.pa(message);
        if (packet.type === "open") handshake = JSON.parse(packet.data);
      } catch {
        return this.g(failure("server error", { code: "parser error" }));
      }
      const { type, data } = packet;
      this.a("packet", packet);
      this.a("heartbeat");
      if (handshake) {
        this.Qa(handshake);
      } else if (type === "message") {
        this.a("data", data);
        this.a("message", data);
      } else if (type === "ping") {
        this.W("pong");
        this.a("ping");
        this.a("pong");
        this.C();
      }
    }
    g(error) {
      if (this.x.Oa?.()) return;
      this.a("error", error);
      this.p("transport error", error);
    }
    A(details) {
      this.p("transport close", details);
    }
    p(reason, description) {
      if (this.readyState === "closed") return;
      this.readyState = "closed";
      this.d?.();
      this.la();
      this.x.p?.();
      this.id = void 0;
      this.a("close", reason, description);
      this.writeBuffer = [];
    }
    Qa(data) {
      this.id = this.opts.query.sid = data.sid;
      this.maxPayload = data.maxPayload;
      this.B = data.pingInterval + data.pingTimeout;
      this.a("handshake", data);
      if (this.readyState !== "opening") return;
      this.readyState = "open";
      this.C();
      this.a("open");
      this.u();
      if (this.readyState === "open") this.x.v?.(data.upgrades);
    }
    C() {
      const { j: _clock, B: _timeout } = this;
      this.d?.();
      this.ta = _clock.now() + _timeout;
      this.d = _clock.after(_timeout, () => this.p("ping timeout"));
    }
    /** Close the transport, without a word to anyone here. */
    la() {
      if (!this.transport) return;
      this.transport.c = void 0;
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
      this._ = _parts;
      this.h = "closed";
      this.o = false;
      this.nsps = {};
      this.q = 0;
      this.L = false;
      if (typeof uri === "object") {
        opts = uri;
        uri = void 0;
      }
      this.uri = uri;
      this.opts = opts = { ...opts };
      opts.path ||= "/socket.io";
      this.j = clockFrom(opts);
      const settings = opts;
      for (const name in DEFAULTS) {
        settings[name] ??= DEFAULTS[name];
        this[name] = (value) => {
          if (value === void 0) return settings[name];
          settings[name] = value;
          return this;
        };
      }
      const { Encoder: Encoder2, Decoder: Decoder2 } = opts.parser || _parts.Z;
      this.va = new Encoder2();
      this.K = new Decoder2();
      this.K.on("decoded", (packet) => {
        this.a("packet", packet);
        const socket = this.nsps[packet.nsp];
        if (socket?.active) socket.s(packet);
      });
      this.X = opts.autoConnect !== false;
      if (this.X) this.open();
    }
    /** Connect, unless there is a connection or an attempt. `done` is called once, with the error if it failed. */
    open(done) {
      if (this.h !== "closed") return this;
      this.h = "opening";
      this.L = false;
      this.d?.();
      this.Y ??= this._.wa?.(this);
      const engine = new Session(this.uri, this.opts, this._.$);
      this.engine = engine;
      const fail = (error) => {
        this.xa();
        engine.close();
        this.g(error);
        done?.(error);
        if (this.o) {
          this.o = false;
          this.aa();
          this.a("reconnect_error", error);
        } else if (!done) {
          this.aa();
        }
      };
      const on = (event, listener) => engine.on(
        event,
        ((...args) => {
          if (engine === this.engine && this.h !== "closed") listener(...args);
        })
      );
      on("open", () => {
        this.d?.();
        this.h = "open";
        this.a("open");
        for (const socket of this.D()) socket.v();
        done?.();
        if (this.o) {
          const attempt = this.q;
          this.o = false;
          this.q = 0;
          this.a("reconnect", attempt);
        }
      });
      on("error", (error) => {
        if (this.h === "open") this.g(error);
        else fail(error);
      });
      on("close", (reason, description) => {
        if (this.h === "open") this.t(reason, description);
        else fail(failure(reason, { description }));
      });
      on("ping", () => this.a("ping"));
      on("data", (data) => {
        try {
          this.K.add(data);
        } catch (error) {
          this.t("parse error", error);
        }
      });
      const timeout = this.timeout();
      if (timeout !== false) {
        this.d = this.j.after(timeout, () => fail(new Error("timeout")));
      }
      return this;
    }
    connect(done) {
      return this.open(done);
    }
    /** The socket of a namespace; there is one. */
    socket(nsp, opts) {
      this.nsps[nsp] ||= new this._.ba(this, nsp, opts);
      const socket = this.nsps[nsp];
      if (this.X && !socket.active) socket.connect();
      return socket;
    }
    /** A socket needs no connection any more: close it after the last one. */
    M(_socket) {
      if (!this.D().length) this.Ra();
    }
    /** THROWS for what cannot be written, or is too large for the server; then nothing of it is sent. */
    N({ type, nsp, id, data }) {
      const { engine } = this;
      const messages = this.va.encode({ type, nsp, id, data });
      for (const message of messages) engine.ua(message);
      for (const message of messages) engine.W("message", message);
    }
    /** Close, and stay so. */
    Ra() {
      this.L = true;
      this.o = false;
      this.t("forced close");
    }
    /** The sockets that want a connection. */
    D() {
      return Object.values(this.nsps).filter((socket) => socket.active);
    }
    xa() {
      this.d?.();
      this.K.destroy();
      this.h = "closed";
    }
    g(error) {
      this.a("error", error);
      for (const socket of this.D()) socket.g(error);
    }
    t(reason, description) {
      this.xa();
      this.engine?.close();
      this.q = 0;
      this.a("close", reason, description);
      for (const socket of this.D()) socket.t(reason, description);
      this.aa();
    }
    /** Connect again, after a while, where that is wanted and not under way. */
    aa() {
      const settings = this.opts;
      if (this.h !== "closed" || this.o) return;
      if (!this.L && settings.reconnection && this.q < (settings.reconnectionAttempts || Infinity)) {
        this.o = true;
        const delay = delayAfter(this.q++, settings, this.j.random());
        this.d = this.j.after(delay, () => this.ma());
        return;
      }
      this.Y?.();
      this.Y = void 0;
      this.d?.();
      if (this.q) {
        this.q = 0;
        this.a("reconnect_failed");
        for (const socket of this.D()) socket.ya();
      }
    }
    /** Connect again, now, where that is being waited for. */
    ma() {
      if (!this.o || this.h !== "closed") return;
      this.d?.();
      this.a("reconnect_attempt", this.q);
      if (!this.L) this.open();
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
      let json = data && JSON.stringify(data);
      if ((type === EVENT || type === ACK) && hasBinary(data)) {
        json = JSON.stringify(data, function(key, value) {
          const original = isBinary(this[key]) ? this[key] : value;
          return isBinary(original) ? { _placeholder: true, num: attachments.push(original) - 1 } : value;
        });
        type += BINARY;
      }
      const count = attachments.length ? `${attachments.length}-` : "";
      return [`${type}${count}${nsp === "/" ? "" : `${nsp},`}${id}${json ?? ""}`, ...attachments];
    }
  };
  var TEXT = /^(?:([0-4])|([56])([1-9]\d*)-)(?:(\/[^,]*)(?:,|$))?(\d{0,16})(["[{].*)?$/s;
  var Decoder = class extends Emitter {
    constructor() {
      super(...arguments);
      /** The text whose attachments are under way, taken apart, and those that have arrived. */
      this.k = null;
      this.za = [];
    }
    /** The next message of the connection. THROWS for what cannot be read; nothing can be read behind it. */
    add(message) {
      const isText = typeof message === "string";
      const text = isText ? TEXT.exec(message) : this.k;
      if (!text || isText && this.k) throw invalid();
      const [, plain, binary, count = 0, nsp = "/", digits, json] = text;
      const attachments = this.za;
      if (!isText) attachments.push(message);
      this.k = text;
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
      this.k = null;
      this.za = [];
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
      this.y = _opts;
      this.connected = false;
      /** Whether the connection continues the one before: the same id, and nothing missed. */
      this.recovered = false;
      /** Whether the socket is connected, or will be without being asked. */
      this.active = false;
      /** Events that came before the answer to CONNECT. */
      this.receiveBuffer = [];
      this.sendBuffer = [];
      this.Aa = 0;
      this.O = {};
      /** Events that wait for an acknowledgement. */
      this.E = /* @__PURE__ */ new Map();
      /** Those who hear of every event that arrives, and of every one that is sent. */
      this.l = new Emitter();
      this.auth = _opts.auth;
    }
    get disconnected() {
      return !this.connected;
    }
    connect() {
      if (this.connected) return this;
      this.active = true;
      if (!this.io.o) this.io.open();
      if (this.io.h === "open") this.v();
      return this;
    }
    open() {
      return this.connect();
    }
    /** Leave the namespace. Who waits for an acknowledgement is told that none will come. */
    disconnect() {
      const wasConnected = this.connected;
      if (wasConnected) this.io.N({ type: DISCONNECT, nsp: this.nsp });
      this.M();
      if (wasConnected) this.t("io client disconnect");
      this.ya();
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
      return this.Ba([event, ...args]);
    }
    /** Send an event; resolves with what the acknowledgement brings, rejects where none will come. */
    emitWithAck(event, ...args) {
      return new Promise((resolve, reject) => {
        this.Ba([event, ...args], (error, value) => error ? reject(error) : resolve(value), true);
      });
    }
    /** Has no effect: browsers decide on compression. */
    compress(_compress) {
      return this;
    }
    /** The next event is dropped where it cannot be sent at once. */
    get volatile() {
      this.O.volatile = true;
      return this;
    }
    /** How long to wait for the acknowledgement of the next event, in milliseconds. */
    timeout(timeout) {
      this.O.timeout = timeout;
      return this;
    }
    /** Hear of every event that arrives: its name, then its arguments. */
    onAny(listener) {
      this.l.on(IN, listener);
      return this;
    }
    prependAny(listener) {
      this.l.sa(IN, listener);
      return this;
    }
    offAny(listener) {
      this.l.off(IN, listener);
      return this;
    }
    listenersAny() {
      return this.l.listeners(IN);
    }
    /** Hear of every event that is sent. */
    onAnyOutgoing(listener) {
      this.l.on(OUT, listener);
      return this;
    }
    prependAnyOutgoing(listener) {
      this.l.sa(OUT, listener);
      return this;
    }
    offAnyOutgoing(listener) {
      this.l.off(OUT, listener);
      return this;
    }
    listenersAnyOutgoing() {
      return this.l.listeners(OUT);
    }
    /** The manager's connection is open. */
    v() {
      const { io: io2, nsp, auth } = this;
      const { engine } = io2;
      const connect = (data) => {
        if (engine.readyState !== "open" || !this.active || this.connected) return;
        const own = this.ca();
        io2.N({ type: CONNECT, nsp, data: own ? { ...own, ...data } : data });
      };
      if (typeof auth === "function") call(auth, this, [connect]);
      else connect(auth);
    }
    /** The connection could not be made, or failed. */
    g(error) {
      if (!this.connected) this.a("connect_error", error);
    }
    t(reason, description) {
      this.connected = false;
      this.id = void 0;
      this.a("disconnect", reason, description);
      for (const event of this.E.values()) {
        if (event.F) this.P(event, new Error(DISCONNECTED));
      }
    }
    /** There will be no connection, unless someone asks for one: tell those who can be told, and send nothing for them. */
    ya() {
      for (const event of this.E.values()) {
        if (event.Ca && event.da) this.f(event, new Error(DISCONNECTED));
      }
    }
    s({ type, id, data }) {
      if (type === CONNECT) {
        if (data?.sid) this.Sa(data);
        else this.g(new Error("no sid"));
      } else if (type === EVENT || type === EVENT + BINARY) {
        const args = id === void 0 ? data : [...data, this.Ta(id)];
        if (this.connected) this.Q(args);
        else this.receiveBuffer.push(args);
      } else if (type === ACK || type === ACK + BINARY) {
        const event = this.E.get(id);
        if (event) this.f(event, null, data);
      } else {
        this.M();
        if (type === DISCONNECT) this.t("io server disconnect");
        else this.g(failure(data?.message ?? data, { data: data?.data }));
      }
    }
    Sa({ sid, pid }) {
      this.id = sid;
      this.recovered = !!pid && pid === this._pid;
      if (!this.recovered) this._lastOffset = void 0;
      this._pid = pid;
      this.connected = true;
      for (const args of this.receiveBuffer.splice(0)) this.Q(args);
      for (const event of this.sendBuffer.splice(0)) call(this.ea, this, [event]);
      this.a("connect");
    }
    Q(args) {
      this.l.a(IN, ...args);
      this.a(...args);
      const last = args[args.length - 1];
      if (this._pid && typeof last === "string") this._lastOffset = last;
    }
    /** What a handler calls to acknowledge; counts once, and only on the connection that the event came by. */
    Ta(id) {
      const { io: io2, nsp } = this;
      let engine = io2.engine;
      return (...data) => {
        if (engine === io2.engine && this.connected) io2.N({ type: ACK, nsp, id, data });
        engine = null;
      };
    }
    Ba(args, fn, withError) {
      const { volatile, timeout = this.y.ackTimeout } = this.O;
      this.O = {};
      if (!fn && typeof args.at(-1) === "function") fn = args.pop();
      if (RESERVED.test(args[0])) throw new Error(`"${args[0]}" is a reserved event name`);
      const event = {
        type: EVENT,
        nsp: this.nsp,
        data: args,
        F: false,
        Ca: fn,
        da: withError || timeout !== void 0,
        B: timeout
      };
      if (fn) this.Da(event);
      if (volatile && !this.io.engine?.transport?.writable) this.f(event, new Error("dropped"));
      else this.fa(event, volatile);
      return this;
    }
    /** Send an event, now or when there is a connection. */
    fa(event, _isVolatile) {
      this.C(event);
      if (this.ga()) this.ea(event);
      else this.sendBuffer.push(event);
    }
    /** What the server is told at a connection, beside `auth`. */
    ca() {
      return this._pid ? { pid: this._pid, offset: this._lastOffset } : void 0;
    }
    /** Give an event the id by which it is acknowledged. */
    Da(event) {
      event.id = this.Aa++;
      this.E.set(event.id, event);
    }
    ga() {
      return this.connected && !this.io.engine.na();
    }
    /** Send. What cannot be sent is told to who waits for the acknowledgement; THROWS where nobody does. */
    ea(event) {
      event.F = true;
      try {
        this.l.a(OUT, ...event.data);
        this.io.N(event);
      } catch (error) {
        if (!this.f(event, error)) throw error;
      }
    }
    C(event) {
      if (event.B === void 0) return;
      event.d = this.io.j.after(
        event.B,
        () => this.P(event, new Error("operation has timed out"))
      );
    }
    /** An event was not acknowledged. */
    P(event, error) {
      this.f(event, error);
    }
    /** An event is done with, by an error or an answer. False where nobody could be told. */
    f(event, error, answer = []) {
      const { Ca: _fn, da: _withError } = event;
      event.d?.();
      this.E.delete(event.id);
      remove(this.sendBuffer, event);
      if (!_fn || error && !_withError) return false;
      call(_fn, this, _withError ? [error, ...answer] : answer);
      return true;
    }
    /** From now on the manager does not connect for this socket. */
    M() {
      this.active = false;
      this.io.M(this);
    }
  };

  // src/socket/reliable.ts
  var ReliableSocket = class extends Socket {
    constructor() {
      super(...arguments);
      /** Whether the server knows which events it has seen, and handles none twice though they are sent again. */
      this.deduplicated = false;
      /** Events that are not acknowledged yet. */
      this._queue = [];
    }
    s(packet) {
      if (packet.type === CONNECT) this.deduplicated = !!packet.data?.retry;
      super.s(packet);
      call(this.ha, this, []);
    }
    Q(args) {
      const before = this._lastOffset;
      super.Q(args);
      if (OFFSET.test(before) && !OFFSET.test(this._lastOffset)) this._lastOffset = before;
    }
    ca() {
      const own = super.ca();
      if (!this.y.retries) return own;
      this.Ea ||= randomId();
      return { ...own, retry: { id: this.Ea, from: this._queue[0]?.id ?? this.Aa } };
    }
    fa(event, isVolatile) {
      if (!this.y.retries || isVolatile) {
        if (this.ga() || this.Fa(this.sendBuffer, event)) super.fa(event);
        return;
      }
      event.args = event.data;
      event.tryCount = 0;
      event.da = true;
      if (event.id === void 0) this.Da(event);
      if (this.Fa(this._queue, event)) this._queue.push(event);
      this.ha();
    }
    /** False for an event that is not to wait. THROWS BufferFullError where nobody else can be told. */
    Fa(waiting, event) {
      const { bufferLimit = 1e4, bufferOverflow } = this.y;
      if (waiting.length < bufferLimit) return true;
      const oldest = bufferOverflow === "drop-oldest" && waiting.find(({ F: _isSent }) => !_isSent);
      const error = failure("the buffer is full", { name: "BufferFullError", limit: bufferLimit });
      if (!this.f(oldest || event, error) && !/^drop/.test(bufferOverflow)) throw error;
      return !!oldest;
    }
    /** THROWS for what cannot be sent at all and has nobody waiting who could be told. */
    ha() {
      for (const event of this._queue.slice(0, this.y.retryWindow ?? 64)) {
        if (event.F || !this.ga()) continue;
        event.tryCount++;
        this.C(event);
        this.ea(event);
      }
    }
    P(event, error) {
      event.F = false;
      event.d?.();
      if (!(event.tryCount <= this.y.retries)) super.P(event, error);
      call(this.ha, this, []);
    }
    f(event, error, answer) {
      remove(this._queue, event);
      return super.f(event, error, answer);
    }
  };
  var OFFSET = /^[\w-]{4}-\d+$/;
  function randomId() {
    return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).replace(/\W/g, "-");
  }

  // src/index.ts
  var parts = {
    $: anyOf([PollingTransport, WebSocketTransport]),
    Z: { Encoder, Decoder },
    ba: ReliableSocket,
    wa: watchManager
  };
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
