/** Goal: capabilities and ids by user namespaces (user_namespaces(7)). Method: credentials and namespaces alone. */
import { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SYS_ADMIN, EACCES, S_IFREG, S_ISUID } from "@stratos/abi";
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Credentials, isCapable, ROOT } from "./credentials.ts";
import { credentialsAfterExec } from "./exec-credentials.ts";
import { IdMap } from "./id-map.ts";
import { NamespaceCounts } from "./namespace-counts.ts";
import { checkAccess, isCapableOver, MAY_READ } from "./permission.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "./user-namespace.ts";

const counts = new NamespaceCounts();
const NOBODY: Credentials = { ...ROOT, effective: 0, permitted: 0 };

function userWith(uid: number, change: Partial<Credentials> = {}): Credentials {
  return { ...NOBODY, uid, euid: uid, suid: uid, fsuid: uid, gid: uid, egid: uid, sgid: uid, fsgid: uid, ...change };
}

function below(parent: UserNamespace, uid: number): UserNamespace {
  return new UserNamespace(parent, { ino: 1, counts }, { uid, gid: uid, mayMapRoot: true });
}

/** Its creator's uid and gid are 0 inside. */
function mapped(parent: UserNamespace, uid: number): UserNamespace {
  const namespace = below(parent, uid);
  namespace.uids = namespace.gids = new IdMap([{ first: 0, kernelFirst: uid, count: 1 }]);
  return namespace;
}

test("capabilities count in one's own user namespace and below, not above or beside", () => {
  const outer = below(INITIAL_USER_NAMESPACE, 1000);
  const inner = below(outer, 1000);
  const beside = below(INITIAL_USER_NAMESPACE, 2000);
  const inside = userWith(1000, { userNamespace: outer, effective: ROOT.effective });
  assert.equal(isCapable(inside, CAP_SYS_ADMIN, outer), true);
  assert.equal(isCapable(inside, CAP_SYS_ADMIN, inner), true);
  assert.equal(isCapable(inside, CAP_SYS_ADMIN, beside), false);
  assert.equal(isCapable(inside, CAP_SYS_ADMIN), false);
  assert.equal(isCapable(ROOT, CAP_SYS_ADMIN, inner), true);
  assert.equal(isCapable({ ...ROOT, effective: 0 }, CAP_SYS_ADMIN, inner), false);
});

test("who made a namespace has every capability in it and below, from the one above it", () => {
  const outer = below(INITIAL_USER_NAMESPACE, 1000);
  const inner = below(outer, 1000);
  assert.equal(isCapable(userWith(1000), CAP_SYS_ADMIN, outer), true);
  assert.equal(isCapable(userWith(1000), CAP_SYS_ADMIN, inner), true);
  assert.equal(isCapable(userWith(1001), CAP_SYS_ADMIN, outer), false);
  const beside = below(INITIAL_USER_NAMESPACE, 2000);
  assert.equal(isCapable(userWith(1000, { userNamespace: beside }), CAP_SYS_ADMIN, outer), false);
});

test("over a file a capability counts only where the namespace has names for its owner and group", () => {
  const namespace = mapped(INITIAL_USER_NAMESPACE, 1000);
  const inside = userWith(1000, { userNamespace: namespace, effective: ROOT.effective, permitted: ROOT.permitted });
  const file = { mode: S_IFREG | 0o200, uid: 1000, gid: 1000, acl: null, fileFlags: 0 };
  assert.equal(checkAccess(inside, file, MAY_READ), 0);
  assert.equal(isCapableOver(inside, file, CAP_CHOWN), true);
  const foreign = { ...file, mode: S_IFREG | 0o200, uid: 0 };
  assert.equal(checkAccess(inside, foreign, MAY_READ), -EACCES);
  assert.equal(isCapableOver(inside, foreign, CAP_DAC_OVERRIDE), false);
  assert.equal(checkAccess(inside, { ...file, uid: 1001, gid: 1001 }, MAY_READ), -EACCES);
});

test("a program that changes ids does so only to ids that have names, and 0 inside is root there", () => {
  const namespace = mapped(INITIAL_USER_NAMESPACE, 1000);
  const inside = userWith(1000, { userNamespace: namespace });
  const file = { mode: S_IFREG | S_ISUID | 0o755, uid: 0, gid: 0, acl: null, fileFlags: 0 };
  const after = (old: Credentials): Credentials =>
    (
      credentialsAfterExec(old, file, { noSetId: false, gainsNothing: false, file: null }) as {
        credentials: Credentials;
      }
    ).credentials;
  assert.equal(after(inside).euid, 1000);
  assert.equal(after(inside).effective, ROOT.bounding);
  const unmapped = userWith(1000, { userNamespace: below(INITIAL_USER_NAMESPACE, 1000), effective: ROOT.effective });
  assert.equal(after(unmapped).effective, 0);
  assert.equal(after(userWith(1000)).euid, 0);
});

test("ids go through maps of many ranges both ways; without a name the overflow id is shown", () => {
  const map = new IdMap([
    { first: 0, kernelFirst: 100000, count: 10 },
    { first: 20, kernelFirst: 5, count: 1 },
  ]);
  assert.deepEqual(
    [0, 9, 10, 20].map((id) => map.toKernel(id)),
    [100000, 100009, -1, 5],
  );
  assert.deepEqual(
    [100000, 100009, 100010, 5].map((id) => map.fromKernel(id)),
    [0, 9, -1, 20],
  );
  assert.equal(map.shown(0), 65534);
  assert.equal(map.rangeToKernel(1, 9), 100001);
  assert.equal(map.rangeToKernel(5, 10), -1);
});

test("a namespace counts for its maker and for the makers of those above", () => {
  const own = new NamespaceCounts();
  const outer = new UserNamespace(
    INITIAL_USER_NAMESPACE,
    { ino: 1, counts: own },
    { uid: 1000, gid: 1, mayMapRoot: true },
  );
  own.setLimit(INITIAL_USER_NAMESPACE, "uts", 1);
  assert.equal(own.charge(outer, 1000, "uts"), true);
  assert.equal(own.charge(outer, 1001, "uts"), false);
  assert.equal(own.charge(INITIAL_USER_NAMESPACE, 0, "uts"), true);
  own.discharge(outer, 1000, "uts");
  assert.equal(own.charge(outer, 1001, "uts"), true);
});
