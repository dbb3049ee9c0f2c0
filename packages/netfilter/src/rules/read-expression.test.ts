/** Goal: what a rule had when it was listed it has again. Method: an expression's attributes, read and written. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { NFPROTO_IPV4 } from "@stratos/abi";
import { readExpression, type ReadingContext, writeExpression } from "./read-expression.ts";
import { MessageWriter } from "../wire/message-writer.ts";

it("last goes on from when it was used", () => {
  const context = { table: { family: NFPROTO_IPV4 }, nowNs: 5e9, written: 0 } as unknown as ReadingContext;
  // NFTA_EXPR_NAME "last", NFTA_EXPR_DATA of NFTA_LAST_SET 1 and NFTA_LAST_MSECS 300 000.
  const last = (set: string, msecs: string): Buffer =>
    Buffer.from(`090001006c6173740000000018000280080001000000000${set}0c000200${msecs}`, "hex");
  const at = (nowNs: number, bytes: Buffer): string => {
    const writer = new MessageWriter().begin(0, { flags: 0, sequence: 0, port: 0, family: 0, resource: 0 });
    writeExpression(writer, readExpression(context, bytes), 1, nowNs);
    return Buffer.from(writer.finish()).toString("hex");
  };
  const used = last("1", "00000000000493e0");
  assert.ok(at(5e9, used).endsWith("00000000000493e0"));
  assert.ok(at(6e9, used).endsWith("00000000000497c8"));
  assert.ok(at(6e9, last("0", "0000000000000000")).endsWith("0000000000000000"));
  assert.throws(() => readExpression(context, last("1", "ffffffffffffffff")));
});
