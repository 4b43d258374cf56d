import { io, type Socket } from "arcwire";
import type { ClientToServer, Item, ServerToClient } from "./events.js";

const socket: Socket<ServerToClient, ClientToServer> = io();

const form = find<HTMLFormElement>("form");
const list = find<HTMLUListElement>("ul");
const state = find<HTMLParagraphElement>("#state");

socket.on("connect", () => tell(socket.recovered ? "Connected again; nothing was missed." : "Connected."));
socket.on("disconnect", () => tell("Connection lost; connecting again…"));

socket.on("list", (items) => {
  list.replaceChildren();
  items.forEach(show);
});
socket.on("item", show);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = String(new FormData(form).get("text"));
  form.reset();
  try {
    show(await socket.timeout(5000).emitWithAck("add", text)); // `text` must be a string, and an Item comes back
  } catch {
    tell(`“${text}” was not added.`);
  }
});

function show(item: Item): void {
  const row = document.getElementById(`item-${item.id}`) ?? list.appendChild(document.createElement("li"));
  row.id = `item-${item.id}`;
  row.className = item.bought ? "bought" : "";
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: item.bought });
  box.addEventListener("change", () => socket.emit("mark", item.id, box.checked));
  const label = document.createElement("label");
  label.append(box, ` ${item.text}`);
  row.replaceChildren(label);
}

function tell(text: string): void {
  state.textContent = text;
}

function find<Kind extends Element>(selector: string): Kind {
  const element = document.querySelector<Kind>(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return element;
}
