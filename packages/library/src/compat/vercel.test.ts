/** Goal: what could not be made ready does not stay. Method: a supervisor that answers, but cannot make folders. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type EngineSource, StratosError, useEngines } from "@stratos/sdk/client";
import { Sandbox } from "./vercel.ts";

/** @returns what it is asked */
function supervisorWithoutFiles(): string[] {
  const asked: string[] = [];
  const view = { name: "job", state: "running", missingSecrets: [] };
  const values: Readonly<Record<string, unknown>> = { "start-system": view, systems: [view], "open-system": 1 };
  const call = (op: string): { call: number; answer: Promise<unknown> } => {
    asked.push(op);
    const answer =
      op === "file"
        ? Promise.reject(new StratosError("file", "no room", { code: "ENOSPC", path: "/vercel" }))
        : Promise.resolve({ value: values[op] ?? null });
    return { call: asked.length, answer };
  };
  const open = async (): Promise<unknown> => ({ call, close: () => void asked.push("left") });
  useEngines({ systems: { open, absolutePath: String } } as unknown as EngineSource);
  return asked;
}

test("a failed create of a named one leaves none; one that was only looked for stays", async () => {
  const asked = supervisorWithoutFiles();
  await assert.rejects(Sandbox.create({ name: "job", stratos: { image: "debian" } }), { message: "no room" });
  assert.deepEqual(
    asked.slice(asked.indexOf("file") + 1).filter((op) => op.endsWith("-system")),
    ["stop-system", "remove-system"],
  );
  asked.length = 0;
  await assert.rejects(Sandbox.get({ name: "job" }), { message: "no room" });
  assert.deepEqual(asked.slice(asked.indexOf("file") + 1), ["close", "left"]);
});
