/** A viewer sees and downloads; an operator also acts. */
export const ROLES = ['viewer', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, as the token file or the open loopback server knows them. */
export interface Caller {
  name: string;
  role: Role;
}

export function allows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
