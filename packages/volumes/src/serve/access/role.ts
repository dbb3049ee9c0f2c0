/**
 * What somebody may do with a service. Each role may do what those before it may.
 *
 * - `viewer`: look at what there is
 * - `operator`: use it, losing nothing
 * - `administrator`: also make, change and remove it
 */
export const ROLES = ["viewer", "operator", "administrator"] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: unknown): text is Role {
  return (ROLES as readonly unknown[]).includes(text);
}

export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
