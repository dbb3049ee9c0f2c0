import { TREEFILE_SCHEMA } from "@stratos/compose";
import { EXIT_SUCCESS } from "../exit-status.ts";

export async function printTreefileSchema(): Promise<number> {
  process.stdout.write(`${JSON.stringify(TREEFILE_SCHEMA, null, 2)}\n`);
  return EXIT_SUCCESS;
}
