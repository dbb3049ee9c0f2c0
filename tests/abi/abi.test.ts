/**
 * Goal: system calls do what Linux does. Method: each C program of this folder prints what it observes; built for
 * riscv64 it runs in a machine of ours (translated; a sample of them, and in the extended run all, interpreted, too),
 * and the output is compared line by line with what it printed on Linux (`expected/`, kept by `npm run abi:record`).
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { linked } from "./linked.ts";
import { differences, expectedPath, programs, transcript } from "./on-linux.ts";
import { runStatic } from "./run-static.ts";

/** The interpreter has its own tests beside; here it gets a sample. */
const interpreted = new Set(sampleOf(programs, 12));

for (const program of programs) {
  describe(program, () => {
    test("prints on Stratos what it prints on Linux", async () => {
      const linux = readFileSync(expectedPath(program), "latin1");
      const guest = linked(program);
      for (const translate of interpreted.has(program) ? [true, false] : [true]) {
        // Virtual time: what a guest observes doesn't depend on how busy the host is.
        const ours = await runStatic(guest, { translate, seed: 1 });
        assert.equal(
          differences(linux, transcript(ours.output, ours.status), "Stratos"),
          "",
          translate ? "translated" : "interpreted",
        );
      }
    });
  });
}
