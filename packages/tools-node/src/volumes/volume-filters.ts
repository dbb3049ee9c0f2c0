/**
 * Filters that the environment names (packages/aegisfs/FILTERS.md): STRATOS_FS_FILTERS, modules by absolute paths,
 * separated by commas.
 */
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { filterFiles, type FilterFactory, type Subvolume } from "@stratos/aegisfs";

export class FilterError extends Error {}

let loaded: readonly FilterFactory[] | null = null;

/** The files as the filters of the environment show them. @throws FilterError when one cannot be loaded */
export function withEnvironmentFilters(files: Subvolume): Subvolume {
  loaded ??= loadFilters(process.env["STRATOS_FS_FILTERS"] ?? "");
  return filterFiles(files, loaded);
}

function loadFilters(list: string): FilterFactory[] {
  const load = createRequire(import.meta.url);
  return list
    .split(",")
    .filter((path) => path !== "")
    .map((path) => {
      if (!isAbsolute(path)) throw new FilterError(`STRATOS_FS_FILTERS: '${path}' is no absolute path`);
      let factory: unknown;
      try {
        factory = (load(path) as { default?: unknown }).default;
      } catch (error) {
        throw new FilterError(`STRATOS_FS_FILTERS: ${path} cannot be loaded: ${(error as Error).message}`);
      }
      if (typeof factory !== "function")
        throw new FilterError(`STRATOS_FS_FILTERS: ${path} exports no function as default`);
      return factory as FilterFactory;
    });
}
