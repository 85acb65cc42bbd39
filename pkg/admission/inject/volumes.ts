import { sameJson, type Json } from '../json.ts'
import type { Interception } from './config.ts'
import {
  authorityAudience,
  discoveryAudience,
  runVolume,
  stateVolume,
  tokensVolume,
} from './names.ts'
import { nameOf, type PodView } from './pod.ts'

/**
 * Our volumes. The tokens are readable by everyone (0444) because the kubelet writes them as root and only
 * the sidecar mounts them; with an `fsGroup` the kubelet itself makes them 0440, and the sidecar is of that
 * group as every container is.
 */
function volumesOf(interception: Interception): readonly Json[] {
  return [
    {
      name: tokensVolume,
      projected: {
        defaultMode: 0o444,
        sources: [token(discoveryAudience, 'discovery'), token(authorityAudience, 'authority')],
      },
    },
    { name: stateVolume, emptyDir: { sizeLimit: '64Mi' } },
    ...(interception === 'redirect'
      ? [{ name: runVolume, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }]
      : []),
  ]
}

/** The volumes that the pod lacks. One with our name that is another's is a problem. */
export function missingVolumes(
  { ownVolumes }: PodView,
  interception: Interception,
  problems: string[],
): readonly Json[] {
  const wanted = volumesOf(interception)
  for (const [name, volume] of ownVolumes) {
    const ours = wanted.find((each) => nameOf(each) === name)
    if (ours === undefined || !sameJson(ours, volume)) {
      problems.push(`volume ${name} has a name that is the sidecar's: rename it`)
    }
  }
  return wanted.filter((each) => !ownVolumes.has(nameOf(each)))
}

/** Of one hour: the authority takes none that lives longer. */
function token(audience: string, path: string): Json {
  return { serviceAccountToken: { audience, expirationSeconds: 3600, path } }
}
