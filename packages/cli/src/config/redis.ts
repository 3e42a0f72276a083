import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { RedisAddress, RedisSettings, RedisTls } from '@longshore/shared';
import { z } from 'zod';
import { redisFault } from '../redis/address.ts';
import { FileContent, HostAndPort, orJust, SecretFile } from './fields.ts';

const Tls = z
  .strictObject({
    caFile: FileContent.optional(),
    certFile: FileContent.optional(),
    keyFile: FileContent.optional(),
    servername: z.string().min(1).optional(),
  })
  .transform(
    ({ caFile, certFile, keyFile, servername }): RedisTls =>
      withoutAbsent({ ca: caFile, cert: certFile, key: keyFile, servername }),
  )
  .superRefine(checkTls);

/** What can't be used would otherwise show at every connection, as if Redis were away. */
function checkTls({ ca, cert, key }: RedisTls, context: z.RefinementCtx): void {
  // Node takes anything as an authority, and then trusts none.
  if (ca !== undefined && !isCertificate(ca))
    context.addIssue({
      code: 'custom',
      path: ['caFile'],
      message: 'must name a file with certificates in PEM',
    });
  if ((cert === undefined) !== (key === undefined))
    context.addIssue('must have both certFile and keyFile, or none');
  else if (!areAPair({ cert, key }))
    context.addIssue('must have a certificate in PEM as certFile, and its own key as keyFile');
}

function areAPair(pair: Pick<RedisTls, 'cert' | 'key'>): boolean {
  try {
    return createSecureContext(pair).context !== undefined;
  } catch {
    return false;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

const Url = z.string().superRefine((url, context) => {
  const fault = redisFault(url);
  if (fault)
    context.addIssue(`${fault}: give redis://HOST:PORT, rediss://HOST:PORT or the path of its socket`);
});

const Settings = z.strictObject({
  url: Url.optional(),
  username: z.string().min(1).optional(),
  passwordFile: SecretFile.optional(),
  database: z.number().int().min(0).optional(),
  tls: Tls.optional(),
  sentinels: z.array(HostAndPort).min(1).optional(),
  sentinelName: z.string().min(1).optional(),
  sentinelUsername: z.string().min(1).optional(),
  sentinelPasswordFile: SecretFile.optional(),
});
type Settings = z.infer<typeof Settings>;

/** `redis`: a URL, or settings that become what ioredis takes. */
export const RedisSection = orJust('url', Settings.superRefine(checkTogether).transform(addressOf));

interface Rule {
  broken: (settings: Settings, url: URL | null) => boolean;
  path: string[];
  message: string;
}

/** What makes no sense together. */
const RULES: readonly Rule[] = [
  {
    broken: ({ url, sentinels }) => (url === undefined) === (sentinels === undefined),
    path: [],
    message: 'must have either a url or sentinels',
  },
  {
    broken: ({ sentinels, sentinelName }) => sentinels !== undefined && sentinelName === undefined,
    path: ['sentinelName'],
    message: 'is missing: it is what the Sentinels call the Redis',
  },
  {
    broken: (settings) =>
      settings.sentinels === undefined &&
      [settings.sentinelName, settings.sentinelUsername, settings.sentinelPasswordFile].some(Boolean),
    path: ['sentinels'],
    message: 'is missing, where other settings are about Sentinels',
  },
  {
    broken: ({ passwordFile }, url) => passwordFile !== undefined && Boolean(url?.password),
    path: ['passwordFile'],
    message: "can't be given beside a password in the url",
  },
  {
    broken: ({ username }, url) => username !== undefined && Boolean(url?.username),
    path: ['username'],
    message: "can't be given beside a user in the url",
  },
  {
    broken: ({ tls, url: given }, url) =>
      tls !== undefined && given !== undefined && url?.protocol !== 'rediss:',
    path: ['tls'],
    message: 'needs a url that begins with rediss://',
  },
  {
    broken: (settings, url) => isMoreThanAUrl(settings) && Boolean(url?.search),
    path: ['url'],
    message: 'must have no parameters where there are settings beside it',
  },
];

function checkTogether(settings: Settings, context: z.RefinementCtx): void {
  const url = settings.url === undefined ? null : URL.parse(settings.url);
  for (const { broken, path, message } of RULES)
    if (broken(settings, url)) context.addIssue({ code: 'custom', path, message });
}

function isMoreThanAUrl({ url: _, ...others }: Settings): boolean {
  return Object.values(others).some((value) => value !== undefined);
}

function addressOf(settings: Settings): RedisAddress {
  if (settings.url !== undefined && !isMoreThanAUrl(settings)) return settings.url;
  const { username, passwordFile: password, database: db, tls } = settings;
  const own = withoutAbsent({ username, password, db, tls });
  return settings.url === undefined
    ? { ...own, ...sentinelsOf(settings) }
    : { ...settingsOfUrl(settings.url), ...own };
}

function sentinelsOf(settings: Settings): RedisSettings {
  const { sentinels, sentinelName, sentinelUsername, sentinelPasswordFile, tls } = settings;
  return withoutAbsent({
    sentinels,
    name: sentinelName,
    sentinelUsername,
    sentinelPassword: sentinelPasswordFile,
    sentinelTLS: tls,
    enableTLSForSentinelMode: tls && true,
  });
}

/** What ioredis makes of a URL: it takes either one or settings. */
function settingsOfUrl(text: string): RedisSettings {
  const url = URL.parse(text);
  if (!url) return { path: text };
  const { protocol, hostname, port, pathname } = url;
  const user = withoutAbsent({
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
  });
  if (protocol === 'unix:') return { path: decodeURIComponent(pathname), ...user };
  return withoutAbsent({
    ...user,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 6_379),
    db: pathname.length > 1 ? Number(pathname.slice(1)) : undefined,
    tls: protocol === 'rediss:' ? {} : undefined,
  });
}

/** Nothing is said of what isn't given: ioredis' own values stand then. */
function withoutAbsent<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
