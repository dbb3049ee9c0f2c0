/** Goal: what a machine cannot have is refused by the option's name, before there is a machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "./api.ts";
import { checkDuration } from "./check-options.ts";
import { argvOf, checkMachineOptions } from "./machine-options.ts";

const MEMORY = 256 << 20;

function refused(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof StratosError && error.kind === "option", String(error));
    return (error.data as { option: string }).option;
  }
}

test("each option has its bounds, and what does not go together is told", () => {
  type Options = Parameters<typeof checkMachineOptions>[0];
  const of = (options: Partial<Options>): string | undefined =>
    refused(() => checkMachineOptions({ memoryBytes: MEMORY, ...options }));
  for (const [options, option] of [
    [{}, undefined],
    [{ memoryBytes: MEMORY + 1 }, "memoryBytes"],
    [{ memoryBytes: 4096 }, "memoryBytes"],
    [{ freeBytes: MEMORY }, undefined],
    [{ freeBytes: MEMORY - 4096 }, "memoryBytes"],
    [{ harts: 1 }, undefined],
    [{ harts: 0 }, "harts"],
    [{ harts: 1.5 }, "harts"],
    [{ seed: 2 ** 32 - 1 }, undefined],
    [{ seed: -1 }, "seed"],
    [{ seed: 2 ** 32 }, "seed"],
    [{ network: "host", ports: [{}] }, undefined],
    [{ net: {}, ports: [{}] }, undefined],
    [{ ports: [{}] }, "ports"],
    [{ network: "some" }, "network"],
    [{ network: "host", net: {} }, "net"],
    [{ limits: { processes: 16, diskBytes: 1 << 24, cpuMs: 1, outputBytes: 1 } }, undefined],
    [{ limits: { processes: 15 } }, "limits.processes"],
    [{ limits: { diskBytes: (1 << 24) - 1 } }, "limits.diskBytes"],
    [{ limits: { cpuMs: 0 } }, "limits.cpuMs"],
    [{ limits: { outputBytes: 0 } }, "limits.outputBytes"],
    [{ timeoutMs: null, onTimeout: "checkpoint" }, undefined],
    [{ timeoutMs: 0 }, "timeoutMs"],
    [{ onTimeout: "sleep" }, "onTimeout"],
  ] as const)
    assert.equal(of(options), option, JSON.stringify(options));
});

test("a line is the shell's, a list the program's; neither is empty or cut by a NUL", () => {
  assert.deepEqual(argvOf("echo a b"), ["/bin/sh", "-c", "echo a b"]);
  assert.deepEqual(argvOf(["echo", ""]), ["echo", ""]);
  for (const command of [[], [""], ["echo", "a\0b"], "echo a\0b"])
    assert.equal(
      refused(() => argvOf(command)),
      "command",
    );
});

test("a duration is above 0 and fits a timer", () => {
  for (const [milliseconds, option] of [
    [undefined, undefined],
    [0.5, undefined],
    [2 ** 31 - 1, undefined],
    [2 ** 31, "timeoutMs"],
    [0, "timeoutMs"],
    [NaN, "timeoutMs"],
  ] as const)
    assert.equal(
      refused(() => checkDuration("timeoutMs", milliseconds)),
      option,
      String(milliseconds),
    );
});
