import { isAbsolute, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { S3Settings } from '@longshore/store';
import { z } from 'zod';
import { readCredentials } from './credentials-file.ts';
import { AbsolutePath, FileContent, orJust, SecretFile } from './fields.ts';

/** Where a destination's bytes go, as the store's `openStore` takes it. */
export interface DestinationConfig {
  /** `s3://BUCKET/PREFIX`, or an absolute path. */
  uri: string;
  s3?: S3Settings;
}

/** Old buckets may have upper case and underscores (S3 user guide, "Bucket naming rules"). */
const S3_URI = /^s3:\/\/[A-Za-z0-9][A-Za-z0-9._-]{1,254}(\/.*)?$/s;

const Uri = z.string().transform((uri, context) => {
  if (S3_URI.test(uri)) return uri;
  const path = uri.startsWith('file:') ? pathOfFileUrl(uri) : uri;
  if (path !== undefined && isAbsolute(path) && !path.includes('\0'))
    return normalize(path).replace(/(?<=.)\/$/, '');
  context.addIssue(
    uri.startsWith('s3:') && uri.includes('@')
      ? 'must have no credentials in it: name files with them by accessKeyIdFile and secretAccessKeyFile'
      : 'must be s3://BUCKET/PREFIX or an absolute path',
  );
  return z.NEVER;
});

function pathOfFileUrl(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

const Endpoint = z.string().superRefine((text, context) => {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    context.addIssue('must be http://HOST or https://HOST');
  else if (url.username || url.password) context.addIssue('must have no credentials in it');
});

/** The three parts of a key, and what their settings' names begin with. */
const PARTS = ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const;

const variable = (environment: NodeJS.ProcessEnv) =>
  z
    .string()
    .regex(/^[A-Za-z_]\w*$/, "must be a variable's name")
    .transform((name, context) => {
      const value = environment[name];
      if (value) return value;
      context.addIssue(`names the variable ${name}, which isn't set`);
      return z.NEVER;
    });

const settings = (environment: NodeJS.ProcessEnv) =>
  z.strictObject({
    uri: Uri,
    endpoint: Endpoint.optional(),
    /** Where callers reach the server, for links, where that's another address than ours. */
    linkEndpoint: Endpoint.optional(),
    region: z.string().min(1).optional(),
    accessKeyIdFile: SecretFile.optional(),
    secretAccessKeyFile: SecretFile.optional(),
    sessionTokenFile: SecretFile.optional(),
    accessKeyIdEnv: variable(environment).optional(),
    secretAccessKeyEnv: variable(environment).optional(),
    sessionTokenEnv: variable(environment).optional(),
    credentialsFile: FileContent.optional(),
    profile: z.string().min(1).optional(),
    forcePathStyle: z.boolean().optional(),
    maxObjectBytes: z.number().int().min(1).optional(),
  });
type Settings = z.infer<ReturnType<typeof settings>>;

/** One of `destinations`: its URI, or settings; secrets come from files, or from variables of `environment`. */
export function destinationSection(environment: NodeJS.ProcessEnv) {
  return orJust('uri', settings(environment).superRefine(checkTogether).transform(configOf));
}

interface Rule {
  broken: (settings: Settings) => boolean;
  path: string[];
  message: string;
}

const isS3 = ({ uri }: Settings) => uri.startsWith('s3://');
const isGiven = (value: unknown) => value !== undefined;
const keyParts = (settings: Settings) =>
  PARTS.map((part) => settings[`${part}File`] ?? settings[`${part}Env`]);

const RULES: readonly Rule[] = [
  {
    broken: (settings) => !isS3(settings) && Object.values(settings).filter(isGiven).length > 1,
    path: [],
    message: 'is a directory, which has no other setting than its uri',
  },
  {
    broken: (settings) =>
      isS3(settings) && keyParts(settings).some(isGiven) && !keyParts(settings).slice(0, 2).every(isGiven),
    path: [],
    message: 'must have both parts of a key, accessKeyId… and secretAccessKey…, or none',
  },
  {
    broken: (settings) =>
      PARTS.some((part) => isGiven(settings[`${part}File`]) && isGiven(settings[`${part}Env`])),
    path: [],
    message: 'must have each part of its key from a file or from a variable, not from both',
  },
  {
    broken: (settings) => isGiven(settings.credentialsFile) && keyParts(settings).some(isGiven),
    path: ['credentialsFile'],
    message: "can't be given beside the parts of a key",
  },
  {
    broken: ({ credentialsFile, profile }) => isGiven(profile) && !isGiven(credentialsFile),
    path: ['profile'],
    message: 'is one of a credentialsFile, which is missing',
  },
  {
    broken: (settings) => isGiven(settings.credentialsFile) && !credentialsOfFile(settings),
    path: ['credentialsFile'],
    message: 'has no aws_access_key_id and aws_secret_access_key in this profile',
  },
];

function checkTogether(settings: Settings, context: z.RefinementCtx): void {
  for (const { broken, path, message } of RULES)
    if (broken(settings)) context.addIssue({ code: 'custom', path, message });
}

function configOf(settings: Settings): DestinationConfig {
  const { uri, endpoint, linkEndpoint, region, forcePathStyle, maxObjectBytes } = settings;
  if (!isS3(settings)) return { uri };
  const credentials = credentialsOf(settings);
  return { uri, s3: { endpoint, linkEndpoint, region, credentials, forcePathStyle, maxObjectBytes } };
}

/** Absent where there are none: the AWS SDK then looks where it always does. */
function credentialsOf(settings: Settings): S3Settings['credentials'] {
  const [accessKeyId, secretAccessKey, sessionToken] = keyParts(settings);
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken };
  return credentialsOfFile(settings);
}

function credentialsOfFile({ credentialsFile, profile = 'default' }: Settings): S3Settings['credentials'] {
  return credentialsFile === undefined ? undefined : readCredentials(credentialsFile, profile);
}

/** `volumes`: the path of each. */
export const VolumeSection = orJust(
  'path',
  z.strictObject({ path: AbsolutePath }).transform(({ path }) => path),
);
