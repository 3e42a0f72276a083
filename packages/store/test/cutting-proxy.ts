import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy extends AsyncDisposable {
  endpoint: string;
  /** Lets so many more bytes of answers through, and then cuts the connection that they came on. */
  cutAfter(bytes: number): void;
  /** Loses the whole answer to the next request with this method. */
  cutAnswerTo(method: string): void;
  /** How many connections were cut. */
  cuts: number;
}

/** Stands between a client and a server, and loses what the server says when told to. */
export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let allowance = Number.POSITIVE_INFINITY;
  let cutMethod: string | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    }
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('data', (data) => {
      if (cutMethod !== undefined && String(data).startsWith(cutMethod)) {
        allowance = 0;
        cutMethod = undefined;
      }
      upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => {
      if (data.byteLength < allowance) {
        allowance -= data.byteLength;
        client.write(data);
        return;
      }
      const last = data.subarray(0, allowance);
      allowance = Number.POSITIVE_INFINITY;
      proxy.cuts++;
      upstream.destroy();
      client.end(last);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const proxy: CuttingProxy = {
    endpoint: `http://127.0.0.1:${address.port}`,
    cuts: 0,
    cutAfter: (bytes) => {
      allowance = bytes;
    },
    cutAnswerTo: (method) => {
      cutMethod = method;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return proxy;
}
