import type { Migration } from "./migration.ts";

/** What each worker's cache of artefacts was worth, as the worker told it last. */
export const artefactCaches: Migration = {
  version: 13,
  title: "caches of workers",
  up: `
alter table host add column artefact_cache jsonb;
`,
  down: `
alter table host drop column artefact_cache;
`,
};
