import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export interface ScriptedServer extends AsyncDisposable {
  endpoint: string;
  requests: { method: string; url: string; headers: IncomingMessage['headers']; bytes: number }[];
}

/** A server that says what a test wants to hear: for answers that a real one can't be brought to give. */
export async function scriptedServer(answer: (request: IncomingMessage) => Answer): Promise<ScriptedServer> {
  const requests: ScriptedServer['requests'] = [];
  const server = createServer(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, bytes });
    const { status, headers, body } = answer(request);
    response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** S3's error document. */
export function errorAnswer(status: number, code: string): Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>about\n${code}</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>`;
  return { status, body };
}
