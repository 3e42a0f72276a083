import { access, constants } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';

/** Nothing of its own over the network, and root's sandbox, which there is none of. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser with a profile of its own, which goes with it. */
export async function openBrowser(args: readonly string[] = []): Promise<Browser & AsyncDisposable> {
  await access(CHROMIUM, constants.X_OK).catch(() => {
    throw new Error(`${CHROMIUM} isn't there; install the package chromium`);
  });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...args] });
  return Object.assign(browser, { [Symbol.asyncDispose]: () => browser.close() });
}

/** What the browser finds fault with on a page, from now on: errors, what a policy forbids, what can't be loaded. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    const { url } = message.location();
    if (message.type() === 'error') complaints.push(`${url}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    // A page that is left gives up what it was asking for.
    if (reason !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${reason}`);
  });
  return complaints;
}
