import type { KubeClient, Query } from './client.ts'
import { isExpired } from './kube-error.ts'
import { readObject, type KubeList, type KubeObject } from './objects.ts'

/** Small enough that no page holds the server or us for long. */
const pageSize = 500

/**
 * Every object of a path, of one version of the store, page by page. Where that takes so long that the
 * version is gone before the last page, the whole is asked for at once. Throws KubeError, BadLineError.
 */
export async function listPages(
  client: KubeClient,
  path: string,
  options: {
    readonly query: Query
    readonly onObject: (object: KubeObject) => void
    /** What came so far is of a version that is gone: forget it. */
    readonly onRestart: () => void
  },
): Promise<{ readonly resourceVersion: string }> {
  const { query, onObject, onRestart } = options
  const take = (list: KubeList): void => {
    const { apiVersion = '', kind = '' } = list
    const of = { apiVersion, kind: kind.replace(/List$/, '') }
    for (const item of list.items) onObject(readObject(item, of))
  }
  const ask = (more: Query): Promise<KubeList> =>
    client.request<KubeList>({ method: 'GET', path, query: { ...query, ...more } })

  let page = await ask({ limit: pageSize })
  take(page)
  while (page.metadata.continue !== undefined && page.metadata.continue !== '') {
    try {
      page = await ask({ limit: pageSize, continue: page.metadata.continue })
    } catch (error) {
      if (!isExpired(error)) throw error
      onRestart()
      page = await ask({})
    }
    take(page)
  }
  return { resourceVersion: page.metadata.resourceVersion }
}
