/** Charges. */
import { serve } from './serve.ts'

let charges = 0

serve({
  'POST /charges': (_request, { body }) => {
    const cents = (body as { cents?: unknown }).cents
    if (typeof cents !== 'number') return { status: 422, body: { error: 'how much?' } }
    charges += 1
    return { status: 201, body: { id: `charge-${charges}`, cents } }
  },
})
