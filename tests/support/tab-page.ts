/** The page of a machine in a tab: as a fresh bundle has it, for from the sources it takes seconds of the processor. */
import { join } from "node:path";
import { readPage, tabFiles } from "@stratos/console";
import { TAB_DESKTOP } from "@stratos/desktop/tab";
import { freshBundle } from "../../tools/launch/bundle-state.mjs";
import { repository } from "./stratos.ts";

export async function tabPage(): Promise<ReadonlyMap<string, Uint8Array>> {
  const joined = freshBundle(repository) === null ? null : readPage(join(repository, "dist/console/tab"));
  return joined ?? tabFiles(TAB_DESKTOP);
}
