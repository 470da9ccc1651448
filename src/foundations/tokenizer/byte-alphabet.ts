/**
 * Bytes as printable characters: how byte-level BPE files spell their tokens.
 *
 * The 188 bytes that are printable in Latin-1 stand for themselves; the other 68 take the characters from U+0100 on, in
 * order, so that a space is written Ġ and a line feed Ċ. Source: GPT-2's encoder, 2019; every byte-level tokenizer.json
 * follows it.
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
}

/** The character that stands for each byte. */
export const characterOfByte: readonly string[] = buildAlphabet()

function buildAlphabet(): string[] {
  let shiftedCount = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : 0x100 + shiftedCount++))
}

/** The 256 bytes in the order of their characters: the order in which DeepSeek-V3 numbers its byte tokens. */
export const bytesInFileOrder: readonly number[] = Array.from(characterOfByte.keys()).sort((a, b) =>
  characterOfByte[a] < characterOfByte[b] ? -1 : 1,
)

/** The byte of each character of the alphabet by its code, -1 for codes that stand for no byte. */
const byteOfCode = new Int16Array(0x200).fill(-1)
characterOfByte.forEach((character, byte) => (byteOfCode[character.charCodeAt(0)] = byte))

/**
 * The bytes that a spelled token stands for.
 *
 * @param spelled a token as tokenizer.json writes it
 * @returns its bytes, or undefined when a character of it stands for no byte
 */
export function bytesOfSpelling(spelled: string): Uint8Array | undefined {
  const bytes = new Uint8Array(spelled.length)
  for (let i = 0; i < spelled.length; i++) {
    const byte = byteOfCode[spelled.charCodeAt(i)] ?? -1
    if (byte < 0) return undefined
    bytes[i] = byte
  }
  return bytes
}
