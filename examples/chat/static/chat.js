// A chat on Arcwire's browser client: rooms, history, typing, images, delivery ticks, reconnection.

const $ = (id) => document.getElementById(id);
const links = [...document.querySelectorAll("#rooms a")];
const rooms = links.map((link) => link.hash.slice(1));

let name = sessionStorage.getItem("name") ?? "";
let room = currentRoom();
// Tells the server that it is this very page that comes back, so that the name is not taken by our own ghost.
const key = newId();

const RETRY_SECONDS = { first: 1, most: 5 };
const socket = io({
  autoConnect: false,
  auth: (send) => send({ name, room, key, known: known() }),
  reconnectionDelay: RETRY_SECONDS.first * 1000,
  reconnectionDelayMax: RETRY_SECONDS.most * 1000,
  randomizationFactor: 0, // so that the countdown on the page is exact
});

function newId() {
  // Not crypto.randomUUID, which a page on http://192.168... does not have.
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function icon(id) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  svg.firstChild.setAttribute("href", `#icon-${id}`);
  return svg;
}

function avatar(person) {
  const hue = [...person].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const made = element("span", "avatar", [...person][0].toUpperCase());
  made.style.setProperty("--hue", hue);
  made.ariaHidden = true;
  return made;
}

// --- Messages: one list per room, kept while the page lives, in the order of the server's clock.
// A message is known by the id its author gave it, so a second copy of it changes nothing.

const KEPT = 200;
const lists = new Map(rooms.map((each) => [each, element("ol", "")]));
const items = new Map(); // message id -> <li>

function show({ id, room, by, at, text, image }, state) {
  const list = lists.get(room);
  if (!list || items.has(id)) return;

  const bubble = element("div", "bubble");
  if (image) bubble.append(picture(image, by));
  if (text) bubble.append(element("p", "", text));
  const item = element("li", "", avatar(by), element("b", "", by), bubble, element("small", "", element("time", "")));
  item.classList.toggle("mine", by === name);
  Object.assign(item.dataset, { id, by });
  items.set(id, item);

  if (state) mark(id, state, "Waiting to be sent");
  place(item, list, at);
  if (list.children.length > KEPT) forget(list.firstElementChild);
}

/** Puts a message where its time belongs; those that wait to be sent are last, in the order of their sending. */
function place(item, list, at) {
  const rank = item.classList.contains("waiting") ? Infinity : at;
  const after = item.nextElementSibling;
  let next = null;
  let before = list.lastElementChild;
  while (before && (before === item || Number(before.dataset.rank) > rank)) {
    if (before !== item) next = before;
    before = before.previousElementSibling;
  }
  item.dataset.rank = rank;
  item.querySelector("time").textContent = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (!item.parentNode || after !== next) list.insertBefore(item, next);
  [after, item, next].forEach(group);
}

/** Shows the author only on the first of several messages, and the time only when it changed. */
function group(item) {
  const before = item?.previousElementSibling;
  item?.classList.toggle("again", before?.dataset.by === item.dataset.by);
  item?.classList.toggle("minute", before?.querySelector("time").textContent === item.querySelector("time").textContent);
}

/** The ids of the messages in this room, which the server need not send again. */
function known() {
  return Array.from(lists.get(room).children, (item) => item.dataset.id);
}

function forget(item) {
  items.delete(item.dataset.id);
  item.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
  item.remove();
}

function picture(bytes, by) {
  const image = element("img", "");
  image.alt = `Image from ${by}`;
  image.onerror = () => image.replaceWith(element("p", "broken", "This image cannot be shown."));
  image.src = URL.createObjectURL(new Blob([bytes]));
  return image;
}

function mark(id, state, label) {
  const item = items.get(id);
  if (!item) return;
  item.classList.remove("waiting", "delivered", "failed");
  item.classList.add(state);
  item.querySelector(".tick")?.remove();
  const tick = element("span", "tick", icon(state));
  if (state === "failed") {
    tick.append(label); // in words, because something has to be done about it
  } else {
    tick.role = "img";
    tick.ariaLabel = tick.title = label;
  }
  item.lastElementChild.append(tick);
}

// --- Sending: a message leaves the outbox when the server acknowledged it, over as many connections as that takes

