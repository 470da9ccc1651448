/**
 * What this engine's WebAssembly can do, found by asking it to validate the smallest module that needs the feature.
 * Encoding: WebAssembly core specification, sections 5.3 to 5.5; opcodes of the SIMD, relaxed SIMD and threads proposals.
 */

export interface WasmFeatures {
  /** 128-bit vectors: the kernels cannot do without. */
  readonly hasSimd: boolean
  /** Fused multiply-add on vectors: the `relaxed` kernels; without it the `plain` ones are used. */
  readonly hasRelaxedSimd: boolean
  /** Shared memory and atomics: more than one thread. */
  readonly hasThreads: boolean
}

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] // "\0asm", version 1
const section = (id: number, ...content: number[]) => [id, content.length, ...content]

/** A module with one function without arguments that runs `code`. */
function moduleOf(resultTypes: readonly number[], memory: readonly number[], code: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...code, 0x0b] // no locals, code, end
  return Uint8Array.of(
    ...header,
    ...section(1, 1, 0x60, 0, resultTypes.length, ...resultTypes), // one type: () → results
    ...section(3, 1, 0), // one function, of that type
    ...(memory.length > 0 ? section(5, 1, ...memory) : []),
    ...section(10, 1, body.length, ...body),
  )
}

const v128 = 0x7b
const zeros = [0x41, 0, 0xfd, 0x0f] // i32.const 0, i8x16.splat
const relaxedMultiplyAdd = [0xfd, 0x85, 0x02] // f32x4.relaxed_madd
const sharedPage = [3, 1, 1] // limits: shared, minimum 1 page, maximum 1 page
const atomicLoad = [0x41, 0, 0xfe, 0x10, 2, 0, 0x1a] // i32.const 0, i32.atomic.load, drop

/** Asks the engine that this runs in. */
export function detectWasmFeatures(): WasmFeatures {
  return {
    hasSimd: WebAssembly.validate(moduleOf([v128], [], zeros)),
    hasRelaxedSimd: WebAssembly.validate(moduleOf([v128], [], [...zeros, ...zeros, ...zeros, ...relaxedMultiplyAdd])),
    hasThreads: typeof SharedArrayBuffer === 'function' && WebAssembly.validate(moduleOf([], sharedPage, atomicLoad)),
  }
}
