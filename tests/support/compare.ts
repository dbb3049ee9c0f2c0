import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./judge.ts";
import { stratosRun } from "./stratos.ts";

export interface ProgramCase {
  readonly name: string;
  /** For `bash -c`, in an empty folder below /tmp. */
  readonly script: string;
  readonly stdin?: string;
}

/** One test for each case: standard output, standard error and exit status are those of qemu-user. */
export function compareWithJudge(cases: readonly ProgramCase[]): void {
  for (const { name, script, stdin } of cases) {
    test(name, async () => {
      const command = ["bash", "-c", `mkdir /tmp/work && cd /tmp/work && { ${script}\n}`];
      const input = stdin === undefined ? {} : { stdin };
      const [ours, theirs] = await Promise.all([stratosRun(["--", ...command], input), judge(command, input)]);
      assert.deepEqual(ours, theirs);
    });
  }
}
