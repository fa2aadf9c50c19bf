// A partner's page, as small as it can be: the SDK's own screens, and what its own hooks say.
//
// The address decides what is shown: ?screen=roles|table|role, &role=ID, and whose token is fetched from where:
// &token=URL, &session=JWT for a token endpoint that wants a session.

import { MoniteSDK } from '@monite/sdk-api';
import {
  MoniteProvider,
  MoniteScopedProviders,
  UserRoleDetails,
  UserRoles,
  UserRolesTable,
  useCurrencies,
  useEntityUserByAuthToken,
  useEntityUserById,
  useMyEntity,
} from '@monite/sdk-react';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';

const asked = new URLSearchParams(location.search);

/** The SDK wants the entity before its first token, so the first answer tells that as well. */
async function fetchToken() {
  const session = asked.get('session');
  const headers = session ? { Authorization: `Bearer ${session}` } : {};
  const answer = await fetch(asked.get('token'), { headers });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** What the SDK knows about who is here: `my_entity`, `entities/{id}/settings`, `me`, `entity_users/{id}`. */
function Who() {
  const entity = useMyEntity();
  const me = useEntityUserByAuthToken();
  const user = useEntityUserById(me.data?.id);
  const { getSymbolFromCurrency } = useCurrencies();
  return (
    <dl id="who">
      <dt>entity</dt>
      <dd id="entity">{entity.entityName}</dd>
      <dt>editing issued invoices</dt>
      <dd id="settings">{entity.isNonCompliantFlow ? 'allowed' : 'not allowed'}</dd>
      <dt>user</dt>
      <dd id="user">{user.data?.login ?? user.error?.toString()}</dd>
      <dt>euro</dt>
      <dd id="currency">{getSymbolFromCurrency('EUR') ?? 'unknown'}</dd>
    </dl>
  );
}

function Screen() {
  const [told, tell] = useState('');
  const screens = {
    roles: <UserRoles />,
    table: <UserRolesTable onRowClick={(id) => tell(`clicked ${id}`)} />,
    role: <UserRoleDetails id={asked.get('role')} onUpdated={(role) => tell(`updated ${role.id}`)} />,
  };
  return (
    <>
      {screens[asked.get('screen')]}
      <output id="told">{told}</output>
    </>
  );
}

const { entity_id, api_url } = await fetchToken();
const monite = new MoniteSDK({ entityId: entity_id, apiUrl: api_url, fetchToken });
createRoot(document.getElementById('root')).render(
  <MoniteProvider monite={monite}>
    <MoniteScopedProviders>
      <Who />
    </MoniteScopedProviders>
    <Screen />
  </MoniteProvider>,
);
