/**
 * Goal: who may do what with a file (acl(5)), which set-ID bits a write takes from it (Linux fs/attr.c). Method: the
 * rules themselves, with credentials.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACL_GROUP, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER, ACL_USER_OBJ, CAP_FSETID, EACCES } from "@stratos/abi";
import { type Credentials, ROOT } from "./credentials.ts";
import { IdMap } from "./id-map.ts";
import type { OwnedFile } from "./owned-file.ts";
import { checkAccess, MAY_READ, MAY_WRITE, modeAfterWrite } from "./permission.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "./user-namespace.ts";

const file = (mode: number): OwnedFile => ({ mode, uid: 0, gid: 50, acl: null, fileFlags: 0 });
const nobody: Credentials = { ...ROOT, euid: 7, fsuid: 7, fsgid: 7, effective: 0, permitted: 0 };

/** Root of a namespace in which uid 7 is 0, and group 50 has a name. */
function innerRoot(): Credentials {
  const creator = { uid: 7, gid: 7, mayMapRoot: false };
  const userNamespace = new UserNamespace(INITIAL_USER_NAMESPACE, { ino: 1, counts: null }, creator);
  userNamespace.uids = new IdMap([{ first: 0, kernelFirst: 0, count: 8 }]);
  userNamespace.gids = new IdMap([{ first: 0, kernelFirst: 7, count: 60 }]);
  return { ...nobody, userNamespace, effective: 2 ** CAP_FSETID, permitted: 2 ** CAP_FSETID };
}

test("set-user-ID goes with a write, unless CAP_FSETID counts in the initial user namespace", () => {
  assert.equal(modeAfterWrite(ROOT, file(0o106755)), null);
  assert.equal(modeAfterWrite(nobody, file(0o106755)), 0o100755);
  assert.equal(modeAfterWrite(innerRoot(), file(0o106755)), 0o100755);
  assert.equal(modeAfterWrite(nobody, file(0o100755)), null);
  assert.equal(modeAfterWrite(nobody, file(0o26755)), null, "devices have none to drop");
});

test("set-group-ID without execution stays with who is in the group or has CAP_FSETID over the file", () => {
  assert.equal(modeAfterWrite(nobody, file(0o102745)), 0o100745);
  assert.equal(modeAfterWrite({ ...nobody, groups: [50] }, file(0o102745)), null);
  assert.equal(modeAfterWrite({ ...nobody, groups: [50] }, file(0o106745)), 0o102745);
  assert.equal(modeAfterWrite(innerRoot(), file(0o102745)), null);
  assert.equal(modeAfterWrite({ ...nobody, groups: [50] }, file(0o102755)), 0o100755);
});

test("of several groups of an access list one must grant all that is asked for, within the mask", () => {
  const entry = (tag: number, permissions: number, id = 0) => ({ tag, permissions, id });
  const listed: OwnedFile = {
    ...file(0o100670),
    acl: [
      entry(ACL_USER_OBJ, 7),
      entry(ACL_GROUP_OBJ, 0),
      entry(ACL_GROUP, MAY_READ, 60),
      entry(ACL_GROUP, MAY_WRITE, 61),
      entry(ACL_MASK, 7),
      entry(ACL_OTHER, 0),
    ],
  };
  const member: Credentials = { ...nobody, groups: [60, 61] };
  assert.equal(checkAccess(member, listed, MAY_READ), 0);
  assert.equal(checkAccess(member, listed, MAY_WRITE), 0);
  assert.equal(checkAccess(member, listed, MAY_READ | MAY_WRITE), -EACCES);
});
