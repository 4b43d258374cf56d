import { io } from "arcwire";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useConnected, useEvent } from "./useSocket.js";

const socket = io(); // one for the page, outside of components

function Applause() {
  const connected = useConnected(socket);
  const [people, setPeople] = useState(0);
  const [claps, setClaps] = useState(0);
  const [mine, setMine] = useState(0);
  useEvent(socket, "people", setPeople);
  useEvent(socket, "claps", (all: number) => setClaps(all));

  function clap() {
    setMine(mine + 1);
    socket.emit("clap");
  }

  return (
    <main>
      <h1>Applause</h1>
      <p className="claps">{claps}</p>
      <button type="button" onClick={clap} disabled={!connected}>
        👏 Clap
      </button>
      <p className="state">
        {connected ? `${people} in the room. You clapped ${times(mine)}.` : "Connection lost; connecting again…"}
      </p>
    </main>
  );
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Applause />
  </StrictMode>,
);
