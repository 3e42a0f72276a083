import { bucketDestination } from '../../harness/destination.ts';
import { failure, type Refusal, type Scene, SECRET, usage } from '../../harness/refusal.ts';
import { freePort } from '../../harness/server.ts';
import { htmlServer, silentServer } from '../../harness/strange-servers.ts';

type Environment = Record<string, string>;

/** An export to a new bucket that can be used, but for what `env` makes of it. */
const toBucket =
  (env: (scene: Scene) => Environment | Promise<Environment>): Refusal['call'] =>
  async (scene) => {
    const bucket = scene.cleaning.use(await bucketDestination(scene.s3));
    return {
      args: ['export', scene.src, '--to', bucket.uri],
      env: { ...bucket.env, ...(await env(scene)) },
      contents: () => bucket.contents(),
    };
  };

const toEndpoint = (endpoint: (scene: Scene) => string | Promise<string>) =>
  toBucket(async (scene) => ({ AWS_ENDPOINT_URL_S3: await endpoint(scene) }));

const toWebServer = (status: number) =>
  toEndpoint(async ({ cleaning }) => cleaning.use(await htmlServer(status)).url);

const NO_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
  AWS_CONFIG_FILE: '/nowhere',
  AWS_EC2_METADATA_DISABLED: 'true',
};

export const BUCKETS: readonly Refusal[] = [
  usage(
    'an access key that is unknown',
    toBucket(() => ({ AWS_ACCESS_KEY_ID: 'somebody', AWS_SECRET_ACCESS_KEY: SECRET })),
    /^can't write s3:\/\/exports-\d+\/.*at http:.*check AWS_ACCESS_KEY_ID/,
  ),
  usage(
    'a secret that is wrong',
    toBucket(() => ({ AWS_SECRET_ACCESS_KEY: SECRET })),
    /^can't write s3:.*check AWS_SECRET_ACCESS_KEY/,
  ),
  usage(
    'no credentials',
    toBucket(() => NO_CREDENTIALS),
    /^can't write s3:.*there are no credentials; set AWS_ACCESS_KEY_ID/,
  ),
  usage(
    'a bucket that is not there',
    ({ src, s3 }) => ({ args: ['export', src, '--to', 's3://nowhere'], env: s3.env }),
    /s3:\/\/nowhere.*no such bucket; create it/,
  ),
  usage(
    'a bucket that can’t be written',
    toEndpoint(({ readOnly }) => readOnly.endpoint),
    /^can't write s3:.*access denied; allow/,
  ),
  failure(
    'an endpoint where nothing listens',
    toEndpoint(async () => `http://127.0.0.1:${await freePort()}`),
    /at http:\/\/127\.0\.0\.1:\d+: nothing listens there.*check/,
  ),
  failure(
    'an endpoint that says nothing',
    toEndpoint(async ({ cleaning }) => cleaning.use(await silentServer()).url),
    /at http:\/\/127\.0\.0\.1:\d+: no answer; check the endpoint/,
  ),
  failure(
    'an endpoint that can’t be resolved',
    toEndpoint(() => 'http://nowhere.invalid'),
    /at http:\/\/nowhere\.invalid: (there is no such host|the host's name can't be resolved); check/,
  ),
  usage(
    'an endpoint that is no URL',
    toEndpoint(() => 'nowhere'),
    /endpoint must be http:.*"nowhere"/,
  ),
  usage(
    'an endpoint with a password',
    toEndpoint(() => `http://user:${SECRET}@127.0.0.1`),
    /must not have credentials in it/,
  ),
  usage(
    'an endpoint that speaks no TLS',
    toEndpoint(({ s3 }) => s3.endpoint.replace('http', 'https')),
    /at https:.*correct the destination/,
  ),
  usage('a web server that says 200', toWebServer(200), /doesn't list it; check that its address/),
  usage('a web server that says 301', toWebServer(301), /endpoint.*is wrong.*correct the destination/),
  usage('a web server that says 403', toWebServer(403), /access denied; allow/),
  usage('a web server that says 404', toWebServer(404), /doesn't answer as object storage.*check/),
  failure('a web server that says 500', toWebServer(500), /the server failed for now; try again later/),
];
