// What a person would see, click and type, and what the sandbox must have been asked meanwhile.

import assert from 'node:assert/strict';

import { put, session } from './bridge.mjs';
import { requests } from './sandbox.mjs';

/** Not an operation on accounts, so the sandbox says 501; the SDK tells the user and goes on. */
const CURRENCIES = /501 .*\/internal\/currencies/;

/** Every object type that the SDK of this version knows; its editor sends all of them. */
const OBJECT_TYPES = 26;

async function starts({ page, show, url, users, entity, errors, preflights }) {
  await show('ana', 'roles');
  await page.getByRole('heading', { name: 'User Roles' }).waitFor();
  await page.getByText('role 11', { exact: true }).waitFor();
  await says(page, '#entity', 'Acme GmbH');
  await says(page, '#user', 'ana');
  await says(page, '#settings', 'not allowed');
  assert.equal(await page.getByText('Access Restricted').count(), 0, 'access is restricted');
  const calls = await answered(url);
  for (const path of [
    '/entity_users/me',
    '/entity_users/my_role',
    '/entity_users/my_entity',
    `/entities/${entity.id}/settings`,
    `/entity_users/${users.ana.id}`,
    '/roles',
  ]) {
    assert.equal(calls.get(`GET ${path}`), 200, `GET ${path} was answered with`);
  }
  const list = (await requests(url)).find((call) => call.path === '/roles' && call.method === 'GET');
  assert.equal(list.query, 'sort=created_at&order=desc&limit=10');
  const asked = new Set(preflights);
  for (const header of ['authorization', 'x-monite-entity-id', 'x-monite-sdk-version', 'x-monite-version']) {
    assert.ok(asked.has(header), `the browser asked whether it may send ${header}; it asked for ${[...asked]}`);
  }
  noErrors(errors);
}

async function opensARole({ page, show, url, roles, errors }) {
  await show('ana', 'roles');
  await page.getByText('role 11', { exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: 'role 11', level: 3 }).waitFor();
  await dialog.getByRole('button', { name: 'Edit' }).waitFor();
  assert.equal((await answered(url)).get(`GET /roles/${roles.at(-1).id}`), 200);
  noErrors(errors);
}

