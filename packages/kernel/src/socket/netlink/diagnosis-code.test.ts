/** Goal: a program of sock_diag(7) is looked at once, and bounded: each socket is looked at by all of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EINVAL, INET_DIAG_BC_JMP, INET_DIAG_BC_NOP } from "@stratos/abi";
import { acceptsDiagnosed, checkDiagnosisCode } from "./diagnosis-code.ts";

const ANY = {
  family: 2,
  sourcePort: 0,
  destinationPort: 0,
  source: new Uint8Array(4),
  destination: new Uint8Array(4),
  device: 0,
  mark: 0,
  isPortNamed: true,
};

/** Jumps that each lead to the last step, or to `no` bytes behind themselves. */
function jumps(bytes: number, no?: number): Uint8Array {
  const code = new Uint8Array(bytes);
  const view = new DataView(code.buffer);
  for (let at = 0; at < bytes; at += 4) {
    const isLast = at === bytes - 4;
    code[at] = isLast ? INET_DIAG_BC_NOP : INET_DIAG_BC_JMP;
    code[at + 1] = 4;
    view.setUint16(at + 2, isLast ? 4 : (no ?? bytes - 4 - at), true);
  }
  return code;
}

test("a program of 4096 bytes is taken and runs, a longer one is refused", () => {
  const longest = jumps(4096);
  assert.equal(checkDiagnosisCode(longest, false), 0);
  assert.ok(acceptsDiagnosed(longest, ANY));
  assert.equal(checkDiagnosisCode(jumps(4100), false), -EINVAL);
});

test("a jump leads to a step, to the end, or beyond it, which accepts nothing", () => {
  assert.equal(checkDiagnosisCode(jumps(8, 6), false), -EINVAL);
  const [toEnd, beyond] = [jumps(8, 8), jumps(8, 12)];
  assert.deepEqual([checkDiagnosisCode(toEnd, false), checkDiagnosisCode(beyond, false)], [0, 0]);
  assert.deepEqual([acceptsDiagnosed(toEnd, ANY), acceptsDiagnosed(beyond, ANY)], [true, false]);
  // A step of eight bytes, in whose midst none begins.
  const between = jumps(16, 8);
  between[5] = 8;
  assert.equal(checkDiagnosisCode(between, false), -EINVAL);
});
