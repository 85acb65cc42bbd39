import { spawnSync } from 'node:child_process'

export interface Engine {
  readonly name: string
  /** Builds a Dockerfile with the folder as its context; throws with the engine's own words. */
  build(options: BuildOptions): void
  /** Writes the image as a docker-archive that carries its tag. */
  save(options: { readonly tag: string; readonly out: string }): void
}

export interface BuildOptions {
  readonly context: string
  readonly tag: string
  readonly base?: string
  /** Which Dockerfile; the repository's own where it is not named. */
  readonly file?: string
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
    build: (options) => run(name, ['build', ...buildArguments(options)], options.tag),
    save: ({ tag, out }) => run(name, ['save', ...format, '-o', out, tag], out),
  }
}

function buildah(): Engine {
  // The plain copies of vfs and a chroot need neither overlay mounts nor user namespaces.
  const driver = process.env['STORAGE_DRIVER'] ?? 'vfs'
  const global = ['--storage-driver', driver]
  return {
    name: `buildah (storage driver ${driver})`,
    build: (options) =>
      run(
        'buildah',
        [...global, 'build', '--isolation', 'chroot', ...buildArguments(options)],
        options.tag,
      ),
    save: ({ tag, out }) =>
      run('buildah', [...global, 'push', '--quiet', tag, `docker-archive:${out}:${tag}`], out),
  }
}

function buildArguments({ context, tag, base, file = 'Dockerfile' }: BuildOptions): string[] {
  const named = base === undefined ? [] : ['--build-arg', `BASE=${base}`]
  return ['--quiet', '--file', file, '--tag', tag, ...named, context]
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