async function createsAndEdits({ page, show, partner, entity, errors }) {
  await show('ana', 'roles');
  await page.getByRole('button', { name: 'Create New' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('made in a browser');
  await dialog.getByLabel('payable approve').check();
  await dialog.getByLabel('tag read').check();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Role made in a browser was created').waitFor();
  const created = await stored(partner, entity, 'made in a browser');
  assert.equal(created.permissions.objects.length, OBJECT_TYPES);
  assert.deepEqual(granted(created), ['payable approve', 'tag read']);

  await dialog.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Name').fill('changed in a browser');
  await dialog.getByLabel('tag read').uncheck();
  await dialog.getByLabel('product create').check();
  await dialog.getByRole('button', { name: 'Update' }).click();
  await page.getByText('Role changed in a browser was updated').waitFor();
  const changed = await stored(partner, entity, 'changed in a browser');
  assert.equal(changed.id, created.id);
  assert.deepEqual(granted(changed), ['payable approve', 'product create']);

  await dialog.getByRole('button', { name: 'Close role details' }).click();
  await page.getByRole('row', { name: 'changed in a browser' }).waitFor();
  noErrors(errors);
}

async function refusesADuplicate({ page, show, errors }) {
  await show('ana', 'roles');
  await page.getByRole('button', { name: 'Create New' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('guest');
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await page.getByText('Role with name "guest" already exists').waitFor();
  noErrors(errors, /409 .*\/roles/);
}

async function pagesSortsAndSearches({ page, show, roles, errors }) {
  const one = await listed(page, () => show('ana', 'table'));
  await table(page, 'changed in a browser', 10);
  const two = await listed(page, () => page.getByRole('button', { name: 'Next page' }).click());
  await table(page, 'role 2', roles.length + 1 - 10);
  assert.equal(new Set([...one, ...two]).size, roles.length + 1, 'every role once');
  await page.getByRole('button', { name: 'Previous page' }).click();
  await table(page, 'changed in a browser', 10);
  await page.getByRole('columnheader', { name: 'Created on' }).click();
  await table(page, 'admin', 10);
  await page.getByRole('textbox', { name: 'Search' }).fill('role 7');
  await table(page, 'role 7', 1);
  await page.getByText('role 7', { exact: true }).click();
  await says(page, '#told', `clicked ${roles.find((role) => role.name === 'role 7').id}`);
  noErrors(errors);
}

async function showsOneRole({ page, show, roles, errors }) {
  await show('ana', 'role', { role: roles[0].id });
  await page.getByRole('heading', { name: 'admin', level: 3 }).waitFor();
  noErrors(errors);
  const nowhere = crypto.randomUUID();
  await show('ana', 'role', { role: nowhere });
  await page.getByText('Role not found').waitFor();
  noErrors(errors, new RegExp(`404 .*/roles/${nowhere}`));
}

async function keepsOut({ page, show, url, users, errors }) {
  const before = (await answered(url)).get('GET /roles');
  await show('bob', 'roles');
  await page.getByText('Access Restricted').first().waitFor();
  await says(page, '#user', 'bob');
  assert.equal(await page.getByText('role 11', { exact: true }).count(), 0, 'a role is shown');
  assert.equal(await page.getByRole('button', { name: 'Create New' }).isDisabled(), true, 'a role may be created');
  assert.equal((await answered(url)).get(`GET /entity_users/${users.bob.id}`), 200);
  assert.equal((await answered(url)).get('GET /roles'), before);
  noErrors(errors);
}

/** The names of the roles that the SDK is answered when it next asks for a list. */
async function listed(page, action) {
  const isList = (answer) => answer.request().method() === 'GET' && new URL(answer.url()).pathname === '/v1/roles';
  const [answer] = await Promise.all([page.waitForResponse(isList), action()]);
  return (await answer.json()).data.map((role) => role.name);
}

/** Waits until the table begins with `first` and has `count` rows, of which it draws only what it thinks fits. */
async function table(page, first, count) {
  await page.locator('[data-rowindex="0"]').getByText(first, { exact: true }).waitFor();
  await page.locator(`[role=grid][aria-rowcount="${count + 1}"]`).waitFor();
}

async function throughTheBridge({ page, open, url, bridge, errors, preflights }) {
  await put(bridge, '/v1/customers/zeta', {
    type: 'organization',
    email: 'ap@zeta.example.com',
    address: { country: 'AT', city: 'Wien', line1: 'Ring 1', postal_code: '1010' },
    organization: { legal_name: 'Zeta GmbH' },
  });
  await put(bridge, '/v1/customers/zeta/users/zoe', { login: 'zoe', first_name: 'Zoe', role: 'admin' });
  await open({ screen: 'roles', token: `${bridge.url}/v1/token`, session: session('zeta', 'zoe') });
  await says(page, '#entity', 'Zeta GmbH');
  await says(page, '#user', 'zoe');
  await page.getByRole('row', { name: 'admin' }).waitFor();
  assert.ok(preflights.includes('authorization'), 'the browser asked before it sent its session to the bridge');
  const [latest] = (await requests(url)).filter((call) => call.path === '/auth/token');
  assert.equal(latest.body.grant_type, 'entity_user');
  noErrors(errors);
}

async function says(page, where, text) {
  await page.locator(where, { hasText: new RegExp(`^${text}$`) }).waitFor();
}

/** The latest status of each call. */
async function answered(url) {
  const calls = (await requests(url)).reverse();
  return new Map(calls.map(({ method, path, status }) => [`${method} ${path}`, status]));
}

async function stored(partner, entity, name) {
  const { data } = await partner.call('GET', `/roles?name=${encodeURIComponent(name)}`, undefined, entity.id);
  assert.equal(data.length, 1, `roles named ${name}`);
  return data[0];
}

function granted(role) {
  const actions = ({ object_type, actions }) =>
    actions.filter((a) => a.permission === 'allowed').map((a) => `${object_type} ${a.action_name}`);
  return role.permissions.objects.flatMap(actions).sort();
}

function noErrors(errors, ...expected) {
  const others = errors.filter((error) => ![CURRENCIES, ...expected].some((pattern) => pattern.test(error)));
  assert.deepEqual(others, [], 'errors in the console');
}

export const SCENES = [
  ['the SDK starts across origins', starts],
  ['a row opens the role', opensARole],
  ['a role is created and edited', createsAndEdits],
  ['a duplicate name is refused in the words of Monite', refusesADuplicate],
  ['pages there and back, sorting, searching', pagesSortsAndSearches],
  ['one role alone, and one that is not there', showsOneRole],
  ['a session is exchanged at the bridge', throughTheBridge],
  ['without role.read access is restricted', keepsOut],
];
