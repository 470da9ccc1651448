/** The heap's bookkeeping: scopes, holes, growth, and what it says when it is misused or full. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError, UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Heap, heapLimitBytes } from './heap.ts'

const baseBytes = 128

function makeHeap(maximumPages = 16): Heap {
  return new Heap(new WebAssembly.Memory({ initial: 1, maximum: maximumPages, shared: true }), baseBytes)
}

test('blocks start on cache lines and do not overlap', () => {
  const heap = makeHeap()
  const addresses = [1, 64, 65, 0, 7].map((bytes) => heap.allocate(bytes))
  assert.deepEqual(addresses, [128, 192, 256, 384, 448])
  assert.equal(heap.levelBytes, 512)
})

test('a scope returns all that was allocated in it, at once', () => {
  const heap = makeHeap()
  const kept = heap.allocate(100)
  const level = heap.levelBytes
  {
    using scope = heap.scope()
    assert.equal(scope.startBytes, level)
    heap.allocate(1000)
    using _inner = heap.scope()
    heap.allocate(1000)
  }
  assert.equal(heap.levelBytes, level)
  heap.free(kept)
  assert.equal(heap.levelBytes, baseBytes)
})

test('a scope that ends by an exception returns its blocks too', () => {
  const heap = makeHeap()
  assert.throws(() => {
    using _scope = heap.scope()
    heap.allocate(640)
    throw new Error('in between')
  }, /in between/)
  assert.equal(heap.levelBytes, baseBytes)
})

test('holes are used again, first fit, and what is left of them stays a hole', () => {
  const heap = makeHeap()
  const [small, , large] = [64, 64, 192, 64].map((bytes) => heap.allocate(bytes))
  heap.free(large)
  heap.free(small)
  assert.equal(heap.allocate(128), large, 'the first hole is too small')
  assert.equal(heap.allocate(64), small)
  assert.equal(heap.allocate(64), large + 128)
})

test('neighbouring holes become one, in whatever order they appear', () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [0, 2, 1],
    [1, 0, 2],
  ]) {
    const heap = makeHeap()
    const blocks = [64, 128, 64].map((bytes) => heap.allocate(bytes))
    heap.allocate(64)
    const level = heap.levelBytes
    for (const i of order) heap.free(blocks[i])
    assert.equal(heap.allocate(256), blocks[0], `order ${order.join(', ')}`)
    assert.equal(heap.levelBytes, level)
  }
})

test('a hole at the top lowers the level', () => {
  const heap = makeHeap()
  const [first, second, third] = [64, 64, 64].map((bytes) => heap.allocate(bytes))
  heap.free(second)
  assert.equal(heap.levelBytes, baseBytes + 192)
  heap.free(third)
  assert.equal(heap.levelBytes, baseBytes + 64)
  heap.free(first)
  assert.equal(heap.levelBytes, baseBytes)
})

test('holes of an outer scope are left alone by an inner one', () => {
  const heap = makeHeap()
  const hole = heap.allocate(64)
  heap.allocate(64)
  heap.free(hole)
  {
    using scope = heap.scope()
    assert.equal(heap.allocate(64), scope.startBytes)
  }
  assert.equal(heap.allocate(64), hole)
})

test('a random life: blocks never overlap, and everything freed is the empty heap again', () => {
  for (let seed = 0; seed < 20; seed++) {
    const rng = Random.seeded(seed)
    const heap = makeHeap()
    const live = new Map<number, number>()
    for (let i = 0; i < 300; i++) {
      if (live.size > 0 && rng.below(5) < 2) {
        const address = [...live.keys()][rng.below(live.size)]
        live.delete(address)
        heap.free(address)
        continue
      }
      const bytes = rng.below(600)
      const address = heap.allocate(bytes)
      for (const [other, size] of live) {
        assert.ok(address + Math.max(bytes, 1) <= other || other + Math.max(size, 1) <= address, `seed ${seed}`)
      }
      live.set(address, bytes)
    }
    for (const address of live.keys()) heap.free(address)
    assert.equal(heap.levelBytes, baseBytes, `seed ${seed}`)
  }
})

test('the memory grows by whole pages when a block needs it, and the peak remembers', () => {
  const heap = makeHeap()
  {
    using _scope = heap.scope()
    heap.allocate(3 * 65536)
    assert.equal(heap.memory.buffer.byteLength, 4 * 65536)
  }
  heap.allocate(64)
  assert.equal(heap.peakBytes, baseBytes + 3 * 65536)
})

test('misuse is refused: a block twice, an address that is none, a block of an outer scope, scopes out of order', () => {
  const heap = makeHeap()
  const block = heap.allocate(64)
  const outer = heap.allocate(64)
  heap.free(block)
  assert.throws(() => heap.free(block), InvariantError)
  assert.throws(() => heap.free(outer + 4), InvariantError)
  const first = heap.scope()
  assert.throws(() => heap.free(outer), InvariantError)
  const second = heap.scope()
  assert.throws(() => first[Symbol.dispose](), /innermost scope/)
  second[Symbol.dispose]()
  const inside = heap.allocate(64)
  first[Symbol.dispose]()
  assert.throws(() => heap.free(inside), InvariantError)
  heap.free(outer)
})

test('more than 4 GiB is refused before anything is allocated, with the size that it would take', () => {
  const heap = makeHeap()
  heap.allocate(64)
  assert.throws(() => heap.allocate(heapLimitBytes), {
    name: 'UsageError',
    message: 'heap: expected at most 4.00 GiB, got a need for 4.00 GiB. Use a smaller model, fewer rows in a batch, or a shorter context.',
  })
  assert.throws(() => heap.allocate(7 * 2 ** 30), /got a need for 7.00 GiB/)
  assert.equal(heap.memory.buffer.byteLength, 65536)
  assert.equal(heap.levelBytes, baseBytes + 64)
})

test('a machine that will not give the memory is told so, and the heap is as before', () => {
  const heap = makeHeap(2)
  assert.throws(
    () => heap.allocate(3 * 65536),
    (error) => error instanceof UsageError && /refused to grow it to 192/.test(error.message) && error.cause !== undefined,
  )
  assert.equal(heap.levelBytes, baseBytes)
  assert.equal(heap.peakBytes, baseBytes)
  assert.equal(heap.allocate(64), baseBytes)
})

test('a watch sees the most that was in use since it began, and leaves the peak of all time as it was', () => {
  const heap = makeHeap(64)
  {
    using _earlier = heap.scope()
    heap.allocate(1 << 20)
  }
  const { peakBytes } = heap
  const watch = heap.watchPeak()
  {
    using _inner = heap.scope()
    heap.allocate(4096)
    heap.allocate(8192)
  }
  heap.allocate(4096)
  assert.equal(watch.end(), 4096 + 8192)
  assert.equal(heap.peakBytes, peakBytes)
  const higher = heap.watchPeak()
  const level = heap.levelBytes
  heap.allocate(1 << 21)
  assert.equal(higher.end(), 1 << 21)
  assert.equal(heap.peakBytes, level + (1 << 21))
})
