import { defineConfig } from 'vitest/config'

/** Against a real API server: `node test/kube/run.ts`. */
export default defineConfig({
  test: {
    include: ['test/kube/**/*.kube.ts'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    expect: { poll: { interval: 20, timeout: 30_000 } },
    pool: 'threads',
    // Each file has an API server of its own, which wants a core.
    fileParallelism: false,
  },
})
