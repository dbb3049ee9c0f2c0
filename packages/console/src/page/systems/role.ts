/**
 * What somebody may do with the console. Each role may do what those before it may.
 *
 * - `viewer`: look at systems, their logs and their terminals
 * - `operator`: use systems that are there: type, run programs, stop and start, snapshot and roll back
 * - `administrator`: make systems, which may be given folders and ports of the host, and remove them
 */
export const ROLES = ["viewer", "operator", "administrator"] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: unknown): text is Role {
  return (ROLES as readonly unknown[]).includes(text);
}

export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
