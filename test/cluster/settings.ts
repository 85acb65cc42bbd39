import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { certificate } from './certificates.ts'
import { files, folders, name, network } from './places.ts'

const { run } = folders

/** The settings of one component, by the name that its command line gives them. */
export const settingsFiles = {
  containerd: join(run, 'containerd.toml'),
  kubelet: join(run, 'kubelet.yaml'),
  kubeletConfig: join(run, 'kubelet.kubeconfig'),
  dns: join(run, 'Corefile'),
  dnsObjects: join(run, 'dns.yaml'),
} as const

const pause = 'localhost/busybox:1'

function kubeconfig(who: 'admin' | 'kubelet'): object {
  const { crt, key } = certificate(who)
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one-node',
    contexts: [{ name: 'one-node', context: { cluster: 'one-node', user: who } }],
    clusters: [
      {
        name: 'one-node',
        cluster: {
          server: `https://${network.node.v4}:6443`,
          'certificate-authority': certificate('root').crt,
        },
      },
    ],
    users: [{ name: who, user: { 'client-certificate': crt, 'client-key': key } }],
  }
}

// The score needs a capability that this root may lack; namespaces of pods stay in our own folder,
// where no other cluster on this machine sweeps.
const containerd = `version = 2
root = "${folders.images}"
state = "${join(run, 'containerd')}"
[grpc]
  address = "${files.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(run, 'cni')}"
`

const podNetwork = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: join(run, 'addresses'),
        ranges: [[{ subnet: network.pods.v4 }], [{ subnet: network.pods.v6 }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
}

function kubelet(): object {
  const { crt, key } = certificate('kubelet')
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificate('root').crt },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${name}`,
    clusterDNS: [network.dns],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${files.socket}`,
    evictionHard: {
      'imagefs.available': '1%',
      'memory.available': '100Mi',
      'nodefs.available': '1%',
    },
    failCgroupV1: false,
    failSwapOn: false,
    imageGCHighThresholdPercent: 100,
    // Two kubelets that share /var/log/pods clear away each other's.
    podLogsDir: join(run, 'pod-logs'),
    resolvConf: join(run, 'resolv.conf'),
    tlsCertFile: crt,
    tlsPrivateKeyFile: key,
  }
}

// DNS runs beside the node, not in a pod: its Service has the node's address as its only endpoint.
const dnsObjects = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: {
        clusterIP: network.dns,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: { 'kubernetes.io/service-name': 'kube-dns' },
      },
      addressType: 'IPv4',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
      endpoints: [{ addresses: [network.node.v4], conditions: { ready: true } }],
    },
  ],
}

/** Writes what every component reads. JSON is YAML, so most of it needs no text of its own. */
export function writeSettings(): void {
  mkdirSync(join(run, 'cni'), { recursive: true, mode: 0o700 })
  const json = (file: string, value: object): void => writeFileSync(file, JSON.stringify(value))
  json(files.kubeconfig, kubeconfig('admin'))
  json(settingsFiles.kubeletConfig, kubeconfig('kubelet'))
  json(join(run, 'cni', 'pods.conflist'), podNetwork)
  json(settingsFiles.kubelet, kubelet())
  json(settingsFiles.dnsObjects, dnsObjects)
  writeFileSync(settingsFiles.containerd, containerd)
  writeFileSync(join(run, 'resolv.conf'), `nameserver ${network.dns}\n`)
  writeFileSync(
    settingsFiles.dns,
    `.:53 {
  bind ${network.node.v4}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${files.kubeconfig}
  }
  cache 5
}
`,
  )
}
