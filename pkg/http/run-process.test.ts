import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { StartError } from '../refusal/exit-codes.ts'
import { runProcess } from './run-process.ts'

/** A process that tells what was done to it; its exit ends the run as a rejection. */
function observed() {
  const said: string[] = []
  const signals = new EventEmitter()
  const exit = (code: number): never => {
    said.push(`exit ${code}`)
    throw new Error('exited')
  }
  return {
    said,
    signals,
    process: {
      once: (signal: string, action: () => void) => signals.once(signal, action),
      stderr: { write: (text: string) => said.push(text) },
      exit,
    },
  }
}

test.each(['SIGTERM', 'SIGINT'])('%s during the start is obeyed after it', async (signal) => {
  const { said, signals, process } = observed()
  const started = Promise.withResolvers<{ close(): Promise<void> }>()
  const ended = runProcess('authority', () => started.promise, process)
  signals.emit(signal)
  expect(signals.listenerCount(signal)).toBe(0)
  started.resolve({ close: () => Promise.resolve(void said.push('closed')) })
  await expect(ended).rejects.toThrow('exited')
  expect(said).toEqual(['closed', 'exit 0'])
})

test('a start that fails is one line and its code', async () => {
  const { said, process } = observed()
  const fail = () => Promise.reject(new StartError('inputMissing', 'the key is not there'))
  await expect(runProcess('authority', fail, process)).rejects.toThrow('exited')
  expect(said).toEqual(['authority: the key is not there\n', 'exit 66'])
})