const outbox = new Map(); // message id -> message

function say(text, image = null) {
  const message = { id: newId(), room, by: name, at: Date.now(), text, image };
  outbox.set(message.id, message);
  show(message, "waiting");
  $("log").scrollTop = 0;
  deliver(message);
}

function deliver({ id, room, text, image, at }) {
  if (!socket.connected) return; // the next "connect" delivers it
  socket.timeout(60_000).emit("say", { id, room, text, image }, (lost, answer) => {
    if (!outbox.has(id)) return;
    if (lost) return deliver(outbox.get(id));
    outbox.delete(id);
    const { error } = answer;
    if (error) mark(id, "failed", `Not delivered: ${error.message ?? error.code}`);
    else mark(id, "delivered", "Delivered");
    if (items.has(id)) place(items.get(id), lists.get(room), answer.at ?? at);
  });
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  $("text").value = "";
  lastTyped = 0;
  if (text) say(text);
});

// A tap on "send" leaves the focus, and with it a phone's keyboard, where it is.
$("send").addEventListener("mousedown", (event) => event.preventDefault());

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

// --- Images: picked, dropped or pasted, sent as bytes

let largestImage = Infinity;

async function sendImages(files) {
  if ($("chat").hidden) return;
  notice("");
  for (const file of [...files]) await sendImage(file);
}

async function sendImage(file) {
  if (!$("file").accept.split(", ").includes(file.type)) {
    return notice(`“${file.name}” is not a picture that browsers show. Send PNG, JPEG, GIF, WebP or AVIF.`);
  }
  if (file.size > largestImage) {
    return notice(`“${file.name}” has ${size(file.size)}; the server takes images up to ${size(largestImage)}.`);
  }
  say("", await file.arrayBuffer());
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function notice(text) {
  $("notice").textContent = text;
}

$("pick").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  sendImages($("file").files);
  $("file").value = "";
});
document.addEventListener("paste", (event) => sendImages(event.clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  $("chat").classList.toggle("dropping", event.dataTransfer.types.includes("Files"));
});
document.addEventListener("dragleave", (event) => event.relatedTarget ?? $("chat").classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("chat").classList.remove("dropping");
  sendImages(event.dataTransfer.files);
});

// --- Typing: volatile, because a late "is typing" is worth nothing

const typing = new Map(); // name -> timer
let lastTyped = 0;

$("text").addEventListener("input", () => {
  notice("");
  if (Date.now() - lastTyped < 1500) return;
  lastTyped = Date.now();
  socket.volatile.emit("typing");
});

socket.on("typing", (person) => {
  clearTimeout(typing.get(person));
  typing.set(person, setTimeout(stoppedTyping, 3000, person));
  showTyping();
});

function stoppedTyping(person) {
  clearTimeout(typing.get(person));
  if (typing.delete(person)) showTyping();
}

function showTyping() {
  const names = [...typing.keys()];
  const who = names.length > 2 ? "Several people are" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"}`;
  $("typing").textContent = names.length ? `${who} typing` : "";
}

// --- Rooms

function currentRoom() {
  const wanted = location.hash.slice(1);
  return rooms.includes(wanted) ? wanted : rooms[0];
}

function enterRoom() {
  room = currentRoom();
  const link = links[rooms.indexOf(room)];
  links.forEach((each) => each.removeAttribute("aria-current"));
  link.ariaCurrent = "page";
  link.classList.remove("unread");
  [...typing.keys()].forEach(stoppedTyping);
  $("room").textContent = room;
  $("topic").textContent = link.dataset.topic;
  $("text").placeholder = `Message #${room}`;
  $("log").ariaBusy = "true"; // nobody wants the history read aloud
  $("log").replaceChildren(lists.get(room));
  $("log").scrollTop = 0;
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (!$("chat").hidden) document.title = `#${room} · Arcwire chat`;
}

addEventListener("hashchange", () => {
  enterRoom();
  if (socket.connected) socket.emit("join", { room, known: known() }); // else the next handshake says it
});

addEventListener("keydown", (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step || !event.altKey || $("chat").hidden) return;
  event.preventDefault();
  location.hash = rooms.at((rooms.indexOf(room) + step) % rooms.length);
});

