import eslint from 'typescript-eslint'
import { roomRule } from './lint/room-rule.ts'

const environment = {
  object: 'process',
  property: 'env',
  message: 'The environment is read in cmd only; a room takes plain options.',
}

const mocks = ['mock', 'doMock'].map((property) => ({
  object: 'vi',
  property,
  message: 'No module of ours is mocked.',
}))

export default eslint.config(
  { ignores: ['node_modules', 'dist', '.cache', '.state', 'coverage'] },
  ...eslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { tokenward: { rules: { rooms: roomRule as never } } },
    rules: {
      'tokenward/rooms': 'error',
      'max-lines': ['error', { max: 400 }],
      'no-restricted-properties': ['error', environment, ...mocks],
      eqeqeq: 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['pkg/policy/**/*.ts', 'pkg/token/**/*.ts', 'pkg/refusal/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'fetch', 'process'],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'A pure room is told the time.' },
        { object: 'Math', property: 'random', message: 'A pure room is told the randomness.' },
      ],
    },
  },
  {
    files: ['cmd/**/*.ts', 'test/**/*.ts', 'examples/**/*.ts', 'vitest.config.ts'],
    rules: { 'no-restricted-properties': ['error', ...mocks] },
  },
)
