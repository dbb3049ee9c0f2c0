/**
 * Goal: whoever has a built-in role has what the program of today gives it, also at a hub that an older one made,
 * unless somebody changed the role. Method: the rows of an older hub, and access prepared as at a start.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openDatabase } from "../database/open-database.ts";
import type { Database } from "../database/database.ts";
import { migrate } from "../store/migrations/migrate.ts";
import { Access } from "./access.ts";
import { BUILT_IN_ROLES } from "./permissions.ts";

let database: Database;
before(async () => {
  database = await openDatabase("memory");
  await migrate(database);
});
after(() => database.close());

const rolesOf = async (access: Access): Promise<Map<string, readonly string[]>> =>
  new Map((await access.listRoles()).map(({ name, permissions }) => [name, permissions]));
const usual = (name: string): readonly string[] => BUILT_IN_ROLES.find((role) => role.name === name)!.permissions;

test("a hub made before gives built-in roles what they have today; roles that somebody changed stay", async () => {
  const older = new Access(database);
  await older.prepare();
  await older.putRole({ name: "auditor", inherits: [], permissions: ["fsck:run"] }, "admin");
  await older.putRole({ name: "nightly", inherits: ["viewer"], permissions: ["task:submit:nightly"] }, "admin");
  await database.query("update role set permissions = '{task,host}' where name = 'operator'");
  await database.query("update role set inherits = '{}' where name = 'submitter'");
  await older.grant("olga", "operator", "admin");

  const access = new Access(database);
  await access.prepare();
  const roles = await rolesOf(access);
  assert.deepEqual(roles.get("operator"), usual("operator"));
  assert.deepEqual(roles.get("auditor"), ["fsck:run"]);
  assert.deepEqual(roles.get("nightly"), ["task:submit:nightly"]);
  const { permissions } = await access.principalOf({ id: "x", principal: "olga", scopes: ["*"], roles: [] });
  for (const wanted of ["trigger", "template", "task:submit", "template:read"])
    assert.ok(permissions.includes(wanted), `operator, submitter and viewer: ${wanted}`);
  assert.deepEqual(
    (await access.listRoles()).filter(({ version }) => version !== 1).map(({ name }) => name),
    ["auditor"],
    "to be brought up to date is no change of somebody's",
  );
});
