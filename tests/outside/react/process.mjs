// A server of ours as a process of one's own: started on a free port, stopped by its process id.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Starts it and waits for the line that says where it listens. */
export async function startProcess(binary, args, options = {}) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  const ended = once(child, 'exit');
  // Its output ends when it ends, so this cannot wait for ever.
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^listening on (.*)$/.exec(line)?.[1];
    if (!url) continue;
    return {
      url,
      stop: async () => {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }
  throw new Error(`${binary} ended before it listened: ${await ended}`);
}
