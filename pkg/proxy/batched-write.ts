/** Where lines go in the end, in one piece. */
export type Sink = (text: string) => void

export interface BatchedWrite {
  readonly write: (line: string) => void
  readonly flush: () => void
}

const afterMs = 20
const atLength = 32 * 1024

/** Gathers lines for some milliseconds: a flood of refusals costs one system call for many. */
export function createBatchedWrite(sink: Sink): BatchedWrite {
  let text = ''
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    if (timer !== undefined) clearTimeout(timer)
    timer = undefined
    const lines = text
    text = ''
    if (lines !== '') sink(lines)
  }
  return {
    write(line) {
      text += line
      if (text.length >= atLength) flush()
      else timer ??= setTimeout(flush, afterMs)
    },
    flush,
  }
}
