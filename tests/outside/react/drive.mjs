// Drives Monite's React SDK in a real browser: the page on one origin, the sandbox on another.
//
//     node drive.mjs SANDBOX BRIDGE CHROMIUM        (paths of the binaries)
//
// One line per step. Ends with 1 at the first difference, says what it was, and leaves a picture of it.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startBridge } from './bridge.mjs';
import { openTab, startBrowser } from './browser.mjs';
import { Partner, startSandbox } from './sandbox.mjs';
import { startSite } from './site.mjs';
import { SCENES } from './scenes.mjs';

/** More than everything together has ever taken, by far; in milliseconds. */
const LIMIT = 240_000;

const HERE = dirname(fileURLToPath(import.meta.url));
const PICTURES = join(HERE, 'pictures');

async function main([sandboxBinary, bridgeBinary, chromium]) {
  const since = Date.now();
  await mkdir(PICTURES, { recursive: true });
  const stops = [];
  const started = async (starting) => {
    const server = await starting;
    stops.unshift(server.stop);
    return server;
  };
  try {
    const sandbox = await started(startSandbox(sandboxBinary));
    const stage = await setUp(sandbox.url);
    const site = await started(startSite(HERE, (name) => stage.partner.userToken(stage.users[name])));
    const bridge = await started(startBridge(bridgeBinary, sandbox.url, site.origin));
    const browser = await started(startBrowser(chromium));
    // Whatever waits for the page then fails, and everything is stopped in order.
    setTimeout(() => {
      console.log(`  not finished after ${LIMIT / 1000} s`);
      browser.stop();
    }, LIMIT).unref();
    for (const [name, scene] of SCENES) await play(name, scene, { ...stage, site, bridge, browser });
  } finally {
    for (const stop of stops) await stop();
  }
  console.log(`\n@monite/sdk-react 3.22.0: ${SCENES.length} scenes as expected, ${(Date.now() - since) / 1000} s`);
}

/** An entity with more roles than fit on a page of the table, and two users: one may do everything, one nothing. */
async function setUp(url) {
  const partner = new Partner(url);
  await partner.login();
  const entity = await partner.entity('Acme GmbH');
  const all = ['read', 'create', 'update', 'delete'];
  const admin = await partner.role(entity, 'admin', { role: all, entity_user: all, entity: all, payable: all });
  const guest = await partner.role(entity, 'guest', { entity: ['read'], entity_user: ['read'] });
  const roles = [admin, guest];
  for (let n = 1; n <= 11; n++) roles.push(await partner.role(entity, `role ${n}`, { payable: ['read'] }));
  const users = { ana: await partner.user(entity, 'ana', admin), bob: await partner.user(entity, 'bob', guest) };
  return { url, partner, entity, roles, users };
}

async function play(name, scene, stage) {
  const tab = await openTab(stage.browser);
  const open = (query) => tab.page.goto(`${stage.site.origin}/?${new URLSearchParams(query)}`);
  const show = (user, screen, more) => open({ screen, token: `/token/${user}`, ...more });
  try {
    await scene({ ...stage, ...tab, tab, open, show });
    console.log(`  ok  ${name}`);
  } catch (error) {
    const reason = error.message.replaceAll(/\x1b\[\d+m/g, '').trim();
    const text = [name, reason, `in the console: ${tab.errors.join('; ') || 'nothing'}`].join('\n');
    throw new Error(text.replaceAll('\n', '\n             '));
  } finally {
    const path = join(PICTURES, `${name.replaceAll(/\W+/g, '-')}.png`);
    // When the browser is gone there is nothing to take a picture of, and the reason is known already.
    await tab.page.screenshot({ path }).catch(() => {});
    await tab.close().catch(() => {});
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.log(`  DIFFERENT  ${error.message}`);
  console.log(`             pictures are in ${PICTURES}`);
  process.exitCode = 1;
});
