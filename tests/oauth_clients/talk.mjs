// How a client talks to the test that started it: one JSON value a line. The test is the person's browser.
import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export const world = JSON.parse(process.env.WORLD)
export { assert }

const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')

// Send the person to an address; the address at which the app gets its answer comes back.
export async function visit(url, answer = 'allow', ...ticked) {
  say({ visit: url.href, answer, ticked })
  return new URL((await lines.next()).value)
}

// Have the test do something to the world (`opt_out`, `ban`), and wait until it is done.
export async function act(name) {
  say({ act: name })
  await lines.next()
}

export function done(facts) {
  say({ done: facts })
  process.exit(0)
}

export async function thumbprint(publicKey) {
  const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  const text = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }))
  return Buffer.from(await crypto.subtle.digest('SHA-256', text)).toString('base64url')
}
