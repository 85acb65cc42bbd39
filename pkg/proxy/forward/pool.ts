import type { Core } from './core.ts'
import type { Dial } from './verdict.ts'
import { Upstream } from './upstream.ts'

/** Idle upstream connections by address; the one that was used last goes out first. */
export class Pool {
  #idle = new Map<string, Upstream[]>()

  /** An idle connection if there is one that its server still keeps, else a new one. */
  take(core: Core, to: Dial): Upstream {
    const key = `${to.host} ${to.port}`
    const idle = this.#idle.get(key)
    while (idle !== undefined && idle.length > 0) {
      const upstream = idle.pop()
      if (upstream === undefined) break
      if (upstream.idleUntilMs >= core.nowMs + core.limits.sweepMs) {
        upstream.reused = true
        core.stats.upstreamReused++
        return upstream
      }
      upstream.destroy()
    }
    return this.fresh(core, to)
  }

  fresh(core: Core, to: Dial): Upstream {
    core.stats.upstreamConnections++
    return new Upstream(core, to, (upstream) => this.#forget(upstream))
  }

  /** Keeps a connection for `idleMs` (bounded by the limits), or ends it. */
  give(core: Core, upstream: Upstream, idleMs: number): void {
    const { poolAgeMs, poolIdleMs, poolSize } = core.limits
    let idle = this.#idle.get(upstream.key)
    if (idle === undefined) this.#idle.set(upstream.key, (idle = []))
    const old = core.nowMs - upstream.openedMs >= poolAgeMs
    if (old || idle.length >= poolSize || idleMs <= 0 || core.draining) {
      upstream.destroy()
      return
    }
    upstream.idleUntilMs = core.nowMs + Math.min(idleMs, poolIdleMs)
    idle.push(upstream)
  }

  #forget(upstream: Upstream): void {
    const idle = this.#idle.get(upstream.key)
    const at = idle === undefined ? -1 : idle.lastIndexOf(upstream)
    if (idle === undefined || at === -1) return
    idle.splice(at, 1)
    if (idle.length === 0) this.#idle.delete(upstream.key)
  }

  /** Ends what has been idle too long; `all` ends every idle connection. */
  sweep(nowMs: number, all = false): void {
    for (const [key, idle] of this.#idle) {
      const kept: Upstream[] = []
      for (const upstream of idle) {
        if (!all && upstream.idleUntilMs >= nowMs) kept.push(upstream)
        else upstream.destroy()
      }
      if (kept.length === 0) this.#idle.delete(key)
      else this.#idle.set(key, kept)
    }
  }
}
