// The bridge between the sandbox and the browser: a product's customer and user go in, a session comes out that the
// bridge exchanges for a token.

import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startProcess } from './process.mjs';
import { CLIENT } from './sandbox.mjs';

const API_KEY = 'an-api-key-only-for-this-run-0123456789';
const SESSION_SECRET = 'a-session-secret-only-for-this-run-0123456789';

/** `serve` with a database of its own, for pages of `origin`. */
export async function startBridge(binary, sandboxUrl, origin) {
  const home = await mkdtemp(join(tmpdir(), 'outside-bridge-'));
  const env = {
    MONITE_CLIENT_ID: CLIENT.client_id,
    MONITE_CLIENT_SECRET: CLIENT.client_secret,
    MONITE_BRIDGE_API_KEY: API_KEY,
    MONITE_BRIDGE__MONITE__BASE_URL: sandboxUrl,
    MONITE_BRIDGE__SERVER__LISTEN: '127.0.0.1:0',
    MONITE_BRIDGE__SERVER__CORS_ORIGINS: origin,
    MONITE_BRIDGE__DATABASE__URL: `sqlite://${join(home, 'bridge.db')}`,
    MONITE_BRIDGE__SESSION__HS256_SECRET_ENV: 'SESSION_SECRET',
    SESSION_SECRET,
  };
  const server = await startProcess(binary, ['serve'], { cwd: home, env });
  const stop = async () => {
    await server.stop();
    await rm(home, { recursive: true });
  };
  return { url: server.url, stop };
}

/** Tells the bridge of something and waits until it is so at Monite. */
export async function put(bridge, path, document) {
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', prefer: 'wait=20' };
  const answer = await fetch(bridge.url + path, { method: 'PUT', headers, body: JSON.stringify(document) });
  const text = await answer.text();
  if (!answer.ok || JSON.parse(text).sync.state !== 'in_sync') throw new Error(`PUT ${path}: ${answer.status} ${text}`);
}

/** What the product's own login would have given the browser. */
export function session(customer, user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { org_id: customer, sub: user, exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SESSION_SECRET).update(signed).digest('base64url')}`;
}
