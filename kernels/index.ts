/** What the host sees: one entry for the main thread, one for workers, and the table from opcode to kernel. */
import { attention, attentionBackward } from './attention'
import { decode, decodeCombine, decodeEmbed, decodeExperts, decodeGated, decodeLinear, decodeNorm } from './decode'
import { decodeAttend, decodeCache } from './decode-attention'
import { decodeE4m3, encodeE4m3, roundE4m3 } from './e4m3'
import { addScaled, fill, sumSquares, swiglu, swigluBackward } from './elementwise'
import { gemm, gemmTransposed, pack } from './gemm'
import { adamwBf16 } from './moments'
import { probeMultiplyAdd, probeStream } from './probe'
import { balance, route, routeBackward, sortByExpert } from './router'
import { combine, embed, embedBackward, rmsNorm, rmsNormBackward, rope } from './rowwise'
import { likelihoods } from './sampling'
import { awaitCommand, command, finish, gather, release } from './threads'
import { adamw, crossEntropy } from './training'

export { enter } from './threads'
// Exported so that the compiler keeps each one a function of its own: inlined into the switch below, they would share
// one register allocation and spill.
export { probeMultiplyAdd, probeStream, pack, gemm, gemmTransposed, attention, attentionBackward }
export { fill, addScaled, sumSquares, swiglu, swigluBackward, embed, embedBackward, rmsNorm, rmsNormBackward, rope, combine }
export { route, routeBackward, balance, sortByExpert, crossEntropy, adamw, likelihoods }
export { decode, decodeEmbed, decodeLinear, decodeGated, decodeExperts, decodeCombine, decodeCache, decodeAttend, decodeNorm }
export { roundE4m3, encodeE4m3, decodeE4m3, adamwBf16 }

/** The numbers are those of src/compute/opcodes.ts. */
function execute(opcode: i32): void {
  switch (opcode) {
    case 0: probeMultiplyAdd(); break
    case 1: probeStream(); break
    case 2: pack(); break
    case 3: gemm(); break
    case 4: gemmTransposed(); break
    case 5: attention(); break
    case 6: attentionBackward(); break
    case 7: fill(); break
    case 8: addScaled(); break
    case 9: sumSquares(); break
    case 10: swiglu(); break
    case 11: swigluBackward(); break
    case 12: embed(); break
    case 13: embedBackward(); break
    case 14: rmsNorm(); break
    case 15: rmsNormBackward(); break
    case 16: rope(); break
    case 17: combine(); break
    case 18: route(); break
    case 19: routeBackward(); break
    case 20: balance(); break
    case 21: sortByExpert(); break
    case 22: crossEntropy(); break
    case 23: adamw(); break
    case 24: decode(); break
    case 25: likelihoods(); break
    case 26: roundE4m3(); break
    case 27: encodeE4m3(); break
    case 28: decodeE4m3(); break
    case 29: adamwBf16(); break
    default: unreachable()
  }
}

/** Main thread: runs one command on all threads and returns when it is done. */
export function dispatch(opcode: i32): void {
  release(opcode)
  execute(opcode)
  gather()
}

/** Worker: serves commands until the pool closes. */
export function serve(): void {
  let seen = 0
  for (;;) {
    seen = awaitCommand(seen)
    if (seen < 0) return
    execute(command())
    finish()
  }
}
