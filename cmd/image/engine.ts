import { spawnSync } from 'node:child_process'

export interface Engine {
  readonly name: string
  /** Builds the Dockerfile with the folder as its context; throws with the engine's own words. */
  build(options: { readonly context: string; readonly tag: string; readonly base?: string }): void
  /** Writes the image as a docker-archive that carries its tag. */
  save(options: { readonly tag: string; readonly out: string }): void
}

/** The first of docker, podman and buildah that is installed and answers. */
export function findEngine(): Engine {
  if (works('docker', ['info'])) return dockerLike('docker', [])
  if (works('podman', ['info'])) return dockerLike('podman', ['--format', 'docker-archive'])
  if (works('buildah', ['--version'])) return buildah()
  throw new Error('none of docker (with its daemon), podman and buildah is here: install one')
}

function dockerLike(name: string, format: readonly string[]): Engine {
  return {
    name,
    build: ({ context, tag, base }) =>
      run(name, ['build', ...buildArguments(tag, base), context], tag),
    save: ({ tag, out }) => run(name, ['save', ...format, '-o', out, tag], out),
  }
}

function buildah(): Engine {
  // The plain copies of vfs and a chroot need neither overlay mounts nor user namespaces.
  const driver = process.env['STORAGE_DRIVER'] ?? 'vfs'
  const global = ['--storage-driver', driver]
  return {
    name: `buildah (storage driver ${driver})`,
    build: ({ context, tag, base }) =>
      run(
        'buildah',
        [...global, 'build', '--isolation', 'chroot', ...buildArguments(tag, base), context],
        tag,
      ),
    save: ({ tag, out }) =>
      run('buildah', [...global, 'push', '--quiet', tag, `docker-archive:${out}:${tag}`], out),
  }
}

function buildArguments(tag: string, base: string | undefined): string[] {
  const named = base === undefined ? [] : ['--build-arg', `BASE=${base}`]
  return ['--quiet', '--file', 'Dockerfile', '--tag', tag, ...named]
}

function works(name: string, args: readonly string[]): boolean {
  return spawnSync(name, args, { stdio: 'ignore', timeout: 20_000 }).status === 0
}

function run(name: string, args: readonly string[], what: string): void {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8' })
  if (status === 0) return
  const words = error?.message ?? stderr.trim().split('\n').slice(-5).join('\n')
  throw new Error(`${name} could not make ${what}: ${words}`)
}
