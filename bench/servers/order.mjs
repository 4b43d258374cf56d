// The schema of the typed event; the same as in order.py and order_pydantic.py.
import { z } from "zod";

const Order = z.object({
  id: z.int().min(0),
  item: z.string().min(1).max(64),
  quantity: z.int().min(1).max(1000),
  price: z.number().positive(),
  express: z.boolean(),
  tags: z.array(z.string()),
});

export function checkOrder(value) {
  const checked = Order.safeParse(value);
  if (!checked.success) return { error: checked.error.issues };
  const order = checked.data;
  return {
    id: order.id,
    item: order.item,
    total: order.quantity * order.price,
    express: order.express,
  };
}
