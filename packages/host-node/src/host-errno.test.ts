/** Goal: what Node throws becomes Linux's number, whatever the host's own is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { EAGAIN, EINVAL, EIO, ENOENT, EOPNOTSUPP, EPERM } from "@stratos/abi";
import { hostErrno } from "./host-errno.ts";

test("a name that Linux has is its number, second names too; all else is EIO or EINVAL", () => {
  const errno = (code: unknown): number => hostErrno(Object.assign(new Error("x"), { code }));
  assert.deepEqual(["EPERM", "EWOULDBLOCK", "ENOTSUP"].map(errno), [-EPERM, -EAGAIN, -EOPNOTSUPP]);
  assert.deepEqual(["ERR_INVALID_ARG_VALUE", "ERR_OTHER", "O_CREAT", "toString", 2].map(errno), [
    -EINVAL,
    -EIO,
    -EIO,
    -EIO,
    -EIO,
  ]);
  assert.deepEqual([null, undefined, new Error("x")].map(hostErrno), [-EIO, -EIO, -EIO]);
  assert.throws(
    () => readFileSync("/does/not/exist"),
    (error) => hostErrno(error) === -ENOENT,
  );
});
