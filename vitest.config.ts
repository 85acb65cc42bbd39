import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'pkg/**/*.test.ts',
      'lint/**/*.test.ts',
      'cmd/**/*.test.ts',
      'test/{integration,conformance,fuzz,docs}/**/*.test.ts',
    ],
    testTimeout: 20_000,
    pool: 'threads',
  },
})
