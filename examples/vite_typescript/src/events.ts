/** The events of `list_app.py`, by who sends them. */

export interface Item {
  id: number;
  text: string;
  bought: boolean;
}

export interface ServerToClient {
  /** Everything, to those who come. */
  list: (items: Item[]) => void;
  /** A new item, or one that changed. */
  item: (item: Item) => void;
}

export interface ClientToServer {
  add: (text: string, done: (item: Item) => void) => void;
  mark: (id: number, bought: boolean) => void;
}
