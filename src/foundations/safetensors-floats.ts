/**
 * Small floating-point formats of checkpoints, widened to f32.
 *
 *   BF16  the upper half of an f32           F8_E4M3  no infinity, one NaN a sign, up to 448
 *   F16   IEEE, 5 exponent bits              F8_E5M2  IEEE, 5 exponent bits
 *                                            F8_E8M0  a power of two, for scales
 *
 * Every value of these formats is an f32, so widening is exact.
 * Sources: IEEE 754; Micikevicius et al., "FP8 formats for deep learning" (2022); OCP microscaling formats (2023).
 */
import { usageError } from '../base/errors.ts'
import type { SafetensorsDtype } from './safetensors.ts'

/** Value of a float of 1 + exponentBits + mantissaBits bits. `isFinite`: the top exponent is ordinary but for its last value. */
function valueOfBits(bits: number, exponentBits: number, mantissaBits: number, isFinite: boolean): number {
  const topExponent = 2 ** exponentBits - 1
  const sign = bits >> (exponentBits + mantissaBits) === 0 ? 1 : -1
  const exponent = (bits >> mantissaBits) & topExponent
  const mantissa = bits & (2 ** mantissaBits - 1)
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === topExponent && (isFinite ? mantissa === 2 ** mantissaBits - 1 : true)) {
    return mantissa === 0 && !isFinite ? sign * Infinity : Number.NaN
  }
  const fraction = mantissa / 2 ** mantissaBits
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias))
}

function table(bitCount: number, valueOf: (bits: number) => number): Float32Array {
  return Float32Array.from({ length: 2 ** bitCount }, (_, bits) => valueOf(bits))
}

const tableMakers = {
  F16: () => table(16, (bits) => valueOfBits(bits, 5, 10, false)),
  F8_E4M3: () => table(8, (bits) => valueOfBits(bits, 4, 3, true)),
  F8_E5M2: () => table(8, (bits) => valueOfBits(bits, 5, 2, false)),
  F8_E8M0: () => table(8, (bits) => (bits === 255 ? Number.NaN : 2 ** (bits - 127))),
} as const

const tables: Partial<Record<keyof typeof tableMakers, Float32Array>> = {}

/** The f32 of every bit pattern, made once. */
function tableOf(dtype: keyof typeof tableMakers): Float32Array {
  tables[dtype] ??= tableMakers[dtype]()
  return tables[dtype]
}

/**
 * Widens or narrows stored numbers to f32.
 *
 * @param dtype  how `bytes` are stored: a float, F64 included (rounded to nearest)
 * @param bytes  little-endian, a whole number of elements, at any alignment
 * @param target where the numbers go: as many as `bytes` holds
 * @throws UsageError for integers and booleans
 */
export function decodeFloats(dtype: SafetensorsDtype, bytes: Uint8Array, target: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (dtype) {
    case 'F32':
      new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes)
      return
    case 'BF16': {
      const bits = new Uint32Array(target.buffer, target.byteOffset, target.length)
      for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(2 * i, true) << 16
      return
    }
    case 'F64':
      for (let i = 0; i < target.length; i++) target[i] = view.getFloat64(8 * i, true)
      return
    case 'F16': {
      const values = tableOf('F16')
      for (let i = 0; i < target.length; i++) target[i] = values[view.getUint16(2 * i, true)]!
      return
    }
    case 'F8_E4M3':
    case 'F8_E5M2':
    case 'F8_E8M0': {
      const values = tableOf(dtype)
      for (let i = 0; i < target.length; i++) target[i] = values[bytes[i]]!
      return
    }
    default:
      throw usageError('tensor', 'floating-point numbers', dtype, 'Read its bytes instead.')
  }
}
