import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server on this machine that tells when somebody is in the middle of a large upload. */
export interface WatchedConnections extends AsyncDisposable {
  port: number;
}

/**
 * Passes connections on to `port`, unchanged; calls `onUpload` once, in the middle of the first request that has
 * sent `bytes` of them, before any more is passed on.
 */
export async function watchConnections(
  port: number,
  { bytes, onUpload }: { bytes: number; onUpload: () => void },
): Promise<WatchedConnections> {
  const sockets = new Set<Socket>();
  let told = false;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let sent = 0;
    client.on('data', (data) => {
      sent += data.length;
      if (told || sent < bytes) return;
      told = true;
      onUpload();
    });
    upstream.on('data', () => {
      sent = 0;
    });
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      // What breaks on one side is broken on the other one too.
      socket.on('error', () => [client, upstream].map((end) => end.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
