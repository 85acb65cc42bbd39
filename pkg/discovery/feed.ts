import type { ServerHttp2Stream } from 'node:http2'
import { diffOf, mapSections } from './delta.ts'
import { hashOf } from './hash.ts'
import type { Client, Index } from './index.ts'
import { writeLine } from './lines.ts'
import { shownTo } from './revision.ts'
import {
  sectionsOf,
  type Downstream,
  type Hello,
  type Revision,
  type SectionName,
  type Update,
} from './wire.ts'

const heartbeatMs = 10_000
/** A reader that takes nothing for this long is cut: it would show an old policy as fresh. */
const stalledMs = 60_000

export interface Feed {
  /** Something may have changed: send the latest state as soon as the reader takes it. */
  changed(): void
  /**
   * The client has rejected this section: it is sent again, whole, with the next change. False where it is
   * not what was sent last, or was rejected before.
   */
  rejected(section: SectionName, hash: string): boolean
  close(): void
}

/**
 * Sends one client what it lacks. Nothing queues: while the reader is slow only a mark is kept, and
 * what it gets then is the latest state against what it was sent last.
 */
export function createFeed(options: {
  readonly stream: ServerHttp2Stream
  readonly index: Index
  readonly client: Client
  readonly hello: Hello
  readonly onSent: (bytes: number) => void
}): Feed {
  const { stream, index, client, hello } = options
  const held = new Map<SectionName, { hash: string; value?: object }>()
  for (const name of sectionsOf[client.kind]) {
    const hash = hello.hashes[name]
    if (hash === undefined) continue
    const value = index.sections(client)?.[name]
    held.set(name, value !== undefined && hashOf(value) === hash ? { hash, value } : { hash })
  }
  let dirty = true
  let stalled: NodeJS.Timeout | undefined

  const send = (line: Downstream): void => {
    const text = writeLine(line)
    options.onSent(text.length)
    if (!stream.write(text)) stalled = setTimeout(() => stream.close(), stalledMs)
  }
  const shown = (): Revision | undefined => {
    const generation = index.current()
    return generation && shownTo(generation.revision, hello.revision)
  }
  const beat = (): void => {
    const revision = shown()
    // A beat of a generation that was not sent would make an old policy look fresh.
    if (stalled !== undefined || dirty || revision === undefined || !stream.writable) return
    send({ type: 'heartbeat', revision, ageMs: Math.round(index.ageMs()) })
  }
  const flush = (): void => {
    if (stalled !== undefined || !dirty || !stream.writable) return
    const revision = shown()
    const values = index.sections(client)
    if (revision === undefined || values === undefined) {
      stream.end()
      return
    }
    dirty = false
    const sections: [SectionName, Update['sections'][SectionName]][] = []
    for (const name of sectionsOf[client.kind]) {
      const value = values[name]
      if (value === undefined) continue
      const hash = hashOf(value)
      const before = held.get(name)
      if (before?.hash === hash) continue
      held.set(name, { hash, value })
      if (before?.value !== undefined && mapSections.has(name)) {
        const delta = diffOf(before.hash, { ...before.value }, { ...value })
        sections.push([name, { hash, delta }])
      } else sections.push([name, { hash, value }])
    }
    if (sections.length > 0) {
      send({ type: 'update', revision, sections: Object.fromEntries(sections) })
    }
  }

  stream.on('drain', () => {
    clearTimeout(stalled)
    stalled = undefined
    flush()
  })
  const heart = setInterval(beat, heartbeatMs)
  flush()
  beat()

  return {
    changed() {
      dirty = true
      flush()
    },
    rejected(section, hash) {
      return held.get(section)?.hash === hash && held.delete(section)
    },
    close() {
      clearInterval(heart)
      clearTimeout(stalled)
    },
  }
}
