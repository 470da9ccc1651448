/** Types of chromium.mjs, for tests. */

/** A Chromium on this machine and the line that it says about itself. */
export function findChromium(): { readonly file: string; readonly version: string } | null
