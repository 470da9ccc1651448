/** `strata balance`: places experts and their replicas on devices from measured loads. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { parseLoads } from '../../infrastructure/balancer/loads-file.ts'
import { balanceViolations, loadImbalance, rebalanceExperts, type Placement } from '../../infrastructure/balancer/rebalance.ts'
import { commonFlags, readNumbers } from '../flags.ts'
import { createOutput } from '../output.ts'

interface Flags {
  readonly loads: string
  readonly replicas: string
  readonly groups: string
  readonly nodes: string
  readonly gpus: string
  readonly json: boolean
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('balance')
    .summary('place experts and redundant replicas on devices')
    .description('Places experts on devices so that the busiest device has as little to do as possible, hot experts more than once.')
    .requiredOption('--loads <file>', 'JSON [[…],[…]], layers x experts')
    .requiredOption('--replicas <count>', 'slots in all, a multiple of the gpus')
    .option('--groups <count>', 'groups of consecutive experts', '1')
    .option('--nodes <count>', 'nodes', '1')
    .requiredOption('--gpus <count>', 'devices in all, a multiple of the nodes')
  commonFlags(command, 'json').action(run)
}

function run(flags: Flags): void {
  const { replicas, groups, nodes, gpus } = flags
  const { numbers, violations } = readNumbers({ replicas, groups, nodes, gpus })
  const loads = parseLoads(read(flags.loads), flags.loads)
  const shape = { replicaCount: numbers.replicas, groupCount: numbers.groups, nodeCount: numbers.nodes, deviceCount: numbers.gpus }
  if (violations.length > 0)
    rejectViolations('balance', [...violations, ...balanceViolations(loads, shape).filter((line) => !line.endsWith('got NaN'))])
  const placements = rebalanceExperts(loads, shape)
  const isHierarchical = numbers.groups % numbers.nodes === 0 && numbers.nodes > 1
  createOutput({ json: flags.json }).result(toDocument(placements), () => toText(placements, isHierarchical))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw usageError(file, 'a file of loads', (cause as Error).message, '', cause)
  }
}

/** Rows of logicalToPhysical are padded with -1 to the largest number of replicas, as in the published maps. */
function toDocument(placements: readonly Placement[]) {
  const most = placements.reduce((high, { replicaCounts }) => replicaCounts.reduce((higher, count) => Math.max(higher, count), high), 1)
  const pad = (slots: readonly number[]) => [...slots, ...Array.from({ length: most - slots.length }, () => -1)]
  return {
    physicalToLogical: placements.map(({ logicalOfPhysical }) => logicalOfPhysical),
    logicalToPhysical: placements.map(({ physicalOfLogical }) => physicalOfLogical.map(pad)),
    replicaCounts: placements.map(({ replicaCounts }) => replicaCounts),
    gpuLoads: placements.map(({ deviceLoads }) => deviceLoads),
  }
}

function toText(placements: readonly Placement[], isHierarchical: boolean): string {
  const policy = isHierarchical ? 'hierarchical: groups stay inside a node' : 'global: any expert on any device'
  const layers = placements.map(({ logicalOfPhysical, deviceLoads }, layer) => {
    const slots = logicalOfPhysical.length / deviceLoads.length
    const imbalance = loadImbalance(deviceLoads).toFixed(3)
    const rows = deviceLoads.map((load, device) => {
      const experts = logicalOfPhysical.slice(device * slots, (device + 1) * slots).join(' ')
      return `  gpu ${String(device).padStart(3)}  load ${String(Number(load.toPrecision(6))).padStart(9)}  experts ${experts}`
    })
    return [`layer ${layer}: busiest device ${imbalance} x the mean`, ...rows].join('\n')
  })
  return [policy, ...layers].join('\n')
}
