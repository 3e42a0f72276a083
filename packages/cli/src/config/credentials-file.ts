import type { S3Settings } from '@longshore/store';

/**
 * One profile of a shared credentials file, in the format of the AWS CLI (its user guide, "Configuration and
 * credential file settings"): sections of `name = value` lines. Undefined where it holds no static key.
 */
export function readCredentials(text: string, profile: string): S3Settings['credentials'] {
  const values = valuesOf(text, profile);
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: values.get('aws_session_token') };
}

function valuesOf(text: string, profile: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[\s*(.*?)\s*\]/.exec(line)?.[1] ?? section;
    const { name, value } = /^\s*(?<name>[a-z_]+)\s*=\s*(?<value>\S+)\s*$/.exec(line)?.groups ?? {};
    if (name && section === profile) values.set(name, value);
  }
  return values;
}
