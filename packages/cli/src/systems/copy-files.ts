/** `stratos cp`: files and folders of a running system. */
import { statSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { printable } from "@stratos/base";
import { openSystem, RemoteFiles } from "@stratos/sdk/client";
import { copyIn, copyOut, statusIfThere } from "@stratos/supervisor/copy-files";
import { UsageError } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { withSupervisor } from "./supervisor.ts";

/** `NAME:PATH`; null: a path of this host (`./a:b`, `/a:b`). */
function placeOf(text: string): { readonly name: string; readonly path: string } | null {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*):(.*)$/s.exec(text);
  if (match === null) return null;
  const [, name, path] = match;
  if (path === "") throw new UsageError("cp", `${text} has no path behind the colon; ${text}/ is the whole root`);
  return { name: name!, path: posix.resolve("/", path!) };
}

/** @returns the exit status */
export function copyFiles(from: string, to: string): Promise<number> {
  if (from === "-" || to === "-")
    throw new UsageError(
      "cp",
      `copies no streams: \`stratos exec NAME tar -c -C DIR .\` writes a folder as tar to stdout, and ` +
        `\`exec -i NAME tar -x -C DIR\` takes one from stdin; ./- is a file of that name`,
    );
  const [source, target] = [placeOf(from), placeOf(to)];
  if ((source === null) === (target === null))
    throw new UsageError("cp", "one of the two is NAME:PATH, the other a path of this host");
  // The contents of `DIR/.` go into the target itself, as in cp(1).
  const isContent = from.endsWith("/.");
  let status: number = EXIT_SUCCESS;
  const tellLeftOut = (path: string, why: string, isContent: boolean): void => {
    process.stderr.write(`stratos: ${printable(path)}: left out, since ${why}\n`);
    if (isContent) status = EXIT_FAILURE;
  };
  return withSupervisor(async (client) => {
    const files = new RemoteFiles((await openSystem(client, (source ?? target)!.name)).handle);
    if (source !== null) {
      const isInto = statSync(to, { throwIfNoEntry: false })?.isDirectory() === true && !isContent;
      const place = { from: source.path, to: isInto ? join(to, basename(source.path)) : to };
      await copyOut(files, place, tellLeftOut);
    } else {
      const { path } = target!;
      const isInto = (await statusIfThere(files, path))?.kind === "folder" && !isContent;
      await copyIn(files, { from, to: isInto ? posix.join(path, basename(from)) : path }, tellLeftOut);
    }
    return status;
  });
}
