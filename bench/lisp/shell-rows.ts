/**
 * AstraLisp's shell and utilities inside the machine beside Debian's:
 *
 *     npm run bench -- --only lisp-shell
 *
 * Utilities read a text of 100 MB, by turns with busybox', in processor time as the machine counts it, the least of
 * three; a loop runs in astra, dash and bash; and shells are begun in a running machine until their prompt is there,
 * translations not kept.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { astraProgram } from "@stratos/tools-node/lisp";
import { ensureImage } from "../prepare.ts";

const IMAGE = "lisp-shell";
const MEGABYTES = 100;

interface Measured {
  readonly rows: readonly {
    readonly row: string;
    readonly own: number;
    readonly peer: number;
    readonly of: string;
    readonly same: boolean;
  }[];
  readonly prompts: Readonly<Record<string, { readonly first: number; readonly later: number }>>;
}

/** @param cache  a folder of the host that stays */
export function measureLispShell(
  launcher: readonly string[],
  { cache, scripts }: { readonly cache: string; readonly scripts: string },
  print: (line: string) => void,
): void {
  ensureImage(launcher, IMAGE, ["busybox", "python3", "dash"]);
  const folder = join(cache, "lisp-shell");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "astra"), astraProgram().compile(), { mode: 0o755 });
  const { stdout, stderr, status } = spawnSync(
    launcher[0]!,
    [
      ...launcher.slice(1),
      ...["run", "--no-cache", "-i", IMAGE, "-e", `MEGABYTES=${MEGABYTES}`],
      ...["-v", `${folder}:/mnt:ro`, "-v", `${scripts}:/scripts:ro`, "--", "python3", "/scripts/shell-once.py"],
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
  );
  if (status !== 0) throw new Error(`shell-once.py: status ${status}: ${stderr}`);
  const { rows, prompts } = JSON.parse(stdout) as Measured;
  for (const { row, own, peer, of, same } of rows)
    print(
      `${row}: ${own.toFixed(0)} ms, ${of} ${peer.toFixed(0)} ms: ${(own / peer).toFixed(2)} ×` +
        (same ? "" : ", and NOT the same output"),
    );
  for (const [shell, { first, later }] of Object.entries(prompts))
    print(`exec to prompt, ${shell}: ${first.toFixed(1)} ms the first time, then ${later.toFixed(1)} ms`);
}
