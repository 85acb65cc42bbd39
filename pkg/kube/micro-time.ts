/** `metav1.MicroTime`: the API server takes six digits of a second, and JavaScript writes three. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}
