import { access, constants } from 'node:fs/promises'
import { StartError } from '../refusal/exit-codes.ts'

/** Rejects with StartError where nothing may ever be kept in a folder; a disk that is full may pass. */
export async function checkStateFolder(path: string): Promise<void> {
  await access(path, constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => {
    const why = `${path} cannot be written (${error.code ?? error.message})`
    throw new StartError(
      'cannotWrite',
      `the state folder ${why}; check its owner, or choose another`,
    )
  })
}
