/** Runs one piece of work per key at a time; who asks meanwhile gets the same promise. */
export interface SingleFlight<T> {
  run(key: string, work: () => Promise<T>): Promise<T>
  /** Whether work for this key is under way. */
  has(key: string): boolean
}

/** Nothing is remembered once the work has ended, well or badly. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>()
  return {
    run(key, work) {
      const under = flights.get(key)
      if (under !== undefined) return under
      // `work` starts in a microtask, so that a synchronous throw is a rejection like any other.
      const flight = Promise.resolve()
        .then(work)
        .finally(() => flights.delete(key))
      flights.set(key, flight)
      return flight
    },
    has: (key) => flights.has(key),
  }
}
