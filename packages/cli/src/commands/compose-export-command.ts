import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatTreefile, mockConfig, MockConfigError, type ImageTarget } from "@stratos/compose";
import { openTreefile, selectTargets } from "@stratos/systems/compose";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import type { ComposeExportOptions } from "./compose-options.ts";
import { onUnknownKey } from "./compose-terminal.ts";

export async function exportTreefile(file: string, options: ComposeExportOptions): Promise<number> {
  const treefile = await openTreefile(file, onUnknownKey(options));
  const targets = await selectTargets(treefile, options);
  const { format } = options;
  if (options.all === true && format === "mock")
    throw new UsageError("--all", "mock has a configuration for each image, and none for all");
  const texts =
    options.all === true && format !== "mock"
      ? [{ name: treefile.name, text: formatTreefile(treefile.merged, format) }]
      : targets.map((target) => ({
          name: `${treefile.name}-${target.variant}-${target.architecture}`,
          text: format === "mock" ? mockText(file, target) : formatTreefile(treefile.exportTarget(target), format),
        }));
  if (options.output !== undefined) {
    await mkdir(options.output, { recursive: true });
    for (const { name, text } of texts)
      await writeFile(join(options.output, `${name}.${format === "mock" ? "cfg" : format}`), text);
    return EXIT_SUCCESS;
  }
  if (texts.length > 1)
    throw new UsageError(
      file,
      `describes ${texts.length} images (${texts.map(({ name }) => name).join(", ")}): choose one by --variant ` +
        "and --arch, or give --all or --output FOLDER",
    );
  process.stdout.write(texts[0]!.text);
  return EXIT_SUCCESS;
}

function mockText(file: string, target: ImageTarget): string {
  try {
    return mockConfig(target);
  } catch (error) {
    if (error instanceof MockConfigError) throw new CommandError(file, error.message, { cause: error });
    throw error;
  }
}
