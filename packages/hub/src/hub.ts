/** The build hub: `stratos hub`. See ARCHITECTURE.md. */
export { keepConsoleKey } from "./access/console-key.ts";
export { openBlobs, type BlobPlaceOptions } from "./blobs/open-blobs.ts";
export { openDatabase } from "./database/open-database.ts";
export { DatabaseError, type Database } from "./database/database.ts";
export { openHubPlace, openLasting, openUsedPlace, type HubPlaceOptions } from "./database/hub-place.ts";
export { withoutPassword } from "./database/place-name.ts";
export { startHub, apiRoutes, type HubServer, type ServerOptions } from "./hub-server.ts";
export type { PackageDescription, ReadPackage } from "./repositories/repositories.ts";
export { HUB_DEFAULTS } from "./hub-service.ts";
export { parseOwnRules, OwnRules } from "./failures/own-rules.ts";
export { causeOfLog } from "./failures/cause-of-log.ts";
export { checkPlugin, type PluginTrial } from "./check-plugin.ts";
export { openApiDocument } from "./api/openapi.ts";
export { dumpDatabase } from "./backup/dump.ts";
export { linesOf } from "./backup/lines.ts";
export { countRows, restoreDatabase } from "./backup/restore.ts";
export { migrate, SCHEMA_VERSION, schemaVersion } from "./store/migrations/migrate.ts";
export { fsck, type FsckFinding } from "./store/fsck.ts";
