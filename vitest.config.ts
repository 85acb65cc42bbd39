import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'pkg/**/*.test.ts',
      'lint/**/*.test.ts',
      'cmd/**/*.test.ts',
      'test/{integration,conformance,fuzz,docs,chart}/**/*.test.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A busy machine is slow, not wrong: what is waited for comes, or the test says what did not.
    expect: { poll: { interval: 10, timeout: 10_000 } },
    pool: 'threads',
    // One worker per core; the default leaves one idle, which is half of a small machine.
    maxWorkers: '100%',
  },
})
