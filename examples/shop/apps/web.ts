/** The shop's front. */
import { call, serve } from './serve.ts'

serve({
  'GET /': () => ({ status: 200, body: { shop: 'open', buy: 'POST /purchases' } }),
  'GET /healthz': () => ({ status: 200, body: 'ok' }),
  'GET /bestsellers': (request) => call(request, 'GET', 'http://reports.shop/reports/bestsellers'),
  'POST /purchases': (request, { body }) =>
    call(request, 'POST', 'http://orders.shop/orders', body),
  'GET /purchases/:id': (request, { id }) =>
    call(request, 'GET', `http://orders.shop/orders/${id}`),
  'POST /guest/purchases': (request, { body }) =>
    call(request, 'POST', 'http://orders.shop/orders', body),
})
