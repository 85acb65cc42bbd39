/** Takes orders and has them paid. */
import { call, serve } from './serve.ts'

interface Order {
  readonly id: string
  readonly item: string
  readonly charge: unknown
}

const orders = new Map<string, Order>()

serve({
  'POST /orders': async (request, { body }) => {
    const item = (body as { item?: unknown }).item
    if (typeof item !== 'string') return { status: 422, body: { error: 'which item?' } }
    const charge = await call(request, 'POST', 'http://payments.shop/charges', { cents: 4200 })
    if (charge.status !== 201) return charge
    const order: Order = { id: String(orders.size + 1), item, charge: charge.body }
    orders.set(order.id, order)
    return { status: 201, body: order }
  },
  'GET /orders/:id': (_request, { id }) => {
    const order = orders.get(id)
    return order === undefined
      ? { status: 404, body: { error: 'no such order' } }
      : { status: 200, body: order }
  },
})
