import { Refusal } from '../refusal/refusal.ts'

/** `token_claims`, naming the claim, never its value, in the private cause. */
export function refuseClaim(name: string): Refusal {
  return new Refusal('token_claims', {}, `claim ${name}`)
}
