/**
 * Who may do what: a permission is `noun:verb:scope`, such as `task:submit:main`, where the scope is a channel. A
 * pattern grants each permission that it matches, part by part; `*` is any one part, and parts that are left out are
 * any: `task` and `task:*` are the same.
 */
import { closestName, slipsOfWord } from "@stratos/base";

export interface Role {
  readonly name: string;
  readonly inherits: readonly string[];
  readonly permissions: readonly string[];
}

const PATTERN = /^(\*|[a-z][a-z-]*)(:(\*|[a-z][a-z-]*)(:(\*|[A-Za-z0-9][A-Za-z0-9._-]*))?)?$/;

/** What there is to permit. What a scope may be is not known here: channels and hosts come and go. */
export const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  artefact: ["read", "write"],
  audit: ["rotate"],
  backup: ["read"],
  brake: ["change"],
  certificate: ["invite", "read", "revoke"],
  channel: ["change", "read"],
  event: ["read"],
  fsck: ["run"],
  host: ["change", "read", "serve"],
  identity: ["vouch"],
  package: ["promote", "read", "withdraw"],
  plugin: ["change", "read"],
  policy: ["change"],
  profile: ["read", "remove", "take"],
  role: ["change", "grant", "read"],
  secret: ["change", "read", "use"],
  setting: ["change", "read"],
  status: ["read", "whoami"],
  task: ["change", "change-own", "diagnose", "read", "submit"],
  template: ["change", "read"],
  token: ["create", "read", "revoke"],
  trigger: ["change", "fire", "read"],
  webhook: ["change", "read"],
};

/**
 * A policy for what there is not would protect nothing, and nobody would learn of it.
 *
 * @returns why a pattern is none, in words
 */
export function patternFault(pattern: string): string | null {
  if (!PATTERN.test(pattern)) return "no permission; they are noun:verb:channel, with * for any";
  const [noun = "*", verb = "*"] = pattern.split(":");
  const verbs =
    noun === "*" ? Object.values(PERMISSIONS).flat() : Object.hasOwn(PERMISSIONS, noun) ? PERMISSIONS[noun] : undefined;
  if (verbs === undefined) return meant("nothing is permitted by this name", noun, Object.keys(PERMISSIONS));
  return verb === "*" || verbs.includes(verb) ? null : meant(`${noun} has no ${verb}`, verb, verbs);
}

function meant(words: string, name: string, names: readonly string[]): string {
  const near = closestName(name, names, slipsOfWord);
  return `${words}; ${near === undefined ? `there is ${names.join(", ")}` : `did you mean ${near}?`}`;
}

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
    permissions: ["host:serve", "artefact:write", "artefact:read", "channel:read", "package:read"],
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
