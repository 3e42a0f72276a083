import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A server on the loopback interface that isn't what its client takes it for. */
export interface StrangeServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  url: string;
}

/** Accepts connections, reads what comes, and never answers. */
export function silentServer(): Promise<StrangeServer> {
  return listen(createServer((socket) => socket.resume()));
}

/** Answers every request with this status and a page for people. */
export function htmlServer(status: number): Promise<StrangeServer> {
  const page = `<!doctype html><html><body><h1>${status}</h1></body></html>`;
  return listen(
    createHttpServer((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': 'text/html' }).end(page);
    }),
  );
}

async function listen(server: Server): Promise<StrangeServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    // A client that leaves before it was answered resets its connection.
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
