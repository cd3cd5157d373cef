// Apps by openid-client: one that signs (private_key_jwt) and pushes, and a public one with bearer tokens.
import * as client from 'openid-client'
import { act, assert, done, visit, world } from './talk.mjs'

const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }
const key = await crypto.subtle.importKey('jwk', world.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const signing = await client.discovery(
  new URL(world.issuer),
  world.signing_id,
  undefined,
  client.PrivateKeyJwt({ key, kid: world.key.kid }),
  options,
)
const open = await client.discovery(new URL(world.issuer), world.public_id, undefined, client.None(), options)

async function wanted(more) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const parameters = {
    redirect_uri: world.redirect_uri,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...more,
  }
  return { parameters, checks: { pkceCodeVerifier: verifier, expectedState: state } }
}

// The app that signs: PAR, DPoP, introspection, refresh, revocation.
const DPoP = client.getDPoPHandle(signing, await client.randomDPoPKeyPair('ES256'))
const first = await wanted({ scope: 'identity' })
const url = await client.buildAuthorizationUrlWithPAR(signing, first.parameters, { DPoP })
assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
const tokens = await client.authorizationCodeGrant(signing, await visit(url), first.checks, undefined, { DPoP })
assert.equal(tokens.token_type, 'dpop')
assert.equal((await client.tokenIntrospection(signing, tokens.access_token)).active, true)
const next = await client.refreshTokenGrant(signing, tokens.refresh_token, undefined, { DPoP })
await client.tokenRevocation(signing, next.access_token)
assert.equal((await client.tokenIntrospection(signing, next.access_token)).active, false)
const signingSub = (await client.tokenIntrospection(signing, next.refresh_token)).sub
await client.tokenRevocation(signing, next.refresh_token)
await assert.rejects(client.refreshTokenGrant(signing, next.refresh_token, undefined, { DPoP }), {
  error: 'invalid_grant',
})

// The public app: a no, then a yes, then a refresh token that comes twice.
const declined = await wanted({ scope: 'identity' })
const no = await visit(client.buildAuthorizationUrl(open, declined.parameters), 'decline')
await assert.rejects(client.authorizationCodeGrant(open, no, declined.checks), { error: 'access_denied' })

const asked = await wanted({ scope: 'identity' })
const yes = await visit(client.buildAuthorizationUrl(open, asked.parameters))
const plain = await client.authorizationCodeGrant(open, yes, asked.checks)
assert.equal(plain.token_type, 'bearer')
const publicSub = (await client.tokenIntrospection(open, plain.access_token)).sub
const again = await client.refreshTokenGrant(open, plain.refresh_token)
await assert.rejects(client.refreshTokenGrant(open, plain.refresh_token), { error: 'invalid_grant' })
assert.equal((await client.tokenIntrospection(open, again.access_token)).active, false)

// An answer that names another issuer is not taken for ours (RFC 9207).
const mixed = await wanted({ scope: 'identity' })
const forged = await visit(client.buildAuthorizationUrl(open, mixed.parameters))
forged.searchParams.set('iss', 'https://evil.example')
await assert.rejects(client.authorizationCodeGrant(open, forged, mixed.checks))

// A ban holds at the next request.
const last = await wanted({ scope: 'identity' })
const kept = await client.authorizationCodeGrant(
  open,
  await visit(client.buildAuthorizationUrl(open, last.parameters)),
  last.checks,
)
await act('ban')
assert.deepEqual(await client.tokenIntrospection(open, kept.access_token), { active: false })
done({ signingSub, publicSub })
