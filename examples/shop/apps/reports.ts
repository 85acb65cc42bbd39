/** Figures for the other services. */
import { serve } from './serve.ts'

const reports: Readonly<Record<string, unknown>> = {
  bestsellers: ['teapot', 'lamp', 'rug'],
  returns: [],
}

serve({
  'GET /reports/:id': (_request, { id }) =>
    Object.hasOwn(reports, id)
      ? { status: 200, body: reports[id] }
      : { status: 404, body: { error: 'no such report' } },
})
