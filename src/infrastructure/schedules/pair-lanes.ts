/**
 * One level below a schedule: inside an overlapped forward-backward pair, attention and experts run on the compute lane
 * while dispatch and combine run on the communication lane.
 *
 * Both lanes keep the launch order of the public training trace, layer after layer:
 *   combine(B) attn(F) mlp(B) dispatch(F) dispatch(B) mlp(W) mlp(F) attn(B) attn(W) combine(F)
 * so that every wait for the network has work of the other micro-batch beside it. The gradient of a combine travels like
 * a dispatch and the other way round. Source: DeepSeek-V3 report, figure 4; the profile-data repository, train.json.
 */

/** Durations of one layer's components, in one unit. */
export interface LayerDurations {
  readonly attentionForward: number
  readonly attentionBackward: number
  readonly attentionWeight: number
  readonly mlpForward: number
  readonly mlpBackward: number
  readonly mlpWeight: number
  readonly dispatchForward: number
  readonly combineForward: number
  /** The gradient of combine, which starts a layer's backward. */
  readonly combineBackward: number
  readonly dispatchBackward: number
}

export interface PairOptions {
  /** Layers of the chunk that runs forward. */
  readonly forwardLayerCount: number
  /** Layers of the chunk that runs backward. */
  readonly backwardLayerCount: number
  /** Share of the SMs that communication keeps; compute is stretched by 1 / (1 - share). 0 when measured together. */
  readonly communicationSmShare?: number
  /** Time to send a chunk's result to the next rank, once each way, on the communication lane. */
  readonly pointToPoint?: number
}

export interface LaneTask {
  readonly name: string
  readonly lane: 'compute' | 'communication'
  readonly layer: number
  readonly start: number
  readonly end: number
}

export interface PairOverlap {
  readonly duration: number
  readonly computeBusy: number
  readonly communicationBusy: number
  /** Time in which the compute lane waits for the communication lane. */
  readonly exposedCommunication: number
  readonly tasks: readonly LaneTask[]
}

/** [name, lane, what it needs of the same layer, whether it also needs the last task of the layer before]. */
const launchOrder = [
  ['combineBackward', 'communication', 'attentionBackward', true],
  ['attentionForward', 'compute', 'combineForward', true],
  ['mlpBackward', 'compute', 'combineBackward', false],
  ['dispatchForward', 'communication', 'attentionForward', false],
  ['dispatchBackward', 'communication', 'mlpBackward', false],
  ['mlpWeight', 'compute', 'mlpBackward', false],
  ['mlpForward', 'compute', 'dispatchForward', false],
  ['attentionBackward', 'compute', 'dispatchBackward', false],
  ['attentionWeight', 'compute', 'attentionBackward', false],
  ['combineForward', 'communication', 'mlpForward', false],
] as const satisfies readonly (readonly [keyof LayerDurations, LaneTask['lane'], keyof LayerDurations, boolean])[]

const isForward = (name: string) => name.endsWith('Forward')

/**
 * Overlaps one micro-batch's forward with another one's backward.
 *
 * @param durations of one layer
 * @param options   how many layers each way, and what communication takes from compute
 * @returns times in the durations' unit
 */
export function overlapPair(durations: LayerDurations, options: PairOptions): PairOverlap {
  const { forwardLayerCount, backwardLayerCount, communicationSmShare = 0, pointToPoint = 0 } = options
  const stretch = 1 / (1 - communicationSmShare)
  const tasks: LaneTask[] = []
  const laneEnd = { compute: 0, communication: 0 }
  const laneBusy = { compute: 0, communication: 0 }
  const ends = new Map<string, number>()

  const run = (name: string, lane: LaneTask['lane'], layer: number, duration: number, ready: number): number => {
    const start = Math.max(laneEnd[lane], ready)
    const end = start + duration
    laneEnd[lane] = end
    laneBusy[lane] += duration
    if (duration > 0) tasks.push({ name, lane, layer, start, end })
    return end
  }
  for (let layer = 0; layer < Math.max(forwardLayerCount, backwardLayerCount); layer++) {
    for (const [name, lane, needs, isOfLayerBefore] of launchOrder) {
      if (layer >= (isForward(name) ? forwardLayerCount : backwardLayerCount)) continue
      const ready = ends.get(`${needs} ${isOfLayerBefore ? layer - 1 : layer}`) ?? 0
      const duration = durations[name] * (lane === 'compute' ? stretch : 1)
      ends.set(`${name} ${layer}`, run(name, lane, layer, duration, ready))
    }
  }
  run('sendForward', 'communication', forwardLayerCount - 1, pointToPoint, ends.get(`combineForward ${forwardLayerCount - 1}`) ?? 0)
  run('sendBackward', 'communication', backwardLayerCount - 1, pointToPoint, ends.get(`attentionBackward ${backwardLayerCount - 1}`) ?? 0)

  const duration = Math.max(laneEnd.compute, laneEnd.communication)
  return {
    duration,
    computeBusy: laneBusy.compute,
    communicationBusy: laneBusy.communication,
    exposedCommunication: duration - laneBusy.compute,
    tasks,
  }
}
