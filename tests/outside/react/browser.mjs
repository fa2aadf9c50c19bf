// A headless browser that remembers what it was told off for.

import { chromium } from 'playwright-core';

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Nobody else is asked, such as the collector of the SDK's error reports. Not by intercepting requests: that would
  // make the browser answer preflights by itself.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** How long anything on the page may take to appear, in milliseconds. */
const PATIENCE = 30_000;

export async function startBrowser(executablePath) {
  const browser = await chromium.launch({ executablePath, args: QUIET });
  return { newContext: (options) => browser.newContext(options), stop: () => browser.close() };
}

/** A tab with a session of its own. It keeps what went wrong in it. */
export async function openTab(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1500 }, locale: 'en-US' });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const tab = { page, errors: [], preflights: [], close: () => context.close() };
  page.on('pageerror', (error) => tab.errors.push(`uncaught: ${error}`));
  page.on('console', (message) => {
    const { url } = message.location();
    // What the SDK's error reporting cannot reach is none of our business.
    const isElsewhere = url && !url.startsWith('http://127.0.0.1:');
    if (message.type() === 'error' && !isElsewhere) tab.errors.push(`${message.text()} (${url})`);
  });
  await recordPreflights(page, tab.preflights);
  return tab;
}

/** Preflights are the browser's own; only its debugging protocol tells of them. Keeps the headers they ask for. */
async function recordPreflights(page, asked) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.requestWillBeSentExtraInfo', ({ headers }) => {
    const wanted = Object.entries(headers).find(([name]) => name.toLowerCase() === 'access-control-request-headers');
    if (wanted) asked.push(...wanted[1].split(','));
  });
}
