import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setText } from './typography.ts'

const spaces = (markup: string) => setText(markup).replaceAll('\u00A0', '_')

test('a number stays with its unit and with its interval', () => {
  assert.equal(spaces('<p>1.91 MiB, 2.5 Gbit/s and −2.35 ± 0.11 nats</p>'), '<p>1.91_MiB, 2.5_Gbit/s and −2.35_±_0.11_nats</p>')
  assert.equal(spaces('95 % interval, 8.94K tokens a second'), '95_% interval, 8.94K_tokens a second')
  assert.equal(spaces('6 of 40 models, 4 statements'), '6 of 40 models, 4 statements')
})

test('apostrophes curl, code, drawings and attributes stay as they are', () => {
  assert.equal(setText('run&#39;s'), 'run’s')
  assert.equal(setText('routers&#39; choices'), 'routers’ choices')
  assert.equal(setText('<code>it&#39;s 3 MiB</code>'), '<code>it&#39;s 3 MiB</code>')
  assert.equal(setText('<svg><text>3 MiB</text></svg>'), '<svg><text>3 MiB</text></svg>')
  assert.equal(setText('<a title="3 MiB">x</a>'), '<a title="3 MiB">x</a>')
  assert.equal(spaces('<pre><code>3 s</code></pre><p>3 s</p>'), '<pre><code>3 s</code></pre><p>3_s</p>')
})