socket.on("message", (message) => {
  stoppedTyping(message.by);
  show(message);
});

socket.on("people", (names) => {
  $("people").replaceChildren(
    ...names.map((person) => {
      const item = element("li", "", avatar(person), element("span", "", person));
      if (person === name) item.append(element("small", "", "you"));
      return item;
    }),
  );
  $("log").ariaBusy = "false"; // the server sends it after the history
});

socket.on("rooms", (counts) => {
  links.forEach((link, index) => (link.dataset.count = counts[rooms[index]] || ""));
});

socket.on("activity", (where) => {
  if (where !== room) links[rooms.indexOf(where)]?.classList.add("unread");
});

// --- Connection

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  name = $("name").value.normalize().trim().replace(/\s+/g, " ");
  connect();
});

function connect() {
  $("refusal").textContent = "";
  socket.disconnect(); // also ends the waiting for the next attempt
  socket.connect();
  learnLimit();
}

function learnLimit() {
  // What is sent through long-polling is one character of its own and four for every three bytes.
  socket.io.engine.once("handshake", ({ maxPayload }) => (largestImage = Math.floor((maxPayload - 1) / 4) * 3));
}

function enterChat() {
  sessionStorage.setItem("name", name);
  $("welcome").hidden = true;
  $("chat").hidden = false;
  enterRoom();
  $("text").focus();
}

socket.io.on("open", () => {
  const { engine } = socket.io;
  const opened = performance.now();
  wire(engine.transport.name, `connected by ${engine.transport.name === "polling" ? "long-polling" : "WebSocket"}`);
  engine.once("upgrade", (transport) => {
    const now = new Date();
    const clock = `${now.toLocaleTimeString("en-GB")}.${String(now.getMilliseconds()).padStart(3, "0")}`;
    wire(transport.name, `upgraded at ${clock}, after ${Math.round(performance.now() - opened)} ms`);
  });
});

function wire(state, text) {
  $("wire").dataset.state = state;
  $("transport").textContent = text;
}

let attempt = 0;
let timer;

socket.on("connect", () => {
  if ($("chat").hidden) enterChat();
  attempt = 0;
  if ($("banner").dataset.state) {
    banner("back", "Connected again.");
    timer = setTimeout(banner, 3000, "", "");
  }
  outbox.forEach(deliver);
});

socket.on("disconnect", (reason) => {
  wire("offline", "not connected");
  [...typing.keys()].forEach(stoppedTyping);
  if (reason === "io server disconnect") banner("ended", "The server ended this connection.");
  else if (reason !== "io client disconnect") waitForRetry();
});

socket.on("connect_error", (error) => {
  if (socket.active) return waitForRetry(); // not reached, the client tries again
  banner("", ""); // refused by the server
  $("chat").hidden = true;
  $("welcome").hidden = false;
  $("refusal").textContent = error.message;
  $("name").select();
});

socket.io.on("reconnect_attempt", (number) => {
  attempt = number;
  queueMicrotask(learnLimit); // the attempt's engine is made right after this event
  banner("lost", "Connection lost.", `Attempt ${number} …`);
});

$("retry").addEventListener("click", () => {
  $("text").focus();
  attempt = 0;
  banner("lost", "Connection lost.", "Trying …");
  connect();
});

function waitForRetry() {
  const seconds = Math.min(RETRY_SECONDS.first * 2 ** attempt, RETRY_SECONDS.most);
  const next = performance.now() + seconds * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((next - performance.now()) / 1000));
    banner("lost", "Connection lost.", `Attempt ${attempt + 1} in ${left} s`);
    timer = setTimeout(tick, 250);
  };
  tick();
}

/** States: "" (hidden), "lost", "back", "ended". */
function banner(state, text, detail = "") {
  clearTimeout(timer);
  $("banner").dataset.state = state;
  announce($("outage"), text);
  announce($("refusal"), state === "lost" ? "The server cannot be reached. Still trying …" : "");
  $("countdown").textContent = detail; // not announced
}

/** Sets a text that screen readers read aloud, but only when it changed, as they read it each time it is set. */
function announce(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

$("name").value = name;
enterRoom();
if (name) connect();
