import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { Failure } from '@longshore/shared';

interface Sign {
  found: RegExp;
  code: string;
  advice: string;
}

/** What the scheduler, kubelet and the Job controller say, the first that fits; and what to do about it. */
const SIGNS: readonly Sign[] = [
  {
    found: /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|RegistryUnavailable)/,
    code: 'IMAGE_PULL_FAILED',
    advice: "The image of the workers can't be had: check its name and the node's access to its registry",
  },
  {
    found: /persistentvolumeclaim .* (not found|is being deleted)|unbound immediate PersistentVolumeClaims/,
    code: 'CLAIM_MISSING',
    advice: "The claim isn't there, or isn't bound: make it, or check its storage class",
  },
  {
    found: /^CreateContainerConfigError.*secret/,
    code: 'SECRET_MISSING',
    advice: 'A Secret that the workers need is missing, or lacks a key',
  },
  {
    found: /exceeded quota/,
    code: 'QUOTA_EXCEEDED',
    advice: "The namespace's quota allows no more: raise it, or ask for fewer workers",
  },
  {
    found: /violates PodSecurity/,
    code: 'POD_REFUSED',
    advice: 'The namespace admits no such pods: pod.readAll needs the privileged level',
  },
  { found: /^Unschedulable/, code: 'UNSCHEDULABLE', advice: 'No node takes the workers' },
  { found: /^FailedCreate/, code: 'POD_REFUSED', advice: "The workers' pods are refused" },
  {
    found: /^(CreateContainer\w*Error|RunContainerError)/,
    code: 'POD_FAILS',
    advice: "The workers' containers can't start",
  },
];

/** What keeps the pods of an export from working; nothing where one of them works. */
export function obstacleOf(pods: readonly V1Pod[], refusals: readonly CoreV1Event[]): Failure | undefined {
  if (pods.some(({ status }) => status?.phase === 'Running')) return undefined;
  const said = [
    ...pods.flatMap(complaintsOf),
    ...refusals.map(({ reason, message }) => `${reason}: ${message}`),
  ];
  return SIGNS.flatMap((sign) => meaningOf(sign, said)).at(0);
}

function meaningOf({ found, code, advice }: Sign, said: readonly string[]): Failure[] {
  const one = said.find((each) => found.test(each));
  return one === undefined ? [] : [{ code, message: `${advice} (${one}).` }];
}

function complaintsOf({ status }: V1Pod): string[] {
  const conditions = status?.conditions ?? [];
  const unscheduled = conditions.filter(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  const waiting = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.waiting ?? []);
  return [...waiting, ...unscheduled].map(({ reason, message }) => `${reason}: ${message ?? ''}`);
}
