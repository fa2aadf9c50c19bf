// The sandbox, and what a partner's backend does with it before a browser can come: an entity, roles, users.

import { startProcess } from './process.mjs';

export const CLIENT = { client_id: '9d2b4c8f-2087-4738-ba91-7359683c49a4', client_secret: 'only-for-this-run' };

export function startSandbox(binary) {
  const args = ['--listen', '127.0.0.1:0', '--rate-limit', 'off'];
  return startProcess(binary, [...args, '--client-id', CLIENT.client_id, '--client-secret', CLIENT.client_secret]);
}

/** Speaks as the partner's backend: JSON in, JSON out, anything but 2xx is an error. */
export class Partner {
  constructor(url) {
    this.url = url;
  }

  async call(method, path, body, entity) {
    const headers = { 'x-monite-version': '2024-05-25', 'content-type': 'application/json' };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (entity) headers['x-monite-entity-id'] = entity;
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async login() {
    this.token = (await this.call('POST', '/auth/token', { ...CLIENT, grant_type: 'client_credentials' })).access_token;
  }

  /** What an SDK's `fetchToken` is answered, with what it needs to know before its first call. */
  async userToken(user) {
    const grant = { ...CLIENT, grant_type: 'entity_user', entity_user_id: user.id };
    const token = await this.call('POST', '/auth/token', grant);
    return { ...token, entity_id: user.entity_id, entity_user_id: user.id, api_url: this.url };
  }

  entity(legal_name) {
    return this.call('POST', '/entities', {
      type: 'organization',
      email: 'ap@acme.example.com',
      address: { country: 'DE', city: 'Berlin', line1: 'Musterweg 1', postal_code: '10115' },
      organization: { legal_name },
    });
  }

  /** `may`: `{role: ['read']}`. */
  role(entity, name, may) {
    const objects = Object.entries(may).map(([object_type, names]) => ({
      object_type,
      actions: names.map((action_name) => ({ action_name, permission: 'allowed' })),
    }));
    return this.call('POST', '/roles', { name, permissions: { objects } }, entity.id);
  }

  async user(entity, login, role) {
    const user = await this.call('POST', '/entity_users', { login, first_name: login, role_id: role.id }, entity.id);
    return { ...user, entity_id: entity.id };
  }
}

/** Everything that arrived at the sandbox, latest first, secrets redacted. */
export async function requests(url) {
  const answer = await fetch(url.replace(/\/v1$/, '/_sandbox/requests?limit=1000'));
  return (await answer.json()).requests;
}
