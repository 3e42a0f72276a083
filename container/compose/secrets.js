// Makes the secrets of docker-compose.yml that aren't there yet, each in the volume of those who need it. They can be
// read by whichever user a container runs as, and seen by nobody outside of the containers that have the volume.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';

const READABLE = 0o444;

function once(file, make) {
  if (existsSync(file)) return;
  writeFileSync(file, make(), { mode: READABLE });
}

once('/secrets/redis/password', () => randomBytes(32).toString('base64url'));
once('/secrets/s3/access-key-id', () => `longshore-${randomBytes(6).toString('hex')}`);
once('/secrets/s3/secret-access-key', () => randomBytes(32).toString('base64url'));
// The server gets the token's digest only.
once('/secrets/operator/token', () => {
  const call = [
    'token',
    '--name',
    'compose',
    '--role',
    'operator',
    '--file',
    '/secrets/api/tokens',
    '--json',
  ];
  const { token } = JSON.parse(execFileSync('longshore', call, { stdio: ['ignore', 'pipe', 'ignore'] }));
  chmodSync('/secrets/api/tokens', READABLE);
  return token;
});
