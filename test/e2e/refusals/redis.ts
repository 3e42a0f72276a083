import { startRedis } from '../../harness/redis.ts';
import { failure, type Refusal, SECRET, usage, withOptions } from '../../harness/refusal.ts';
import { freePort } from '../../harness/server.ts';
import { htmlServer, type StrangeServer, silentServer } from '../../harness/strange-servers.ts';

const withRedis = (address: string) => withOptions('--redis', address);
const asRedis = ({ url }: StrangeServer) => url.replace('http', 'redis');

export const REDIS: readonly Refusal[] = [
  failure(
    'a Redis that is not there',
    async (scene) => withRedis(`redis://:${SECRET}@127.0.0.1:${await freePort()}`)(scene),
    /redis:\/\/127\.0\.0\.1:\d+ can't be used: check that it runs.*ECONNREFUSED/,
  ),
  failure(
    'a Redis socket that is not there',
    withRedis('/nowhere/redis.sock'),
    /\/nowhere\/redis\.sock can't be used/,
  ),
  failure(
    'a Redis host that is not there',
    withRedis('redis://nowhere.invalid'),
    /nowhere\.invalid.*check that it runs/,
  ),
  usage(
    'a Redis URL of another kind',
    withRedis(`http://u:${SECRET}@host/x`),
    /"http:\/\/host\/x" isn't a Redis URL/,
  ),
  usage(
    'a Redis URL without a scheme',
    withRedis('localhost:6379'),
    /"localhost:6379" isn't.*give redis:\/\/HOST/,
  ),
  usage('a Redis database that is text', withRedis('redis://localhost/jobs'), /isn't a database's number/),
  usage('an empty Redis URL', withRedis(''), /"" isn't a Redis URL/),
  usage(
    'a Redis with another password',
    async (scene) => {
      const redis = scene.cleaning.use(await startRedis({ password: `right-${SECRET}` }));
      return withRedis(`${redis.url}?password=wrong-${SECRET}`)(scene);
    },
    /check the user and the password.*WRONGPASS/,
  ),
  usage(
    'a Redis without its password',
    async (scene) => {
      const redis = scene.cleaning.use(await startRedis({ password: SECRET }));
      return { ...withOptions()(scene), env: { LONGSHORE_REDIS_URL: redis.url } };
    },
    /check the user and the password.*NOAUTH/,
  ),
  failure(
    'a Redis that says nothing',
    async (scene) => withRedis(asRedis(scene.cleaning.use(await silentServer())))(scene),
    /redis:\/\/127\.0\.0\.1:\d+ can't be used: check that it runs/,
  ),
  failure(
    'a Redis that is a web server',
    async (scene) => withRedis(asRedis(scene.cleaning.use(await htmlServer(200))))(scene),
    /redis:\/\/127\.0\.0\.1:\d+ can't be used: check that it runs/,
  ),
];
