/**
 * Clusters as data: devices in nodes, nodes in a network.
 *
 * Sources: the H800 cluster of the V3 report, section 3.1, with link rates and latencies of "Insights into DeepSeek-V3"
 * (ISCA 2025), section 4.3 and table 5; the others are nodes of eight with one 400 Gbit/s card a device (H100, H200) or
 * one of 400 Gbit/s as shipped with HGX B200. $2 a device-hour is the rate of the V3 report; others have no price here.
 */
import { rejectViolations, usageError } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import { devices, type Device } from './devices.ts'
import { multiPlane, type Topology } from './topology.ts'

export interface Cluster {
  readonly name: string
  readonly device: Device
  readonly deviceCount: number
  readonly devicesPerNode: number
  /** One way, each device's share of the network; as built. */
  readonly networkBytesPerSecond: number
  /** From a device to one behind another leaf switch. */
  readonly networkLatencySeconds: number
  readonly linkLatencySeconds: number
  /** Null when nobody has named a price. */
  readonly dollarsPerDeviceHour: number | null
  readonly topology: Topology | null
}

const infiniband = {
  devicesPerNode: 8,
  networkBytesPerSecond: 50e9,
  networkLatencySeconds: 3.7e-6,
  linkLatencySeconds: 3.33e-6,
  dollarsPerDeviceHour: null,
  topology: null,
} as const

/** Cluster kinds by name; a size is added as in `h800x2048`. */
const kinds: Readonly<Record<string, Omit<Cluster, 'name' | 'deviceCount'>>> = {
  h800: { ...infiniband, device: devices.h800, dollarsPerDeviceHour: 2, topology: multiPlane(64, 8) },
  h100: { ...infiniband, device: devices.h100 },
  h200: { ...infiniband, device: devices.h200 },
  b200: { ...infiniband, device: devices.b200 },
}

const laptop: Cluster = {
  name: 'laptop',
  device: devices.laptop,
  deviceCount: 1,
  devicesPerNode: 1,
  networkBytesPerSecond: 0.125e9,
  networkLatencySeconds: 100e-6,
  linkLatencySeconds: 0,
  dollarsPerDeviceHour: null,
  topology: null,
}

/** What people may type, for messages. */
export const clusterNames: readonly string[] = [...Object.keys(kinds).map((kind) => `${kind}x<devices>`), 'laptop']

/**
 * The cluster called `text`: a kind and a number of devices, as in `h800x2048`, or `laptop`.
 *
 * @throws UsageError for a kind that is not known or a count that does not fill its nodes
 */
export function clusterNamed(text: string): Cluster {
  if (text === 'laptop') return laptop
  const [kindName = '', count = ''] = text.toLowerCase().split('x', 2)
  const kind = Object.hasOwn(kinds, kindName) ? kinds[kindName] : undefined
  if (!kind) throw usageError('cluster', `one of ${clusterNames.join(', ')}`, `"${text}"`, didYouMean(kindName, Object.keys(kinds)))
  if (!/^\d{1,7}$/.test(count)) throw usageError('cluster', `a number of devices, as in ${kindName}x2048`, `"${text}"`)
  const cluster: Cluster = { ...kind, name: `${kindName}x${count}`, deviceCount: Number(count) }
  rejectViolations(`cluster ${text}`, clusterViolations(cluster))
  return cluster
}

/** What is wrong with a cluster, one sentence each. */
export function clusterViolations(cluster: Cluster): string[] {
  const { deviceCount, devicesPerNode, device, topology, dollarsPerDeviceHour } = cluster
  const violations: string[] = []
  const check = (name: string, value: number, isRight: boolean, expected: string) => {
    if (!isRight) violations.push(`cluster.${name}: expected ${expected}, got ${value}`)
  }
  for (const [name, value] of Object.entries({ deviceCount, devicesPerNode, 'device.coreCount': device.coreCount })) {
    check(name, value, Number.isInteger(value) && value >= 1 && value <= 1e7, 'a whole number from 1 to 1e7')
  }
  const rates = {
    networkBytesPerSecond: cluster.networkBytesPerSecond,
    'device.memoryBytes': device.memoryBytes,
    'device.memoryBytesPerSecond': device.memoryBytesPerSecond,
    'device.linkBytesPerSecond': device.linkBytesPerSecond,
    ...Object.fromEntries(Object.entries(device.peakFlops).map(([precision, flops]) => [`device.peakFlops.${precision}`, flops])),
  }
  for (const [name, value] of Object.entries(rates)) check(name, value, value > 0 && value <= 1e18, 'more than 0 and at most 1e18')
  for (const name of ['networkLatencySeconds', 'linkLatencySeconds'] as const) {
    check(name, cluster[name], cluster[name] >= 0 && cluster[name] <= 1, 'from 0 to 1 second')
  }
  if (dollarsPerDeviceHour !== null) {
    check('dollarsPerDeviceHour', dollarsPerDeviceHour, dollarsPerDeviceHour >= 0 && dollarsPerDeviceHour <= 1e6, 'from 0 to 1e6')
  }
  if (violations.length > 0) return violations
  if (deviceCount > devicesPerNode && deviceCount % devicesPerNode !== 0) {
    violations.push(`devices: expected full nodes of ${devicesPerNode}, got ${deviceCount}`)
  }
  if (topology && deviceCount > topology.endpoints) {
    violations.push(`devices: expected at most the ${topology.endpoints} endpoints of its ${topology.name}, got ${deviceCount}`)
  }
  return violations
}

/** Nodes, the last one counted even when it is not full. */
export const nodeCountOf = ({ deviceCount, devicesPerNode }: Cluster) => Math.ceil(deviceCount / devicesPerNode)
