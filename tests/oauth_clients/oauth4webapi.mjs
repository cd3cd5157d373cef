// A confidential app by oauth4webapi: discovery, PAR, PKCE, RAR, DPoP, introspection, refresh, grant management, revocation.
import * as oauth from 'oauth4webapi'
import { act, assert, done, thumbprint, visit, world } from './talk.mjs'

const plain = { [oauth.allowInsecureRequests]: true } // the server is on loopback
const issuer = new URL(world.issuer)
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain })
const as = await oauth.processDiscoveryResponse(issuer, found)
const client = { client_id: world.client_id }
const auth = oauth.ClientSecretBasic(world.secret)
const keys = await oauth.generateKeyPair('ES256')
const DPoP = oauth.DPoP(client, keys)

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const parameters = new URLSearchParams({
  response_type: 'code',
  redirect_uri: world.redirect_uri,
  state,
  scope: 'identity grant_management_query grant_management_revoke',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  authorization_details: JSON.stringify([{ type: 'beholden_fields', datatypes: ['city'], purposes: ['service'] }]),
})
const pushed = await oauth.processPushedAuthorizationResponse(
  as,
  client,
  await oauth.pushedAuthorizationRequest(as, client, auth, parameters, { DPoP, ...plain }),
)
const address = new URL(as.authorization_endpoint)
address.searchParams.set('client_id', client.client_id)
address.searchParams.set('request_uri', pushed.request_uri)

const back = await visit(address, 'allow', 'location#city')
const answer = oauth.validateAuthResponse(as, client, back, state) // state, and iss against mix-up
assert.equal(back.searchParams.get('iss'), world.issuer)
const exchange = () =>
  oauth.authorizationCodeGrantRequest(as, client, auth, answer, world.redirect_uri, verifier, { DPoP, ...plain })

const tokens = await oauth.processAuthorizationCodeResponse(as, client, await exchange())
assert.equal(tokens.token_type, 'dpop')
assert.deepEqual(tokens.authorization_details.map((d) => [d.datatypes, d.purposes]), [[['city'], ['service']]])

const look = async (token) =>
  oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, token, plain))
const looked = await look(tokens.access_token)
assert.equal(looked.active, true)
assert.equal(looked.cnf.jkt, await thumbprint(keys.publicKey))
assert.notEqual(looked.sub, world.person)
assert.ok(looked.data_access_expires_at > looked.exp)

const fresh = async (token) =>
  oauth.processRefreshTokenResponse(
    as,
    client,
    await oauth.refreshTokenGrantRequest(as, client, auth, token, { DPoP, ...plain }),
  )
const second = await fresh(tokens.refresh_token)
assert.notEqual(second.refresh_token, tokens.refresh_token)

const grant = new URL(`${as.grant_management_endpoint}/${tokens.grant_id}`)
const resource = (method) =>
  oauth.protectedResourceRequest(second.access_token, method, grant, undefined, undefined, { DPoP, ...plain })
const shown = await (await resource('GET')).json()
assert.deepEqual(shown.authorization_details[0].datatypes, ['city', 'email', 'name', 'photo'])

await act('opt_out') // data access ends, the token does not
const without = await look(second.access_token)
assert.deepEqual([without.active, without.authorization_details], [true, []])
await act('opt_in')

const ended = await resource('DELETE')
assert.equal(ended.status, 204)
assert.deepEqual(await look(second.access_token), { active: false })
await assert.rejects(fresh(second.refresh_token), { error: 'invalid_grant' })

await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, auth, second.refresh_token, plain), // 200, whatever it is worth
)
done({ sub: looked.sub })
