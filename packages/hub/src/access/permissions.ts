/**
 * Who may do what: a permission is `noun:verb:scope`, such as `task:submit:main`, where the scope is a channel. A
 * pattern grants each permission that it matches, part by part; `*` is any one part, and parts that are left out are
 * any: `task` and `task:*` are the same.
 */

export interface Role {
  readonly name: string;
  readonly inherits: readonly string[];
  readonly permissions: readonly string[];
}

export const PATTERN = /^(\*|[a-z][a-z-]*)(:(\*|[a-z][a-z-]*)(:(\*|[A-Za-z0-9][A-Za-z0-9._-]*))?)?$/;

export function grants(pattern: string, permission: string): boolean {
  const wanted = permission.split(":");
  return pattern.split(":").every((part, index) => part === "*" || part === wanted[index]);
}

/** Roles that each hub has; `admin` cannot be changed. */
export const BUILT_IN_ROLES: readonly Role[] = [
  {
    name: "viewer",
    inherits: [],
    permissions: [
      "task:read",
      "host:read",
      "channel:read",
      "event:read",
      "artefact:read",
      "package:read",
      "template:read",
      "status:read",
    ],
  },
  { name: "submitter", inherits: ["viewer"], permissions: ["task:submit", "task:change-own", "artefact:write"] },
  {
    name: "worker",
    inherits: [],
    permissions: ["host:serve", "run", "artefact:write", "artefact:read", "channel:read", "package:read"],
  },
  {
    name: "operator",
    inherits: ["submitter"],
    permissions: [
      "task",
      "host",
      "channel",
      "package",
      "webhook",
      "trigger",
      "template",
      "plugin",
      "brake",
      "setting:read",
    ],
  },
  {
    name: "auditor",
    inherits: ["viewer"],
    permissions: [
      "token:read",
      "role:read",
      "webhook:read",
      "trigger:read",
      "plugin:read",
      "secret:read",
      "certificate:read",
      "fsck:run",
      "setting:read",
    ],
  },
  // Of a console that stands before the hub: whom it vouches for has what their role gives, and it nothing itself.
  { name: "console", inherits: [], permissions: ["identity:vouch"] },
  { name: "admin", inherits: [], permissions: ["*"] },
];

/** @throws Error in words for a circle, or a role that does not exist */
export function permissionsOf(names: readonly string[], roles: ReadonlyMap<string, Role>): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name))
      throw new Error("roles inherit in a circle: " + [...path.slice(path.indexOf(name)), name].join(" → "));
    if (done.has(name)) return;
    const role = roles.get(name);
    if (role === undefined) throw new Error(`${name}: no such role`);
    for (const inherited of role.inherits) visit(inherited, [...path, name]);
    for (const permission of role.permissions) found.add(permission);
    done.add(name);
  };
  for (const name of names) visit(name, []);
  return [...found];
}
