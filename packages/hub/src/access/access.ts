/**
 * Keys and roles. A key is `stratos_ID_SECRET`; its 32 random bytes need no slow hash, so their SHA-256 is what is
 * kept. What a key may do is what its principal's roles grant, within the key's own scopes.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { RoleView, TokenView } from "@stratos/hub-api";
import { BoundedCache } from "../cache/bounded-cache.ts";
import type { Database, Queryable } from "../database/database.ts";
import { SQL_FOREIGN_KEY_VIOLATION, type DatabaseError } from "../database/database.ts";
import { writeEvents } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { demandCondition, UNCONDITIONAL, type Condition } from "../store/versions.ts";
import { BUILT_IN_ROLES, grants, patternFault, permissionsOf, type Role } from "./permissions.ts";

export interface Principal {
  readonly name: string;
  readonly keyId: string;
  /** Somebody at a console: the key is that one's. */
  readonly isVouchedFor?: boolean;
  /** Which host it is, by a certificate. */
  readonly host?: string;
  readonly permissions: readonly string[];
  readonly scopes: readonly string[];
}

export function mayDo(principal: Principal, permission: string): boolean {
  const has = (patterns: readonly string[]): boolean => patterns.some((pattern) => grants(pattern, permission));
  return has(principal.permissions) && has(principal.scopes);
}

interface KeyRow {
  id: string;
  principal: string;
  hash: string;
  scopes: string[];
  roles: string[];
  note: string;
  created: Date;
  expires: Date | null;
  revoked: Date | null;
  last_used: Date | null;
  is_expired: boolean;
}

