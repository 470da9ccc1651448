/**
 * Network topologies: how many endpoints, switches and links a shape has, and what a published build of it costs.
 *
 * Formulas and table: "Insights into DeepSeek-V3" (ISCA 2025), table 3; slim fly: Besta and Hoefler 2014 (MMS graphs of
 * size 2q²); dragonfly: Kim et al. 2008. Links are those between switches; every endpoint has one more of its own.
 */
import { rejectViolations } from '../../base/errors.ts'

export interface Topology {
  readonly name: string
  readonly endpoints: number
  readonly switches: number
  /** Between switches. */
  readonly links: number
}

const even = (value: number) => Number.isInteger(value) && value >= 2 && value % 2 === 0
const check = (name: string, isRight: boolean, expected: string, got: number) =>
  rejectViolations(name, isRight ? [] : [`expected ${expected}, got ${got}`])

/**
 * Two-layer fat tree of switches with k ports: k²/2 endpoints, 3k/2 switches, k²/2 links.
 *
 * @param portCount k, even
 */
export function fatTree2(portCount: number): Topology {
  check('two-layer fat tree', even(portCount), 'an even number of ports', portCount)
  return { name: 'two-layer fat tree', endpoints: portCount ** 2 / 2, switches: (3 * portCount) / 2, links: portCount ** 2 / 2 }
}

/**
 * Three-layer fat tree: k³/4 endpoints, 5k²/4 switches, k³/2 links.
 *
 * @param portCount k, even
 */
export function fatTree3(portCount: number): Topology {
  check('three-layer fat tree', even(portCount), 'an even number of ports', portCount)
  return { name: 'three-layer fat tree', endpoints: portCount ** 3 / 4, switches: (5 * portCount ** 2) / 4, links: portCount ** 3 / 2 }
}

/**
 * Several two-layer fat trees side by side, each device and its network card in one of them: the network of the V3 run.
 *
 * @param portCount  k, even
 * @param planeCount 8 in the V3 run, one a device of a node
 */
export function multiPlane(portCount: number, planeCount: number): Topology {
  check('multi-plane', Number.isInteger(planeCount) && planeCount >= 1, 'at least one plane', planeCount)
  const { endpoints, switches, links } = fatTree2(portCount)
  return {
    name: `${planeCount}-plane two-layer fat tree`,
    endpoints: endpoints * planeCount,
    switches: switches * planeCount,
    links: links * planeCount,
  }
}

/**
 * Slim fly over q = 4w + δ, δ in {-1, 0, 1}: 2q² switches of (3q - δ)/2 links each; half as many endpoints a switch.
 *
 * @param q the size of the underlying field
 */
export function slimFly(q: number): Topology {
  check('slim fly', Number.isInteger(q) && q >= 3 && q % 4 !== 2, 'a whole number q of the form 4w - 1, 4w or 4w + 1', q)
  const delta = q % 4 === 3 ? -1 : q % 4
  const degree = (3 * q - delta) / 2
  const switches = 2 * q ** 2
  return { name: 'slim fly', endpoints: switches * Math.ceil(degree / 2), switches, links: (switches * degree) / 2 }
}

/**
 * Dragonfly: groups of `groupSwitches` fully connected switches, groups fully connected by `globalLinks` a switch.
 *
 * @param endpointsPerSwitch p
 * @param groupSwitches      a
 * @param globalLinks        h
 * @param groupCount         g, at most a·h + 1
 */
export function dragonfly(endpointsPerSwitch: number, groupSwitches: number, globalLinks: number, groupCount: number): Topology {
  const most = groupSwitches * globalLinks + 1
  check('dragonfly', groupCount <= most, `at most a·h + 1 = ${most} groups`, groupCount)
  const switches = groupSwitches * groupCount
  const local = (groupCount * groupSwitches * (groupSwitches - 1)) / 2
  return { name: 'dragonfly', endpoints: switches * endpointsPerSwitch, switches, links: local + (switches * globalLinks) / 2 }
}

export interface PublishedTopology {
  readonly topology: Topology
  /** Of the whole network at this size. */
  readonly megadollars: number
  readonly kilodollarsPerEndpoint: number
}

/** The published comparison, all from 64-port switches. Sizes are computed, costs are the paper's. */
export const publishedTopologies: readonly PublishedTopology[] = [
  { topology: fatTree2(64), megadollars: 9, kilodollarsPerEndpoint: 4.39 },
  { topology: multiPlane(64, 8), megadollars: 72, kilodollarsPerEndpoint: 4.39 },
  { topology: fatTree3(64), megadollars: 491, kilodollarsPerEndpoint: 7.5 },
  { topology: slimFly(28), megadollars: 146, kilodollarsPerEndpoint: 4.4 },
  { topology: dragonfly(16, 32, 16, 511), megadollars: 1522, kilodollarsPerEndpoint: 5.8 },
]

/** The cheapest published network per endpoint that has room; undefined when none has. */
export function cheapestTopology(endpointCount: number): PublishedTopology | undefined {
  return publishedTopologies
    .filter(({ topology }) => topology.endpoints >= endpointCount)
    .toSorted((a, b) => a.kilodollarsPerEndpoint - b.kilodollarsPerEndpoint || a.topology.endpoints - b.topology.endpoints)[0]
}
