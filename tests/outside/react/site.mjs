// The partner's web server: the page, and the endpoint that gives the browser a token.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { basename, join } from 'node:path';

const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css' };

/** Serves the page at `/`; `/token/NAME` is answered with `tokenOf(NAME)`. */
export async function startSite(here, tokenOf) {
  const server = createServer((request, response) => {
    answer(here, tokenOf, new URL(request.url, 'http://site').pathname).then(
      ({ type, body }) => response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body),
      (error) => response.writeHead(error.code === 'ENOENT' ? 404 : 500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(here, tokenOf, path) {
  const user = /^\/token\/(\w+)$/.exec(path)?.[1];
  if (user) return { type: 'application/json', body: JSON.stringify(await tokenOf(user)) };
  // Only what the build wrote, and the page: a name, never a path.
  const file = path === '/' ? join(here, 'page/index.html') : join(here, 'dist', basename(path));
  return { type: TYPES[file.split('.').pop()] ?? 'application/octet-stream', body: await readFile(file) };
}
