/** What is checked in one file, one after the other; each says `ok` or `FAILED` on a line of its own. */
export interface Check {
  readonly name: string
  readonly run: () => Promise<void> | void
}

export async function runChecks(
  checks: readonly Check[],
  closing: () => Promise<void> | void,
): Promise<void> {
  for (const { name, run } of checks) {
    try {
      await run()
      console.log(`ok ${name}`)
    } catch (error) {
      console.log(`FAILED ${name}\n${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  await closing()
  console.log('\nended')
  process.exit()
}