/** A key that was revoked by another hub still works here for so long. */
const CACHE_MS = 2_000;
const CACHE_KEYS = 10_000;
const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export class Access {
  readonly #database: Database;
  /** Principals by the hash of their key. */
  readonly cache = new BoundedCache<Principal>({
    name: "keys",
    policy: "ttl",
    entriesMax: CACHE_KEYS,
    lifeMs: CACHE_MS,
  });

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * The roles that each hub has; who changed one keeps it so, others get what a newer program gives them.
   * @returns the first administrator's key, when there was no key at all
   */
  async prepare(): Promise<string | null> {
    for (const { name, inherits, permissions } of BUILT_IN_ROLES) {
      await this.#database.query(
        `insert into role (name, inherits, permissions) values ($1, $2, $3) on conflict (name) do update
         set inherits = $2, permissions = $3
         where role.version = 1 and (role.inherits, role.permissions) is distinct from ($2::text[], $3::text[])`,
        [name, [...inherits], [...permissions]],
      );
    }
    const [row] = await this.#database.query<{ found: boolean }>("select exists (select 1 from api_key) as found");
    if (row!.found) return null;
    await this.grant("admin", "admin", "hub");
    return (await this.createKey({ principal: "admin", scopes: ["*"], note: "made at the first start" }, "hub")).token;
  }

  /** @returns null for a key that is unknown, expired or revoked */
  async authenticate(token: string): Promise<Principal | null> {
    const match = /^stratos_([A-Za-z0-9]{12})_[A-Za-z0-9_-]{43}$/.exec(token);
    if (match === null) return null;
    const hash = digestOf(token);
    const cached = this.cache.get(hash);
    if (cached !== undefined) return cached;
    const [row] = await this.#database.query<KeyRow>(
      `update api_key set last_used = case when last_used > now() - interval '1 minute' then last_used else now() end
       where id = $1 and revoked is null and (expires is null or expires > now())
       returning id, principal, hash, scopes, roles`,
      [match[1]],
    );
    if (row === undefined || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) return null;
    const principal = await this.principalOf(row);
    this.cache.set(hash, principal);
    return principal;
  }

  async principalOf(key: {
    readonly id: string;
    readonly principal: string;
    readonly scopes: readonly string[];
    /** Beside those that are granted. */
    readonly roles: readonly string[];
  }): Promise<Principal> {
    return {
      name: key.principal,
      keyId: key.id,
      scopes: key.scopes,
      permissions: await this.#permissionsFor(key.principal, key.roles),
    };
  }

  /**
   * Whom a console vouches for: `console:anna`, with what this role gives and what was granted to that name beside it.
   * The name begins with the console's own, so that two consoles of one hub mean two people.
   */
  async vouchedFor(gateway: Principal, person: string, role: string): Promise<Principal> {
    const key = `${gateway.keyId} ${role} ${person}`;
    const cached = this.cache.get(key);
    if (cached !== undefined) return cached;
    const principal = `${gateway.name}:${person}`;
    const known = await this.principalOf({ id: gateway.keyId, principal, scopes: ["*"], roles: [role] });
    const found = { ...known, isVouchedFor: true };
    this.cache.set(key, found);
    return found;
  }

  async #permissionsFor(principal: string, own: readonly string[]): Promise<string[]> {
    const granted = await this.#database.query<{ role: string }>("select role from role_grant where principal = $1", [
      principal,
    ]);
    const roles = await rolesByName(this.#database);
    // A role that is gone gives nothing.
    return permissionsOf([...granted.map(({ role }) => role), ...own.filter((role) => roles.has(role))], roles);
  }

  /**
   * @param key.grants  roles that its owner is given with it: both, or neither
   * @param within  the transaction in which it is made; one of its own without
   * @returns the key itself, which is not kept. @throws HubError 422 for a scope that is none, 404 for a role
   */
  async createKey(
    key: {
      principal: string;
      scopes: readonly string[];
      note?: string;
      expiresSeconds?: number;
      roles?: readonly string[];
      grants?: readonly string[];
    },
    actor: string,
    within?: Queryable,
  ): Promise<TokenView & { token: string }> {
    demandPatterns(key.scopes, "bad-scope");
    const id = randomBytes(16).toString("base64url").replace(/[-_]/g, "").padEnd(12, "0").slice(0, 12);
    const token = `stratos_${id}_${randomBytes(32).toString("base64url")}`;
    const make = async (inside: Queryable): Promise<void> => {
      for (const role of key.grants ?? []) await giveRole(inside, key.principal, role, actor);
      await inside.query(
        "insert into api_key (id, principal, hash, scopes, note, created_by, expires, roles) values ($1, $2, $3, $4, " +
          "$5, $6, now() + make_interval(secs => $7), $8)",
        [
          id,
          key.principal,
          digestOf(token),
          [...key.scopes],
          key.note ?? "",
          actor,
          key.expiresSeconds ?? null,
          key.roles ?? [],
        ],
      );
      await writeEvents(inside, [
        {
          actor,
          what: "TOKEN_CREATED",
          detail: {
            token: id,
            principal: key.principal,
            scopes: key.scopes,
            ...(key.roles === undefined ? {} : { roles: key.roles }),
          },
        },
      ]);
    };
    await (within === undefined ? this.#database.transaction("read committed", make) : make(within));
    if (key.grants !== undefined) this.cache.clear();
    return { ...(await this.listKeys(within)).find((view) => view.id === id)!, token };
  }

  async listKeys(on: Queryable = this.#database): Promise<TokenView[]> {
    // By name: what is prepared must not change its columns when a newer hub adds one.
    const rows = await on.query<Omit<KeyRow, "hash" | "roles" | "is_expired">>(
      "select id, principal, scopes, note, created, expires, revoked, last_used from api_key order by created, id",
    );
    return rows.map((row) => ({
      id: row.id,
      principal: row.principal,
      scopes: row.scopes,
      note: row.note,
      created: row.created.toISOString(),
      expires: row.expires?.toISOString() ?? null,
      revoked: row.revoked?.toISOString() ?? null,
      lastUsed: row.last_used?.toISOString() ?? null,
    }));
  }

  async revokeKey(id: string, actor: string): Promise<void> {
    await this.#database.transaction("read committed", async (inside) => {
      const rows = await inside.query(
        "update api_key set revoked = coalesce(revoked, now()) where id = $1 returning id",
        [id],
      );
      if (rows.length === 0) throw notFound(`token ${id}`);
      await inside.query("delete from web_session where api_key = $1", [id]);
      await writeEvents(inside, [{ actor, what: "TOKEN_REVOKED", detail: { token: id } }]);
    });
    this.cache.clear();
  }

  async listRoles(): Promise<RoleView[]> {
    return this.#database.query<RoleView>("select name, inherits, permissions, version from role order by name");
  }

  /** What these roles give, with those that they inherit; a role that is not there gives nothing. */
  async permissionsOfRoles(names: readonly string[], on: Queryable = this.#database): Promise<string[]> {
    const roles = await rolesByName(on);
    return permissionsOf(
      names.filter((name) => roles.has(name)),
      roles,
    );
  }

  /** @throws HubError 412, 422 for circles, roles that are not there and permissions that are none; 409 for `admin` */
  async putRole(role: Role, actor: string, condition: Condition = UNCONDITIONAL): Promise<RoleView> {
    if (role.name === "admin") throw new HubError(409, "built-in", "the role admin cannot be changed");
    demandPatterns(role.permissions, "bad-permission");
    const view = await this.#database.transaction("read committed", async (inside) => {
      // Two changes that make a circle only together take turns.
      await inside.query("lock table role in share row exclusive mode");
      await demandCondition(inside, { kind: "role", name: role.name }, condition);
      const roles = await rolesByName(inside);
      roles.set(role.name, role);
      try {
        permissionsOf([...roles.keys()], roles);
      } catch (error) {
        throw new HubError(422, "bad-role", (error as Error).message);
      }
      const [row] = await inside.query<RoleView>(
        "insert into role (name, inherits, permissions) values ($1, $2, $3) on conflict (name) do update set " +
          "inherits = $2, permissions = $3, version = role.version + 1 returning name, inherits, permissions, version",
        [role.name, [...role.inherits], [...role.permissions]],
      );
      await writeEvents(inside, [
        {
          actor,
          what: "ROLE_CHANGED",
          detail: { role: role.name, inherits: role.inherits, permissions: role.permissions },
        },
      ]);
      return row!;
    });
    this.cache.clear();
    return view;
  }

  /** @throws HubError 409 while somebody has it or inherits it, 412 */
  async removeRole(name: string, actor: string, condition: Condition = UNCONDITIONAL): Promise<void> {
    if (BUILT_IN_ROLES.some((role) => role.name === name))
      throw new HubError(409, "built-in", `the role ${name} is part of every hub`);
    const heir = (await this.listRoles()).find(({ inherits }) => inherits.includes(name));
    if (heir !== undefined) throw new HubError(409, "role-used", `role ${heir.name} inherits ${name}`);
    try {
      await this.#database.transaction("read committed", async (inside) => {
        await demandCondition(inside, { kind: "role", name }, condition);
        const rows = await inside.query("delete from role where name = $1 returning name", [name]);
        if (rows.length === 0) throw notFound(`role ${name}`);
        await writeEvents(inside, [{ actor, what: "ROLE_REMOVED", detail: { role: name } }]);
      });
    } catch (error) {
      if ((error as DatabaseError).code === SQL_FOREIGN_KEY_VIOLATION)
        throw new HubError(409, "role-used", `role ${name} is granted to somebody`);
      throw error;
    }
    this.cache.clear();
  }

  async listGrants(): Promise<{ principal: string; role: string }[]> {
    return this.#database.query("select principal, role from role_grant order by principal, role");
  }

  /** What somebody has already is given by nobody: no event tells of it. @throws HubError 404 for the role */
  async grant(principal: string, role: string, actor: string): Promise<void> {
    await this.#database.transaction("read committed", (inside) => giveRole(inside, principal, role, actor));
    this.cache.clear();
  }

  async ungrant(principal: string, role: string, actor: string): Promise<void> {
    await this.#database.transaction("read committed", async (inside) => {
      const rows = await inside.query("delete from role_grant where principal = $1 and role = $2 returning 1", [
        principal,
        role,
      ]);
      if (rows.length === 0) throw notFound(`role ${role} of ${principal}`);
      await writeEvents(inside, [{ actor, what: "ROLE_TAKEN", detail: { principal, role } }]);
    });
    this.cache.clear();
  }
}

async function giveRole(inside: Queryable, principal: string, role: string, actor: string): Promise<void> {
  const known = await inside.query("select 1 from role where name = $1", [role]);
  if (known.length === 0) throw notFound(`role ${role}`);
  const given = await inside.query(
    "insert into role_grant (principal, role) values ($1, $2) on conflict do nothing returning 1",
    [principal, role],
  );
  if (given.length > 0) await writeEvents(inside, [{ actor, what: "ROLE_GRANTED", detail: { principal, role } }]);
}

/** @throws HubError 422 of this kind for what is no pattern of permissions */
export function demandPatterns(patterns: readonly string[], kind: string): void {
  for (const pattern of patterns) {
    const fault = patternFault(pattern);
    if (fault !== null) throw new HubError(422, kind, `${pattern}: ${fault}`);
  }
}

async function rolesByName(on: Queryable): Promise<Map<string, Role>> {
  const rows = await on.query<Role>("select name, inherits, permissions from role");
  return new Map(rows.map((role) => [role.name, role]));
}
