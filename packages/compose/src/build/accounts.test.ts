/**
 * Accounts. Goal: new ones get ids as adduser gives them, old ones change only where told, and what cannot be is
 * refused.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { AccountError, Accounts } from "./accounts.ts";

const FILES = {
  passwd: "root:x:0:0:root:/root:/bin/bash\nfirst:x:1000:1000:,,,:/home/first:/bin/sh\n",
  shadow: "root:*:19000:0:99999:7:::\nfirst:!:19000:0:99999:7:::\n",
  group: "root:x:0:\nsudo:x:27:first\nfirst:x:1000:\nstaff:x:999:\n",
  gshadow: "root:*::\nsudo:*::first\nfirst:!::\nstaff:!::\n",
};
const make = (): Accounts => new Accounts(FILES, 20_000 * 86_400 + 5);

test("people count up from 1000, systems down from 999, past what is taken", () => {
  const accounts = make();
  assert.deepEqual(accounts.set("op", { groups: ["sudo"] }), { uid: 1001, gid: 1001, home: "/home/op", isNew: true });
  assert.deepEqual(accounts.set("daemon", { system: true }), { uid: 998, gid: 998, home: "/nonexistent", isNew: true });
  const { passwd, shadow, group, gshadow } = accounts.files;
  assert.match(passwd, /^op:x:1001:1001::\/home\/op:\/bin\/sh$/m);
  assert.match(passwd, /^daemon:x:998:998::\/nonexistent:\/usr\/sbin\/nologin$/m);
  assert.match(shadow, /^op:!:20000:0:99999:7:::$/m);
  assert.match(group, /^sudo:x:27:first,op$/m);
  assert.match(gshadow, /^sudo:\*::first,op$/m);
  assert.ok(passwd.startsWith(FILES.passwd) && group.includes("op:x:1001:\n"));
});

test("an account that is there changes only where told", () => {
  const accounts = make();
  assert.equal(accounts.set("root", { password: "$y$x", shell: "/bin/sh" }).isNew, false);
  assert.match(accounts.files.passwd, /^root:x:0:0:root:\/root:\/bin\/sh$/m);
  assert.match(accounts.files.shadow, /^root:\$y\$x:20000:0:99999:7:::$/m);
  accounts.set("first", { groups: ["sudo"] });
  assert.match(accounts.files.group, /^sudo:x:27:first$/m);
});

test("ids that are taken and groups that are not there are refused", () => {
  assert.throws(() => make().set("op", { uid: 1000 }), new AccountError("op: the uid 1000 is that of first"));
  assert.throws(() => make().set("op", { gid: 4242 }), /op: there is no group 4242/);
  assert.throws(() => make().set("op", { groups: ["wheel"] }), /op: there is no group wheel/);
});
