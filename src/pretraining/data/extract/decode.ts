/** Bytes to text, strictly. */
import { usageError } from '../../../base/errors.ts'

/**
 * UTF-8 → string.
 *
 * @param subject what to call the bytes in the message
 * @throws UsageError with the position of the first byte that is not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw usageError(subject, 'UTF-8', `invalid bytes at offset ${firstInvalidByte(bytes)}`, encodingHint(bytes), cause)
  }
}

/** What to do about bytes that are not UTF-8. */
export function encodingHint(bytes: Uint8Array): string {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  return isUtf16
    ? 'The file is UTF-16: convert it, e.g. with iconv -f utf-16 -t utf-8.'
    : 'Convert the file, e.g. with iconv -f latin1 -t utf-8.'
}

/** Bytes of the character that begins with `lead`; 0 for a byte that begins none. */
export function sequenceLength(lead: number): number {
  return lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0
}

/** Offset of the first byte that cannot stand where it stands in UTF-8 (RFC 3629, table of section 4); `bytes.length` if all can. */
export function firstInvalidByte(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]
    const length = sequenceLength(lead)
    if (length === 0) return i
    for (let k = 1; k < length; k++) if ((bytes[i + k] ?? 0) >> 6 !== 2) return i
    const second = bytes[i + 1]
    const isOverlong = (lead === 0xe0 && second < 0xa0) || (lead === 0xf0 && second < 0x90)
    const isBeyond = (lead === 0xed && second > 0x9f) || (lead === 0xf4 && second > 0x8f)
    if (isOverlong || isBeyond) return i
    i += length
  }
  return bytes.length
}
