/**
 * Goal: whoever has a built-in role has what the program of today gives it, also at a hub that an older one made,
 * unless somebody changed the role. Method: the rows of an older hub, and access prepared as at a start.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiRoutes } from "../hub-server.ts";
import type { Database } from "../database/database.ts";
import { openMigrated } from "../testing/test-database.ts";
import { Access } from "./access.ts";
import { BUILT_IN_ROLES, patternFault, PERMISSIONS } from "./permissions.ts";

let database: Database;
before(async () => void (database = await openMigrated("memory")));
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

test("a permission that there is not is refused, and what was meant is said", () => {
  for (const [pattern, words] of [
    ["packge:promote", "nothing is permitted by this name; did you mean package?"],
    ["task:sumbit:main", "task has no sumbit; did you mean submit?"],
    ["audit:read", "audit has no read; there is rotate"],
    ["*:fly", /^\* has no fly; there is read, write, rotate/],
    ["constructor:read", /^nothing is permitted by this name; there is artefact, audit/],
    ["task read", /^no permission; they are noun:verb:channel/],
  ] as const) {
    const fault = patternFault(pattern);
    if (typeof words === "string") assert.equal(fault, words);
    else assert.match(fault!, words);
  }
  for (const pattern of [
    "*",
    "task",
    "task:*",
    "task:*:main",
    "*:read",
    "host:serve:vm7",
    ...BUILT_IN_ROLES.flatMap(({ permissions }) => permissions),
  ])
    assert.equal(patternFault(pattern), null, pattern);
});

test("what routes ask for is what there is to permit", () => {
  // Beside them what is asked within a request.
  const asked = new Set([
    "trigger:fire",
    "task:change-own",
    "secret:use",
    "identity:vouch",
    "package:promote",
    "package:withdraw",
  ]);
  for (const { permission } of apiRoutes(database, {} as never, {} as never))
    asked.add(permission.split(":").slice(0, 2).join(":"));
  const known = Object.entries(PERMISSIONS).flatMap(([noun, verbs]) => verbs.map((verb) => `${noun}:${verb}`));
  assert.deepEqual([...asked].sort(), known.sort());
});
