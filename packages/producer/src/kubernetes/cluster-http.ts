import {
  type Configuration,
  createConfiguration,
  type KubeConfig,
  type RequestContext,
  ResponseContext,
  ServerConfiguration,
  setHeaderMiddleware,
  wrapHttpLibrary,
} from '@kubernetes/client-node';
import { ProducerError } from '../error.ts';

const TOO_MANY_REQUESTS = 429;

/**
 * How the API server is asked. Where it can't be reached, has no room (429) or fails itself (5xx), every request
 * rejects with CLUSTER_AWAY: that passes, and says nothing about what was asked for. Other refusals are the library's.
 */
export function clusterConfiguration(config: KubeConfig): Configuration {
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? '', {}),
    authMethods: { default: config },
    middleware: [setHeaderMiddleware('User-Agent', 'longshore')],
  });
  const { httpApi } = configuration;
  const send = (request: RequestContext) => answerOf(request, () => httpApi.send(request).toPromise());
  return { ...configuration, httpApi: wrapHttpLibrary({ send }) };
}

async function answerOf(
  request: RequestContext,
  send: () => Promise<ResponseContext>,
): Promise<ResponseContext> {
  const what = `${request.getHttpMethod()} ${new URL(request.getUrl()).pathname}`;
  const { status, headers, bytes } = await readWhole(send).catch((error: unknown) => {
    const message = `Kubernetes' API server can't be reached for now (${what}): ${reasonOf(error)}`;
    throw new ProducerError('CLUSTER_AWAY', message, { cause: error });
  });
  if (status === TOO_MANY_REQUESTS || status >= 500) {
    const said = messageIn(bytes.toString());
    const message = `Kubernetes' API server fails for now, with ${status} (${what})${said && `: ${said}`}`;
    throw new ProducerError('CLUSTER_AWAY', message);
  }
  const body = { text: async () => bytes.toString(), binary: async () => bytes, stream: () => null };
  return new ResponseContext(status, headers, body);
}

/** The body as well: a connection may break in the middle of it. */
async function readWhole(send: () => Promise<ResponseContext>) {
  const { httpStatusCode: status, headers, body } = await send();
  return { status, headers, bytes: Buffer.from(await body.text()) };
}

/** `fetch` says no more than that it failed; its cause tells why. */
function reasonOf(error: unknown): string {
  const known = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(known instanceof Error)) return String(known);
  return known.message || ('code' in known ? String(known.code) : known.name);
}

/** `message` of a Status object, as a text or parsed already; empty where there's none. */
export function messageIn(body: unknown): string {
  const status: unknown = typeof body === 'string' ? jsonOf(body) : body;
  return typeof status === 'object' && status !== null && 'message' in status ? String(status.message) : '';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
