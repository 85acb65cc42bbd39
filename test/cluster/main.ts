/**
 * A Kubernetes of one node on this machine (Linux, root), with no registry and no way out:
 *
 *   build                        the programs, once
 *   up, down                     start it, take it away
 *   exec COMMAND...              run a command where it is reachable, with its KUBECONFIG
 *   load ARCHIVE                 give it an image
 *   stop NAME, start NAME        one component away and back
 */
import { down, up } from './cluster.ts'
import { componentNames, isComponent, start, stop, type Component } from './components.ts'
import { loadImage } from './node.ts'
import { buildPrograms } from './programs.ts'
import { attach, inside } from './run.ts'

const [verb, ...words] = process.argv.slice(2)
const started = performance.now()
const say = (text: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(`cluster ${seconds.padStart(6)} s  ${text}`)
}

function component(): Component {
  const [name = ''] = words
  if (isComponent(name)) return name
  throw new Error(`there is no component ${name}, only ${componentNames.join(' ')}`)
}

async function main(): Promise<number> {
  switch (verb) {
    case 'build':
      buildPrograms(say)
      return 0
    case 'up':
      await up(say)
      say('ready')
      return 0
    case 'down':
      await down()
      return 0
    case 'exec':
      return attach(inside(words))
    case 'load':
      loadImage(words[0] ?? '')
      return 0
    case 'start':
      start(component())
      return 0
    case 'stop':
      await stop(component())
      return 0
    default:
      console.error(
        'usage: main.ts build | up | down | exec CMD... | load ARCHIVE | stop|start NAME',
      )
      return 64
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
