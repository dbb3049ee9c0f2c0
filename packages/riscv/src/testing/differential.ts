/**
 * Random programs on qemu's user mode, the reference hart and our processor (interpreter, translator, and translator in
 * small slices): all must agree on every register, flag and byte of memory.
 *
 *     npm run fuzz:riscv -- [--seed N] [--first N] [--count N] [--batch N]
 *         [--kind integer|float|all|branchy|loops|extensions|conditional] [--engines
 *         qemu,reference,interpreter,translator,sliced,forgetful,late,later,unfused,kept,kept-forgetful,kept-window,
 *         kept-wide,window,window-forgetful,wide-interpreter,wide,wide-forgetful] [--dump FILE]
 *
 * `--dump FILE` writes the program as an ELF for a disassembler and doesn't run it. Exit status 1 when something
 * differs.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { staticElf } from "./assembler.ts";
import { checkSequences, ENGINES, repeatCommand, type EngineName } from "./differential-check.ts";
import { frameProgram, type SequenceKind } from "./frame-program.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    first: { type: "string", default: "0" },
    count: { type: "string", default: "1000" },
    batch: { type: "string", default: "200" },
    kind: { type: "string" },
    engines: { type: "string", default: "qemu,reference,interpreter,translator,sliced,forgetful" },
    dump: { type: "string" },
  },
});
const seed = Number(values.seed),
  first = Number(values.first),
  count = Number(values.count),
  batch = Number(values.batch);
const kind = values.kind as SequenceKind | undefined;
const engines = values.engines.split(",") as EngineName[];
const unknown = engines.filter((engine) => !(engine in ENGINES));
if (unknown.length > 0) {
  console.error(`differential: unknown engine: ${unknown.join(", ")}`);
  process.exit(2);
}

if (values.dump !== undefined) {
  const indices = Array.from({ length: count }, (_, offset) => first + offset);
  const program = frameProgram(seed, indices, kind);
  writeFileSync(values.dump, staticElf(program.program));
  program.sequences.forEach(({ address, length, kind: sequenceKind }, position) =>
    console.log(`${indices[position]} ${sequenceKind} 0x${address.toString(16)}-0x${(address + length).toString(16)}`),
  );
} else {
  const differences = checkSequences({ seed, first, count, batch, engines, ...(kind === undefined ? {} : { kind }) });
  for (const difference of differences.slice(0, 20)) {
    console.log(
      `${difference.engine}: sequence ${difference.index}, run ${difference.run}: ${difference.what}\n  repeat: ` +
        `${repeatCommand(seed, difference, kind)}`,
    );
  }
  const failed = new Set(differences.map((difference) => difference.index)).size;
  console.log(`${count - Math.min(count, failed)} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
