import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatTreefile } from "@stratos/compose";
import { UsageError } from "../command-error.ts";
import { openTreefile, selectTargets } from "../compose/open-treefile.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import type { ComposeExportOptions } from "./compose-options.ts";

export async function exportTreefile(file: string, options: ComposeExportOptions): Promise<number> {
  const treefile = await openTreefile(file);
  const targets = await selectTargets(treefile, options);
  const texts = options.all === true
    ? [{ name: treefile.name, text: formatTreefile(treefile.merged, options.format) }]
    : targets.map((target) => ({ name: `${treefile.name}-${target.variant}-${target.architecture}`, text: formatTreefile(treefile.exportTarget(target), options.format) }));
  if (options.output !== undefined) {
    await mkdir(options.output, { recursive: true });
    for (const { name, text } of texts) await writeFile(join(options.output, `${name}.${options.format}`), text);
    return EXIT_SUCCESS;
  }
  if (texts.length > 1) throw new UsageError(file, `describes ${texts.length} images (${texts.map(({ name }) => name).join(", ")}): choose one by --variant and --arch, or give --all or --output FOLDER`);
  process.stdout.write(texts[0]!.text);
  return EXIT_SUCCESS;
}
