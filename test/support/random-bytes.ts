/** xorshift32: the same bytes each time, so that what fails can be looked at. */
export function createBytes(seed: number): (length: number) => Buffer {
  let state = seed
  return (length) => {
    const bytes = Buffer.alloc(length)
    for (let at = 0; at < length; at += 1) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      bytes[at] = state & 255
    }
    return bytes
  }
}
